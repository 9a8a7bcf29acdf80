"""Whole canaries, simulated: a day of calls in seconds, through the real guard with real state files and a clock of their own.

Run it: `python -m tests.science.canaries`. Healthy candidates first (how many are taken back though nothing is wrong), then faults (how soon
each is).
"""

import logging
import random
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import structlog
from msgspec.structs import replace as replace_limits

from proxy.config import Config, Limits, Rollout, Route, Store, Target
from proxy.exchange import Call, Exchange
from proxy.faults import Wrong
from proxy.rollout.change import state_of
from proxy.rollout.choice import Plan, drawn
from proxy.rollout.report import Report
from proxy.rollout.state import Asked, Refused, State, after
from proxy.rollout.state_file import files_of, write
from scoring.guard.guard import Guard
from scoring.guard.scorer import Scorer
from scoring.rubric_file import rubric_for

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
DAY_S = 86_400.0
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the state files are: a day has thousands of beats."""
PROBABLE_LIMITS = Limits(error_rate=0.02, refusal_rate=0.06, truncation_rate=0.04, p95_latency_s=6.0, ttft_p95_s=2.5, usd_per_call=0.0017)
"""About twice what the traffic below has; the cost half as much again."""
SCHEMA = '{"model":"big","response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","required":["a"]}}}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What one target is like."""

    errors: float = 0.01
    refusals: float = 0.03
    truncations: float = 0.02
    slower: float = 1.0
    dearer: float = 1.0
    broken: float = 0.0
    hangs: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    calls_per_s: float = 0.2
    steps: tuple[float, ...] = (0.05, 0.2, 0.5, 1.0)
    bake_s: float = 4 * 3600.0
    window_s: float = 600.0
    look_s: float = 30.0
    limits: Limits = PROBABLE_LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """`calls`, `seconds`: from the fault to the rollback; None: it was never taken back."""

    state: str
    share: float
    why: str
    calls: int | None
    seconds: float | None


class Nothing:
    """Meters that nobody reads."""

    def rollout(self, route: str, target: str, state: str, share: float) -> None: ...
    def rollout_report(self, route: str, report: Report, at_s: float) -> None: ...


class Simulated:
    """One rollout."""

    def __init__(self, folder: Path, traffic: Traffic, seed: int, share: float | None = None):
        self.traffic, self.dice, self.now_s, self.number = traffic, random.Random(seed), MONDAY.timestamp(), seed * 10_000_000
        self.rollout = Rollout(
            name=f"canary-{seed}", route="main", candidate="small", steps=list(traffic.steps), bake_s=traffic.bake_s, min_pairs=100,
            min_hours=0, coverage=0, auto_promote=share is None, limit_window_s=traffic.window_s, limits=traffic.limits,
        )  # fmt: skip
        self.config = Config(
            targets={"big": Target(url="http://127.0.0.1:1"), "small": Target(url="http://127.0.0.1:2")},
            routes=[Route(name="main", incumbent="big")], rollouts=[self.rollout], store=Store(path="none.duckdb"), folder=str(folder),
        )  # fmt: skip
        self._change(Asked(action="start", actor="a person", share=share), {})
        self.guard = Guard(self.config, self.rollout, rubric_for(self.config, folder / "understudy.toml"), Nothing(), self._change)
        self.guard.scorer = Scorer(self.guard.rules.guards, lambda: self.now_s)  # a day in seconds: no answer is left out for want of time
        self.after_fault = 0

    def _change(self, asked: Asked, evidence: Mapping[str, object]) -> State:
        made = after(state_of(self.config, self.rollout), asked, self.rollout, round(self.now_s * 1e6))
        if isinstance(made, Refused):
            raise Wrong("rollout", made.found, made.expected)
        files = files_of(self.config, self.rollout)
        files.folder.mkdir(parents=True, exist_ok=True)
        write(files, made)
        return made

    def run(self, until_s: float, candidate: Nature, incumbent: Nature | None = None) -> State:
        """Calls and looks until then, or until it is taken back."""
        look_s = self.now_s
        while self.now_s < until_s and self.guard.state.state == "running":
            self.now_s += self.dice.expovariate(self.traffic.calls_per_s)
            while look_s <= self.now_s and self.guard.state.state == "running":
                self.guard.turn(look_s, 0.0)
                look_s += self.traffic.look_s
            self._call(candidate, incumbent or Nature())
        return self.guard.state

    def _call(self, candidate: Nature, incumbent: Nature) -> None:
        """One conversation in three goes on; each draws by its own bucket."""
        self.number += 1
        self.after_fault += 1
        conversation = f"{self.number - self.dice.choice((0, 0, 1))}"
        state = self.guard.state
        plan = Plan(rollout=self.rollout.name, target="small", share=state.share, fallback_after_s=20.0, starts=state.starts)
        theirs = drawn(plan, conversation)
        size = self.dice.lognormvariate(0.0, 0.6)
        call = Call(
            call_id=str(UUID(int=self.number, version=4)), route="main", workflow="default", dialect="openai.chat", conversation=conversation,
            turn=1, prompt_version=None, case_id=None, path="/v1", model_requested="big", arrived_at=_at(self.now_s), stream=True,
            request=SCHEMA, prefix_hash=None, prompt_text="hello", source_text="hello", input_chars=500, request_bytes=100,
            rollout=self.rollout.name, rollout_share=state.share, rollout_target="small" if theirs else None,
        )  # fmt: skip
        if not theirs:
            return self.guard(self._answer(call, "big", incumbent, size, seen=True), call)
        its = self._answer(call, "small", candidate, size, seen=True)
        if its.outcome in ("errored", "timed_out"):
            call, its = replace(call, rollout_fallback="status_500"), replace(its, seen=False)
        self.guard(its, call)
        self.guard(self._answer(call, "big", incumbent, size, seen=its.seen is False), call)

    def _answer(self, call: Call, target: str, nature: Nature, size: float, *, seen: bool) -> Exchange:
        dice, chance = self.dice, self.dice.random()
        latency = 1.1 * nature.slower * size * dice.lognormvariate(0.0, 0.25)
        said: dict[str, Any] = {"outcome": "answered", "text": '{"a": 1}', "latency_s": latency, "ttft_s": latency * 0.3}
        if dice.random() < nature.hangs:
            said = {"outcome": "timed_out", "status": None, "text": None, "latency_s": 20.0, "failure_class": "loud"}
        elif chance < nature.errors:
            said = {"outcome": "errored", "status": 500, "text": None, "latency_s": 0.1, "failure_class": "loud"}
        elif chance < nature.errors + nature.refusals:
            said |= {"outcome": "refused", "text": "I cannot help with that.", "refusal_kind": "textual", "failure_class": "silent"}
        elif chance < nature.errors + nature.refusals + nature.truncations:
            said |= {"outcome": "truncated", "text": '{"a": ', "failure_class": "silent"}
        elif dice.random() < nature.broken:
            said |= {"outcome": "malformed", "text": '{"a": 1', "failure_class": "loud"}
        cost = None if said["text"] is None else Decimal(str(round(0.001 * nature.dearer * size, 9)))
        usual: dict[str, Any] = {
            "call_id": call.call_id, "target": target, "role": "candidate" if target == "small" else "incumbent", "seen": seen,
            "started_at": call.arrived_at, "status": 200, "outcome_reason": "", "failure_class": "ok", "cost_usd": cost,
        }  # fmt: skip
        return Exchange(**(usual | said))


def _at(seconds: float) -> datetime:
    return MONDAY + timedelta(seconds=seconds - MONDAY.timestamp())


def healthy(seed: int, traffic: Traffic | None = None) -> Ended:
    """A day of a candidate that is as good as the incumbent."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        canary = Simulated(Path(folder), traffic or Traffic(), seed)
        state = canary.run(canary.now_s + DAY_S, Nature())
        return Ended(state=state.state, share=state.share, why=state.why, calls=None, seconds=None)


FAULTS: Mapping[str, Nature] = {
    "refuses 30 %": Nature(refusals=0.30),
    "p95 x 1.5": Nature(slower=1.5),
    "p95 x 1.5, limit twice the usual": Nature(slower=1.5),
    "cost x 2": Nature(dearer=2.0),
    "broken JSON": Nature(broken=1.0),
    "errors 100 %": Nature(errors=1.0),
    "hangs": Nature(hangs=1.0),
}


CLOSE = replace_limits(PROBABLE_LIMITS, p95_latency_s=4.0)
"""Of somebody who fears slowness: a quarter above what is usual. Twice what is usual lets half as much again pass: that takes the test."""


def fault(name: str, seed: int, *, share: float = 0.1, calls_per_s: float = 2.0, well_s: float = 900.0, most_s: float = DAY_S) -> Ended:
    """A quarter of an hour of a candidate that is well, then one that is not."""
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        traffic = Traffic(calls_per_s=calls_per_s, window_s=60.0, look_s=1.0, limits=CLOSE if name == "p95 x 1.5" else PROBABLE_LIMITS)
        canary = Simulated(Path(folder), traffic, seed, share)
        canary.run(canary.now_s + well_s, Nature())
        began, canary.after_fault = canary.now_s, 0
        state = canary.run(began + most_s, FAULTS[name])
        back = state.state == "rolled_back"
        calls, seconds = (canary.after_fault, canary.now_s - began) if back else (None, None)
        return Ended(state=state.state, share=state.share, why=state.why, calls=calls, seconds=seconds)


def quiet() -> None:
    """No line of log for each of thousands of decisions."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _days(runs: int) -> None:
    with ProcessPoolExecutor(2, initializer=quiet) as pool:
        ends = list(pool.map(healthy, range(1, runs + 1)))
    back = [each for each in ends if each.state == "rolled_back"]
    whole = sum(each.share == 1.0 for each in ends)
    print(f"healthy: {len(back)} of {runs} days ended with a rollback (at most 2 of 100); {whole} came to 100 %")
    for each in back:
        print(f"   {each.why}")


def _faults(seeds: int, share: float) -> None:
    asked = [(name, seed, share) for name in FAULTS for seed in range(1, seeds + 1)]
    with ProcessPoolExecutor(2, initializer=quiet) as pool:
        ends = list(pool.map(_fault, asked))
    for number, name in enumerate(FAULTS):
        found = ends[number * seeds : (number + 1) * seeds]
        calls, seconds = [each.calls for each in found if each.calls], [each.seconds for each in found if each.seconds]
        figures = f"median {median(calls):,.0f} calls, {median(seconds):,.0f} s, worst {max(seconds):,.0f} s" if calls else "never"
        print(f"{name} at {share:.0%}: {len(calls)} of {seeds} taken back, {figures}\n   {found[0].why}", flush=True)


def _fault(about: tuple[str, int, float]) -> Ended:
    name, seed, share = about
    return fault(name, seed, share=share, most_s=3 * 3600.0)


def main() -> None:
    """Arguments: how many days (100), how many of each fault (5). Calls and seconds are those of the whole route, from the fault on."""
    said = [int(each) for each in sys.argv[1:]]
    _days(said[0] if said else 100)
    for share in (0.5, 0.1):
        _faults(said[1] if len(said) > 1 else 5, share)


if __name__ == "__main__":
    main()

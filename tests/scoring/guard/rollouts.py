"""A rollout under a guard, so that a test says only what it is about: real state files, rows of the store, a clock that the test turns."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from proxy.config import Config, Limits, Rollout, Route, Store, Target, Workflow
from proxy.exchange import Call, Exchange
from proxy.metrics import Meters
from proxy.rollout.change import change
from proxy.rollout.state import Action, Asked, State
from scoring.guard.guard import Guard
from scoring.guard.scorer import Scorer
from scoring.rubric_file import rubric_for
from tests.proxy.stored import a_call, an_exchange

LIMITS = Limits(error_rate=0.05, refusal_rate=0.10)


def a_config(folder: Path, **said: Any) -> Config:
    usual: dict[str, Any] = dict(
        name="canary",
        route="main",
        candidate="small",
        steps=[0.1, 0.5, 1.0],
        bake_s=60,
        min_pairs=20,
        min_hours=0,
        coverage=0,
        limits=LIMITS,
    )
    return Config(
        targets={"big": Target(url="http://127.0.0.1:1"), "small": Target(url="http://127.0.0.1:2")},
        routes=[Route(name="main", incumbent="big")], workflows=[Workflow(name="triage")], rollouts=[Rollout(**(usual | said))],
        store=Store(path="traffic.duckdb"), folder=str(folder),
    )  # fmt: skip


class Watched:
    """A guard, and the calls that it sees. Time goes on from now, a second a call."""

    def __init__(self, folder: Path, start: float | None = 1.0, config: Config | None = None, **said: Any):
        self.config = config or a_config(folder, **said)
        self.rollout, self.meters = self.config.rollouts[0], Meters(self.config)
        if start is not None:
            self.asked("start", share=start)
        self.guard = Guard(self.config, self.rollout, rubric_for(self.config, folder / "understudy.toml"), self.meters)
        self.guard.scorer = Scorer(self.guard.rules.guards, lambda: 0.0)  # no answer is left out for want of time
        self.share = start or 0.0
        self.now_s, self.number = datetime.now(UTC).timestamp() + 1.0, 0

    def asked(self, action: Action, **said: Any) -> State:
        return change(self.config, self.rollout, Asked(action=action, actor="a person", **said))

    def turn(self, seconds: float = 1.0, behind_s: float = 0.0) -> State:
        self.now_s += seconds
        self.guard.turn(self.now_s, behind_s)
        return self.guard.state

    def call(self, *, drawn: bool = True, **said: Any) -> Call:
        self.number += 1
        usual: dict[str, Any] = dict(
            conversation=f"c{self.number}",
            arrived_at=self.at,
            rollout="canary",
            rollout_share=self.share,
            rollout_target="small" if drawn else None,
        )
        return a_call(self.number, **(usual | said))

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    def row(self, call: Call, **said: Any) -> Exchange:
        """Of the candidate, whose client got it."""
        return an_exchange(1, **(dict(call_id=call.call_id, started_at=call.arrived_at, seen=True) | said))

    def canary(
        self, n: int = 1, *, reverse: bool = True, every_s: float = 0.2, call: dict[str, Any] | None = None, **said: Any
    ) -> list[Call]:
        """Calls that the candidate answers, and unseen the incumbent."""
        calls: list[Call] = []
        for _ in range(n):
            self.now_s += every_s
            calls.append(self.call(**(call or {})))
            self.guard(self.row(calls[-1], **said), calls[-1])
            if reverse:
                self.guard(self.row(calls[-1], target="big", role="incumbent", seen=False), calls[-1])
        return calls

    def fallback(self, n: int = 1, *, every_s: float = 0.2, incumbent: dict[str, Any] | None = None, **said: Any) -> list[Call]:
        """Calls that the incumbent answers in the candidate's place."""
        calls: list[Call] = []
        for _ in range(n):
            self.now_s += every_s
            calls.append(call := self.call(rollout_fallback="status_500"))
            usual: dict[str, Any] = dict(seen=False, outcome="errored", status=500, text=None, failure_class="loud", cost_usd=None)
            self.guard(self.row(call, **(usual | said)), call)
            self.guard(self.row(call, **(dict(target="big", role="incumbent") | (incumbent or {}))), call)
        return calls

    def others(self, n: int = 1, *, every_s: float = 0.2, call: dict[str, Any] | None = None, **said: Any) -> None:
        """Calls that were drawn to the incumbent."""
        for _ in range(n):
            self.now_s += every_s
            made = self.call(**(dict(drawn=False) | (call or {})))
            self.guard(self.row(made, **(dict(target="big", role="incumbent") | said)), made)


def later(when: datetime, seconds: float) -> datetime:
    return when + timedelta(seconds=seconds)


REFUSED: dict[str, Any] = dict(outcome="refused", text="I cannot help with that.", refusal_kind="textual", failure_class="silent")

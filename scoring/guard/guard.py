"""The guard of one rollout: an observer in the recorder, which looks once a second, decides, and says that it watches.

Law: it never touches the store in the recorder's thread and never says that all is well when it is blind: facts that are older than
`guard_fresh_s` and not read, a decision that could not be written, a report that could not, and there is no beat, so the incumbent answers.
Everything it counts begins with the rollout's start; a restart is made good out of the store (`rebuild.py`), and until then nobody is
promoted, while limits and tests hold at once. Bounds: 20,000 answers of a window, 20,000 calls whose other leg is awaited, 50,000
legs known by name, 100,000 conversations, 60,000 latencies three times, 100,000 facts while it is rebuilt.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from proxy.config import Config, Rollout
from proxy.exchange import Call, Exchange
from proxy.faults import Wrong
from proxy.logs import log
from proxy.recorder import Observer
from proxy.rollout.change import change, state_of
from proxy.rollout.report import Report
from proxy.rollout.state import GUARD, Asked, State
from proxy.rollout.state_file import beat, files_of
from proxy.store import Store
from scoring.guard import flight_log
from scoring.guard.aside import Aside
from scoring.guard.decision import Against, Onward, decision
from scoring.guard.evidence import Evidence, Rules
from scoring.guard.facts import Fact, fact_of
from scoring.guard.promotion import Seen, hours_left, waits
from scoring.guard.rebuild import rebuilt
from scoring.guard.scorer import Scorer
from scoring.guard.strata import Weights, weights
from scoring.queries import Query, asking
from scoring.rubric import Rubric

LOOK_EVERY_S, WEIGH_EVERY_S, TRY_AGAIN_S, LOCK_WAIT_S, HELD = 1.0, 3600.0, 30.0, 1.0, 100_000
Changing = Callable[[Asked, Mapping[str, object]], State]


class Meters(Protocol):
    """What of the recorder's metrics is written here."""

    def rollout(self, route: str, target: str, state: str, share: float) -> None: ...
    def rollout_report(self, route: str, report: Report, at_s: float) -> None: ...


class Guard:
    def __init__(self, config: Config, rollout: Rollout, rubric: Rubric, meters: Meters, changing: Changing | None = None):
        """`changing`: how a change is made, when not by `change.py` and the machine's clock."""
        self.config, self.rollout, self.meters, self.rules = config, rollout, meters, Rules.of(config, rollout, rubric)
        self.files, self._changing = files_of(config, rollout), changing or self._change
        self.scorer, self.evidence = Scorer(self.rules.guards), Evidence(self.rules)
        self.state = state_of(config, rollout)
        self.report: Report | None = None
        self._seen = self._stat()
        self._now_s = self._looked_s = self._weighed_s = float("-inf")
        self._weights: Weights | None = None
        self._weighing: Aside[Weights] | None = None
        self._held: list[Fact] | None = None
        """Facts since the rebuilding began; None: it is over."""
        self._rebuilding: Aside[Evidence] | None = None
        self._tried_s, self._told_trouble = float("-inf"), ""
        self._evidence_of(self.state, restarted=self.state.started_us > 0)

    # ---- answers

    def __call__(self, row: Exchange, call: Call | None) -> None:
        if call is None or call.rollout != self.rollout.name or row.run_id is not None:
            return
        self._follow()
        asks = call.rollout_target is not None and row.role in ("candidate", "incumbent")
        fact = fact_of(row, call, self.rollout.segments, self.scorer.marks(row, call) if asks else None)
        if fact is None or fact.arrived_s < self.state.started_us / 1e6:
            return
        self.evidence.take(fact, self._now_s if self._now_s > 0 else fact.ended_s)
        if self._held is not None:
            self._held.append(fact)

    # ---- time

    def turn(self, now_s: float, behind_s: float) -> None:
        self._now_s = now_s
        if 0.0 <= now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        self._follow(at_once=True)
        self._restore(now_s)
        self._weigh(now_s)
        # set back to before the start, the clock makes all that comes look older than the rollout
        blind = behind_s >= self.rollout.guard_fresh_s or now_s < self.state.started_us / 1e6
        report = self.look(now_s)
        if not self._decide(report, now_s, blind) or blind:
            self.meters.rollout(self.rollout.route, self.rollout.candidate, self.state.state, self.state.takes)
            return
        if self.state.version != report.version:  # it was changed just now: what is told is how it stands
            report = self.look(now_s)
        self._say(report, now_s)

    def look(self, now_s: float) -> Report:
        """Everything that is seen now, and what it waits for."""
        evidence, state, rollout = self.evidence, self.state, self.rollout
        evidence.settle(now_s)
        limits, tests = list(evidence.windows.read(now_s)), evidence.tests()
        coverage = None if self._weights is None else self._weights.covered(evidence.strata)
        seen = Seen(
            now_s=now_s, pairs=evidence.step_pairs, answer_age_s=now_s - evidence.windows.answers_s, limits=limits, tests=tests,
            coverage=coverage, closed=evidence.closed, lone=evidence.lone, rebuilding=self._held is not None,
        )  # fmt: skip
        waiting, rates = waits(state, rollout, seen), evidence.recent.per_hour(now_s)
        left = hours_left(waiting, rates[0] if rates else None) if state.state == "running" else None
        report = Report(
            rollout=rollout.name, at_us=round(now_s * 1e6), version=state.version, state=state.state, share=state.share, waits=waiting,
            hours_left=left, usd_left=None if left is None or rates is None or rates[1] is None else left * rates[1],
            calls={leg: evidence.counts[leg] for leg in ("candidate", "incumbent", "fallback", "stayed", "reverse")},
            pairs=evidence.step_pairs, limits=limits, tests=tests, rebuilding=self._held is not None,
            call_ids=flight_log.looked_at(state),
        )  # fmt: skip
        told = flight_log.words(
            report, state, rollout.limit_window_s, reasons=evidence.reasons, unscored=evidence.pairs.unscored, auto=rollout.auto_promote
        )
        return msgspec.structs.replace(report, words=told + self._about_weights())

    def _about_weights(self) -> list[str]:
        if self._weights is None or self.state.state != "running" or not self.rollout.auto_promote or self._weights.days >= 27.0:
            return []
        return [f"coverage is of the {self._weights.days:.1f} days that are stored, not of four weeks"]

    def _decide(self, report: Report, now_s: float, blind: bool) -> bool:
        """False: it could not be done, and will be tried again."""
        found = decision(self.state, self.rollout, report.limits, report.tests, report.waits)
        if found is None or (blind and isinstance(found, Onward)):
            return True
        try:
            self.state = self._changing(self._asked(found), self._seen_at(found, report))
            self._seen, self._told_trouble = self._stat(), ""
            self._step()
        except Wrong as wrong:
            if str(wrong) != self._told_trouble:
                log.error("guard.cannot", rollout=self.rollout.name, error=str(wrong))
            self._told_trouble = str(wrong)
            return False
        log.warning("guard.decided", rollout=self.rollout.name, state=self.state.state, share=self.state.share, why=found.why)
        return True

    def _asked(self, found: Against | Onward) -> Asked:
        if isinstance(found, Onward):
            return Asked(action="promote", actor=GUARD, why=found.why, version=self.state.version)
        return Asked(action="rollback", actor=GUARD, why=found.why, version=self.state.version, call_ids=self._to_look_at(found))

    def _to_look_at(self, found: Against) -> tuple[str, ...]:
        if found.limit is not None:
            return self.evidence.windows.ids(found.limit)
        return self.evidence.ids(found.test.name) if found.test is not None else ()

    def _seen_at(self, found: Against | Onward, report: Report) -> dict[str, object]:
        """What was decided on, as a row keeps it."""
        about = {"limit": found.limit, "test": found.test} if isinstance(found, Against) else {}
        said = {name: msgspec.to_builtins(value) for name, value in about.items() if value is not None}
        return {**said, "calls": report.calls, "pairs": report.pairs, "share": report.share}

    def _say(self, report: Report, now_s: float) -> None:
        try:
            beat(self.files, msgspec.json.encode(report))
        except OSError as error:
            log.error("guard.no_beat", rollout=self.rollout.name, error=str(error))
            return
        finally:
            self.meters.rollout(self.rollout.route, self.rollout.candidate, self.state.state, self.state.takes)
        self.report = report
        self.meters.rollout_report(self.rollout.route, report, now_s)

    # ---- the state, and what was before

    def _change(self, asked: Asked, evidence: Mapping[str, object]) -> State:
        return change(self.config, self.rollout, asked, evidence=evidence, wait_s=LOCK_WAIT_S)

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self.files.state)  # noqa: PTH116 (with every answer)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _follow(self, *, at_once: bool = False) -> None:
        """The state as it is now; read again when its file changed, and once a second."""
        seen = self._stat()
        if seen == self._seen and not at_once:
            return
        self._seen, before = seen, self.state
        self.state = state_of(self.config, self.rollout)
        if self.state.started_us != before.started_us:
            self._evidence_of(self.state, restarted=False)
        self._step()

    def _step(self) -> None:
        """After a rollback what led to it stays to be seen."""
        if self.state.takes > 0.0 and self.evidence.step_s != self.state.step_us / 1e6:
            self.evidence.step(self.state.step_us / 1e6)

    def _evidence_of(self, state: State, *, restarted: bool) -> None:
        """None yet; of a rollout that began before we did, the store knows it."""
        self.evidence = Evidence(self.rules, state.step_us / 1e6)
        self._held, self._rebuilding = None, None
        if restarted and Path(self.config.store_path).exists():
            self._held = []

    def _restore(self, now_s: float) -> None:
        if self._held is None:
            return
        if len(self._held) > HELD:  # more came than can be held: from here anew
            self._held, self._rebuilding = [], None
        if self._rebuilding is None:
            if now_s - self._tried_s >= TRY_AGAIN_S:
                self._tried_s, self._rebuilding = now_s, self._begin_rebuilding(self._held)
        elif self._rebuilding.failed:
            self._rebuilding = None
        elif (found := self._rebuilding.taken()) is not None:
            for fact in self._held:
                found.take(fact, now_s)
            self.evidence, self._held, self._rebuilding = found, None, None
            self._step()

    def _begin_rebuilding(self, held: Sequence[Fact]) -> Aside[Evidence]:
        rules, started_us, step_s = self.rules, self.state.started_us, self.state.step_us / 1e6
        ask, met = self._ask(), lambda: {(each.call_id, each.leg) for each in list(held)}
        return Aside("guard-rebuild", lambda: rebuilt(ask, rules, started_us, step_s, met))

    def _weigh(self, now_s: float) -> None:
        """Once an hour while it matters."""
        if self._weighing is not None and self._weighing.done:
            found, self._weighing = self._weighing.taken(), None
            self._weights = found or self._weights
            self._weighed_s = now_s if found is not None else now_s - WEIGH_EVERY_S + TRY_AGAIN_S
        due = now_s - self._weighed_s >= WEIGH_EVERY_S and self._weighing is None
        wanted = self.rollout.auto_promote and self.rollout.coverage > 0 and self.state.state == "running"
        if due and wanted and Path(self.config.store_path).exists():
            ask, route, now = self._ask(), self.rollout.route, datetime.fromtimestamp(now_s, UTC)
            self._weighing = Aside("guard-weights", lambda: weights(ask, route, now))

    def _ask(self) -> Query:
        return asking(Store(self.config.store_path))


def guards(config: Config, rubric: Rubric, meters: Meters) -> Sequence[Observer]:
    """One for each rollout of the configuration."""
    return tuple(Guard(config, each, rubric, meters) for each in config.rollouts)

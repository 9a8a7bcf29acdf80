"""Cheap criteria asked of every answer as it is recorded: what Grafana shows while nobody runs `understudy score`.

Law: it runs in the recorder's thread, so it may take a tenth of its time and no more; of an answer beyond that nothing is asked,
and how many those are is told. It writes no scores and stops nobody: means and tags are metrics, the account is the store's.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from proxy.config import Config, ConfigError
from proxy.exchange import Call, Exchange
from proxy.logs import log
from proxy.recorder import Observer
from proxy.rollout.report import Report
from scoring.criterion import scored
from scoring.guard.guard import guards
from scoring.rubric import Dimension, Rubric
from scoring.rubric_file import rubric_for
from scoring.run.marks import turned
from scoring.task import answer_of, task_of
from scoring.verdict_gauge import VerdictGauge

WINDOW = 500
"""Answers in a mean."""
TIME_SHARE = 0.10
BURST_S = 0.5
"""So much unused time is kept for a burst."""
TELL_EVERY_S = 60.0
TAGGED = "grounding"


class Meters(Protocol):
    """What of the recorder's metrics is written here."""

    def score_mean(self, workflow: str, criterion: str, target: str, role: str, mean: float) -> None: ...
    def hallucination_tag(self, role: str, target: str, workflow: str, tag: str) -> None: ...
    def verdict(self, workflow: str, criterion: str, target: str, verdict: str) -> None: ...
    def rollout(self, route: str, target: str, state: str, share: float) -> None: ...
    def rollout_report(self, route: str, report: Report, at_s: float) -> None: ...


class Online:
    """An observer of the recorder's answers."""

    def __init__(self, rubric: Rubric, meters: Meters, clock: Callable[[], float] = time.monotonic):
        self.meters, self.clock = meters, clock
        self._asked = {name: tuple(filter(_quick, each.dimensions)) for name, each in rubric.workflows.items()}
        self._rubric = rubric
        self._windows: dict[tuple[str, str, str, str], deque[float]] = {}
        self._spare_s, self._looked_s = BURST_S, clock()
        self.skipped, self._told_s = 0, float("-inf")

    def __call__(self, row: Exchange, call: Call | None) -> None:
        own = self._rubric.of(call.workflow) if call is not None else None
        if own is None or call is None or row.run_id is not None or row.outcome == "client_gone":
            return
        began = self.clock()
        self._spare_s = min(self._spare_s + (began - self._looked_s) * TIME_SHARE, BURST_S)
        self._looked_s = began
        if self._spare_s <= 0:
            return self._skip(began)
        task, answer = task_of(call), answer_of(row)
        for dimension in self._asked[own.workflow]:
            score = turned(dimension, scored(dimension.criterion, task, answer))
            if score.value is not None:
                self._count((call.workflow, dimension.name, row.target, row.role), score.value)
            if dimension.criterion.TYPE == TAGGED and score.tag and score.state == "ok":
                for tag in score.tag.split(","):
                    self.meters.hallucination_tag(row.role, row.target, call.workflow, tag)
        self._spare_s -= self.clock() - began

    def _skip(self, now: float) -> None:
        """Nothing is lost by it: `understudy score` asks about every pair."""
        self.skipped += 1
        if now - self._told_s >= TELL_EVERY_S:
            log.warning("online.behind", skipped=self.skipped)
            self._told_s = now

    def _count(self, place: tuple[str, str, str, str], value: float) -> None:
        window = self._windows.setdefault(place, deque(maxlen=WINDOW))
        window.append(value)
        self.meters.score_mean(*place, sum(window) / len(window))


def _quick(dimension: Dimension) -> bool:
    return dimension.criterion.COST == "cheap" and dimension.kind != "pairwise"


def observing(config: Config, file: str, meters: Meters) -> Sequence[Observer]:
    """The recorder's observers; none, and a warning, while the rubrics have faults: `understudy check` names them all.

    Without them there is no guard either, and so no canary is served.
    """
    try:
        rubric = rubric_for(config, Path(file))
    except (ConfigError, OSError) as error:
        log.warning("online.no_rubric", error=str(error)[:300])
        return ()
    return (Online(rubric, meters), VerdictGauge(config, rubric, meters), *guards(config, rubric, meters))

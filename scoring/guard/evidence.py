"""All that is known of a rollout since it was started: what each answer adds to it, and what the tests say of it now.

Law: one fact is counted once, wherever it comes from, and every test is always valid: it may be looked at once a second. All tests
together accuse a candidate that is as good as the incumbent in one rollout of a hundred at most (`rollback_alpha`, .01): half of that is
spread evenly over the rubric's guards of every workflow that is configured, half over the races, the assignment, the conversations and the
latency. Absolute limits are no part of it (`limits.py`). An error status that may be the request's own fault waits five seconds for the
incumbent's answer to the same call.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proxy.config import Config, Rollout
from proxy.conversation import DEFAULT_WORKFLOW
from proxy.rollout.report import Test
from scoring.guard.facts import Fact, commonest
from scoring.guard.known import Known
from scoring.guard.limits import Windows
from scoring.guard.pairs import Cell, Pairs, judged
from scoring.guard.races import COST, SOURCES, TURNS, Races
from scoring.guard.recent import Recent
from scoring.guard.slower import Slower, allowed
from scoring.guard.strata import Stratum
from scoring.guard.thinned import Thinned
from scoring.rubric import Dimension, Rubric

BLAME_WAIT_S, WAITING, LEGS = 5.0, 20_000, 50_000
CLOSED_DOORS = (401, 403)
ASSIGNMENT, LATENCY = "assignment", "p95 latency"
MOST_LOG = 600.0
"""Of evidence that is told: e to this is a number yet."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a rollout is judged by."""

    rollout: Rollout
    guards: Mapping[str, Sequence[Dimension]]
    """By workflow."""
    slower: float | None
    """How much slower its p95 may be; None: not asked."""
    alpha: float = 0.01

    @classmethod
    def of(cls, config: Config, rollout: Rollout, rubric: Rubric) -> "Rules":
        names = sorted({*(each.name for each in config.workflows), DEFAULT_WORKFLOW})
        known = {name: own for name in names if (own := rubric.of(name)) is not None}
        guards = {name: tuple(filter(judged, own.dimensions)) for name, own in known.items()}
        return cls(rollout=rollout, guards=guards, slower=allowed(known.values()), alpha=rubric.rollback_alpha)

    @property
    def pair_needed(self) -> float:
        """Evidence from which on one guard of one workflow takes the candidate back."""
        return 2 * max(sum(map(len, self.guards.values())), 1) / self.alpha

    @property
    def needed(self) -> float:
        """The same of each other test."""
        others = len(SOURCES) + len((TURNS, COST, ASSIGNMENT)) + (self.slower is not None)
        return 2 * others / self.alpha


class Evidence:
    def __init__(self, rules: Rules, step_s: float = 0.0):
        self.rules, self.step_s = rules, step_s
        self.windows, self.pairs = Windows(rules.rollout), Pairs(rules.guards)
        self.races = Races(rules.rollout.limits.usd_per_call)
        self.slower = Slower(rules.slower) if rules.slower is not None else None
        self.recent, self._thinned = Recent(), Thinned(rules.rollout.reverse_shadow)
        self.strata: set[Stratum] = set()
        """Kinds of calls that the candidate has answered."""
        self.counts: Counter[str] = Counter()
        """Calls since the step began, by leg."""
        self.reasons: dict[str, Counter[str]] = {"stayed": Counter(), "fallback": Counter()}
        self.step_pairs = self.closed = 0
        """`closed`: the status by which the incumbent's newest unseen answer refused our key; 0: it did not."""
        self._legs: Known[tuple[str, str], bool] = Known(LEGS)
        self._blamed: Known[str, tuple[Fact, float]] = Known(WAITING)
        self._client_faults: Known[str, bool] = Known(WAITING)
        """Calls to which the incumbent, too, answered with such a status; False: it did not."""

    def step(self, step_s: float) -> None:
        """Another step began: what promotion counts begins anew, the tests go on."""
        self.step_s, self.step_pairs = step_s, 0
        self.counts, self.reasons = Counter(), {"stayed": Counter(), "fallback": Counter()}

    @property
    def lone(self) -> int:
        """Answers of the candidate since the step began, where none of the incumbent's came unseen."""
        return 0 if self.counts["reverse"] else max(self.counts["candidate"] - self.counts["fallback"], 0)

    def take(self, fact: Fact, now_s: float) -> None:
        if not self._legs.first((fact.call_id, fact.leg), True):
            return
        self._tell(fact)
        if fact.leg == "stayed":
            return
        if fact.leg != "reverse":
            self.races.met(fact)
        if fact.drawn:
            self._pair(fact)
        if fact.leg == "incumbent":
            self._judge(fact)
        elif fact.leg != "candidate":
            self._settle_blame(fact)
        elif not fact.blames_client or (shared := self._client_faults.pop(fact.call_id)) is False:
            self._judge(fact)
        elif shared is None:
            self._blamed.put(fact.call_id, (fact, now_s + BLAME_WAIT_S))

    def settle(self, now_s: float) -> None:
        """Once a second."""
        self.races.settle(now_s)
        self._settle_fallbacks(now_s)
        for fact, until_s in self._blamed.values():
            if until_s <= now_s:
                self._blamed.pop(fact.call_id)
                self._judge(fact)
        if self.slower is not None:
            self.slower.look()

    def tests(self) -> list[Test]:
        return [*self._pair_tests(), *self._other_tests()]

    def ids(self, test: str) -> tuple[str, ...]:
        """Calls to look at for a test, newest first."""
        found = self._ids(test)
        return tuple(reversed(tuple(found))) or tuple(self.recent.answered)[::-1]

    def _settle_blame(self, fact: Fact) -> None:
        """The incumbent's answer to a call that was drawn."""
        waiting = self._blamed.pop(fact.call_id)
        if waiting is None:
            self._client_faults.put(fact.call_id, fact.blames_client)
        elif not fact.blames_client:
            self._judge(waiting[0])

    def _judge(self, fact: Fact) -> None:
        """An answer of whoever was drawn, which is to blame on it."""
        self.races.failed(fact)
        if fact.gone:
            return
        self.windows.take(fact)
        if self.slower is not None and 0.0 < fact.share < 1.0 and not fact.fallback:
            self.slower.take(fact)

    def _pair(self, fact: Fact) -> None:
        """One half of a pair, or what may be one later."""
        if fact.leg == "fallback":
            self.pairs.claim(fact)
            return self._thinned.hold(fact)
        if fact.leg == "reverse" and fact.status in CLOSED_DOORS:
            return None  # our key was refused, not the question
        if fact.leg == "reverse":
            self._thinned.asked(fact)
        elif not fact.fallback:
            self._thinned.answered(fact)
        return self._paired(fact)

    def _settle_fallbacks(self, now_s: float) -> None:
        for fact, is_pair in self._thinned.due(now_s):
            if is_pair:
                self._paired(fact)
            else:
                self.pairs.release(fact)

    def _paired(self, fact: Fact) -> None:
        if self.pairs.take(fact):
            self.recent.pair(fact.ended_s)
            self.step_pairs += fact.arrived_s >= self.step_s

    def _tell(self, fact: Fact) -> None:
        """What the flight log counts."""
        self.recent.take(fact)
        if fact.leg == "reverse":
            self.closed = fact.status if fact.status in CLOSED_DOORS else 0
        if fact.leg == "candidate" and not fact.errored and not fact.gone:
            self.strata.add(fact.stratum)
        if fact.arrived_s < self.step_s:
            return
        self.counts[fact.leg] += 1
        if fact.leg == "stayed":
            self.reasons["stayed"][fact.stayed] += 1
        elif fact.leg == "fallback":
            self.reasons["fallback"][fact.fallback or "unknown"] += 1

    def _pair_tests(self) -> Iterable[Test]:
        needed = self.rules.pair_needed
        for (workflow, name), cell in self.pairs.cells.items():
            if cell.n:
                incumbent, candidate = cell.means
                yield _test(_pair_name(workflow, name), cell.log_e, needed, cell.n, (incumbent, candidate))

    def _other_tests(self) -> Iterable[Test]:
        needed = self.rules.needed
        for name, each in self.races.races.items():
            failures = (each.count(False), each.count(True))
            yield _test(f"race: {name}", each.log_e, needed, sum(failures), failures, commonest(each.reasons))
        log_e, drawn = self.races.assignment()
        yield _test(ASSIGNMENT, log_e, needed, drawn, (None, None))
        if self.slower is not None:
            yield _test(LATENCY, self.slower.log_e, needed, self.slower.n, self.slower.p95s())

    def _ids(self, test: str) -> Iterable[str]:
        if test == LATENCY and self.slower is not None:
            return self.slower.ids[::-1]
        if test.startswith("race: "):
            return self.races.races[test.removeprefix("race: ")].ids
        cells: dict[str, Cell] = {_pair_name(*place): cell for place, cell in self.pairs.cells.items()}
        return cells[test].ids if test in cells else ()


def _pair_name(workflow: str, name: str) -> str:
    return f"pairs: {workflow} {name}"


def _test(name: str, log_e: float, needed: float, n: int, means: tuple[float | None, float | None], mostly: str = "") -> Test:
    fired = log_e >= math.log(needed)
    evidence = math.exp(min(log_e, MOST_LOG))
    return Test(name=name, evidence=evidence, needed=needed, n=n, incumbent=means[0], candidate=means[1], fired=fired, mostly=mostly)

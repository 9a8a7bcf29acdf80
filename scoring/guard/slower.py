"""Is the candidate's p95 slower than the rubric allows: of answers that clients saw, on both sides of the draw.

Law: the first answer of each conversation, in the order they ended, each of the candidate's beside as many of the incumbent's that ended
about when it did, so that a slow afternoon of both is no slow candidate: no shadow's latency is in it. Three times, a third of the bet
each: of all since the start, one beside one; of each hour and of each six hours by itself, as many beside one as the draw gives, nine at
most, and anew when the share changes (at a tenth it takes half the candidate's answers to find a slow one). The first 60,000 latencies of
each. It is asked from 100 of the candidate's on, and anew when there are a fiftieth more: a look takes some milliseconds.

Source: `stats/unpaired.py`. How much slower it may be is the widest margin of the rubric's latency guards and gates.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Iterable

from scoring.guard.blocks import HOUR_S, Blocks, added
from scoring.guard.facts import Fact
from scoring.guard.known import Known
from scoring.guard.sliding import p95
from scoring.rubric import Relative, WorkflowRubric
from scoring.stats.quantile import Claim
from scoring.stats.unpaired import of_sorted

MOST, FEWEST, CONVERSATIONS, GROWN, WAITING, KEPT_IDS = 60_000, 100, 100_000, 1.02, 20, 10
SPANS_S, MOST_BESIDE, SPARE, SETTLED_S = (HOUR_S, 6 * HOUR_S), 9, 0.8, 30.0
"""What is looked at by itself; the incumbent's answers beside one; of those that come, the part that is counted on; how long after a change
of the share answers that were drawn with the old one are left out."""


class Sides:
    """Latencies of both sides, each in rising order, and what was last said of them."""

    def __init__(self, claim: Claim, beside: int = 1):
        self.claim, self.beside, self.incumbent, self.candidate = claim, beside, list[float](), list[float]()
        self.log_e, self._asked = 0.0, 0
        self._theirs, self._its = deque[float](maxlen=WAITING * beside), deque[float](maxlen=WAITING)

    def __len__(self) -> int:
        return len(self.candidate)

    def take(self, latency_s: float, drawn: bool) -> None:
        (self._its if drawn else self._theirs).append(latency_s)
        if self._its and len(self._theirs) >= self.beside and len(self) * (self.beside + 1) < MOST:
            insort(self.candidate, self._its.popleft())
            for _ in range(self.beside):
                insort(self.incumbent, self._theirs.popleft())

    def look(self) -> None:
        """Asked anew where enough came."""
        if len(self) >= max(FEWEST, self._asked * GROWN) and len(self) > self._asked:
            self.ask()

    def ask(self) -> None:
        self.log_e, self._asked = of_sorted(self.incumbent, self.candidate, self.claim), len(self)


class Span:
    """Blocks of this length, each by itself."""

    def __init__(self, claim: Claim, length_s: float):
        self.claim, self.blocks, self.open, self._since_s = claim, Blocks(length_s), Sides(claim), -math.inf

    def take(self, fact: Fact, latency_s: float) -> bool:
        """Whether another block begins with it."""
        beside = beside_one(fact.share)
        if beside != self.open.beside and fact.arrived_s < self._since_s + SETTLED_S:
            return False
        turned = self.blocks.turns(fact.arrived_s)
        if turned or beside != self.open.beside:
            if len(self.open):
                self.open.ask()
                self.blocks.close(self.open.log_e)
            self.open, self._since_s = Sides(self.claim, beside), fact.arrived_s
        self.open.take(latency_s, fact.drawn)
        return turned

    @property
    def log_e(self) -> float:
        return self.blocks.late(self.open.log_e)


class Slower:
    def __init__(self, tau: float):
        self.claim = Claim(p=0.95, tau=tau)
        self.whole, self.spans = Sides(self.claim), tuple(Span(self.claim, each) for each in SPANS_S)
        self._met: Known[int, bool] = Known(CONVERSATIONS)
        self._slowest: list[tuple[float, str]] = []

    def take(self, fact: Fact) -> None:
        """Of either side's answers: those that are whole and that a client got."""
        if fact.latency_s is None or fact.errored or fact.gone or not self._met.first(fact.conversation, True):
            return
        turned = [span.take(fact, fact.latency_s) for span in self.spans]
        self.whole.take(fact.latency_s, fact.drawn)
        if turned[0]:
            self._slowest = []
        if fact.drawn:
            self._slowest = sorted([*self._slowest, (fact.latency_s, fact.call_id)], reverse=True)[:KEPT_IDS]

    def look(self) -> None:
        """Once a second."""
        for each in (self.whole, *(span.open for span in self.spans)):
            each.look()

    @property
    def log_e(self) -> float:
        found = self.whole.log_e
        for span in self.spans:
            found = added(found, span.log_e)
        return found - math.log(1 + len(self.spans))

    @property
    def n(self) -> int:
        """Of the candidate's answers."""
        return len(self.whole)

    @property
    def ids(self) -> tuple[str, ...]:
        """The candidate's slowest of this hour."""
        return tuple(call_id for _, call_id in self._slowest)

    def p95s(self) -> tuple[float | None, float | None]:
        """The incumbent's and the candidate's, of this hour."""
        hour = self.spans[0].open
        return (p95(hour.incumbent), p95(hour.candidate)) if len(hour) else (None, None)


def beside_one(share: float) -> int:
    """How many of the incumbent's answers come for each of the candidate's, a few of them left over."""
    return max(min(int(SPARE * (1 - share) / share), MOST_BESIDE), 1) if share > 0.0 else MOST_BESIDE


def allowed(rubrics: Iterable[WorkflowRubric]) -> float | None:
    """How much slower; None: no rubric promises anything about it."""
    found = [
        each.margin.tau
        for rubric in rubrics
        for each in rubric.dimensions
        if each.criterion.TYPE == "latency" and each.role in ("guard", "gate") and isinstance(each.margin, Relative)
    ]
    return max(found, default=None)

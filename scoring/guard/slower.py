"""Is the candidate's p95 slower than the rubric allows: of answers that clients saw, on both sides of the draw.

Law: the first answer of each conversation, in the order they ended, each beside one of the other side that ended about when it did (the
busier side's last 20 wait), so that a slow afternoon of both is no slow candidate: no shadow's latency is in it. The first 20,000 of all
and of each hour. It is asked from 100 on, and anew when there are a fiftieth more: a look takes 2 ms.

Source: `stats/unpaired.py`. How much slower it may be is the widest margin of the rubric's latency guards and gates.
"""

from bisect import insort
from collections import deque
from collections.abc import Iterable

from scoring.guard.blocks import Blocks
from scoring.guard.facts import Fact
from scoring.guard.known import Known
from scoring.rubric import Relative, WorkflowRubric
from scoring.stats.quantile import Claim
from scoring.stats.unpaired import of_sorted

MOST, FEWEST, CONVERSATIONS, GROWN, BESIDE, KEPT_IDS = 20_000, 100, 100_000, 1.02, 20, 10


class Sides:
    """Latencies of both sides, each in rising order, and what was last said of them."""

    def __init__(self, claim: Claim):
        self.claim, self.incumbent, self.candidate = claim, list[float](), list[float]()
        self.log_e, self._asked = 0.0, 0

    def __len__(self) -> int:
        return len(self.incumbent)

    def add(self, theirs: float, its: float) -> None:
        if len(self) < MOST:
            insort(self.incumbent, theirs)
            insort(self.candidate, its)

    def look(self) -> None:
        """Asked anew where enough came."""
        if len(self) >= max(FEWEST, self._asked * GROWN) and len(self) > self._asked:
            self.log_e, self._asked = of_sorted(self.incumbent, self.candidate, self.claim), len(self)

    def p95s(self) -> tuple[float | None, float | None]:
        """Theirs and its."""
        at = max(-(-len(self) * 95 // 100) - 1, 0)
        return (self.incumbent[at], self.candidate[at]) if len(self) else (None, None)


class Slower:
    def __init__(self, tau: float):
        self.claim, self.blocks = Claim(p=0.95, tau=tau), Blocks()
        self.whole, self.hour = Sides(self.claim), Sides(self.claim)
        self._met: Known[int, bool] = Known(CONVERSATIONS)
        self._waiting = {True: deque[float](maxlen=BESIDE), False: deque[float](maxlen=BESIDE)}
        self._slowest: list[tuple[float, str]] = []

    def take(self, fact: Fact) -> None:
        """Of either side's answers: those that are whole and that a client got."""
        if fact.latency_s is None or fact.errored or fact.gone or not self._met.first(fact.conversation, True):
            return
        if self.blocks.turns(fact.arrived_s):
            self.blocks.close(of_sorted(self.hour.incumbent, self.hour.candidate, self.claim))
            self.hour, self._slowest = Sides(self.claim), []
        self._waiting[fact.drawn].append(fact.latency_s)
        if fact.drawn:
            self._slowest = sorted([*self._slowest, (fact.latency_s, fact.call_id)], reverse=True)[:KEPT_IDS]
        if self._waiting[True] and self._waiting[False]:
            theirs, its = self._waiting[False].popleft(), self._waiting[True].popleft()
            self.whole.add(theirs, its)
            self.hour.add(theirs, its)

    def look(self) -> None:
        """Once a second."""
        self.whole.look()
        self.hour.look()

    @property
    def log_e(self) -> float:
        return self.blocks.log_e(self.whole.log_e, self.hour.log_e)

    @property
    def ids(self) -> tuple[str, ...]:
        """The candidate's slowest of this hour."""
        return tuple(call_id for _, call_id in self._slowest)

    def p95s(self) -> tuple[float | None, float | None]:
        """The incumbent's and the candidate's, of the pairs of this hour."""
        return self.hour.p95s()


def allowed(rubrics: Iterable[WorkflowRubric]) -> float | None:
    """How much slower; None: no rubric promises anything about it."""
    found = [
        each.margin.tau
        for rubric in rubrics
        for each in rubric.dimensions
        if each.criterion.TYPE == "latency" and each.role in ("guard", "gate") and isinstance(each.margin, Relative)
    ]
    return max(found, default=None)

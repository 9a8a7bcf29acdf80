"""Is the candidate's p95 slower than the rubric allows: of answers that clients saw, on both sides of the draw.

Law: the first answer of each conversation, in the order they ended, each beside one of the other side that ended about when it did (the
busier side's last 20 wait), so that a slow afternoon of both is no slow candidate: no shadow's latency is in it. The first 5,000 of all
and of each hour. It is asked from 100 on, and anew when there are a tenth more: at 5,000 a look takes 80 ms.

Source: `stats/quantile.py`, unpaired. How much slower it may be is the widest margin of the rubric's latency guards and gates.
"""

from collections import deque
from collections.abc import Iterable

from scoring.guard.blocks import Blocks
from scoring.guard.facts import Fact
from scoring.guard.known import Known
from scoring.rubric import Relative, WorkflowRubric
from scoring.stats.quantile import Claim, Pair, unpaired

MOST, FEWEST, CONVERSATIONS, GROWN, BESIDE, KEPT_IDS = 5000, 100, 100_000, 1.1, 20, 10


class Slower:
    def __init__(self, tau: float):
        self.claim, self.blocks = Claim(p=0.95, tau=tau), Blocks()
        self.whole, self.hour = list[Pair](), list[Pair]()
        self._met: Known[int, bool] = Known(CONVERSATIONS)
        self._waiting = {True: deque[float](maxlen=BESIDE), False: deque[float](maxlen=BESIDE)}
        self._slowest: list[tuple[float, str]] = []
        self._whole_e, self._hour_e, self._counted = 0.0, 0.0, (0, 0)

    def take(self, fact: Fact) -> None:
        """Of either side's answers: those that are whole and that a client got."""
        if fact.latency_s is None or fact.errored or fact.gone or not self._met.first(fact.conversation, True):
            return
        if self.blocks.turns(fact.arrived_s):
            self.blocks.close(self._of(self.hour))
            self.hour, self._hour_e, self._slowest, self._counted = [], 0.0, [], (self._counted[0], 0)
        self._waiting[fact.drawn].append(fact.latency_s)
        if fact.drawn:
            self._slowest = sorted([*self._slowest, (fact.latency_s, fact.call_id)], reverse=True)[:KEPT_IDS]
        if self._waiting[True] and self._waiting[False]:
            pair = (self._waiting[False].popleft(), self._waiting[True].popleft())
            for pairs in (self.whole, self.hour):
                if len(pairs) < MOST:
                    pairs.append(pair)

    def look(self) -> None:
        """Once a second."""
        whole, hour = self._counted
        if len(self.whole) >= max(FEWEST, whole * GROWN) and len(self.whole) > whole:
            self._whole_e, whole = self._of(self.whole), len(self.whole)
        if len(self.hour) >= max(FEWEST, hour * GROWN) and len(self.hour) > hour:
            self._hour_e, hour = self._of(self.hour), len(self.hour)
        self._counted = whole, hour

    @property
    def log_e(self) -> float:
        return self.blocks.log_e(self._whole_e, self._hour_e)

    @property
    def ids(self) -> tuple[str, ...]:
        """The candidate's slowest of this hour."""
        return tuple(call_id for _, call_id in self._slowest)

    def p95s(self) -> tuple[float | None, float | None]:
        """The incumbent's and the candidate's, of the pairs of this hour."""
        if not self.hour:
            return None, None
        at = max(-(-len(self.hour) * 95 // 100) - 1, 0)
        return sorted(x for x, _ in self.hour)[at], sorted(y for _, y in self.hour)[at]

    def _of(self, pairs: list[Pair]) -> float:
        return unpaired(pairs, self.claim)


def allowed(rubrics: Iterable[WorkflowRubric]) -> float | None:
    """How much slower; None: no rubric promises anything about it."""
    found = [
        each.margin.tau
        for rubric in rubrics
        for each in rubric.dimensions
        if each.criterion.TYPE == "latency" and each.role in ("guard", "gate") and isinstance(each.margin, Relative)
    ]
    return max(found, default=None)

"""Pairs of a canary: the candidate's answer and the incumbent's of the same call, by the rubric's guards, workflow by workflow.

Law: a conversation is one pair, its first, so pairs are independent; an answer that failed has scores (the worst there are), and the
incumbent's in the place of a candidate that failed is a pair as often as one of the reverse shadow is (`thinned.py`). What we had no time
to score is counted and is no evidence.

Whom a target turned away at the door (an error status, no connection: 429s of our own mirroring among them) says nothing of what it would
have answered: where a guard judges failures, the others judge the calls that both let in. Both, and the door alone: without the incumbent's
failures only, an equal candidate would be accused of its own; and slow answers, that time out, are the long ones. So of failures as such
the incumbent's that mirroring made still count as its own: that hides, never accuses, and the race of errors has none of them.

Source: `stats/verdict.py`: beyond the margin, or worse at all where nothing is tolerated; `evidence.py` spreads the level.
"""

from collections import deque
from collections.abc import Mapping, Sequence

from scoring.guard.bets import bets_of, lost
from scoring.guard.blocks import Blocks
from scoring.guard.facts import Fact
from scoring.guard.known import Known
from scoring.rubric import Dimension, Relative

WAITING, CONVERSATIONS, KEPT_IDS = 20_000, 100_000, 10


class Cell:
    """One guard of one workflow."""

    def __init__(self, dimension: Dimension):
        self.dimension, self.whole, self.hour, self.blocks = dimension, bets_of(dimension), bets_of(dimension), Blocks()
        self.n, self.sums = 0, [0.0, 0.0]
        self.ids = deque[str](maxlen=KEPT_IDS)

    def take(self, incumbent: float, candidate: float, fact: Fact) -> None:
        if self.blocks.turns(fact.arrived_s):
            self.blocks.close(self.hour.log_e)
            self.hour.begin()
        gains = self.whole.gains(lost(self.dimension, incumbent, candidate))
        self.whole.add(gains)
        self.hour.add(gains)
        self.n += 1
        self.sums = [self.sums[0] + incumbent, self.sums[1] + candidate]
        if candidate < incumbent:
            self.ids.append(fact.call_id)

    @property
    def log_e(self) -> float:
        return self.blocks.log_e(self.whole.log_e, self.hour.log_e)

    @property
    def means(self) -> tuple[float | None, float | None]:
        return (self.sums[0] / self.n, self.sums[1] / self.n) if self.n else (None, None)


class Pairs:
    def __init__(self, guards: Mapping[str, Sequence[Dimension]]):
        """`guards`: by workflow, those that `judged` takes."""
        self.cells = {(workflow, each.name): Cell(each) for workflow, found in guards.items() for each in found}
        self._guards = guards
        self._waiting: Known[str, Fact] = Known(WAITING)
        self._met: Known[tuple[str, int], str] = Known(CONVERSATIONS)
        """By workflow and conversation, the call that is its pair."""
        self.unscored = 0
        """Pairs that we had no time to score."""

    def take(self, fact: Fact) -> bool:
        """Whether a pair became whole with it that is evidence towards a promotion: both targets let the call in."""
        other = self._waiting.pop(fact.call_id)
        if other is None or (other.leg == "candidate") == (fact.leg == "candidate"):
            self._waiting.put(fact.call_id, other or fact)
            return False
        candidate, incumbent = (fact, other) if fact.leg == "candidate" else (other, fact)
        if candidate.gone or incumbent.gone:
            return False
        if candidate.marks is None or incumbent.marks is None:
            self.unscored += 1
            return False
        if not self.claim(candidate):
            return False
        both_in = not (candidate.turned_away or incumbent.turned_away)
        self._compare(candidate, incumbent.marks, candidate.marks, both_in=both_in)
        return both_in

    def claim(self, fact: Fact) -> bool:
        """Whether its call is the conversation's one pair; from now on it is, if none was."""
        place = fact.workflow, fact.conversation
        return self._met.first(place, fact.call_id) or self._met.get(place) == fact.call_id

    def release(self, fact: Fact) -> None:
        """It is no pair after all: a later call of the conversation may be."""
        if self._met.get(place := (fact.workflow, fact.conversation)) == fact.call_id:
            self._met.pop(place)

    def _compare(self, candidate: Fact, theirs: Mapping[str, float], its: Mapping[str, float], *, both_in: bool) -> None:
        guards = self._guards.get(candidate.workflow, ())
        of_failures = [each for each in guards if each.criterion.READS_FAILURES]
        for dimension in guards if both_in or not of_failures else of_failures:
            incumbent, found = theirs.get(dimension.name), its.get(dimension.name)
            if incumbent is not None and found is not None:
                self.cells[candidate.workflow, dimension.name].take(incumbent, found, candidate)


def judged(dimension: Dimension) -> bool:
    """Guards that can be asked while traffic flows: cheap, of one answer alone, on a share scale."""
    criterion, quick = dimension.criterion, dimension.criterion.COST == "cheap" and dimension.kind == "absolute"
    return dimension.role == "guard" and quick and criterion.SCALE == "share" and not isinstance(dimension.margin, Relative)

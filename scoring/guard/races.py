"""What needs no pairs: do conversations fall as they were drawn, and does the candidate have more than its share of what goes wrong.

Law: everything is counted once a conversation, with the chance it was drawn with when it was first met; one that changed sides on a later
step counts with its first. Assignment is looked at ten minutes late, so that a slow answer is not a missing one. Conversations that grow
too long or too dear are judged by thresholds that are fixed before they begin: the 90th percentile of the incumbent's first 50 that are
over (quiet for ten minutes), once for the whole rollout; and only while the share stays, for a step takes over the incumbent's
conversations in the middle and none of the candidate's. Where `limits.usd_per_call` allows a dearer call, a conversation may be as much
dearer.

Source: `stats/race.py`, `stats/srm.py`. An error status that the incumbent would have earned too is left out for the candidate and not for
the incumbent: that can only hide, never accuse. Of calls of one conversation that run side by side, the first to end is its first.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scoring.guard.blocks import Blocks
from scoring.guard.facts import Fact
from scoring.guard.known import Known
from scoring.stats.race import Failures, race
from scoring.stats.srm import srm

QUIET_S, FEWEST, CONVERSATIONS, LATE_S, KEPT_IDS, KEPT_REASONS = 600.0, 50, 100_000, 600.0, 10, 50
SOURCES: Mapping[str, Callable[[Fact], bool]] = {
    "errors": lambda fact: fact.errored,
    "refusals": lambda fact: fact.refused,
    "truncations": lambda fact: fact.outcome == "truncated",
    "malformed": lambda fact: fact.outcome == "malformed",
    "silent failures": lambda fact: fact.silent,
    "clients that left unanswered": lambda fact: fact.gone and fact.ttft_s is None,
}
Number = TypeVar("Number", int, float)
TURNS, COST = "long conversations", "dear conversations"


class Race:
    """Counts of conversations that went wrong, by (share, whether the candidate's)."""

    def __init__(self) -> None:
        self.whole, self.hour, self.blocks = Counter[tuple[float, bool]](), Counter[tuple[float, bool]](), Blocks()
        self.ids = deque[str](maxlen=KEPT_IDS)
        self.reasons = deque[str](maxlen=KEPT_REASONS)
        """The candidate's last."""
        self._known: tuple[int, float] | None = None

    def take(self, share: float, fact: Fact, candidate: bool) -> None:
        if self.blocks.turns(fact.arrived_s):
            self.blocks.close(_race(self.hour))
            self.hour = Counter[tuple[float, bool]]()
        self.whole[share, candidate] += 1
        self.hour[share, candidate] += 1
        if candidate:
            self.ids.append(fact.call_id)
            self.reasons.append(fact.reason)

    def count(self, candidate: bool) -> int:
        return sum(n for (_, theirs), n in self.whole.items() if theirs == candidate)

    @property
    def log_e(self) -> float:
        n = self.whole.total()
        if self._known is None or self._known[0] != n:
            self._known = n, self.blocks.log_e(_race(self.whole), _race(self.hour))
        return self._known[1]


def _race(counts: Mapping[tuple[float, bool], int]) -> float:
    shares = {share for share, _ in counts}
    return race({each: Failures(incumbent=counts.get((each, False), 0), candidate=counts.get((each, True), 0)) for each in shares})


@dataclass(slots=True)
class Conversation:
    candidate: bool
    share: float
    first_call: str
    turns_most: int | None
    usd_most: float | None
    """Fixed when it begins; None: it is not judged."""
    last_s: float
    turns: int = 0
    usd: float = 0.0
    all_known: bool = True
    """The cost of each of its answers."""
    moved: bool = False
    """To another share, and with it perhaps to the other side: from there on it says nothing."""


class Races:
    def __init__(self, usd_per_call: float | None):
        self.usd_per_call = usd_per_call
        self.races = {name: Race() for name in (*SOURCES, TURNS, COST)}
        self._met: Known[int, Conversation] = Known(CONVERSATIONS)
        self._drawn: Counter[tuple[float, bool]] = Counter()
        self._late: deque[tuple[float, float, bool]] = deque(maxlen=CONVERSATIONS)
        self.most: tuple[int | None, float | None] | None = None
        """Turns and dollars of a conversation, once they are fixed."""
        self._tried_s = float("-inf")

    def met(self, fact: Fact) -> None:
        """Any answer of a call that was drawn, as it comes; reverse shadows apart."""
        known = self._met.get(fact.conversation)
        if known is None:
            turns, usd = self.most or (None, None)
            known = Conversation(fact.drawn, fact.share, fact.call_id, turns, usd, fact.ended_s)
            self._met.put(fact.conversation, known)
            if 0.0 < fact.share < 1.0:
                self._late.append((fact.arrived_s, fact.share, fact.drawn))
        known.moved = known.moved or known.share != fact.share
        known.last_s = max(known.last_s, fact.ended_s)
        if not known.moved:
            self._grow(known, fact)

    def failed(self, fact: Fact) -> None:
        """The answer of whoever was drawn, once it is known whom it blames; also of a client that left."""
        known = self._met.get(fact.conversation)
        if known is None or known.first_call != fact.call_id or not 0.0 < known.share < 1.0:
            return
        for name, went_wrong in SOURCES.items():
            if went_wrong(fact):
                self.races[name].take(known.share, fact, known.candidate)

    def settle(self, now_s: float) -> None:
        """Once a second."""
        while self._late and self._late[0][0] < now_s - LATE_S:
            _, share, candidate = self._late.popleft()
            self._drawn[share, candidate] += 1
        if self.most is None and now_s - self._tried_s >= 60.0:
            self._tried_s = now_s
            self.most = self._fixed(now_s)

    def assignment(self) -> tuple[float, int]:
        """Log evidence against the draw, and of how many conversations."""
        shares = {share for share, _ in self._drawn}
        found = [
            srm({"candidate": self._drawn[s, True], "incumbent": self._drawn[s, False]}, {"candidate": s, "incumbent": 1 - s})
            for s in shares
        ]
        return math.fsum(each for each in found if each is not None), self._drawn.total()

    def _grow(self, known: Conversation, fact: Fact) -> None:
        """One answer more; the moment a threshold is passed is what counts."""
        lottery, turns, usd = 0.0 < known.share < 1.0, known.turns, known.usd
        known.turns += fact.leg != "fallback"
        known.usd += fact.cost_usd or 0.0
        known.all_known = known.all_known and (fact.cost_usd is not None or fact.errored)
        if lottery and known.turns_most is not None and turns <= known.turns_most < known.turns:
            self.races[TURNS].take(known.share, fact, known.candidate)
        if lottery and known.usd_most is not None and usd <= known.usd_most < known.usd:
            self.races[COST].take(known.share, fact, known.candidate)

    def _fixed(self, now_s: float) -> tuple[int | None, float | None] | None:
        over = [each for each in self._met.values() if not each.candidate and not each.moved and each.last_s < now_s - QUIET_S]
        if len(over) < FEWEST:
            return None
        turns, costs = sorted(each.turns for each in over), sorted(each.usd for each in over if each.all_known and each.usd > 0.0)
        if len(costs) < FEWEST:
            return _ninetieth(turns), None
        mean = sum(costs) / max(sum(each.turns for each in over if each.all_known), 1)
        dearer = 1.0 if self.usd_per_call is None else max(self.usd_per_call / mean, 1.0)
        return _ninetieth(turns), _ninetieth(costs) * dearer


def _ninetieth(ordered: list[Number]) -> Number:
    return ordered[max(-(-len(ordered) * 9 // 10) - 1, 0)]

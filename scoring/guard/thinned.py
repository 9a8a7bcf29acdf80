"""Which calls that the incumbent answered in the candidate's place are pairs: as many as among the answers of their time.

Law: whether a call is a pair must not hang on who failed. Beside an answer of the candidate the incumbent's is there only where the shadow
asked it in reverse: a share of the calls, while the budget lasts, while our key is good. In the place of an answer it always is, so an
equal candidate would be compared mostly where it failed. A fallback therefore waits until the answers of its time have the incumbent's
beside them or will have none; then it is a pair by the share of those that have, by the hash of its id. Where nobody is asked in reverse,
none is. Until a few answers are known the configured share counts: a candidate that is dead has none.

What waits is evidence only later; races and limits see every failure at once.
"""

from collections import deque
from collections.abc import Iterator

from proxy.sampling import bucket_of, takes
from scoring.guard.facts import Fact
from scoring.guard.known import Known

HELD_S = 60.0
"""By then the incumbent's answer has come, if it was asked."""
NEWEST, FEWEST, WAITING = 50, 10, 20_000


class Thinned:
    """Times are those of the facts, in the order they ended."""

    def __init__(self, configured: float) -> None:
        """`configured`: the share of the candidate's answers that is to be asked in reverse."""
        self.configured = configured
        self._answered, self._held = deque[tuple[float, str]](maxlen=WAITING), deque[Fact](maxlen=WAITING)
        self._asked: Known[str, bool] = Known(WAITING)
        self._newest = deque[bool](maxlen=NEWEST)
        """Of answers whose time is over: whether the incumbent answered too."""

    def answered(self, fact: Fact) -> None:
        """The candidate's answer, which the client got."""
        self._answered.append((fact.ended_s, fact.call_id))

    def asked(self, fact: Fact) -> None:
        """The incumbent's, in reverse."""
        self._asked.put(fact.call_id, True)

    def hold(self, fact: Fact) -> None:
        """A fallback."""
        self._held.append(fact)

    def due(self, now_s: float) -> Iterator[tuple[Fact, bool]]:
        """Fallbacks that waited long enough, and whether each is a pair."""
        while self._answered and self._answered[0][0] <= now_s - HELD_S:
            self._newest.append(self._asked.pop(self._answered.popleft()[1]) is True)
        share = sum(self._newest) / len(self._newest) if len(self._newest) >= FEWEST else self.configured
        while self._held and self._held[0].ended_s <= now_s - HELD_S:
            fact = self._held.popleft()
            yield fact, takes(bucket_of(fact.call_id), share)

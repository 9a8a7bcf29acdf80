"""How far the shadow is behind the workers' journal, and when mirrors are shed for it.

Law: a shadow that cannot keep up sheds what waits instead of growing late: an answer that comes in the same minute is worth more than one
that comes for every call. The lag is a bound that holds for every event taken: none lay in the journal longer. The time is an argument.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.segments import Passed

MUCH_BYTES = 2 << 20
"""A segment that brought so much at once may well hold more."""
TOLD_FROM_S = 0.5
"""Below this it is the pause between two looks, and no lag."""


@dataclass(slots=True)
class Lag:
    max_s: float
    since: float = 0.0
    """All that was journaled before this moment has been taken."""
    _looked: float = 0.0

    def begin(self, now: float) -> None:
        """What was there before is older than its calls say themselves; `stale` sees to it."""
        self.since = self._looked = now

    def looked(self, now: float) -> None:
        """About to read what is there."""
        self._looked = now

    def taken(self, *, left: bool) -> None:
        """Everything read is taken; `left`: there was more than one look brings."""
        if not left:
            self.since = self._looked

    def over(self, now: float) -> float:
        """Seconds behind, when that is too much; else 0."""
        behind = now - self.since
        return behind if behind > self.max_s else 0.0

    def told_us(self, now: float) -> int:
        behind = now - self.since
        return int(behind * 1e6) if behind > TOLD_FROM_S else 0


def span(passed: Sequence[Passed]) -> int:
    """Bytes of its segment that these events take up, about."""
    return passed[-1].at - passed[0].at + len(passed[-1].body) if passed else 0

"""What a target's mirrored calls may cost in a UTC day: reserved at the worst case before sending, settled at what it was.

Law: what is spent and what is reserved never exceed the limit, however many calls are under way at once. A target without a price has no
budget to keep: its calls are allowed, and their decisions say so.
"""

from collections.abc import Mapping
from decimal import Decimal

from proxy.config import Target


def limit_of(target: Target) -> Decimal | None:
    """The day's limit in exact dollars; None: there is none."""
    limit = target.limit_usd_per_day
    return None if limit is None else Decimal(str(limit))


class Budget:
    """Reservations and spend of all targets. Only the loop touches it, so a reservation is one step."""

    def __init__(self, limits: Mapping[str, Decimal | None]):
        self.limits = dict(limits)
        self._day = ""
        self._committed: dict[str, Decimal] = {}

    def restore(self, day: str, committed: Mapping[str, Decimal]) -> None:
        """What the ledger knows of the day."""
        self._day, self._committed = day, dict(committed)

    def reserve(self, target: str, day: str, usd: Decimal) -> bool:
        if day > self._day:
            self._day, self._committed = day, {}
        limit, committed = self.limits.get(target), self._committed.get(target, Decimal(0))
        # a call that comes late, for a day that is over, is refused: its account is closed
        if day < self._day or (limit is not None and committed + usd > limit):
            return False
        self._committed[target] = committed + usd
        return True

    def settle(self, target: str, day: str, reserved: Decimal, cost: Decimal) -> None:
        """Replace a reservation by what was spent. A reservation of a past day has no account any more."""
        if day == self._day:
            self._committed[target] = self._committed.get(target, Decimal(0)) - reserved + cost

    def committed(self, target: str) -> Decimal:
        return self._committed.get(target, Decimal(0))

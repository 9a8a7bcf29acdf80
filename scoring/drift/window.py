"""The two stretches of time that are compared: a reference window and the recent one after it.

Law: pure; every time is naive UTC, as the store keeps it, and the end is given, never a clock's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from proxy.faults import Wrong
from proxy.moment import moment

SLOTS = 14
"""The recent window is cut into so many slots: how finely a beginning is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Reference: [start, turn); recent: [turn, end]."""

    start: datetime
    turn: datetime
    end: datetime

    @property
    def slot_s(self) -> float:
        return max((self.end - self.turn).total_seconds() / SLOTS, 1.0)

    def beginning(self, slot: int) -> datetime:
        """Of a slot; slot 0 is the recent window's first, those of the reference are negative."""
        return self.turn + timedelta(seconds=slot * self.slot_s)


def windows(since: str, against: str, end: datetime) -> Windows:
    """`since` counts back from the end, `against` from there. Raises Wrong."""
    turn = moment("--since", since, end)
    if turn >= end:
        raise Wrong("--since", f"{since!r}, at or after the end {end:%Y-%m-%dT%H:%M}", "a time before it")
    start = moment("--against", against, turn)
    if start >= turn:
        raise Wrong("--against", f"{against!r}, at or after {turn:%Y-%m-%dT%H:%M}", "a time before --since")
    return Windows(start=start, turn=turn, end=end)

"""When a worker has more to do than it can: what it stops doing first, and when it turns new calls away.

Law: mirrors go first (the shadow sheds them, by the journal's lag), then the recording of bodies, then new calls; never a call under way.
One late round is a hiccup and changes nothing. Every step is counted: bodies in `dropped`, calls in `refused`.
"""

from dataclasses import dataclass
from typing import Literal

QUEUE_HIGH, QUEUE_LOW = 0.5, 0.25
"""Shares of the journal's queue: above the one bodies are no longer kept, below the other they are again."""
LATE_S, TOO_LATE_S = 0.1, 1.0
"""How late the loop's rounds are when bodies, and when new calls, are given up."""
ROUNDS = 3
"""So many rounds in a row."""


@dataclass(slots=True)
class Overload:
    """Told once per round of the worker's sweep how late it was."""

    late: int = 0
    """Rounds in a row that were late, and too late."""
    too_late: int = 0
    bodies: bool = True
    """Bodies are kept."""
    calls: bool = True
    """New calls are taken."""

    def note(self, late_s: float, queue_share: float) -> None:
        self.late = self.late + 1 if late_s > LATE_S else 0
        self.too_late = self.too_late + 1 if late_s > TOO_LATE_S else 0
        if self.late >= ROUNDS or queue_share > QUEUE_HIGH:
            self.bodies = False
        elif not self.late and queue_share < QUEUE_LOW:
            self.bodies = True
        self.calls = self.too_late < ROUNDS

    @property
    def shedding(self) -> Literal["", "bodies", "calls"]:
        """In one word, for the beat."""
        return "calls" if not self.calls else "bodies" if not self.bodies else ""

"""What the journal lost, each event once: what writers say they dropped, and gaps in their numbers that nobody owned up to.

Law: pure. A dropped event leaves a gap in its writer's numbers, and a beat tells of it a little later; so a gap counts as missed only when
no beat has explained it for some seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from proxy.bounded import Gaps

EVENTS = frozenset(("queue_full", "disk_cap", "disk_full"))
"""Reasons under which whole events are dropped; other losses (bodies, a failed sync) leave no gap."""
EXPLAINED_WITHIN_S = 10.0
"""Longer than the longest pause between beats and the age of a segment together."""


@dataclass(slots=True)
class Losses:
    """Of one writer."""

    gaps: Gaps = field(default_factory=Gaps)
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    """By reason, since its start, as its last beat told."""
    missed: int = 0
    _since_s: float | None = None

    def unexplained(self) -> int:
        told = sum(count for reason, count in self.dropped.items() if reason in EVENTS)
        return max(self.gaps.missing - told - self.missed, 0)

    def settle(self, now_s: float, *, at_once: bool = False) -> int:
        """Events that are missed for good, each once."""
        new = self.unexplained()
        if not new:
            self._since_s = None
            return 0
        if self._since_s is None:
            self._since_s = now_s
        if not at_once and now_s - self._since_s < EXPLAINED_WITHIN_S:
            return 0
        self.missed, self._since_s = self.missed + new, None
        return new


def settled(losses: Mapping[str, tuple[str, Losses]], now_s: float, *, at_once: bool = False) -> Iterator[tuple[str, int]]:
    """(process, events newly missed) of those writers that miss some."""
    for process, each in losses.values():
        if new := each.settle(now_s, at_once=at_once):
            yield process, new

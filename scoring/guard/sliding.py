"""The figures of one arm over the last seconds, kept as answers come and go.

Law: where few answers come the newest few count: at one in a minute no window of a minute would ever say anything. Unknown is no figure: an
answer without a known cost is not in the mean cost, one that failed has no latency, except one that was waited for in vain: that it took so
long is known. The newest `MOST` answers at most.
"""

from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from scoring.guard.facts import Fact

MOST = 20_000
LIMITS = ("error_rate", "refusal_rate", "truncation_rate", "p95_latency_s", "ttft_p95_s", "usd_per_call")


def p95(ordered: Sequence[float]) -> float:
    """The value that 95 of a hundred do not exceed, of values in rising order."""
    return ordered[max(-(-len(ordered) * 95 // 100) - 1, 0)]


def value_of(name: str, fact: Fact) -> float | None:
    """What this answer adds to a figure; None: nothing."""
    if name == "error_rate":
        return float(fact.errored)
    if name == "refusal_rate":
        return float(fact.refused)
    if name == "truncation_rate":
        return float(fact.outcome == "truncated")
    if name == "usd_per_call":
        return fact.cost_usd
    if fact.outcome == "errored":
        return None
    return fact.latency_s if name == "p95_latency_s" else fact.ttft_s


@dataclass(slots=True)
class Sliding:
    names: tuple[str, ...]
    facts: deque[Fact] = field(default_factory=deque[Fact])
    sums: Counter[str] = field(default_factory=Counter[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    ordered: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def add(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._count(fact, 1)
        if len(self.facts) > MOST:
            self._count(self.facts.popleft(), -1)

    def expire(self, before_s: float, fewest: int) -> None:
        """What ended before; the newest `fewest` stay, however old."""
        while len(self.facts) > fewest and self.facts[0].ended_s < before_s:
            self._count(self.facts.popleft(), -1)

    def since_s(self) -> float | None:
        """When the oldest of them ended."""
        return self.facts[0].ended_s if self.facts else None

    def figure(self, name: str) -> tuple[float | None, int]:
        """The figure and how many answers it is of; None without any."""
        n = self.counts[name]
        if not n:
            return None, 0
        if "p95" in name:
            return p95(self.ordered[name]), n
        return self.sums[name] / n, n

    def _count(self, fact: Fact, by: int) -> None:
        for name in self.names:
            value = value_of(name, fact)
            if value is None:
                continue
            self.counts[name] += by
            if "p95" in name:
                values = self.ordered.setdefault(name, [])
                if by > 0:
                    insort(values, value)
                else:
                    del values[bisect_left(values, value)]
            else:  # a sum of floats that go as they came: a millionth of a millionth is all that stays
                self.sums[name] = self.sums[name] + value * by if self.counts[name] else 0.0  # pyright: ignore[reportArgumentType]

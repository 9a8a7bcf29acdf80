"""How many calls a second a candidate is sent at most, so that candidates of one route still see the same calls.

Law: who may take more takes first, and a leg gets a call only when every leg before it that the call is for got it too: a lower rate sees a
part of what a higher one sees, equal rates see the same. Only the call decides who takes part, never how a candidate fares;
so two candidates of one rate get the same calls while one of them hangs. The time is an argument.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BURST_S = 1.0
"""So many seconds' worth may go at once; one call in any case."""


@dataclass(slots=True)
class TokenBucket:
    rate: float
    """Per second."""
    tokens: float = -1.0
    at: float = 0.0

    @property
    def size(self) -> float:
        return max(self.rate * BURST_S, 1.0)

    def take(self, now: float) -> bool:
        self.tokens = self.size if self.tokens < 0 else min(self.tokens + max(now - self.at, 0.0) * self.rate, self.size)
        self.at = max(now, self.at)
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class Rates:
    """The legs of one route, by name; a leg without a rate takes whatever comes."""

    def __init__(self, rates: Mapping[str, float | None]):
        limited = [(name, rate) for name, rate in rates.items() if rate is not None]
        self._buckets = [(name, TokenBucket(rate)) for name, rate in sorted(limited, key=lambda each: (-each[1], each[0]))]

    def refused(self, wanting: Iterable[str], now: float) -> dict[str, str]:
        """Those of the legs that a call is for which it is too much for, with the reason."""
        if not self._buckets:
            return {}
        wanted, open_, found = set(wanting), True, dict[str, str]()
        for name, bucket in self._buckets:
            if name in wanted:
                open_ = open_ and bucket.take(now)
                if not open_:
                    found[name] = f"rate {bucket.rate:g}/s"
        return found

"""What the recorder remembers between segments, each kind within a bound: calls, answers that wait for theirs, numbers that were met.

Law: nothing here grows with traffic. What is forgotten is the least lately used, and it is counted.
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from proxy.events import ExchangeEvent

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Values by key within a bound of bytes; the least lately used go first."""

    def __init__(self, bound: int, weight: Callable[[V], int]):
        self._items: OrderedDict[K, V] = OrderedDict()
        self._bound, self._weight, self.bytes, self.evicted = bound, weight, 0, 0

    def get(self, key: K) -> V | None:
        value = self._items.get(key)
        if value is not None:
            self._items.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self.drop(key)
        self._items[key] = value
        self.bytes += self._weight(value)
        while self.bytes > self._bound and len(self._items) > 1:
            self.bytes -= self._weight(self._items.popitem(last=False)[1])
            self.evicted += 1

    def drop(self, key: K) -> None:
        old = self._items.pop(key, None)
        if old is not None:
            self.bytes -= self._weight(old)

    def __len__(self) -> int:
        return len(self._items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """An exchange whose call was not read yet."""

    segment: str
    event: ExchangeEvent
    body: bytes
    fresh: bool
    """Not observed yet."""
    parked_s: float


class Parked:
    """Exchanges that wait for their call: so long and so many bytes, and no more."""

    def __init__(self, bound: int, wait_s: float):
        self._by_call: OrderedDict[str, list[Orphan]] = OrderedDict()
        self._bound, self._wait_s, self.bytes = bound, wait_s, 0
        self._asked: set[str] = set()

    def __len__(self) -> int:
        return len(self._by_call)

    def to_ask(self, now_s: float, after_s: float, most: int = 1000) -> list[str]:
        """Calls to look for elsewhere, each once: those that are waited for longer than a segment is open."""
        late = (call_id for call_id, orphans in self._by_call.items() if now_s - orphans[0].parked_s >= after_s)
        found = list(itertools.islice((call_id for call_id in late if call_id not in self._asked), most))
        self._asked.update(found)
        return found

    def ask_again(self, call_ids: Iterable[str]) -> None:
        self._asked.difference_update(call_ids)

    def park(self, orphan: Orphan) -> None:
        self._by_call.setdefault(orphan.event.id, []).append(orphan)
        self.bytes += len(orphan.body) + 1000

    def claim(self, call_id: str) -> list[Orphan]:
        """The call is here: these go on."""
        found = self._by_call.pop(call_id, [])
        self._asked.discard(call_id)
        self.bytes -= sum(len(orphan.body) + 1000 for orphan in found)
        return found

    def expired(self, now_s: float, *, all: bool = False) -> list[Orphan]:
        """Those that waited long enough, and the oldest of what is over the bound."""
        found: list[Orphan] = []
        while self._by_call:
            call_id, orphans = next(iter(self._by_call.items()))
            if not all and self.bytes <= self._bound and now_s - orphans[0].parked_s < self._wait_s:
                break
            found += self.claim(call_id)
        return found


@dataclass(slots=True)
class Gaps:
    """A writer's sequence numbers as they were met, in whatever order its segments are read."""

    first: int = 0
    last: int = 0
    met: int = 0

    def take(self, first: int, last: int, count: int) -> None:
        self.first = min(self.first or first, first)
        self.last = max(self.last, last)
        self.met += count

    @property
    def missing(self) -> int:
        """Events lost between the first and the last."""
        return max(self.last - self.first + 1 - self.met, 0) if self.met else 0

"""A bounded memory of what was met: the least recently met is forgotten first.

Law: never more than `most`; what is forgotten counts as never met, and `forgotten` says how often that was.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class Known(Generic[Name, Value]):
    """By name."""

    def __init__(self, most: int):
        self.most, self.forgotten = most, 0
        self._kept: OrderedDict[Name, Value] = OrderedDict()

    def get(self, name: Name) -> Value | None:
        found = self._kept.get(name)
        if found is not None:
            self._kept.move_to_end(name)
        return found

    def put(self, name: Name, value: Value) -> None:
        self._kept[name] = value
        self._kept.move_to_end(name)
        if len(self._kept) > self.most:
            self._kept.popitem(last=False)
            self.forgotten += 1

    def pop(self, name: Name) -> Value | None:
        return self._kept.pop(name, None)

    def first(self, name: Name, value: Value) -> bool:
        """Whether it is met for the first time; it is known from now on."""
        if self.get(name) is not None:
            return False
        self.put(name, value)
        return True

    def values(self) -> list[Value]:
        return list(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

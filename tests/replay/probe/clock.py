"""A clock for tests of what waits: it stands while anything is done and goes to the next deadline when nothing is.

Sockets are real and both their ends are in one loop, so whatever was sent is there to be read before the clock goes on.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
LOOK_S = 0.001
"""Of real time, for bytes that the kernel still has under way."""


class Waits(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Passes the time by adding to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(timeout if timeout is None else min(timeout, LOOK_S))
        if not found and timeout is not None:
            self.now_s += max(timeout, 0.0)
        return found


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.waits = Waits()
        super().__init__(self.waits)

    def time(self) -> float:
        return self.waits.now_s


def run(story: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(story)

"""Those who watch beside the recorder and have things to do in time, answers or none: the guard of a rollout.

Law: they are asked in the reading thread, five times a second, and never after the store; what fails in one is told and stops nobody.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from proxy.logs import log
from proxy.segments import born_us


@runtime_checkable
class Turning(Protocol):
    def turn(self, now_s: float, behind_s: float) -> None:
        """`behind_s`: how old the oldest facts are that were not read yet."""


def turn(turning: Sequence[Turning], now_s: float, unread: Sequence[str]) -> None:
    """`unread`: names of sealed segments, oldest first."""
    behind_s = max(now_s - born_us(unread[0]) / 1e6, 0.0) if unread else 0.0
    for each in turning:
        try:
            each.turn(now_s, behind_s)
        except Exception:  # a guard that fails beats no more, and no canary is served without its beat
            log.exception("observer.failed")

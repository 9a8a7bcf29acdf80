"""One question to the store, asked in a thread of its own while the recorder goes on.

Law: whoever asks never waits: it begins, and looks now and then whether there is an answer. What fails is told and may be tried again.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from proxy.logs import log

Found = TypeVar("Found")


class Aside(Generic[Found]):
    def __init__(self, name: str, ask: Callable[[], Found]):
        self.failed = False
        self._found: Found | None = None
        self._ask, self._name = ask, name
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def taken(self) -> Found | None:
        """None: not yet, or it failed."""
        return self._found if self.done else None

    def join(self, wait_s: float) -> None:
        self._thread.join(wait_s)

    def _run(self) -> None:
        try:
            self._found = self._ask()
        except Exception as error:
            self.failed = True
            log.warning("guard.unread", what=self._name, error=str(error)[:200])

"""The committing thread and the one round it is at.

Law: a round that does not come through is tried again, unchanged, and nobody waits for it; who holds the store is known by name. All but
`_open` and the commit itself runs on the reading thread.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from proxy.logs import log
from proxy.rows import Round
from proxy.store import Busy, Committed, Store

T = TypeVar("T")


PRUNE_EVERY_S, PRUNE_AGAIN_S = 24 * 3600.0, 600.0


class Committer:
    def __init__(self, store: Store, *, every_s: float = 1.0, wait_s: float = 5.0):
        self.store, self.every_s, self.wait_s = store, every_s, wait_s
        self._pruned_s = float("-inf")
        self.trouble = ""
        """Who holds the store, or what it says."""
        self.commits = 0
        self.stored: set[str] | None = None
        """Segments found in the store at the start; taken once."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._opening: Future[None] | None = None
        self._opened, self._closed = False, threading.Event()
        self._future: Future[Committed] | None = None
        self._round: Round | None = None
        self._since_s = self._begun_s = float("-inf")

    @property
    def busy(self) -> bool:
        return self._round is not None

    def open(self, names: Sequence[str]) -> None:
        self._since_s = time.monotonic()
        self._opening = self._pool.submit(self._open, names)

    def wait_open(self, seconds: float) -> None:
        with suppress(TimeoutError):
            if self._opening is not None:
                self._opening.result(seconds)

    def _open(self, names: Sequence[str]) -> None:
        while not self._opened and not self._closed.is_set():
            try:
                self.store.prepare(wait_s=self.wait_s)
                self.stored = self.store.known_segments(names, wait_s=self.wait_s)
                self._opened, self.trouble = True, ""
            except Exception as wrong:
                self._troubled(wrong)
                self._closed.wait(0.5)

    @property
    def opened(self) -> bool:
        return self._opened

    def ask(self, question: Callable[[Store], T]) -> Future[T]:
        """Something else that the store is needed for, in its turn."""
        return self._pool.submit(question, self.store)

    def waiting_s(self) -> float:
        """Since when there is something to do that does not get done."""
        return time.monotonic() - self._since_s if self.busy or not self._opened else 0.0

    def due(self, *, at_once: bool) -> bool:
        if not self._opened or self._future is not None:
            return False
        if self._round is not None:
            self._submit(self._round)
            return False
        return at_once or time.monotonic() - self._begun_s >= self.every_s

    def begin(self, round: Round) -> None:
        self._round, self._since_s = round, time.monotonic()
        self._submit(round)

    def _submit(self, round: Round) -> None:
        self._begun_s = time.monotonic()
        self._future = self._pool.submit(self.store.commit, round, wait_s=self.wait_s)

    def result(self) -> Committed | None:
        """What became of the round, once, when it is in the store."""
        if self._future is None or not self._future.done():
            return None
        future, self._future = self._future, None
        try:
            committed = future.result()
        except Exception as wrong:
            self._troubled(wrong)
            return None
        self._round, self.trouble = None, ""
        self.commits += 1
        return committed

    def prune_daily(self, days: int) -> None:
        """Retention, once a day and once after a start, between commits on their thread; what fails is tried again ten minutes later."""
        if not self._opened or self.busy or time.monotonic() - self._pruned_s < PRUNE_EVERY_S:
            return
        self._pruned_s = time.monotonic()
        self._pool.submit(self._prune, days)

    def _prune(self, days: int) -> None:
        try:
            removed = self.store.prune(days, datetime.now(UTC).replace(tzinfo=None), wait_s=self.wait_s)
            log.info("store.pruned", days=days, rows=sum(removed.values()))
        except Exception as wrong:
            log.warning("store.not_pruned", reason=f"{type(wrong).__name__}: {wrong}")
            self._pruned_s = time.monotonic() - PRUNE_EVERY_S + PRUNE_AGAIN_S

    def _troubled(self, wrong: Exception) -> None:
        said = f"held by {wrong.holder}" if isinstance(wrong, Busy) else f"{type(wrong).__name__}: {wrong}"
        if said != self.trouble:
            log.warning("store.not_ready", reason=said)
        self.trouble = said

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

"""The writing side of the journal: append-only segments of one process. The only door to the store.

Law: `append` costs the loop a tuple and never waits; lines are built a batch at a time on the loop and written by a thread, so a stalled
disk stalls nobody. Whatever finds no room (bytes in memory, bytes on disk) is dropped, and every drop has a counter. What the thread does
on disk is in `segment_file.py`.
"""

import asyncio
import collections
import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from proxy.config import Config
from proxy.events import AnyEvent
from proxy.segment_file import Batch, JournalLimits, SegmentFile, folder_bytes

__all__ = ["Journal", "JournalLimits", "Made", "folder_bytes", "limits_of"]

Made = tuple[AnyEvent, Sequence[bytes]]
"""An event and the pieces of its body; the journal sets `seq` and `body`."""

BATCH_EVENTS = 200
BATCH_PIECES = 900  # writev takes 1,024 buffers
TICK_S = 0.010
_encode = msgspec.json.Encoder().encode
_set = msgspec.structs.force_setattr  # the event was made for the journal, which alone knows these two
_NEWLINE = b"\n"


class Journal:
    """One writer. Call `start` on the loop that appends; `close` waits for what is queued, up to a deadline."""

    def __init__(self, folder: Path, process: str, config: str, limits: JournalLimits | None = None):
        self.folder, self.process, self.config, self.limits = folder, process, config, limits or JournalLimits()
        self.writer, self._queue_max = secrets.token_hex(6), self.limits.queue_max_bytes
        self.dropped: dict[str, int] = {}
        """Events or bodies lost, by reason; written by the loop and, for `disk_…`, by the thread."""
        self.held = 0
        """Bytes of captures that are still growing."""
        self.failing = ""
        """Why the disk refuses, while it does."""
        self._events: collections.deque[tuple[int, Callable[[Any], Made], Any, int, bool]] = collections.deque()
        self._seq, self._queued, self._written, self._armed = 0, 0, 0, False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batches: queue.SimpleQueue[Batch | threading.Event | None] = queue.SimpleQueue()
        self._file = SegmentFile(self)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._loop = loop
        self._thread.start()

    # ---- the loop's side

    @property
    def queued_bytes(self) -> int:
        return self._queued - self._written

    def room(self, size: int) -> bool:
        """Take `size` bytes of the shared bound for a growing capture; False when there is none, and nothing is taken."""
        if self.held + size + self._queued - self._written > self._queue_max:
            return False
        self.held += size
        return True

    def give_back(self, size: int) -> None:
        """Return what `room` granted: the capture was given up, or its event is being appended."""
        self.held -= size

    def count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def append(self, make: Callable[[Any], Made], subject: Any, size: int, *, reserved: bool = False) -> bool:
        """Queue `make(subject)`, built within 10 ms; nothing it reads may change any more. `size` estimates its bytes.

        `reserved` events (beats, decisions, audit, labels, feedback) may use the reserve. False: dropped and counted.
        """
        self._seq += 1
        if self._queued - self._written + self.held + size > self._queue_max + (self.limits.disk_reserve_bytes if reserved else 0):
            self.count("queue_full")
            return False
        self._queued += size
        self._events.append((self._seq, make, subject, size, reserved))
        if not self._armed and self._loop is not None:
            self._armed = True
            self._loop.call_later(TICK_S, self._due)
        return True

    def put(self, event: AnyEvent, body: bytes = b"", *, reserved: bool = False) -> bool:
        """Append an event that is already built."""
        return self.append(_as_is, (event, (body,) if body else ()), len(body) + 500, reserved=reserved)

    def flush(self) -> threading.Event:
        """An event that is set once everything appended so far has been handed to the kernel (or dropped)."""
        self._due()
        done = threading.Event()
        self._batches.put(done)
        return done

    async def written(self, wait_s: float) -> None:
        """Until everything appended so far is with the kernel or dropped, but no longer than this."""
        written, ends = self.flush(), time.monotonic() + wait_s
        while not written.is_set() and time.monotonic() < ends:  # noqa: ASYNC110 (the journal's thread sets it)
            await asyncio.sleep(0.001)

    def close(self, wait_s: float = 5.0) -> None:
        """Write what is queued, seal, end the thread. Not for the loop of a busy process: it blocks up to `wait_s`."""
        if self._thread.is_alive():
            self._due()
            self._batches.put(None)
            self._thread.join(wait_s)

    def _due(self) -> None:
        self._armed = False
        while self._events:
            self._batches.put(self._batch())

    def _batch(self) -> Batch:
        """Up to 200 events as buffers, of one kind: those that may use the disk's reserve, or those that may not."""
        pieces: list[bytes] = []
        ends: list[int] = []
        piece_ends: list[int] = []
        end = counted = 0
        reserved = self._events[0][4]
        while self._events and len(ends) < BATCH_EVENTS and len(pieces) < BATCH_PIECES and self._events[0][4] == reserved:
            seq, make, subject, size, _ = self._events.popleft()
            event, body = make(subject)
            if len(body) > 64:
                body = (b"".join(body),)
            length = len(body[0]) if len(body) == 1 else sum(map(len, body))
            _set(event, "seq", seq)
            _set(event, "body", length)
            line = _encode(event) + _NEWLINE
            pieces.append(line)
            pieces.extend(body)
            end += len(line) + length
            ends.append(end)
            piece_ends.append(len(pieces))
            counted += size
        return Batch(pieces, ends, piece_ends, reserved, counted)

    # ---- the thread's side

    def _run(self) -> None:
        while True:
            try:
                batch = self._batches.get(timeout=self._file.due_in())
            except queue.Empty:
                self._file.tend()
                continue
            if batch is None:
                return self._file.seal()
            if isinstance(batch, threading.Event):
                batch.set()
                continue
            self._file.write(batch)
            self._written += batch.counted
            self._file.tend()


def _as_is(made: Made) -> Made:
    return made


def limits_of(config: Config) -> JournalLimits:
    section = config.journal
    return JournalLimits(
        queue_max_bytes=section.queue_max_bytes,
        disk_max_bytes=section.disk_max_bytes,
        disk_reserve_bytes=section.disk_reserve_bytes,
        segment_max_bytes=section.segment_max_bytes,
        segment_age_s=section.segment_age_s,
        fsync=section.fsync,
        fsync_interval_s=section.fsync_interval_s,
    )

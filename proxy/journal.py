"""The writing side of the journal: append-only segments of one process. The only door to the store.

Law: `append` costs the loop a tuple and never waits; lines are built a batch at a time on the loop and written by a thread, so a stalled
disk stalls nobody. Whatever finds no room (bytes in memory, bytes on disk) is dropped, and every drop has a counter. A segment on disk
always ends with a whole event, and while its writer lives it is locked: created under another name, locked, then renamed.
"""

import bisect
import collections
import fcntl
import os
import queue
import secrets
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from proxy.events import AnyEvent, SegmentEvent

Made = tuple[AnyEvent, Sequence[bytes]]
"""An event and the pieces of its body; the journal sets `seq` and `body`."""

BATCH_EVENTS = 200
BATCH_PIECES = 900  # writev takes 1,024 buffers
TICK_S = 0.010
_encode = msgspec.json.Encoder().encode
_set = msgspec.structs.force_setattr  # the event was made for the journal, which alone knows these two
_NEWLINE = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLimits:
    queue_max_bytes: int = 256 << 20
    """Bytes waiting in memory: captures still growing and events not yet written."""
    disk_max_bytes: int = 4 << 30
    """Bytes of all segments in the folder; beyond it calls and bodies are dropped."""
    disk_reserve_bytes: int = 4 << 20
    """Kept free, in the cap and on the file system, for beats, decisions, audit, labels and feedback."""
    segment_max_bytes: int = 64 << 20
    segment_age_s: float = 1.0
    fsync: Literal["never", "interval", "always"] = "interval"
    fsync_interval_s: float = 1.0


@dataclass(frozen=True, slots=True)
class _Batch:
    pieces: list[bytes]
    ends: list[int]
    """Where each event ends, in bytes from the batch's start."""
    piece_ends: list[int]
    """And in pieces."""
    reserved: bool
    """Only events that may use the reserve."""
    counted: int
    """What these events had been counted with in the queue."""

    def first(self, events: int) -> "_Batch":
        return _Batch(self.pieces[: self.piece_ends[events - 1]], self.ends[:events], self.piece_ends[:events], self.reserved, self.counted)


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
        self._loop: AbstractEventLoop | None = None
        self._batches: queue.SimpleQueue[_Batch | threading.Event | None] = queue.SimpleQueue()
        self._file = _SegmentFile(self)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self, loop: AbstractEventLoop) -> None:
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

    def _batch(self) -> _Batch:
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
        return _Batch(pieces, ends, piece_ends, reserved, counted)

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


class _SegmentFile:
    """The open segment. Only the journal's thread touches it."""

    def __init__(self, journal: Journal):
        self.journal, self.fd, self.size, self.born, self.number = journal, -1, 0, 0.0, 0
        self.dirty_since, self.path, self._seen_bytes, self._seen_at = 0.0, Path(), 0, -1.0

    def due_in(self) -> float:
        """Seconds until something must be done without a new event."""
        if self.fd < 0:
            return 3600.0
        limits = self.journal.limits
        due = self.born + limits.segment_age_s
        if self.dirty_since and limits.fsync == "interval":
            due = min(due, self.dirty_since + limits.fsync_interval_s)
        return max(due - time.monotonic(), 0.001)

    def tend(self) -> None:
        """Seal by age or size, sync by interval."""
        now, limits = time.monotonic(), self.journal.limits
        if self.fd < 0:
            return
        if self.size >= limits.segment_max_bytes or now - self.born >= limits.segment_age_s:
            return self.seal()
        if self.dirty_since and limits.fsync == "interval" and now - self.dirty_since >= limits.fsync_interval_s:
            self.sync()

    def write(self, batch: _Batch) -> None:
        try:
            fits = bisect.bisect_right(batch.ends, self._room(batch.reserved))
            all_fit = fits == len(batch.ends)
            if not all_fit:
                self.journal.failing = "the journal's disk is full"
                self._drop(len(batch.ends) - fits, "disk_cap")
                if not fits:
                    return
                batch = batch.first(fits)
            if self.fd < 0:
                self._open()
            done = os.writev(self.fd, batch.pieces)
        except OSError as error:
            self.journal.failing = error.strerror or str(error)
            return self._cut_back(0, batch)
        size = batch.ends[-1]
        if done < size:
            self.journal.failing = "short write"
            return self._cut_back(done, batch)
        if all_fit and not batch.reserved:
            self.journal.failing = ""
        self.size += size
        self._seen_bytes += size
        self._after_write()

    def _after_write(self) -> None:
        if self.journal.limits.fsync == "always":
            self.sync()
        elif not self.dirty_since:
            self.dirty_since = time.monotonic()

    def _cut_back(self, done: int, batch: _Batch) -> None:
        """A short write: keep the whole events, cut the torn one off, seal, count the rest as lost."""
        kept = bisect.bisect_right(batch.ends, done)
        self.size += batch.ends[kept - 1] if kept else 0
        self._drop(len(batch.ends) - kept, "disk_full")
        if self.fd >= 0:
            try:
                os.ftruncate(self.fd, self.size)
            except OSError:
                self.journal.count("cut_back_failed")  # readers drop the torn tail by themselves
            self.seal()

    def _drop(self, events: int, reason: str) -> None:
        self.journal.dropped[reason] = self.journal.dropped.get(reason, 0) + events

    def _room(self, reserved: bool) -> int:
        """Bytes that the folder's cap and the file system leave; the reserve is only for reserved events."""
        limits, folder, now = self.journal.limits, self.journal.folder, time.monotonic()
        if now - self._seen_at > 0.25:
            self._seen_bytes, self._seen_at = folder_bytes(folder), now
        free = os.statvfs(folder)
        room = min(limits.disk_max_bytes - self._seen_bytes, free.f_bavail * free.f_frsize)
        return room - (0 if reserved else limits.disk_reserve_bytes)

    def _open(self) -> None:
        journal = self.journal
        self.number += 1
        born_us = time.time_ns() // 1000
        self.path = journal.folder / f"{born_us:016d}-{journal.process}-{os.getpid()}-{journal.writer}-{self.number}.seg"
        making = self.path.with_suffix(".tmp")
        fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            head = SegmentEvent(at=born_us, process=journal.process, pid=os.getpid(), writer=journal.writer, config=journal.config)
            line = _encode(head) + _NEWLINE
            if os.write(fd, line) != len(line):
                raise OSError(28, "No space left on device")
            making.rename(self.path)
        except OSError:
            os.close(fd)
            making.unlink(missing_ok=True)
            raise
        self.fd, self.size, self.born = fd, len(line), time.monotonic()

    def sync(self) -> None:
        self.dirty_since = 0.0
        try:
            os.fdatasync(self.fd)
        except OSError as error:
            self.journal.failing = error.strerror or str(error)
            self.journal.count("fsync_failed")

    def seal(self) -> None:
        """Closing gives the lock back: that is what sealed means."""
        if self.fd < 0:
            return
        if self.journal.limits.fsync != "never" and self.dirty_since:
            self.sync()
        os.close(self.fd)
        self.fd, self.dirty_since = -1, 0.0


def _as_is(made: Made) -> Made:
    return made


def folder_bytes(folder: Path) -> int:
    """Bytes of all files directly in `folder`; files that vanish meanwhile count as nothing."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
    return total

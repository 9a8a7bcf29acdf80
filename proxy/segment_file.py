"""The open segment of a journal, and the disk below it. Only the journal's thread comes here.

Law: a segment always ends with a whole event. It is created under another name, locked, then renamed, and its lock is held until it is
sealed; a short write is cut back to the last whole event. What the cap or the disk has no room for is dropped and counted.
"""

import bisect
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from proxy.events import SegmentEvent

_encode = msgspec.json.Encoder().encode
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
class Batch:
    pieces: list[bytes]
    ends: list[int]
    """Where each event ends, in bytes from the batch's start."""
    piece_ends: list[int]
    """And in pieces."""
    reserved: bool
    """Only events that may use the reserve."""
    counted: int
    """What these events had been counted with in the queue."""

    def first(self, events: int) -> "Batch":
        return Batch(self.pieces[: self.piece_ends[events - 1]], self.ends[:events], self.piece_ends[:events], self.reserved, self.counted)


class Owner(Protocol):
    """What the file needs of its journal."""

    folder: Path
    process: str
    writer: str
    config: str
    limits: JournalLimits
    dropped: dict[str, int]
    failing: str

    def count(self, reason: str) -> None: ...


class SegmentFile:
    """The open segment. Only the journal's thread touches it."""

    def __init__(self, journal: "Owner"):
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

    def write(self, batch: Batch) -> None:
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

    def _cut_back(self, done: int, batch: Batch) -> None:
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

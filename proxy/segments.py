"""The reading side of the journal: which segments there are, which are sealed, and what is in them.

Law: a reader never writes a segment and never waits for its writer. A segment is sealed when its lock is free: closed, or its writer is
dead. A torn tail (the writer died in the middle of an event) is recognised and left out; only the recorder unlinks.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from proxy.events import AnyEvent, SegmentEvent
from proxy.exchange import Unreadable

LINE_MAX = 1 << 20
READ_BYTES = 4 << 20
_decode = msgspec.json.Decoder(AnyEvent).decode


@dataclass(frozen=True, slots=True)
class Passed:
    """One event as a reader meets it."""

    segment: str
    event: AnyEvent
    body: bytes
    at: int = 0
    """Offset in the segment where it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A sealed segment, read to its end."""

    name: str
    process: str
    writer: str
    events: tuple[Passed, ...]
    torn_bytes: int
    """Bytes after the last whole event."""
    damage: str | None = None
    """Why reading stopped before the end, when it was not just a torn tail."""


def segment_names(folder: Path) -> list[str]:
    """Names of all segments, oldest first (their names begin with their birth in microseconds)."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".seg"))  # noqa: PTH208 (names, not paths: polled)
    except FileNotFoundError:
        return []


def process_of(name: str) -> str:
    """`worker-0` from `0001763…-worker-0-4711-9f86d0-1.seg`."""
    return "-".join(name.split("-")[1:-3])


def born_us(name: str) -> int:
    return int(name.partition("-")[0])


def is_sealed(path: Path) -> bool:
    """Whether nobody will write there any more. A segment that is gone counts as sealed."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def sealed_names(folder: Path) -> list[str]:
    return [name for name in segment_names(folder) if is_sealed(folder / name)]


def parse(name: str, data: bytes | memoryview, base: int = 0) -> Iterator[Passed | Unreadable]:
    """Whole events from the start of `data`; stops at a torn tail without a word, at damage with an `Unreadable`.

    After damage nothing is searched for: a body may contain what looks like an event.
    """
    view, here, raw = memoryview(data), 0, bytes(data) if not isinstance(data, bytes) else data
    while True:
        end = raw.find(b"\n", here, here + LINE_MAX)
        if end < 0:
            if len(raw) - here >= LINE_MAX:
                yield Unreadable(reason=f"a line longer than {LINE_MAX} bytes at {base + here}")
            return
        try:
            event = _decode(view[here:end])
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            yield Unreadable(reason=f"not an event at {base + here}: {error}")
            return
        after = end + 1 + event.body
        if after > len(raw):
            return
        yield Passed(name, event, raw[end + 1 : after], base + here)
        here = after


def read_segment(path: Path) -> Contents | None:
    """Everything whole in a sealed segment; None when it is gone."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    events: list[Passed] = []
    damage: str | None = None
    end = 0
    process, writer = process_of(path.name), ""
    for item in parse(path.name, data):
        if isinstance(item, Unreadable):
            damage = item.reason
            break
        end = data.index(b"\n", item.at) + 1 + item.event.body
        if isinstance(item.event, SegmentEvent):
            process, writer = item.event.process, item.event.writer
        events.append(item)
    return Contents(name=path.name, process=process, writer=writer, events=tuple(events), torn_bytes=len(data) - end, damage=damage)


@dataclass(slots=True)
class _Open:
    fd: int
    rest: bytes = b""
    offset: int = 0
    """Of `rest` in the segment."""
    damaged: bool = False


@dataclass(slots=True)
class Tail:
    """Follows the live segments of some processes from wherever they begin. `poll` never blocks longer than a read."""

    folder: Path
    prefix: str = "worker"
    """Only segments of processes whose name begins with it."""
    _open: dict[str, _Open] = field(default_factory=dict[str, _Open])
    _done: set[str] = field(default_factory=set[str])
    finished: list[str] = field(default_factory=list[str])
    """Segments read to their sealed end since the caller last cleared this list."""
    damaged: int = 0

    def poll(self) -> list[Passed]:
        """New whole events, oldest segment first."""
        names = [name for name in segment_names(self.folder) if process_of(name).startswith(self.prefix)]
        self._done.intersection_update(names)
        passed: list[Passed] = []
        for name in names:
            if name not in self._done:
                passed += self._advance(name)
        return passed

    def close(self) -> None:
        for each in self._open.values():
            os.close(each.fd)
        self._open.clear()

    def _advance(self, name: str) -> list[Passed]:
        state = self._open.get(name)
        if state is None:
            try:
                state = self._open[name] = _Open(os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC))
            except FileNotFoundError:
                return []
        sealed = _lock_is_free(state.fd)  # asked before the read: what is written after it is seen next time
        data = os.read(state.fd, READ_BYTES)
        passed = self._take(name, state, data) if data else []
        if sealed and len(data) < READ_BYTES:
            self._finish(name, state)
        return passed

    def _take(self, name: str, state: _Open, data: bytes) -> list[Passed]:
        if state.damaged:
            return []
        state.rest += data
        passed: list[Passed] = []
        end = 0
        for item in parse(name, state.rest, state.offset):
            if isinstance(item, Unreadable):
                state.damaged, self.damaged, end = True, self.damaged + 1, len(state.rest)
                break
            passed.append(item)
            start = item.at - state.offset
            end = state.rest.index(b"\n", start) + 1 + item.event.body
        state.rest, state.offset = state.rest[end:], state.offset + end
        return passed

    def _finish(self, name: str, state: _Open) -> None:
        os.close(state.fd)
        del self._open[name]
        self._done.add(name)
        self.finished.append(name)


def _lock_is_free(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True

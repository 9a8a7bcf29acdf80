"""Undoes a Content-Encoding on a copy of a body, for the record only: what travels on the wire is never touched.

Total and bounded: whatever the bytes claim, at most `max_bytes` come out and no more than a few MB are held on the way. A body
that breaks off gives what can be had of it, with a `fault`. Chunk marks of the encoded body are carried over to the decoded one
by decoding chunk by chunk, so that the time of the first content can be told for compressed streams too.
Sources: RFC 9110 8.4 (codings, applied in the order listed), RFC 1950-1952, RFC 7932, RFC 8878, RFC 9659 (zstd window of 8 MB).
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import brotli  # pyright: ignore[reportMissingTypeStubs]
import zstandard

from proxy.exchange import Unreadable

MAX_CODINGS = 4
PIECE_BYTES = 65_536
ZSTD_PIECE_BYTES = 256
"""zstandard has no bound on what one call gives out. Four bytes can stand for a block of 128 KB, so this many for 8 MB at most."""
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
_zlib_error, _brotli_error, _zstd_error = zlib.error, cast("type[Exception]", brotli.error), zstandard.ZstdError  # pyright: ignore[reportUnknownMemberType]

Marks = Sequence[tuple[int, int]]
"""(µs, bytes of body received by then)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    body: bytes
    marks: tuple[tuple[int, int], ...] = ()
    """The marks given, in offsets of `body`."""
    fault: str | None = None
    """Why `body` is not all there is: it broke off, went bad on the way, or was longer than the bound."""


class _Stage(Protocol):
    """One coding being undone. `feed` gives at most about `room` bytes more; `full` says that some were held back."""

    done: bool
    full: bool

    def feed(self, data: bytes, room: int) -> bytes: ...


def decode(body: bytes, encoding: str, max_bytes: int, marks: Marks = ()) -> Decoded | Unreadable:
    """`body` without its codings, and `marks` in the decoded body's offsets."""
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    unknown = [name for name in names if name not in _STAGES]
    if unknown or len(names) > MAX_CODINGS:
        return Unreadable(reason=f"content-encoding {encoding[:100]!r} is not one we undo")
    if not names:
        over = len(body) > max_bytes
        kept = tuple((at, min(offset, max_bytes)) for at, offset in marks)
        return Decoded(body=body[:max_bytes] if over else body, marks=kept, fault=_over(max_bytes) if over else None)
    return _decode([_STAGES[name]() for name in reversed(names)], body, max_bytes, marks)


def _decode(stages: list[_Stage], body: bytes, max_bytes: int, marks: Marks) -> Decoded | Unreadable:
    out = bytearray()
    moved: list[tuple[int, int]] = []
    fault = None
    for piece, at in _pieces(body, marks):
        if fault is None and piece:
            fault = _feed(stages, piece, out, max_bytes)
        if at is not None:
            moved.append((at, min(len(out), max_bytes)))
    if fault is None and body and not all(stage.done for stage in stages):
        fault = "the encoded body breaks off"
    if fault and not out and not fault.startswith("the encoded body breaks off"):
        return Unreadable(reason=fault)
    return Decoded(body=bytes(out[:max_bytes]), marks=tuple(moved), fault=fault)


def _pieces(body: bytes, marks: Marks) -> Iterator[tuple[bytes, int | None]]:
    """The body cut where its chunks ended, long chunks also in between; each with its mark's time when it ends at a mark."""
    start = 0
    for at, offset in marks:
        yield from ((body[here : min(here + PIECE_BYTES, offset)], None) for here in range(start, min(offset, len(body)), PIECE_BYTES))
        yield b"", at
        start = max(start, offset)
    yield from ((body[here : here + PIECE_BYTES], None) for here in range(start, len(body), PIECE_BYTES))


def _feed(stages: list[_Stage], piece: bytes, out: bytearray, max_bytes: int) -> str | None:
    """Sends one piece through all stages into `out`; returns what went wrong."""
    try:
        for stage in stages:
            # One byte more than allowed shows that there was more. Between two stages the bound holds for each piece.
            piece = stage.feed(piece, max_bytes + 1 - (len(out) if stage is stages[-1] else 0))
    except (_zlib_error, _brotli_error, _zstd_error, ValueError, EOFError) as wrong:
        return f"the encoded body is not what its content-encoding says: {wrong}"
    out += piece
    return _over(max_bytes) if len(out) > max_bytes or any(stage.full for stage in stages) else None


def _over(max_bytes: int) -> str:
    return f"decoded, the body is longer than {max_bytes} bytes"


class _Zlib:
    """gzip, zlib or raw deflate. `deflate` means zlib, but some servers send it raw: the first two bytes tell."""

    def __init__(self, wbits: int | None = None) -> None:
        self.done = self.full = False
        self._wbits = wbits
        self._head = b""
        self._inner = None if wbits is None else zlib.decompressobj(wbits)

    def feed(self, data: bytes, room: int) -> bytes:
        if self._inner is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            zlibbed = self._head[0] & 0x0F == 8 and int.from_bytes(self._head[:2]) % 31 == 0
            self._wbits, data = (zlib.MAX_WBITS if zlibbed else -zlib.MAX_WBITS), self._head
            self._inner = zlib.decompressobj(self._wbits)
        return self._members(self._inner, data, room)

    def _members(self, inner: Any, data: bytes, room: int) -> bytes:
        """gzip may be several members one after another; padding and junk after the end are passed over, as gzip itself does."""
        out = bytearray()
        while data and len(out) < room and not (self.done and data[0] != 0x1F):
            if self.done:
                self._inner = inner = zlib.decompressobj(zlib.MAX_WBITS | 16)
            out += inner.decompress(data, room - len(out))
            self.done, self.full = inner.eof, bool(inner.unconsumed_tail)
            data = inner.unused_data if self._wbits == zlib.MAX_WBITS | 16 else b""
        return bytes(out)


class _Brotli:
    def __init__(self) -> None:
        self.done = self.full = False
        self._inner = cast(Any, brotli.Decompressor())  # pyright: ignore[reportUnknownMemberType]

    def feed(self, data: bytes, room: int) -> bytes:
        if self.done:
            return b""
        out = cast(bytes, self._inner.process(data, output_buffer_limit=room))
        while len(out) < room and not self._inner.can_accept_more_data():
            more = cast(bytes, self._inner.process(b"", output_buffer_limit=room - len(out)))
            out += more
        self.done = self._inner.is_finished()
        self.full = not self.done and not self._inner.can_accept_more_data()
        return out


class _Zstd:
    def __init__(self) -> None:
        self.done = self.full = False
        self._inner: zstandard.ZstdDecompressionObj | None = None

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        for start in range(0, len(data), ZSTD_PIECE_BYTES):
            self._frames(data[start : start + ZSTD_PIECE_BYTES], out)
            if len(out) > room:
                self.full = True
                break
        return bytes(out)

    def _frames(self, data: bytes, out: bytearray) -> None:
        while data:
            if self._inner is None:
                self._inner = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
            out += self._inner.decompress(data)
            self.done, data = self._inner.eof, self._inner.unused_data
            self._inner = None if self.done else self._inner


_STAGES: dict[str, Callable[[], _Stage]] = {
    "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "x-gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": _Zlib,
    "br": _Brotli,
    "zstd": _Zstd,
}

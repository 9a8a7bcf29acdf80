"""AWS's binary event stream in, frames out: lengths, headers, payload, two checksums, and nothing of what the events mean.

Pure and total: any bytes give a finite sequence of frames; the first that does not agree with its checksums ends it, for nothing after it
can be trusted. Source: Smithy, "Amazon Event Stream Specification" (`application/vnd.amazon.eventstream`).
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

PRELUDE = struct.Struct(">III")
MESSAGE_MAX = 24 << 20
"""The specification's 16 MB of payload and some room."""
_STRING, _BYTES = 7, 6
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Sizes of the header values that have no length of their own, by type."""


class Frame(NamedTuple):
    headers: dict[str, str]
    """Those whose value is a string: `:message-type`, `:event-type`, `:exception-type`, `:error-code`, `:error-message`."""
    payload: bytes
    end: int
    """Offset just past the frame."""

    @property
    def name(self) -> str:
        """Of the event, or of the exception."""
        return self.headers.get(":event-type") or self.headers.get(":exception-type") or self.headers.get(":error-code") or ""

    @property
    def failed(self) -> bool:
        return self.headers.get(":message-type", "event") != "event"


def is_framed(body: bytes) -> bool:
    """Whether a body begins with a sound prelude: twelve bytes with a checksum of their own."""
    return len(body) >= PRELUDE.size and PRELUDE.unpack_from(body)[2] == zlib.crc32(body[:8])


def frames(body: bytes) -> Iterator[Frame]:
    """Whole frames in order. What follows the last one broke off, or is no frame."""
    start = 0
    while (found := _frame(body, start)) is not None:
        yield found
        start = found.end


def _frame(body: bytes, start: int) -> Frame | None:
    if len(body) - start < PRELUDE.size + 4:
        return None
    total, heads, prelude_sum = PRELUDE.unpack_from(body, start)
    end, begin = start + total, start + PRELUDE.size
    sound = PRELUDE.size + heads + 4 <= total <= MESSAGE_MAX and prelude_sum == zlib.crc32(body[start : start + 8])
    if not sound or end > len(body) or struct.unpack_from(">I", body, end - 4)[0] != zlib.crc32(body[start : end - 4]):
        return None
    return Frame(_headers(body[begin : begin + heads]), body[begin + heads : end - 4], end)


def _headers(data: bytes) -> dict[str, str]:
    """As far as they can be read; the checksum has vouched for them."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        if name_end >= len(data):
            break
        kind, at_value = data[name_end], name_end + 1
        if kind in (_STRING, _BYTES):
            if at_value + 2 > len(data):
                break
            size = struct.unpack_from(">H", data, at_value)[0]
            at_value += 2
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            break
        if kind == _STRING:
            found[data[at + 1 : name_end].decode("utf-8", "replace")] = data[at_value : at_value + size].decode("utf-8", "replace")
        at = at_value + size
    return found

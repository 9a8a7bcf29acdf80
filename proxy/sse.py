"""Bytes of an event stream in, events out: the WHATWG parsing rules, and nothing of what the events mean.

Pure and total: any bytes give a finite sequence of events. An event exists only once its blank line has come; what follows the
last blank line is `unfinished`, which a reader of cut streams may look at. Offsets count bytes of the body as given.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
# Two line ends in a row, each CR, LF or CRLF: a CR before the first LF stays with the block, where it ends a line all the same.
_BLANK_LINE = re.compile(rb"\n(?:\n|\r\n?)|\r\r\n?")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Event(NamedTuple):
    """A named tuple and not a dataclass: a long answer has thousands of these, and this is three times as quick to build."""

    name: str
    """`message` where the stream does not name it."""
    data: str
    last_id: str
    end: int
    """Offset just past the event's blank line."""


def events(body: bytes) -> Iterator[Event]:
    """The stream's events in order. Invalid UTF-8 becomes U+FFFD, as the standard says."""
    line_end = _line_end(body)
    last_id = ""
    for block, end in _blocks(body, line_end):
        # Nearly every block is one line of data, or one of these after an event line: they need no splitting.
        first = block.find(line_end) if line_end else 0
        if first < 0 and block.startswith(b"data: "):
            yield Event("message", block[6:].decode("utf-8", "replace"), last_id, end)
        elif line_end and first > 7 and block.startswith(b"event: ") and _only_data(block, line_end, second := first + len(line_end)):
            data = block[second + 6 :].decode("utf-8", "replace")
            yield Event(block[7:first].decode("utf-8", "replace"), data, last_id, end)
        else:
            name, data, last_id = _fields(block, last_id)
            if data is not None:
                yield Event(name or "message", data, last_id, end)


def unfinished(body: bytes) -> bytes:
    """What stands after the last blank line: the beginning of an event that never ended. Empty for a stream that ends cleanly."""
    start = _start(body)
    for _, end in _blocks(body, _line_end(body)):
        start = end
    return body[start:].strip(b"\r\n")


def _start(body: bytes) -> int:
    return len(BOM) if body.startswith(BOM) else 0


def _line_end(body: bytes) -> bytes | None:
    """The one line end that a body uses throughout, or None for a mixture: searching for a constant is much the quicker way."""
    returns = body.count(b"\r")
    if not returns:
        return b"\n"
    return b"\r\n" if returns == body.count(b"\r\n") == body.count(b"\n") else None


def _blocks(body: bytes, line_end: bytes | None) -> Iterator[tuple[bytes, int]]:
    """(the lines between two blank lines, offset just past the second)"""
    start = _start(body)
    if line_end is None:
        for match in _BLANK_LINE.finditer(body, start):
            stop, end = match.span()
            yield body[start:stop], end
            start = end
        return
    blank = line_end * 2
    blocks = (body[start:] if start else body).split(blank)
    del blocks[-1]
    for block in blocks:
        start += len(block) + len(blank)
        yield block, start


def _only_data(block: bytes, line_end: bytes, start: int) -> bool:
    return block.startswith(b"data: ", start) and block.find(line_end, start) < 0


def _fields(block: bytes, last_id: str) -> tuple[str, str | None, str]:
    """(event name, data or None where the block has no data line, last id) of the lines before one blank line."""
    name = ""
    data: list[str] = []
    for line in _LINE_END.split(block):
        key, _, raw = line.partition(b":")
        if key == b"data":
            data.append(_value(raw))
        elif key == b"event":
            name = _value(raw)
        elif key == b"id" and b"\0" not in raw:
            last_id = _value(raw)
    return name, "\n".join(data) if data else None, last_id


def _value(raw: bytes) -> str:
    return raw[1 if raw.startswith(b" ") else 0 :].decode("utf-8", "replace")

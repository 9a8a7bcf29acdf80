"""How long a request would hold the loop of the worker that reads it: told from its bytes before it is parsed, and from its shape before
its dialect reads it. Pure.

Law: the bound is one of structure, never of time, so that a call has the same answer on every worker and on a slow day. A mark is about
150 ns at its dearest (`tests/bench/bench_weight.py` prints the dearest bodies of each kind), so MOST of them are some 10 ms.
"""

from typing import cast

from proxy.dialects.reading import Document

MOST = 64_000
LIGHT_BYTES = 120_000
"""So few bytes are parsed in time whatever they are: they are not looked through, and count as lists in lists would, which cost most."""
LIGHT_BYTES_A_MARK = 4
BYTES_A_MARK = 100
WIDE_BYTES_A_MARK = 50
"""Of a body with letters beyond ASCII, whose texts take two to four times the room once read."""
UNFOLDED_MOST = 1_000_000
"""Bytes that a body with a content-encoding may have, folded and unfolded: unfolding takes as long as all the rest."""
FRAMES = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18")
"""How gzip's members and zstd's frames begin, those that are skipped too: a body of thousands of empty ones takes seconds."""
FRAMES_MOST = 100
"""By chance 1 MB has some 15 of gzip's."""
MANY_BYTES = 1_000_000
ESCAPES_A_MARK = 16
"""Where there are many bytes: that many escapes cost as much as a mark, to read and to write again."""
PIECE_MARKS = 5
"""What a dialect's reader and the look for side effects do with a key, an object or a list."""
PIECE_BYTES = 2
"""No piece is shorter."""
LEVELS = 9
"""Nobody looks deeper: call, messages, message, content, block, result, content, block, source."""
CLOSED = frozenset(("parameters", "parametersJsonSchema", "input_schema", "inputSchema", "json_schema", "responseSchema"))
"""What they hold nobody looks into."""
_HELD = (dict, list)


def marks_of(body: bytes) -> int:
    """Every value but the first of its list has a comma, and a name its colon; a text has some too, which is the price of being quick."""
    size = len(body)
    if size <= LIGHT_BYTES:
        return size // LIGHT_BYTES_A_MARK
    bare = size // (BYTES_A_MARK if body.isascii() else WIDE_BYTES_A_MARK)
    if bare > MOST:
        return bare  # to count what 30 MB hold would take 60 ms
    escapes = body.count(b"\\") // ESCAPES_A_MARK if size > MANY_BYTES else 0
    return size - len(body.translate(None, b",:[{")) + bare + escapes


def folded_badly(body: bytes, encoding: str) -> bool:
    """Whether undoing its content-encoding would take too long; nobody who means well folds twice."""
    return len(body) > UNFOLDED_MOST or "," in encoding or any(body.count(mark) > FRAMES_MOST for mark in FRAMES)


def too_heavy(marks: int) -> bool:
    """Whether a body with so many marks would take too long to parse."""
    return marks > MOST


def too_crowded(size: int, marks: int, document: Document) -> bool:
    """Whether this body, parsed, would take too long to read."""
    room = (MOST - marks) // PIECE_MARKS
    return size // PIECE_BYTES > room and _exceeds(document, room)


def _exceeds(document: Document, room: int) -> bool:
    """Whether there are more keys, objects and lists than that."""
    level: list[Document | list[object]] = [document]
    for _ in range(LEVELS):
        inner: list[Document | list[object]] = []
        for each in level:
            if isinstance(each, dict):
                room -= len(each)
                held = [value for name, value in each.items() if type(value) in _HELD and name not in CLOSED]
            else:
                held = [value for value in each if type(value) in _HELD]
            room -= len(held)
            if room < 0:
                return True
            inner += cast("list[Document | list[object]]", held)
        level = [each for each in inner if each]
    return False

"""JSON from strangers, read without surprises: every value is narrowed before use, and nothing here raises on any bytes.

`as_*` give the value if it has the type asked for and an empty one otherwise. `read_json` repairs what strict parsers refuse though
clients accept it (lone surrogates, invalid UTF-8, NaN); `read_cut` reads a document that breaks off as far as it goes.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, TypeGuard

import orjson

from proxy.exchange import Unreadable

Document = dict[str, object]
NOTHING: Final[Document] = {}
"""Stands for an absent object. Never written to."""
MAX_COUNT = 2**53
"""No honest token count is larger; the store's columns would not take it."""
_BLANK = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")
_FIELD = re.compile(rb"data|event|id|retry|:")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A string (perhaps one that breaks off) or a structural character. Possessive, so that hostile input costs one pass.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_TEXT_KEY = re.compile(rb'"(?:content|text)"\s*:\s*\Z')
_BROKEN_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_CLOSES = {b"{": b"}", b"[": b"]"}


def is_document(value: object) -> TypeGuard[Document]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def as_document(value: object) -> Document:
    return value if is_document(value) else NOTHING


def as_list(value: object) -> list[object]:
    return value if is_list(value) else []


def as_documents(value: object) -> list[Document]:
    return [item for item in value if is_document(item)] if is_list(value) else []


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def as_count(value: object) -> int | None:
    """A count of tokens, or None for anything that cannot be one. Some servers count in floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT else None


def as_json(value: object) -> str:
    """Arguments that came as a value and not as text. Text stays as the model wrote it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits, or deeper than orjson writes
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            return ""


def read_json(data: bytes | str) -> object:
    """The value, or Unreadable."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _repaired(data)


def read_document(data: bytes | str) -> Document | Unreadable:
    value = read_json(data)
    if is_document(value) or isinstance(value, Unreadable):
        return value
    return Unreadable(reason=f"a JSON {type(value).__name__} where an object belongs")


def read_cut(body: bytes) -> object:
    """The value of a JSON document that breaks off, closed where it ends; Unreadable when breaking off is not what ails it.

    Half a text is a text; half a name or an id would be a false one, and goes.
    """
    ended = _scan(body)
    if ended is None:
        return Unreadable(reason="not JSON, and not the beginning of JSON either")
    closers, string, safe = ended
    if string is None or _TEXT_KEY.search(body, max(string - 40, 0), string):
        quick = read_json((body if string is None else _BROKEN_ESCAPE.sub(b"", body) + b'"') + closers)
        if not isinstance(quick, Unreadable):
            return quick
    # Cut within a key, a number or a word: back to the last place where a value could have ended.
    before = _scan(body[:safe])
    return read_json(body[:safe] + before[0]) if before else Unreadable(reason="not JSON")


def _scan(body: bytes) -> tuple[bytes, int | None, int] | None:
    """(what would close it, where the string starts that it ends in, the last offset fit for closing); None: it is not just cut."""
    open_ = bytearray()
    safe, string = 0, None
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in _CLOSES:
            open_ += _CLOSES[token]
            safe = match.end()
        elif token == b",":
            safe = match.start()
        elif token[0] == 0x22:
            string = match.start() if match.end() == len(body) and not _terminated(token) else None
        elif not open_ or open_.pop() != token[0]:
            return None
    return (bytes(reversed(open_)), string, safe) if open_ else None


def is_stream(content_type: str, body: bytes) -> bool:
    """Whether a body is an event stream. Its first bytes decide, for servers mislabel; the label decides where they do not tell."""
    start = _start(body)
    if body[start : start + 1] in (b"{", b"["):
        return False
    return _FIELD.match(body, start) is not None or "event-stream" in content_type.lower()


def is_array(body: bytes) -> bool:
    start = _start(body)
    return body[start : start + 1] == b"["


def elements(body: bytes) -> Iterator[tuple[bytes, int]]:
    """(bytes, end offset) of each object in a JSON array, as far as they are whole; for streams that are one long array."""
    depth = start = 0
    for match in _TOKEN.finditer(body):
        first = match[0][0]
        if first in b"{[":
            depth += 1
            start = match.start() if depth == 2 else start
        elif first in b"}]":
            depth -= 1
            if depth == 1:
                yield body[start : match.end()], match.end()


def clean(text: str) -> str:
    """Text that can be stored: pairs of surrogates joined, lone ones replaced."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _start(body: bytes) -> int:
    blank = _BLANK.match(body)
    return blank.end() if blank else 0


def _terminated(token: bytes) -> bool:
    return len(token) > 1 and token.endswith(b'"') and (len(token) - len(token[:-1].rstrip(b"\\"))) % 2 == 1


def _repaired(data: bytes | str) -> object:
    text = data.decode("utf-8-sig", "replace") if isinstance(data, bytes) else data
    try:
        return _cleaned(json.loads(text))
    except (ValueError, RecursionError) as wrong:
        return Unreadable(reason=f"not JSON: {wrong}" if text.strip() else "no bytes at all")


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if is_list(value):
        return [_cleaned(item) for item in value]
    return {clean(key): _cleaned(item) for key, item in value.items()} if is_document(value) else value

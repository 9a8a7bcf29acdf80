"""Recorded exchanges as bytes on a wire again: plain, compressed and in chunks, torn anywhere; what the records leave out is ours.

The record kept values, not bytes: bodies are our own serialisation, framing headers are made anew. What goes in is known to the byte, and
that is what must come out at the other end.
"""

import base64
import gzip
import itertools
import random
from collections.abc import Callable
from typing import Any

import brotli
import orjson

FRAMING = {
    "content-length",
    "transfer-encoding",
    "connection",
    "content-encoding",
    "keep-alive",
    "host",
    "upgrade",
    "te",
    "trailer",
    "expect",
}
Framing = Callable[[bytes, random.Random], tuple[bytes, bytes]]
"""(body, dice) → (header lines, bytes on the wire)"""


def body_of(message: dict[str, Any]) -> bytes:
    body = message.get("body")
    if isinstance(body, dict) and list(body) == ["b64"]:
        return base64.b64decode(body["b64"])
    return b"" if body is None else body.encode("utf-8", "surrogatepass") if isinstance(body, str) else orjson.dumps(body)


def lines_of(message: dict[str, Any]) -> list[bytes]:
    """Header lines as a peer would write them, in odd case; recorded framing is dropped."""
    pairs = [(name, value) for name, value in message["headers"].items() if name.lower() not in FRAMING]
    flat = [(name, one) for name, value in pairs for one in (value if isinstance(value, list) else [value])]
    return [f"{name.title() if i % 2 else name}: {value}".encode("latin-1", "replace") for i, (name, value) in enumerate(flat)]


def target_of(row: dict[str, Any]) -> bytes:
    return b"/" + row["request"]["url"].encode().split(b"//", 1)[1].partition(b"/")[2]


def split(body: bytes, dice: random.Random) -> list[bytes]:
    marks = sorted({0, len(body), *(dice.randrange(len(body) + 1) for _ in range(dice.randrange(6)))})
    return [body[a:b] for a, b in itertools.pairwise(marks)]


def chunked(body: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    return b"Transfer-Encoding: chunked", b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in split(body, dice) if part) + b"0\r\n\r\n"


def plain(body: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    return b"Content-Length: %d" % len(body), body


def gzipped(body: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    packed = gzip.compress(body, mtime=0)
    return b"Content-Encoding: gzip\r\nContent-Length: %d" % len(packed), packed


def brotlied(body: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    packed = brotli.compress(body, quality=1)
    return b"Content-Encoding: br\r\nContent-Length: %d" % len(packed), packed


FRAMINGS: tuple[Framing, ...] = (plain, gzipped, brotlied, chunked)


def encoded(framing: Framing, body: bytes) -> bytes:
    """The body as a peer reads it off the wire, chunks joined."""
    return body if framing is chunked else framing(body, random.Random(0))[1]


def request_bytes(row: dict[str, Any], framing: Framing, dice: random.Random) -> bytes:
    line, wire = framing(body_of(row["request"]), dice)
    return b"\r\n".join((b"POST " + target_of(row) + b" HTTP/1.1", b"Host: a", *lines_of(row["request"]), line, b"", b"")) + wire


def response_bytes(row: dict[str, Any], framing: Framing, dice: random.Random) -> bytes:
    response = row["response"]
    line, wire = framing(body_of(response), dice)
    return b"\r\n".join((b"HTTP/1.1 %d Recorded" % response["status"], *lines_of(response), line, b"", b"")) + wire

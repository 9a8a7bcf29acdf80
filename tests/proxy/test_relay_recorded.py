"""Every recorded exchange of our dialects, served again: byte for byte, plain, gzipped and in chunks split anywhere."""

import gzip
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.dialects import dialect_of
from tests.corpus import rows
from tests.fakes.upstream import Asked, Step, Upstream
from tests.proxy.relaying import Relaying, config

DIALECTS = ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate")
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


def body_of(message: dict[str, Any]) -> bytes:
    """Our own serialisation: the record kept the value, not the bytes."""
    body = message.get("body")
    return b"" if body is None else body.encode("utf-8", "surrogatepass") if isinstance(body, str) else orjson.dumps(body)


def lines_of(message: dict[str, Any]) -> list[bytes]:
    """Header lines as a peer would write them, in odd case; recorded framing is dropped."""
    pairs = [(name, value) for name, value in message["headers"].items() if name.lower() not in FRAMING]
    flat = [(name, one) for name, value in pairs for one in (value if isinstance(value, list) else [value])]
    return [f"{name.title() if i % 2 else name}: {value}".encode("latin-1", "replace") for i, (name, value) in enumerate(flat)]


def split(body: bytes, dice: random.Random) -> list[bytes]:
    marks = sorted({0, len(body), *(dice.randrange(len(body) + 1) for _ in range(dice.randrange(6)))})
    return [body[a:b] for a, b in itertools.pairwise(marks)]


def chunked(body: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    return b"Transfer-Encoding: chunked", b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in split(body, dice)) + b"0\r\n\r\n"


def plain(body: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    return b"Content-Length: %d" % len(body), body


def gzipped(body: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    packed = gzip.compress(body, mtime=0)
    return b"Content-Encoding: gzip\r\nContent-Length: %d" % len(packed), packed


def target_of(row: dict[str, Any]) -> bytes:
    return b"/" + row["request"]["url"].encode().split(b"//", 1)[1].partition(b"/")[2]


@pytest.mark.parametrize("framing", [plain, gzipped, chunked], ids=lambda framing: framing.__name__)
def test_every_recorded_exchange_comes_through_byte_for_byte(
    framing: Callable[[bytes, random.Random], tuple[bytes, bytes]], tmp_path: Path
) -> None:
    dice = random.Random(framing.__name__)
    recorded = [row for row in rows("exchanges/exchanges.jsonl") if row["dialect"] in DIALECTS]
    now: dict[str, Any] = {}

    def serve(asked: Asked) -> Iterator[Step]:
        response = now["response"]
        line, wire = framing(body_of(response), dice)
        head = b"\r\n".join((b"HTTP/1.1 %d Recorded" % response["status"], *lines_of(response), line, b"", b""))
        yield from split(head + wire, dice)  # torn anywhere, the head as well

    served = []
    with Upstream(serve) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        for row in recorded:
            now, request, response = row, row["request"], row["response"]
            sent = body_of(request)
            line, wire = framing(sent, dice)
            head = b"\r\n".join((b"POST " + target_of(row) + b" HTTP/1.1", b"Host: a", *lines_of(request), line, b"", b""))
            talk.send(*split(head + wire, dice))
            answer = talk.answer()
            bare, encoded = body_of(response), framing is gzipped
            assert (answer.status, answer.reason) == (response["status"], b"Recorded"), row["id"]
            assert answer.body == (gzip.compress(bare, mtime=0) if encoded else bare), row["id"]
            assert answer.lines == [*lines_of(response), *framing(bare, random.Random(0))[0].split(b"\r\n")], row["id"]
            asked = up.asked[-1]
            assert asked.target == target_of(row)
            assert asked.body == (gzip.compress(sent, mtime=0) if encoded else sent)
            assert asked.lines[1:] == [*lines_of(request), *line.split(b"\r\n")], row["id"]
            if (dialect := dialect_of("POST", target_of(row).decode())) is not None:  # the others passed, and are only counted
                assert dialect.name == row["dialect"]
                served.append((dialect.name, asked.body, answer.body, response["status"]))
    assert len(served) > 700
    assert relay.last_beat.passthrough.get("main", 0) == len(recorded) - len(served) < 30
    assert [event.dialect for event, _ in relay.calls] == [dialect for dialect, *_ in served]
    assert [body for _, body in relay.calls] == [sent for _, sent, _, _ in served]
    assert [(event.dialect, body, event.status) for event, body in relay.exchanges] == [
        (dialect, got, status) for dialect, _, got, status in served
    ]
    assert [event.id for event, _ in relay.calls] == [event.id for event, _ in relay.exchanges]

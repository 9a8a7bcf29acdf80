"""Any valid request and any valid answer, torn into any pieces: the bytes come through, and the journal has them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.upstream import CLOSE, Asked, Step, Upstream
from tests.proxy.relaying import Relaying, config

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~", min_size=1, max_size=12)
OURS = {"host", "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"} | {
    "transfer-encoding", "content-length", "content-type", "expect",
}  # fmt: skip
VALUE = st.binary(max_size=30).map(lambda raw: bytes(b for b in raw if b >= 0x20 and b != 0x7F).strip(b" \t"))
LINES = st.lists(st.tuples(TOKEN.filter(lambda name: name.lower() not in OURS and "understudy" not in name.lower()), VALUE), max_size=8)
BODY = st.lists(st.binary(min_size=1, max_size=400), max_size=5)
CUTS = st.lists(st.integers(0, 4000), max_size=6)


@dataclass(frozen=True)
class Message:
    lines: list[bytes]
    pieces: list[bytes]
    framing: str
    cuts: list[int]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def wire(self, first: bytes) -> list[bytes]:
        """The whole message, torn at the cuts."""
        body, lines = self.body, list(self.lines)
        if self.framing == "chunked":
            lines.append(b"Transfer-Encoding: chunked")
            body = b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in self.pieces) + b"0\r\n\r\n"
        elif self.framing == "sized":
            lines.append(b"Content-Length: %d" % len(body))
        raw = b"\r\n".join((first, *lines, b"", body))
        marks = [0, *sorted({cut % len(raw) for cut in self.cuts}), len(raw)]
        return [raw[a:b] for a, b in itertools.pairwise(marks) if a < b]


def messages(*framings: str) -> st.SearchStrategy[Message]:
    lines = LINES.map(lambda pairs: [name.encode() + b": " + value for name, value in pairs])
    return st.builds(Message, lines, BODY, st.sampled_from(framings), CUTS)


@pytest.fixture
def relayed(tmp_path: Path) -> Iterator[tuple[Upstream, Relaying, list[Message]]]:
    answers: list[Message] = []

    def serve(asked: Asked) -> Iterator[Step]:
        answer = answers[0]
        yield from answer.wire(b"HTTP/1.1 %d A Reason" % (210 + len(answer.pieces)))
        if answer.framing == "until close":
            yield CLOSE

    with Upstream(serve) as up, Relaying(config(tmp_path, up.port)) as relay:
        yield up, relay, answers


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(requests=st.lists(messages("chunked", "sized"), min_size=1, max_size=3), answer=messages("chunked", "sized", "until close"))
def test_any_bytes_in_any_pieces_come_through(
    requests: list[Message], answer: Message, relayed: tuple[Upstream, Relaying, list[Message]]
) -> None:
    up, relay, answers = relayed
    answers[:] = [answer]
    before = len(up.asked)
    with relay.talk() as talk:
        for request in requests:  # pipelined: nothing is read before all is sent
            talk.send(*request.wire(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a"))
        for request, asked in ((request, before + i) for i, request in enumerate(requests)):
            got = talk.answer()
            assert (got.status, got.reason, got.body) == (210 + len(answer.pieces), b"A Reason", answer.body)
            assert got.lines[: len(answer.lines)] == answer.lines
            assert up.asked[asked].body == request.body
            assert up.asked[asked].lines[1 : 1 + len(request.lines)] == request.lines
    assert [each.whole for each in up.asked[before:]] == [True] * len(requests)

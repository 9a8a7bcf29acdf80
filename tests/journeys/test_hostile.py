"""Hostile requests at the socket. Whatever goes upstream means the same to every parser there; odd text leaves no trace but its record.

What the upstream received is read by two parsers that share no line with ours (h11, strict; aiohttp's in Python, lenient): if they disagree
on methods, targets or bodies, something was smuggled.
"""

import base64
import contextlib
import json
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from unittest.mock import Mock

import h11
from aiohttp import HttpVersion
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParserPy

from proxy.metrics import MODELS_PER_TARGET
from tests.corpus import rows
from tests.fakes.models import Models
from tests.harness import Serve, config, until
from tests.proxy.relaying import Relaying
from tests.proxy.relaying import config as relay_config

Meant = list[tuple[bytes, bytes, bytes]]
"""(method, target, body) of each request"""


@dataclass
class Sink:
    """Keeps what each connection received, and answers whatever looks like the end of a request."""

    received: list[bytearray] = field(default_factory=list[bytearray])
    _reading: list[threading.Thread] = field(default_factory=list[threading.Thread])
    _came: set[int] = field(default_factory=set[int])
    """Ports of all who were taken."""

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, (_, port) = self._listening.accept()
            except OSError:
                return
            got = bytearray()
            self.received.append(got)
            self._reading.append(threading.Thread(target=self._read, args=(sock, got), daemon=True))
            self._reading[-1].start()
            self._came.add(port)

    def settle(self) -> None:
        """Waits until everybody who came before now was heard to the end: the last one in the queue is ourselves."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            port = last.getsockname()[1]
            until(lambda: port in self._came)
        for thread in self._reading:
            thread.join(60)
        self._reading.clear()
        self._came.clear()

    @staticmethod
    def _read(sock: socket.socket, got: bytearray) -> None:
        with sock:
            try:
                while data := sock.recv(65_536):
                    got += data
                    meant = by_h11(bytes(got))
                    if meant:  # whole so far: an answer, and the connection's end, so that each request has one of its own
                        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                        return sock.shutdown(socket.SHUT_WR)
            except OSError:
                return


def by_h11(data: bytes) -> Meant | None:
    """None: h11 refuses it. Only whole requests are told."""
    parser, meant, now = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20), [], (b"", b"", b"")
    parser.receive_data(data)
    try:
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                if event is h11.PAUSED and parser.their_state is h11.DONE:
                    parser.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                    parser.send(h11.EndOfMessage())
                    parser.start_next_cycle()
                    continue
                return meant
            if isinstance(event, h11.Request):
                now = (event.method, event.target, b"")
            elif isinstance(event, h11.Data):
                now = (*now[:2], now[2] + bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                meant.append(now)
            else:
                return meant
    except h11.ProtocolError:
        return meant or None


def by_aiohttp(data: bytes) -> Meant | None:
    protocol = Mock()
    loop = Mock()
    parser = HttpRequestParserPy(protocol, loop, 2**16, max_line_size=1 << 16, max_field_size=1 << 16)
    try:
        messages, _, _ = parser.feed_data(data)
        return [
            (message.method.encode(), message.path.encode("utf-8", "surrogateescape"), b"".join(getattr(payload, "_buffer", ())))
            for message, payload in messages
            if message.version >= HttpVersion(1, 0)
        ]
    except (HttpProcessingError, ValueError):
        return None


HOST = b"Host: a\r\n"
POST = b"POST /x HTTP/1.1\r\n" + HOST
TAIL = b"GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"
PAIRS = [
    POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + TAIL,
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + TAIL,
    POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(TAIL) + TAIL,
    POST + b"Content-Length: 0, %d\r\n\r\n" % len(TAIL) + TAIL,
    *(
        POST + line + b"\r\n\r\n0\r\n\r\n" + TAIL
        for line in (
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding : chunked",
            b"Transfer-Encoding:\x0bchunked",
            b"Transfer-Encoding: \x00chunked",
            b"Transfer-Encoding: chunked\x00",
            b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: identity, chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked;q=1",
            b'Transfer-Encoding: "chunked"',
            b"Transfer-Encoding:\r\n chunked",
            b"Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
            b"Transfer_Encoding: chunked",
            b"X: y\nTransfer-Encoding: chunked",
            b"X: y\rTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunk\xc5\x84ed",
            b"Foo\x00Transfer-Encoding: chunked",
            b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
            b"Connection: content-length\r\nContent-Length: 5",
        )
    ),
    *(
        POST + b"Content-Length: " + value + b"\r\n\r\n" + TAIL
        for value in (b"+0", b"-0", b"0x0", b"0 0", b"00", b"1e1", b"\x0b0", b"0,", b"", b"18446744073709551616", b"0;0", b"\xd9\xa0")
    ),
    *(
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + TAIL
        for chunks in (
            b"0x0\r\n\r\n",
            b"00000000000000000\r\n\r\n",
            b"-0\r\n\r\n",
            b"+0\r\n\r\n",
            b"0 \r\n\r\n",
            b"0;a=b\nc\r\n\r\n",
            b"0\n\n",
            b"0\r\n\n",
            b"1\r\nZ0\r\n\r\n",
            b"1\r\nZ\n0\r\n\r\n",
            b"2\r\nZ\r\n0\r\n\r\n",
            b"10000000000000001\r\nZ\r\n0\r\n\r\n",
            b"0\r\nContent-Length: 5\r\n\r\n",
            b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"0\r\nHost: evil\r\n\r\n",
            b"1;" + b"x" * 9000 + b"\r\nZ\r\n0\r\n\r\n",
        )
    ),
    b"GET http://evil/x HTTP/1.1\r\n" + HOST + b"\r\n" + TAIL,
    b"GET //evil/x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nHost: evil\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a@evil\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a, evil\r\n\r\n",
    b"GET /x HTTP/1.1 \r\n" + HOST + b"\r\n",
    b"GET  /x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET\t/x\tHTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /x y HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /x HTTP/1.1\x00\r\n" + HOST + b"\r\n",
    b"GET /x\x7f HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /x#y HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /x HTTP/1.10\r\n" + HOST + b"\r\n",
    b"GET /x HTTP/1.1\r\n " + HOST + b"\r\n",
    b"GET /x HTTP/1.1\r\n: y\r\n" + HOST + b"\r\n",
    b"GET /x HTTP/1.1\r\n" + HOST + b"X: y\r\n\tz: w\r\n\r\n",
    b"GET /x HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(TAIL) + TAIL,
    b"GET /x HTTP/1.1\r\n"
    + HOST
    + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    + TAIL,
    b"POST /x HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + TAIL,
    b"POST /x HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\nhi" + TAIL,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + TAIL,
]


def hostile() -> Iterator[tuple[str, bytes]]:
    yield from ((f"pair {number}", raw) for number, raw in enumerate(PAIRS))
    for row in rows("bad_inputs/http_requests_llhttp.jsonl"):
        raw = base64.b64decode(row["b64"])
        yield row["id"], raw
        line, end, rest = raw.partition(b"\r\n")
        if b"host:" not in raw.lower():  # llhttp's cases care for no Host: with one, what is sound goes on
            yield row["id"] + " with a Host", line + end + b"Host: a\r\n" + rest


def test_whatever_goes_upstream_means_the_same_to_every_parser_there(tmp_path: Path) -> None:
    sent = forwarded = 0
    with Sink() as sink, Relaying(relay_config(tmp_path, sink.port)) as relay:
        for name, raw in hostile():
            before = len(sink.received)
            with relay.talk() as talk:
                with contextlib.suppress(OSError):
                    talk.send(raw)
                    talk.sock.settimeout(0.1)  # what is incomplete gets no answer
                    talk.end()
            sent += 1
            until(lambda: not relay.worker.clients)
            sink.settle()
            for got in sink.received[before:]:
                strictly, leniently = by_h11(bytes(got)), by_aiohttp(bytes(got))
                assert strictly is not None, (name, bytes(got))
                assert len(strictly) <= 1, (name, "one request a connection", bytes(got))
                if strictly:  # a request that broke off is no request to anybody
                    assert leniently == strictly, (name, bytes(got))
                    forwarded += 1
                    method, target, body = strictly[0]
                    assert raw.startswith(method) or method in raw, name
                    assert b"evil" not in target or b"//evil" in raw, name
                    assert body in raw or b"chunked" in raw.lower(), name
        assert relay.ask(b"GET /alive HTTP/1.1\r\nHost: a\r\n\r\n").body == b"ok"
    assert sent >= len(PAIRS) + 166
    assert forwarded > 30, "what is sound goes on"


CALL = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'
NAUGHTY = """
[targets.inc]
url = "{url}"
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
[targets.cand]
url = "{url}"
"""


def series(serve: Serve) -> set[bytes]:
    """All of them but the served models, of which the last few per target are named: whatever an answer says there, it is no label of a call."""
    lines = [line.rpartition(b" ")[0] for line in serve.get("/metrics")[1].splitlines() if line and not line.startswith(b"#")]
    models = [line for line in lines if line.startswith(b"understudy_served_model_info")]
    assert len(models) <= 2 * MODELS_PER_TARGET
    return set(lines) - set(models)


def ask(serve: Serve, path: bytes, lines: list[bytes], body: bytes) -> int:
    """Status, 0 when the connection ended without one."""
    assert serve.where is not None
    host, _, port = serve.where.listen.rpartition(":")
    with socket.create_connection((host, int(port)), 20) as sock:
        sock.sendall(
            b"\r\n".join(
                (b"POST " + path + b" HTTP/1.1", b"Host: a", *lines, b"Content-Length: %d" % len(body), b"Connection: close", b"", body)
            )
        )
        got = b""
        while data := sock.recv(65_536):
            got += data
    return int(got.split(b" ")[1]) if got.startswith(b"HTTP/1.1 ") else 0


def naughty(serve: Serve, text: str) -> int:
    """The string in every place a caller can put one. How many of them were recognised calls that were answered."""
    raw = text.encode("utf-8", "surrogatepass")
    quoted = urllib.parse.quote_from_bytes(raw).encode()
    lines = [name + b": " + raw for name in (b"X-Understudy-Workflow", b"X-Understudy-Conversation", b"User-Agent", b"X-Other")]
    body = json.dumps({"model": text, "user": text, "messages": [{"role": "user", "content": text}]}).encode()
    as_body = ask(serve, b"/v1/chat/completions", [b"X-Understudy-Workflow: " + quoted], body)
    as_header = ask(serve, b"/v1/chat/completions", lines, CALL)
    as_path = ask(serve, b"/v1/models/" + raw, [], CALL)
    as_model = ask(serve, b"/v1beta/models/" + quoted + b":generateContent?key=" + quoted, [], b'{"contents":[{"parts":[{"text":"hi"}]}]}')
    assert as_body == 200, text
    assert {as_header, as_path, as_model} <= {200, 400, 404, 431}, text
    return (as_body == 200) + (as_header == 200)


def test_naughty_strings_leave_nothing_but_their_record(tmp_path: Path) -> None:
    strings = [row["s"] for row in rows("bad_inputs/naughty_strings.jsonl")]
    assert len(strings) == 515
    with Models("m") as models, Serve(tmp_path, config(NAUGHTY.format(url=models.url))) as serve:
        pids = [serve.pid_of(name) for name in ("worker-0", "shadow", "recorder")]
        answered = naughty(serve, "plain")
        until(lambda: serve.metric("understudy_mirror_total", decision="sent") == 3)
        until(lambda: serve.metric("understudy_passthrough_total") == 1)
        known = series(serve)
        answered += sum(naughty(serve, text) for text in strings)
        until(lambda: serve.one("SELECT count(*) FROM calls WHERE dialect = 'openai.chat'") == answered)
        assert [serve.pid_of(name) for name in ("worker-0", "shadow", "recorder")] == pids
        assert series(serve) == known
        assert_no_log_line_is_forged(serve)


def assert_no_log_line_is_forged(serve: Serve) -> None:
    """Each line is one of ours: what `serve` says when it starts and once a minute, or a JSON object with an event of a known process."""
    for line in serve.log.read_text("utf-8").splitlines():
        if line.startswith("{"):
            event = json.loads(line)
            assert event["process"].split("-")[0] in ("supervisor", "worker", "shadow", "recorder") and "event" in event, line
        else:
            assert line.startswith(("listening on", "route main:", "pseudonyms", "raw bodies", "budget")) or " calls, " in line, line

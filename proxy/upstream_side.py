"""The upstream's side: connections to the incumbents and how their answers are read.

Law: a connection carries one call at a time and goes back to the pool only after a complete answer to a completely sent request that left
nothing behind. Bytes nobody asked for, an answer that contradicts itself, a HEAD (httptools cannot be told that no body follows): closed.
"""

import socket
import struct
from time import perf_counter_ns
from typing import TYPE_CHECKING

import httptools

from proxy.headers import DOWN, last_chunk, named_by, one_length, value_of, without
from proxy.peer import Peer
from proxy.tls import words

if TYPE_CHECKING:
    from proxy.pool import Pool
    from proxy.relay import Call

HEAD_MAX = 1 << 20
LENGTH = frozenset((b"content-length",))
STALE_POSSIBLE_NS = 20_000_000
"""A connection idle for less is taken without asking its kernel what was acknowledged so far."""
_BYTES_ACKED = 120
"""Offset of `tcpi_bytes_acked` in Linux's struct tcp_info."""


class Upstream(Peer):
    __slots__ = (
        "acked", "answered", "begun", "body", "born", "call", "complete", "headed", "keep", "lines", "parser", "pool", "read_at",
        "reason", "reused", "seen", "special", "switching", "until_eof",
    )  # fmt: skip

    def __init__(self, pool: "Pool"):
        super().__init__()
        self.pool, self.call, self.body = pool, None, None
        self.keep, self.complete, self.headed, self.until_eof, self.reused, self.answered = True, False, False, False, False, False
        self.read_at = self.born = perf_counter_ns()
        self.seen, self.acked = 0, -1
        self.call: Call | None
        self.body: bytes | None
        self.reason, self.lines, self.special = b"", list[bytes](), list[tuple[bytes, bytes]]()
        self.switching: list[bytes] | None = None
        self.begun = b""
        """What came so far of a head that did not come in one read."""
        self.parser: httptools.HttpResponseParser | None = self._new_parser()

    def _new_parser(self) -> httptools.HttpResponseParser:
        parser = httptools.HttpResponseParser(self)
        # upstreams are forgiven what clients of theirs forgive: folded or odd values, bare LF, a length beside chunks
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_chunked_length=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        return parser

    def other(self) -> Peer | None:
        return self.call.client if self.call is not None else None

    def take(self, call: "Call") -> None:
        self.call = call
        if self.reused:
            now = perf_counter_ns()
            self.acked = self._acknowledged() if self.pool.tls is None and now - self.read_at > STALE_POSSIBLE_NS else -1
            self.read_at = now  # silence counts from here

    def release(self, *, reusable: bool) -> None:
        call, self.call = self.call, None
        if reusable and self.keep and self.complete and call is not None and call.ended_at - self.born < self.pool.age_ns:
            self.complete = self.headed = self.answered = False
            self.reused, self.seen, self.begun = True, 0, b""
            if self.holds:
                self.let_go(self.holds)
            self.pool.idle.append(self)
        else:
            self.transport.abort()

    # ---- what httptools reports

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("bytes after the answer")
        self.reason, self.lines, self.special = b"", [], []

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        start = DOWN[name]
        if start:
            self.lines.append(start + value)
        else:
            self.special.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser, call = self.parser, self.call
        assert parser is not None and call is not None
        status = parser.get_status_code()
        if status < 200:
            return self._hint(call, status)
        self.keep = parser.should_keep_alive() and not call.is_head
        lines, chunked = self._framing() if self.special else (self.lines, False)
        # an answer that neither says its length nor is chunked is not kept alive: only where it is not must the lines be searched
        sized = not chunked and (self.keep or value_of(lines, b"content-length") is not None)
        self.until_eof = not (chunked or sized or call.is_head or status in (204, 304))
        self.headed = True
        self.lines = []  # trailers land here
        call.begin(status, self.reason, lines, chunked=chunked, sized=sized)

    def _hint(self, call: "Call", status: int) -> None:
        if status == 101:  # the tunnel's opening: llhttp stops behind it
            self.switching = [*self._framing()[0], *(b"Upgrade: " + value for low, value in self.special if low == b"upgrade")]
        else:
            call.inform(status, self.reason, without(self._framing()[0], LENGTH))

    def _framing(self) -> tuple[list[bytes], bool]:
        """The lines that go on, and whether the body is chunked."""
        lines, chunked = self.lines, False
        for low, value in self.special:
            if low == b"transfer-encoding":
                if chunked or value.strip().lower() != b"chunked":
                    raise ValueError("a transfer encoding other than chunked")
                chunked = True
            elif low == b"connection":
                lines = without(lines, named_by(value) - {b"content-length"})
        if chunked and value_of(lines, b"content-length") is not None:
            lines, self.keep = without(lines, LENGTH), False
        return lines, chunked

    def on_body(self, data: bytes) -> None:
        self.body = data if self.body is None else self.body + data

    def on_message_complete(self) -> None:
        if self.headed:
            self.complete = True
            if self.lines and self.call is not None:
                self.call.end_down = last_chunk(self.lines)

    # ---- what the socket reports

    def data_received(self, data: bytes) -> None:
        call, parser = self.call, self.parser
        if call is None or parser is None:
            return self._unasked()
        at = self.read_at = perf_counter_ns()
        self.answered = True
        problem = ""
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.switching is not None and call.request.tunnel:
                return self._switch(call, self.switching, data[upgrade.args[0] :])
            problem, self.keep = "malformed answer: an upgrade nobody asked for", False
        except httptools.HttpParserError as error:
            if not self.headed and (answer := one_length(self.begun + data)) is not None:
                self.parser, self.begun = self._new_parser(), b""
                return self.data_received(answer)
            problem, self.keep = f"malformed answer: {error.__context__ or error}", False
            if isinstance(error, httptools.HttpParserCallbackError) and not isinstance(error.__context__, ValueError):
                call.worker.loop.call_exception_handler({"message": "reading an answer failed", "exception": error.__context__})
        if self.headed:
            if call.is_head:
                self.complete, self.body = True, None
            body, self.body = self.body, None
            if body:
                self.seen = 0
            if body or self.complete or call.opening_down is not None:
                call.answer(body, self.complete, at)
            elif not problem:
                problem = self._too_much(data)
        elif not problem:
            self.begun += data
            problem = self._too_much(data)
        if problem and self.call is not None:
            call.lost(problem)

    def _too_much(self, data: bytes) -> str:
        """Heads and trailers are kept until they are whole."""
        self.seen += len(data)
        return "a head or trailers without end" if self.seen > HEAD_MAX else ""

    def _switch(self, call: "Call", lines: list[bytes], rest: bytes) -> None:
        self.call = self.parser = None
        call.switched(self.reason, lines, rest)

    def _unasked(self) -> None:
        """Bytes outside of a call: nobody must ever take them for an answer."""
        self._leave_pool()
        self.transport.abort()

    def eof_received(self) -> None:
        call = self.call
        if call is None:
            self._leave_pool()
        elif self.headed and self.until_eof:
            self.complete, self.keep = True, False
            call.answer(None, True, perf_counter_ns())
        else:
            # asked now, before the transport flushes what nobody will read
            call.lost("the upstream closed the connection" + (" inside the answer" if self.headed else ""), untouched=self._untouched())

    def connection_lost(self, exc: Exception | None) -> None:
        call, self.parser = self.call, None  # parser and protocol hold each other
        if call is None:
            self._leave_pool()
        else:
            call.lost(f"the connection to the upstream broke: {words(exc) if exc is not None else 'closed'}", untouched=self._unwritten())

    def _leave_pool(self) -> None:
        if self in self.pool.idle:
            self.pool.idle.remove(self)

    # ---- a stale connection

    def _untouched(self) -> bool:
        """Whether the peer, which has just said it is done, took nothing of this call's request: then its program cannot have seen it.

        Its FIN acknowledged whatever its kernel had received. A reset acknowledges nothing, so after one this proves nothing; nor does
        the end of TLS, which comes before a FIN: there only what had ended before it was taken is known as stale (`Pool.take`).
        """
        return self._unwritten() or (self.reused and 0 <= self._acknowledged() <= self.acked)

    def _unwritten(self) -> bool:
        """Whether all of this call's request is still in our own buffer. TLS does not say what of its own has left."""
        again = self.call.again if self.call is not None and self.pool.tls is None else None
        return bool(again) and self.transport.get_write_buffer_size() >= sum(map(len, again))

    def _acknowledged(self) -> int:
        """Bytes the peer's kernel has acknowledged on this connection; -1 where it cannot be known."""
        sock = self.transport.get_extra_info("socket")
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
        except (AttributeError, OSError):
            return -1
        return struct.unpack_from("=Q", info, _BYTES_ACKED)[0] if len(info) >= _BYTES_ACKED + 8 else -1

"""The client's side: how requests are read, and which of them are refused before a byte goes upstream.

Law: what two parsers could read differently is refused, and a read that contains something malformed begins nothing. Requests of one
connection are answered in their order; the next one waits, at most one read's worth of it. What we answer ourselves closes the connection.
"""

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING

import httptools

from proxy.dialects.dialect import Family, error_body
from proxy.headers import UP, named_by, without
from proxy.peer import PIPELINED, Peer
from proxy.request import Refusal, Request, look_at, malformed, refusal_of, stand_in

if TYPE_CHECKING:
    from proxy.relay import Call
    from proxy.worker import Worker

REASONS = {
    400: b"Bad Request", 404: b"Not Found", 408: b"Request Timeout", 431: b"Request Header Fields Too Large", 501: b"Not Implemented",
    502: b"Bad Gateway", 503: b"Service Unavailable", 504: b"Gateway Timeout",
}  # fmt: skip
GRACE_S = 2.0
"""When the worker ends, an idle connection has this long to ask once more: closed at once, its next request would be lost on the way.
What is asked then is answered with `Connection: close`."""
LINGER_S = 2.0
"""After our last word the client may go on sending this long: closing at once would reset away what it has not read yet."""


class Client(Peer):
    __slots__ = (
        "call", "doomed", "lines", "over", "parser", "read_at", "reading", "requests", "seen", "since", "turned_away", "uploading",
        "worker",
    )  # fmt: skip

    def __init__(self, worker: "Worker"):
        super().__init__()
        self.worker, self.call, self.doomed = worker, None, None
        self.call: Call | None
        self.doomed: Refusal | None
        self.requests: list[Request] = []
        """The one being answered first, then those that wait."""
        self.since = self.read_at = perf_counter_ns()
        """`since`: when the last answer ended, or when lingering began."""
        self.reading, self.lines = Request(0), list[bytes]()
        self.uploading = self.over = self.turned_away = False
        self.seen = 0
        """Bytes read since something last came of them."""
        self.parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)

    def other(self) -> Peer | None:
        return self.call.upstream if self.call is not None else None

    # ---- what httptools reports

    def on_message_begin(self) -> None:
        self.reading = request = Request(self.read_at)
        self.lines = request.lines
        self.requests.append(request)

    def on_url(self, part: bytes) -> None:
        self.reading.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        start = UP[name]
        if start:
            self.lines.append(start + value)
        elif not self.reading.headed:
            look_at(self.reading, name, value)

    def on_headers_complete(self) -> None:
        """llhttp has refused what is malformed; here goes what it lets pass."""
        request, parser = self.reading, self.parser
        assert parser is not None
        request.method, request.keep = parser.get_method(), parser.should_keep_alive()
        version = parser.get_http_version()
        request.http11 = version == "1.1"
        if refusal := refusal_of(request, version, self.worker.limits, self.seen):
            raise refusal
        if request.connection:
            request.lines = without(request.lines, named_by(request.connection))
        request.headed = True
        self.lines = []  # trailers land here, and are dropped

    def on_body(self, data: bytes) -> None:
        request = self.reading
        request.body = data if request.body is None else request.body + data

    def on_message_complete(self) -> None:
        self.reading.complete = True

    # ---- what the socket reports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.worker.welcome(self)

    def data_received(self, data: bytes) -> None:
        parser = self.parser
        if self.over or parser is None:
            return
        self.read_at = perf_counter_ns()
        self.seen += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if (error := self._without_upgrade(data[upgrade.args[0] :])) is not None:
                return self._malformed(error)
        except httptools.HttpParserError as error:
            return self._malformed(error)
        if self.call is None:
            self._begin_or_wait()
        elif self.uploading:
            self._upload(self.call)
        if len(self.requests) > 1:
            self.hold(PIPELINED)

    def _without_upgrade(self, rest: bytes) -> httptools.HttpParserError | None:
        """llhttp takes an offer to upgrade at its word and reads no body: a second parser is told the same framing without the offer."""
        while True:
            request, waiting = self.reading, self.requests
            self.parser = parser = httptools.HttpRequestParser(self)
            self.requests = []  # what stands in for the head lands in a request of its own
            parser.feed_data(stand_in(request))
            request.complete = self.reading.complete
            self.reading, self.requests = request, waiting
            try:
                parser.feed_data(rest)
                return None
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            except httptools.HttpParserError as error:
                return error

    def _begin_or_wait(self) -> None:
        if self.requests and self.requests[0].headed:
            self._begin()
        elif self.seen > self.worker.limits.head_max_bytes:
            self.refuse(Refusal(431, "head_too_large", f"a head larger than {self.worker.limits.head_max_bytes} bytes"))

    def _begin(self) -> None:
        request, self.seen = self.requests[0], 0
        if self.turned_away:
            return self.refuse(Refusal(503, "overloaded", "too many connections"))
        call = self.worker.call_for(self, request)
        if call is None:
            return self.refuse(Refusal(404, "no_route", "no route takes this host and path"))
        self.call, self.uploading = call, True
        if request.expects and not request.complete and request.http11:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        call.start()
        body, request.body = request.body, None
        self.uploading = not request.complete
        call.upload(body, request.complete)
        call.up_ns = perf_counter_ns() - self.read_at

    def _upload(self, call: "Call") -> None:
        request = self.requests[0]
        body, request.body = request.body, None
        if body or request.complete:
            self.seen, self.uploading = 0, not request.complete
            call.upload(body, request.complete)
        elif self.seen > self.worker.limits.head_max_bytes:  # trailers or chunk extensions without end
            self._malformed(None)

    def eof_received(self) -> None:
        """The client left, even if only half: left to itself, the transport would close only after all that is written has gone."""
        if self.call is not None:
            self._leave()
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self.parser = None  # parser and protocol hold each other
        self.worker.leave(self)

    def _leave(self) -> None:
        call, self.call, self.over = self.call, None, True
        self.requests.clear()
        if call is not None:
            call.client_gone()

    # ---- what the call reports

    def answered(self, keep: bool, at: int) -> None:
        self.call, self.since, self.seen = None, at, 0
        request = self.requests.pop(0)
        if not keep:
            self._close(linger=not request.complete or bool(self.requests))
        elif self.doomed is not None:
            self.refuse(self.doomed)
        elif self.requests:
            self._next()

    def _next(self) -> None:
        self.read_at = perf_counter_ns()
        if self.requests[0].headed:
            self._begin()
        if len(self.requests) < 2:
            self.let_go(PIPELINED)

    def break_off(self) -> None:
        """The answer was cut: so is the connection, after what came of it has left."""
        self.call, self.over = None, True
        self.worker.loop.call_soon(self.reset)

    def refuse_call(self, status: int, message: str, family: Family) -> None:
        self.call = None
        self._say(status, message, family)

    # ---- refusing

    def _malformed(self, error: httptools.HttpParserError | None) -> None:
        """Nothing of this read begins. An answer under way ends first, unless it is its own request that is malformed."""
        refusal = self._refusal_in(error)
        call = self.call
        if call is None:
            return self.refuse(refusal)
        if not self.uploading:
            self.doomed = refusal
            del self.requests[1:]
            return self.hold(PIPELINED)
        begun = call.status
        call.client_gone(refusal.message)
        self.call = None
        if begun:
            return self.break_off()
        self.refuse(refusal)

    def _refusal_in(self, error: httptools.HttpParserError | None) -> Refusal:
        cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
        if isinstance(cause, Refusal):
            return cause
        if cause is not None:
            self.worker.loop.call_exception_handler({"message": "reading a request failed", "exception": cause})
        return malformed(str(error or "no end to what is not body"))

    def refuse(self, refusal: Refusal) -> None:
        self.worker.count_refused(refusal.reason)
        self._say(refusal.status, refusal.message, "openai")

    def _say(self, status: int, message: str, family: Family) -> None:
        body = error_body(family, status, message)
        later = b"Retry-After: 1\r\n" if status == 503 else b""
        head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\nConnection: close\r\n\r\n"
        silent = bool(self.requests) and self.requests[0].method == b"HEAD"
        self.transport.write(head % (status, REASONS[status], later, len(body)) + (b"" if silent else body))
        self._close(linger=True)

    def _close(self, *, linger: bool) -> None:
        """Our last word is said. With bytes of the client still on their way, closing at once would reset away what it has not read."""
        self.over, self.since = True, perf_counter_ns()
        self.requests.clear()
        if linger and self.transport.can_write_eof():
            self.let_go(self.holds)
            self.transport.write_eof()
        else:
            self.transport.close()

    # ---- the worker is ending

    def drain(self) -> None:
        """What is under way closes by itself; on an idle connection the next request may be on its way."""
        if self.call is None and not self.over:
            self.since = perf_counter_ns()

    def stop(self) -> None:
        if self.call is None:
            self.transport.abort()
        elif self.call.status:
            self.call.cut("the worker ended")
        else:
            self.call.fail(503, "cut", "the worker is ending")

    # ---- deadlines, by the worker's sweep

    def sweep(self, now: int) -> None:
        limits = self.worker.limits
        if self.over:
            if now - self.since > LINGER_S * 1e9:
                self.transport.abort()
        elif self.call is not None:
            self._sweep_call(self.call, now, limits.silence_timeout_s)
        elif self.requests or self.seen:
            first = self.requests[0].at if self.requests else self.since
            if now - first > limits.head_timeout_s * 1e9:
                self.refuse(Refusal(408, "head_timeout", f"no complete head within {limits.head_timeout_s:g} s"))
        elif now - self.since > (GRACE_S if self.worker.draining else limits.keep_alive_s) * 1e9:
            self._close(linger=False)

    def _sweep_call(self, call: "Call", now: int, silence_s: float) -> None:
        upstream = call.upstream
        if upstream is None:
            return  # connecting has its own deadline
        silent = now - max(self.read_at, upstream.read_at)
        if silent > 2e9 and call.uploaded:
            call.again = None  # a stale connection shows at once
        if silent < silence_s * 1e9:
            return
        if call.status:
            who, ended = ("the client did not read", "client_gone") if self.full else ("the incumbent was silent", "timed_out")
            call.cut(f"{who} for {silence_s:g} s", ended)
        elif call.uploaded:
            call.fail(504, "timed_out", f"no answer within {silence_s:g} s")
        else:
            call.fail(408, "client_gone", f"the request's body stopped coming for {silence_s:g} s")

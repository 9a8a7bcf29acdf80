"""The client's side: when its requests begin, which of them are refused before a byte goes upstream, and who is given up when.

Law: what two parsers could read differently is refused, and a read that contains something malformed begins nothing. Requests of one
connection are answered in their order; the next one waits, at most one read's worth of it. What we answer ourselves closes the connection.
"""

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING

import httptools

from proxy.config import Server
from proxy.dialects.dialect import Family, error_body
from proxy.peer import EARLY, PIPELINED, Peer
from proxy.reading import Reader
from proxy.relay import UNSENT_MAX
from proxy.request import Refusal, malformed
from proxy.tunnel import Tunnel

if TYPE_CHECKING:
    from proxy.relay import Call
    from proxy.worker import Worker

REASONS = {
    400: b"Bad Request", 404: b"Not Found", 408: b"Request Timeout", 413: b"Content Too Large", 431: b"Request Header Fields Too Large",
    502: b"Bad Gateway", 503: b"Service Unavailable", 504: b"Gateway Timeout",
}  # fmt: skip
GRACE_S = 2.0
"""When the worker ends, an idle connection has this long to ask once more: closed at once, its next request would be lost on the way.
What is asked then is answered with `Connection: close`."""
CONTINUE_S = 1.0
"""How long `Expect: 100-continue` is the incumbent's to answer; then we do, for not everybody does."""
LINGER_S = 2.0
"""After our last word the client may go on sending this long: closing at once would reset away what it has not read yet."""


class Client(Reader):
    """One connection of a client.

    A client that ends its side has left, and its call is cancelled upstream: that it may only have ended its half (`shutdown(SHUT_WR)`
    behind a complete request) cannot be told from leaving before something is written, and to cancel is the commoner wish.
    """

    __slots__ = ("begun", "call", "doomed", "left", "over", "since", "turned_away", "uploading")

    def __init__(self, worker: "Worker"):
        super().__init__(worker)
        self.call: Call | None
        self.call = None
        self.doomed: Refusal | None = None
        self.since = self.begun = self.read_at
        """`since`: when the last answer ended, when lingering began, or when what is left was last seen to shrink. `begun`: the call."""
        self.left = 0
        """Bytes of the last answer that were still to be sent at the last sweep."""
        self.uploading = self.over = self.turned_away = False

    def other(self) -> Peer | None:
        return self.call.upstream if self.call is not None else None

    # ---- what the socket reports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.worker.welcome(self)

    def data_received(self, data: bytes) -> None:
        parser = self.parser
        if self.over or parser is None:
            return self._keep_beyond(data)
        self.read_at = perf_counter_ns()
        self.seen += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if (error := self.upgraded(data[upgrade.args[0] :])) is not None:
                return self._malformed(error)
        except httptools.HttpParserError as error:
            return self._malformed(error)
        if self.call is None:
            self._begin_or_wait()
        elif self.uploading:
            self._upload(self.call)
        if len(self.requests) > 1:
            self.hold(PIPELINED)

    def _keep_beyond(self, data: bytes) -> None:
        """A client may speak before it hears that its WebSocket stands; it is read no further than a buffer."""
        if self.beyond is not None and not self.over:
            self.beyond += data
            if len(self.beyond) > UNSENT_MAX:
                self.hold(EARLY)

    def _begin_or_wait(self) -> None:
        if self.requests and self.requests[0].headed:
            self._begin()
        elif self.seen > self.worker.limits.head_max_bytes:
            self.refuse(Refusal(431, "head_too_large", f"a head larger than {self.worker.limits.head_max_bytes} bytes"))

    def _begin(self) -> None:
        request, self.seen, self.begun = self.requests[0], 0, self.read_at
        call = self.worker.call_for(self, request)
        if isinstance(call, Refusal):
            return self.refuse(call)
        self.call, self.uploading = call, True
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
            self._close(linger=not request.complete or bool(self.requests or self.beyond))
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

    def switched(self, upstream: Peer, head: bytes, down: bytes) -> None:
        """The incumbent took the WebSocket: from here on this is a tunnel."""
        self.call, self.over, beyond = None, True, bytes(self.beyond or b"")
        self.requests.clear()
        Tunnel(self.worker, self, upstream, head=head, down=down, up=beyond)
        self.worker.leave(self)

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
        request = self.requests[0] if self.requests else self.reading
        self._say(refusal.status, refusal.message, self.worker.family_of(request))

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
        if self.call is not None:
            self.call.hurry()
        elif not self.over:
            self.since = perf_counter_ns()

    def stop(self) -> None:
        if self.call is None:
            self.transport.abort()
        else:
            self.call.give_up(503, "cut", "interrupted: the worker is ending")

    def abort(self) -> None:
        self.transport.abort()

    # ---- deadlines

    def sweep(self, now: int) -> None:
        limits = self.worker.limits
        if self.call is not None:
            self._sweep_call(self.call, now, limits)
        elif self._still_sent(now):
            if now - self.since > limits.silence_timeout_s * 1e9 or now - self.begun > limits.call_timeout_s * 1e9:
                self.reset()
        elif self.over:
            if now - self.since > LINGER_S * 1e9:
                self.transport.abort()
        elif self.requests or self.seen:
            first = self.requests[0].at if self.requests else self.since
            if now - first > limits.head_timeout_s * 1e9:
                self.refuse(Refusal(408, "head_timeout", f"no complete head within {limits.head_timeout_s:g} s"))
        elif now - self.since > (GRACE_S if self.worker.draining else limits.keep_alive_s) * 1e9:
            self._close(linger=False)

    def _still_sent(self, now: int) -> bool:
        """Whether the last answer is still leaving, slowly: nobody is idle who is still reading."""
        left, before = self.transport.get_write_buffer_size(), self.left
        self.left = left
        if before and left != before:
            self.since = now
        return left > 0

    def _sweep_call(self, call: "Call", now: int, limits: Server) -> None:
        if self.holds and self.has_left():
            self._leave()
            return self.transport.abort()
        age, upstream = now - self.begun, call.upstream
        if age > CONTINUE_S * 1e9 and self.uploading:
            call.go_ahead()
        if age > limits.call_timeout_s * 1e9:
            return call.give_up(504, "timed_out", f"the call took longer than {limits.call_timeout_s:g} s")
        if not call.uploaded and age > limits.upload_timeout_s * 1e9:
            return call.give_up(408, "client_gone", f"the request's body took longer than {limits.upload_timeout_s:g} s")
        if upstream is None:
            return  # connecting has its own deadline
        silent = now - max(self.read_at, upstream.read_at)
        if silent > 2e9 and call.uploaded:
            call.again = None  # a stale connection shows at once
        if silent > limits.silence_timeout_s * 1e9:
            self._silent(call, f"{limits.silence_timeout_s:g} s")

    def _silent(self, call: "Call", time: str) -> None:
        if call.status and self.full:
            call.cut(f"the client did not read for {time}", "client_gone")
        elif call.status or call.uploaded:
            call.give_up(504, "timed_out", f"the incumbent was silent for {time}")
        else:
            call.fail(408, "client_gone", f"the request's body stopped coming for {time}")

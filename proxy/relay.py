"""One call, from its first byte to its last. Read this file first.

Law: the client gets the incumbent's bytes, as they come, and nothing here waits for anything but the two sockets; a cut answer never ends
like a complete one. The client's protocol calls `start`, `upload` and `client_gone`; the upstream's calls `begin`, `answer` and `lost`.
Whatever happens, a call ends in `finish`, once, and there a recognised one's exchange is journaled.

A second attempt is made only where the first cannot have been acted upon: the connection came from the pool, no byte of an answer came, all
that was sent is still in memory, and one of: none of it had left our buffer; the peer closed the connection in order and its kernel had
acknowledged none of it; the method is safe (GET, HEAD, OPTIONS, TRACE). In doubt it is 502: what a model was asked is not asked twice.
"""

from collections.abc import Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING

from proxy.dialects.dialect import Dialect
from proxy.events import Drawn
from proxy.exchange import Ended, Role
from proxy.headers import LAST_CHUNK, request_head, response_head
from proxy.peer import CONNECTING, PEER_FULL
from proxy.recording import Capture, call_event, exchange_event
from proxy.routing import Destination

if TYPE_CHECKING:
    from proxy.client_side import Client
    from proxy.pool import Pool
    from proxy.request import Request
    from proxy.upstream_side import Upstream
    from proxy.worker import Worker

Road = tuple[Destination, "Pool", Dialect | None]
"""Where a request goes, over which connections, and how it will be read, if it is recorded at all."""
SMALL = 65_536
"""Below this, head and body in one buffer are cheaper than two writes."""
UNSENT_MAX = 262_144
"""Bytes taken from the client while there is no connection yet."""
AGAIN_MAX = 65_536
"""A larger request is not kept for a second attempt."""
MARKS_MAX = 2 * 256
SAFE = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE"))


class Call:
    """One request on its way up and its answer on its way down."""

    # what most calls never change lives on the class: one of these is made per call
    upstream: "Upstream | None" = None
    dialect: Dialect | None = None
    sent: Capture | None = None
    got: Capture | None = None
    opening_down: bytes | None = None
    end_down = LAST_CHUNK
    """Of an answer in chunks, trailers included."""
    lines_down: Sequence[bytes] = ()
    ended: Ended = "complete"
    error = ""
    uploaded = chunked_down = False
    role: Role = "incumbent"
    seen = True
    model: str | None = None
    rewrites: Sequence[str] = ()
    asked_at = 0
    """When this target was asked, where that was not at the request's first byte: after a canary that failed."""
    drawn: Drawn | None = None
    status = chunks = first_at = last_at = max_gap = up_ns = down_ns = ended_at = 0

    def __init__(self, worker: "Worker", client: "Client", request: "Request", road: Road):
        self.worker, self.client, self.request = worker, client, request
        way, pool, dialect = road
        self.way, self.pool = way, pool
        worker.number += 1
        worker.under_way += 1
        self.number = worker.number
        self.again: list[bytes] | None = []
        """All that was sent, while it may have to be sent again; None once it may not."""
        self.is_head, self.http11, self.keep = request.method == b"HEAD", request.http11, request.keep
        self.opening_up: bytes | None = request_head(
            request.method, way.upstream_target(request.target), way.version_and_host, request.lines, chunked=request.chunked
        )
        if dialect is not None:
            self.dialect = dialect
            self.sent, self.got = Capture(worker.journal, worker.capture_max), Capture(worker.journal, worker.capture_max)
            self.marks: list[int] = []
            """When (ns) and at which size of the body each of the first chunks came, flat."""

    # ---- up

    def start(self) -> None:
        if (upstream := self.pool.take()) is not None:
            self._join(upstream)
        else:
            self.pool.connect(self)

    def _join(self, upstream: "Upstream") -> None:
        self.upstream = upstream
        upstream.take(self)
        if upstream.full:
            self.client.hold(PEER_FULL)
        if self.client.full:
            upstream.hold(PEER_FULL)

    def connected(self, upstream: "Upstream") -> None:
        """A fresh connection, for a call that is still waiting for it. Nothing sent on it is ever sent again."""
        self._join(upstream)
        unsent, self.again = self.again, None
        if unsent:
            upstream.transport.write(b"".join(unsent))
        self.client.let_go(CONNECTING)

    def upload(self, data: bytes | None, last: bool) -> None:
        """Bytes of the request's body as they came; `last` when there are no more."""
        opening, self.opening_up = self.opening_up, None
        request = self.request
        chunked = request.chunked
        if data:
            if self.sent is not None:
                self.sent.add(data)
            if chunked:
                data = b"%x\r\n%b\r\n%b" % (len(data), data, request.end if last else b"")
            if opening is None:
                self._send(data)
            elif len(data) < SMALL:
                self._send(opening + data)
            else:
                self._send(opening)
                self._send(data)
        elif opening is not None or chunked:
            self._send((opening or b"") + (request.end if last and chunked else b""))
        if last:
            self.uploaded = True
            self._journal_call()

    def _send(self, data: bytes) -> None:
        again = self.again
        if self.upstream is not None:
            self.upstream.transport.write(data)
        if again is not None:
            again.append(data)
            if len(again) > 1 or len(data) > AGAIN_MAX:
                self._bound_again(sum(map(len, again)))

    def _bound_again(self, size: int) -> None:
        if self.upstream is None:
            if size > UNSENT_MAX:
                self.client.hold(CONNECTING)
        elif size > AGAIN_MAX:
            self.again = None

    # ---- down

    def inform(self, status: int, reason: bytes, lines: list[bytes]) -> None:
        """A hint on the way to an answer (1xx): for clients of HTTP/1.1, and 100 for those who wait for it."""
        if status == 100:
            self.go_ahead()
        elif self.http11 and not self.status:
            self.client.transport.write(response_head(status, reason, lines, chunked=False, connection=b""))

    def go_ahead(self) -> None:
        """Tell a client that waits for it to send its body, once."""
        if self.request.expects and not self.status:
            self.request.expects = False
            self.client.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def switched(self, reason: bytes, lines: list[bytes], rest: bytes) -> None:
        """The incumbent speaks another protocol now: this call is over, and a tunnel begins with what came behind the head."""
        client, upstream = self.client, self.upstream
        assert upstream is not None
        self.upstream = self.again = None
        self.worker.under_way -= 1
        client.switched(upstream, response_head(101, reason, lines, chunked=False, connection=b"Upgrade"), rest)

    def begin(self, status: int, reason: bytes, lines: list[bytes], *, chunked: bool, sized: bool) -> None:
        """The answer's head. It leaves with the first bytes of the body that came with it."""
        self.status, self.lines_down, self.again = status, lines, None
        if (chunked or not sized) and not self.is_head and status not in (204, 304):
            self.chunked_down = self.http11
            self.keep = self.keep and self.http11
        self.keep = self.keep and self.uploaded and not self.worker.draining
        connection = b"" if self.keep and self.http11 else b"keep-alive" if self.keep else b"close"
        if self.worker.call_id_header and self.dialect is not None:
            lines = [*lines, b"x-understudy-call-id: " + self.worker.id_of(self.number).encode()]
        self.opening_down = response_head(status, reason, lines, chunked=self.chunked_down, connection=connection)

    def answer(self, data: bytes | None, last: bool, at: int) -> None:
        """Bytes of the answer's body as they came, read at `at`."""
        opening, self.opening_down = self.opening_down, None
        write = self.client.transport.write
        if data:
            if self.got is not None:
                self._note(self.got, data, at)
            if self.chunked_down:
                write(b"%b%x\r\n%b\r\n%b" % (opening or b"", len(data), data, self.end_down if last else b""))
            elif opening is None:
                write(data)
            elif len(data) < SMALL:
                write(opening + data)
            else:
                write(opening)
                write(data)
        elif opening is not None or self.chunked_down:
            write((opening or b"") + (self.end_down if last and self.chunked_down else b""))
        if opening is not None:
            self.first_at, self.down_ns = at, perf_counter_ns() - at
        if last:
            self.finish("complete")

    def _note(self, got: Capture, data: bytes, at: int) -> None:
        got.add(data)
        if self.chunks:
            gap = at - self.last_at
            if gap > self.max_gap:
                self.max_gap = gap
        self.chunks += 1
        self.last_at = at
        if len(self.marks) < MARKS_MAX:
            self.marks.append(at)
            self.marks.append(got.size)

    # ---- the end

    def lost(self, why: str, *, untouched: bool = False) -> None:
        """The upstream's connection is of no more use, and the answer is not complete."""
        if self._may_ask_again(untouched):
            return self._ask_again()
        if self.status:
            return self.cut(why)
        self.fail(502, "unreachable", why)

    def _may_ask_again(self, untouched: bool) -> bool:
        upstream = self.upstream
        if self.status or upstream is None or not upstream.reused or upstream.answered or self.again is None:
            return False
        return untouched or self.request.method in SAFE

    def _ask_again(self) -> None:
        upstream, self.upstream = self.upstream, None
        assert upstream is not None
        upstream.release(reusable=False)
        self.client.let_go(PEER_FULL)
        self.pool.connect(self)

    def cut(self, why: str, ended: Ended = "cut") -> None:
        """The answer broke off after its head: so must the client's connection."""
        client = self.client
        if self.opening_down is not None:
            client.transport.write(self.opening_down)
        self.finish(ended, why, tell=False)
        client.break_off()

    def fail(self, status: int, ended: Ended, why: str) -> None:
        """No answer at all: ours, in the shape the call's SDK expects."""
        client, family = self.client, self.dialect.family if self.dialect is not None else "openai"
        self.finish(ended, why, tell=False)
        client.refuse_call(status, why, family)

    def give_up(self, status: int, ended: Ended, why: str) -> None:
        """Our decision to end it: a break where the answer has begun, else an answer of ours."""
        if self.status:
            self.cut(why, ended)
        else:
            self.fail(status, ended, why)

    def hurry(self) -> None:
        """The worker is ending: whoever has a second way to an answer leaves time for it."""

    def client_gone(self, why: str = "") -> None:
        self.finish("client_gone", why, tell=False)

    def finish(self, ended: Ended, error: str = "", *, tell: bool = True) -> None:
        client, upstream, whole = self.client, self.upstream, ended == "complete" and self.uploaded
        self.upstream = self.again = None
        self.ended, self.error, self.ended_at = ended, error, perf_counter_ns()
        self.worker.under_way -= 1
        if upstream is not None:
            upstream.release(reusable=whole)
        else:
            self.pool.forget(self)
        if self.dialect is not None:
            self._journal_exchange()
        if tell:
            client.answered(whole and self.keep, self.ended_at)

    def _journal_call(self) -> None:
        if self.sent is not None:
            self.worker.journal.append(call_event, self, self.sent.settle() + 700)

    def _journal_exchange(self) -> None:
        if not self.uploaded:
            self._journal_call()
        if self.got is not None:
            self.worker.journal.append(exchange_event, self, self.got.settle() + 1000)

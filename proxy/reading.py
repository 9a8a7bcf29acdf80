"""A client's bytes as requests: what httptools reports of them.

Law: nothing begins here and nothing is answered; a request is what was read of it. llhttp has refused what is malformed in itself (a method
it does not know among it: lower-case ones and inventions are 400); `request.py` says what else is.
"""

from time import perf_counter_ns
from typing import TYPE_CHECKING

import httptools

from proxy.headers import UP, last_chunk
from proxy.peer import Peer
from proxy.request import Refusal, Request, go_on, look_at, refusal_of, stand_in, too_long

if TYPE_CHECKING:
    from proxy.worker import Worker


class Reader(Peer):
    __slots__ = ("beyond", "lines", "parser", "read_at", "reading", "requests", "seen", "worker")

    def __init__(self, worker: "Worker"):
        super().__init__()
        self.worker = worker
        self.requests: list[Request] = []
        """The one being answered first, then those that wait."""
        self.read_at = perf_counter_ns()
        self.reading, self.lines = Request(0), list[bytes]()
        self.seen = 0
        """Bytes read since something last came of them."""
        self.beyond: bytearray | None = None
        """What came after the offer of a WebSocket: no HTTP any more."""
        self.parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)

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
        if request.connection or request.expects:
            go_on(request, upgrades=parser.should_upgrade())
        request.headed = True
        self.lines = []  # trailers land here

    def on_body(self, data: bytes) -> None:
        request = self.reading
        request.body = data if request.body is None else request.body + data
        if request.chunked:
            request.size += len(data)
            if request.size > self.worker.body_max:
                raise too_long(self.worker.limits)

    def on_message_complete(self) -> None:
        request = self.reading
        if self.lines and request.chunked:
            if sum(map(len, self.lines)) > self.worker.limits.head_max_bytes:
                raise Refusal(431, "head_too_large", f"trailers larger than {self.worker.limits.head_max_bytes} bytes")
            request.end = last_chunk(self.lines)
        request.complete = True

    # ---- offers to upgrade

    def upgraded(self, rest: bytes) -> httptools.HttpParserError | None:
        """llhttp takes every offer to upgrade at its word and stops behind the head."""
        if self.reading.tunnel:
            self.parser, self.beyond = None, bytearray(rest)
            return None
        return self._without_upgrade(rest)

    def _without_upgrade(self, rest: bytes) -> httptools.HttpParserError | None:
        """An offer that is ignored has a body all the same: a second parser is told the same framing without the offer."""
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
                if self.reading.tunnel:
                    return self.upgraded(rest)
            except httptools.HttpParserError as error:
                return error

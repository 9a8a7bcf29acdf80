"""What has been read of a request, and why one goes no further. Pure.

Law: what two parsers could read differently is refused before a byte goes upstream. llhttp refuses what is malformed in itself; here is
what it lets pass and we do not: no Host or two, a transfer coding other than `chunked` once, other protocols' methods, oversize.
"""

import re

from proxy.config import Server
from proxy.dialects.dialect import Family
from proxy.events import HINT_HEADERS
from proxy.headers import GUARD, LAST_CHUNK, named_by, value_of, without

FOREIGN = frozenset(
    (
        b"DESCRIBE", b"ANNOUNCE", b"SETUP", b"PLAY", b"PAUSE", b"TEARDOWN", b"GET_PARAMETER", b"SET_PARAMETER", b"REDIRECT", b"RECORD",
        b"FLUSH", b"SOURCE", b"PRI",
    )
)  # fmt: skip
"""Methods llhttp knows from RTSP, ICE and HTTP/2: it takes those protocols for HTTP/1.0."""
HINT_MAX_CHARS = 256
_DOTS = re.compile(rb"(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?=[/\\;?]|%2f|%5c|%3b|$)", re.IGNORECASE)


class Refusal(Exception):
    """Why a request goes no further: `reason` is what it is counted under."""

    def __init__(self, status: int, reason: str, message: str):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class Request:
    """What has been read of one request. `body` is what has not gone up yet."""

    target = method = connection = upgrade = b""
    host: bytes | None = None
    body: bytes | None = None
    hints: dict[str, str] | None = None
    end = LAST_CHUNK
    """Of a chunked body, trailers included."""
    size = 0
    """Bytes of a chunked body so far."""
    headed = complete = chunked = expects = typed = keep = http11 = tunnel = False
    """`tunnel`: a WebSocket is asked for, and the offer goes on."""

    def __init__(self, at: int):
        self.at, self.lines = at, list[bytes]()
        """The first byte's time; the header lines that go on."""


def look_at(request: Request, name: bytes, value: bytes) -> None:
    """A header line that does not simply go on."""
    low = name.lower()
    if low == b"content-type":
        if request.typed:
            raise malformed("two Content-Type headers")
        request.typed = True
        request.lines.append(name + b": " + value)
    elif low == b"host":
        if request.host is not None:
            raise malformed("two Host headers")
        request.host = value
    elif low == b"transfer-encoding":
        if request.chunked or value.lower() != b"chunked":
            raise malformed("a Transfer-Encoding other than chunked, once")
        request.chunked = True
    elif low == b"connection":
        request.connection += b"," + value if request.connection else value
    elif low == b"expect":
        request.expects = value.lower() == b"100-continue"
        request.lines.append(name + b": " + value)
    elif low == b"upgrade":
        request.upgrade += b"," + value if request.upgrade else value
    elif low == GUARD:
        request.lines.append(name + b": " + value)
    elif (hint := HINT_HEADERS.get(low)) is not None:
        request.hints = (request.hints or {}) | {hint: value.decode("utf-8", "replace")[:HINT_MAX_CHARS]}


def refusal_of(request: Request, version: str, limits: Server, seen: int) -> Refusal | None:
    """Why a request whose head is complete goes no further: what llhttp lets pass. `seen` bounds the head's bytes from above."""
    method = request.method
    if version not in ("1.1", "1.0") or method in FOREIGN:
        return malformed("not HTTP/1.1 or HTTP/1.0")
    if method == b"CONNECT":
        return Refusal(400, "connect", "CONNECT is not offered here: this is no forward proxy")
    if request.target[:1] != b"/" and not (request.target == b"*" and method == b"OPTIONS"):
        return Refusal(400, "target", "the request target must be a path")
    if request.http11 and request.host is None:
        return malformed("no Host header")
    if request.chunked and not request.http11:
        return malformed("Transfer-Encoding with HTTP/1.0")
    if request.connection and {b"content-length", b"host", b"content-type"} & named_by(request.connection):
        return malformed("a Connection header that names the message's framing")
    if len(request.lines) > limits.headers_max:
        return Refusal(431, "head_too_large", f"more than {limits.headers_max} header lines")
    if seen > limits.head_max_bytes and len(request.target) + sum(map(len, request.lines)) > limits.head_max_bytes:
        return Refusal(431, "head_too_large", f"a head larger than {limits.head_max_bytes} bytes")
    if request.upgrade and value_of(request.lines, b"sec-websocket-key1") is not None:
        return malformed("a WebSocket of before RFC 6455, with a body it does not announce")
    length = value_of(request.lines, b"content-length") if limits.body_max_bytes else None
    if length is not None and int(length) > limits.body_max_bytes:
        return too_long(limits)
    return None


def too_long(limits: Server) -> Refusal:
    return Refusal(413, "body_too_large", f"a body larger than {limits.body_max_bytes} bytes")


def go_on(request: Request, *, upgrades: bool) -> None:
    """Leave in the head's lines what is meant for the incumbent. An offer to upgrade is, when it is for a WebSocket and nothing else.

    A GET with a key and without a body, so that nobody can take what follows for anything but the tunnel's bytes; every other offer (h2c,
    TLS, one among several) is ignored, as RFC 9110 7.8 allows.
    """
    if request.connection:
        request.lines = without(request.lines, named_by(request.connection))
    if request.expects and not request.http11:
        request.lines, request.expects = without(request.lines, frozenset((b"expect",))), False
    if upgrades and request.http11 and request.method == b"GET" and request.upgrade.lower() == b"websocket":
        keys = sum(line[:18].lower() == b"sec-websocket-key:" for line in request.lines)
        request.tunnel = keys == 1 and not request.chunked and value_of(request.lines, b"content-length") in (None, b"0")
    if request.tunnel:
        request.lines += (b"Connection: Upgrade", b"Upgrade: " + request.upgrade)
        request.keep = False


def has_dot_segments(path: bytes) -> bool:
    """Whether some reader of this path would go elsewhere with it: `.` and `..` segments, percent-encoded or beside encoded slashes too."""
    return _DOTS.search(path) is not None


def family_by_signs(request: Request) -> Family:
    """Whose SDK speaks, where the path does not say."""
    names = {line.partition(b":")[0].lower() for line in request.lines}
    if b"anthropic-version" in names:
        return "anthropic"
    return "gemini" if b"x-goog-api-key" in names or b"/v1beta/" in request.target else "openai"


def malformed(why: str) -> Refusal:
    return Refusal(400, "malformed", f"malformed request: {why}")


def stand_in(request: Request) -> bytes:
    """A head with the same framing as this request's, and nothing else of it."""
    framing = b"Transfer-Encoding: chunked\r\n" if request.chunked else b""
    if (length := value_of(request.lines, b"content-length")) is not None:
        framing += b"Content-Length: " + length + b"\r\n"
    keep = b"" if request.keep else b"Connection: close\r\n"
    return request.method + b" / HTTP/1.1\r\nHost: x\r\n" + keep + framing + b"\r\n"

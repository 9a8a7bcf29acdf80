"""Which header lines go on to the next hop, and the heads that are built of them. Pure.

Law: name, case, order, number and value of every line that goes on are the sender's own. What does not go on: lines for one hop only and
those a Connection header names, Host (the upstream's is set) and `x-understudy-*` (ours). Message framing is never negotiable: no
Connection header can take it away, and no trailer can bring it.
"""

from collections.abc import Iterable

HOP_BY_HOP = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization",
        b"te", b"transfer-encoding", b"upgrade",
    )
)  # fmt: skip
NOT_IN_TRAILERS = HOP_BY_HOP | frozenset(
    (
        b"host", b"content-length", b"content-type", b"content-encoding", b"content-range", b"trailer", b"authorization", b"cookie",
        b"set-cookie", b"expect", b"cache-control", b"max-forwards", b"range", b"location", b"age", b"date", b"expires", b"vary",
        b"www-authenticate", b"retry-after",
    )
)  # fmt: skip
"""Framing, routing, credentials, control (RFC 9110, 6.5.1): a recipient that merges trailers into the head must not find them there."""
OURS = b"x-understudy-"
GUARD = b"x-understudy-shadow"
"""Marks a mirrored call: it goes on, so that no shadow of whoever is behind us mirrors it again."""
LAST_CHUNK = b"0\r\n\r\n"
NAMES_MAX = 2000
NAME_MAX_BYTES = 200


class LineStarts(dict[bytes, bytes]):
    """A header's name as received -> how its line begins, or b"" when its reader must look at it. A bounded memo: peers repeat names."""

    def __init__(self, watched: Iterable[bytes], ours: bytes = OURS):
        super().__init__()
        self.watched, self.ours = frozenset(watched), ours

    def __missing__(self, name: bytes) -> bytes:
        low = name.lower()
        start = b"" if low in self.watched or (self.ours and low.startswith(self.ours)) else name + b": "
        if len(self) >= NAMES_MAX:
            self.clear()
        if len(name) <= NAME_MAX_BYTES:
            self[name] = start
        return start


UP = LineStarts(HOP_BY_HOP | {b"host", b"expect", b"content-type"})
DOWN = LineStarts(HOP_BY_HOP, ours=b"")


def named_by(connection: bytes) -> frozenset[bytes]:
    """Names of the lines a Connection header declares to be for this hop only."""
    low = connection.lower()
    if low in (b"keep-alive", b"close"):
        return frozenset()
    return frozenset(token.strip() for token in low.split(b",")) - {b"", b"close", b"keep-alive"}


def without(lines: list[bytes], names: frozenset[bytes]) -> list[bytes]:
    return [line for line in lines if line.partition(b":")[0].lower() not in names] if names else lines


def value_of(lines: list[bytes], name: bytes) -> bytes | None:
    """The value of the first line with this (lower-case) name."""
    return next((line[len(name) + 2 :] for line in lines if line[: len(name) + 1].lower() == name + b":"), None)


def last_chunk(trailers: list[bytes]) -> bytes:
    """The end of a chunked body, with the trailers that may go on."""
    kept = [line for line in trailers if line.partition(b":")[0].lower() not in NOT_IN_TRAILERS]
    return b"\r\n".join((b"0", *kept, b"", b""))


def one_length(answer: bytes) -> bytes | None:
    """An answer that repeats one and the same Content-Length, saying it once (RFC 9110, 8.6); None when it is not that."""
    head, mark, body = answer.partition(b"\r\n\r\n")
    while mark and head[9:10] == b"1":  # hints (1xx) have been read
        head, mark, body = body.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at = [number for number, line in enumerate(lines) if line[:15].lower() == b"content-length:"]
    said = {part.strip() for number in at for part in lines[number][15:].split(b",")}
    if not mark or len(said) != 1 or (len(at) == 1 and b"," not in lines[at[0]]):
        return None
    lines[at[0]] = lines[at[0]][:15] + b" " + said.pop()
    return b"\r\n".join(line for number, line in enumerate(lines) if number not in at[1:]) + mark + body


def request_head(method: bytes, target: bytes, version_and_host: bytes, lines: list[bytes], *, chunked: bool) -> bytes:
    # one join of start, lines and end: with no lines at all, a join of lines between fixed parts would end the head early
    end = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n"
    return b"\r\n".join((method + b" " + target + version_and_host, *lines, end))


def response_head(status: int, reason: bytes, lines: list[bytes], *, chunked: bool, connection: bytes) -> bytes:
    """`connection` is the value of our own Connection header; b"" for none."""
    end = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n"
    if connection:
        end = b"Connection: " + connection + b"\r\n" + end
    return b"\r\n".join((b"HTTP/1.1 %d %b" % (status, reason), *lines, end))

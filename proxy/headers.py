"""Which header lines go on to the next hop, and the heads that are built of them. Pure.

Law: name, case, order, number and value of every line that goes on are the sender's own. What does not go on: lines for one hop only and
those a Connection header names, Host (the upstream's is set) and `x-understudy-*` (ours). Message framing is never negotiable: no
Connection header can take it away.
"""

from collections.abc import Iterable

HOP_BY_HOP = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization",
        b"te", b"trailer", b"transfer-encoding", b"upgrade",
    )
)  # fmt: skip
OURS = b"x-understudy-"
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

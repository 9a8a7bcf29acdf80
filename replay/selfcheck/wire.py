"""Messages as they stood on a wire, read apart just far enough to be compared. Pure.

Law: a head line or a body byte that differs is told; what HTTP lets each hop say anew (framing, `Connection`, Host) is not compared.
"""

from dataclasses import dataclass

HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"host", b"te", b"trailer", b"upgrade", b"proxy-connection")
)
"""A body's length is compared by comparing the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    first: bytes
    lines: tuple[bytes, ...]
    """End-to-end header lines, in order, as they stood."""
    body: bytes


def message(raw: bytes) -> Message | None:
    """None: there is no whole head in it. Final answers only: 1xx before them are skipped."""
    head, mark, rest = raw.partition(b"\r\n\r\n")
    if not mark:
        return None
    first, *lines = head.split(b"\r\n")
    if first.startswith(b"HTTP/1.1 1"):
        return message(rest)
    names = [line.partition(b":")[0].strip().lower() for line in lines]
    chunked = any(name == b"transfer-encoding" and b"chunked" in line.lower() for name, line in zip(names, lines, strict=True))
    length = next((int(line.partition(b":")[2]) for name, line in zip(names, lines, strict=True) if name == b"content-length"), None)
    body = _joined(rest) if chunked else rest if length is None else rest[:length]
    kept = tuple(line for name, line in zip(names, lines, strict=True) if name not in HOP_BY_HOP)
    return Message(first=first, lines=kept, body=body)


def _joined(rest: bytes) -> bytes:
    """The bodies of chunks, as far as they came."""
    body = b""
    while rest:
        line, _, rest = rest.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return body + rest
        if not size:
            return body
        body, rest = body + rest[:size], rest[size + 2 :]
    return body


def differences(sent: bytes, received: bytes, what: str) -> list[str]:
    """What is not the same at both ends of the proxy, in words; nothing when all is."""
    one, other = message(sent), message(received)
    if one is None or other is None:
        return [f"{what}: no whole head at {'one end' if one or other else 'either end'}"]
    found: list[str] = []
    if one.first.split(b" ")[:2] != other.first.split(b" ")[:2]:
        found.append(f"{what}: first line {one.first[:60]!r} became {other.first[:60]!r}")
    if one.lines != other.lines:
        changed = [line for line in (*one.lines, *other.lines) if (line in one.lines) != (line in other.lines)]
        found.append(f"{what}: header {changed[0].partition(b':')[0]!r}" if changed else f"{what}: the order of headers")
    if one.body != other.body:
        at = next((at for at, pair in enumerate(zip(one.body, other.body, strict=False)) if pair[0] != pair[1]), None)
        found.append(f"{what}: body, {len(one.body)} bytes against {len(other.body)}" + (f", first at {at}" if at is not None else ""))
    return found

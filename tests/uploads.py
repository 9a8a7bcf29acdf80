"""Generated uploads: multipart with every byte there is, sized and chunked, cut where readers go wrong."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    parts: tuple[bytes, ...]
    """What is written to the socket, one write after another."""
    body: bytes


def uploads(dice: random.Random, count: int = 100) -> Iterator[Upload]:
    """A few of each kind, the same for the same dice."""
    for number in range(count):
        boundary = b"----b%d" % dice.randrange(1 << 30)
        body = _multipart(boundary, dice) if number % 4 else dice.randbytes(dice.randrange(1, 200_000))
        kind = b"multipart/form-data; boundary=" + boundary if number % 4 else b"application/octet-stream"
        chunked = number % 2 == 1
        head = b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Type: " + kind + b"\r\n"
        if chunked:
            wire = head + b"Transfer-Encoding: chunked\r\n\r\n" + _chunks(body, dice)
        else:
            wire = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        yield Upload(f"upload {number}, {'chunked' if chunked else 'sized'}, {len(body)} bytes", _cut(wire, boundary, dice), body)


def _multipart(boundary: bytes, dice: random.Random) -> bytes:
    """Text, all 256 bytes, what is no UTF-8, a file that looks like a head, and one that looks like the boundary."""
    contents = [
        b"fine-tune",
        bytes(range(256)) * dice.randrange(1, 40),
        b"\xff\xfe\x00\xc3\x28\xed\xa0\x80",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        b"--" + boundary[:-1] + b"\r\n",
        dice.randbytes(dice.randrange(100_000)),
    ]
    dice.shuffle(contents)
    lines = [b'Content-Disposition: form-data; name="part"; filename="f\xc3\xbc\x00.bin"\r\n\r\n' + each for each in contents]
    return b"".join(b"--" + boundary + b"\r\n" + each + b"\r\n" for each in lines) + b"--" + boundary + b"--\r\n"


def _chunks(body: bytes, dice: random.Random) -> bytes:
    made, at = b"", 0
    while at < len(body):
        size = dice.choice((1, 2, 15, 16, 255, 4096, 65_537))
        piece = body[at : at + size]
        extension = dice.choice((b"", b"", b";name=value"))
        made += b"%x%b\r\n%b\r\n" % (len(piece), extension, piece)
        at += size
    return made + b"0\r\n\r\n"


def _cut(wire: bytes, boundary: bytes, dice: random.Random) -> tuple[bytes, ...]:
    """At the head's end and beside it, inside line ends and boundaries, at the last bytes, and anywhere."""
    head, places = wire.index(b"\r\n\r\n"), set[int]()
    for mark in (b"\r\n\r\n", b"\r\n", boundary, b"\x00", b"0\r\n\r\n"):
        at = wire.find(mark, head if mark == boundary else 0)
        places |= {at, at + 1, at + len(mark), at + len(mark) - 1}
    places |= {head + 4, len(wire) - 1, len(wire) - 3, *(dice.randrange(len(wire)) for _ in range(5))}
    chosen = sorted(each for each in dice.sample(sorted(places), min(6, len(places))) if 0 < each < len(wire))
    return tuple(wire[a:b] for a, b in zip([0, *chosen], [*chosen, len(wire)], strict=True))

"""A scripted upstream behind a raw socket: exact bytes in, exact bytes out, a thread per connection.

`answer` is asked for each request and yields what to do: bytes are sent as one write; the rest are the steps below. What was received is in
`asked`, in order, whether or not it was whole.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

CLOSE, RESET, LEAVE = "close", "reset", "leave"
"""End the connection with FIN, with RST, or keep it open and say nothing."""
Step = bytes | str | threading.Event | Callable[[], object]


@dataclass(slots=True)
class Asked:
    """One request as it came over the wire."""

    head: bytes = b""
    """Up to and with the empty line."""
    body: bytes = b""
    """Chunks joined."""
    whole: bool = False
    connection: int = 0
    """Which connection it came on, counted from 0."""

    wire: "Wire | None" = None
    """Where the body of a request comes from that is answered early."""

    @property
    def method(self) -> bytes:
        return self.head.split(b" ", 1)[0]

    @property
    def target(self) -> bytes:
        return self.head.split(b" ", 2)[1]

    @property
    def lines(self) -> list[bytes]:
        return self.head.split(b"\r\n")[1:-2]

    def header(self, name: bytes) -> list[bytes]:
        return [value.strip() for line in self.lines for key, _, value in (line.partition(b":"),) if key.lower() == name]


def sized(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body), b"", body))


def echo(asked: Asked) -> Iterable[Step]:
    yield sized(b"" if asked.method == b"HEAD" else asked.target)


@dataclass(slots=True, repr=False)
class Upstream:
    """`with Upstream(answer) as upstream: upstream.port`."""

    answer: Callable[[Asked], Iterable[Step]] = echo
    tls: object = None
    """An ssl.SSLContext for the server's side."""
    early: bool = False
    """Answer a head without waiting for its body."""
    asked: list[Asked] = field(default_factory=list[Asked])
    connections: int = 0
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when a client's connection ended in the middle of a request or of an answer."""
    _listening: socket.socket = field(default_factory=socket.socket)
    _open: list[socket.socket] = field(default_factory=list[socket.socket])

    def __enter__(self) -> Self:
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(512)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._open:
            each.close()

    @property
    def port(self) -> int:
        return self._listening.getsockname()[1]

    def close_idle(self) -> None:
        """FIN on every connection, as a server does with idle ones."""
        for each in self._open:
            each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(sock)
            number, self.connections = self.connections, self.connections + 1
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)  # type: ignore[attr-defined]
            wire = Wire(sock)
            while (asked := self._read(wire, number)) is not None:
                for step in self.answer(asked):
                    if not self._do(sock, step):
                        return
        except (OSError, ValueError):
            self.gone.set()
        finally:
            sock.close()

    def _read(self, wire: "Wire", number: int) -> Asked | None:
        head = wire.until(b"\r\n\r\n")
        if not head:
            return None
        asked = Asked(head, connection=number)
        self.asked.append(asked)
        if self.early:
            asked.wire = wire
            return asked
        if asked.header(b"transfer-encoding"):
            asked.body = wire.chunks()
        elif length := asked.header(b"content-length"):
            asked.body = wire.exactly(int(length[0]))
        asked.whole = True
        return asked

    def _do(self, sock: socket.socket, step: Step) -> bool:
        if isinstance(step, bytes):
            sock.sendall(step)
        elif isinstance(step, threading.Event):
            assert step.wait(60)
        elif step == LEAVE:
            while sock.recv(65_536):
                pass
            self.gone.set()
            return False
        elif step in (CLOSE, RESET):
            if step == RESET:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            return False
        else:
            assert callable(step)
            step()
        return True


class Wire:
    """Reading from a socket by HTTP's own framing; ValueError when the peer ends too early."""

    def __init__(self, sock: socket.socket):
        self.sock, self.rest = sock, b""

    def _more(self) -> bool:
        data = self.sock.recv(262_144)
        self.rest += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        while mark not in self.rest:
            if not self._more():
                if self.rest:
                    raise ValueError("ended inside a head")
                return b""
        found, _, self.rest = self.rest.partition(mark)
        return found + mark

    def exactly(self, size: int) -> bytes:
        while len(self.rest) < size:
            if not self._more():
                raise ValueError("ended inside a body")
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def swallow(self, size: int) -> None:
        """Read this much and keep none of it."""
        left = size - len(self.rest)
        self.rest = b""
        while left > 0:
            data = self.sock.recv(262_144)
            if not data:
                raise ValueError("ended inside a body")
            left -= len(data)

    def chunks(self) -> bytes:
        body = b""
        while size := int(self.until(b"\r\n").partition(b";")[0], 16):
            body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise ValueError("a chunk does not end where it says")
        while self.until(b"\r\n") != b"\r\n":
            pass
        return body

    def rest_until_end(self) -> bytes:
        while self._more():
            pass
        found, self.rest = self.rest, b""
        return found

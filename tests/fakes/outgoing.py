"""A real outgoing proxy: CONNECT tunnels and whole-URL requests, with a password when told so. It knows names nobody else knows."""

import base64
import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit


@dataclass(slots=True, repr=False)
class OutgoingProxy:
    """`with OutgoingProxy({"model.example": port}) as proxy: proxy.url`."""

    names: dict[str, int]
    """Name -> port on 127.0.0.1 that it leads to."""
    password: str = ""
    """`user:password` that is asked for."""
    refuse: bytes = b""
    """An answer to everything instead."""
    heads: list[bytes] = field(default_factory=list[bytes])
    _listening: socket.socket = field(default_factory=socket.socket)
    _open: list[socket.socket] = field(default_factory=list[socket.socket])

    def __enter__(self) -> Self:
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.password + '@' if self.password else ''}{self.address}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                self._open.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection: its first head says where it leads, and there it stays."""
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := client.recv(65_536)):
                return
            head += data
        self.heads.append(head.partition(b"\r\n\r\n")[0])
        allowed = b"basic " + base64.b64encode(self.password.encode()).lower()
        if self.refuse or (self.password and allowed not in head.lower()):
            client.sendall(self.refuse or b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return client.close()
        method, target, _ = head.split(b" ", 2)
        name = target.decode().rpartition(":")[0] if method == b"CONNECT" else urlsplit(target.decode()).hostname or ""
        upstream = socket.create_connection(("127.0.0.1", self.names[name]))
        self._open.append(upstream)
        if method == b"CONNECT":
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream.sendall(head)
        threading.Thread(target=_pump, args=(upstream, client), daemon=True).start()
        _pump(client, upstream)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

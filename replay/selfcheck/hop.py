"""A private hop between the private proxy and the user's upstream: passes bytes on and keeps a copy of both directions.

Law: it changes one thing, the Host line, which must name the upstream and not the hop; everything else goes through as it came.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from proxy.config import Config, Target
from proxy.tls import context_for, trust_of


@dataclass(slots=True)
class Passed:
    """One connection's bytes."""

    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Hop:
    """`async with Hop(...) as hop: hop.port`."""

    host: str
    port_there: int
    tls: ssl.SSLContext | None
    server_name: str
    host_line: bytes
    """What the upstream is to read as Host."""
    passed: list[Passed] = field(default_factory=list[Passed])
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @classmethod
    def to(cls, config: Config, target: Target) -> "Hop":
        parts = urlsplit(target.url)
        host, trust, secure = parts.hostname or "", trust_of(config, target), parts.scheme == "https"
        return cls(
            host=host,
            port_there=parts.port or (443 if secure else 80),
            tls=context_for(trust) if secure else None,
            server_name=trust.server_name or host,
            host_line=parts.netloc.encode(),
        )

    def copies(self) -> tuple[bytes, bytes]:
        """All that went up so far and all that came down; calls are made one after another, so both have an order."""
        return b"".join(bytes(each.up) for each in self.passed), b"".join(bytes(each.down) for each in self.passed)

    def seen(self) -> tuple[int, int]:
        up, down = self.copies()
        return len(up), len(down)

    async def __aenter__(self) -> "Hop":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = Passed()
        self.passed.append(passed)
        name = self.server_name if self.tls else None
        try:
            there = await asyncio.wait_for(asyncio.open_connection(self.host, self.port_there, ssl=self.tls, server_hostname=name), 15)
        except (OSError, TimeoutError):
            return writer.close()
        down = asyncio.get_running_loop().create_task(self._pass(there[0], writer, passed.down))
        self._tasks.add(down)
        down.add_done_callback(self._tasks.discard)
        await self._pass(reader, there[1], passed.up, self.host_line)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray, host: bytes = b"") -> None:
        ours = b"Host: 127.0.0.1:%d\r\n" % self.port
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(65_536):
                kept += data
                writer.write(data.replace(ours, b"Host: " + host + b"\r\n") if host else data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

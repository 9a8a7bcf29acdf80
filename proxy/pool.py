"""Connections to one incumbent: kept, taken, made.

Law: whoever waits, waits at most `connect_timeout_s`: names are looked up anew for every connection, an address that does not answer costs
a quarter of a second and not the whole wait (RFC 8305), the outgoing proxy and TLS are part of it. No connection is used for longer than
`upstream_age_s`, so that calls follow where a name leads.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

from proxy import outgoing, tls
from proxy.config import Server
from proxy.upstream_side import Upstream

if TYPE_CHECKING:
    from proxy.relay import Call
    from proxy.routing import Destination

NEXT_ADDRESS_S = 0.25
READ_AHEAD_BYTES = 1
"""Read from the socket no further than what TLS has handed on: uvloop drops what is unread when the peer ends the connection."""


class Pool:
    """Connections to one incumbent. `take` is synchronous; a new one is made by a task that knows its call."""

    __slots__ = ("age_ns", "connect_timeout_s", "idle", "idle_ns", "making", "tls", "way")

    def __init__(self, way: "Destination", limits: Server):
        self.way, self.connect_timeout_s = way, limits.connect_timeout_s
        self.idle_ns, self.age_ns = int(limits.upstream_idle_s * 1e9), int(limits.upstream_age_s * 1e9)
        self.tls = tls.context_for(way.trust) if way.trust is not None else None
        self.idle: list[Upstream] = []
        """Last used last, and taken first."""
        self.making: dict[Call, asyncio.Task[None]] = {}

    def take(self) -> "Upstream | None":
        while self.idle:
            upstream = self.idle.pop()
            if not upstream.transport.is_closing() and not (self.tls is not None and upstream.has_left()):
                return upstream
            upstream.transport.abort()
        return None

    def connect(self, call: "Call") -> None:
        """Make a connection for this call; ends in `call.connected` or `call.fail`, unless forgotten first."""
        self.making[call] = call.worker.loop.create_task(self._connect(call))

    def forget(self, call: "Call") -> None:
        if (task := self.making.pop(call, None)) is not None and task is not asyncio.current_task():
            task.cancel()

    async def _connect(self, call: "Call") -> None:
        target = self.way.target
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                upstream = await self._made(call.worker.loop)
        except TimeoutError:
            return call.fail(504, "timed_out", f"no connection to {target} within {self.connect_timeout_s:g} s")
        except (OSError, RuntimeError, ValueError) as error:
            return call.fail(502, "unreachable", f"{target} cannot be reached: {tls.words(error)}")
        if self.making.pop(call, None) is None:
            return upstream.transport.abort()
        call.connected(upstream)

    async def _made(self, loop: asyncio.AbstractEventLoop) -> Upstream:
        way, secure = self.way, self.tls is not None
        to = way.proxy or way
        addresses = await loop.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
        if len(addresses) > 1 or (way.proxy is not None and secure):
            where: dict[str, Any] = {"sock": await self._dialled(loop, addresses)}
        else:  # three times cheaper
            where = {"host": addresses[0][4][0], "port": to.port}
        if secure:
            where |= {"ssl": self.tls, "server_hostname": way.server_name, "ssl_handshake_timeout": self.connect_timeout_s}
        _, upstream = await loop.create_connection(lambda: Upstream(self), **where)
        if secure:
            upstream.transport.set_read_buffer_limits(READ_AHEAD_BYTES)  # type: ignore[attr-defined]
        return upstream

    async def _dialled(self, loop: asyncio.AbstractEventLoop, addresses: Sequence[Any]) -> socket.socket:
        """A connected socket: to the incumbent, or through the outgoing proxy as far as TLS may begin."""
        way = self.way
        sock = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_S, loop=loop)
        if way.proxy is not None and self.tls is not None:
            try:
                await outgoing.tunnel(sock, way.proxy, way.host, way.port)
            except BaseException:
                sock.close()
                raise
        return sock

    def sweep(self, now: int) -> None:
        while self.idle and now - self.idle[0].read_at > self.idle_ns:
            self.idle.pop(0).transport.abort()

    def close(self) -> None:
        while self.idle:
            self.idle.pop().transport.abort()

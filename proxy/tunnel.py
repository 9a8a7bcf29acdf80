"""An upgraded connection: after the incumbent's 101 bytes pass both ways as they are, until both sides have ended.

Law: no frame is parsed, and nothing is kept of the bytes but how many they were. Nobody is read for a side that cannot be written to; a
side that ends ends for the other one as well, a side that breaks off breaks off. A tunnel in which nothing moves is broken off after
`server.tunnel_idle_s`, and so is one that is left when the worker's `drain_s` are over.
"""

from time import perf_counter_ns
from typing import TYPE_CHECKING

from proxy.peer import PEER_FULL, Peer

if TYPE_CHECKING:
    from proxy.worker import Worker


class End(Peer):
    """One of a tunnel's two sides. It takes over a transport from the protocol that spoke HTTP on it."""

    __slots__ = ("ended", "far", "tunnel")

    def __init__(self, tunnel: "Tunnel", before: Peer):
        super().__init__()
        self.transport, self.full = before.transport, before.full
        self.tunnel: Tunnel | None = tunnel
        self.far: End | None = None
        self.ended = False
        """It has said its last byte."""
        before.let_go(before.holds)
        self.transport.set_protocol(self)

    def join(self, far: "End") -> None:
        self.far = far
        if far.full:
            self.hold(PEER_FULL)

    def other(self) -> Peer | None:
        return self.far

    def data_received(self, data: bytes) -> None:
        if self.tunnel is not None and self.far is not None:
            self.tunnel.moved(len(data))
            self.far.transport.write(data)

    def eof_received(self) -> bool:
        """Hand the end on, and stay open for what the far side still says. TLS knows no half of a connection: there both end."""
        self.ended, far = True, self.far
        if far is None:
            return False
        if not (far.ended or far.transport.is_closing()) and far.transport.can_write_eof() and self.transport.can_write_eof():
            far.transport.write_eof()
            return True
        far.transport.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        tunnel, far = self.tunnel, self.far
        self.tunnel = self.far = None
        if tunnel is None:
            return
        if far is None:
            return tunnel.over()
        far.far = None
        if exc is None and self.ended:
            far.transport.close()
        else:
            tunnel.worker.loop.call_soon(far.reset)  # what came of it leaves first


class Tunnel:
    """Both ends and the clock. To its worker it is one of the connections, like a `Client`."""

    __slots__ = ("moved_at", "near", "worker")

    def __init__(self, worker: "Worker", client: Peer, upstream: Peer, *, head: bytes, down: bytes, up: bytes):
        """`head` answers the offer; `down` and `up` came early, for the client and for the incumbent."""
        self.worker, self.moved_at = worker, perf_counter_ns()
        self.near, far = End(self, client), End(self, upstream)
        self.near.join(far)
        far.join(self.near)
        worker.clients.add(self)
        worker.tunnels += 1
        self.near.transport.write(head + down)
        if up:
            far.transport.write(up)
        self.moved(len(down) + len(up))

    def moved(self, size: int) -> None:
        self.moved_at = perf_counter_ns()
        self.worker.tunnel_bytes += size

    def over(self) -> None:
        self.worker.tunnels -= 1
        self.worker.leave(self)

    def sweep(self, now: int) -> None:
        if now - self.moved_at > self.worker.limits.tunnel_idle_s * 1e9:
            self.stop()

    def drain(self) -> None:
        """Whoever speaks through it is left to finish."""

    def stop(self) -> None:
        """Break off: the far end follows."""
        self.near.reset()

    def abort(self) -> None:
        far = self.near.far
        self.near.transport.abort()
        if far is not None:
            far.transport.abort()

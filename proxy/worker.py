"""One worker: serves the shared listening socket, relays, journals, and says once in a while how it is.

Law: it reads no answer, keeps no metrics and asks nobody. On SIGTERM it stops accepting, answers what is under way with `Connection: close`
up to `drain_s`, seals its journal and ends. Deadlines are kept by one coarse sweep, not by a timer per call.
"""

import asyncio
import contextlib
import functools
import gc
import secrets
import signal
import socket
import ssl
import time
from collections.abc import Callable
from time import perf_counter_ns

import uvloop

from proxy.client_side import Client
from proxy.config import Config
from proxy.dialects import dialect_of
from proxy.events import BeatEvent
from proxy.journal import Journal, limits_of
from proxy.relay import Call, Road
from proxy.request import Request
from proxy.routing import Destination, Routes
from proxy.upstream_side import Pool

BACKLOG = 4096
SWEEP_S = 0.5
BEAT_S, QUIET_BEAT_S = 1.0, 5.0
ROADS_MAX = 2000
ROAD_MAX_BYTES = 512
LAST_WORDS_S = 1.0
"""For what still has to be told to clients that were broken off at the end."""
OVERFLOW = 256
"""Connections beyond the limit that still get to hear 503; those beyond are closed at once."""


class Worker:
    """Everything calls share. `start` on a running loop; `stop` drains."""

    def __init__(self, config: Config, listening: socket.socket, process: str):
        self.config, self.process = config, process
        self.config_hash = config.hash
        self.limits, self.capture_max = config.server, config.server.capture_max_bytes
        self.call_id_header = config.server.call_id_header
        self.journal = Journal(config.journal_folder, process, config.hash, limits_of(config))
        self.clients: set[Client] = set()
        self.draining, self._empty = False, asyncio.Event()
        self.number = self.calls = 0
        self.passthrough: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.loop_lag_us = 0
        self._listening, self._pools, self._roads = listening, dict[tuple[str, int, bool], Pool](), _Roads(self)
        self._server: asyncio.Server | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ids = _id_prefix()
        self._epoch_ns = time.time_ns() - perf_counter_ns()
        self._last_beat: tuple[object, ...] = ()
        self._last_beat_at = self._sweep_due = 0.0

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.journal.start(self.loop)
        self._server = await self.loop.create_server(lambda: self._accept(), sock=self._listening, backlog=BACKLOG)
        timeouts = (
            getattr(self.config.server, name) for name in ("head_timeout_s", "keep_alive_s", "silence_timeout_s", "upstream_idle_s")
        )
        self._sweep_s = min(SWEEP_S, min(timeouts) / 4)
        self._sweep_due = self.loop.time()
        self._sweep()
        self._beat()

    async def stop(self, drain_s: float | None = None) -> None:
        """Stop accepting, let calls under way finish, then end whatever is left."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for client in list(self.clients):
            client.drain()
        await self._nobody_left(self.config.server.drain_s if drain_s is None else drain_s)
        for client in list(self.clients):
            client.stop()
        await self._nobody_left(LAST_WORDS_S)
        for client in list(self.clients):
            client.transport.abort()
        for pool in self._pools.values():
            pool.close()
        await asyncio.sleep(0.01)  # what was aborted closes on the loop's next rounds
        for timer in self._timers.values():
            timer.cancel()
        self._put_beat()
        self.journal.close()

    async def _nobody_left(self, wait_s: float) -> None:
        if self.clients:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), wait_s)

    # ---- what calls ask for

    def _accept(self) -> Client:
        client = Client(self)
        client.turned_away = len(self.clients) >= self.config.server.connections_max
        return client

    def welcome(self, client: Client) -> None:
        if len(self.clients) >= self.config.server.connections_max + OVERFLOW:
            self.count_refused("overloaded")
            return client.transport.abort()
        self.clients.add(client)

    def leave(self, client: Client) -> None:
        self.clients.discard(client)
        if not self.clients:
            self._empty.set()

    def call_for(self, client: Client, request: Request) -> Call | None:
        """Who answers this request, and whether it is recorded; None when no route takes it."""
        road = self._roads[request.method == b"POST", request.host or b"", request.target.partition(b"?")[0]]
        if road is None:
            return None
        if road[2] is None:
            route = road[0].route
            self.passthrough[route] = self.passthrough.get(route, 0) + 1
        else:
            self.calls += 1
        return Call(self, client, request, road)

    def pool_of(self, way: Destination) -> Pool:
        key = (way.host, way.port, way.secure)
        pool = self._pools.get(key)
        if pool is None:
            server = self.config.server
            pool = self._pools[key] = Pool(way, connect_timeout_s=server.connect_timeout_s, idle_s=server.upstream_idle_s)
        return pool

    @functools.cached_property
    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def id_of(self, number: int) -> str:
        """A call's id: a version 8 UUID of this process's random prefix and the call's number."""
        return f"{self._ids}{number:012x}"

    def epoch_us(self, at: int) -> int:
        return (at + self._epoch_ns) // 1000

    def count_refused(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    # ---- once in a while

    def _sweep(self) -> None:
        late = self.loop.time() - self._sweep_due
        self.loop_lag_us = max(self.loop_lag_us, int(late * 1e6))
        now = perf_counter_ns()
        for client in list(self.clients):
            client.sweep(now)
        for pool in self._pools.values():
            pool.sweep(now)
        self._sweep_due = self.loop.time() + self._sweep_s
        self._timers["sweep"] = self.loop.call_later(self._sweep_s, self._sweep)

    def _beat(self) -> None:
        self._timers["beat"] = self.loop.call_later(BEAT_S, self._beat)
        self._follow_the_clock()
        state = (
            len(self.clients),
            self.number,
            tuple(self.refused.items()),
            tuple(self.journal.dropped.items()),
            self.journal.queued_bytes,
        )
        if state != self._last_beat or self.loop.time() - self._last_beat_at >= QUIET_BEAT_S:
            self._last_beat, self._last_beat_at = state, self.loop.time()
            self._put_beat()

    def _follow_the_clock(self) -> None:
        """Take over a step of the wall clock, but no jitter: one call's two events agree on when it began."""
        epoch_ns = time.time_ns() - perf_counter_ns()
        if abs(epoch_ns - self._epoch_ns) > 1_000_000:
            self._epoch_ns = epoch_ns

    def _put_beat(self) -> None:
        beat = BeatEvent(
            at=time.time_ns() // 1000,
            process=self.process,
            in_flight=sum(client.call is not None for client in self.clients),
            connections=len(self.clients),
            calls=self.calls,
            passthrough=dict(self.passthrough),
            refused=dict(self.refused),
            dropped=dict(self.journal.dropped),
            journal_queue_bytes=self.journal.queued_bytes + self.journal.held,
            loop_lag_us=self.loop_lag_us,
        )
        self.loop_lag_us = 0
        self.journal.put(beat, reserved=True)


class _Roads(dict[tuple[bool, bytes, bytes], Road | None]):
    """(is a POST, Host header, target without its query) -> where it goes. A bounded memo: applications repeat their paths."""

    def __init__(self, worker: Worker):
        super().__init__()
        self.worker, self.routes = worker, Routes(worker.config)

    def __missing__(self, asked: tuple[bool, bytes, bytes]) -> Road | None:
        is_post, host, path = asked
        way = self.routes.choose(host, path)
        road = None
        if way is not None:
            dialect = dialect_of("POST", way.rest_of(path).decode("latin-1")) if is_post else None
            road = way, self.worker.pool_of(way), dialect
        if len(self) >= ROADS_MAX:
            self.clear()
        if len(host) + len(path) <= ROAD_MAX_BYTES:
            self[asked] = road
        return road


def _id_prefix() -> str:
    """74 random bits in the layout of RFC 9562, version 8: all of a UUID but its last 48 bits, which count."""
    bits = secrets.randbits(74)
    head, middle, tail = f"{bits >> 26:012x}", (bits >> 14) & 0xFFF, bits & 0x3FFF
    return f"{head[:8]}-{head[8:]}-8{middle:03x}-{0x8000 | tail:04x}-"


def run(config: Config, listening: socket.socket, process: str, *, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM, on a socket that is already bound and that several workers may share."""
    uvloop.run(_serve(config, listening, process, ready))


async def _serve(config: Config, listening: socket.socket, process: str, ready: Callable[[], None] | None) -> None:
    worker, ending = Worker(config, listening, process), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    await worker.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if ready is not None:
        ready()
    await ending.wait()
    await worker.stop()

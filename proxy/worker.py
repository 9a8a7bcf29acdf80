"""One worker: serves the shared listening socket, relays, journals, and says once in a while how it is.

Law: it reads no answer, keeps no metrics and asks nobody. On SIGTERM it stops accepting, answers what is under way with `Connection: close`
up to `drain_s`, seals its journal and ends. Deadlines are kept by one coarse sweep, not by a timer per call.
"""

import asyncio
import contextlib
import gc
import os
import secrets
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Hashable
from time import perf_counter_ns
from typing import Any

import uvloop

from proxy import tls
from proxy.canary import Canary, CanaryCall, canary_of
from proxy.client_side import Client
from proxy.config import Config, ConfigError
from proxy.dialects import dialect_of
from proxy.dialects.dialect import Family
from proxy.events import BeatEvent, Drawn
from proxy.journal import Journal, limits_of
from proxy.keys import credentials
from proxy.logs import log
from proxy.overload import Overload
from proxy.pool import Pool
from proxy.relay import Call, Road
from proxy.request import Refusal, Request, family_by_signs, has_dot_segments
from proxy.rollout.choice import Plan
from proxy.routing import Destination, Routes
from proxy.tunnel import Tunnel

BACKLOG = 4096
SWEEP_S = 0.5
BEAT_S, QUIET_BEAT_S = 1.0, 5.0
ROADS_MAX = 2000
ROAD_MAX_BYTES = 512
LAST_WORDS_S = 1.0
"""For what still has to be told to clients that were broken off at the end."""
OVERFLOW = 256
"""Connections beyond the limit that still get to hear 503; those beyond are closed at once."""
FAULTS_MAX = 50
"""Kinds of faults of ours that are told; all are counted."""
NO_ROUTE = Refusal(404, "no_route", "no route takes this host and path")
DOTS = Refusal(400, "dot_segments", "the path leaves its route: no `.` or `..` segments here")
CROWDED = Refusal(503, "overloaded", "too many connections")


class Worker:
    """Everything calls share. `start` on a running loop; `stop` drains."""

    def __init__(self, config: Config, listening: socket.socket, process: str):
        self.config, self.process = config, process
        self.config_hash = config.hash
        self.limits, self.capture_max = config.server, config.server.capture_max_bytes
        self.body_max = config.server.body_max_bytes or sys.maxsize
        self.call_id_header = config.server.call_id_header
        self.journal = Journal(config.journal_folder, process, config.hash, limits_of(config))
        self.clients: set[Client | Tunnel] = set()
        self.draining, self._empty = False, asyncio.Event()
        self.number = self.calls = self.under_way = self.tunnels = self.tunnel_bytes = self.faults = 0
        self.overload = Overload()
        self.passthrough, self.refused = dict[str, int](), dict[str, int]()
        self.loop_lag_us = 0
        self._listening, self._pools, self._roads = listening, dict[Hashable, Pool](), _Roads(self)
        self._canaries = _canaries(config)
        self._server: asyncio.Server | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._told: set[str] = set()
        self._ids = _id_prefix()
        self._epoch_ns = time.time_ns() - perf_counter_ns()
        self._last_beat: tuple[object, ...] = ()
        self._last_beat_at = self._sweep_due = 0.0

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.journal.start(self.loop)
        for way in (*self._roads.routes.ways, *(canary.way for canary in self._canaries.values())):
            self.pool_of(way)  # certificates are read now, and not while a call waits
        # uvloop must be told no other waits than the sweep's: see SHUTDOWN_S
        context = tls.listener_context(self.config)
        waits = (self.config.server.head_timeout_s, tls.SHUTDOWN_S) if context is not None else (None, None)
        self._server = await self.loop.create_server(
            lambda: self._accept(), sock=self._listening, backlog=BACKLOG, ssl=context,
            ssl_handshake_timeout=waits[0], ssl_shutdown_timeout=waits[1],
        )  # fmt: skip
        limits = self.limits
        timeouts = (limits.head_timeout_s, limits.keep_alive_s, limits.silence_timeout_s, limits.upstream_idle_s, limits.call_timeout_s)
        self._sweep_s = min(SWEEP_S, min(*timeouts, limits.upload_timeout_s, limits.tunnel_idle_s) / 4)
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
            client.abort()
        for pool in self._pools.values():
            pool.close()
        await asyncio.sleep(0.01)  # what was aborted closes on the loop's next rounds
        for timer in self._timers.values():
            timer.cancel()
        await self.journal.written(LAST_WORDS_S)  # so that the last beat counts every drop
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

    def leave(self, client: Client | Tunnel) -> None:
        self.clients.discard(client)
        if not self.clients:
            self._empty.set()

    def call_for(self, client: Client, request: Request) -> Call | Refusal:
        """Who answers this request, and whether it is recorded; or why nobody does."""
        if client.turned_away:
            return CROWDED
        if self.under_way >= self.limits.calls_max:
            return Refusal(503, "calls_max", f"{self.limits.calls_max} calls are under way, no more are taken just now")
        if not self.overload.calls:
            return Refusal(503, "loop_lag", "more is under way than can be served in time, nothing new is taken just now")
        road = self._roads[request.method == b"POST", request.host or b"", request.target.partition(b"?")[0]]
        if isinstance(road, Refusal):
            return road
        route = road[0].route
        if road[2] is None:
            self.passthrough[route] = self.passthrough.get(route, 0) + 1
            return Call(self, client, request, road)
        self.calls += 1
        canary = self._canaries.get(route) if self._canaries else None
        return Call(self, client, request, road) if canary is None else self._on_a_switched_route(client, request, road, canary)

    def _on_a_switched_route(self, client: Client, request: Request, road: Road, canary: Canary) -> Call:
        plan = canary.watch.plan()
        if isinstance(plan, Plan):
            return CanaryCall(self, client, request, road, canary, plan)
        call = Call(self, client, request, road)
        if plan is not None:
            call.drawn = Drawn(rollout=canary.rollout.name, stayed=plan)
        return call

    def family_of(self, request: Request) -> Family:
        """In whose shape an error will be understood, judged by what was read of the request."""
        path = request.target.partition(b"?")[0]
        road = self._roads[True, request.host or b"", path]
        dialect = dialect_of("POST", path.decode("latin-1")) if isinstance(road, Refusal) else road[2]
        return dialect.family if dialect is not None else family_by_signs(request)

    def pool_of(self, way: Destination) -> Pool:
        pool = self._pools.get(way.line)
        if pool is None:
            pool = self._pools[way.line] = Pool(way, self.config.server)
        return pool

    def id_of(self, number: int) -> str:
        """A call's id: a version 8 UUID of this process's random prefix and the call's number."""
        return f"{self._ids}{number:012x}"

    def epoch_us(self, at: int) -> int:
        return (at + self._epoch_ns) // 1000

    def count_refused(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def fault(self, _: object, context: dict[str, Any]) -> None:
        """The loop's exception handler: a bug of ours is counted, and told once per place. Its words stay out: they may quote a client."""
        self.faults += 1
        error = context.get("exception")
        frames = traceback.extract_tb(getattr(error, "__traceback__", None))[:-4:-1]
        place = f"{type(error).__name__} at " + " < ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
        if place not in self._told and len(self._told) < FAULTS_MAX:
            self._told.add(place)
            log.error("worker.failed", place=place, during=str(context.get("message", "")))

    # ---- once in a while

    def _sweep(self) -> None:
        self._timers["sweep"] = self.loop.call_later(self._sweep_s, self._sweep)  # first: whatever fails below, the next round comes
        at = self.loop.time()
        late_s, self._sweep_due = max(at - self._sweep_due, 0.0), at + self._sweep_s
        self.loop_lag_us = max(self.loop_lag_us, int(late_s * 1e6))
        self.overload.note(late_s, (self.journal.queued_bytes + self.journal.held) / self.config.journal.queue_max_bytes)
        self.capture_max = self.limits.capture_max_bytes if self.overload.bodies else -1
        now = perf_counter_ns()
        for each in (*self.clients, *self._pools.values()):
            try:
                each.sweep(now)
            except Exception as error:
                self.loop.call_exception_handler({"message": "keeping a deadline failed", "exception": error})

    def _beat(self) -> None:
        self._timers["beat"] = self.loop.call_later(BEAT_S, self._beat)
        self._follow_the_clock()
        state = (
            len(self.clients),
            self.number,
            tuple(self.refused.items()),
            tuple(self.journal.dropped.items()),
            self.journal.queued_bytes,
            self.tunnel_bytes,
            self.faults,
            self.overload.shedding,
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
            ids=self._ids,
            in_flight=self.under_way,
            connections=len(self.clients),
            calls=self.calls,
            passthrough=dict(self.passthrough),
            refused=dict(self.refused),
            dropped=dict(self.journal.dropped),
            journal_queue_bytes=self.journal.queued_bytes + self.journal.held,
            loop_lag_us=self.loop_lag_us,
            tunnels=self.tunnels,
            tunnel_bytes=self.tunnel_bytes,
            shedding=self.overload.shedding,
            faults=self.faults,
        )
        self.loop_lag_us = 0
        self.journal.put(beat, reserved=True)


class _Roads(dict[tuple[bool, bytes, bytes], Road | Refusal]):
    """(is a POST, Host header, target without its query) -> where it goes. A bounded memo: applications repeat their paths."""

    def __init__(self, worker: Worker):
        super().__init__()
        self.worker, self.routes = worker, Routes(worker.config)

    def __missing__(self, asked: tuple[bool, bytes, bytes]) -> Road | Refusal:
        is_post, host, path = asked
        way = self.routes.choose(host, path)
        road: Road | Refusal = NO_ROUTE
        if way is not None and (way.prefix or way.base) and has_dot_segments(path):
            road = DOTS
        elif way is not None:
            dialect = dialect_of("POST", way.rest_of(path).decode("latin-1")) if is_post else None
            road = way, self.worker.pool_of(way), dialect
        if len(self) >= ROADS_MAX:
            self.clear()
        if len(host) + len(path) <= ROAD_MAX_BYTES:
            self[asked] = road
        return road


def _canaries(config: Config) -> dict[str, Canary]:
    """By route. A candidate whose key cannot be had is no canary: `check` and `serve` say so before it comes to that."""
    found: dict[str, Canary] = {}
    for rollout in config.rollouts:
        try:
            keys = credentials(config, [rollout.candidate], os.environ)
        except ConfigError as error:
            log.error("rollout.no_key", rollout=rollout.name, error=str(error))
            continue
        found[rollout.route] = canary_of(config, rollout, keys[rollout.candidate])
    return found


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
    asyncio.get_running_loop().set_exception_handler(worker.fault)
    await worker.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if ready is not None:
        ready()
    await ending.wait()
    await worker.stop()

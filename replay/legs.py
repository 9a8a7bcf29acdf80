"""Legs of our own: a call asked where no client waits, with our own credentials, bounded in time and bytes.

Law: `ask` always returns what happened and raises nothing but cancellation. Bytes are kept as they came, compressed if they came so; no
cookie, redirect, proxy variable or netrc of the machine takes part. Every target has its own connections, of the kind that workers have
to the incumbents (pool, TLS, outgoing proxy): a call is asked twice only where the first connection was stale before a byte left.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Protocol

from proxy.adapt import Adapted
from proxy.config import Server, Target
from proxy.dialects.dialect import Family
from proxy.exchange import Ended
from proxy.headers import LAST_CHUNK, request_head
from proxy.keys import Credential
from proxy.outgoing import outgoing
from proxy.pool import Pool
from proxy.recording import headers_of
from proxy.request import Request
from proxy.routing import way_to
from proxy.tls import Trust, words
from proxy.upstream_side import Upstream
from replay.room import Room

MARKS = 256
SMALL_BYTES = 65_536
"""Below this, head and body in one buffer are cheaper than two writes."""
TOO_LONG = "cut off by us: longer than shadow.answer_max_bytes"
NO_TUNNEL = Request(0)
"""What every one of our requests is: an answer cannot upgrade it."""
_BREAKS = re.compile(rb"[\r\n\0]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a leg is asked."""

    call_id: str
    dialect: str
    family: Family
    sent: Adapted


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer, or why there is none: the facts of an `ExchangeEvent`, as seen from here."""

    ended: Ended
    status: int = 0
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    latency_us: int = 0
    first_byte_us: int | None = None
    chunks: int = 0
    marks: tuple[tuple[int, int], ...] = ()
    max_gap_us: int = 0
    dialect: str = ""
    """Of the answer, where it is not the call's (a baseline's)."""
    left: bool = False
    """Without an answer: whether the call may have left us all the same, and been worked on."""


class Backend(Protocol):
    async def ask(self, question: Question) -> Answered: ...
    async def close(self) -> None: ...


class HttpLeg:
    """One target. Its connections stay open between calls, and are at most as many as calls are under way."""

    def __init__(
        self, target: Target, credential: Credential, room: Room, *, answer_max_bytes: int, limits: Server | None = None, name: str = "",
        proxy: str = "", trust: Trust | None = None,
    ):  # fmt: skip
        self.target, self.credential, self.room, self.answer_max_bytes = target, credential, room, answer_max_bytes
        self.limits = limits or Server()
        self.way = way_to(target.url, outgoing(proxy, target.url), trust or Trust(), target=name or "the target")
        self._pool: Pool | None = None

    async def ask(self, question: Question) -> Answered:
        self.loop = asyncio.get_running_loop()
        asking = _Asking(self)
        try:
            data = self._request(question)
            if self._pool is None:
                self._pool = Pool(self.way, self.limits)
            asking.start(self._pool, data)
            return await asking.done
        except (OSError, ValueError) as error:  # certificates that cannot be read any more; a header that cannot be written
            return asking.answered("unreachable", words(error))
        finally:
            asking.leave()
            self.room.give_back(asking.size)

    def _request(self, question: Question) -> list[bytes]:
        """Head and body, together where that is cheaper. ValueError where the head would not be read as what it says."""
        sent = question.sent
        headers = {**sent.headers, **self.credential.headers(question.family), "content-length": len(sent.body)}
        lines = [f"{name}: {value}".encode("latin-1") for name, value in headers.items()]
        target = self.way.upstream_target(sent.path.encode("latin-1"))
        if _BREAKS.search(b"".join(lines)) or target.split() != [target]:
            raise ValueError("a header or a path that HTTP cannot carry")
        head = request_head(b"POST", target, self.way.version_and_host, lines, chunked=False)
        return [head + sent.body] if len(sent.body) < SMALL_BYTES else [head, sent.body]

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.close()


class _Asking:
    """One call to a target: to an `Upstream` what a worker's `Call` is, but whoever asks waits for the whole answer."""

    client = opening_down = None
    request = NO_TUNNEL
    is_head = False
    end_down = LAST_CHUNK
    upstream: Upstream | None = None
    pool: Pool | None = None
    again: Sequence[bytes] | None = None
    timer: asyncio.TimerHandle | None = None
    status = size = chunks = max_gap_us = last_us = ended_at = 0
    first_byte_us: int | None = None
    lines: Sequence[bytes] = ()

    def __init__(self, leg: HttpLeg):
        self.leg, self.worker = leg, leg
        self.done: asyncio.Future[Answered] = leg.loop.create_future()
        self.started = perf_counter_ns()
        self.pieces: list[bytes] = []
        self.marks: list[tuple[int, int]] = []

    def start(self, pool: Pool, data: list[bytes]) -> None:
        self.pool, self.again = pool, data
        self.timer = self.leg.loop.call_later(self.leg.target.deadline_s, self._late)
        pool.sweep(self.started)
        if (upstream := pool.take()) is not None:
            self._send(upstream, data)
        else:
            pool.connect(self)

    def _send(self, upstream: Upstream, data: Sequence[bytes]) -> None:
        self.upstream = upstream
        upstream.take(self)
        for each in data:
            upstream.transport.write(each)

    # ---- what pool and upstream report

    def connected(self, upstream: Upstream) -> None:
        data, self.again = self.again or (), None
        self._send(upstream, data)

    def fail(self, status: int, ended: Ended, why: str) -> None:
        self._end("unreachable", why)

    def inform(self, status: int, reason: bytes, lines: list[bytes]) -> None:
        """Hints on the way to an answer are not kept."""

    def switched(self, reason: bytes, lines: list[bytes], rest: bytes) -> None:
        self._end("cut", "an upgrade nobody asked for")

    def begin(self, status: int, reason: bytes, lines: list[bytes], *, chunked: bool, sized: bool) -> None:
        self.status, self.lines, self.again = status, lines, None
        self.last_us = self._now_us()

    def answer(self, data: bytes | None, last: bool, at: int) -> None:
        if data:
            if bound := self._over(len(data)):
                return self._end("cut", bound)  # the connection with it: what is still to come is not wanted
            self._note(data, (at - self.started) // 1000)
        if last:
            self._end("complete")

    def _over(self, more: int) -> str:
        leg = self.leg
        if self.size + more > leg.answer_max_bytes:
            return f"{TOO_LONG} = {leg.answer_max_bytes}"
        return "" if leg.room.take(more) else f"cut off by us: shadow.queue_max_bytes = {leg.room.size} are taken"

    def _note(self, data: bytes, at_us: int) -> None:
        if self.first_byte_us is None:
            self.first_byte_us = at_us
        else:
            self.max_gap_us = max(self.max_gap_us, at_us - self.last_us)
        self.pieces.append(data)
        self.size, self.chunks, self.last_us = self.size + len(data), self.chunks + 1, at_us
        if self.chunks <= MARKS:
            self.marks.append((at_us, self.size))

    def lost(self, why: str, *, untouched: bool = False) -> None:
        """The connection is of no more use, and the answer is not complete."""
        upstream = self.upstream
        stale = untouched and upstream is not None and upstream.reused and not upstream.answered
        if stale and self.again is not None and self.pool is not None:
            self._let_go(reusable=False)
            return self.pool.connect(self)
        self._end("cut" if self.status else "unreachable", why, left=True)

    # ---- the end

    def _late(self) -> None:
        self._end("timed_out", f"no whole answer within deadline_s = {self.leg.target.deadline_s:g}")

    def _end(self, ended: Ended, error: str = "", *, left: bool = False) -> None:
        if not self.done.done():
            self.done.set_result(self.answered(ended, error, left=left))
            self._let_go(reusable=ended == "complete")

    def leave(self) -> None:
        """Nobody waits any more."""
        if self.timer is not None:
            self.timer.cancel()
        self._let_go(reusable=False)

    def _let_go(self, *, reusable: bool) -> None:
        self.ended_at = perf_counter_ns()
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.release(reusable=reusable)
        elif self.pool is not None:
            self.pool.forget(self)

    def _now_us(self) -> int:
        return (perf_counter_ns() - self.started) // 1000

    def answered(self, ended: Ended, error: str = "", *, left: bool = False) -> Answered:
        return Answered(
            ended=ended, status=self.status, error=error[:300], headers=headers_of(self.lines), body=b"".join(self.pieces),
            latency_us=self._now_us(), first_byte_us=self.first_byte_us, chunks=self.chunks, marks=tuple(self.marks),
            max_gap_us=self.max_gap_us, left=left,
        )  # fmt: skip

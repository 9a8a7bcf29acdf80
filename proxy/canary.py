"""A call on a route that is being switched: held until it is whole, drawn, and answered by the candidate or the incumbent.

Law: this is the one place where a worker reads a request, because a canary cannot be chosen from its head. Until the candidate's first body
byte the client has seen nothing, and whatever goes wrong (an error status, no connection, silence, a broken head) the incumbent is asked
with the client's own bytes. After it, the candidate's bytes are sacred like anybody's. Such a call is journaled when it is known who
answers it. The caller's credentials never go to another origin than the incumbent's.
"""

import asyncio
import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING

import orjson

from proxy.adapt import Adapted, adapt_in_place
from proxy.config import Config, Rollout, Target
from proxy.dialects.dialect import Dialect
from proxy.dialects.reading import Document, is_document
from proxy.encoding import Decoded, decode
from proxy.events import Drawn
from proxy.exchange import Ended, Prompt, Unreadable
from proxy.headers import LAST_CHUNK, request_head, without
from proxy.keys import Credential, opened_by_caller
from proxy.peer import CONNECTING, PEER_FULL
from proxy.recording import Capture, exchange_event, recorded
from proxy.relay import SMALL, Call, Road
from proxy.rollout.choice import Plan, drawn, key_of, stays
from proxy.rollout.watch import Watch
from proxy.rollout.weight import UNFOLDED_MOST, folded_badly, marks_of, too_crowded, too_heavy
from proxy.routing import Destination, destination_of

if TYPE_CHECKING:
    from proxy.client_side import Client
    from proxy.pool import Pool
    from proxy.request import Request
    from proxy.worker import Worker

ACCOUNTS = frozenset((b"openai-organization", b"openai-project", b"anthropic-organization-id", b"x-goog-user-project"))
"""Whose bill it is: the incumbent's, and nobody else's."""
_SECRET = re.compile(rb"auth|cookie|secret|token|passw|credential|bearer|session|signature|api_?key|-key$", re.IGNORECASE)
"""In a header's name: the caller's keys, also those of gateways that nobody listed. One too many costs a header, one too few a key."""
REFRAMED = frozenset((b"content-length", b"content-encoding", b"expect"))
EXPECT = frozenset((b"expect",))


@dataclass(frozen=True, slots=True)
class Canary:
    """One rollout as a worker needs it."""

    rollout: Rollout
    watch: Watch
    target: Target
    way: Destination
    credential: Credential
    same_origin: bool
    """The candidate answers where the incumbent does, and has no key of its own: the caller's opens the door."""


def canary_of(config: Config, rollout: Rollout, credential: Credential) -> Canary:
    route = next(each for each in config.routes if each.name == rollout.route)
    target, incumbent = config.targets[rollout.candidate], config.targets[route.incumbent]
    return Canary(
        rollout, Watch(config, rollout), target, destination_of(route, config, rollout.candidate), credential,
        opened_by_caller(target, incumbent),
    )  # fmt: skip


def _for_others(lines: list[bytes], keys: Iterable[str]) -> list[bytes]:
    """What of the caller's lines another origin may see: no credential, and none of the names that our own `keys` go by."""
    kept = without(lines, ACCOUNTS | frozenset(name.encode() for name in keys))
    return [line for line in kept if not _SECRET.search(line.partition(b":")[0])]


def strict_document(body: bytes) -> Document | str:
    """The body read as every JSON parser reads it; what only lenient ones take is not sent on rewritten, so it is not sent on at all.

    A word: why it stays with the incumbent.
    """
    marks = marks_of(body)
    if too_heavy(marks):
        return "too_large"
    try:
        found: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "unreadable"
    if not is_document(found):
        return "unreadable"
    return "too_large" if too_crowded(len(body), marks, found) else found


class CanaryCall(Call):
    """A call whose answering target is not known before its last byte is."""

    trying = held_back = False
    """`trying`: the candidate has been asked and has not said a byte of its answer's body. `held_back`: the request is not whole yet."""
    failing = ""
    body: bytes = b""
    pool: "Pool"
    incumbent: "tuple[Destination, Pool, bytes | None]"
    timer: "asyncio.TimerHandle | None" = None

    def __init__(self, worker: "Worker", client: "Client", request: "Request", road: Road, canary: Canary, plan: Plan):
        if request.expects:
            request.lines = without(request.lines, EXPECT)
        super().__init__(worker, client, request, road)
        self.canary, self.plan, self.held_back = canary, plan, True
        self.pieces: list[bytes] = []
        self.held = 0
        """Bytes, of the room that all captures share."""
        self.most = max(worker.capture_max, 0)

    # ---- the request

    def start(self) -> None:
        """Nobody is asked before the request is whole; a client that waits for a word to send it gets ours."""
        self.go_ahead()

    def upload(self, data: bytes | None, last: bool) -> None:
        if not self.held_back:
            return super().upload(data, last)
        if data:
            self.pieces.append(data)
        if data and (self.held + len(data) > self.most or not self.worker.journal.room(len(data))):
            return self._stay("overload" if self.held + len(data) <= self.most or not self.most else "too_large", last)
        self.held += len(data or b"")
        if last:
            began = perf_counter_ns()
            self._choose()
            self.up_ns += perf_counter_ns() - began

    def _stay(self, why: str, last: bool) -> None:
        self._to_incumbent(Drawn(rollout=self.plan.rollout, stayed=why), last)

    def _to_incumbent(self, drawn: Drawn, last: bool) -> None:
        """The incumbent it is: what was held goes up as it came, and the rest follows."""
        self.drawn, self.held_back = drawn, False
        body, self.pieces = b"".join(self.pieces), []
        self._give_back()
        super().start()
        super().upload(body, last)

    def _give_back(self) -> None:
        """What is held no more; the captures take their own."""
        self.worker.journal.give_back(self.held)
        self.held = 0

    def _choose(self) -> None:
        request, plan, dialect = self.request, self.plan, self.dialect
        assert dialect is not None
        headers, path = recorded(request.lines), self.way.rest_of(request.target).decode("latin-1")
        plain = self._decoded(headers.get("content-encoding", ""))
        if isinstance(plain, str):
            return self._stay(plain, True)
        document = strict_document(plain)
        if isinstance(document, str):
            return self._stay(document, True)
        if why := stays(plan, dialect.name, request.method.decode("latin-1"), document, headers):
            return self._stay(why, True)
        if plan.share < 1.0 and not drawn(plan, self._key(dialect, path, document)):
            return self._to_incumbent(Drawn(rollout=plan.rollout, share=plan.share), True)
        asked = adapt_in_place(dialect.name, path, plain, document, self.canary.target, keep_query=self.canary.same_origin)
        if isinstance(asked, Unreadable):
            return self._stay("unportable", True)
        self._try(asked)

    def _key(self, dialect: Dialect, path: str, document: Document) -> str:
        """What stays together; a header's word for the conversation spares the reading."""
        hints = self.request.hints or {}
        prompt = dialect.read_request(path, document) if "conversation" not in hints else None
        return key_of(hints, prompt if isinstance(prompt, Prompt) else None, self.worker.id_of(self.number))

    def _decoded(self, encoding: str) -> bytes | str:
        """Unfolded it is bounded more than one that came plain: every other call of the worker waits meanwhile. A word: why it stays."""
        body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces = [body]  # whoever needs the whole again has it
        if encoding.lower() in ("", "identity"):
            return body
        most = min(self.most, UNFOLDED_MOST)
        found = decode(body, encoding, most) if not folded_badly(body, encoding) else None
        if isinstance(found, Decoded) and not found.fault:
            return found.body
        over = len(body) > most or (isinstance(found, Decoded) and len(found.body) == most)
        return "too_large" if over else "unreadable"

    # ---- the candidate

    def _try(self, asked: Adapted) -> None:
        plan, worker = self.plan, self.worker
        self.drawn = Drawn(rollout=plan.rollout, share=plan.share, target=plan.target)
        self.held_back, self.trying, self.uploaded = False, True, True
        self.incumbent = self.way, self.pool, self.opening_up
        self.body, self.pieces = b"".join(self.pieces), []
        self.way, self.role, self.model, self.rewrites = self.canary.way, "candidate", asked.model, asked.rewrites
        self.pool, self.opening_up = worker.pool_of(self.way), None
        self.timer = worker.loop.call_later(plan.fallback_after_s, self._silent)
        super().start()
        for part in (self._head(asked) + asked.body,) if len(asked.body) < SMALL else (self._head(asked), asked.body):
            self._send(part)
        if worker.draining:
            self.hurry()

    def _head(self, asked: Adapted) -> bytes:
        request, way, canary = self.request, self.way, self.canary
        lines = without(request.lines, REFRAMED)
        if self.dialect is not None and not canary.same_origin:
            keys = canary.credential.headers(self.dialect.family)
            lines = [*_for_others(lines, keys), *(f"{name}: {value}".encode() for name, value in keys.items())]
        lines = [*lines, b"Content-Length: %d" % len(asked.body)]
        return request_head(request.method, way.base + asked.path.encode("latin-1"), way.version_and_host, lines, chunked=False)

    def _silent(self) -> None:
        if self.trying:
            self._fall_back("silent", "timed_out", f"no byte of an answer within fallback_after_s = {self.plan.fallback_after_s:g}")

    def hurry(self) -> None:
        """Half of the time that is left is the incumbent's; a candidate that had no more than the other half is not to blame."""
        half_s = self.worker.config.server.drain_s / 2
        if self.trying and self.timer is not None and half_s < self.timer.when() - self.worker.loop.time():
            self.timer.cancel()
            self.timer = self.worker.loop.call_later(half_s, self._cut_short)

    def _cut_short(self) -> None:
        if self.trying:
            self._fall_back("silent", "cut", "interrupted: the worker is ending")

    def inform(self, status: int, reason: bytes, lines: list[bytes]) -> None:
        if not self.trying:
            super().inform(status, reason, lines)

    def begin(self, status: int, reason: bytes, lines: list[bytes], *, chunked: bool, sized: bool) -> None:
        if not self.trying or 200 <= status < 300:
            return super().begin(status, reason, lines, chunked=chunked, sized=sized)
        self.status, self.lines_down, self.failing = status, lines, f"status_{status}"
        self.again, self.opening_down = None, b""  # not None: `answer` is called, with the rest of what was just read

    def answer(self, data: bytes | None, last: bool, at: int) -> None:
        if not self.trying:
            return super().answer(data, last, at)
        if self.failing:
            if data and self.got is not None:
                self._note(self.got, data, at)
            return self._fall_back(self.failing, "complete" if last else "cut", "")
        if last and not data:
            return self._fall_back("cut", "complete", "the answer has no body")
        if data:
            self._settle()
            self._begun()
            super().answer(data, last, at)

    def _begun(self) -> None:
        """The candidate answers: the client gets its head with this first part of its body."""
        self._give_back()  # first: the capture takes the same room
        if self.sent is not None:
            self.sent.add(self.body)
        self.body = b""
        self._journal_call()

    def _settle(self) -> None:
        self.trying = False
        if self.timer is not None:
            self.timer.cancel()

    # ---- the incumbent in its place

    def lost(self, why: str, *, untouched: bool = False) -> None:
        if not self.trying or self._may_ask_again(untouched):
            return super().lost(why, untouched=untouched)
        self._fall_back("cut" if self.status else "unreachable", "cut" if self.status else "unreachable", why)

    def fail(self, status: int, ended: Ended, why: str) -> None:
        if not self.trying or status not in (502, 504):
            return super().fail(status, ended, why)
        self._fall_back("unreachable", ended, why)

    def give_up(self, status: int, ended: Ended, why: str) -> None:
        if not self.trying or ended != "timed_out":
            return super().give_up(status, ended, why)
        self._fall_back("silent", ended, why)

    def _fall_back(self, reason: str, ended: Ended, why: str) -> None:
        """The candidate's attempt is an exchange nobody saw; then everything begins anew, with the incumbent."""
        self._settle()
        upstream, self.upstream = self.upstream, None
        self.ended, self.error, self.ended_at, self.seen = ended, why, perf_counter_ns(), False
        if upstream is not None:
            upstream.release(reusable=False)
        else:
            self.pool.forget(self)
        self.worker.journal.append(exchange_event, copy.copy(self), 1000 + (self.got.settle() if self.got is not None else 0))
        self.drawn = Drawn(rollout=self.plan.rollout, share=self.plan.share, target=self.plan.target, fallback=reason)
        self._anew()
        body, self.body = self.body, b""
        self._give_back()
        super().start()
        super().upload(body, True)

    def _anew(self) -> None:
        worker = self.worker
        self.way, self.pool, self.opening_up = self.incumbent
        self.role, self.seen, self.model, self.rewrites = "incumbent", True, None, ()
        self.asked_at = perf_counter_ns()
        self.status = self.chunks = self.first_at = self.last_at = self.max_gap = self.down_ns = 0
        self.ended, self.error, self.lines_down, self.opening_down, self.marks = "complete", "", (), None, []
        self.chunked_down, self.end_down, self.keep = False, LAST_CHUNK, self.request.keep
        self.got, self.again, self.uploaded = Capture(worker.journal, worker.capture_max), [], False
        self.client.let_go(PEER_FULL)
        self.client.let_go(CONNECTING)

    def finish(self, ended: Ended, error: str = "", *, tell: bool = True) -> None:
        """Also when the client leaves while it is held or tried: then it is journaled as it was meant."""
        self._give_back()
        if self.trying:
            self._settle()
            if self.sent is not None:
                self.sent.add(self.body)
            self._journal_call()
        elif self.held_back and self.sent is not None:
            for piece in self.pieces:
                self.sent.add(piece)
        super().finish(ended, error, tell=tell)

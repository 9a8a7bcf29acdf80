"""What is kept of a relayed call: bounded copies of both bodies, and the two events made of them.

Law: a copy is bounded by `capture_max_bytes` and, all copies together, by the journal's room; what exceeds either goes without its body, as
size and hash. Events are built long after the bytes have passed, in the journal's batches; here nothing is parsed and no credential kept.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from proxy.events import CallEvent, ExchangeEvent, recorded_headers, redacted_path
from proxy.journal import Journal, Made

if TYPE_CHECKING:
    from proxy.relay import Call

NAMES_MAX = 2000


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class _NoHash:
    """For bodies that are not kept because there is too much to do already."""

    def update(self, _: bytes, /) -> None:
        pass

    def hexdigest(self) -> str:
        return ""


class Capture:
    """A body as it passes: its pieces while there is room for them, its size always. `most` below 0: none are kept just now."""

    __slots__ = ("digest", "held", "journal", "most", "pieces", "size")

    def __init__(self, journal: Journal, most: int):
        self.journal, self.most = journal, most
        self.pieces: list[bytes] = []
        self.size = self.held = 0
        self.digest: _Hash | None = None
        """Of everything so far, once the pieces are given up."""

    def add(self, data: bytes) -> None:
        size = len(data)
        self.size += size
        if self.digest is None:
            if self.size <= self.most and self.journal.room(size):
                self.held += size
                self.pieces.append(data)
                return
            self.digest = self._given_up()
        self.digest.update(data)

    def _given_up(self) -> _Hash:
        """The hash of what was kept until now, instead of it."""
        if self.most < 0:
            self.journal.count("body_shed")
            return _NoHash()
        if self.size <= self.most:
            self.journal.count("capture_no_room")
        digest = hashlib.sha256(b"".join(self.take()))
        self.settle()
        return digest

    def settle(self) -> int:
        """Give back what was taken of the journal's room, and say how much it was: the event's own size counts from here."""
        held, self.held = self.held, 0
        if held:
            self.journal.give_back(held)
        return held

    def take(self) -> list[bytes]:
        """The pieces, once: after the event is built nothing here holds them any more."""
        pieces, self.pieces = self.pieces, []
        return pieces

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest() if self.digest is not None else ""


class _Keys(dict[bytes, str]):
    """Under which key a header of this name is kept, "" for none: the allow-list of `events`, asked once per name. A bounded memo."""

    def __missing__(self, name: bytes) -> str:
        key = next(iter(recorded_headers([(name, b"")])), "")
        if len(self) >= NAMES_MAX:
            self.clear()
        self[name] = key
        return key


_KEYS = _Keys()


def recorded(lines: Sequence[bytes]) -> dict[str, str]:
    """What `recorded_headers` would keep of these lines, without asking it for every line of every call."""
    kept: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(b": ")
        if key := _KEYS[name]:
            kept[key] = value.decode("latin-1") if key not in kept else f"{kept[key]}, {value.decode('latin-1')}"
    return kept


def call_event(call: "Call") -> Made:
    request, sent, way = call.request, call.sent, call.way
    assert sent is not None and call.dialect is not None
    worker = call.worker
    event = CallEvent(
        at=worker.epoch_us(request.at),
        id=worker.id_of(call.number),
        route=way.route,
        dialect=call.dialect.name,
        method=request.method.decode("latin-1"),
        path=redacted_path(request.target),
        headers=recorded(request.lines),
        hints=request.hints or {},
        config=worker.config_hash,
        size=sent.size,
        sha256=sent.sha256,
        whole=call.uploaded,
        drawn=call.drawn,
    )
    return event, sent.take()


def exchange_event(call: "Call") -> Made:
    got, way, began = call.got, call.way, call.asked_at or call.request.at
    assert got is not None and call.dialect is not None
    marks, worker = call.marks, call.worker
    event = ExchangeEvent(
        at=worker.epoch_us(began),
        id=worker.id_of(call.number),
        route=way.route,
        dialect=call.dialect.name,
        target=way.target,
        role=call.role,
        seen=call.seen,
        model=call.model,
        config=worker.config_hash,
        status=call.status,
        ended=call.ended,
        error=call.error,
        headers=recorded(call.lines_down),
        latency_us=(call.ended_at - began) // 1000,
        first_byte_us=(call.first_at - began) // 1000 if call.first_at else None,
        overhead_us=(call.up_ns + call.down_ns) // 1000,
        chunks=call.chunks,
        marks=[((at - began) // 1000, size) for at, size in zip(marks[::2], marks[1::2], strict=True)],
        max_gap_us=call.max_gap // 1000,
        size=got.size,
        sha256=got.sha256,
        rewrites=list(call.rewrites),
    )
    return event, got.take()

"""What is read of the journal, as it comes: events become rows, are observed once, and find the call they belong to.

Law: no file and no clock here. Whatever order segments come in, the same rows come out: an exchange that is read before its call waits for
it. What was observed before (`fresh` is False) becomes rows again and is not observed again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import orjson

from proxy import offline
from proxy.bounded import Cache, Orphan, Parked
from proxy.events import AuditEvent, BeatEvent, CallEvent, DecisionEvent, ExchangeEvent, RecordedEvent, RolloutEvent, RunEvent, SegmentEvent
from proxy.exchange import Call, Decision, Exchange
from proxy.frame import Frame
from proxy.health import Tally
from proxy.logs import log
from proxy.losses import Losses, settled
from proxy.meaning import Known, call_row, decision_row, exchange_row, when, worker_died
from proxy.metrics import Meters
from proxy.recall import drawn_of, known_of
from proxy.rollout.rows import rollout_row
from proxy.rounds import Mark, Rounds, Rows, Segment, late, segment_row, undecided, weight_of_call
from proxy.rows import AuditRow, Lineage, SegmentRow
from proxy.segments import Contents, Passed, born_us
from proxy.spending import parts_of_row

Observer = Callable[[Exchange, Call | None], None]
"""Sees each answer once, when it is read. The call's texts may be gone from memory by then."""
FACTS_WEIGHT, COUNTED_WEIGHT = 1500, 240
"""About what a call without its texts takes in memory, and the name of what was observed."""
WRITERS_MAX = 1000
"""Lives of processes whose losses are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bounds, in bytes, of what is kept between segments. What is forgotten of it is read again or asked of the store."""

    waiting: int = 80 << 20
    """Rows that are not in the store yet."""
    texts: int = 32 << 20
    """Calls with their texts, for observers."""
    facts: int = 64 << 20
    """Calls without: 44,000, as many as 300 a second are under way when each may take two minutes."""
    decided: int = 24 << 20
    parked: int = 32 << 20
    """Answers whose call was not read yet."""
    counted: int = 24 << 20
    """Names of what was observed, so that it is not observed twice."""
    parked_s: float = 60.0

    @classmethod
    def of(cls, total: int) -> "Memory":
        """`total` bytes, in the same proportions."""
        usual = cls()
        return cls(**{name: getattr(usual, name) * total // usual.total for name in PARTS})

    @property
    def total(self) -> int:
        return sum(getattr(self, name) for name in PARTS)


ALIVE_US = 30_000_000
PARTS = ("waiting", "texts", "facts", "decided", "parked", "counted")


@dataclass(slots=True)
class Writer:
    """One life of a process that writes."""

    process: str
    pid: int
    born_us: int
    """Of its latest segment."""
    open: dict[str, CallEvent] = field(default_factory=dict[str, CallEvent])
    """Calls whose answer it has not told yet."""


class Intake:
    def __init__(
        self, frame: Frame, lineage: Lineage, meters: Meters, tally: Tally, rounds: Rounds, observers: Sequence[Observer], memory: Memory
    ):
        self.frame, self.lineage, self.meters, self.tally, self.rounds, self.observers = frame, lineage, meters, tally, rounds, observers
        self.facts = Cache[str, Known](memory.facts, lambda known: FACTS_WEIGHT)
        self.texts = Cache[str, Call](memory.texts, weight_of_call)
        self.decided = Cache[str, frozenset[tuple[str, bool]]](memory.decided, lambda legs: 250 + 120 * len(legs))
        self.memory, self.parked = memory, Parked(memory.parked, memory.parked_s)
        self.baselines = frozenset(name for name, target in frame.config.targets.items() if target.baseline or target.command)
        self.reversed = frozenset(rollout.route for rollout in frame.config.rollouts)
        self.writers: dict[str, Writer] = {}
        self.beats: dict[str, BeatEvent] = {}
        """The last beat of each process."""
        self.alive: dict[str, int] = {}
        """What the call ids of workers begin with that beat lately (µs); of two with one name, one of which is leaving, both."""
        self.losses: dict[str, tuple[str, Losses]] = {}
        """By writer, with its process."""
        meters.counted.bound = memory.counted // COUNTED_WEIGHT
        self.missed = 0
        """Events that the reader found to be missing, torn or damaged."""
        self._open: dict[str, str] = {}
        """The writer of each open call."""

    def take(self, contents: Contents, now_s: float, *, fresh: bool = True, stored: bool = False) -> None:
        """One sealed segment. `stored`: a predecessor committed it; only what other segments need of it is kept."""
        row = segment_row(contents)
        segment = Segment(row=row, born_us=born_us(row.name), rows=None if stored else Rows(), state="stored" if stored else "read")
        self.rounds.segments[segment.name] = segment
        first = fresh and not stored and row.process != offline.PROCESS
        for passed in contents.events:
            self._take(passed, segment, now_s, first)
        if fresh:
            self._account(row)
        if not stored:
            self.rounds.add(segment)

    def _take(self, passed: Passed, segment: Segment, now_s: float, fresh: bool) -> None:
        match passed.event:
            case CallEvent() as event:
                self._call(event, passed.body, segment, fresh)
            case ExchangeEvent() as event:
                self._exchange(Orphan(segment=segment.name, event=event, body=passed.body, fresh=fresh, parked_s=now_s), segment)
            case DecisionEvent() as event:
                self._decided(decision_row(event, self.frame), segment, fresh)
            case RecordedEvent() | RunEvent() as event:
                known = self.facts.get(event.id) if isinstance(event, RecordedEvent) else None
                offline.take(event, passed.body, segment.rows, known, self.frame)
            case AuditEvent() as event:
                self._audit(event, segment)
            case RolloutEvent() as event:
                if segment.rows is not None:
                    segment.rows.rollouts.append(rollout_row(event))
            case BeatEvent() as event:
                self._beat(event, segment.row.writer, fresh)
            case SegmentEvent() as event:
                self.writers.setdefault(event.writer, Writer(event.process, event.pid, segment.born_us)).born_us = segment.born_us

    def _account(self, row: SegmentRow) -> None:
        if row.first_seq is not None and row.last_seq is not None:
            self._losses(row.process, row.writer).gaps.take(row.first_seq, row.last_seq, row.events)
        self._miss(row.process, "damaged", 1 if row.damage else 0)
        self._miss(row.process, "torn", 1 if row.torn_bytes and not row.damage else 0)

    def _losses(self, process: str, writer: str) -> Losses:
        if len(self.losses) >= WRITERS_MAX and writer not in self.losses:
            del self.losses[next(iter(self.losses))]
        return self.losses.setdefault(writer, (process, Losses()))[1]

    def settle_gaps(self, now_s: float, *, at_once: bool = False) -> None:
        for process, events in settled(self.losses, now_s, at_once=at_once):
            self._miss(process, "gap", events)

    def _miss(self, process: str, reason: str, events: int) -> None:
        self.missed += events
        self.meters.observe_lost(process, reason, events)

    # ---- calls and answers

    def _call(self, event: CallEvent, body: bytes, segment: Segment, fresh: bool) -> None:
        read = call_row(event, body, self.frame)
        call = read.call
        first = self.facts.get(event.id) is None
        if segment.row.process != offline.PROCESS:
            self.facts.put(event.id, read.known)
        elif first:  # a run says whose its answers are; a late answer of live traffic is not the run's
            self.facts.put(event.id, replace(read.known, call=replace(read.known.call, run_id=None)))
        if fresh:
            self.texts.put(event.id, call)
        if fresh and first:
            self.tally.call()
            if event.drawn is not None:
                self.meters.observe_drawn(event.route, event.drawn)
        if segment.rows is not None:
            segment.rows.add_call(call)
            segment.rows.prefixes |= dict([read.prefix]) if read.prefix else {}
            self._lineage(segment.rows, call.lineage_id)
        if segment.row.process.startswith("worker"):
            segment.calls[event.id] = Mark(event.route, call.run_id, event.drawn)
            segment.newest_us = max(segment.newest_us, event.at)
            if first and (fresh or segment.rows is None):
                self._opened(event, segment.row.writer)
        for orphan in self.parked.claim(event.id):
            self._answer(orphan, read.known)

    def _opened(self, event: CallEvent, name: str) -> None:
        writer = self.writers.get(name)
        if writer is not None:
            writer.open[event.id] = event
            self._open[event.id] = name

    def _closed(self, call_id: str) -> None:
        writer = self.writers.get(self._open.pop(call_id, ""))
        if writer is not None:
            del writer.open[call_id]

    def _exchange(self, orphan: Orphan, segment: Segment) -> None:
        known = self.facts.get(orphan.event.id)
        segment.orphans += 1
        if known is None and segment.rows is not None:
            self.parked.park(orphan)
        else:
            self._answer(orphan, known)

    def _answer(self, orphan: Orphan, known: Known | None) -> None:
        event, segment = orphan.event, self.rounds.segments[orphan.segment]
        segment.orphans -= 1
        if event.seen:
            self._closed(event.id)
        if segment.rows is None and not orphan.fresh:
            return
        row = exchange_row(event, orphan.body, known, self.frame)
        if segment.rows is not None:
            segment.rows.add_exchange(row)
            self._lineage(segment.rows, row.lineage_id)
        if orphan.fresh:
            self._observe(row, event.route, known, event.dialect)
        elif segment.row.process == offline.PROCESS:
            self.meters.observe_spend(row, known.call.workflow if known else None, parts_of_row(row, event.dialect, self.frame))

    def _observe(self, row: Exchange, route: str, known: Known | None, dialect: str = "") -> None:
        if not self.meters.observe_exchange(row, route, known.call.workflow if known else None, parts_of_row(row, dialect, self.frame)):
            return
        self.tally.exchange(row)
        call = self.texts.get(row.call_id) or (known.call if known else None)
        for observer in self.observers:
            try:
                observer(row, call)
            except Exception:  # an observer's trouble is its own
                log.exception("observer.failed", call_id=row.call_id)

    def _lineage(self, rows: Rows, lineage_id: str | None) -> None:
        """A configuration that is not ours is not known here: whoever ran with it has told it."""
        if lineage_id == self.lineage.lineage_id:
            rows.lineages[self.lineage.lineage_id] = self.lineage

    def recalled(self, calls: Iterable[Call]) -> None:
        """Calls of a former time, out of the store."""
        for call in calls:
            known = known_of(call, self.frame)
            self.facts.put(call.call_id, replace(known, call=replace(call, request=None, prompt_text=None, source_text=None)))
            self.texts.put(call.call_id, call)
            for orphan in self.parked.claim(call.call_id):
                self._answer(orphan, known)

    def settle_orphans(self, now_s: float, *, all: bool = False) -> None:
        """Those whose call does not come are stored without its facts."""
        for orphan in self.parked.expired(now_s, all=all):
            self.tally.orphans += 1
            self._answer(orphan, None)

    def close_writer(self, name: str) -> None:
        """This writer is dead and all it wrote was read: its open calls end here."""
        for call in list(self.writers.pop(name).open.values()):
            known = self.facts.get(call.id)
            route = self.frame.routes.get(call.route)
            self._closed(call.id)
            self._open.pop(call.id, None)
            row = worker_died(call, known, route.incumbent if route else "", self.frame)
            self.rounds.extra.add_exchange(row)
            self._lineage(self.rounds.extra, row.lineage_id)
            self.tally.workers_died += 1
            self._observe(row, call.route, known)

    def give_up(self, calls: Iterable[Call]) -> None:
        """Stored calls whose worker died and whose segment is gone: closed like those of `close_writer`."""
        for call in calls:
            if call.call_id not in self._open and call.route in self.frame.routes:
                known, at = known_of(call, self.frame), int(call.arrived_at.timestamp() * 1e6)
                event = CallEvent(at=at, id=call.call_id, route=call.route, dialect=call.dialect, path=call.path, drawn=drawn_of(call))
                row = worker_died(event, known, self.frame.routes[call.route].incumbent, self.frame)
                self.rounds.extra.add_exchange(replace(row, lineage_id=call.lineage_id))
                self.tally.workers_died += 1
                self._observe(row, call.route, known)

    # ---- decisions

    def _decided(self, row: Decision, segment: Segment, fresh: bool) -> None:
        if segment.row.process != offline.PROCESS:
            self.decide(row, segment.rows, fresh)
        elif segment.rows is not None:  # a run's: it settles nothing of the live call with this id
            segment.rows.add_decision(row)

    def decide(self, row: Decision, rows: Rows | None, fresh: bool) -> None:
        known = self.decided.get(row.call_id) or frozenset()
        self.decided.put(row.call_id, known | {(row.target, row.role == "repeat")})
        if rows is not None:
            rows.add_decision(row)
        if fresh and self.meters.observe_decision(row):
            self.tally.decision(row)

    def settle_segment(self, segment: Segment, now_us: int) -> None:
        """What the shadow left undecided past its time is decided here, so that every call has its decisions."""
        rows = Rows()
        left = undecided(segment.calls, lambda call: self.decided.get(call) or (), self.frame.routes, self.baselines, self.reversed)
        for call_id, mark, target, role in list(left):
            decision, reason = late(mark, target, role)
            at = when(now_us)
            row = Decision(call_id=call_id, target=target, role=role, decision=decision, reason=reason, decided_at=at, run_id=mark.run)
            self.decide(row, rows, True)
        self.rounds.settle(segment, rows.decisions)

    # ---- processes

    def _beat(self, beat: BeatEvent, writer: str, fresh: bool) -> None:
        if fresh:
            self.meters.observe_beat(beat, writer)
            self.beats[beat.process] = beat
            if beat.ids:
                self.alive = {**{ids: at for ids, at in self.alive.items() if beat.at - at < ALIVE_US}, beat.ids: beat.at}
            self._losses(beat.process, writer).dropped = dict(beat.dropped)

    def _audit(self, event: AuditEvent, segment: Segment) -> None:
        if segment.rows is not None:
            detail = orjson.dumps(event.detail).decode()
            segment.rows.audits.append(AuditRow(at=when(event.at), actor=event.actor, action=event.action, detail=detail))

    @property
    def dropped_total(self) -> int:
        return self.missed + sum(sum(each.dropped.values()) for _, each in self.losses.values())

    def remembered(self) -> dict[str, dict[str, int]]:
        """Bytes held, and the bound, of each kind of memory."""
        memory = self.memory
        held = {
            "waiting": (self.rounds.waiting, memory.waiting), "texts": (self.texts.bytes, memory.texts),
            "facts": (self.facts.bytes, memory.facts), "decided": (self.decided.bytes, memory.decided),
            "parked": (self.parked.bytes, memory.parked), "counted": (len(self.meters.counted) * COUNTED_WEIGHT, memory.counted),
        }  # fmt: skip
        return {name: {"bytes": size, "max_bytes": bound} for name, (size, bound) in held.items()}

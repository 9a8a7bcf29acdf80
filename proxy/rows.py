"""What the store is handed in one round, and how a row becomes a line it can insert.

Law: pure; no database, file or clock. A text the store would refuse (a lone surrogate) or that breaks its readers (NUL) is repaired
with U+FFFD and a word in `notes`; a row that cannot be written at all is named with its reason, never dropped in silence.
"""

import base64
import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson

from proxy.exchange import Call, Decision, Exchange

Row = TypeVar("Row")
UNWRITABLE = re.compile("[\0\ud800-\udfff]")
MONEY = Decimal("0.000000001")
LINES_BYTES = 8 << 20
"""So much goes into one statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    name: str
    process: str
    writer: str
    events: int
    first_seq: int | None
    last_seq: int | None
    torn_bytes: int
    damage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    lineage_id: str
    config_hash: str
    config: str
    """The resolved configuration as JSON text."""
    version: str
    price_date: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    at: datetime
    actor: str
    action: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """What became of a run, at one moment."""

    run_id: str
    kind: str
    state: str
    reason: str
    source: str
    source_sha256: str
    targets: tuple[str, ...]
    lineage_id: str
    detail: str
    """JSON."""
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRow:
    """A change of a rollout's state."""

    happened_at: datetime
    rollout: str
    route: str
    target: str
    event: str
    state: str
    share: float
    actor: str
    reason: str
    version: int
    call_ids: tuple[str, ...]
    evidence: str
    """JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    prefix_hash: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A row the store would not take."""

    kind: str
    call_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Everything of some sealed segments: committed together or not at all."""

    segments: tuple[SegmentRow, ...] = ()
    calls: tuple[Call, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=dict[str, str])
    """System texts by their `content_hash`."""
    exchanges: tuple[Exchange, ...] = ()
    decisions: tuple[Decision, ...] = ()
    lineages: tuple[Lineage, ...] = ()
    audits: tuple[AuditRow, ...] = ()
    runs: tuple[RunRow, ...] = ()
    rollouts: tuple[RolloutRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One row as JSON, with the call it belongs to (or what else names it)."""

    name: str
    json: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows for one table, each unique by the table's key."""

    table: str
    lines: tuple[Line, ...]


def content_hash(text: str) -> str:
    """Names a system text; `store verify` derives it again from what is stored."""
    return hashlib.sha256(repaired(text).encode()).hexdigest()


def naive_utc(at: datetime) -> datetime:
    """As the store keeps times. A parameter with a zone would be compared in the zone of the machine."""
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def repaired(text: str) -> str:
    return UNWRITABLE.sub("\ufffd", text)


def lines_of(round: Round) -> tuple[list[Lines], list[Quarantined]]:
    """The round as lines by table, in the order of insertion, and the rows that cannot be written."""
    bad: list[Quarantined] = []
    prefixes = [Prefix(prefix_hash=name, text=text) for name, text in round.prefixes.items()]
    found = [
        Lines("lineage", tuple(_unique("lineage", round.lineages, lambda row: (row.lineage_id,), bad))),
        Lines("prefixes", tuple(_unique("prefixes", prefixes, lambda row: (row.prefix_hash,), bad))),
        Lines("calls", tuple(_unique("calls", round.calls, lambda row: (UUID(row.call_id),), bad))),
        Lines("calls.expected", tuple(_unique("calls.expected", _said_of(round.calls), lambda row: (UUID(row.call_id),), bad))),
        Lines("exchanges", tuple(_unique("exchanges", round.exchanges, _exchange_key, bad))),
        Lines("mirror_decisions", tuple(_unique("mirror_decisions", round.decisions, _decision_key, bad))),
        Lines("run_events", tuple(_unique("run_events", round.runs, lambda row: (row.run_id, row.state, row.happened_at), bad))),
        Lines("rollout_events", tuple(_unique("rollout_events", round.rollouts, lambda row: (row.rollout, row.version, row.event), bad))),
        Lines("segments", tuple(_unique("segments", round.segments, lambda row: (row.name,), bad))),
    ]
    return [lines for lines in found if lines.lines], bad


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidOf:
    """What people said of a call."""

    call_id: str
    expected: str | None
    tags: tuple[str, ...]


def _said_of(calls: Iterable[Call]) -> Iterator[SaidOf]:
    return (SaidOf(call_id=row.call_id, expected=row.expected, tags=row.tags) for row in calls if row.expected or row.tags)


def quarantine_lines(rows: Iterable[Quarantined]) -> list[Lines]:
    lines = tuple(_unique("quarantine", rows, lambda row: (row.call_id, row.kind, row.reason), []))
    return [Lines("quarantine", lines)] if lines else []


def chunks(lines: tuple[Line, ...], size: int = LINES_BYTES) -> Iterator[tuple[Line, ...]]:
    """Runs of lines of about `size` characters."""
    begin, held = 0, 0
    for index, line in enumerate(lines):
        if held and held + len(line.json) > size:
            yield lines[begin:index]
            begin, held = index, 0
        held += len(line.json)
    if begin < len(lines):
        yield lines[begin:]


def _unique(table: str, rows: Iterable[Row], key: Callable[[Row], tuple[object, ...]], bad: list[Quarantined]) -> Iterator[Line]:
    """A line per row, the first of each key; the key's first part names it."""
    met: set[object] = set()
    for row in rows:
        try:
            this, line = key(row), json_of(row)
        except (ValueError, TypeError, ArithmeticError) as error:
            name = str(getattr(row, "call_id", row))
            bad.append(Quarantined(kind=table, call_id=repaired(name), reason=str(error.__cause__ or error)))
            continue
        if this not in met:
            met.add(this)
            yield Line(str(this[0]), line)


def _exchange_key(row: Exchange) -> tuple[object, ...]:
    return UUID(row.call_id), row.target, row.role, row.run_id, row.sample, row.attempt


def _decision_key(row: Decision) -> tuple[object, ...]:
    return UUID(row.call_id), row.target, row.role, row.run_id, row.sample


def json_of(row: Any) -> str:
    """One row as one line of JSON; times are UTC (naive ones are taken for it), bytes are base64, money keeps nine places."""
    try:
        line = _dumped(row)
    except TypeError:
        return _dumped(_mended(row)).decode()
    return (_dumped(_mended(row)) if b"\\u0000" in line else line).decode()


def _dumped(row: Any) -> bytes:
    return orjson.dumps(row, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: object) -> str:
    match value:
        case datetime():
            return naive_utc(value).isoformat()  # DuckDB would drop an offset without a word
        case Decimal() if value.is_finite():
            return str(value.quantize(MONEY, ROUND_HALF_EVEN))
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            raise TypeError(f"a {type(value).__name__} like this cannot be stored")


def _mended(row: Any) -> dict[str, Any]:
    """The row with its texts repaired, and the fields that needed it named in its notes (when it has notes)."""
    before = dataclasses.asdict(row)
    after = {name: _mend(value) for name, value in before.items()}
    touched = [name for name in before if before[name] != after[name]]
    if touched and "notes" in after:
        note = f"unwritable characters replaced in {', '.join(touched)}"
        after["notes"] = f"{after['notes']}; {note}" if after["notes"] else note
    return after


def _mend(value: Any) -> Any:
    match value:
        case str():
            return repaired(value)
        case tuple():
            return tuple(map(_mend, cast(tuple[Any, ...], value)))
        case dict():
            return {key: _mend(item) for key, item in cast(dict[str, Any], value).items()}
        case _:
            return value

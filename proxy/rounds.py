"""Which rows go into a round and which segments may be unlinked: the recorder's bookkeeping, without a file, a thread or a clock.

Law: a segment's rows are stored whole or not at all; a segment is unlinked only when its rows are stored and nobody will read it again; and
whatever waits in memory has a bound in bytes. What exceeds it is let go and read again later: on disk it is safe.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from proxy.config import Route
from proxy.events import Drawn
from proxy.exchange import Call, Decision, DecisionName, Exchange, Role
from proxy.rollout.decided import of_candidate
from proxy.rows import AuditRow, Lineage, RolloutRow, Round, RunRow, SegmentRow
from proxy.segments import Contents

ROUND_BYTES = 32 << 20
"""About so much goes into one transaction."""
State = Literal["read", "let_go", "committing", "stored"]
"""`read`: its rows wait; `let_go`: they were given up and will be read again; `stored`: in the store, or nothing in it to store."""


@dataclass(slots=True)
class Rows:
    """What a segment becomes."""

    calls: list[Call] = field(default_factory=list[Call])
    prefixes: dict[str, str] = field(default_factory=dict[str, str])
    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    decisions: list[Decision] = field(default_factory=list[Decision])
    audits: list[AuditRow] = field(default_factory=list[AuditRow])
    rollouts: list[RolloutRow] = field(default_factory=list[RolloutRow])
    runs: list[RunRow] = field(default_factory=list[RunRow])
    lineages: dict[str, Lineage] = field(default_factory=dict[str, Lineage])
    weight: int = 0

    def __bool__(self) -> bool:
        return bool(self.calls or self.exchanges or self.decisions or self.audits or self.runs or self.rollouts)

    def add_call(self, row: Call) -> None:
        self.calls.append(row)
        self.weight += weight_of_call(row)

    def add_exchange(self, row: Exchange) -> None:
        self.exchanges.append(row)
        self.weight += 900 + len(row.text or "") + len(row.raw or b"") + sum(len(call.arguments) for call in row.tool_calls)

    def add_decision(self, row: Decision) -> None:
        self.decisions.append(row)
        self.weight += 300


def weight_of_call(row: Call) -> int:
    return 900 + len(row.request or "") + len(row.prompt_text or "") + len(row.source_text or "")


@dataclass(slots=True)
class Mark:
    """What is kept of a call while its segment is there, to settle what the shadow left undecided."""

    route: str
    run: str | None
    drawn: Drawn | None = None
    """What a rollout made of it: the candidate that answered was not mirrored, and must not be called stale."""


@dataclass(slots=True)
class Segment:
    """One sealed segment on its way into the store."""

    row: SegmentRow
    born_us: int
    rows: Rows | None = None
    state: State = "read"
    calls: dict[str, Mark] = field(default_factory=dict[str, Mark])
    """Calls that the shadow must have decided before this may be unlinked."""
    newest_us: int = 0
    orphans: int = 0
    """Exchanges parked until their call is read."""
    settled: bool = False
    """Its undecided calls have got their decision from us."""

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def weight(self) -> int:
        return self.rows.weight if self.rows else 0


@dataclass(frozen=True, slots=True)
class _UnderWay:
    segments: frozenset[str]
    settled: frozenset[str]


class Rounds:
    """All segments that were read and are still there, oldest first."""

    def __init__(self, bound: int):
        self.segments: dict[str, Segment] = {}
        self.extra = Rows()
        """Rows of no segment: decisions and exchanges that close what others left open."""
        self._bound = bound
        self._settling: set[str] = set()
        """Segments whose missing decisions are in `extra`."""
        self._under_way: _UnderWay | None = None

    def add(self, segment: Segment) -> None:
        self.segments[segment.name] = segment
        if not segment.rows and not segment.orphans and not segment.row.damage and not segment.row.torn_bytes:
            segment.state, segment.rows = "stored", None

    @property
    def waiting(self) -> int:
        """Bytes of rows in memory."""
        return sum(segment.weight for segment in self.segments.values()) + self.extra.weight

    def shed(self) -> list[str]:
        """Let the newest rows go until the rest keeps the bound. The oldest stay, so that a segment of any size is stored in the end."""
        gone: list[str] = []
        over = self.waiting - self._bound
        waiting = [segment for segment in self.segments.values() if segment.state == "read" and segment.rows and not segment.orphans]
        for segment in reversed(waiting[0 if self._under_way else 1 :]):
            if over > 0:
                over -= segment.weight
                segment.state, segment.rows = "let_go", None
                gone.append(segment.name)
        return gone

    def to_read_again(self) -> str | None:
        """The oldest segment whose rows were let go, when there is room again."""
        if self.waiting > self._bound // 2:
            return None
        return next((segment.name for segment in self.segments.values() if segment.state == "let_go"), None)

    def next_round(self) -> Round | None:
        """The oldest segments that are whole, up to a round's bytes; None while there is nothing, or one is under way."""
        if self._under_way is not None:
            return None
        chosen = list(self._chosen())
        if not chosen and not self.extra:
            return None
        for segment in chosen:
            segment.state = "committing"
        rows = [*(segment.rows or Rows() for segment in chosen), self.extra]
        self._under_way = _UnderWay(frozenset(segment.name for segment in chosen), frozenset(self._settling))
        self.extra, self._settling = Rows(), set()
        return _round(tuple(segment.row for segment in chosen), rows)

    def _chosen(self) -> Iterator[Segment]:
        size = 0
        for segment in self.segments.values():
            if segment.state == "read" and not segment.orphans:
                if size and size + segment.weight > ROUND_BYTES:
                    return
                size += segment.weight
                yield segment

    def stored(self) -> None:
        """The round under way is in the store."""
        assert self._under_way is not None
        for name in self._under_way.segments:
            self.segments[name].state, self.segments[name].rows = "stored", None
        for name in self._under_way.settled & self.segments.keys():
            self.segments[name].settled = True
        self._under_way = None

    def known(self, names: Collection[str]) -> None:
        """These were stored by a predecessor."""
        for name in names:
            segment = self.segments.get(name)
            if segment is not None and segment.state in ("read", "let_go"):
                segment.state, segment.rows = "stored", None

    # ---- the end of a segment

    def ripe(self, passed: Collection[str], before_us: int) -> Iterator[Segment]:
        """Segments whose calls the shadow should have decided by now and has not."""
        asked = self._settling | (self._under_way.settled if self._under_way else frozenset[str]())
        for segment in self.segments.values():
            waits = segment.state == "stored" and segment.calls and not segment.settled and segment.name not in asked
            if waits and segment.name not in passed and max(segment.newest_us, segment.born_us) < before_us:
                yield segment

    def settle(self, segment: Segment, decisions: Iterable[Decision]) -> None:
        """Decide for the shadow. The segment may go once these are stored."""
        rows = list(decisions)
        for row in rows:
            self.extra.add_decision(row)
        if rows:
            self._settling.add(segment.name)
        else:
            segment.settled = True

    def done(self, passed: Collection[str]) -> list[str]:
        """Segments that nobody needs any more. A writer's go in their order: after a restart an answer is found beside its call."""
        held: set[str] = set()
        free: list[str] = []
        for segment in self.segments.values():
            ended = segment.state == "stored" and not segment.orphans and (not segment.calls or segment.settled or segment.name in passed)
            if not ended or segment.row.writer in held:
                held.add(segment.row.writer)
            else:
                free.append(segment.name)
        return free

    def forget(self, name: str) -> Segment:
        return self.segments.pop(name)

    def oldest_us(self) -> int | None:
        """Birth of the oldest segment whose rows are not in the store; those that only wait for a call's segment do not count."""
        waits = (segment.born_us for segment in self.segments.values() if segment.state != "stored" and not segment.orphans)
        return min(waits, default=None)


def _round(segments: tuple[SegmentRow, ...], rows: list[Rows]) -> Round:
    prefixes: dict[str, str] = {}
    lineages: dict[str, Lineage] = {}
    for each in rows:
        prefixes |= each.prefixes
        lineages |= each.lineages
    return Round(
        segments=segments,
        calls=tuple(row for each in rows for row in each.calls),
        prefixes=prefixes,
        exchanges=tuple(row for each in rows for row in each.exchanges),
        decisions=tuple(row for each in rows for row in each.decisions),
        lineages=tuple(lineages.values()),
        audits=tuple(row for each in rows for row in each.audits),
        runs=tuple(row for each in rows for row in each.runs),
        rollouts=tuple(row for each in rows for row in each.rollouts),
    )


def segment_row(contents: Contents) -> SegmentRow:
    numbered = [passed.event.seq for passed in contents.events if passed.event.seq]
    return SegmentRow(
        name=contents.name,
        process=contents.process,
        writer=contents.writer,
        events=len(numbered),
        first_seq=min(numbered, default=None),
        last_seq=max(numbered, default=None),
        torn_bytes=contents.torn_bytes,
        damage=contents.damage,
    )


# ---- legs


def legs_of(route: Route, baselines: Collection[str]) -> list[tuple[str, Role]]:
    """Who should answer a route's calls unseen: each has one decision per call."""
    legs: list[tuple[str, Role]] = [(leg.target, "baseline" if leg.target in baselines else "candidate") for leg in route.shadow]
    return [*legs, (route.incumbent, "repeat")] if route.repeat > 0 else legs


def drawn_legs_of(drawn: Drawn | None, route: Route | None, reversed_: Collection[str]) -> list[tuple[str, Role]]:
    """Who is decided about beyond them, of a call that a canary was drawn for: the candidate, and the incumbent asked in reverse."""
    if drawn is None or not drawn.target:
        return []
    reverse = drawn.served and route is not None and route.name in reversed_
    return [(drawn.target, "candidate"), *([(route.incumbent, "incumbent")] if reverse and route else [])]


def late(mark: Mark, target: str, role: Role) -> tuple[DecisionName, str]:
    """What is decided of a leg that the shadow did not decide in time."""
    if mark.drawn and role == "candidate" and target and target == mark.drawn.target:
        return of_candidate(mark.drawn)
    return ("stale", "the shadow did not decide in time") if target else ("no_candidate", "")


def undecided(
    calls: Mapping[str, Mark],
    decided: Callable[[str], Collection[tuple[str, bool]]],
    routes: Mapping[str, Route],
    baselines: Collection[str],
    reversed_: Collection[str] = (),
) -> Iterator[tuple[str, Mark, str, Role]]:
    """(call, mark, target, role) of every leg without a decision; an empty target for a route that has no legs.

    `decided` gives (target, whether it is the repeat) of a call: a canary that was served is decided too, whatever its role. `reversed_`:
    routes on which the incumbent is asked in reverse.
    """
    for call_id, mark in calls.items():
        route = routes.get(mark.route)
        legs = legs_of(route, baselines) if route else []
        legs += [leg for leg in drawn_legs_of(mark.drawn, route, reversed_) if leg not in legs]
        known = decided(call_id)
        if not legs and not known:
            yield call_id, mark, "", "candidate"
        for target, role in legs:
            if (target, role == "repeat") not in known and ("", False) not in known:
                yield call_id, mark, target, role

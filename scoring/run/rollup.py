"""What the pairs of a sheet add to the sums of their clusters, and to the noise floor.

Law: a pair adds to a criterion once, when its own answer's score is new; so the sums are the same in whatever order and however often the
scorer is stopped. A difference exists where both sides have a value; a pairwise criterion needs the incumbent's agreement with itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple

import msgspec

from scoring.criterion import Scale, scored
from scoring.rubric import COMPOSITE, SUCCESS, Dimension, WorkflowRubric
from scoring.run.marks import Book, Marked, turned
from scoring.run.sheet import Pair
from scoring.stats.bounded import RATIO_EDGE, log_ratio


class Place(NamedTuple):
    """A cluster's rows in `cluster_scores`, without their criterion."""

    run_id: str | None
    target: str
    role: str
    workflow: str
    turns: str
    prompt_version: str | None
    cluster: int


class Sums(msgspec.Struct, gc=False):
    """Of one criterion over the pairs of a cluster that have a difference; the first pair by arrival."""

    first_at: datetime
    first_call: str
    pairs: int = 0
    incumbent: float = 0.0
    candidate: float = 0.0
    difference: float = 0.0
    first_incumbent: float | None = None
    first_candidate: float | None = None
    unscored: int = 0

    def add(self, x: float, y: float, d: float) -> None:
        if not self.pairs:
            self.first_incumbent, self.first_candidate = x, y
        self.pairs += 1
        self.incumbent += x
        self.candidate += y
        self.difference += d


Rollup = dict[Place, dict[tuple[str, str], Sums]]
"""By cluster, then by criterion and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A row of `noise`: disagreements in [0, 1] between answers to one call."""

    call_id: str
    target: str
    run_id: str | None
    workflow: str
    criterion: str
    version: str
    cluster: int
    across: float
    first_across: float
    incumbent: float | None
    candidate: float | None


def sums_of(pairs: Sequence[Pair], book: Book) -> Rollup:
    """By cluster and criterion, what these pairs add."""
    found: Rollup = defaultdict(dict)
    itself = _agreement_with_itself(pairs, book)
    for pair in sorted(pairs, key=_by_arrival):
        theirs, ours = book.get(pair.incumbent_key), book.get(pair.key)
        if theirs is None or ours is None or not ours.new:
            continue
        task, key = pair.task, pair.key
        into = found[Place(key.run_id, key.target, key.role, task.workflow, pair.turns, task.prompt_version, pair.cluster)]
        marks, known, kinds = ours.marks, theirs.marks, _kinds(ours.rubric)
        for name in ours.new:
            criterion, scale, pairwise = kinds[name]
            mark = marks[name]
            x, y = itself.get((pair.incumbent_key, name)) if pairwise else known[name].value, mark.value
            if mark.state == "na" or (pairwise and x is None):
                continue
            sums, d = into.get(criterion), difference(scale, x, y)
            if sums is None:
                into[criterion] = _first(pair.arrived_at, key.call_id, x, y, d)
            elif d is None:
                sums.unscored += 1
            else:
                sums.add(x or 0.0, y or 0.0, d)
    return found


def _first(at: datetime, call_id: str, x: float | None, y: float | None, d: float | None) -> Sums:
    if d is None:
        return Sums(at, call_id, unscored=1)
    x, y = x or 0.0, y or 0.0
    return Sums(at, call_id, 1, x, y, d + 0.0, x, y)  # of -0.0 is made 0.0


def _by_arrival(pair: Pair) -> tuple[datetime, str, int]:
    return pair.arrived_at, pair.key.call_id, pair.key.sample


@cache
def _kinds(rubric: WorkflowRubric) -> Mapping[str, tuple[tuple[str, str], Scale, bool]]:
    """Of every dimension its name and version, its scale, and whether it is pairwise."""
    own: dict[str, tuple[Scale, bool]] = {each.name: (each.criterion.SCALE, each.kind == "pairwise") for each in rubric.dimensions}
    own[SUCCESS] = own[COMPOSITE] = ("share", False)
    return {name: ((name, version), *own[name]) for name, version in rubric.versions.items()}


def difference(scale: Scale, incumbent: float | None, candidate: float | None) -> float | None:
    """Oriented: more is better for the candidate. None where one side is unknown. Nothing against something is the edge of the range."""
    if incumbent is None or candidate is None or incumbent != incumbent or candidate != candidate:  # NaN is not itself
        return None
    if scale == "share":
        return candidate - incumbent
    ratio = log_ratio(incumbent, candidate) if incumbent and candidate else RATIO_EDGE * ((candidate > 0) - (incumbent > 0))
    return -ratio if ratio is not None and scale == "less" else ratio


def _agreement_with_itself(pairs: Iterable[Pair], book: Book) -> Mapping[tuple[object, str], float]:
    """Mean agreement of an incumbent's second answers with its first, by its key and the criterion."""
    values: dict[tuple[object, str], list[float]] = defaultdict(list)
    for pair in pairs:
        again = book.get(pair.key)
        if pair.key.role == "repeat" and again is not None:
            for dimension in again.rubric.dimensions:
                mark = again.marks.get(dimension.name)
                if dimension.kind == "pairwise" and mark is not None and mark.value is not None:
                    values[pair.incumbent_key, dimension.name].append(mark.value)
    return {key: sum(each) / len(each) for key, each in values.items()}


# ---- the noise floor


def noise_of(pairs: Sequence[Pair], book: Book) -> list[Noise]:
    """Where an incumbent answered a call twice: how its answers differ among themselves, and from the candidate's."""
    groups: dict[tuple[str, str | None], list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.key.call_id, pair.incumbent_key.run_id].append(pair)
    found: list[Noise] = []
    for group in groups.values():
        found += _noise_of_call(group, book)
    return found


def _noise_of_call(group: Sequence[Pair], book: Book) -> Iterable[Noise]:
    theirs = {each.incumbent_key: book[each.incumbent_key] for each in group if each.incumbent_key in book}
    theirs |= {each.key: book[each.key] for each in group if each.key.role == "repeat" and each.key in book}
    if len(theirs) < 2:
        return
    asked: dict[tuple[str, str | None], list[Pair]] = defaultdict(list)
    for pair in group:
        if pair.key.role in ("candidate", "baseline") and pair.key in book:
            asked[pair.key.target, pair.key.run_id].append(pair)
    for (target, run_id), own in sorted(asked.items(), key=str):
        ours = [book[each.key] for each in own]
        for dimension in ours[0].rubric.dimensions:
            if dimension.kind == "pairwise" and dimension.criterion.COST != "outside" and dimension.name in ours[0].new:
                across = _mean(_apart(dimension, mine, each) for mine in ours for each in theirs.values())
                first = _apart(dimension, ours[0], next(iter(theirs.values())))
                if across is not None and first is not None:
                    yield Noise(
                        call_id=own[0].key.call_id, target=target, run_id=run_id, workflow=own[0].task.workflow,
                        criterion=dimension.name, version=dimension.version, cluster=own[0].cluster, across=across, first_across=first,
                        incumbent=_among(dimension, list(theirs.values())), candidate=_among(dimension, ours),
                    )  # fmt: skip


def _among(dimension: Dimension, answers: Sequence[Marked]) -> float | None:
    """Mean disagreement of different answers of one side; None with fewer than two."""
    return _mean(_apart(dimension, each, other) for number, other in enumerate(answers) for each in answers[number + 1 :])


def _apart(dimension: Dimension, one: Marked, other: Marked) -> float | None:
    found = turned(dimension, scored(dimension.criterion, one.task, one.answer, other.answer))
    return None if found.value is None else 1.0 - found.value


def _mean(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known else None

"""What scoring a range yields: the rows to write, as lines, and how many of what they are.

Law: made where the range was scored (maybe another process), written where the transaction is; between them travels text.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from proxy.rows import repaired
from scoring.criterion import Score, State
from scoring.rubric import WorkflowRubric
from scoring.run.marks import Book
from scoring.run.rollup import Noise, Place, Rollup, Sums
from scoring.run.sheet import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Rows that speak of the same dimensions, each a line of JSON with one value per dimension."""

    names: tuple[str, ...]
    versions: tuple[str, ...]
    lines: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    pairs: int
    scores: tuple[Lines, ...]
    clusters: tuple[Lines, ...]
    noise: str
    unscored: Mapping[tuple[str, str], int]
    """By dimension and reason."""


Named = tuple[tuple[str, str], ...]
"""Dimensions with their versions."""


def harvest(pairs: int, book: Book, sums: Rollup, noise: Sequence[Noise]) -> Harvest:
    scores: dict[tuple[WorkflowRubric, tuple[str, ...]], list[str]] = defaultdict(list)
    clusters: dict[Named, list[str]] = defaultdict(list)
    unscored: Counter[tuple[str, str]] = Counter()
    for key, each in book.items():
        if each.new:
            marks = list(each.marks.values()) if len(each.marks) == len(each.new) else [each.marks[name] for name in each.new]
            states: list[State] = [mark.state for mark in marks]
            scores[each.rubric, tuple(each.new)].append(_line(key, marks, states))
            if "error" in states:
                unscored.update((name, mark.tag or "") for name, mark in zip(each.new, marks, strict=True) if mark.state == "error")
    for place, criteria in sums.items():
        if criteria:
            clusters[tuple(criteria)].append(_cluster(place, criteria.values()))
    rows = [{name: getattr(each, name) for name in Noise.__slots__} for each in noise]
    return Harvest(
        pairs=pairs,
        scores=tuple(_lines([(name, own.versions[name]) for name in names], lines) for (own, names), lines in scores.items()),
        clusters=tuple(_lines(named, lines) for named, lines in clusters.items()),
        noise="\n".join(map(_json, rows)),
        unscored=unscored,
    )


def _lines(named: Sequence[tuple[str, str]], lines: Sequence[str]) -> Lines:
    return Lines(names=tuple(name for name, _ in named), versions=tuple(version for _, version in named), lines="\n".join(lines))


def _line(key: Key, marks: Sequence[Score], states: Sequence[State]) -> str:
    """Columns in which nothing is out of the ordinary are left out: the store pads them."""
    call_id, target, role, run_id, sample = key
    evidence = [each.evidence for each in marks]
    return _json(
        {
            "call_id": call_id,
            "target": target,
            "role": role,
            "run_id": run_id,
            "sample": sample,
            "value": [each.value for each in marks],
            "state": states if states.count("ok") < len(states) else None,
            "tag": [each.tag and _writable(each.tag) for each in marks],
            "evidence": [each and repaired(each) for each in evidence] if any(evidence) else None,
        }
    )


_writable = lru_cache(maxsize=4096)(repaired)
"""Tags are few."""


def _cluster(place: Place, sums: Collection[Sums]) -> str:
    """Most have one pair, which is the first of every criterion: its sums are told, and once where it came from."""
    run_id, target, role, workflow, turns, prompt_version, cluster = place
    pairs, first_call, first_at = [each.pairs for each in sums], [each.first_call for each in sums], [each.first_at for each in sums]
    unscored = [each.unscored for each in sums]
    one = pairs.count(1) == unscored.count(0) == first_call.count(first_call[0]) == len(pairs)
    return _json(
        {
            "run_id": run_id,
            "target": target,
            "role": role,
            "workflow": workflow,
            "turns": turns,
            "prompt_version": prompt_version,
            "cluster": cluster,
            "incumbent": [each.incumbent for each in sums],
            "candidate": [each.candidate for each in sums],
            "difference": [each.difference for each in sums],
            "call": first_call[0],
            "arrived_at": first_at[0],
            "pairs": None if one else pairs,
            "first_incumbent": None if one else [each.first_incumbent for each in sums],
            "first_candidate": None if one else [each.first_candidate for each in sums],
            "first_call": None if one else first_call,
            "first_at": None if one else first_at,
            "unscored": None if one else unscored,
        }
    )


def _json(row: Mapping[str, Any]) -> str:
    """Not left as bytes: orjson's come with room to spare, and there are many."""
    return orjson.dumps(row).decode()

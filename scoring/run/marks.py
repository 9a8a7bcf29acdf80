"""Every criterion asked about the answers of a sheet: what is absent is computed, what is there is taken.

Law: one answer and one dimension are scored once, however many pairs they stand in, and a score that the store has is never computed again.
Pure but for criteria that ask outside, which go last, in batches.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

import msgspec

from scoring.criterion import Ask, Asked, Outside, Score, asking, not_applicable, unscored
from scoring.rubric import COMPOSITE, SUCCESS, Dimension, Rubric, WorkflowRubric
from scoring.run.sheet import Key, Pair
from scoring.task import Answer, Task

Marks = dict[str, Score]
"""By the name of a dimension."""
SUCCEEDED = Score(1.0, "ok", "ok")
UNWEIGHED = not_applicable("no weighted share")
LOUD_TYPES = frozenset(("transport", "json_valid", "json_schema", "xml_valid", "yaml_valid"))
"""A failure of these anyone would notice; of the others one must read the answer."""


class Marked(msgspec.Struct):
    """All scores of one answer; `new` names those that the store has not, in the rubric's order."""

    task: Task
    answer: Answer
    rubric: WorkflowRubric
    marks: Marks = {}
    new: list[str] = []

    def put(self, name: str, score: Score) -> None:
        self.marks[name] = score
        self.new.append(name)


Book = dict[Key, Marked]
Waiting = dict[Dimension, list[tuple[Key, Asked]]]


Run = Callable[[Coroutine[Any, Any, None]], None]
"""Runs the outside questions to their end."""


def marked(pairs: Sequence[Pair], rubric: Rubric, there: Mapping[Key, Mapping[tuple[str, str], Score]], run: Run = asyncio.run) -> Book:
    """Scores of every answer in these pairs. `there`: what the store has, by dimension and version."""
    book: Book = {}
    waiting: Waiting = defaultdict(list)
    for pair in pairs:
        own = rubric.of(pair.task.workflow)
        if own is None:
            continue
        for key, answer, reference in ((pair.incumbent_key, pair.incumbent, None), (pair.key, pair.candidate, pair.incumbent)):
            if key not in book:
                book[key] = into = Marked(pair.task, answer, own)
                if known := there.get(key):
                    into.marks = {name: known[name, version] for name, version in own.versions.items() if (name, version) in known}
                _mark(key, into, reference, waiting)
    if waiting:
        run(_outside(waiting, book))
    for each in book.values():
        _derived(each)
    return book


def _mark(key: Key, into: Marked, reference: Answer | None, waiting: Waiting) -> None:
    marks, new, task, answer = into.marks, into.new, into.task, into.answer
    for name, dimension, ask, pairwise in _questions(into.rubric):
        if name in marks or (pairwise and reference is None):
            continue
        beside = reference if pairwise else None
        if ask:
            score = ask(task, answer, beside)
            marks[name] = turned(dimension, score) if dimension.negated else score
        else:
            early = _without_asking(cast(Outside, dimension.criterion), into, beside)
            if early is None:
                waiting[dimension].append((key, Asked(task, answer, beside)))
                continue
            marks[name] = early
        new.append(name)


@cache
def _questions(rubric: WorkflowRubric) -> tuple[tuple[str, Dimension, Ask | None, bool], ...]:
    """Of each dimension: its name, itself, how its criterion is asked (None: outside), whether that is pairwise."""
    return tuple(
        (each.name, each, None if isinstance(each.criterion, Outside) else asking(each.criterion), each.kind == "pairwise")
        for each in rubric.dimensions
    )


@cache
def _gates(rubric: WorkflowRubric) -> tuple[Dimension, ...]:
    """What an answer alone must pass to be a success."""
    gates = (each for each in rubric.dimensions if each.role in ("guard", "gate") and each.kind != "pairwise")
    return tuple(each for each in gates if each.criterion.SCALE == "share" or each.threshold is not None)


@cache
def _weights(rubric: WorkflowRubric) -> tuple[tuple[str, float], ...]:
    return tuple((d.name, d.weight) for d in rubric.dimensions if d.role in ("gate", "score") and d.weight > 0 and _judges_alone(d))


def _judges_alone(dimension: Dimension) -> bool:
    return dimension.kind != "pairwise" and dimension.criterion.SCALE == "share"


def _without_asking(criterion: Outside, into: Marked, beside: Answer | None) -> Score | None:
    if reason := criterion.applies(into.task):
        return not_applicable(reason)
    if into.answer.absent:
        return Score(0.0 if criterion.SCALE == "share" else None, "fail", into.answer.outcome)
    if criterion.kind == "pairwise" and (beside is None or beside.absent):
        return unscored("the incumbent gave no answer to agree with")
    return None


async def _outside(waiting: Mapping[Dimension, Sequence[tuple[Key, Asked]]], book: Book) -> None:
    for dimension, asked in waiting.items():
        criterion = cast(Outside, dimension.criterion)
        try:
            found = list(await criterion.scores([each for _, each in asked]))
        except Exception as fault:
            found = [unscored(f"{criterion.TYPE} failed: {type(fault).__name__}: {str(fault)[:120]}")] * len(asked)
        for (key, _), score in zip(asked, found, strict=True):
            book[key].put(dimension.name, turned(dimension, score))


def turned(dimension: Dimension, score: Score) -> Score:
    """A `not-` dimension's score: an answer that is not there has not passed that either."""
    if not dimension.negated or score.value is None or (score.state == "fail" and score.tag in ("errored", "timed_out")):
        return score
    return Score(1.0 - score.value, score.state, score.tag, score.evidence)


def _derived(into: Marked) -> None:
    """`success` and `composite`: what all of it comes to for this answer, from dimensions that judge it alone."""
    if SUCCESS not in into.marks:
        into.put(SUCCESS, success(into.answer, [(each, into.marks[each.name]) for each in _gates(into.rubric)]))
    if COMPOSITE not in into.marks:
        into.put(COMPOSITE, _composite(into.marks, _weights(into.rubric)))


def _composite(marks: Marks, weights: Iterable[tuple[str, float]]) -> Score:
    weighed = [(weight, value) for name, weight in weights if (value := marks[name].value) is not None]
    if not weighed:
        return UNWEIGHED
    total = sum(weight for weight, _ in weighed)
    return Score(sum(w * v for w, v in weighed) / total)


def success(answer: Answer, gates: Iterable[tuple[Dimension, Score]]) -> Score:
    """1 when every guard and gate that could be scored passed; the tag says how easily a failure is noticed: ok, loud or silent."""
    lost = [(each, score) for each, score in gates if not passes(each, score)]
    if not lost and not answer.absent:
        return SUCCEEDED
    native = answer.refusal_kind not in (None, "textual")
    loud = answer.absent or native or any(each.criterion.TYPE in LOUD_TYPES or "loud" in (score.tag or "") for each, score in lost)
    return Score(0.0, "ok", "loud" if loud else "silent", ", ".join(each.name for each, _ in lost)[:300])


def passes(dimension: Dimension, score: Score) -> bool:
    """What could not be scored fails nobody."""
    return score.value is None or dimension.passes(score.value)


def scores_there(rows: Iterable[Sequence[Any]]) -> dict[Key, dict[tuple[str, str], Score]]:
    """Rows of `scores_of_range.sql` by answer."""
    found: dict[Key, dict[tuple[str, str], Score]] = defaultdict(dict)
    for call_id, target, role, run_id, sample, criterion, version, value, state, tag in rows:
        found[Key(call_id, target, role, run_id, sample)][criterion, version] = Score(value, state, tag)
    return found

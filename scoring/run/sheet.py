"""A sheet: the pairs of a range of calls, as values a criterion can be asked about.

Law: reads rows, decides nothing. A call and an incumbent's answer that several pairs share are one value, so what is read out of their
texts is read once. Whoever scores the same range again gets the same sheet.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from proxy.exchange import ToolCall
from scoring.queries import sql
from scoring.rubric import Unit
from scoring.task import Answer, Task

Query = Callable[[str, dict[str, object]], Sequence[tuple[Any, ...]]]
"""Runs one SELECT with named parameters."""


class Key(NamedTuple):
    """Whose answer: a row's identity in `scores`."""

    call_id: str
    target: str
    role: str
    run_id: str | None
    sample: int


class Pair(NamedTuple):
    task: Task
    incumbent: Answer
    incumbent_key: Key
    candidate: Answer
    key: Key
    cluster: int
    turns: str
    arrived_at: datetime


def sheet(query: Query, first: UUID, last: UUID, unit: Unit, *, raw: bool, run: str | None = None) -> list[Pair]:
    """Every pair of calls between two ids, those a breaker spared included; of all runs or one. `raw`: with the bytes, if kept."""
    span: dict[str, object] = {"first": first, "last": last, "run": run}
    calls = {row[0]: _called(row, unit) for row in query(sql("calls_of_range"), span)}
    incumbents: dict[Key, Answer] = {}
    asked = span | {"raw": raw}
    found = [*query(sql("pairs_of_range"), asked), *query(sql("spared_of_range"), asked)]
    return [_pair(row, calls[row[0]], incumbents) for row in found if row[0] in calls]


@dataclass(frozen=True, slots=True)
class _Called:
    task: Task
    cluster: int
    arrived_at: datetime


def _called(row: Sequence[Any], unit: Unit) -> _Called:
    (call_id, workflow, dialect, request, prompt, source, expected, conversation, turn, version, tags, run_id, arrived_at, feedback) = row
    task = Task(
        call_id=call_id, workflow=workflow, dialect=dialect, request=request, prompt_text=prompt, source_text=source,
        expected=expected, conversation=conversation, turn=turn, prompt_version=version, tags=tuple(tags or ()), run_id=run_id,
        feedback=feedback,
    )  # fmt: skip
    return _Called(task, cluster_of(task, unit), arrived_at)


def cluster_of(task: Task, unit: Unit) -> int:
    """The unit of evidence: its conversation, else its normalised prompt, else the call itself; 64 bits of a hash."""
    named = task.conversation if unit == "conversation" else None
    name = named or (normalised_prompt(task.prompt_text) if task.prompt_text else task.call_id)
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())


def normalised_prompt(text: str) -> str:
    """What makes two prompts the same: not case, not blanks, not the form of their characters."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _pair(row: Sequence[Any], called: _Called, incumbents: dict[Key, Answer]) -> Pair:
    task, key = called.task, Key(*row[:5])
    theirs = Key(row[0], row[5], "incumbent", row[6], row[7])
    incumbent = incumbents.get(theirs)
    if incumbent is None:
        incumbent = incumbents[theirs] = _answer(theirs, row[8 : 8 + SIDE])
    candidate = _answer(key, row[8 + SIDE :])
    turns = "later turns" if (task.turn or 1) > 1 else "first turns"
    return Pair(task, incumbent, theirs, candidate, key, called.cluster, turns, called.arrived_at)


def _answer(key: Key, side: Sequence[Any]) -> Answer:
    """`side`: in the order of an Answer's fields, tool calls as the store has them."""
    outcome, reason, failure_class, status, text, tools, *rest = side
    called = tuple(ToolCall(**each) for each in tools) if tools else ()
    return Answer(key.target, key.role, key.sample, outcome, reason, failure_class, status, text, called, *rest)


SIDE = len(Answer.__struct_fields__) - 3
"""Columns of one side in the queries: an Answer's fields but for target, role and sample."""

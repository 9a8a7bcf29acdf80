"""`understudy pairs --call`: everything that is stored of a few calls, for a person who wants to know why.

Law: shows what is stored, no more, and says what is missing: an answer without its partner is shown alone, with what was decided of the
other. A call is named as it is printed anywhere: by its whole id, its beginning or its end.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from proxy.commands.pairs_view import Wanted, head, marked, part, with_pseudonyms
from proxy.commands.tables import machine, rows_of
from proxy.faults import Wrong
from proxy.store import Store, Table
from proxy.terminal import harmless

MOST, NARROW, QUESTION_MAX = 100, 100, 4000
"""Calls of one command; a terminal of fewer columns shows one answer under the other; characters of a question, its end."""
ID = re.compile(r"[0-9a-f-]{4,36}")
NAMED_SQL = "SELECT call_id::VARCHAR FROM calls WHERE starts_with(call_id::VARCHAR, $1) OR ends_with(call_id::VARCHAR, $1) LIMIT 4"
CALLS_SQL = """
SELECT call_id, workflow, route, dialect, conversation, turn, arrived_at, run_id, rollout, rollout_stayed, rollout_fallback, prompt_text
FROM calls WHERE list_contains($1::UUID[], call_id)
"""
PAIRS_SQL = """
SELECT * FROM pairs WHERE list_contains($1::UUID[], call_id) AND ($2::VARCHAR IS NULL OR run_id = $2)
ORDER BY run_id NULLS FIRST, sample, role, target
"""
ALONE_SQL = """
SELECT * FROM exchanges WHERE list_contains($1::UUID[], call_id) AND ($2::VARCHAR IS NULL OR run_id = $2)
ORDER BY run_id NULLS FIRST, sample, attempt, role, target
"""
DECIDED_SQL = """
SELECT call_id, target, role, decision, reason FROM mirror_decisions
WHERE list_contains($1::UUID[], call_id) AND run_id IS NOT DISTINCT FROM $2 ORDER BY target
"""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call with its pairs; without any, the answers that there are and what was decided of the others."""

    call: Row
    pairs: Sequence[Row]
    answers: Sequence[Row] = ()
    decisions: Sequence[Row] = ()
    run_id: str | None = None
    """Of which alone answers were looked for."""


def run(
    store: Store, names: Sequence[str], wanted: Wanted, *, follow: bool = False, as_json: bool = False, console: Console | None = None
) -> int:
    """Raises Wrong for a name that is no call's, or more than one call's, and for what would choose among calls that are named."""
    if follow or wanted.differs or wanted.refused or wanted.workflow:
        raise Wrong("pairs --call", "--follow, --differs, --refused or --workflow beside it", "--call with --run at most")
    console = console or Console()
    for each in told(store, [found for name in names for found in name.replace(",", " ").split()], wanted.run):
        for line in _lines(each) if as_json else ():
            print(line, flush=True)  # noqa: T201 (a command prints)
        if not as_json:
            console.print(rendered(each, narrow=console.width < NARROW))
    return 0


def told(store: Store, names: Sequence[str], run_id: str | None) -> list[Told]:
    """In the order of the names; a call that is named twice is told once."""
    if not 0 < len(names) <= MOST:
        raise Wrong("pairs --call", f"{len(names)} ids", f"1 to {MOST}")
    ids = list(dict.fromkeys(_id_of(store, name) for name in names))
    calls = {str(row["call_id"]): row for row in rows_of(store.query(CALLS_SQL, [ids]))}
    pairs = _by_call(store.query(PAIRS_SQL, [ids, run_id]))
    alone = [each for each in ids if each not in pairs]
    answers = _by_call(store.query(ALONE_SQL, [alone, run_id])) if alone else {}
    decisions = _by_call(store.query(DECIDED_SQL, [alone, run_id])) if alone else {}
    return [
        Told(call=calls[each], pairs=pairs.get(each, ()), answers=answers.get(each, ()), decisions=decisions.get(each, ()), run_id=run_id)
        for each in ids
    ]


def _id_of(store: Store, name: str) -> str:
    wanted = name.lower()
    found = [str(row[0]) for row in store.query(NAMED_SQL, [wanted]).rows] if ID.fullmatch(wanted) else []
    if len(found) == 1:
        return found[0]
    if found:
        many = f"{len(found)} calls" if len(found) < 4 else "more than 3 calls"
        raise Wrong("pairs --call", f"{name!r}, which begins or ends the ids of {many}", "more of the id")
    raise Wrong("pairs --call", f"{name!r}, which is no call in {store.path}", "a call's id, or four letters or more of either end")


def _by_call(table: Table) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows_of(table):
        found.setdefault(str(row["call_id"]), []).append(row)
    return found


def _lines(each: Told) -> list[str]:
    """A pair a line, as without `--call`; a call without one is a line with its answers."""
    asked = {"prompt_text": each.call["prompt_text"]}
    rows = [{**pair, **asked} for pair in each.pairs] or [{**each.call, "answers": each.answers, "decisions": each.decisions}]
    return [orjson.dumps(row, default=machine).decode() for row in rows]


# ---- for a person


def rendered(each: Told, *, narrow: bool) -> RenderableType:
    parts = [_asked(each.call), *(_pair(pair, narrow=narrow) for pair in each.pairs)]
    if not each.pairs:
        parts += [*map(_alone, each.answers), _why_alone(each)]
    return Panel(Group(*parts), title=Text(str(each.call["call_id"]), style="bold"), title_align="left")


def _asked(call: Row) -> Text:
    """When, where, and the question; what the rollout made of it."""
    turn = "" if call["turn"] is None else f", turn {call['turn']}"
    facts = [f"{call['arrived_at']:%Y-%m-%d %H:%M:%S} UTC", f"{call['workflow']} on {call['route']}{turn}", call["dialect"]]
    if call["rollout"]:
        stayed, fell = call["rollout_stayed"], call["rollout_fallback"]
        more = f", stayed with the incumbent: {stayed}" if stayed else f", fell back to the incumbent: {fell}" if fell else ""
        facts.append(f"rollout {call['rollout']}{more}")
    prompt = str(call["prompt_text"] or "the question is not stored").strip()
    cut = f"… {prompt[-QUESTION_MAX:]}" if len(prompt) > QUESTION_MAX else prompt
    return Text(harmless("; ".join(facts)), style="dim").append("\n").append(with_pseudonyms(cut)).append("\n")


def _pair(pair: Row, *, narrow: bool) -> RenderableType:
    left, right = marked(_said(pair, "incumbent_"), _said(pair, "candidate_"), whole=True)
    heads = head(pair, "incumbent_", f"incumbent {pair['incumbent_target']}"), head(pair, "candidate_", f"{pair['role']} {pair['target']}")
    run = "" if pair["run_id"] is None else f", run {pair['run_id']}, sample {pair['sample']}"
    title = Text(f"{part(pair)}{run}", style="italic")
    if narrow:
        return Group(title, heads[0], left, Text(), heads[1], right, Text())
    grid = Grid.grid(expand=True, padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(*heads)
    grid.add_row(left, right)
    return Group(title, grid, Text())


def _alone(answer: Row) -> RenderableType:
    run = "" if answer["run_id"] is None else f", run {answer['run_id']}"
    seen = ", seen by the client" if answer["seen"] else ""
    name = f"{answer['role']} {answer['target']}{run}{seen}"
    return Group(head(answer, "", name), with_pseudonyms(_said(answer, "")), Text())


def _why_alone(each: Told) -> Text:
    decided = "; ".join(f"{row['role']} {row['target']}: {row['decision']}{_because(row)}" for row in each.decisions)
    missing = "no pair: no second answer is stored" if each.answers else "no answer is stored"
    missing += f" of run {each.run_id}" if each.run_id is not None else ""
    return Text(harmless(f"{missing}{f' ({decided})' if decided else ''}"), style="yellow")


def _because(decision: Row) -> str:
    return f", {decision['reason']}" if decision["reason"] else ""


def _said(row: Row, side: str) -> str:
    """The text, then the tools it called."""
    calls = [f"→ {call['name']}({call['arguments']})" for call in row[f"{side}tool_calls"] or ()]
    error = [f"[{row[f'{side}error']}]"] if row[f"{side}error"] else []
    return "\n".join(filter(None, [row[f"{side}text"] or "", *calls, *error]))

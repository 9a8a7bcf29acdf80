"""`understudy pairs`: both answers of a call side by side in the terminal, differences marked, as they come.

Law: shows what is stored, no more; text that was pseudonymised is underlined, so that nobody takes it for what a user wrote.
"""

import difflib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from proxy.anonymize import PSEUDONYM
from proxy.commands.tables import machine
from proxy.store import Store
from proxy.terminal import harmless

POLL_S = 1.0
OVERLAP = timedelta(minutes=5)
FOLLOW_MAX = 500
ANSWER_MAX, WHOLE_MAX = 4000, 40_000
"""Characters that are compared, and shown: a terminal takes minutes to lay out megabytes beside each other."""
WORDS = re.compile(r"\s+|[^\s\w]|\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    differs: bool = False
    refused: bool = False
    workflow: str | None = None
    run: str | None = None
    """None: live traffic."""
    limit: int = 20


def run(store: Store, wanted: Wanted, *, follow: bool, as_json: bool, console: Console | None = None) -> int:
    """Print the newest pairs, then (`follow`) the new ones until Ctrl-C."""
    console = console or Console()
    shown = Shown()
    while True:
        limit = FOLLOW_MAX if shown.keys else wanted.limit
        found = store.pairs_since(
            shown.since, differs=wanted.differs, refused=wanted.refused, workflow=wanted.workflow, run=wanted.run, limit=limit
        )  # fmt: skip
        for pair in shown.new(found):
            if as_json:
                print(orjson.dumps(pair, default=machine).decode(), flush=True)  # noqa: T201 (a command prints)
            else:
                console.print(rendered(pair))
        if not follow:
            return 0
        time.sleep(POLL_S)


@dataclass(slots=True)
class Shown:
    """Which pairs were printed: a late answer makes a pair of an old call, so the window overlaps and keys are remembered."""

    since: datetime = datetime(1970, 1, 1)  # noqa: DTZ001 (the store's times are UTC without a zone)
    keys: dict[tuple[object, ...], datetime] = field(default_factory=dict[tuple[object, ...], datetime])

    def new(self, found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of `found` that were not shown before; moves the window."""
        fresh: list[Mapping[str, Any]] = []
        for pair in found:
            key = tuple(pair[name] for name in ("call_id", "target", "role", "run_id", "sample"))
            if key not in self.keys:
                fresh.append(pair)
                self.keys[key] = pair["arrived_at"]
        if found:
            self.since = max(pair["arrived_at"] for pair in found) - OVERLAP
            self.keys = {key: at for key, at in self.keys.items() if at > self.since}
        return fresh


def rendered(pair: Mapping[str, Any]) -> RenderableType:
    """One pair: a line of facts, the question's end, both answers beside each other."""
    left, right = marked(pair["incumbent_text"] or "", pair["candidate_text"] or "")
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(head(pair, "incumbent_", "incumbent"), head(pair, "candidate_", str(pair["target"])))
    grid.add_row(left, right)
    title = f"{pair['workflow']}  {str(pair['call_id'])[-12:]}  {part(pair)}"
    return Panel(grid, title=title, title_align="left", subtitle=_question(pair), subtitle_align="left")


def part(pair: Mapping[str, Any]) -> str:
    """The other side's role; of a canary's call also who was seen by the client, which is the incumbent everywhere else."""
    if pair["run_id"] is not None or pair["incumbent_seen"]:
        return str(pair["role"])
    if pair["candidate_seen"]:
        return "canary: the client saw the candidate's answer"
    return f"{pair['role']}, beside a canary: the client saw neither of these"


def head(row: Mapping[str, Any], side: str, name: str) -> Text:
    """One answer's outcome and figures. `side`: how its columns begin."""
    outcome, reason = row[f"{side}outcome"], row[f"{side}outcome_reason"]
    style = "green" if row[f"{side}failure_class"] == "ok" else "red"
    cost = row[f"{side}cost_usd"]
    facts = [
        _figure(row[f"{side}latency_s"], "{:.2f} s"),
        _figure(row[f"{side}output_tokens"], "{} tokens"),
        "price unknown" if cost is None else f"{float(cost):.6f} USD",
    ]
    told = Text(f"{name}: ", style="bold")
    told.append(str(outcome or "no answer yet"), style=style)
    told.append("" if outcome in ("answered", None) else f" ({harmless(str(reason))})", style="dim")
    return told.append("  " + ", ".join(fact for fact in facts if fact), style="dim")


def _figure(value: object, shape: str) -> str:
    return "" if value is None else shape.format(value)


def _question(pair: Mapping[str, Any]) -> Text:
    asked = " ".join(str(pair.get("prompt_text") or "").split())
    return with_pseudonyms("… " + asked[-120:] if len(asked) > 120 else asked)


def marked(left: str, right: str, *, whole: bool = False) -> tuple[Text, Text]:
    """The beginnings of both texts, what differs in colour. `whole`: what follows, too, uncompared, up to what a terminal lays out."""
    left, right = harmless(left), harmless(right)
    one, other = WORDS.findall(left[:ANSWER_MAX]), WORDS.findall(right[:ANSWER_MAX])
    mine, theirs = Text(), Text()
    for kind, a, b, c, d in difflib.SequenceMatcher(a=one, b=other, autojunk=False).get_opcodes():
        same = kind == "equal"
        mine.append("".join(one[a:b]), style=None if same else "black on yellow")
        theirs.append("".join(other[c:d]), style=None if same else "black on cyan")
    if whole:
        mine.append(_rest(left))
        theirs.append(_rest(right))
    return _underlined(mine), _underlined(theirs)


def _rest(text: str) -> str:
    over = len(text) - WHOLE_MAX
    return text[ANSWER_MAX:WHOLE_MAX] + (f"\n… {over:,} more characters: --json has them" if over > 0 else "")


def with_pseudonyms(text: str) -> Text:
    """Text with its pseudonyms underlined."""
    return _underlined(Text(harmless(text)))


def _underlined(text: Text) -> Text:
    for found in PSEUDONYM.finditer(text.plain):
        text.stylize("underline", found.start(), found.end())
    return text

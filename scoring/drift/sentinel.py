"""The whole look: every matter asked once, one answer for all, and what a gate should be started for.

Law: one SELECT per matter; no clock: the end is given, or that of the latest live call. Findings are in a fixed order, so that the same
store gives the same look.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from proxy.moment import naive
from scoring.drift import answers, inputs, probes, prompts, served
from scoring.drift.cost_split import FEWEST, Split, splits
from scoring.drift.finding import Finding, Word, together
from scoring.drift.judge import judged
from scoring.drift.window import Windows, windows

SQL = Path(__file__).parents[1] / "sql"
Query = Callable[[str, Sequence[object]], Sequence[tuple[Any, ...]]]
CODES: dict[Word, int] = {"not changed": 0, "changed": 1, "could not tell": 3}
READ = 50_000
"""So many calls have the opening of their text read for the language."""
PROBED = timedelta(days=400)
"""How far back the nights of fixed probes are read."""
NOTABLE = 0.01
"""The part of a call's cost that a price must make up to have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    since: str = "7d"
    against: str = "28d"
    target: str = ""
    workflow: str = ""
    probes: str = ""
    """What the probes' run, archive or sha256 begins with."""
    now: datetime | None = None
    """The end; without it the latest live call."""


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    answer: Word
    windows: Windows | None
    """None: there is no live call."""
    findings: tuple[Finding, ...]
    splits: tuple[Split, ...] = ()
    """Why a call costs what it costs, per target."""

    @property
    def code(self) -> int:
        """0 not changed, 1 changed, 3 could not tell."""
        return CODES[self.answer]

    @property
    def to_gate(self) -> tuple[tuple[str, str], ...]:
        """(target, workflow) of what changed, in order; an empty one stands for all, and then the single ones are not named."""
        cells = {(each.target, each.workflow) for each in self.findings if each.answer == "changed"}
        return tuple(sorted(cell for cell in cells if not cells & (_wider(cell) - {cell})))


def drift(query: Query, wanted: Wanted = EVERYTHING) -> Drift:
    """Raises Wrong for windows that are none."""
    ((_, latest, calls),) = query(_sql("span"), [])
    end = naive(wanted.now) if wanted.now else latest
    if end is None:
        nothing = Finding(matter="calls", side="either", answer="could not tell", what="the store has no live call")
        return Drift(answer="could not tell", windows=None, findings=(nothing,))
    span = windows(wanted.since, wanted.against, end)
    look = _Look(query, span, wanted, max(calls // READ, 1))
    bills = tuple(each for each in splits(look.rows("cost")) if wanted.target in ("", each.target))
    found = (*look.events(), *look.probes(), *look.statistics(), *map(_price, bills))
    kept = _explained(tuple(each for each in found if _about(wanted, each)))
    return Drift(answer=together(kept), windows=span, findings=kept, splits=bills)


@dataclass(frozen=True, slots=True)
class _Look:
    query: Query
    span: Windows
    wanted: Wanted
    every: int
    """One call in so many has its language guessed."""

    def rows(self, matter: str, *more: object) -> Sequence[tuple[Any, ...]]:
        return self.query(_sql(matter), [self.span.start, self.span.turn, self.span.end, *more])

    def events(self) -> list[Finding]:
        found = served.findings(self.rows("served")) + served.announced(self.rows("announced"))
        return found + prompts.findings(self.rows("prompts"), self.texts)

    def probes(self) -> list[Finding]:
        rows = self.query(_sql("nights"), [self.span.end - PROBED, self.span.end, self.wanted.probes])
        return probes.findings(rows, self.span)

    def statistics(self) -> list[Finding]:
        """Every question counts, whether it is shown or not."""
        found = answers.questions(self.rows("answers", self.span.slot_s))
        found += inputs.questions(self.rows("inputs", self.span.slot_s, self.every))
        asked = [each for each in found if self._wants(each.target, each.workflow)]
        return [judged(each, self.span, len(asked)) for each in asked]

    def texts(self, hashes: Sequence[str]) -> Mapping[str, str]:
        return {name: text for name, text in self.query(_sql("prefixes"), [list(hashes)])}

    def _wants(self, target: str, workflow: str) -> bool:
        mine = self.wanted.target in ("", target) and self.wanted.workflow in ("", workflow)
        return mine or not (target or workflow)


def _explained(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Where answers changed and what was asked changed too, the one may be the other's doing: said beside it."""

    def ours(changed: Finding) -> str:
        near = {"", changed.workflow}
        matters = {each.matter for each in found if each.side == "ours" and each.answer == "changed" and each.workflow in near}
        return f"; changed too: {', '.join(sorted(matters))}" if matters else ""

    return tuple(
        replace(each, what=each.what + ours(each)) if each.side == "either" and each.answer == "changed" else each for each in found
    )


def _about(wanted: Wanted, found: Finding) -> bool:
    """What concerns all targets (workflows) concerns the one that was asked for."""
    return (not found.target or wanted.target in ("", found.target)) and (not found.workflow or wanted.workflow in ("", found.workflow))


def _wider(cell: tuple[str, str]) -> set[tuple[str, str]]:
    target, workflow = cell
    return {(target, ""), ("", workflow), ("", "")}


def _price(split: Split) -> Finding:
    usd = dict(split.parts)["price"]
    part = round(usd / split.before_usd, 6) + 0.0 if split.before_usd else 0.0
    dates = f"; price lists {', '.join(split.price_dates)}" if split.price_dates else ""
    said = f"{100 * part:+.1f} % of a call's cost ({split.calls_before:,} and {split.calls_after:,} priced calls){dates}"
    few = min(split.calls_before, split.calls_after) < FEWEST
    word: Word = "could not tell" if few or not split.rates_known else "changed" if abs(part) >= NOTABLE else "not changed"
    what = said + (f"; it takes {FEWEST} of each" if few else "" if split.rates_known else "; the calls do not tell the rates apart")
    return Finding(
        matter="price", side="vendor", answer=word, what=what, target=split.target, n_before=split.calls_before, n_after=split.calls_after,
        before=split.before_usd, after=split.after_usd,
    )  # fmt: skip


def _sql(matter: str) -> str:
    return (SQL / f"drift_{matter}.sql").read_text("utf-8")

"""The first look at pairs: counts, latency, refusals, spend, and differences that come with their intervals.

Law: a difference never stands without its n and its interval, and what is unknown is counted as unknown, never as zero. These are looks,
not verdicts: there is no margin here. Each difference counts pairs in which the candidate is worse, same or better, and its interval
(95 %, `stats/portfolio.py`) holds however often one looks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from scoring.stats.portfolio import Interval, Ternary, confidence_sequence

SQL = (Path(__file__).parent / "sql" / "first_table.sql").read_text("utf-8")
Query = Callable[[str], Sequence[tuple[object, ...]]]
"""Runs one SELECT and returns its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side's figures over a target's pairs."""

    p50_s: float | None
    p95_s: float | None
    refused: int
    truncated: int
    failed: int
    """Failure class loud or silent."""
    usd: float | None
    """Sum over priced answers; None when none is priced."""
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    name: str
    counts: Ternary
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    target: str
    role: str
    pairs: int
    incumbent: Side
    candidate: Side
    differences: tuple[Difference, ...]


def looks(query: Query) -> list[Look]:
    """One look per target and role, over the live pairs."""
    return [_look(list(row)) for row in query(SQL)]


def _look(row: list[object]) -> Look:
    target, role, pairs, *rest = row
    counts = [int(str(value)) for value in rest[14:]]
    names = ("answers", "no refusal", "no failure", "latency")
    ternaries = [Ternary(worse=counts[at], same=counts[at + 1], better=counts[at + 2]) for at in range(0, len(counts), 3)]
    return Look(
        target=str(target),
        role=str(role),
        pairs=int(str(pairs)),
        incumbent=_side(rest[0:14:2]),
        candidate=_side(rest[1:14:2]),
        differences=tuple(
            Difference(name=name, counts=each, interval=confidence_sequence(each)) for name, each in zip(names, ternaries, strict=True)
        ),
    )


def _side(values: list[object]) -> Side:
    p50, p95, refused, truncated, failed, usd, unpriced = values
    return Side(
        p50_s=_number(p50),
        p95_s=_number(p95),
        refused=int(str(refused)),
        truncated=int(str(truncated)),
        failed=int(str(failed)),
        usd=_number(usd),
        unpriced=int(str(unpriced)),
    )


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def rendered(found: Sequence[Look]) -> RenderableType:
    """Two tables for a terminal: what each side did, and how they differ."""
    sides = _table("what each side did, over its pairs", ("", "pairs", "p50", "p95", "refused", "truncated", "failed", "USD"))
    title = "difference to the incumbent: share better minus share worse, 95 % interval"
    differences = _table(title, ("", "in", "worse", "same", "better", "difference", "interval", "so far"))
    for look in found:
        sides.add_row(f"beside {look.target}: the incumbent", str(look.pairs), *_cells(look.incumbent))
        sides.add_row(f"{look.target} ({look.role})", str(look.pairs), *_cells(look.candidate), end_section=True)
        for number, each in enumerate(look.differences):
            differences.add_row("" if number else f"{look.target} ({look.role})", each.name, *_difference_cells(each))
        differences.add_section()
    return Group(sides, differences)


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, justify="left" if name in ("", "in", "so far") else "right", no_wrap=True)
    return table


def _cells(side: Side) -> list[str]:
    usd = "unknown" if side.usd is None else f"{side.usd:.4f}" + (f" + {side.unpriced} unpriced" if side.unpriced else "")
    return [_seconds(side.p50_s), _seconds(side.p95_s), str(side.refused), str(side.truncated), str(side.failed), usd]


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} s"


def _difference_cells(each: Difference) -> list[str]:
    counts, interval = each.counts, each.interval
    mean = "unknown" if counts.mean is None else f"{100 * counts.mean:+.1f} pp"
    word = "worse" if interval.high < 0 else "better" if interval.low > 0 else "not known yet"
    span = f"{100 * interval.low:+.1f} … {100 * interval.high:+.1f}"
    return [str(counts.worse), str(counts.same), str(counts.better), mean, span, word]

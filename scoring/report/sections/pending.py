"""Of the council: what must be decided: rollouts under way, verdicts that wait, budgets, test sets that grew old.

Law: only what is in the store and the configuration; a day's spend stands beside its limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from proxy.config import Config
from scoring.cells import Verdicts
from scoring.report import figures
from scoring.report.asking import Asking, Row
from scoring.report.document import Answer, Section, Table, Value
from scoring.report.standing import Standing, why

STALE_DAYS = 30
NEAR = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    answer: Answer
    tables: tuple[Table, ...]


def waiting(asking: Asking, config: Config, found: Verdicts, stands: Sequence[Standing], as_of: datetime) -> Waiting:
    rollouts, spend, archives = asking.rows("rollouts"), asking.rows("spend"), asking.rows("archives")
    old = [row for row in archives if (as_of - row["last_at"]).days >= STALE_DAYS]
    under_way = [row for row in rollouts if row["state"] in ("running", "paused", "finished")]
    told = [f"Rollout {row['rollout']}: {row['state']}, {_percent(row['share'])} of {row['route']} to {row['target']}" for row in under_way]
    told += [f"{each.target} in {each.workflow}: {each.word}" for each in stands if each.word == "safe"]
    told += [f"{each.target} in {each.workflow}: still open, {why(each)}" for each in stands if each.word == "not known yet"][:3]
    told += [text for row in spend if (text := _tight(config, row))]
    told += [f"{row['source']} was last replayed {figures.moment(row['last_at'])}: refresh it?" for row in old]
    answer = Answer("Is a decision pending?", f"Yes, {len(told)}." if told else "No.", tuple(told), "open" if told else "good")
    del found
    return Waiting(answer=answer, tables=(_rollouts(rollouts), _budgets(config, spend), _archives(archives, as_of)))


def section(found: Waiting) -> Section:
    return Section("pending", "Decisions pending", found.tables)


def _percent(share: float | None) -> str:
    return figures.UNKNOWN if share is None else figures.share(share, 0)


def _tight(config: Config, row: Row) -> str:
    limit = _limit(config, row["target"])
    if not limit or not row["newest_day_usd"] or row["newest_day_usd"] < NEAR * limit:
        return ""
    return f"Budget of {row['target']}: {figures.usd(row['newest_day_usd'])} of {figures.usd(limit)} on the newest day"


def _limit(config: Config, target: str) -> float | None:
    own = config.targets.get(target)
    return own.budget_usd_per_day if own else None


def _rollouts(rows: Sequence[Row]) -> Table:
    found = tuple(
        (
            Value(str(row["rollout"])),
            Value(str(row["route"])),
            Value(str(row["target"])),
            figures.words(row["state"]),
            figures.words(row["reason"] or "—"),
            figures.words(row["actor"]),
            Value(_percent(row["share"])),
            Value(figures.moment(row["happened_at"])),
        )
        for row in rows
    )
    columns = ("rollout", "route", "candidate", "state", "reason", "by", "share", "since")
    return Table(caption="Rollouts", columns=columns, words=6, rows=found, statistics=("rollouts",), empty="No rollout was ever started.")


def _budgets(config: Config, rows: Sequence[Row]) -> Table:
    found = tuple(
        (
            Value(str(row["target"])),
            figures.money(row["newest_day_usd"]),
            Value(figures.usd(_limit(config, row["target"])) if _limit(config, row["target"]) is not None else "not stated"),
            figures.money(row["usd"]),
            figures.of(row["priced"], row["answers"]),
        )
        for row in rows
    )
    columns = ("target", "newest day", "a day's limit", "this window", "answers with a price")
    return Table(caption="What mirrored calls cost", columns=columns, rows=found, statistics=("spend",), empty="No call was mirrored.")


def _archives(rows: Sequence[Row], as_of: datetime) -> Table:
    found = tuple(
        (
            Value(str(row["source"])),
            Value(str(row["sha256"])),
            figures.count(row["runs"]),
            Value(f"{max((as_of - row['last_at']).days, 0)} days"),
        )
        for row in rows
    )
    columns = ("archive", "sha256", "runs", "last replayed before")
    return Table(caption="Test sets", columns=columns, words=2, rows=found, statistics=("archives",), empty="No archive was replayed.")

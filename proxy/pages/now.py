"""What the first page says beside the rollouts: is it well, what passes, what is mirrored and why not, what it costs. Pure.

Law: figures are those of `/api/status`, since the recorder's start; what is not there yet is said to be missing.
"""

from dataclasses import dataclass
from typing import Any

from proxy.health import Health
from proxy.pages.words import count, duration, exactly, percent, usd

REASONS_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One target in one role."""

    target: str
    role: str
    total: str
    outcomes: tuple[tuple[str, str, str], ...]
    """(outcome, count, share of the total), most frequent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    target: str
    share: float | None
    """Of its legs that were mirrored."""
    words: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    ready: bool
    reasons: tuple[str, ...]
    known: bool
    """Whether there are figures yet."""
    since: str
    calls: str
    pairs: str
    answers: tuple[Answers, ...]
    mirror: tuple[Mirror, ...]
    spend: tuple[tuple[str, str, str], ...]
    """(target, role, dollars)."""
    journal: str
    processes: tuple[tuple[str, str, str], ...]
    """(process, calls under way, last sign of life)."""


def now(health: Health, status: dict[str, Any]) -> Now:
    journal = status.get("journal")
    return Now(
        ready=health.ready, reasons=health.reasons, known=bool(status), since=exactly(float(status.get("since", 0.0))),
        calls=count(status.get("calls")), pairs=count(status.get("pairs")), answers=_answers(status.get("exchanges", [])),
        mirror=_mirror(status), spend=tuple((row["target"], row["role"], usd(row["usd"])) for row in status.get("spend", [])),
        journal=_journal(journal) if journal else "",
        processes=tuple(
            (name, count(each["in_flight"]), f"{duration(max(each['seconds_since_beat'], 0.0))} ago")
            for name, each in status.get("processes", {}).items()
        ),
    )  # fmt: skip


def _answers(rows: list[dict[str, Any]]) -> tuple[Answers, ...]:
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for row in rows:
        found.setdefault((row["role"], row["target"]), []).append((row["outcome"], row["count"]))
    order = {"incumbent": 0, "candidate": 1, "repeat": 2}
    return tuple(
        Answers(target=target, role=role, total=count(total := sum(each for _, each in outcomes)), outcomes=_outcomes(outcomes, total))
        for (role, target), outcomes in sorted(found.items(), key=lambda item: (order.get(item[0][0], 9), item[0][1]))
    )


def _outcomes(outcomes: list[tuple[str, int]], total: int) -> tuple[tuple[str, str, str], ...]:
    ranked = sorted(outcomes, key=lambda each: -each[1])
    return tuple((name.replace("_", " "), count(number), percent(number / total)) for name, number in ranked)


def _mirror(status: dict[str, Any]) -> tuple[Mirror, ...]:
    decisions = status.get("decisions", {})
    return tuple(
        Mirror(
            target=target,
            share=each["mirrored"] / each["legs"] if each["legs"] else None,
            words=_mirrored(each),
            reasons=tuple(row["words"] for row in decisions.get(target, []) if row["decision"] not in ("sent", "served"))[:REASONS_SHOWN],
        )
        for target, each in status.get("coverage", {}).get("targets", {}).items()
    )


def _mirrored(each: dict[str, Any]) -> str:
    share = percent(each["mirrored"] / each["legs"]) if each["legs"] else "none"
    return f"{share} mirrored: {count(each['mirrored'])} of {count(each['legs'])} calls"


def _journal(journal: dict[str, Any]) -> str:
    held = f"{journal['bytes'] / 1e6:,.1f} of {journal['max_bytes'] / 1e6:,.0f} MB"
    lost = f"{count(journal['lost'])} events or bodies lost" if journal["lost"] else "nothing lost"
    return f"The journal is {duration(journal['lag_s'])} ahead of the store and holds {held}; {lost}."

"""Which kinds of calls there are, and how much of four weeks' traffic those make that the candidate has answered.

Law: a kind is workflow × length of the prompt × hour of the week (UTC). Only calls that a draw could give to the candidate weigh: what can
only be the incumbent's is in no share of it. Weights that are not known are None, and who waits for coverage goes on waiting.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from proxy.exchange import Call
from scoring.queries import Query, sql

LENGTHS = (1_000, 10_000, 50_000, 200_000)
"""Characters; the last kind has no end. As in `guard_weights.sql`."""
WEEKS = 4
Stratum = tuple[str, int, int]
"""Workflow, length, hour of the week (0: Monday, midnight UTC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    calls: Mapping[Stratum, int]
    days: float
    """Between the oldest and the newest of them."""

    def covered(self, seen: Collection[Stratum]) -> float | None:
        """The part of the calls whose kind was seen; None without calls."""
        total = sum(self.calls.values())
        return sum(count for stratum, count in self.calls.items() if stratum in seen) / total if total else None


def stratum_of(call: Call) -> Stratum:
    at = call.arrived_at.astimezone(UTC)
    return call.workflow, sum((call.input_chars or 0) >= edge for edge in LENGTHS), at.weekday() * 24 + at.hour


def weights(query: Query, route: str, now: datetime) -> Weights:
    """Of the route's calls of four weeks, out of the store."""
    rows = query(sql("guard_weights"), [route, now.astimezone(UTC).replace(tzinfo=None)])
    found = {(str(workflow), int(length), int(hour)): int(calls) for workflow, length, hour, calls, _, _ in rows}
    days = (max(row[5] for row in rows) - min(row[4] for row in rows)).total_seconds() / 86_400 if rows else 0.0
    return Weights(calls=found, days=days)

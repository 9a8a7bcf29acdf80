"""What the last hour brought, minute by minute: pairs and dollars, from which it follows how long and how dear the rest will be.

Law: 60 minutes are kept and nothing else; an answer without a known cost counts as the mean of those that have one, and where fewer than
half of them do, nobody knows the dollars.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from scoring.guard.facts import Fact

MINUTES, KEPT_IDS = 60, 10


@dataclass(slots=True)
class Minute:
    number: int
    pairs: int = 0
    usd: float = 0.0
    """Of the candidate's answers and of the incumbent's that nobody saw."""
    known: int = 0
    """Those whose cost is known."""
    unknown: int = 0


@dataclass(slots=True)
class Recent:
    minutes: deque[Minute] = field(default_factory=lambda: deque[Minute](maxlen=MINUTES))
    answered: deque[str] = field(default_factory=lambda: deque[str](maxlen=KEPT_IDS))
    """Calls the candidate was drawn for, the last ones."""
    first_s: float | None = None

    def take(self, fact: Fact) -> None:
        if fact.leg in ("incumbent", "stayed", "fallback"):
            return
        minute = self._minute(fact.ended_s)
        if fact.leg == "candidate":
            self.answered.append(fact.call_id)
        if fact.cost_usd is None:
            minute.unknown += not (fact.errored or fact.gone)
        else:
            minute.known += 1
            minute.usd += fact.cost_usd

    def pair(self, at_s: float) -> None:
        self._minute(at_s).pairs += 1

    def per_hour(self, now_s: float) -> tuple[float, float | None] | None:
        """Pairs and dollars, None where they are not known; None: nothing came in the last hour."""
        since = int(now_s // 60) - MINUTES
        minutes = [each for each in self.minutes if each.number > since]
        if self.first_s is None or not minutes:
            return None
        hours = min(max(now_s - self.first_s, 60.0), 3600.0) / 3600.0
        return sum(each.pairs for each in minutes) / hours, _dollars(minutes, hours)

    def _minute(self, at_s: float) -> Minute:
        """A fact that is late belongs to the newest minute."""
        self.first_s = at_s if self.first_s is None else self.first_s
        number = int(at_s // 60)
        if not self.minutes or number > self.minutes[-1].number:
            self.minutes.append(Minute(number))
        return self.minutes[-1]


def _dollars(minutes: Sequence[Minute], hours: float) -> float | None:
    known, unknown = sum(each.known for each in minutes), sum(each.unknown for each in minutes)
    if unknown > known:
        return None
    return sum(each.usd for each in minutes) / hours * (known + unknown) / max(known, 1)

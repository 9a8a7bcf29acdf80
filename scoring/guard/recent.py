"""What the last hour brought, minute by minute: pairs and dollars, from which it follows how long and how dear the rest will be.

Law: 60 minutes are kept and nothing else; a cost that is not known is none, and who reads it is told how many those are.
"""

from collections import deque
from dataclasses import dataclass, field

from scoring.guard.facts import Fact

MINUTES, KEPT_IDS = 60, 10


@dataclass(slots=True)
class Minute:
    number: int
    pairs: int = 0
    usd: float = 0.0
    """Of the candidate's answers and of the incumbent's that nobody saw."""
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
            minute.unknown += not fact.errored
        else:
            minute.usd += fact.cost_usd

    def pair(self, at_s: float) -> None:
        self._minute(at_s).pairs += 1

    def per_hour(self, now_s: float) -> tuple[float, float] | None:
        """Pairs and dollars; None: nothing came in the last hour."""
        since = int(now_s // 60) - MINUTES
        minutes = [each for each in self.minutes if each.number > since]
        if self.first_s is None or not minutes:
            return None
        hours = min(max(now_s - self.first_s, 60.0), 3600.0) / 3600.0
        return sum(each.pairs for each in minutes) / hours, sum(each.usd for each in minutes) / hours

    def _minute(self, at_s: float) -> Minute:
        """A fact that is late belongs to the newest minute."""
        self.first_s = at_s if self.first_s is None else self.first_s
        number = int(at_s // 60)
        if not self.minutes or number > self.minutes[-1].number:
            self.minutes.append(Minute(number))
        return self.minutes[-1]

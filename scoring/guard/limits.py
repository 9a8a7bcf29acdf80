"""The absolute limits of a rollout: what a candidate may be in the last `limit_window_s`, whatever the incumbent is.

Law: the window reaches back until it has `limit_min_calls` answers, for a canary of one in a hundred has few. A limit is broken when the
figure of that window lies above it and that is more than chance: of 20 answers with 1 % errors two are wrong every sixtieth time, which
no limit of 5 % meant. Support comes from `sustained.py`: of a candidate exactly at its limit one false word in a million answers at most. A
p95 is above its limit when more than 5 % of the answers are; a mean cost is judged with each answer's cost counted as four limits at most.
"""

from collections import deque
from collections.abc import Mapping, Sequence

from proxy.config import Limits, Rollout
from proxy.rollout.report import Limit
from scoring.guard.facts import Fact, commonest
from scoring.guard.sliding import LIMITS, Sliding, value_of
from scoring.guard.sustained import Sustained

SLOW_SHARE = 0.05
"""Of answers, above a p95."""
DEAREST = 4.0
"""Limits that one answer's cost counts as at most."""
KEPT_IDS, KEPT_REASONS = 10, 50


def scaled(name: str, value: float, limit: float) -> float:
    """An answer's value as one in [0, 1]; its mean at the limit is `mean_at`."""
    if "p95" in name:
        return float(value > limit)
    return min(value / limit, DEAREST) / DEAREST if name == "usd_per_call" else value


def mean_at(name: str, limit: float) -> float:
    return SLOW_SHARE if "p95" in name else 1 / DEAREST if name == "usd_per_call" else limit


class Part:
    """All calls, or one segment's."""

    def __init__(self, segment: str, limits: Limits):
        found = {name: value for name in LIMITS if (value := getattr(limits, name)) is not None}
        self.segment, self.limits, self.names = segment, found, tuple(found)
        self.candidate, self.incumbent = Sliding(self.names), Sliding(self.names)
        self.sustained = {name: Sustained(mean_at(name, limit)) for name, limit in found.items()}
        self.ids = {name: deque[str](maxlen=KEPT_IDS) for name in found}
        self.reasons = {name: deque[str](maxlen=KEPT_REASONS) for name in found}

    def take(self, fact: Fact) -> None:
        if fact.leg == "incumbent":
            return self.incumbent.add(fact)
        self.candidate.add(fact)
        for name, limit in self.limits.items():
            value = value_of(name, fact)
            if value is None:
                continue
            self.sustained[name].step(scaled(name, value, limit))
            if value > limit:
                self.ids[name].append(fact.call_id)
                self.reasons[name].append(fact.reason)

    def read(self, fewest: int, now_s: float) -> list[Limit]:
        over_s = now_s - (self.candidate.since_s() or now_s)
        return [self._read(name, limit, fewest, over_s) for name, limit in self.limits.items()]

    def _read(self, name: str, limit: float, fewest: int, over_s: float) -> Limit:
        value, calls = self.candidate.figure(name)
        known = value if calls >= fewest else None
        broken = known is not None and known > limit and self.sustained[name].evidence >= 1.0
        return Limit(
            name=name, segment=self.segment, value=known, limit=limit, calls=calls, incumbent=self.incumbent.figure(name)[0], broken=broken,
            over_s=over_s, mostly=commonest(self.reasons[name]) if known is not None and known > limit else "",
        )  # fmt: skip


class Windows:
    """Every limit of a rollout."""

    def __init__(self, rollout: Rollout):
        self.rollout = rollout
        segments = {each.name: Part(each.name, each.limits) for each in rollout.segments}
        self.parts: Mapping[str, Part] = {"": Part("", rollout.limits), **segments}
        self.answers_s = float("-inf")
        """When the candidate's newest answer ended."""

    def take(self, fact: Fact) -> None:
        """An answer of the candidate, or one of the incumbent's that a client saw and a draw left there."""
        if fact.leg == "candidate":
            self.answers_s = max(self.answers_s, fact.ended_s)
        for name in ("", *fact.segments):
            self.parts[name].take(fact)

    def read(self, now_s: float) -> Sequence[Limit]:
        before, fewest, found = now_s - self.rollout.limit_window_s, self.rollout.limit_min_calls, list[Limit]()
        for part in self.parts.values():
            part.candidate.expire(before, fewest)
            part.incumbent.expire(before, fewest)
            found += part.read(fewest, now_s)
        return found

    def ids(self, limit: Limit) -> tuple[str, ...]:
        """Answers above it, newest first."""
        return tuple(reversed(self.parts[limit.segment].ids[limit.name]))

"""What follows from what is seen: take it back, let it go on, or neither. Pure.

Law: one limit that is broken or one test that fired is enough to take a candidate back while it takes calls; it goes on only when there is
neither and nothing is left to wait for. What a person finished is a person's word: the guard tells and does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.config import Rollout
from proxy.rollout.report import Limit, Test, Wait
from proxy.rollout.state import State, next_step
from scoring.guard.words import limit_words, test_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Take it back, and why."""

    why: str
    limit: Limit | None = None
    test: Test | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """The next step."""

    why: str


def decision(
    state: State, rollout: Rollout, limits: Sequence[Limit], tests: Sequence[Test], waits: Sequence[Wait]
) -> Against | Onward | None:
    if state.takes <= 0.0 or state.state == "finished":
        return None
    found = against(limits, tests, rollout.limit_window_s)
    if found is not None:
        return found
    if state.state == "running" and rollout.auto_promote and not waits and next_step(rollout, state.share) is not None:
        return Onward(why="nothing is left to wait for")
    return None


def against(limits: Sequence[Limit], tests: Sequence[Test], window_s: float) -> Against | None:
    """The first limit that is broken, else the test with most evidence beyond what it needed; further ones are named."""
    broken = [each for each in limits if each.broken]
    fired = sorted((each for each in tests if each.fired), key=lambda each: each.evidence / each.needed, reverse=True)
    words = [*(limit_words(each, window_s) for each in broken), *map(test_words, fired)]
    if not words:
        return None
    why = "; ".join(words[:3]) + (f"; and {len(words) - 3} more" if len(words) > 3 else "")
    return Against(why=why, limit=broken[0] if broken else None, test=fired[0] if fired and not broken else None)

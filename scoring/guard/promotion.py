"""What the next step still waits for. Pure.

Law: no data never promotes: each wait is over only when its figure is known and large enough. `leaning` is evidence against the candidate
at 5 %, far from taking it back: a step is not the answer to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.config import Rollout
from proxy.rollout.report import Limit, Test, Wait
from proxy.rollout.state import State, next_step
from scoring.guard.words import NAMES, span

LEANING, UNPAIRED = 20.0, 20
"""Evidence at 5 %; so many calls should have been asked of the incumbent too, and none was: that is no chance."""
TIMED, UNTIMED = ("bake", "hours", "pairs"), ("coverage", "finish")
"""What time brings, at a rate that is known; and what may take longer. Whatever else is waited for has to be mended first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What promotion looks at."""

    now_s: float
    pairs: int
    """Of this step, those that are evidence: one a conversation."""
    answer_age_s: float
    """Since the candidate's newest answer."""
    limits: Sequence[Limit]
    tests: Sequence[Test]
    coverage: float | None
    """None: not known yet."""
    closed: int = 0
    """The status by which the incumbent refuses the key of our unseen calls; 0: it does not."""
    lone: int = 0
    """Answers of the candidate in this step, where the incumbent was asked about none of them."""
    rebuilding: bool = False


def waits(state: State, rollout: Rollout, seen: Seen) -> list[Wait]:
    """Empty: it may go on. A rollout that is not running, or at its last step, waits for a person."""
    if state.state != "running":
        return []
    age_s = max(seen.now_s - state.step_us / 1e6, 0.0)
    found = [
        _wait("bake", age_s, rollout.bake_s, "s", f"{span(age_s)} of {span(rollout.bake_s)} of bake time"),
        _wait("pairs", seen.pairs, rollout.min_pairs, "pairs", f"{seen.pairs} of {rollout.min_pairs} pairs, one a conversation"),
    ]
    if rollout.auto_promote:
        hours = age_s / 3600
        found.append(_wait("hours", hours, rollout.min_hours, "h", f"{hours:.1f} of {rollout.min_hours:g} hours"))
        found += [_coverage(seen.coverage, rollout.coverage)] if rollout.coverage > 0 else []
    found += _doubts(rollout, seen)
    if next_step(rollout, state.share) is None:
        found.append(Wait(name="finish", have=0, need=1, unit="", words="a person: it is at its last step, finish it"))
    return [each for each in found if each.have is None or each.have < each.need]


def _doubts(rollout: Rollout, seen: Seen) -> list[Wait]:
    found: list[Wait] = []
    if seen.pairs < rollout.min_pairs and (words := _unpaired(rollout, seen)):
        found.append(Wait(name="unseen", have=0, need=1, unit="", words=words))
    if seen.answer_age_s > rollout.limit_window_s:
        words = f"an answer of the candidate in the last {span(rollout.limit_window_s)}: there is none"
        found.append(Wait(name="data", have=0, need=1, unit="answers", words=words))
    for limit in seen.limits:
        if limit.value is not None and limit.value > limit.limit:
            words = f"{NAMES.get(limit.name, limit.name)} below their limit"
            found.append(Wait(name=f"limit {limit.name}", have=0, need=1, unit="", words=words))
    for test in seen.tests:
        if test.evidence >= LEANING:
            words = f"{test.name} to stop leaning against the candidate (evidence {test.evidence:,.0f}, {LEANING:g} is too much)"
            found.append(Wait(name=f"test {test.name}", have=0, need=1, unit="", words=words))
    if seen.rebuilding:
        found.append(Wait(name="rebuilding", have=None, need=1, unit="", words="what was seen before a restart to be read from the store"))
    return found


def _unpaired(rollout: Rollout, seen: Seen) -> str:
    """Why no pairs come; empty: they do, or it is too early to say."""
    if seen.closed:
        mend = "mend its api_key_env and restart, or its api_key_file and SIGHUP"
        return f"a key that the incumbent takes: it answered {seen.closed} to an unseen call, so no pairs come; {mend}"
    if not rollout.reverse_shadow:
        return "unseen answers of the incumbent: reverse_shadow = 0 asks for none"
    if seen.lone * rollout.reverse_shadow < UNPAIRED:
        return ""
    return f"an unseen answer of the incumbent: none came to {seen.lone} calls of this step; /api/status says why by its decisions"


def _coverage(have: float | None, need: float) -> Wait:
    found = "unknown" if have is None else f"{100 * have:.0f} %"
    return _wait("coverage", have, need, "share", f"{found} of {100 * need:.0f} % of the kinds and hours of calls")


def _wait(name: str, have: float | None, need: float, unit: str, words: str) -> Wait:
    return Wait(name=name, have=have, need=need, unit=unit, words=words)


def hours_left(waits: Sequence[Wait], pairs_per_hour: float | None) -> float | None:
    """Of bake time, hours and pairs, at this rate. None: it cannot be said, as where something has to be mended first."""
    timed = [each for each in waits if each.name in TIMED]
    if (waits and not timed) or any(each.name not in (*TIMED, *UNTIMED) for each in waits):
        return None
    left = [0.0]
    for each in timed:
        if each.have is None:
            continue
        missing = each.need - each.have
        if each.name == "pairs":
            if not pairs_per_hour:
                return None
            missing /= pairs_per_hour
        left.append(missing / 3600 if each.name == "bake" else missing)
    return max(left)

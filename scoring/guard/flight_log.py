"""A rollout told like a flight log: where it stands, what is seen, what it waits for, what was decided. Pure.

Law: what the guard said is shown as it said it, and never without saying how long ago; a guard that is silent is the first line.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from proxy.rollout.report import Limit, Report, Test, Wait
from proxy.rollout.state import GUARD, Moment, State, percent
from scoring.guard.words import limit_words, span, test_words

FRESH_S, SHOWN, LOG_SHOWN = 10.0, 3, 12
AGAIN = "  the incumbent answers everything; once it is mended, `understudy rollout start {name}` begins again at the first step"
NONE = "nobody watches it: the incumbent answers everything"


def lines(report: Report | None, state: State, now_s: float, fresh_s: float = FRESH_S) -> list[str]:
    """The text of `rollout status`. `fresh_s`: the rollout's `guard_fresh_s`."""
    told = [f"{state.rollout}: route {state.route}, candidate {state.candidate}: {_stands(state, now_s)}"]
    told += [AGAIN.format(name=state.rollout)] if state.state == "rolled_back" else []
    told += [f"  {each}" for each in (*_silence(report, state, now_s, fresh_s), *(report.words if report is not None else ()))]
    if report is not None and report.version != state.version:
        told.append("  (the guard has not looked at the last change yet)")
    if state.log:
        told.append("log")
        told += [f"  {_moment(each)}" for each in state.log[-LOG_SHOWN:]]
    return told


def _silence(report: Report | None, state: State, now_s: float, fresh_s: float) -> list[str]:
    served = state.takes > 0.0 and state.state != "finished"
    if report is None:
        return [f"the guard has said nothing yet: {NONE}" if served else "the guard has said nothing yet"]
    age_s = now_s - report.at_us / 1e6
    if age_s < fresh_s:
        return []
    silent = f"the guard has said nothing for {span(age_s)}"
    return [f"{silent}: {NONE}" if served else silent, f"what follows is what it saw at {_at(report.at_us)}"]


def _stands(state: State, now_s: float) -> str:
    share = f" at {percent(state.share)}" if state.takes > 0.0 else ""
    since = f" for {span(now_s - state.step_us / 1e6)}" if state.step_us else ""
    return f"{state.state.replace('_', ' ')}{share}{since}" + (f", started {_at(state.started_us)}" if state.started_us else "")


def _moment(moment: Moment) -> str:
    to = f"{moment.state.replace('_', ' ')} {percent(moment.share)}"
    looked = f"; calls to look at (understudy pairs --call ID): {', '.join(moment.call_ids)}" if moment.call_ids else ""
    return f"{_at(moment.at_us)}  {moment.action} by {moment.actor}: {to}" + (f": {moment.why}" if moment.why else "") + looked


def words(
    report: Report, state: State, window_s: float, *, reasons: Mapping[str, Mapping[str, int]], unscored: int, auto: bool
) -> list[str]:
    """What the guard says: `Report.words`. `report` has the figures."""
    told = [_counts(report.calls, reasons)]
    if report.pairs or unscored:
        late = f", {unscored:,} without scores for want of time" if unscored else ""
        told.append(f"{report.pairs:,} pairs in this step, one a conversation{late}")
    told += [_limit(each, window_s) for each in report.limits]
    told += _tests(report.tests)
    if state.takes > 0.0:
        told += _onward(report, state, auto)
    return told


def _counts(calls: Mapping[str, int], reasons: Mapping[str, Mapping[str, int]]) -> str:
    if not sum(calls.values()):
        return "no call of it was seen since this step began"
    candidate, fallback, stayed = calls.get("candidate", 0), calls.get("fallback", 0), calls.get("stayed", 0)
    told = [f"of {candidate:,} calls drawn to the candidate the incumbent answered {fallback:,}" + _by(reasons.get("fallback", {}))]
    told.append(f"{calls.get('incumbent', 0):,} were drawn to the incumbent")
    told.append(f"{stayed:,} could only stay with it" + _by(reasons.get("stayed", {})))
    told.append(f"{calls.get('reverse', 0):,} answered by both")
    return "; ".join(told)


def _by(reasons: Mapping[str, int]) -> str:
    found = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return f" ({', '.join(f'{name} {count:,}' for name, count in found[:6])})" if found else ""


def _limit(limit: Limit, window_s: float) -> str:
    above = limit.value is not None and limit.value > limit.limit and not limit.broken
    mark = "BROKEN: " if limit.broken else ""
    return mark + limit_words(limit, window_s) + ("; above it, and not yet more than chance" if above else "")


def _tests(tests: Sequence[Test]) -> list[str]:
    """Those that say most, and how many say less."""
    ranked = sorted((each for each in tests if each.n), key=lambda each: each.evidence / each.needed, reverse=True)
    told = [("FIRED: " if each.fired else "") + test_words(each) for each in ranked[:SHOWN]]
    rest = len(ranked) - len(told)
    return [*told, f"{rest} more {'test has' if rest == 1 else 'tests have'} less evidence"] if rest > 0 else told


def _onward(report: Report, state: State, auto: bool) -> list[str]:
    if state.state == "finished":
        return ["a person made it the incumbent: the guard tells and does nothing; `understudy rollout rollback` takes it back"]
    if state.state == "paused":
        return ["paused: a person resumes it, promotes nobody until then"]
    told = [_wait(each) for each in report.waits]
    if not told:
        return ["nothing is left to wait for" + (": the guard takes the next step" if auto else ": promote it")]
    if report.hours_left is not None:
        dollars = "" if report.usd_left is None else f" and ${report.usd_left:,.2f}"
        told.append(f"about {span(report.hours_left * 3600)}{dollars} to the end of this step at the traffic of the last hour")
    return told


def _wait(wait: Wait) -> str:
    return f"waits for {wait.words}"


def looked_at(state: State) -> list[str]:
    """The calls of the guard's last word against the candidate."""
    told = [each.call_ids for each in state.log if each.call_ids and each.actor == GUARD]
    return told[-1] if told else []


def _at(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

"""How a rollout stands, for whoever asks: its state, the guard's last word and how old it is, what holds for the next call.

Law: reads two small files and needs no running process. What is said holds for the next call: a share that nobody guards is said to be
nobody's, and a state that cannot be read or is another configuration's is said to be lost.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from proxy.config import Config, Rollout
from proxy.rollout.report import Report, read_report
from proxy.rollout.state import GUARD, Moment, State, fresh, next_step
from proxy.rollout.state_file import beaten_s, files_of, holds, read

MOMENTS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    rollout: Rollout
    incumbent: str
    state: State
    report: Report | None = None
    beaten_s: float | None = None
    """Seconds since the guard's last word; None: it never said one."""
    lost: str = ""
    """Why what is on disk is not this state."""

    @property
    def watched(self) -> bool:
        """Whether a worker takes the guard's word for fresh."""
        return self.beaten_s is not None and abs(self.beaten_s) < self.rollout.guard_fresh_s

    @property
    def effective(self) -> float:
        """The share of the next calls that is the candidate's."""
        return self.state.takes if self.watched or self.state.state == "finished" else 0.0


def standing_of(config: Config, rollout: Rollout, now_s: float) -> Standing:
    files, route = files_of(config, rollout), next((each for each in config.routes if each.name == rollout.route), None)
    found, lost = read(files), ""
    if found is None:
        state, lost = fresh(config, rollout), "its state file cannot be read" if files.state.exists() else ""
    elif not holds(found, config, rollout):
        state, lost = fresh(config, rollout), f"its state file is of another configuration ({found.state} at {percent(found.share)} then)"
    else:
        state = found
    return Standing(
        rollout=rollout, incumbent=route.incumbent if route else "", state=state, report=read_report(files),
        beaten_s=beaten_s(files, now_s), lost=lost,
    )  # fmt: skip


def percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def guard_words(standing: Standing) -> str:
    """How long ago the guard spoke, and what follows from that."""
    age_s = standing.beaten_s
    if standing.watched:
        return f"guard spoke {max(age_s or 0.0, 0.0):.0f} s ago"
    silent = "guard has never spoken" if age_s is None else f"guard has said nothing for {age_s:.0f} s"
    return f"{silent}: the incumbent answers" if standing.state.state in ("running", "paused") else silent


def one_line(standing: Standing) -> str:
    """`small-canary: running at 5 % of main, gpt → small; guard spoke 1 s ago`."""
    state, rollout = standing.state, standing.rollout
    at = f" at {percent(state.share)} of" if state.takes > 0.0 else ", route"
    lost = f"; {standing.lost}" if standing.lost else ""
    return f"{rollout.name}: {state.state}{at} {rollout.route}, {standing.incumbent} → {rollout.candidate}; {guard_words(standing)}{lost}"


def plain_lines(standing: Standing) -> list[str]:
    """The flight log as far as the files alone tell it: the state, the guard's own words, what it waits for, the last changes."""
    state, report, after = standing.state, standing.report, next_step(standing.rollout, standing.state.share)
    lines = [one_line(standing)]
    if state.version:
        by = f"  {state.log[-1].action if state.log else state.state} by {state.actor} at {when(state.changed_us)}"
        lines.append(by + (f": {state.why}" if state.why else "") + f" (version {state.version})")
    if state.state in ("running", "paused"):
        lines.append(f"  next step: {percent(after)}" if after is not None else "  last step: finish it, or roll it back")
    lines += [f"  {word}" for word in (report.words if report is not None else [])]
    lines += [f"  waits for: {each}" for each in waits_of(standing)]
    lines += [f"  {moment_line(each)}" for each in state.log[-MOMENTS_SHOWN:]]
    return lines


def waits_of(standing: Standing) -> list[str]:
    """What promotion waits for by the guard's word on this very state; one line that says so where there is none."""
    report, state = standing.report, standing.state
    if state.state not in ("running", "paused"):
        return []
    if report is None or report.version != state.version:
        return ["the guard's first word on this step"]
    return [each.words for each in report.waits]


def moment_line(moment: Moment) -> str:
    why = f": {moment.why}" if moment.why else ""
    calls = f" (look at {', '.join(moment.call_ids)})" if moment.call_ids else ""
    who = "the guard" if moment.actor == GUARD else moment.actor
    return f"{when(moment.at_us)} {moment.action} → {moment.state} at {percent(moment.share)}, by {who}{why}{calls}"


def when(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def shown(standing: Standing) -> dict[str, Any]:
    """For machines."""
    rollout, state = standing.rollout, standing.state
    under_way = state.state in ("running", "paused")
    return {
        "rollout": rollout.name, "route": rollout.route, "incumbent": standing.incumbent, "candidate": rollout.candidate,
        "state": state.state, "share": state.share, "effective_share": standing.effective, "version": state.version,
        "next_step": next_step(rollout, state.share) if under_way else None, "steps": rollout.steps, "auto_promote": rollout.auto_promote,
        "changed_us": state.changed_us or None, "actor": state.actor, "why": state.why,
        "guard_age_s": None if standing.beaten_s is None else round(standing.beaten_s, 3), "watched": standing.watched,
        "waits_for": waits_of(standing), "lost": standing.lost, "log": msgspec.to_builtins(state.log),
        "report": msgspec.to_builtins(standing.report) if standing.report is not None else None,
    }  # fmt: skip


def brief(standing: Standing) -> dict[str, Any]:
    """For the status page: one row."""
    keys = ("rollout", "route", "candidate", "state", "share", "effective_share", "guard_age_s")
    return {key: value for key, value in shown(standing).items() if key in keys}

"""How a rollout stands, for whoever asks: its state, the guard's last word and how old it is, what holds for the next call.

Law: reads two small files and needs no running process. What is said holds for the next call: a share that nobody guards is said to be
nobody's, and a state that cannot be read or is another configuration's is said to be lost.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from proxy.config import Config, Rollout
from proxy.rollout.report import Report, read_report
from proxy.rollout.state import State, fresh, next_step, percent
from proxy.rollout.state_file import beaten_s, files_of, holds, read


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
    stands = state.state.replace("_", " ")
    told = guard_words(standing) if state.takes > 0.0 else f"{standing.incumbent} answers everything"
    lost = f"; {standing.lost}" if standing.lost else ""
    return f"{rollout.name}: {stands}{at} {rollout.route}, {standing.incumbent} → {rollout.candidate}; {told}{lost}"


def waits_of(standing: Standing) -> list[str]:
    """What promotion waits for by the guard's word on this very state; one line that says so where there is none."""
    report, state = standing.report, standing.state
    if state.state not in ("running", "paused"):
        return []
    if report is None or report.version != state.version:
        return ["the guard's first word on this step"]
    return [each.words for each in report.waits]


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

"""Where a rollout stands, and what may follow what. Pure.

Law: a share above 0 is only ever the word of somebody who is named; each change has a version, and who decided on an older one is refused.
`paused` holds the share and promotes nobody, `rolled_back` and `idle` take no call, `finished` is a candidate that a person made the
incumbent: it takes all calls and needs no guard. A rollback is allowed from everywhere.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

import msgspec

from proxy.config import Config, Rollout

StateName = Literal["idle", "running", "paused", "rolled_back", "finished"]
Action = Literal["start", "promote", "pause", "resume", "rollback", "finish"]
ACTIONS: tuple[Action, ...] = ("start", "promote", "pause", "resume", "rollback", "finish")
STATES: tuple[StateName, ...] = ("idle", "running", "paused", "rolled_back", "finished")
GUARD = "guard"
"""The actor that is no person."""
LOG_KEPT = 50
TOLD_MAX = 2000
"""Characters of a reason."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One change, as the flight log shows it."""

    at_us: int
    action: str
    state: StateName
    share: float
    actor: str
    why: str = ""
    call_ids: list[str] = []
    """Calls to look at."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout's state; what the state file holds. Times in µs since the epoch, UTC."""

    rollout: str
    route: str
    candidate: str
    variant: str = ""
    """Hash of what the candidate and the incumbent are in the configuration: a state holds for these two and no others."""
    version: int = 0
    state: StateName = "idle"
    share: float = 0.0
    started_us: int = 0
    starts: int = 0
    """How often it was started, whatever the candidate was; each start draws anew. A number and no time: two machines that were told the
    same agree. 0: of a state from before it was counted."""
    step_us: int = 0
    """Since when the share is what it is: bake time and evidence of a step count from here."""
    changed_us: int = 0
    actor: str = ""
    why: str = ""
    log: list[Moment] = []
    """The last changes, oldest first."""

    @property
    def takes(self) -> float:
        """The share of calls that the candidate answers, if the guard says nothing against it."""
        return self.share if self.state in ("running", "paused", "finished") else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A change that somebody asks for."""

    action: Action
    actor: str
    why: str = ""
    share: float | None = None
    """Of `start`: another than the first step; of `promote`: another than the next one."""
    version: int | None = None
    """Of the state that was decided on; None: whatever it is now."""
    call_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a change is not made, in words for whoever asked."""

    found: str
    expected: str


def percent(share: float) -> str:
    """A rollout's share as people read it: `0.5 %`."""
    return f"{100 * share:.4g} %"


def variant_of(config: Config, rollout: Rollout) -> str:
    """What was tried: other targets, or the same names with other models behind them, are another rollout."""
    route = next((route for route in config.routes if route.name == rollout.route), None)
    targets = [config.targets.get(name) for name in (rollout.candidate, route.incumbent if route else "")]
    keys = ("url", "drop_path", "model", "set", "drop", "system_file", "user_template")
    shape = [target and [getattr(target, key) for key in keys] for target in targets]
    return hashlib.sha256(msgspec.json.encode([rollout.route, rollout.candidate, shape], order="sorted")).hexdigest()[:16]


def fresh(config: Config, rollout: Rollout, starts: int = 0) -> State:
    """The state of a rollout that was never started, or whose state was lost. `starts`: of one with the same name that was another."""
    return State(rollout=rollout.name, route=rollout.route, candidate=rollout.candidate, variant=variant_of(config, rollout), starts=starts)


def next_step(rollout: Rollout, share: float) -> float | None:
    """The step after this share; None after the last."""
    return next((step for step in rollout.steps if step > share + 1e-9), None)


def after(state: State, asked: Asked, rollout: Rollout, now_us: int) -> State | Refused:
    """The state once the change is made; the same one where it is made already."""
    if asked.version is not None and asked.version != state.version:
        return Refused(
            f"version {state.version} of the state, by {state.actor or 'nobody'}", f"version {asked.version}, which was decided on"
        )
    made = _TABLE[asked.action](state, asked, rollout)
    if isinstance(made, Refused) or made is state:
        return made
    share_moved = made.takes != state.takes
    why, actor = one_line(asked.why)[:TOLD_MAX], one_line(asked.actor)
    moment = Moment(
        at_us=now_us, action=asked.action, state=made.state, share=made.share, actor=actor, why=why, call_ids=list(asked.call_ids)
    )
    starts = asked.action == "start"
    return msgspec.structs.replace(
        made, version=max(state.version + 1, now_us), changed_us=now_us, actor=actor, why=why, starts=state.starts + starts,
        started_us=now_us if starts else state.started_us, step_us=now_us if share_moved else state.step_us,
        log=[*state.log, moment][-LOG_KEPT:],
    )  # fmt: skip


def one_line(text: str) -> str:
    """What somebody wrote, as a terminal may print it: no line of its own, and nothing that a terminal obeys."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _start(state: State, asked: Asked, rollout: Rollout) -> State | Refused:
    if state.state in ("running", "paused"):
        return Refused(f"{state.state} at {percent(state.share)}", "a rollout that is not under way (promote or rollback it)")
    if state.state == "finished":
        return Refused("finished", "a rollout that is not (rollback it first, or make the change of configuration)")
    share = rollout.steps[0] if asked.share is None else asked.share
    return _shared(state, share) if 0.0 < share <= 1.0 else Refused(f"share {share:g}", "more than 0 and at most 1")


def _promote(state: State, asked: Asked, rollout: Rollout) -> State | Refused:
    if state.state != "running":
        return _not(state, "running")
    share = next_step(rollout, state.share) if asked.share is None else asked.share
    if share is None:
        return Refused(f"share {state.share:.4g}, the last step", "a step that is left (finish it)")
    return _shared(state, share) if state.share < share <= 1.0 else Refused(f"share {share:g}", f"more than {state.share:.4g}, at most 1")


def _shared(state: State, share: float) -> State:
    return msgspec.structs.replace(state, state="running", share=share)


def _pause(state: State, asked: Asked, rollout: Rollout) -> State | Refused:
    if state.state == "paused":
        return state
    return msgspec.structs.replace(state, state="paused") if state.state == "running" else _not(state, "running")


def _resume(state: State, asked: Asked, rollout: Rollout) -> State | Refused:
    if state.state == "running":
        return state
    return msgspec.structs.replace(state, state="running") if state.state == "paused" else _not(state, "paused")


def _not(state: State, wanted: StateName) -> Refused:
    """With what has to be done before."""
    first = {"paused": " (resume it first)", "idle": " (start it first)", "rolled_back": " (start it first)"}.get(state.state, "")
    return Refused(state.state, f"a rollout that is {wanted}{first}")


def _rollback(state: State, asked: Asked, rollout: Rollout) -> State | Refused:
    return state if state.state == "rolled_back" else msgspec.structs.replace(state, state="rolled_back", share=0.0)


def _finish(state: State, asked: Asked, rollout: Rollout) -> State | Refused:
    if state.state == "finished":
        return state
    if state.state not in ("running", "paused") or state.share < 1.0:
        return Refused(
            f"{state.state} at {percent(state.share)}", "a share of 1: what has not answered all calls is not made the incumbent"
        )
    return msgspec.structs.replace(state, state="finished")


_TABLE = {"start": _start, "promote": _promote, "pause": _pause, "resume": _resume, "rollback": _rollback, "finish": _finish}

"""Change a rollout: under its lock, as `state.py` allows, and told in the journal. For people (command, page, API) and for the guard.

Law: the state is what counts and is written first; the record of it follows and may fail without undoing it, loudly. Nothing here needs a
running recorder, worker or store.
"""

import dataclasses
import time
from collections.abc import Mapping

from proxy.config import Config, Rollout
from proxy.events import AuditEvent, RolloutEvent
from proxy.faults import Wrong
from proxy.logs import log
from proxy.rollout.state import Asked, Refused, State, after, fresh
from proxy.rollout.state_file import LOCK_WAIT_S, Busy, files_of, holds, locked, read, write
from proxy.tell import tell

PROCESS = "rollout"


def rollout_named(config: Config, name: str, file: str = "understudy.toml") -> Rollout:
    """Raises Wrong."""
    found = next((each for each in config.rollouts if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in config.rollouts) or "none is defined"
        raise Wrong(f"{file}: rollouts", f"no rollout {name!r}", f"one of: {known}")
    return found


def state_of(config: Config, rollout: Rollout) -> State:
    """Where it stands: what is on disk when that is this configuration's, else a fresh one."""
    state = read(files_of(config, rollout))
    if state is None:
        return fresh(config, rollout)
    return state if holds(state, config, rollout) else fresh(config, rollout, state.starts)


def change(
    config: Config, rollout: Rollout, asked: Asked, *, evidence: Mapping[str, object] | None = None, wait_s: float = LOCK_WAIT_S
) -> State:
    """The state after it. Raises Wrong when it is refused, or when the file cannot be written within `wait_s`."""
    files = files_of(config, rollout)
    try:
        with locked(files, wait_s):
            before = state_of(config, rollout)
            made = after(before, asked, rollout, time.time_ns() // 1000)
            if isinstance(made, Refused):
                raise Wrong(f"rollout {rollout.name}: {asked.action}", made.found, made.expected)
            lost = before.version == 0  # also after a torn file: a rollback then leaves a whole one
            if made is not before or lost:
                write(files, made)
    except (OSError, Busy) as error:
        before, made = None, _unwritten(config, rollout, asked, error)
    if made is not before:
        _tell(config, rollout, asked, made, evidence or {})
    return made


def _unwritten(config: Config, rollout: Rollout, asked: Asked, error: OSError | Busy) -> State:
    """A rollback that cannot be written removes the state, which means the same. Raises Wrong for all else, and while another may write."""
    files, found = files_of(config, rollout), str(error)
    expected = "no process that holds it" if isinstance(error, Busy) else f"a folder that can be written: {files.folder}"
    if asked.action == "rollback":
        try:
            files.state.unlink(missing_ok=True)
            found += "; its state was removed instead: the incumbent answers"
        except OSError as worse:
            raise Wrong(f"rollout {rollout.name}", f"{error}; {worse}", expected) from None
        gone = after(fresh(config, rollout), dataclasses.replace(asked, version=None), rollout, time.time_ns() // 1000)
        if isinstance(error, OSError) and isinstance(gone, State):
            log.error("rollout.state_removed", rollout=rollout.name, error=str(error))
            return gone
    raise Wrong(f"rollout {rollout.name}", found, expected) from None


def _tell(config: Config, rollout: Rollout, asked: Asked, state: State, evidence: Mapping[str, object]) -> None:
    told = RolloutEvent(
        at=state.changed_us, rollout=rollout.name, route=rollout.route, target=rollout.candidate, action=asked.action, state=state.state,
        share=state.share, actor=state.actor, why=state.why, version=state.version, call_ids=list(asked.call_ids), evidence=dict(evidence),
    )  # fmt: skip
    detail = {"rollout": rollout.name, "state": state.state, "share": f"{state.share:g}", "why": state.why}
    audit = AuditEvent(at=state.changed_us, actor=state.actor, action=f"rollout.{asked.action}", detail=detail)
    try:
        tell(config, PROCESS, [told, audit])
    except OSError as error:
        log.error("rollout.not_recorded", rollout=rollout.name, action=asked.action, error=str(error))

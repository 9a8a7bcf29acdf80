"""How each rollout stands by its state file, for `check`; and state files that belong to no rollout any more.

Law: reads small files and needs no running process; whatever they say, a configuration is as sound as it was: a person is told, no more.
"""

from datetime import UTC, datetime
from pathlib import Path

from proxy.commands.canary_plan import Fact
from proxy.config import Config, Rollout
from proxy.others import is_gone
from proxy.rollout.standing import Standing, guard_words, standing_of
from proxy.rollout.state import State, percent
from proxy.rollout.state_file import Files, files_of, read
from proxy.serve_file import NAME, serving

STRAYS_TOLD = 20


def states(config: Config, now_s: float) -> list[Fact]:
    """A sentence each, and whether a person should look at it."""
    found = [_stands(config, rollout, standing_of(config, rollout, now_s)) for rollout in config.rollouts]
    return found + _strays(config)


def serves(config: Config) -> bool:
    """Whether an `understudy serve` runs with this journal."""
    where, path = serving(config.journal_folder), config.journal_folder / NAME
    return where is not None and path.exists() and not is_gone(where.pid, path.stat().st_mtime)


def _stands(config: Config, rollout: Rollout, standing: Standing) -> Fact:
    state, name = standing.state, rollout.name
    if standing.lost:
        return f"{name}: {_lost(config, rollout, standing)}; {_incumbent(standing)}", True
    if not state.version:
        return f"{name}: not started yet: `understudy rollout start {name}`", False
    told = f"{name}: {_at(state)} {_since(state)}"
    if state.state == "finished":
        return f"{told}; the configuration still has to be changed: `understudy rollout finish {name}` prints how", True
    if state.state not in ("running", "paused"):
        return f"{told}; {_incumbent(standing)}", False
    silent = "" if standing.watched or serves(config) else " (no `understudy serve` runs)"
    return f"{told}; {guard_words(standing)}{silent}", not standing.watched


def _incumbent(standing: Standing) -> str:
    return f"{standing.incumbent} answers, and `understudy rollout start {standing.rollout.name}` begins anew"


def _at(state: State) -> str:
    share = f" at {percent(state.share)} of route {state.route} to {state.candidate}" if state.takes > 0.0 else ""
    return f"{state.state.replace('_', ' ')}{share}"


def _since(state: State) -> str:
    """`since 2026-11-21 10:00 UTC, by guard: refusals 31 % …`"""
    try:
        when = f"since {datetime.fromtimestamp(state.changed_us / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):  # no change of ours wrote that
        when = f"since {state.changed_us} µs"
    return f"{when}, by {state.actor or 'nobody'}" + (f": {state.why}" if state.why else "")


def _lost(config: Config, rollout: Rollout, standing: Standing) -> str:
    """Why the state on disk is not followed: torn, or of what the configuration says no more."""
    found = read(files_of(config, rollout))
    if found is None:
        return standing.lost
    gone = _gone(config, found)
    pairs = (found.route, rollout.route), (found.candidate, rollout.candidate)
    moved = [f"was {before}, is {now}" for before, now in pairs if before != now]
    why = "; ".join(gone or moved) or "the models behind were others"
    return f"{standing.lost}: {why}"


def _gone(config: Config, state: State) -> list[str]:
    """What a state names and the configuration has no more."""
    route = [] if any(each.name == state.route for each in config.routes) else [f"there is no route {state.route!r}"]
    return route + ([] if state.candidate in config.targets else [f"there is no target {state.candidate!r}"])


def _strays(config: Config) -> list[Fact]:
    known = {rollout.name for rollout in config.rollouts}
    try:
        names = sorted(path.stem for path in config.rollouts_folder.glob("*.json") if not path.stem.endswith(".guard"))
    except OSError:
        return []
    strays = [name for name in names if name not in known]
    told = [_stray(config, Files(config.rollouts_folder, name)) for name in strays[:STRAYS_TOLD]]
    more = len(strays) - len(told)
    return [*told, (f"{more} more state files of rollouts that are not configured", True)] if more else told


def _stray(config: Config, files: Files) -> Fact:
    where, found = Path(files.folder.name) / files.state.name, read(files)
    if found is None:
        none = f"{where} is torn or another's, and no rollout is called {files.name!r}"
        return f"{none}: nobody follows it, remove it", True
    if found.state == "finished" and any((each.name, each.incumbent) == (found.route, found.candidate) for each in config.routes):
        return f"{where} {_since(found)}: finished, and {found.candidate} is the incumbent of {found.route}: it may be removed", False
    also = "".join(f", {each}" for each in _gone(config, found))
    return f"{where} says {_at(found)} {_since(found)}; no rollout is called {files.name!r}{also}: nobody follows it, remove it", True

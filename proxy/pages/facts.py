"""What the pages read from disk: each rollout's state, the guard's word, and why a state does not hold. Call it in a thread."""

from proxy.config import Config, Rollout
from proxy.pages.card import Facts
from proxy.rollout.report import read_report
from proxy.rollout.state import fresh
from proxy.rollout.state_file import beaten_s, files_of, holds, read


def facts_of(config: Config, rollout: Rollout, now_s: float) -> Facts:
    files = files_of(config, rollout)
    state = read(files)
    held = state if state is not None and holds(state, config, rollout) else None
    return Facts(
        rollout=rollout, state=held or fresh(config, rollout), report=read_report(files), beaten_s=beaten_s(files, now_s),
        lost="" if held is not None else _lost(files.state.exists(), state is None),
    )  # fmt: skip


def all_facts(config: Config, now_s: float) -> list[Facts]:
    return [facts_of(config, rollout, now_s) for rollout in config.rollouts]


def _lost(there: bool, unreadable: bool) -> str:
    if not there:
        return ""
    return (
        "Its state file cannot be read"
        if unreadable
        else "The state on disk is of another candidate, model or incumbent than configured now"
    )

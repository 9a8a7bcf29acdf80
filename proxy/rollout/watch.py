"""What a worker asks per call: is the candidate to be considered just now, and at which share. Two `stat`s, and a read when one changed.

Law: every doubt is the incumbent. A state that is not this configuration's, or a guard that has said nothing for `guard_fresh_s`, gives no
plan; a finished rollout is a person's word and needs no guard.
"""

import os
import time

from proxy.config import Config, Rollout
from proxy.rollout.choice import Plan
from proxy.rollout.state import State
from proxy.rollout.state_file import files_of, holds, read

NO_GUARD = "no_guard"
"""Why there is no plan: the rollout would take calls, but nobody watches it."""


class Watch:
    def __init__(self, config: Config, rollout: Rollout):
        self.config, self.rollout, files = config, rollout, files_of(config, rollout)
        self.files, self._state_path, self._guard_path = files, str(files.state), str(files.guard)
        self._seen: tuple[int, int, int] | None = None
        self._state: State | None = None
        self._plan: Plan | None = None

    def plan(self) -> Plan | str | None:
        """The plan; None while no rollout is active; a word where one is and is not followed."""
        try:
            found = os.stat(self._state_path)  # noqa: PTH116 (per call: a Path costs as much again)
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        except OSError:
            seen = None
        if seen != self._seen:
            self._seen = seen
            self._read()
        if self._plan is None or (self._state is not None and self._state.state == "finished"):
            return self._plan
        try:
            age_s = time.time() - os.stat(self._guard_path).st_mtime  # noqa: PTH116
        except OSError:
            return NO_GUARD
        return self._plan if -self.rollout.guard_fresh_s < age_s < self.rollout.guard_fresh_s else NO_GUARD

    def _read(self) -> None:
        state, rollout = read(self.files) if self._seen is not None else None, self.rollout
        self._state = state if holds(state, self.config, rollout) else None
        share = self._state.takes if self._state is not None else 0.0
        self._plan = (
            Plan(
                rollout=rollout.name, target=rollout.candidate, share=share, fallback_after_s=rollout.fallback_after_s,
                allow_stored=rollout.allow_stored, starts=self._state.starts if self._state is not None else 0,
            )
            if share > 0.0
            else None
        )  # fmt: skip

"""A worker on a route that is being switched: two raw upstreams, real state files, and a heartbeat that is there or not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from proxy.config import Config, Rollout
from proxy.rollout.change import change
from proxy.rollout.report import Report
from proxy.rollout.state import Asked, State
from proxy.rollout.state_file import beat, files_of
from tests.fakes.upstream import Upstream
from tests.proxy.relaying import Relaying, config

TARGETS = """
[targets.gpt]
url = "http://127.0.0.1:{gpt}"
[targets.small]
url = "http://127.0.0.1:{small}"
model = "small-2"
{target}
[[routes]]
name = "main"
incumbent = "gpt"
[[rollouts]]
name = "try"
route = "main"
candidate = "small"
guard_fresh_s = 3600
{rollout}
"""


def switched(folder: Path, gpt: int, small: int, *, target: str = "", rollout: str = "", server: str = "", journal: str = "") -> Config:
    """A configuration with the rollout `try` of the route `main` to `small`."""
    routes = TARGETS.replace("{gpt}", str(gpt)).replace("{small}", str(small)).replace("{target}", target).replace("{rollout}", rollout)
    return config(folder, gpt, server=server, journal=journal, routes=routes)


def rollout_of(configured: Config) -> Rollout:
    return configured.rollouts[0]


def at_share(configured: Config, share: float) -> State:
    """The rollout under way at this share, with a guard that has just spoken."""
    watched(configured)
    return change(configured, rollout_of(configured), Asked(action="start", actor="test", share=share))


def watched(configured: Config) -> None:
    files = files_of(configured, rollout_of(configured))
    beat(files, msgspec.json.encode(Report(rollout="try", at_us=time.time_ns() // 1000)))


@contextmanager
def switching(folder: Path, gpt: Upstream, small: Upstream | int, *, share: float = 1.0, **more: str) -> Iterator[Relaying]:
    """Both upstreams behind one worker, the rollout at `share`."""
    with gpt as gpt_up:
        port = small if isinstance(small, int) else small.__enter__().port
        try:
            configured = switched(folder, gpt_up.port, port, **more)
            if share:
                at_share(configured, share)
            with Relaying(configured) as relay:
                yield relay
        finally:
            if not isinstance(small, int):
                small.__exit__()

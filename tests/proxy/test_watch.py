"""What a worker follows, with real files: in every doubt nothing, and the next call knows of a change."""

# pyright: standard
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from proxy.config import Config, Rollout
from proxy.config_file import parse
from proxy.rollout.change import change
from proxy.rollout.choice import Plan
from proxy.rollout.state import Asked
from proxy.rollout.state_file import beat, files_of, read
from proxy.rollout.watch import NO_GUARD, Watch

TEXT = """
[targets.inc]
url = "http://127.0.0.1:1"
[targets.cand]
url = "http://127.0.0.1:2"
model = "{model}"
[[routes]]
name = "main"
incumbent = "inc"
[[rollouts]]
name = "next"
route = "main"
candidate = "cand"
steps = [0.01, 0.1, 1.0]
fallback_after_s = 7
guard_fresh_s = 100
"""


class Tried:
    """A rollout in a folder of its own, its guard, and a worker's watch of it."""

    def __init__(self, folder: Path, model: str = "next-1"):
        self.config: Config = parse(TEXT.format(model=model), folder=folder)
        self.rollout: Rollout = self.config.rollouts[0]
        self.files = files_of(self.config, self.rollout)
        self.watch = Watch(self.config, self.rollout)

    def change(self, action: str, share: float | None = None) -> None:
        change(self.config, self.rollout, Asked(action=action, actor="me", why="test", share=share))  # type: ignore[arg-type]

    def beat(self, ago_s: float = 0.0) -> None:
        beat(self.files, b"{}")
        then = time.time() - ago_s
        os.utime(self.files.guard, (then, then))

    @property
    def share(self) -> float | str | None:
        plan = self.watch.plan()
        return plan.share if isinstance(plan, Plan) else plan


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    return Tried(tmp_path)


def test_no_folder_and_no_file_is_no_plan(tried: Tried) -> None:
    assert tried.share is None
    tried.beat()
    assert tried.share is None


def test_a_started_rollout_is_followed_once_its_guard_has_spoken(tried: Tried) -> None:
    tried.change("start")
    assert tried.share == NO_GUARD
    tried.beat()
    assert tried.watch.plan() == Plan(rollout="next", target="cand", share=0.01, fallback_after_s=7.0, starts=1)


def test_each_change_holds_from_the_next_call_on(tried: Tried) -> None:
    tried.beat()
    seen = []
    for action in ("start", "promote", "pause", "resume", "promote", "rollback", "start"):
        tried.change(action)
        seen.append(tried.share)
    assert seen == [0.01, 0.1, 0.1, 0.1, 1.0, None, 0.01]


@pytest.mark.parametrize(("ago_s", "share"), [(0, 0.01), (30, 0.01), (101, NO_GUARD), (1e6, NO_GUARD), (-99, 0.01), (-200, NO_GUARD)])
def test_a_beat_counts_for_as_long_as_it_is_fresh_and_not_from_the_future(tried: Tried, ago_s: float, share: float | str) -> None:
    tried.change("start")
    tried.beat(ago_s)
    assert tried.share == share


def test_a_guard_that_falls_silent_and_speaks_again(tried: Tried) -> None:
    tried.change("start")
    seen = []
    for ago_s in (0, 101, 0):
        tried.beat(ago_s)
        seen.append(tried.share)
    tried.files.guard.unlink()
    seen.append(tried.share)
    assert seen == [0.01, NO_GUARD, 0.01, NO_GUARD]


def test_a_finished_rollout_takes_all_calls_and_needs_no_guard(tried: Tried) -> None:
    tried.change("start", 1.0)
    tried.change("finish")
    assert tried.share == 1.0
    tried.beat(1e6)
    assert tried.share == 1.0
    tried.change("rollback")
    assert tried.share is None


@pytest.mark.parametrize("state", ["start", "pause", "finish"])
def test_a_state_that_is_removed_while_running_is_no_plan_from_then_on(tried: Tried, state: str) -> None:
    tried.beat()
    tried.change("start", 1.0)
    if state != "start":
        tried.change(state)
    assert tried.share == 1.0
    tried.files.state.unlink()
    assert tried.share is None
    tried.change("rollback")
    assert tried.share is None and read(tried.files) is not None
    tried.change("start")
    assert tried.share == 0.01


def torn(text: bytes) -> bytes:
    return text[: len(text) // 2]


@pytest.mark.parametrize(
    "harm",
    [
        torn,
        lambda _: b"",
        lambda _: b"null",
        lambda _: b"\xff\xfe\x00",
        lambda _: b"[" * 100_000,
        lambda text: text + text,
        lambda text: text.replace(b'"share":0.01', b'"share":1e999'),
        lambda text: text.replace(b'"share":0.01', b'"share":1.5'),
        lambda text: text.replace(b'"share":0.01', b'"share":-0.1'),
        lambda text: text.replace(b'"share":0.01', b'"share":"0.01"'),
        lambda text: text.replace(b'"state":"running"', b'"state":"sprinting"'),
        lambda text: text.replace(b'"rollout":"next"', b'"rollout":"other"'),
    ],
    ids=["torn", "empty", "null", "no text", "deep", "twice", "infinite", "too much", "negative", "a text", "unknown", "another's"],
)
def test_what_cannot_be_read_is_no_plan_until_it_can(tried: Tried, harm: Callable[[bytes], bytes]) -> None:
    tried.beat()
    tried.change("start")
    good = tried.files.state.read_bytes()
    assert tried.share == 0.01 and harm(good) != good
    tried.files.state.write_bytes(harm(good))
    assert tried.share is None
    tried.files.state.write_bytes(good)
    assert tried.share == 0.01


def test_a_folder_in_its_place_is_no_plan(tried: Tried) -> None:
    tried.files.state.mkdir(parents=True)
    tried.beat()
    assert tried.share is None


def test_a_state_of_another_model_is_not_followed(tmp_path: Path) -> None:
    before, now = Tried(tmp_path), Tried(tmp_path, "next-2")
    before.change("start")
    before.beat()
    assert (before.share, now.share) == (0.01, None)
    now.change("start", 0.5)
    assert (before.share, now.share) == (None, 0.5)


def test_each_start_is_another_draw_and_nothing_else_is(tmp_path: Path) -> None:
    """Also after the candidate was changed: its successor does not begin with those who met it."""
    tried, starts = Tried(tmp_path), list[int]()
    tried.beat()
    for action in ("start", "promote", "pause", "resume", "rollback", "start", "promote"):
        tried.change(action)
        plan = tried.watch.plan()
        starts += [plan.starts] if isinstance(plan, Plan) else []
    assert starts == [1, 1, 1, 1, 2, 2]
    other = Tried(tmp_path, "next-2")
    other.change("start")
    plan = other.watch.plan()
    assert isinstance(plan, Plan) and plan.starts == 3


def test_a_state_from_before_starts_were_counted_keeps_its_draw(tried: Tried) -> None:
    tried.beat()
    tried.change("start")
    text = tried.files.state.read_bytes()
    tried.files.state.write_bytes(text.replace(b'"starts":1,', b""))
    plan = tried.watch.plan()
    assert isinstance(plan, Plan) and plan.starts == 0 and plan.share == 0.01


def test_a_replaced_file_of_the_same_size_and_time_is_seen(tried: Tried) -> None:
    tried.beat()
    tried.change("start")
    assert tried.share == 0.01
    state, found = read(tried.files), tried.files.state.stat()
    assert state is not None
    making = tried.files.folder / "making"
    making.write_bytes(msgspec.json.encode(msgspec.structs.replace(state, share=0.07)))
    os.utime(making, ns=(found.st_atime_ns, found.st_mtime_ns))
    making.rename(tried.files.state)
    assert tried.files.state.stat().st_size == found.st_size
    assert tried.share == 0.07


def test_print_what_asking_costs(tried: Tried) -> None:
    """Two stats: a share of a call so small that no figure decides here; `-s` shows it."""
    tried.beat()
    tried.change("start")
    begun = time.perf_counter()
    for _ in range(20_000):
        tried.watch.plan()
    print(f"\n{(time.perf_counter() - begun) / 20_000 * 1e6:.2f} us for each Watch.plan()")
    assert tried.share == 0.01

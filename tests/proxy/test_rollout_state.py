"""A rollout's states: whatever is asked in whatever order, no share without somebody who gave it."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import Config, Rollout, Route, Target
from proxy.rollout.state import ACTIONS, LOG_KEPT, STATES, TOLD_MAX, Action, Asked, Refused, State, after, fresh, next_step, variant_of

ROLLOUT = Rollout(name="canary", route="main", candidate="small", steps=[0.01, 0.05, 0.25, 0.5, 1.0])
CONFIG = Config(
    targets={"gpt": Target(url="http://127.0.0.1:9"), "small": Target(url="http://127.0.0.1:10", model="small-2")},
    routes=[Route(name="main", incumbent="gpt")], rollouts=[ROLLOUT],
)  # fmt: skip
SHARES = st.none() | st.sampled_from([0.0, -1.0, 0.01, 0.2, 1.0, 1.0001, float("nan"), float("inf")]) | st.floats()
ASKED = st.builds(
    Asked, action=st.sampled_from(ACTIONS), actor=st.sampled_from(["guard", "ann@host"]), why=st.text(max_size=5), share=SHARES
)


def ask(state: State, action: str, now_us: int = 1, **more: object) -> State | Refused:
    return after(state, Asked(action=cast("Action", action), actor="ann", **more), ROLLOUT, now_us)  # type: ignore[arg-type]


def asked(*actions: str, share: float | None = None) -> State:
    """The state after these, from a fresh one; `share` is that of the start."""
    state = fresh(CONFIG, ROLLOUT)
    for number, action in enumerate(actions, 1):
        made = ask(state, action, number, **({"share": share} if action == "start" else {}))
        assert isinstance(made, State), made
        state = made
    return state


@given(st.lists(st.tuples(ASKED, st.integers(-5, 10**16)), max_size=30))
def test_no_sequence_of_changes_breaks_the_law(steps: list[tuple[Asked, int]]) -> None:
    state = fresh(CONFIG, ROLLOUT)
    for each, now_us in steps:
        made = after(state, each, ROLLOUT, now_us)
        if isinstance(made, Refused):
            assert made.found and made.expected
            continue
        assert made.version > state.version or made is state
        assert made.starts == state.starts + (each.action == "start")
        assert made.state in STATES and 0.0 <= made.share <= 1.0
        if made.state in ("idle", "rolled_back"):
            assert made.share == made.takes == 0.0
        if made.takes > state.takes:
            assert each.action in ("start", "promote")
        if made.state == "finished" and state.state != "finished":
            assert each.action == "finish" and state.share == 1.0
        if made is not state:
            assert (made.log[-1].action, made.log[-1].actor, made.log[-1].share) == (each.action, each.actor, made.share)
        assert len(made.log) <= LOG_KEPT
        state = made


@given(st.lists(ASKED, max_size=10))
def test_a_rollback_is_allowed_from_everywhere_and_takes_every_call_away(steps: list[Asked]) -> None:
    state = fresh(CONFIG, ROLLOUT)
    for number, each in enumerate(steps, 1):
        made = after(state, each, ROLLOUT, number)
        state = state if isinstance(made, Refused) else made
    back = ask(state, "rollback")
    assert isinstance(back, State) and back.state == "rolled_back" and back.takes == 0.0


@given(ASKED, st.integers(1, 10**6))
def test_who_decided_on_an_older_state_is_refused_whatever_he_asks(each: Asked, older: int) -> None:
    state = asked("start")
    stale = Asked(action=each.action, actor=each.actor, share=each.share, version=state.version + older)
    made = after(state, stale, ROLLOUT, 99)
    assert isinstance(made, Refused) and f"version {state.version}" in made.found


@pytest.mark.parametrize(
    ("way", "action", "state", "share"),
    [
        ((), "start", "running", 0.01),
        (("start",), "promote", "running", 0.05),
        (("start", "promote", "promote", "promote"), "promote", "running", 1.0),
        (("start",), "pause", "paused", 0.01),
        (("start", "pause"), "resume", "running", 0.01),
        (("start", "rollback"), "start", "running", 0.01),
        ((), "rollback", "rolled_back", 0.0),
        (("start", "pause"), "rollback", "rolled_back", 0.0),
        (("start", *["promote"] * 4), "finish", "finished", 1.0),
        (("start", *["promote"] * 4, "finish"), "rollback", "rolled_back", 0.0),
    ],
)
def test_what_follows_what(way: tuple[str, ...], action: str, state: str, share: float) -> None:
    made = ask(asked(*way), action, 50)
    assert isinstance(made, State) and (made.state, made.share) == (state, share)


@pytest.mark.parametrize(
    ("way", "action", "expected"),
    [
        ((), "promote", "running"), ((), "finish", "a share of 1"), ((), "pause", "running"), ((), "resume", "paused"),
        (("start",), "start", "not under way"), (("start", "pause"), "promote", "resume it first"),
        (("start",), "finish", "a share of 1"), (("start", *["promote"] * 4), "promote", "finish it"),
        (("start", *["promote"] * 4, "finish"), "start", "rollback it first"), (("start", "rollback"), "resume", "paused"),
    ],
)  # fmt: skip
def test_what_does_not_follow_is_refused_in_words(way: tuple[str, ...], action: str, expected: str) -> None:
    made = ask(asked(*way), action, 50)
    assert isinstance(made, Refused) and expected in made.expected


def test_a_share_that_a_person_names_is_taken_and_none_that_would_sink() -> None:
    running = asked("start", share=0.2)
    assert running.share == 0.2 and next_step(ROLLOUT, 0.2) == 0.25
    for share in (0.2, 0.1, 0.0, 1.1):
        assert isinstance(ask(running, "promote", share=share), Refused)


def test_time_of_a_step_begins_when_its_share_does_and_not_at_a_word_that_changes_nothing() -> None:
    running = asked("start", "promote")
    assert running.step_us == 2 and running.started_us == 1
    assert ask(running, "resume", 9) is running
    assert asked("start", "promote", "pause", "resume").step_us == 2, "a pause holds the share: what was seen in the step still counts"


def test_a_clock_that_goes_back_still_gives_a_later_version() -> None:
    running = ask(fresh(CONFIG, ROLLOUT), "start", 1_000)
    assert isinstance(running, State)
    back = ask(running, "rollback", 5)
    assert isinstance(back, State) and back.version > running.version


def test_a_long_reason_is_cut_and_the_log_keeps_the_last_changes() -> None:
    state = asked("start")
    for number in range(2 * LOG_KEPT):
        made = ask(state, "pause" if number % 2 == 0 else "resume", 10 + number, why="x" * 10_000)
        assert isinstance(made, State)
        state = made
    assert len(state.log) == LOG_KEPT and len(state.why) == TOLD_MAX and state.log[-1].at_us == 10 + 2 * LOG_KEPT - 1


def test_another_model_behind_the_same_name_is_another_rollout() -> None:
    other = Config(targets=CONFIG.targets | {"small": Target(url="http://127.0.0.1:10", model="small-3")}, routes=CONFIG.routes)
    key = Config(
        targets=CONFIG.targets | {"small": Target(url="http://127.0.0.1:10", model="small-2", api_key_env="X")}, routes=CONFIG.routes
    )
    assert variant_of(other, ROLLOUT) != variant_of(CONFIG, ROLLOUT) == variant_of(key, ROLLOUT)


def test_nothing_that_a_terminal_obeys_is_kept_of_what_somebody_wrote() -> None:
    made = after(
        fresh(CONFIG, ROLLOUT),
        Asked(action="start", actor="page@x (\x1b[31mann)", why="\x1b[2J slow\r\nrollback by guard \u202e!"),
        ROLLOUT,
        1,
    )
    assert isinstance(made, State)
    assert (made.actor, made.why) == ("page@x ( [31mann)", "[2J slow rollback by guard !")
    assert (made.log[-1].actor, made.log[-1].why) == (made.actor, made.why)

"""Pairs of a canary whose incumbent is asked about few of its answers, or none: whether a call is a pair does not hang on who failed."""

import random
from pathlib import Path
from typing import Any

import pytest

from proxy.config import Limits
from tests.scoring.guard.rollouts import Watched

BAD: dict[str, Any] = dict(outcome="errored", status=500, text=None, failure_class="loud")


def traffic(watched: Watched, calls: int, *, reverse: float, candidate: float = 0.03, incumbent: float = 0.03, seed: int = 0) -> str:
    """Half of the calls are the candidate's; both fail now and then. How it stands at the end, or when it was taken back."""
    dice = random.Random(seed)
    for number in range(calls):
        wrong: dict[str, Any] = BAD if dice.random() < incumbent else {}
        if number % 2:
            watched.others(every_s=0.5, **wrong)
        elif dice.random() < candidate:
            watched.fallback(every_s=0.5, incumbent=wrong)
        else:
            [call] = watched.canary(every_s=0.5, reverse=False)
            if dice.random() < reverse:
                watched.guard(watched.row(call, target="big", role="incumbent", seen=False, **wrong), call)
        if number % 20 == 0 and watched.turn(0.1).state != "running":
            break
    return watched.guard.state.state


@pytest.mark.parametrize("reverse", [1.0, 0.3, 0.1, 0.0])
@pytest.mark.parametrize("seed", range(3))
def test_an_equal_candidate_is_left_alone_however_seldom_the_incumbent_is_asked(tmp_path: Path, reverse: float, seed: int) -> None:
    watched = Watched(tmp_path, start=0.5, limits=Limits(), reverse_shadow=reverse)
    assert traffic(watched, 3000, reverse=reverse, seed=seed) == "running", watched.guard.state.why


def test_where_the_incumbent_refuses_our_key_failures_of_the_candidate_are_no_pairs_either(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.5, limits=Limits(), reverse_shadow=1.0)
    assert traffic(watched, 600, reverse=1.0) == "running"
    [call] = watched.canary(reverse=False)
    watched.guard(watched.row(call, target="big", role="incumbent", seen=False, **(BAD | {"status": 401})), call)
    before = watched.guard.evidence.step_pairs
    assert traffic(watched, 3000, reverse=0.0, seed=1) == "running", watched.guard.state.why
    assert watched.guard.evidence.step_pairs <= before + 60, "those that were on the way"


def test_a_worse_candidate_is_found_by_pairs_also_where_a_third_is_asked(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=1.0, limits=Limits(), reverse_shadow=0.3)
    watched.canary(60, every_s=1.0)
    watched.turn()
    assert traffic(watched, 2000, reverse=0.3, candidate=0.25) == "rolled_back"
    assert watched.guard.state.why.startswith("pairs: triage transport")

"""A call that one target turns away at the door says nothing of what it would have answered, and an equal candidate is never accused of it."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from scoring.criteria.json_schema import JsonSchema
from scoring.criteria.transport import Transport
from scoring.guard.facts import Fact
from scoring.guard.pairs import Pairs
from scoring.rubric import Dimension
from scoring.stats.verdict import Absolute
from tests.scoring.guard.test_alike import ANSWER

NEEDED = math.log(800)
FAILURES = Dimension(name="transport", criterion=Transport(), role="guard", margin=Absolute(delta=0.01))
CONTENT = Dimension(name="json_schema", criterion=JsonSchema(), role="guard", margin=Absolute(delta=0.01))


def a_leg(number: int, leg: str, status: int, valid: float) -> Fact:
    """A failure has the worst of all marks, as the scorer gives them."""
    errored = status >= 400
    marks: Mapping[str, float] = dict(transport=0.0, json_schema=0.0) if errored else dict(transport=1.0, json_schema=valid)
    return replace(
        ANSWER, call_id=f"call {number}", leg="candidate" if leg == "candidate" else "reverse", drawn=True, conversation=number,
        outcome="errored" if errored else "answered", status=status, marks=marks,
    )  # fmt: skip


def compared(*guards: Dimension, calls: int, away: tuple[float, float], broken: tuple[float, float], seed: int = 1) -> Mapping[str, float]:
    """Log evidence by guard; shares of the incumbent and of the candidate, each by itself."""
    dice, pairs = random.Random(seed), Pairs({"default": guards})
    for number in range(calls):
        for leg, turned_away, invalid in zip(("incumbent", "candidate"), away, broken, strict=True):
            status = (503 if leg == "candidate" else 429) if dice.random() < turned_away else 200
            pairs.take(a_leg(number, leg, status, float(dice.random() >= invalid)))
    return {name: cell.log_e for (_, name), cell in pairs.cells.items()}


def test_broken_answers_are_seen_though_the_incumbents_shadow_is_turned_away_as_often() -> None:
    found = compared(FAILURES, CONTENT, calls=300, away=(0.4, 0.0), broken=(0.0, 0.3))
    assert found["json_schema"] > NEEDED and found["transport"] < 0.0
    hidden = compared(CONTENT, calls=300, away=(0.4, 0.0), broken=(0.0, 0.3))
    assert hidden["json_schema"] < 0.0, "where no guard judges failures, each judges them itself"


def test_an_equal_candidate_that_is_turned_away_as_often_is_accused_of_nothing() -> None:
    for seed in range(5):
        found = compared(FAILURES, CONTENT, calls=3000, away=(0.05, 0.05), broken=(0.05, 0.05), seed=seed)
        assert max(found.values()) < NEEDED, seed


def test_a_candidate_that_turns_everybody_away_is_accused_of_its_failures_alone() -> None:
    found = compared(FAILURES, CONTENT, calls=50, away=(0.01, 1.0), broken=(0.0, 0.0))
    assert found["transport"] > NEEDED and found["json_schema"] == 0.0
    assert compared(CONTENT, calls=50, away=(0.0, 1.0), broken=(0.0, 0.0))["json_schema"] > NEEDED


@pytest.mark.parametrize(("incumbent", "candidate", "counts"), [(200, 200, True), (429, 200, False), (401, 200, False), (200, 503, False)])
def test_nobody_is_promoted_on_pairs_that_one_target_turned_away(incumbent: int, candidate: int, counts: bool) -> None:
    for guards in ((FAILURES, CONTENT), (CONTENT,)):
        pairs = Pairs({"default": guards})
        assert not pairs.take(a_leg(1, "candidate", candidate, 1.0))
        assert pairs.take(a_leg(1, "incumbent", incumbent, 1.0)) is counts

"""The betting e-process: the design's acceptance numbers, its symmetries, and its promise under peeking."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.stats.portfolio import Ternary, confidence_sequence, log_e_value

COUNTS = st.builds(Ternary, worse=st.integers(0, 400), same=st.integers(0, 4000), better=st.integers(0, 400))


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((30, 960, 10), -0.04305, -0.00012),
        ((5, 990, 5), -0.01193, 0.01193),
        ((0, 1000, 0), -0.00498, 0.00498),
        ((300, 9500, 200), -0.01786, -0.00231),
    ],
)
def test_the_confidence_sequence_has_the_accepted_values(counts: tuple[int, int, int], low: float, high: float) -> None:
    worse, same, better = counts
    found = confidence_sequence(Ternary(worse=worse, same=same, better=better))
    assert found.low == pytest.approx(low, abs=6e-6)
    assert found.high == pytest.approx(high, abs=6e-6)


def test_the_evidence_has_the_accepted_values() -> None:
    assert log_e_value(Ternary(worse=10, same=960, better=30), 0.0) == pytest.approx(3.7431, abs=5e-5)
    assert log_e_value(Ternary(worse=0, same=1000, better=0), -0.02) == pytest.approx(18.1453, abs=5e-5)


@given(COUNTS)
def test_the_interval_holds_the_mean_and_mirrors_with_the_counts(counts: Ternary) -> None:
    found, mirrored = confidence_sequence(counts), confidence_sequence(counts.flipped)
    assert found.low == pytest.approx(-mirrored.high, abs=1e-6)
    if counts.mean is not None:
        assert found.low - 1e-6 <= counts.mean <= found.high + 1e-6


@given(COUNTS, st.floats(-0.9, 0.9), st.floats(0.001, 0.09))
def test_the_evidence_falls_as_the_claim_grows(counts: Ternary, m: float, step: float) -> None:
    assert log_e_value(counts, m + step) <= log_e_value(counts, m) + 1e-9


def test_without_pairs_nothing_is_known() -> None:
    found = confidence_sequence(Ternary(worse=0, same=0, better=0))
    assert (found.low, found.high) == (-1.0, 1.0)
    assert Ternary(worse=0, same=0, better=0).mean is None


def test_looking_all_the_time_alarms_no_more_often_than_promised() -> None:
    """300 seeded campaigns of equal sides, a look every 20 pairs: at most 5 % (plus 3 standard errors) ever see "worse"."""
    dice, alarms = random.Random(20261121), 0
    for _ in range(300):
        worse = same = better = 0
        for pair in range(1, 1001):
            drawn = dice.random()
            worse, better, same = worse + (drawn < 0.05), better + (drawn > 0.95), same + (0.05 <= drawn <= 0.95)
            if pair % 20 == 0 and log_e_value(Ternary(worse=better, same=same, better=worse), 0.0) >= math.log(1 / 0.05):
                alarms += 1
                break
    assert alarms / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)

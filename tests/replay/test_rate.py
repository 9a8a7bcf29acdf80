"""Rates hold, and candidates of one route see nested sets of calls."""

from hypothesis import given
from hypothesis import strategies as st

from replay.rate import Rates, TokenBucket

ARRIVALS = st.lists(st.floats(0, 0.5), max_size=120)
RATES = st.lists(st.sampled_from([0.5, 1.0, 2.0, 2.0, 5.0, 10.0]), min_size=1, max_size=4)


@given(ARRIVALS, RATES)
def test_a_lower_rate_sees_a_part_of_a_higher_ones_calls(gaps: list[float], given: list[float]) -> None:
    rates = {f"leg-{number}": rate for number, rate in enumerate(given)}
    played, now = Rates(rates), 0.0
    took: dict[str, list[int]] = {name: [] for name in rates}
    for number, gap in enumerate(gaps):
        now += gap
        refused = played.refused(rates, now)
        for name in set(rates) - set(refused):
            took[name].append(number)
    for one, rate in rates.items():
        assert len(took[one]) <= rate * now + max(rate, 1.0) + 1e-6
        for other in (name for name, more in rates.items() if more >= rate):
            assert set(took[one]) <= set(took[other])


def test_legs_without_a_rate_take_everything_and_no_tokens() -> None:
    rates = Rates({"free": None, "slow": 1.0})
    assert [rates.refused(["free", "slow"], 0.1 * number) for number in range(3)] == [{}, {"slow": "rate 1/s"}, {"slow": "rate 1/s"}]


def test_a_call_that_is_not_for_a_leg_costs_it_nothing() -> None:
    rates = Rates({"fast": 2.0, "slow": 1.0})
    assert [rates.refused(["slow"], 0.0), rates.refused(["fast", "slow"], 0.0)] == [{}, {"slow": "rate 1/s"}]


def test_a_bucket_fills_again_and_not_beyond_a_second() -> None:
    bucket = TokenBucket(4.0)
    assert [bucket.take(0.0) for _ in range(5)] == [True] * 4 + [False]
    assert [bucket.take(100.0) for _ in range(5)] == [True] * 4 + [False]
    assert bucket.take(100.25)

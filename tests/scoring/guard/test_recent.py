"""What the rest of a step costs: dollars that nobody knows are not none."""

from dataclasses import replace

import pytest

from scoring.guard.recent import Recent
from tests.scoring.guard.test_alike import an_answer


def dollars(*costs: float | None) -> float | None:
    recent = Recent()
    for number, cost_usd in enumerate(costs):
        recent.take(replace(an_answer(number, drawn=True, share=0.5, at_s=60.0 * (number + 1), conversation=number), cost_usd=cost_usd))
    found = recent.per_hour(3600.0)
    assert found is not None
    return found[1]


def test_an_unknown_cost_counts_as_the_mean_of_the_known_ones() -> None:
    assert dollars(*[0.01] * 50) == pytest.approx(0.5, rel=0.05)
    assert dollars(*[0.01, None] * 25) == pytest.approx(0.5, rel=0.05)


def test_where_most_costs_are_unknown_nobody_knows_the_dollars() -> None:
    assert dollars(*[0.01] * 10, *[None] * 40) is None
    assert dollars(None, None) is None

"""A day's limit holds, however many calls are under way and however often the shadow dies."""

import asyncio
import random
from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.config import Target
from replay.budget import Budget, limit_of

DAY = "2026-01-31"


@settings(max_examples=30, deadline=None)
@given(st.integers(min_value=0, max_value=2**32), st.sampled_from((1, 50, 500)))
def test_a_thousand_concurrent_calls_never_exceed_the_limit(seed: int, dearest: int) -> None:
    dice = random.Random(seed)
    calls = [(Decimal(dice.randint(0, dearest)) / 100, dice.random()) for _ in range(1000)]
    limit = Decimal(20)
    budget = Budget({"small": limit})
    spent = Decimal(0)

    async def one(worst: Decimal, part: float, turns: int) -> None:
        nonlocal spent
        if not budget.reserve("small", DAY, worst):
            return
        for _ in range(turns):
            assert budget.committed("small") <= limit
            await asyncio.sleep(0)
        cost = (worst * Decimal(part)).quantize(Decimal("0.000001"), ROUND_DOWN)
        budget.settle("small", DAY, worst, cost)
        spent += cost

    async def everyone() -> None:
        async with asyncio.TaskGroup() as group:
            for number, (worst, part) in enumerate(calls):
                group.create_task(one(worst, part, number % 7))

    asyncio.run(everyone())
    assert spent <= limit
    assert budget.committed("small") == spent


def test_what_is_settled_cheaper_makes_room() -> None:
    budget = Budget({"small": Decimal(1)})
    assert budget.reserve("small", DAY, Decimal(1))
    assert not budget.reserve("small", DAY, Decimal("0.01"))
    budget.settle("small", DAY, Decimal(1), Decimal("0.25"))
    assert budget.reserve("small", DAY, Decimal("0.75"))


def test_a_new_day_begins_at_nothing_and_an_old_one_is_closed() -> None:
    budget = Budget({"small": Decimal(1)})
    budget.restore(DAY, {"small": Decimal(1)})
    assert not budget.reserve("small", DAY, Decimal("0.01"))
    assert budget.reserve("small", "2026-02-01", Decimal(1))
    assert not budget.reserve("small", DAY, Decimal(0))
    budget.settle("small", DAY, Decimal(1), Decimal(0))
    assert budget.committed("small") == Decimal(1)


def test_a_limit_of_nothing_lets_only_free_calls_pass() -> None:
    budget = Budget({"small": Decimal(0)})
    assert not budget.reserve("small", DAY, Decimal("0.000001"))
    assert budget.reserve("small", DAY, Decimal(0))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(url="https://api.example.com"), Decimal(20)),
        (Target(url="https://api.example.com", budget_usd_per_day=0.5), Decimal("0.5")),
        (Target(url="http://127.0.0.1:8000"), None),
        (Target(url="http://localhost:8000"), None),
        (Target(url="http://localhost:8000", budget_usd_per_day=3), Decimal(3)),
        (Target(baseline="rules.toml"), None),
    ],
)
def test_a_limit_is_the_users_or_twenty_dollars_away_from_home(target: Target, expected: Decimal | None) -> None:
    assert limit_of(target) == expected

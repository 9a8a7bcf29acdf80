"""The view `pairs`: who stands beside whom."""

import io
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from proxy.commands import pairs_view
from proxy.exchange import Exchange
from proxy.store import Round, Store
from tests.proxy.stored import NOON, a_call, a_round, an_exchange, an_incumbent


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "understudy.duckdb"))
    made.prepare()
    return made


def pairs(store: Store, *exchanges: Exchange, select: str = "incumbent_text, candidate_text", call: bool = True) -> list[tuple[Any, ...]]:
    store.commit(Round(calls=(a_call(),) if call else (), exchanges=exchanges))
    return store.query(f"SELECT {select} FROM pairs ORDER BY target, role, run_id NULLS FIRST, sample").rows


def test_both_sides_of_a_pair_have_every_column_of_an_exchange(store: Store) -> None:
    columns = set(store.query("SELECT * FROM pairs").columns)
    keys = {"call_id", "target", "role", "run_id", "sample"}
    wanted = {f"{side}_{field.name}" for field in fields(Exchange) if field.name not in keys for side in ("incumbent", "candidate")}
    assert wanted | keys | {"workflow", "arrived_at"} <= columns


def test_a_live_answer_stands_beside_the_live_incumbent(store: Store) -> None:
    assert pairs(store, an_incumbent(text="I"), an_exchange(text="C")) == [("I", "C")]


def test_every_other_role_is_the_candidate_of_a_pair(store: Store) -> None:
    others = an_exchange(target="big", role="repeat"), an_exchange(target="rules", role="baseline"), an_exchange()
    assert pairs(store, an_incumbent(), *others, select="target, role") == [
        ("big", "repeat"),
        ("rules", "baseline"),
        ("small", "candidate"),
    ]


def test_a_canary_pairs_with_the_incumbent_nobody_saw(store: Store) -> None:
    shown = pairs(store, an_incumbent(seen=False), an_exchange(seen=True), select="incumbent_seen, candidate_seen")
    assert shown == [(False, True)]


def test_the_last_attempt_counts_and_costs_are_those_of_all(store: Store) -> None:
    tries = an_exchange(attempt=1, text="1st", cost_usd=Decimal("0.25")), an_exchange(attempt=2, text="2nd", cost_usd=Decimal("0.5"))
    found = pairs(store, an_incumbent(), *tries, select="candidate_text, candidate_attempt, candidate_cost_usd, incumbent_cost_usd")
    assert found == [("2nd", 2, Decimal("0.75"), Decimal("0.001"))]


def test_costs_are_unknown_when_one_attempt_s_cost_is(store: Store) -> None:
    tries = an_exchange(attempt=1, cost_usd=None), an_exchange(attempt=2, cost_usd=Decimal("0.5"))
    assert pairs(store, an_incumbent(), *tries, select="candidate_cost_usd") == [(None,)]


def test_attempts_of_live_and_run_are_not_mixed(store: Store) -> None:
    tries = an_exchange(attempt=1, cost_usd=Decimal(1)), an_exchange(attempt=2, run_id="r", cost_usd=Decimal(2))
    assert pairs(store, an_incumbent(), *tries, select="candidate_cost_usd") == [(Decimal(1),), (Decimal(2),)]


def test_a_run_pairs_with_its_own_incumbent_else_with_the_live_one(store: Store) -> None:
    live = an_incumbent(text="live"), an_exchange(text="C")
    again = an_incumbent(run_id="again", text="asked again"), an_exchange(run_id="again", text="C2")
    found = pairs(store, *live, *again, an_exchange(run_id="alone", text="C3"))
    assert found == [("live", "C"), ("asked again", "C2"), ("live", "C3")]


def test_a_sample_pairs_with_the_same_sample_of_the_run_else_with_its_first(store: Store) -> None:
    incumbents = an_incumbent(text="live"), *(an_incumbent(run_id="r", sample=n, text=f"I{n}") for n in (1, 2))
    samples = [an_exchange(run_id="r", sample=n, text=f"C{n}") for n in (1, 2, 3)]
    assert pairs(store, *incumbents, *samples) == [("I1", "C1"), ("I2", "C2"), ("I1", "C3")]


def test_half_a_pair_is_no_pair_until_the_other_half_comes(store: Store) -> None:
    assert pairs(store, an_exchange()) == []
    assert pairs(store, an_incumbent()) == [("an answer", "an answer")]


def test_a_late_call_completes_its_pair(store: Store) -> None:
    assert pairs(store, an_exchange(), an_incumbent(), call=False) == []
    assert len(pairs(store)) == 1


def test_pairs_since_shows_what_arrived_later(store: Store) -> None:
    store.commit(a_round(1))
    assert [row["candidate_text"] for row in store.pairs_since(NOON - timedelta(seconds=1))] == ["an answer"]
    assert store.pairs_since(NOON) == []


def test_pairs_since_can_be_narrowed(store: Store) -> None:
    before = NOON - timedelta(seconds=1)
    calls = a_call(1), a_call(2), a_call(3, workflow="extract")
    answers = an_exchange(1), an_exchange(2, text="another"), an_exchange(3, outcome="refused", text="no")
    store.commit(Round(calls=calls, exchanges=(*answers, *map(an_incumbent, (1, 2, 3)))))
    assert {row["candidate_text"] for row in store.pairs_since(before, differs=True)} == {"another", "no"}
    assert {row["candidate_text"] for row in store.pairs_since(before, refused=True)} == {"no"}
    assert {row["candidate_text"] for row in store.pairs_since(before, workflow="triage")} == {"an answer", "another"}


def test_the_pairs_command_says_of_a_canarys_call_what_the_client_saw(store: Store) -> None:
    calls = a_call(1), a_call(2, rollout="try", rollout_target="small")
    canary = an_incumbent(2, seen=False), an_exchange(2, seen=True), an_exchange(2, target="third")
    store.commit(Round(calls=calls, exchanges=(an_incumbent(1), an_exchange(1), *canary)))
    said = io.StringIO()
    assert pairs_view.run(store, pairs_view.Wanted(), follow=False, as_json=False, console=Console(file=said, width=150)) == 0
    titles = [line.split("  ", 2)[2].rstrip(" ─╮") for line in said.getvalue().splitlines() if line.startswith("╭")]
    assert titles == [
        "candidate",
        "canary: the client saw the candidate's answer",
        "candidate, beside a canary: the client saw neither of these",
    ]

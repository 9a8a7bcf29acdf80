"""Arbitrary texts, arbitrary amounts, arbitrary splits: the same store."""

import tempfile
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.rows import repaired
from proxy.store import Round, Store
from tests.proxy.stored import a_call, a_decision, an_exchange, an_incumbent

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ANY_TEXT = st.text(alphabet=st.characters())  # with surrogates and NUL
MONEY = st.decimals(min_value=Decimal("-999999999"), max_value=Decimal("999999999"), places=9)


def contents(rounds: list[Round]) -> dict[str, list[tuple[Any, ...]]]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder) / "store.duckdb"))
        store.prepare()
        for one in rounds:
            store.commit(one)
        tables = ("calls", "exchanges", "mirror_decisions", "prefixes", "pairs")
        return {table: store.query(f"SELECT * FROM {table} ORDER BY ALL").rows for table in tables}


@SLOW
@given(st.lists(ANY_TEXT, min_size=1, max_size=20), st.lists(MONEY, min_size=20, max_size=20))
def test_texts_survive_or_are_marked_and_money_is_exact(texts: list[str], amounts: list[Decimal]) -> None:
    calls = tuple(a_call(number, prompt_text=text, request=text) for number, text in enumerate(texts))
    answers = tuple(an_exchange(number, text=text, cost_usd=amounts[number]) for number, text in enumerate(texts))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder) / "store.duckdb"))
        store.prepare()
        assert store.commit(Round(calls=calls, exchanges=answers)).quarantined == ()
        found = store.query("SELECT prompt_text FROM calls ORDER BY call_id").rows
        kept = store.query("SELECT text, cost_usd, notes FROM exchanges ORDER BY call_id").rows
    assert [text for (text,) in found] == [repaired(text) for text in texts]
    for text, amount, (stored, cost, notes) in zip(texts, amounts, kept, strict=False):
        assert stored == repaired(text) and cost == amount
        assert (notes is not None) == (stored != text)


NUMBERS = st.lists(st.integers(0, 6), min_size=1, max_size=12)


@SLOW
@given(NUMBERS, st.lists(st.integers(0, 12), max_size=3), st.booleans())
def test_any_split_and_any_repetition_gives_the_same_store(numbers: list[int], cuts: list[int], twice: bool) -> None:
    def a_part(part: list[int]) -> Round:
        both = tuple(made(number) for number in part for made in (an_incumbent, an_exchange))
        return Round(
            calls=tuple(map(a_call, part)), exchanges=both, decisions=tuple(map(a_decision, part)), prefixes={str(n): "text" for n in part}
        )

    edges = [0, *sorted(min(cut, len(numbers)) for cut in cuts), len(numbers)]
    parts = [a_part(numbers[begin:end]) for begin, end in pairwise(edges)]
    assert contents(parts * 2 if twice else parts) == contents([a_part(numbers)])

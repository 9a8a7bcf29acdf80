"""What an answer cost and what for: a row's parts are those of the very price its cost was made with."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.anonymize import Anonymizer
from proxy.config_file import parse
from proxy.exchange import Exchange, Usage
from proxy.frame import frame_of
from proxy.meaning import when
from proxy.spending import cost_at, parts_of_row
from tests.proxy.journaled import new_id

TEXT = """
[targets.own]
url = "http://127.0.0.1:9"
price = { input = 2.5, cached_input = 1.25, output = 10.0 }
[targets.listed]
url = "https://api.openai.com"
[targets.program]
command = ["cat"]
[[routes]]
name = "main"
incumbent = "listed"
shadow = [ { target = "own" }, { target = "program" } ]
"""
FRAME = frame_of(parse(TEXT), Anonymizer(b"k" * 32))
NOW = when(1_780_000_000_000_000)
MODELS = ("gpt-4o-mini-2024-07-18", "gpt-4o-mini")
COUNTS = st.none() | st.integers(0, 10**7)


def a_row(target: str, usage: Usage, usd: Decimal | None) -> Exchange:
    counted: dict[str, Any] = {
        f"{name}_tokens": getattr(usage, f"{name}_tokens") for name in ("input", "cached_input", "cache_write", "output", "reasoning")
    }
    return Exchange(
        call_id=new_id(), target=target, role="candidate", seen=False, started_at=NOW, status=200, outcome="answered", outcome_reason="",
        failure_class="ok", text=None, model_served=MODELS[0], model_requested=MODELS[1], cost_usd=usd, **counted,
    )  # fmt: skip


@given(
    target=st.sampled_from(("own", "listed")),
    usage=st.builds(
        Usage, input_tokens=COUNTS, cached_input_tokens=COUNTS, cache_write_tokens=COUNTS, output_tokens=COUNTS, reasoning_tokens=COUNTS
    ),
)
def test_the_parts_of_a_row_sum_to_its_cost_and_an_unknown_cost_has_none(target: str, usage: Usage) -> None:
    cost = cost_at(target, "openai.chat", usage, MODELS, NOW, FRAME)
    parts = parts_of_row(a_row(target, usage, cost.usd), "openai.chat", FRAME)
    assert sum(parts.values(), Decimal(0)) == (cost.usd or 0)
    assert not parts if cost.usd is None else parts == cost.parts


@pytest.mark.parametrize(("target", "dialect"), [("program", "openai.chat"), ("nobody", "openai.chat"), ("own", "of nobody")])
def test_a_program_of_ones_own_and_what_nobody_knows_have_no_parts(target: str, dialect: str) -> None:
    assert parts_of_row(a_row(target, Usage(input_tokens=9, output_tokens=9), Decimal(0)), dialect, FRAME) == {}

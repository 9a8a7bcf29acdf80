"""How a row becomes a line: repaired with a mark, or named with its reason."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exchange import ToolCall
from proxy.rows import Line, Round, chunks, content_hash, json_of, lines_of, repaired
from tests.proxy.stored import a_call, an_exchange, an_id


def read(row: object) -> dict[str, Any]:
    return orjson.loads(json_of(row))


@pytest.mark.parametrize("bad", ["\ud800", "\udfff", "\0", "\ud83d text"])
def test_an_unwritable_character_is_replaced_and_marked(bad: str) -> None:
    found = read(an_exchange(text=f"before {bad} after", notes="seen"))
    assert "�" in found["text"] and found["text"].startswith("before ") and found["text"].endswith(" after")
    assert found["notes"] == "seen; unwritable characters replaced in text"


def test_it_is_found_in_tool_calls_and_lists_too() -> None:
    found = read(an_exchange(tool_calls=(ToolCall(id=None, name="f", arguments="\ud800"),), rewrites=("a\0",)))
    assert found["tool_calls"] == [{"id": None, "name": "f", "arguments": "�"}] and found["rewrites"] == ["a�"]
    assert found["notes"] == "unwritable characters replaced in tool_calls, rewrites"


def test_a_backslash_that_only_looks_like_a_nul_is_left_alone() -> None:
    found = read(an_exchange(text="the text \\u0000"))
    assert found["text"] == "the text \\u0000" and found["notes"] is None


def test_money_keeps_nine_places_and_rounds_to_even_beyond() -> None:
    assert read(an_exchange(cost_usd=Decimal("0.0000000015")))["cost_usd"] == "2E-9"
    assert read(an_exchange(cost_usd=Decimal("12.000000001")))["cost_usd"] == "12.000000001"


@pytest.mark.parametrize("wrong", [{"call_id": "no uuid"}, {"cost_usd": Decimal("NaN")}, {"input_tokens": 1 << 70}, {"error": object()}])
def test_a_row_that_cannot_be_written_is_named_with_its_reason(wrong: dict[str, Any]) -> None:
    tables, bad = lines_of(Round(exchanges=(an_exchange(1, **wrong), an_exchange(2))))
    assert [line.name for table in tables for line in table.lines] == [an_id(2)]
    assert [(row.kind, bool(row.reason)) for row in bad] == [("exchanges", True)]


def test_the_first_of_equal_keys_is_kept() -> None:
    tables, _ = lines_of(Round(calls=(a_call(1, workflow="first"), a_call(1, workflow="second"), a_call(2))))
    assert [orjson.loads(line.json)["workflow"] for line in tables[0].lines] == ["first", "triage"]


@given(st.text(alphabet=st.characters()))
def test_repair_is_the_identity_on_good_text_and_always_encodes(text: str) -> None:
    assert repaired(text).encode().decode() == repaired(text)
    assert repaired(repaired(text)) == repaired(text)
    assert ("�" in repaired(text)) or repaired(text) == text
    assert len(content_hash(text)) == 64


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 60))
def test_chunks_keep_every_line_in_order_and_stay_small(sizes: list[int], size: int) -> None:
    lines = tuple(Line(str(number), "x" * length) for number, length in enumerate(sizes))
    found = list(chunks(lines, size))
    assert tuple(line for chunk in found for line in chunk) == lines
    assert all(len(chunk) == 1 or sum(len(line.json) for line in chunk) <= size for chunk in found)

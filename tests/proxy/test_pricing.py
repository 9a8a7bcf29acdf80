"""Dollars by hand: the numbers beside each payload are tokens times the vendors' published rates, each token once."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exchange import Usage
from proxy.pricing import (
    Price,
    Rates,
    cost_of,
    estimate_tokens,
    listed_price,
    own_price,
    parts_of,
    price_of,
    provider_of,
    usd_of,
    worst_case_usd,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def listed(provider: str, model: str, at: datetime = NOW) -> Price:
    price = listed_price(provider, model, at)
    assert price is not None
    return price


@pytest.mark.parametrize(
    ("provider", "model", "usage", "usd"),
    [
        # prompt_tokens 2006 (cached 1920), completion_tokens 300 (reasoning 0): 86 x .15 + 1920 x .075 + 300 x .60 per million
        ("openai", "gpt-4o-mini-2024-07-18", Usage(input_tokens=86, cached_input_tokens=1920, output_tokens=300), "0.0003369"),
        # prompt_tokens 1000, completion_tokens 900 (reasoning 640): 1000 x 1.25 + 900 x 10
        ("openai", "gpt-5", Usage(input_tokens=1000, cached_input_tokens=0, output_tokens=260, reasoning_tokens=640), "0.01025"),
        # input_tokens 21, cache_creation 1885, cache_read 188086, output_tokens 393: 21 x 15 + 1885 x 18.75 + 188086 x 1.5 + 393 x 75
        (
            "anthropic",
            "claude-opus-4-1-20250805",
            Usage(input_tokens=21, cached_input_tokens=188_086, cache_write_tokens=1885, output_tokens=393),
            "0.34726275",
        ),
        # promptTokenCount 1000 (cached 400), candidates 50, thoughts 500: 600 x .30 + 400 x .03 + 550 x 2.50
        (
            "google",
            "gemini-2.5-flash",
            Usage(input_tokens=600, cached_input_tokens=400, output_tokens=50, reasoning_tokens=500),
            "0.001567",
        ),
        # above 200,000 input tokens every token costs the higher tier: 250,000 x 2.50 + 1000 x 15
        ("google", "gemini-2.5-pro", Usage(input_tokens=250_000, output_tokens=1000, reasoning_tokens=0), "0.64"),
        ("openai", "text-embedding-3-small", Usage(input_tokens=1_000_000), "0.02"),
    ],
)
def test_real_usage_costs_what_a_hand_computes(provider: str, model: str, usage: Usage, usd: str) -> None:
    cost = cost_of(usage, own=None, provider=provider, models=(model,), at=NOW)
    assert cost.usd == Decimal(usd)
    assert cost.price_date is not None and cost.price_date.startswith("genai-prices ")


def test_a_price_is_the_one_of_the_exchange_s_day() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    before, after = listed("openai", "o3", datetime(2025, 6, 9, tzinfo=UTC)), listed("openai", "o3", datetime(2025, 6, 10, tzinfo=UTC))
    assert (usd_of(before, usage), usd_of(after, usage)) == (Decimal(10), Decimal(2))
    assert after.date.endswith("since 2025-06-10")


def test_the_target_s_own_table_goes_before_any_list() -> None:
    own = own_price({"input": 0.15, "cached_input": 0.075, "output": 0.60})
    cost = cost_of(Usage(input_tokens=10, cached_input_tokens=20, output_tokens=30), own=own, provider="openai", models=("gpt-4o",), at=NOW)
    assert (cost.usd, cost.price_date) == (Decimal("0.000021"), "config")


def test_a_cost_is_told_by_what_it_is_for() -> None:
    usage = Usage(input_tokens=21, cached_input_tokens=188_086, cache_write_tokens=1885, output_tokens=393)
    cost = cost_of(usage, own=None, provider="anthropic", models=("claude-opus-4-1-20250805",), at=NOW)
    told = {"input": "0.000315", "cached_input": "0.282129", "cache_write": "0.03534375", "output": "0.029475"}
    assert cost.parts == {part: Decimal(usd) for part, usd in told.items()}, "no tokens were thought, so that part is not there"


COUNTS = st.none() | st.integers(0, 10**9)
RATES = st.none() | st.decimals(0, 1000, places=6)


@given(
    usage=st.builds(
        Usage, input_tokens=COUNTS, cached_input_tokens=COUNTS, cache_write_tokens=COUNTS, output_tokens=COUNTS, reasoning_tokens=COUNTS
    ),
    rates=st.builds(Rates, input=RATES, output=RATES, cached_input=RATES, cache_write=RATES, reasoning=RATES),
    per_request=st.decimals(0, 1, places=6),
)
def test_the_parts_of_a_cost_are_the_whole_and_unknown_together(usage: Usage, rates: Rates, per_request: Decimal) -> None:
    price = Price(rates=rates, per_request=per_request, date="config")
    parts, usd = parts_of(price, usage), usd_of(price, usage)
    assert (parts is None) == (usd is None)
    if parts is not None:
        assert sum(parts.values(), Decimal(0)) == usd and all(part >= 0 for part in parts.values())
        used = {name for name in ("input", "cached_input", "cache_write", "output", "reasoning") if getattr(usage, f"{name}_tokens")}
        assert used >= parts.keys() - {"request"} and ("request" in parts) == (per_request > 0)


def test_classes_without_a_rate_of_their_own_cost_what_they_belong_to() -> None:
    own = own_price({"input": 1, "output": 10})
    used = Usage(input_tokens=1, cached_input_tokens=1, cache_write_tokens=1, output_tokens=1, reasoning_tokens=1)
    assert usd_of(own, used) == Decimal("0.000023")
    assert usd_of(own_price({"input": 1, "output": 10, "reasoning": 20}), used) == Decimal("0.000033")


@pytest.mark.parametrize(
    ("usage", "provider", "models", "word"),
    [
        (Usage(input_tokens=1, output_tokens=1), "openai", ("llama3:8b",), "no price for llama3:8b"),
        (Usage(input_tokens=1, output_tokens=1), None, ("gpt-4o",), "provider of your own"),
        (Usage(input_tokens=1, output_tokens=1), "openai", (None,), "unnamed"),
        (Usage(input_tokens=1, output_tokens=1), "nobody", ("gpt-4o",), "no price"),
        (None, "openai", ("gpt-4o",), "no usage"),
        (Usage(), "openai", ("gpt-4o",), "no usage"),
        (Usage(input_tokens=5), "openai", ("gpt-4o",), "no count"),
        (Usage(input_tokens=5, output_tokens=5), "openai", ("text-embedding-3-small",), "no price"),
    ],
)
def test_the_unknown_is_none_with_a_reason_and_never_zero(
    usage: Usage | None, provider: str | None, models: tuple[str | None, ...], word: str
) -> None:
    cost = cost_of(usage, own=None, provider=provider, models=models, at=NOW)
    assert cost.usd is None and cost.price_date is None
    assert word in (cost.reason or "")


def test_the_served_model_goes_before_the_requested_one() -> None:
    served = price_of(None, "openai", ("gpt-4o-mini-2024-07-18", "gpt-4o"), NOW)
    fallback = price_of(None, "openai", ("our-gateway-alias-of-something", "gpt-4o"), NOW)
    assert served == listed("openai", "gpt-4o-mini") and fallback == listed("openai", "gpt-4o")


@pytest.mark.parametrize(
    ("url", "family", "provider"),
    [
        ("https://api.openai.com/v1", "openai", "openai"),
        ("https://api.anthropic.com", "anthropic", "anthropic"),
        ("https://generativelanguage.googleapis.com", "gemini", "google"),
        ("https://ours.openai.azure.com/openai/v1", "openai", "azure"),
        ("https://openrouter.ai/api/v1", "openai", "openrouter"),
        ("https://api.groq.com/openai/v1", "openai", "groq"),
        ("https://llm.example.com", "anthropic", "anthropic"),
        ("http://127.0.0.1:8000", "openai", None),
        ("http://localhost:11434", "openai", None),
        ("http://[::1]:9", "openai", None),
        ("http://10.0.0.7:8000", "openai", None),
        ("http://vllm:8000", "openai", None),
        ("http://vllm.models.svc.cluster.local", "openai", None),
    ],
)
def test_the_host_says_whose_list_applies_then_the_dialect(url: str, family: str, provider: str | None) -> None:
    assert provider_of(url, family) == provider  # type: ignore[arg-type]


def test_the_configuration_s_word_goes_first() -> None:
    assert provider_of("http://127.0.0.1:4000", "openai", "groq") == "groq"


def test_every_listed_price_agrees_with_the_list_s_own_arithmetic() -> None:
    from genai_prices import Usage as Totals
    from genai_prices import calc_price
    from genai_prices.data_snapshot import get_snapshot

    ours = Usage(input_tokens=210_000, cached_input_tokens=500, cache_write_tokens=200, output_tokens=300, reasoning_tokens=50)
    totals = Totals(input_tokens=210_700, cache_read_tokens=500, cache_write_tokens=200, output_tokens=350)
    compared = 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            price = listed_price(provider.id, model.id, NOW)
            usd = usd_of(price, ours) if price else None
            if usd is not None:
                theirs = calc_price(totals, model.id, provider_id=provider.id, genai_request_timestamp=NOW).total_price
                assert usd == theirs, (provider.id, model.id)
                compared += 1
    assert compared > 1500


@pytest.mark.parametrize("table", [{}, {"output": 1}, {"input": -1}, {"input": float("nan")}, {"input": 1, "cache": 1}])
def test_a_price_table_that_cannot_be_meant_is_refused(table: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        own_price(table)


def test_a_reservation_is_never_less_than_what_the_call_then_costs() -> None:
    price = listed("anthropic", "claude-sonnet-4-5")
    worst = worst_case_usd(price, 400_000, 1000)
    spent = usd_of(price, Usage(input_tokens=0, cached_input_tokens=0, cache_write_tokens=400_000, output_tokens=0, reasoning_tokens=1000))
    assert worst is not None and spent is not None and worst >= spent
    assert worst_case_usd(own_price({"input": 1, "output": 2}), 1_000_000, 500_000) == Decimal(2)


def test_tokens_are_estimated_by_alphabet() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("a" * 400) == 100
    assert estimate_tokens("日本語") == 3
    assert estimate_tokens("привет") == 3

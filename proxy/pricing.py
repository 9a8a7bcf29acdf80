"""What an exchange cost, in USD: the target's own price first, then the public list of genai-prices at the exchange's time.

Unknown is None with a reason, never 0. Tokens come in disjoint classes (`exchange.Usage`), so each is multiplied once by its own rate.
The list is the one inside the installed package: nothing here ever downloads. Batch, flex and priority tiers are not modelled, and a
cache write is priced at the shorter (five minutes') rate.
"""

import ipaddress
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from proxy.exchange import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint

    from proxy.dialects.dialect import Family

PER = Decimal(1_000_000)
FAMILY_PROVIDER: "Mapping[Family, str | None]" = {
    "openai": "openai", "anthropic": "anthropic", "gemini": "google", "bedrock": "aws", "cohere": "cohere", "ollama": None,
}  # fmt: skip
DEFAULT_MAX_OUTPUT = 16_384
"""Reserved for a call that sets no limit of its own."""
_RATES = ("input", "cached_input", "cache_write", "output", "reasoning")
_CJK = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """USD per million tokens; a class without a rate of its own costs what the class it belongs to costs."""

    input: Decimal | None
    output: Decimal | None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    """(input tokens, rates): above so many input tokens these rates hold for all tokens of the call; ascending."""
    per_request: Decimal = Decimal(0)
    date: str
    """Which list, and since when; `config` for the target's own table."""

    def at(self, input_tokens: int) -> Rates:
        return next((rates for start, rates in reversed(self.tiers) if input_tokens > start), self.rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    usd: Decimal | None
    price_date: str | None = None
    reason: str | None = None
    """Why `usd` is None."""
    parts: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """`usd` by what it is for: `parts_of`."""


def own_price(table: Mapping[str, float | int | str | Decimal]) -> Price:
    """The configuration's `price = { input = 0.15, cached_input = 0.075, output = 0.60 }`."""
    unknown = sorted(set(table) - set(_RATES))
    if unknown or "input" not in table:
        raise ValueError(f"a price has {', '.join(_RATES)}, and input at least; found {', '.join(sorted(table)) or 'nothing'}")
    found = {name: Decimal(str(value)) for name, value in table.items()}
    if any(not value.is_finite() or value < 0 for value in found.values()):
        raise ValueError("prices are USD per million tokens, 0 or more")
    rates = Rates(**{name: found.get(name) for name in _RATES})
    return Price(rates=rates, date="config")


def provider_of(url: str, family: "Family", configured: str | None = None) -> str | None:
    """Whose price list applies: the configuration's word, else the host's, else the dialect's; None for a model of one's own."""
    if configured:
        return configured
    parts = urlsplit(url)
    return (
        None if _is_private(parts.hostname or "") else _provider_by_url(f"https://{parts.hostname}{parts.path}") or FAMILY_PROVIDER[family]
    )


def listed_price(provider: str | None, model: str | None, at: datetime) -> Price | None:
    """The public price of this model at this time; None when no list knows it."""
    if not provider or not model:
        return None
    dated = _listed(provider, model)
    # As genai-prices does: the last price whose condition holds, else the first.
    return next(
        (price for condition, price in reversed(dated) if condition is None or condition.active(at)), dated[0][1] if dated else None
    )


def price_of(own: Price | None, provider: str | None, models: Iterable[str | None], at: datetime) -> Price | None:
    """The price to budget with: the target's own, else the list's for the first of these models (served, requested) that it knows."""
    return own or next((price for model in models if (price := listed_price(provider, model, at))), None)


def cost_of(usage: Usage | None, *, own: Price | None, provider: str | None, models: Iterable[str | None], at: datetime) -> Cost:
    known = [model for model in models if model]
    price = price_of(own, provider, known, at)
    if price is None:
        return Cost(usd=None, reason=f"no price for {known[0] if known else 'an unnamed model'} at {provider or 'a provider of your own'}")
    if usage is None or usage.input_tokens is None:
        return Cost(usd=None, reason="the answer reports no usage")
    parts = parts_of(price, usage)
    if parts is None:
        return Cost(usd=None, reason="a token class has no price or no count")
    return Cost(usd=sum(parts.values(), Decimal(0)), price_date=price.date, parts=parts)


def usd_of(price: Price, usage: Usage) -> Decimal | None:
    """None where its parts are."""
    parts = parts_of(price, usage)
    return None if parts is None else sum(parts.values(), Decimal(0))


def parts_of(price: Price, usage: Usage) -> dict[str, Decimal] | None:
    """USD for each class of tokens that was used, and `request` for what a call costs whatever is in it; what is not there was not used.

    None when a class was used that has no rate, or when the output was not counted although it costs.
    """
    cached, written, thought = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0, usage.reasoning_tokens or 0
    fresh = usage.input_tokens or 0
    rates = price.at(fresh + cached + written)
    if usage.output_tokens is None and rates.output:
        return None
    used = (
        ("input", fresh, rates.input),
        ("cached_input", cached, _first(rates.cached_input, rates.input)),
        ("cache_write", written, _first(rates.cache_write, rates.input)),
        ("output", usage.output_tokens or 0, rates.output),
        ("reasoning", thought, _first(rates.reasoning, rates.output)),
    )
    if any(count and rate is None for _, count, rate in used):
        return None
    parts = {name: count * rate / PER for name, count, rate in used if count and rate is not None}
    return parts | {"request": price.per_request} if price.per_request else parts


def worst_case_usd(price: Price, input_chars: int, max_output_tokens: int | None) -> Decimal | None:
    """What a call may cost at most, to be reserved before it is sent: one token per character, at the dearest of every class's rates."""
    every = [price.rates, *(rates for _, rates in price.tiers)]
    read = [rate for rates in every for rate in (rates.input, rates.cached_input, rates.cache_write) if rate is not None]
    written = [rate for rates in every for rate in (rates.output, rates.reasoning) if rate is not None]
    if not read:
        return None
    output = DEFAULT_MAX_OUTPUT if max_output_tokens is None else max_output_tokens
    return (input_chars * max(read) + output * max(written, default=Decimal(0))) / PER + price.per_request


def estimate_tokens(text: str) -> int:
    """A rough count for streams that report none (label it `estimated`): four characters a token; two in other alphabets; one in CJK."""
    if text.isascii():
        return math.ceil(len(text) / 4)
    wide = len(_CJK.findall(text))
    plain = len(text.encode("ascii", "ignore"))
    return math.ceil(wide + plain / 4 + (len(text) - wide - plain) / 2)


def _first(rate: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if rate is None else rate


def _is_private(host: str) -> bool:
    """Loopback, a private address, or a name without a public domain: a model of one's own, whatever it is called."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost", ".lan", ".svc"))


@lru_cache(maxsize=256)
def _provider_by_url(url: str) -> str | None:
    from genai_prices.data_snapshot import get_snapshot  # 0.16 s: only where something is priced

    try:
        return get_snapshot().find_provider(None, None, url).id
    except LookupError:
        return None


@lru_cache(maxsize=4096)
def _listed(provider: str, model: str) -> "tuple[tuple[StartDateConstraint | TimeOfDateConstraint | None, Price], ...]":
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.types import ModelPrice

    try:
        _, info = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return ()
    dated = [(None, info.prices)] if isinstance(info.prices, ModelPrice) else [(each.constraint, each.prices) for each in info.prices]
    found = [(condition, _price(prices, condition)) for condition, prices in dated]
    return tuple((condition, price) for condition, price in found if price is not None)


def _price(prices: "ModelPrice", condition: object) -> Price | None:
    """An entry that names neither input nor output is a gap in the list, not a free model."""
    if prices.input_mtok is None and prices.output_mtok is None:
        return None
    since = getattr(condition, "start_date", None)
    starts = sorted({tier.start for value in _fields(prices) for tier in getattr(value, "tiers", ())})
    return Price(
        rates=_rates(prices, 0),
        tiers=tuple((start, _rates(prices, start + 1)) for start in starts),
        per_request=(_rate(prices.requests_kcount, 0) or Decimal(0)) / 1000,
        date=f"genai-prices {version('genai-prices')}" + (f", since {since}" if since else ""),
    )


def _fields(prices: "ModelPrice") -> "list[Decimal | TieredPrices | None]":
    return [prices.input_mtok, prices.output_mtok, prices.cache_read_mtok, prices.cache_write_mtok]


def _rates(prices: "ModelPrice", input_tokens: int) -> Rates:
    given, made, cached, written = (_rate(value, input_tokens) for value in _fields(prices))
    return Rates(input=given, output=made, cached_input=cached, cache_write=written)


def _rate(value: "Decimal | TieredPrices | None", input_tokens: int) -> Decimal | None:
    """A flat rate, or the one of the highest tier that the input exceeds."""
    if value is None or isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if input_tokens > tier.start), value.base)

"""What an answer of a target cost, and what for: the one place where a configuration's targets meet the price lists.

Law: pure, and a row's parts sum to its cost: both come from the same counts and the same price.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from proxy.exchange import Exchange, Usage
from proxy.frame import Frame, provider
from proxy.pricing import Cost, cost_of


def cost_at(target_name: str, dialect: str, usage: Usage, models: Iterable[str | None], at: datetime, frame: Frame) -> Cost:
    """`models`: the served one, then the requested one."""
    target, own = frame.config.targets.get(target_name), frame.prices.get(target_name)
    if target is not None and (target.baseline or target.command) and own is None:
        return Cost(usd=Decimal(0), price_date="config")  # a program of one's own asks for no tokens
    reader = frame.readers.get(dialect)
    if target is None or reader is None or usage.input_tokens is None:
        return Cost(usd=None, reason="no target, no reader or no usage")
    return cost_of(usage, own=own, provider=provider(target.url, reader.family, target.provider), models=models, at=at)


def parts_of_row(row: Exchange, dialect: str, frame: Frame) -> Mapping[str, Decimal]:
    """The row's USD by what they are for (`pricing.parts_of`); nothing where its cost is unknown."""
    if row.cost_usd is None:
        return {}
    usage = Usage(
        input_tokens=row.input_tokens, cached_input_tokens=row.cached_input_tokens, cache_write_tokens=row.cache_write_tokens,
        output_tokens=row.output_tokens, reasoning_tokens=row.reasoning_tokens,
    )  # fmt: skip
    return cost_at(row.target, dialect, usage, (row.model_served, row.model_requested), row.started_at, frame).parts

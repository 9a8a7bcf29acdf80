"""Figures and times as a person reads them. Pure.

Law: what is not known is said to be unknown, never 0; a text of others is shown with whatever it hides.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

UNKNOWN = "not known"
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, and those that hide or turn text."""
RATES = {"error_rate": "Errors", "refusal_rate": "Refusals", "truncation_rate": "Truncated answers"}
TIMES = {"p95_latency_s": "Latency, 95th percentile", "ttft_p95_s": "Time to first token, 95th percentile"}
MONEY = {"usd_per_call": "Cost of a call"}


def visible(text: object) -> str:
    return HIDDEN.sub("\ufffd", str(text))


def percent(share: float | None) -> str:
    """Of a share between 0 and 1: `0.1 %`, `31.2 %`."""
    return UNKNOWN if share is None else f"{100 * share:.3g} %"


def count(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:,.0f}"


def number(value: float | None) -> str:
    """Three figures; large ones without a power of ten."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def usd(value: float | None) -> str:
    """Cents where it is a tenth of a dollar or more, two figures where it is less; never a power of ten."""
    if value is None:
        return UNKNOWN
    return f"{value:,.2f} USD" if value == 0 or abs(value) >= 0.1 else f"{Decimal(f'{value:.2g}'):f} USD"


def duration(seconds: float | None) -> str:
    """`40 s`, `12 min`, `5.5 h`, `3 days`."""
    if seconds is None:
        return UNKNOWN
    for unit, size in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size or (unit != "days" and seconds >= size):
            return f"{seconds / size:.2g} {unit}" if seconds < 100 * size else f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < 100 else f"{seconds:.0f} s"


def ago(at_s: float, now_s: float) -> str:
    return f"{duration(max(now_s - at_s, 0.0))} ago" if now_s - at_s >= 1 else "just now"


def exactly(at_s: float) -> str:
    """UTC, to the second; for a moment that no calendar has, its number."""
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{at_s} s"


def limit_name(name: str) -> str:
    return RATES.get(name) or TIMES.get(name) or MONEY.get(name) or name.replace("_", " ")


def limit_value(name: str, value: float | None) -> str:
    """In the unit of the limit; None is what too few calls tell."""
    if value is None:
        return "too few calls"
    if name in RATES:
        return percent(value)
    return usd(value) if name in MONEY else f"{value:.3g} s"

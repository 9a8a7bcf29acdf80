"""Figures of a rollout in the words that people read. Pure.

Law: every figure stands with how many it is of, every test with what it needs; what is not known is said to be so.
"""

from decimal import Decimal

from proxy.rollout.report import Limit, Test

NAMES = {
    "error_rate": "errors", "refusal_rate": "refusals", "truncation_rate": "truncated answers", "p95_latency_s": "p95 latency",
    "ttft_p95_s": "p95 of the first content", "usd_per_call": "cost per call",
}  # fmt: skip


def limit_words(limit: Limit, window_s: float) -> str:
    """`refusals 31.2 % of 48 answers in the last 60 s, limit 10 %`."""
    place = f" in segment {limit.segment}" if limit.segment else ""
    last = f"{limit.calls} answers{place} in the last {span(max(window_s, limit.over_s))}"
    name = NAMES.get(limit.name, limit.name)
    if limit.value is None:
        return f"{name}: {last}, too few to say; limit {amount(limit.name, limit.limit)}"
    beside = "" if limit.incumbent is None else f", the incumbent's {amount(limit.name, limit.incumbent)}"
    return f"{name} {amount(limit.name, limit.value)} of {last}{_mostly(limit)}, limit {amount(limit.name, limit.limit)}{beside}"


def test_words(test: Test) -> str:
    """`pairs: triage json_schema: mean score 0.31 against 0.99 of the incumbent, evidence 5,200 of 1,600 needed, from 41`."""
    odds = f"evidence {odd(test.evidence)} of {odd(test.needed)} needed, from {test.n:,}"
    if test.candidate is None or test.incumbent is None:
        return f"{test.name}: {odds}"
    what, unit = "mean score " if test.name.startswith("pairs: ") else "", " s" if test.name.endswith("latency") else ""
    return f"{test.name}: {what}{test.candidate:.4g}{unit} against {test.incumbent:.4g}{unit} of the incumbent{_mostly(test)}, {odds}"


test_words.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]


def _mostly(told: Limit | Test) -> str:
    return f", mostly: {told.mostly}" if told.mostly else ""


def amount(name: str, value: float) -> str:
    if name.endswith("_rate"):
        return f"{100 * value:.3g} %"
    return f"${Decimal(f'{value:.3g}'):f}" if name == "usd_per_call" else f"{value:.3g} s"


def odd(value: float) -> str:
    return f"{value:,.2g}" if value < 10 else f"{value:,.0f}" if value < 1e7 else f"{value:.0e}"


def span(seconds: float) -> str:
    """`40 s`, `12 min`, `2 h 10 min`, `3 d 4 h`."""
    whole = round(max(seconds, 0.0))
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"

"""The PromQL that panels share: rates, shares, quantiles, and the incumbent beside the others.

Law: a share whose part was never seen is 0, not missing; a share of nothing is NaN, not 0. Times of a rate follow the panel's width and the
scrape interval (`$__rate_interval`).
"""

from collections.abc import Callable
from dataclasses import dataclass

ROUTE, WORKFLOW, TARGET = 'route=~"$route"', 'workflow=~"$workflow"', 'target=~"$target"'
INCUMBENT = 'role="incumbent"'
OTHERS = f'role!="incumbent",{TARGET}'
SEEN, UNSEEN = 'seen="true"', 'seen="false"'
FAILED = 'outcome=~"errored|timed_out"'  # what the guard calls an error
SPOILT = 'outcome=~"truncated|malformed"'
REFUSED = 'outcome=~"refused|filtered"'
WHO = "role, target"


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False


def series(name: str, *matchers: str) -> str:
    """One of our metrics: `series("calls_total", SEEN)`."""
    return f"understudy_{name}" + (f"{{{','.join(each for each in matchers if each)}}}" if any(matchers) else "")


def per_s(selector: str, by: str = "") -> str:
    return summed(f"rate({selector}[$__rate_interval])", by)


def per_h(selector: str, by: str = "") -> str:
    """Of events too rare to be told by the second."""
    return f"3600 * {per_s(selector, by)}"


def latest(name: str, by: str, *matchers: str) -> str:
    """Of a gauge: the highest of those that say the same thing."""
    return f"max by ({by}) ({series(name, *matchers)})"


def summed(expr: str, by: str = "") -> str:
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def share(part: str, whole: str, by: str = "") -> str:
    """Which part of the whole's events the part's are."""
    of = per_s(whole, by)
    return f"({per_s(part, by)} or 0 * {of}) / {of}"


def per(amount: str, whole: str, by: str = "") -> str:
    """So much of an amount for each of the whole's events; nothing where the amount was never seen."""
    return f"{per_s(amount, by)} / {per_s(whole, by)}"


def per_of_all(amount: str, whole: str, by: str) -> str:
    """The same with the amount taken apart by a label that the whole does not have: the parts of it add up."""
    return f"{per_s(amount, by)} / on () group_left () {per_s(whole)}"


def quantile(q: float, name: str, by: str, *matchers: str) -> str:
    """Of a histogram: `quantile(0.95, "latency_seconds", WHO, ROUTE)`."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {per_s(series(f'{name}_bucket', *matchers), labels)})"


def beside(make: Callable[[str], str], legend: str = "{{role}} {{target}}") -> tuple[Query, Query]:
    """The incumbent, whatever `target` is chosen, and beside it the chosen others: one query each, so that each has colours of its own."""
    return Query(make(INCUMBENT), legend), Query(make(OTHERS), legend)

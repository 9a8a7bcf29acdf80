"""The betting engine for differences in any known range: cluster means, ratio claims, log ratios, and sums that a database made.

Law: as `portfolio.py`, of which the three counts are a special case. What a value may at least (most) be is a fact of the criterion, never
read off the data; a value outside counts as the edge, and who calls prints the share of those.

Source: Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting (arXiv:2010.09686), Cover's mixture of 64 bets. The
guarantee needs E[value | past] <= m and bounds that always hold; clusters that enter once, when closed.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from scoring.stats.portfolio import BETS, Interval, fractions, level_bound, moments

RATIO_EDGE = math.log(8)
Value = TypeVar("Value", bound=Hashable)


def log_ratio(incumbent: float, candidate: float) -> float | None:
    """For cost and mean latency: ln(candidate / incumbent), clipped to [-ln 8, ln 8]; None unless both are above 0 and finite."""
    if not (0.0 < incumbent < math.inf and 0.0 < candidate < math.inf):
        return None
    ratio = math.log(candidate) - math.log(incumbent)
    return RATIO_EDGE if ratio > RATIO_EDGE else -RATIO_EDGE if ratio < -RATIO_EDGE else ratio


def log_e_above(values: Mapping[float, float], m: float, low: float) -> float:
    """Natural log of the evidence against "the mean is at most `m`", for values of at least `low` < m; `values` counts them."""
    width = m - low
    return log_e_of_sums(
        [sum(count * math.log1p(k * ((max(value, low) - m) / width)) for value, count in values.items()) for k in fractions()]
    )


def log_e_below(values: Mapping[float, float], m: float, high: float) -> float:
    """The same against "the mean is at least `m`", for values of at most `high` > m."""
    return log_e_above({-value: count for value, count in values.items()}, -m, -high)


def interval(values: Mapping[float, float], low: float, high: float, alpha: float = 0.05) -> Interval:
    """The means not refuted at level `alpha`, at every look at once; the whole range without values."""
    if not any(values.values()):
        return Interval(low=low, high=high)
    flipped = {-value: count for value, count in values.items()}
    mean, error = moments(values)
    return Interval(
        low=level_bound(lambda m: log_e_above(values, m, low), alpha, low, high, (mean, error)),
        high=-level_bound(lambda m: log_e_above(flipped, m, -high), alpha, -high, -low, (-mean, error)),
    )


def log_e_of_sums(sums: Sequence[float]) -> float:
    """The evidence from the log wealth of each of the 64 bets, as `sql_sums` has a database make them."""
    top = max(sums)
    return top + math.log(sum(math.exp(each - top) for each in sums)) - math.log(BETS)


def sql_sums(column: str, m: float, low: float) -> tuple[str, ...]:
    """64 SQL columns, one for each bet: a million rows become 64 numbers in one scan. `column` is an expression of ours, not of a user."""
    return tuple(f"sum(ln(1 + {k!r} * (({column} - ({m!r})) / {m - low!r})))" for k in fractions())


def counted(pairs: Iterable[tuple[Value, int]]) -> Mapping[Value, int]:
    """Equal values are one, with the sum of their counts."""
    counts = Counter[Value]()
    for value, count in pairs:
        counts[value] += count
    return counts

"""The betting engine of `stats/bounded.py`, one value at a time: 64 sums instead of a count of every value that ever came.

Law: the same evidence to the last digit but rounding, whatever order values come in; what a value may at least be is said before. A guard
looks after every pair, and counting all pairs again each time would cost milliseconds where this costs microseconds.
"""

import math

from scoring.rubric import Dimension, Relative
from scoring.stats.bounded import log_e_of_sums
from scoring.stats.portfolio import BETS, fractions
from scoring.stats.verdict import Absolute

Gains = tuple[float, ...]
"""What a value adds to the log wealth of each bet."""


class Bets:
    """Against "the mean is at most `m`", for values of at least `low` < m."""

    def __init__(self, m: float, low: float):
        self.m, self.low = m, low
        self.sums: Gains = (0.0,) * BETS

    def gains(self, value: float) -> Gains:
        z = (max(value, self.low) - self.m) / (self.m - self.low)
        return tuple(math.log1p(k * z) for k in fractions())

    def add(self, gains: Gains) -> None:
        self.sums = tuple(map(float.__add__, self.sums, gains))

    def begin(self) -> None:
        self.sums = (0.0,) * BETS

    @property
    def log_e(self) -> float:
        return log_e_of_sums(self.sums)


def bets_of(dimension: Dimension) -> Bets:
    """On the claim that takes a candidate back: worse at all where nothing is tolerated, else worse than the margin allows."""
    margin = dimension.margin
    if dimension.zero_tolerance or isinstance(margin, Relative):
        return Bets(0.0, -1.0)
    return Bets(margin.delta, -1.0) if isinstance(margin, Absolute) else Bets(margin.eps, -margin.r)


def lost(dimension: Dimension, incumbent: float, candidate: float) -> float:
    """What the candidate loses in one pair, as `bets_of` bets on it. Scores in [0, 1]."""
    margin = dimension.margin
    if dimension.zero_tolerance or isinstance(margin, Relative | Absolute):
        return incumbent - candidate
    return (1 - candidate) - margin.r * (1 - incumbent)

"""Is the candidate's p95 more than a fifth slower, from answers to different calls: an e-process for a quantile of two samples.

Law: evidence is the least over all values theta that the incumbent's quantile may have. At each, two things must be unlikely at once:
that so few of the incumbent's answers are as slow as theta, and so many of the candidate's slower than (1 + tau) theta. Each is a mean of
twelve likelihood ratios against the share 1 - p of slow answers, and the evidence is their product: half the answers that a mean asks.

Why a product: at the true quantile, if the claim holds, either side's factor for an answer has an expectation of at most 1 given the past,
so the two of answers that come side by side have one of at most 1 plus their covariance. That is not above 0 where the two are independent
given the past, or where slow answers come with slow ones (a load that both feel). If the level of both drifts as one, it holds given its
path at each look by itself, at the quantile of all until then. It does not hold for sides taken from different hours: who calls takes them
in turns. An afternoon that is slow for the candidate alone is no false alarm but what is looked for.

Needs answers that are independent given the past, or slow ones that come with slow ones.

Source: Howard & Ramdas, Sequential estimation of quantiles (arXiv:1906.09712), with the product in the place of their mean.
"""

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import cache

from scoring.stats.quantile import Claim, Pair

QUICKER, SLOWER, BETS = (0.1, 4.0), (0.05, 1.5), 12
"""By how much the log odds of a slow answer may be lower at the incumbent, higher at the candidate: the first and the last of the bets."""


def unpaired(pairs: Sequence[Pair], claim: Claim) -> float:
    """Natural log of the evidence against the claim, of pairs that only came side by side."""
    return of_sorted(sorted(x for x, _ in pairs), sorted(y for _, y in pairs), claim)


def of_sorted(incumbent: Sequence[float], candidate: Sequence[float], claim: Claim) -> float:
    """The same, of latencies in rising order; there may be more of one side. 20,000 of each: about 2 ms."""
    if not incumbent or not candidate:
        return 0.0
    slow, theirs, its = 1 - claim.p, len(incumbent), len(candidate)

    @cache
    def quick(at: int) -> float:
        """Against "theta is at most the incumbent's quantile", where theta is their latency number `at`, at last more than all."""
        below = theirs if at == theirs else bisect_left(incumbent, incumbent[at])
        return log_e_fewer(theirs - below, theirs, slow)

    @cache
    def late(at: int) -> float:
        """Against "the candidate's quantile is at most (1 + tau) theta"."""
        above = 0 if at == theirs else its - bisect_right(candidate, (1 + claim.tau) * incumbent[at])
        return log_e_more(above, its, slow)

    return _least(quick, late, theirs)


def log_e_fewer(hits: int, n: int, share: float) -> float:
    """Log evidence against "a hit has at least the chance `share`"; it falls as `hits` rise."""
    return _mean(hits, n, _ratios(share, -1, QUICKER))


def log_e_more(hits: int, n: int, share: float) -> float:
    """Log evidence against "a hit has at most the chance `share`"; it rises with `hits`."""
    return _mean(hits, n, _ratios(share, 1, SLOWER))


@cache
def _ratios(share: float, sign: int, span: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """For each bet the log likelihood ratio of a hit and of a miss, in equal steps of the log of its shift."""
    first, last = map(math.log, span)
    odds = [math.exp(sign * math.exp(first + (last - first) * at / (BETS - 1))) for at in range(BETS)]
    return tuple((math.log(each / (1 - share + share * each)), -math.log(1 - share + share * each)) for each in odds)


def _mean(hits: int, n: int, ratios: Sequence[tuple[float, float]]) -> float:
    """The log of the mean of the bets' wealth."""
    logs = [hits * hit + (n - hits) * miss for hit, miss in ratios]
    top = max(logs)
    return top + math.log(math.fsum(math.exp(each - top) for each in logs) / len(logs))


def _least(rising: Callable[[int], float], falling: Callable[[int], float], last: int) -> float:
    """The least of the sum at 0 … `last`, exact: of each span a bound from below is known, and the most promising is halved first."""
    least = min(rising(0) + falling(0), rising(last) + falling(last))
    spans = [(rising(0) + falling(last), 0, last)]
    while spans and spans[0][0] < least:
        _, low, high = heapq.heappop(spans)
        if high - low < 2:
            continue
        middle = (low + high) // 2
        least = min(least, rising(middle) + falling(middle))
        for begin, end in ((low, middle), (middle, high)):
            heapq.heappush(spans, (rising(begin) + falling(end), begin, end))
    return least

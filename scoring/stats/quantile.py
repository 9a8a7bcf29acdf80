"""Is the candidate's p95 more than a fifth slower: an e-process for quantiles of two latencies of the same calls.

Law: shadow latency is not canary latency; who calls says which it is. Evidence is the least over all values that the incumbent's quantile
may have, so it is never bought by choosing one.

Source: Howard & Ramdas, Sequential estimation of quantiles (arXiv:1906.09712), with our bets, as scoring.md 1.8 has it; of other calls:
`unpaired.py`. Needs pairs that are independent. The least is sought over 40 observed values and then between the two next to the smallest:
a search, from above.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scoring.stats.bounded import log_e_above
from scoring.stats.portfolio import Ternary, log_e_value

GRID = 40
Pair = tuple[float, float]
"""The incumbent's and the candidate's latency of one call, in the same unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """That the candidate's quantile `p` is at most (1 + `tau`) times the incumbent's."""

    p: float
    tau: float = 0.2


def paired(pairs: Sequence[Pair], claim: Claim) -> float:
    """Natural log of the evidence against the claim, using that one prompt's two latencies go together. For p50 and p95."""
    if not pairs:
        return 0.0
    incumbent = sorted(x for x, _ in pairs)

    def evidence(theta: float) -> float:
        below, upto = bisect_left(incumbent, theta), bisect_right(incumbent, theta)
        return at_place(below, len(pairs) - upto, _moved(pairs, theta, claim.tau), claim.p)

    return _least(evidence, _places(pairs, claim))


def at_place(below: int, above: int, moved: Ternary, p: float) -> float:
    """The paired evidence at one value, from counts: of the incumbent's below and above it, and of pairs by 1[x < it] - 1[y <= it].

    Counts of what certainly lies there, for a value that is only known to lie in a step of a grid, give evidence that certainly is there.
    """
    return _mean(pinned(below, above, moved.n, p), log_e_value(moved, 0.0))


def pinned(below: int, above: int, n: int, p: float) -> float:
    """Log evidence against "this is the quantile `p`" of `n` values; it grows in both directions away from it."""
    return _mean(_above(below, n, p), _above(above, n, 1 - p))


def share_above(hits: int, n: int, share: float) -> float:
    """Log evidence against "a hit has at most the chance `share`"."""
    return _above(hits, n, share)


def over_limit(values: Sequence[float], limit: float, allowed: float) -> float:
    """Log evidence against "at most the share `allowed` is above `limit`": a stated objective such as p95 < 2 s (allowed .05)."""
    return _above(sum(value > limit for value in values), len(values), allowed)


def _moved(pairs: Sequence[Pair], theta: float, tau: float) -> Ternary:
    """Counts of 1[x < theta] - 1[y <= (1 + tau) theta], whose mean is at most 0 at the incumbent's quantile if the claim holds."""
    edge, quick, slow = (1 + tau) * theta, 0, 0
    for x, y in pairs:
        if x < theta:
            quick += y > edge
        else:
            slow += y <= edge
    return Ternary(worse=slow, same=len(pairs) - quick - slow, better=quick)


def _above(hits: int, n: int, share: float) -> float:
    """Log evidence against "a hit has at most the chance `share`"."""
    return log_e_above({1.0: hits, 0.0: n - hits}, share, 0.0)


def _mean(one: float, other: float) -> float:
    """The log of the mean of two e-values."""
    top = max(one, other)
    return top + math.log1p(math.exp(min(one, other) - top)) - math.log(2)


def _places(pairs: Sequence[Pair], claim: Claim) -> Sequence[float]:
    """The values at which the evidence changes, in order."""
    return sorted({*(x for x, _ in pairs), *(y / (1 + claim.tau) for _, y in pairs)})


def _least(evidence: Callable[[float], float], places: Sequence[float]) -> float:
    """Twice over a grid: over all places, then between the neighbours of the smallest."""
    low, high, least = 0, len(places) - 1, math.inf
    for _ in range(3):
        step = max((high - low) // GRID, 1)
        found = {place: evidence(places[place]) for place in (*range(low, high, step), high)}
        best = min(found, key=lambda place: found[place])
        low, high, least = max(best - step, 0), min(best + step, len(places) - 1), min(least, found[best])
        if step == 1:
            break
    return least

"""Two samples' quantiles: the search against trying every value, the bets against all counts there are, drift that both sides share."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.stats.quantile import Claim
from scoring.stats.unpaired import log_e_fewer, log_e_more, of_sorted, unpaired

LATENCIES = st.lists(st.one_of(st.integers(1, 9).map(float), st.floats(0.01, 100.0)), min_size=1, max_size=60)
CLAIMS = st.builds(Claim, p=st.sampled_from((0.5, 0.9, 0.95, 0.99)), tau=st.sampled_from((0.0, 0.2, 1.0)))
NEEDED = math.log(2000)


def by_every_value(incumbent: list[float], candidate: list[float], claim: Claim) -> float:
    """As the definition has it: each value at which something changes, next to it, between, before and after all."""
    edge = 1 + claim.tau
    changes = sorted({*incumbent, *(y / edge for y in candidate)})
    places = {0.0, math.inf, *changes, *(math.nextafter(at, way) for at in changes for way in (0.0, math.inf))}
    places |= {(one + other) / 2 for one, other in pairwise(changes)}
    slow, theirs, its = 1 - claim.p, len(incumbent), len(candidate)
    return min(
        log_e_fewer(sum(x >= theta for x in incumbent), theirs, slow) + log_e_more(sum(y > edge * theta for y in candidate), its, slow)
        for theta in places
    )


@settings(deadline=None, max_examples=150)
@given(LATENCIES, LATENCIES, CLAIMS)
def test_the_evidence_is_the_least_of_all_values_there_are(incumbent: list[float], candidate: list[float], claim: Claim) -> None:
    assert of_sorted(sorted(incumbent), sorted(candidate), claim) == pytest.approx(by_every_value(incumbent, candidate, claim), abs=1e-9)


def test_it_is_that_of_larger_samples_too() -> None:
    dice = random.Random(2)
    for times in (1.0, 1.5, 3.0):
        pairs = [(dice.lognormvariate(0, 0.6), times * dice.lognormvariate(0, 0.6)) for _ in range(300)]
        least = by_every_value([x for x, _ in pairs], [y for _, y in pairs], Claim(p=0.95))
        assert unpaired(pairs, Claim(p=0.95)) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.05, 0.01])
@pytest.mark.parametrize("n", [1, 40, 700])
def test_bets_gain_nothing_where_the_claim_holds(share: float, n: int) -> None:
    """Their mean wealth over all counts, by the chance of each."""
    for log_e, milder in ((log_e_more, 0.9 * share), (log_e_fewer, 1.1 * share)):
        for truth in (share, milder):
            chances = [
                math.lgamma(n + 1) - math.lgamma(h + 1) - math.lgamma(n - h + 1) + h * math.log(truth) + (n - h) * math.log1p(-truth)
                for h in range(n + 1)
            ]
            mean = math.fsum(math.exp(chance + log_e(h, n, share)) for h, chance in enumerate(chances))
            assert mean == pytest.approx(1.0) if truth == share else mean < 1.0


@given(st.integers(1, 5000), st.sampled_from((0.5, 0.05, 0.01)), st.data())
def test_more_slow_answers_of_the_candidate_and_fewer_of_the_incumbent_are_more_evidence(n: int, share: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n - 1))
    assert log_e_more(hits + 1, n, share) >= log_e_more(hits, n, share)
    assert log_e_fewer(hits + 1, n, share) <= log_e_fewer(hits, n, share)


def test_an_hour_in_which_both_become_twice_as_slow_or_quick_accuses_nobody() -> None:
    """The candidate exactly as much slower as is allowed, in levels that both share: a step, a ramp, a random walk, slow minutes."""
    for seed in range(12):
        dice, walk = random.Random(seed), 0.0
        pairs, worst, claim = list[tuple[float, float]](), -math.inf, Claim(p=0.95)
        begins, way = dice.randrange(50, 1500), dice.choice((-1, 1))
        for n in range(2000):
            walk = 0.99 * walk + dice.gauss(0, 0.07)
            ramp = way * math.log(2) * min(max((n - begins) / 400, 0.0), 1.0)
            level = (way * math.log(2) * (n >= begins), ramp, walk, math.log(4) * (n // 50 % 7 == 0))[seed % 4]
            pairs.append((math.exp(level + dice.gauss(0, 0.6)), 1.2 * math.exp(level + dice.gauss(0, 0.6))))
            if n % 100 == 99:
                worst = max(worst, unpaired(pairs, claim))
        assert worst < NEEDED, seed


def test_half_as_slow_again_is_found_in_three_thousand_of_each_and_not_in_three_hundred() -> None:
    dice = random.Random(5)
    pairs = [(dice.lognormvariate(0, 0.6), 1.5 * dice.lognormvariate(0, 0.6)) for _ in range(3000)]
    assert unpaired(pairs, Claim(p=0.95)) > NEEDED
    assert unpaired(pairs[:300], Claim(p=0.95)) < NEEDED

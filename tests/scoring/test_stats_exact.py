"""The statistics against figures of others and of the design: exact, no chance in them (scoring.md 5a and 1.5)."""

import math
import random
from collections import Counter

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.stats import bounded, kappa, planner, rogan_gladen
from scoring.stats.bootstrap import bootstrap_t
from scoring.stats.detector import Detector
from scoring.stats.ebh import e_bh, e_by
from scoring.stats.energy import Distances, noise
from scoring.stats.mixture import NormalMixture, share_interval
from scoring.stats.portfolio import Ternary, confidence_sequence, log_e_value
from scoring.stats.ppi import ppi_mean
from scoring.stats.quantile import Claim, over_limit, paired
from scoring.stats.race import Failures, race
from scoring.stats.srm import srm
from scoring.stats.unpaired import unpaired
from tests.science.rivals import diffy, mcnemar

COUNTS = st.builds(Ternary, worse=st.integers(0, 400), same=st.integers(0, 4000), better=st.integers(0, 400))


def test_the_normal_mixture_is_that_of_confseq() -> None:
    found = NormalMixture(v_opt=100, alpha=0.05)
    assert found.rho == pytest.approx(12.60056, abs=1e-5)
    assert found.log_e(10, 100) == pytest.approx(-0.6510052, abs=1e-7)
    assert found.bound(100) == pytest.approx(30.35209, abs=1e-5)


@pytest.mark.parametrize(
    ("hits", "n", "n_opt", "low", "high"),
    [
        (700, 1000, 100, 0.651629, 0.745949),
        (15, 50, 50, 0.129556, 0.511896),
        (5, 50, 50, 0.013021, 0.269264),
        (1, 50, 50, 0.0, 0.134891),
        (100, 200, 1, 0.328923, 0.671076),
    ],
)
def test_the_interval_of_one_share_is_that_of_confseq(hits: int, n: int, n_opt: float, low: float, high: float) -> None:
    found = share_interval(hits, n, n_opt=n_opt)
    assert found.low == pytest.approx(low, abs=3e-6) and found.high == pytest.approx(high, abs=3e-6)


@given(COUNTS, st.floats(-0.5, 0.5))
def test_three_counts_are_counted_values(counts: Ternary, m: float) -> None:
    values = {-1.0: counts.worse, 0.0: counts.same, 1.0: counts.better}
    assert bounded.log_e_above(values, m, -1.0) == pytest.approx(log_e_value(counts, m), abs=1e-9)
    assert bounded.log_e_below(values, m, 1.0) == pytest.approx(log_e_value(counts.flipped, -m), abs=1e-9)


@pytest.mark.parametrize("m", [-0.02, 0.0, 0.1])
def test_a_database_makes_the_same_sums(m: float) -> None:
    dice = random.Random(3)
    rows = [round(dice.uniform(-1, 1), 3) for _ in range(500)]
    connection = duckdb.connect()
    connection.execute("create table pairs as select unnest(?::double[]) as d", [rows])
    sums = connection.execute(f"select {', '.join(bounded.sql_sums('d', m, -1.0))} from pairs").fetchone()
    connection.close()
    assert sums is not None
    assert bounded.log_e_of_sums(sums) == pytest.approx(bounded.log_e_above(Counter(rows), m, -1.0), abs=1e-9)


def test_counted_values_have_the_interval_of_the_counts() -> None:
    counts, values = Ternary(worse=30, same=960, better=10), {-1.0: 30, 0.0: 960, 1.0: 10}
    found, known = bounded.interval(values, -1.0, 1.0), confidence_sequence(counts)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-6)
    assert bounded.interval({}, -2.0, 3.0) == bounded.Interval(low=-2.0, high=3.0)


@pytest.mark.parametrize(
    ("discordance", "certify", "detect"),
    [
        (0.005, (800, 288, 173, 94), (1438, 543, 322, 172)),
        (0.02, (2491, 653, 318, 137), (3549, 1065, 556, 260)),
        (0.05, (6719, 1563, 686, 257), (8109, 2140, 1023, 426)),
        (0.10, (14746, 3353, 1418, 490), (16352, 4055, 1842, 710)),
        (0.20, (32357, 7365, 3091, 1036), (34153, 8176, 3595, 1309)),
        (0.40, (70562, 16170, 6804, 2276), (72528, 17076, 7377, 2597)),
    ],
)
def test_the_planner_has_the_designed_table(discordance: float, certify: tuple[int, ...], detect: tuple[int, ...]) -> None:
    points = (0.01, 0.02, 0.03, 0.05)
    assert tuple(planner.pairs_to_certify(discordance, margin) for margin in points) == certify
    assert tuple(planner.pairs_to_detect(discordance, drop) for drop in points) == detect


def test_a_plan_says_pairs_hours_and_dollars_or_that_there_is_none() -> None:
    counts = Ternary(worse=10, same=180, better=10)
    found = planner.plan(counts, 0.05, pairs_per_hour=100, usd_per_pair=0.01)
    assert found is not None
    assert found.left == found.pairs - 200 and found.pairs == pytest.approx(490, rel=0.05)
    assert found.hours == pytest.approx(found.left / 100) and found.usd == pytest.approx(found.left * 0.01)
    assert planner.plan(Ternary(worse=30, same=170, better=0), 0.05, pairs_per_hour=None, usd_per_pair=None) is None
    assert planner.pairs_needed(planner.Shares(worse=0.1, same=0.9, better=0.0), 0.0) is None


def test_small_sets_certify_the_margins_that_the_design_states() -> None:
    assert [round(planner.margin_of_one_look(500, share), 2) for share in (0.05, 0.20)] == [0.02, 0.04]
    assert planner.margin_of_one_look(50, 0.02) >= 0.07 and planner.margin_of_one_look(50, 0.4) <= 0.18
    assert planner.margin_of_one_look(0, 0.1) == 1.0
    assert planner.margin_of_any_look(3353, 0.10) == pytest.approx(0.02, abs=1e-4)
    assert planner.margin_of_any_look(1, 0.10) is None


def test_mcnemar_in_the_comparison_is_the_known_one() -> None:
    chi, p, exact = mcnemar(121, 59)
    assert (chi, p, exact) == (pytest.approx(21.3556, abs=1e-4), pytest.approx(3.815e-6, rel=1e-3), pytest.approx(4.434e-6, rel=1e-3))


def test_kappa_has_the_accepted_values_and_says_when_it_is_too_little() -> None:
    found = kappa.agreement([[20, 5], [10, 15]])
    assert found.kappa == pytest.approx(0.4) and found.n == 50 and not found.calibrated
    assert found.interval is not None and found.interval.low < 0.4 < found.interval.high
    assert found == kappa.agreement([[20, 5], [10, 15]]), "the same seed, the same interval"
    assert kappa.agreement([[200, 50], [50, 200]]).calibrated
    assert kappa.kappa([[10, 0], [0, 0]]) is None and kappa.agreement([[0, 0], [0, 0]]).interval is None


def test_weighted_kappa_forgives_neighbours() -> None:
    near, far = [[20, 5, 0], [5, 20, 5], [0, 5, 20]], [[20, 0, 5], [5, 20, 5], [5, 0, 20]]
    for weight in (kappa.linear, kappa.quadratic):
        assert (kappa.kappa(near, weight) or 0.0) > (kappa.kappa(far, weight) or 0.0)


def test_rogan_gladen_has_the_accepted_value_and_none_without_skill() -> None:
    assert rogan_gladen.rogan_gladen(0.30, 0.9, 0.8) == pytest.approx(0.142857, abs=1e-6)
    assert rogan_gladen.rogan_gladen(0.30, 0.5, 0.5) is None
    found = rogan_gladen.interval(0.30, 1000, rogan_gladen.Validated(positives=100, hits=90, negatives=100, rejections=80))
    assert found is not None and found.low < 0.142857 < found.high


def test_e_bh_has_the_accepted_rejections_and_each_cell_its_level() -> None:
    logs = [math.log(e) for e in (100, 49, 30, 5, 2, 1, 1, 1, 1, 1)]
    assert e_bh(logs, 0.2) == (0, 1, 2) and e_bh(logs, 0.1) == (0,)
    assert e_bh([], 0.05) == () and e_bh([-math.inf, math.inf], 0.05) == (1,)
    assert e_by(3, 10, 0.2) == pytest.approx(0.06) and e_by(0, 10) is None


def test_people_alone_are_the_correction_without_a_judge() -> None:
    found = ppi_mean([], [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)])
    assert found is not None and found.mean == 0.75 and found.weight == 0.0
    assert ppi_mean([1.0], [(1.0, 1.0)]) is None


def test_a_perfect_judge_makes_the_interval_that_of_all_items() -> None:
    dice = random.Random(2)
    truth = [float(dice.random() < 0.3) for _ in range(2000)]
    found = ppi_mean(truth[200:], [(y, y) for y in truth[:200]])
    assert found is not None and found.mean == pytest.approx(sum(truth) / 2000, abs=2e-3)
    assert found.interval.high - found.interval.low == pytest.approx(2 * 1.96 * math.sqrt(0.21 / 2000), rel=0.05)


def test_the_noise_floor_shows_agreement_beside_agreement() -> None:
    same = Distances(crossed=(0.0, 0.0, 0.0, 0.0), incumbent=0.0, candidate=0.0)
    other = Distances(crossed=(1.0, 1.0, 1.0, 1.0), incumbent=0.0, candidate=0.0)
    once = Distances(crossed=(1.0,), incumbent=1.0)
    found = noise([same, other, once])
    assert (found.agreement, found.incumbent_agreement) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert (found.excess.n, found.energy.n, found.restless.n) == (3, 2, 2) and found.energy.mean == 0.5
    nothing = noise([])
    assert nothing.agreement is None and nothing.energy.mean is None and nothing.energy.log_e == 0.0
    assert diffy(100, 50, 1000) and not diffy(100, 95, 1000)


def test_the_race_counts_failures_beyond_the_share() -> None:
    assert race({}) == 0.0
    assert race({0.1: Failures(incumbent=90, candidate=10)}) < 0.0
    assert race({0.1: Failures(incumbent=20, candidate=20)}) > math.log(1000)
    ramp = {0.1: Failures(incumbent=20, candidate=10), 0.5: Failures(incumbent=5, candidate=15)}
    assert race(ramp) > race({0.1: ramp[0.1]})


def test_a_quantile_needs_pairs_and_a_limit_needs_excess() -> None:
    assert paired([], Claim(p=0.95)) == 0.0 and unpaired([], Claim(p=0.95)) == 0.0
    slow = [(1.0 + i / 1000, 3.0 + i / 1000) for i in range(400)]
    assert paired(slow, Claim(p=0.5)) > math.log(20) and unpaired(slow, Claim(p=0.5)) > math.log(20)
    assert paired([(x, x) for x, _ in slow], Claim(p=0.5)) < math.log(20)
    assert over_limit([1.0] * 95 + [3.0] * 5, 2.0, 0.05) < 1.0
    assert over_limit([1.0] * 80 + [3.0] * 20, 2.0, 0.05) > math.log(20)


def test_the_bootstrap_is_seeded_and_near_the_normal_where_that_is_right() -> None:
    dice = random.Random(4)
    means = [dice.gauss(0.1, 1.0) for _ in range(300)]
    found = bootstrap_t(means)
    assert found is not None and found == bootstrap_t(means)
    assert found.high - found.low == pytest.approx(2 * 1.96 / math.sqrt(300), rel=0.15)
    assert bootstrap_t([0.0] * 100) is None and bootstrap_t([0.1, 0.2]) is None


def test_the_detector_rests_without_probes_and_starts_again_after_an_alarm() -> None:
    found = Detector(at_most=0.09, every=365)
    assert found.step(0, 0) == found and not found.alarmed
    for _ in range(2):
        found = found.step(80, 200)
    assert found.alarmed and not found.restarted().alarmed
    assert not Detector(at_most=0.09, every=365).step(14, 200).alarmed


def test_a_sample_ratio_is_checked_against_its_plan() -> None:
    plan = {"incumbent": 0.9, "canary": 0.1}
    assert srm({}, plan) is None
    fine, off = srm({"incumbent": 9000, "canary": 1000}, plan), srm({"incumbent": 8600, "canary": 1400}, plan)
    assert fine is not None and fine < 0.0
    assert off is not None and off > math.log(1000)
    assert srm({"stranger": 1}, plan) == math.inf


def test_log_ratios_are_clipped_and_unknown_without_two_sizes() -> None:
    assert bounded.log_ratio(1.0, 2.0) == pytest.approx(math.log(2))
    assert bounded.log_ratio(1.0, 1e9) == bounded.RATIO_EDGE and bounded.log_ratio(1e9, 1.0) == -bounded.RATIO_EDGE
    assert bounded.log_ratio(0.0, 1.0) is None and bounded.log_ratio(1.0, math.nan) is None and bounded.log_ratio(math.inf, 1.0) is None


def test_a_value_outside_its_range_counts_as_the_edge() -> None:
    assert bounded.log_e_above({-5.0: 3, 0.5: 10}, 0.0, -1.0) == bounded.log_e_above({-1.0: 3, 0.5: 10}, 0.0, -1.0)


def test_the_over_refusal_of_a_real_pair_of_models_has_the_designed_interval() -> None:
    found = confidence_sequence(Ternary(worse=3, same=116, better=131))
    assert (found.low, found.high) == pytest.approx((0.405, 0.622), abs=6e-4)

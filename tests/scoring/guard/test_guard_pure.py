"""The guard's parts without a clock or a disk: evidence, limits, waits, decisions and the words for them."""

import dataclasses
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from proxy.config import Limits, Rollout
from proxy.rollout.report import Limit, Report, Test, Wait
from proxy.rollout.state import Moment, State
from scoring.criteria.refusal import Refusal
from scoring.guard.bets import bets_of, lost
from scoring.guard.blocks import HOUR_S, Blocks
from scoring.guard.decision import Against, Onward, decision
from scoring.guard.facts import Fact
from scoring.guard.flight_log import lines
from scoring.guard.known import Known
from scoring.guard.limits import Windows
from scoring.guard.promotion import Seen, hours_left, waits
from scoring.guard.races import COST, FEWEST, QUIET_S, TURNS, Races
from scoring.guard.slower import Slower
from scoring.guard.sustained import EVERY, Sustained
from scoring.guard.words import limit_words, test_words
from scoring.rubric import Dimension
from scoring.stats.verdict import Absolute, Ratio, claims

ROLLOUT = Rollout(
    name="canary", route="main", candidate="small", limits=Limits(error_rate=0.05, p95_latency_s=2.0), bake_s=60, min_pairs=10
)
RUNNING = State(rollout="canary", route="main", candidate="small", version=3, state="running", share=0.05, started_us=10**6, step_us=10**6)
SHARES = some.sampled_from([0.0, 0.25, 0.5, 1.0])


def a_fact(number: int = 1, **said: Any) -> Fact:
    usual: dict[str, Any] = dict(
        call_id=f"call {number}", leg="candidate", drawn=True, share=0.5, conversation=number, workflow="triage", segments=(),
        stratum=("triage", 0, 0), arrived_s=float(number), ended_s=float(number), outcome="answered", silent=False, status=200, latency_s=1.0,
        ttft_s=0.2, cost_usd=0.001, marks={},
    )  # fmt: skip
    return Fact(**(usual | said))


@given(
    some.lists(some.tuples(SHARES, SHARES), max_size=30),
    some.sampled_from([Absolute(delta=0.02), Ratio(r=1.5, eps=0.002)]),
    some.booleans(),
)
def test_bets_one_by_one_are_the_evidence_of_all_pairs_at_once(pairs: list[tuple[float, float]], margin: Any, none_tolerated: bool) -> None:
    dimension = Dimension(name="refusal", criterion=Refusal(), role="guard", margin=margin, zero_tolerance=none_tolerated)
    bets = bets_of(dimension)
    for incumbent, candidate in pairs:
        bets.add(bets.gains(lost(dimension, incumbent, candidate)))
    counts = {each: pairs.count(each) for each in pairs}
    found = claims(counts, margin)
    assert bets.log_e == pytest.approx(found.worse if none_tolerated else found.regressed, abs=1e-9)


@given(some.lists(some.floats(-20, 20), max_size=40), some.floats(-20, 20))
def test_hours_and_all_data_together_are_a_mean_of_evidence(closed: list[float], whole: float) -> None:
    blocks = Blocks()
    for hour, log_e in enumerate(closed):
        assert blocks.turns(hour * HOUR_S) == (hour > 0)
        blocks.close(log_e)
    k = len(closed) + 1
    weights = [1 / (i * (i + 1)) for i in range(1, k + 1)]
    late = sum(w * math.exp(e) for w, e in zip(weights, [*closed, 1.0], strict=True)) + 1 / (k + 1)
    assert sum(weights) + 1 / (k + 1) == pytest.approx(1.0)
    assert blocks.log_e(whole, 1.0) == pytest.approx(math.log((math.exp(whole) + late) / 2), abs=1e-9)


def test_a_share_at_its_limit_is_called_broken_no_sooner_than_promised() -> None:
    """The mean time to a hundredth of the evidence, of 30 runs that are cut at three times the promise."""
    dice, times = random.Random(7), list[int]()
    for _ in range(30):
        sustained, number = Sustained(0.05), 0
        while sustained.evidence < 0.01 and number < 3 * EVERY / 100:
            sustained.step(float(dice.random() < 0.05))
            number += 1
        times.append(number)
    assert sum(times) / len(times) >= EVERY / 100


def test_a_share_far_above_its_limit_is_called_so_within_tens_of_answers() -> None:
    dice, slowest = random.Random(8), 0
    for _ in range(20):
        sustained, number = Sustained(0.05), 0
        for _ in range(5000):
            sustained.step(float(dice.random() < 0.025))
        while sustained.evidence < 1.0:
            number += 1
            sustained.step(float(dice.random() < 0.5))
        slowest = max(slowest, number)
    assert slowest <= 60


def test_a_window_forgets_what_is_older_but_the_newest_few_and_keeps_its_p95() -> None:
    windows = Windows(ROLLOUT)
    for number in range(1, 101):
        windows.take(a_fact(number, latency_s=number / 100))
    error, p95 = windows.read(100.0)
    assert (error.value, error.calls, p95.value, p95.calls) == (0.0, 61, 0.97, 61)
    error, p95 = windows.read(1000.0)
    assert (error.value, error.calls, p95.value, p95.calls, p95.over_s) == (0.0, 20, 0.99, 20, 919.0)
    assert "p95 latency 0.99 s of 20 answers in the last 15 min" in limit_words(p95, ROLLOUT.limit_window_s)


def test_a_canary_of_few_calls_is_held_to_its_limits_too() -> None:
    """An answer in five minutes: no window of a minute has twenty."""
    windows, broken = Windows(ROLLOUT), list[int]()
    for number in range(1, 61):
        errored: dict[str, Any] = {"outcome": "errored", "status": 500} if number > 30 else {}
        windows.take(a_fact(300 * number, **errored))
        broken += [number for each in windows.read(300.0 * number + 1) if each.name == "error_rate" and each.broken]
    assert 30 < broken[0] < 45


def test_assignment_that_is_not_the_draw_is_seen_and_a_slow_candidate_is_not_mistaken_for_it() -> None:
    skewed, slow = Races(None), Races(None)
    for number in range(1, 2001):
        skewed.met(a_fact(number, leg="candidate", drawn=number % 3 == 0))
        if number % 2 or number < 1400:  # the candidate's newest answers are not there yet
            slow.met(a_fact(number, drawn=number % 2 == 0))
    skewed.settle(3000.0)
    slow.settle(1990.0)
    assert skewed.assignment()[0] > 20 and slow.assignment()[0] < 1 and slow.assignment()[1] > 1000


def grown(turns: int, usd: float, limit: float | None = None) -> Races:
    """60 conversations of the incumbent with 1 to 3 turns; then 60 of each side, the candidate's with so many turns of so much."""
    races = Races(limit)
    for number in range(1, 61):
        for turn in range(1 + number % 3):
            races.met(a_fact(number, leg="incumbent", drawn=False, call_id=f"{number}.{turn}"))
    races.settle(60.0 + QUIET_S + 1)
    assert races.most is not None
    for number in range(1000, 1120):
        drawn = number % 2 == 0
        for turn in range(turns if drawn else 2):
            leg = "candidate" if drawn else "incumbent"
            races.met(a_fact(number, leg=leg, drawn=drawn, call_id=f"{number}.{turn}", cost_usd=usd if drawn else 0.001))
    return races


def test_conversations_that_grow_longer_or_dearer_are_seen_and_equal_ones_are_not() -> None:
    assert FEWEST <= 60
    equal, long, dear = grown(2, 0.001), grown(6, 0.001), grown(2, 0.004)
    assert equal.races[TURNS].log_e == 0.0 and equal.races[COST].log_e == 0.0
    assert long.races[TURNS].log_e > 10 and long.races[TURNS].count(True) == 60 and dear.races[TURNS].log_e == 0.0
    assert dear.races[COST].log_e > 10
    assert grown(2, 0.004, limit=0.004).races[COST].log_e == 0.0, "a person allowed as much"


def test_a_p95_half_as_slow_again_is_seen_on_answers_that_clients_saw() -> None:
    dice = random.Random(3)

    def watched(slower: float) -> float:
        found = Slower(0.2)
        for number in range(6000):
            drawn = number % 2 == 0
            latency = dice.lognormvariate(0.0, 0.6) * (slower if drawn else 1.0)
            found.take(a_fact(number, drawn=drawn, latency_s=latency, arrived_s=100.0))
            if number % 600 == 0:
                found.look()
        found.look()
        return found.log_e

    assert watched(1.0) < 1 and watched(1.5) > math.log(2000)


def test_what_is_met_is_forgotten_by_its_age() -> None:
    known: Known[int, bool] = Known(2)
    assert known.first(1, True) and known.first(2, True) and not known.first(1, True)
    assert known.first(3, True) and known.forgotten == 1 and not known.first(1, True) and known.first(2, True)


LOW = Limit(name="error_rate", value=0.01, limit=0.05, calls=40)
HIGH = Limit(name="error_rate", value=0.3, limit=0.05, calls=40, broken=True)
CALM = Test(name="race: errors", evidence=0.8, needed=1000.0, n=10)
FIRED = Test(name="pairs: triage refusal", evidence=5000.0, needed=1000.0, n=30, incumbent=1.0, candidate=0.4, fired=True)


@pytest.mark.parametrize("state", ["idle", "rolled_back", "finished", "paused", "running"])
def test_what_is_decided_in_each_state(state: Any) -> None:
    at = RUNNING if state == "running" else State(rollout="canary", route="main", candidate="small", state=state, share=0.05)
    auto = Rollout(name="canary", route="main", candidate="small", auto_promote=True)
    bad, good = decision(at, auto, [HIGH], [FIRED], []), decision(at, auto, [LOW], [CALM], [])
    takes = state in ("paused", "running")
    assert isinstance(bad, Against) == takes and isinstance(good, Onward) == (state == "running")
    assert decision(at, ROLLOUT, [LOW], [CALM], []) is None, "no auto_promote"
    assert decision(at, auto, [LOW], [CALM], [Wait(name="pairs", have=1, need=2, unit="pairs", words="")]) is None
    if isinstance(bad, Against):
        assert bad.why.startswith("errors 30 % of 40 answers in the last 60 s, limit 5 %; pairs: triage refusal: mean score 0.4 against 1")


def test_what_promotion_waits_for() -> None:
    auto = Rollout(name="canary", route="main", candidate="small", auto_promote=True, bake_s=60, min_pairs=10, min_hours=1)
    seen = Seen(now_s=31.0, pairs=4, answer_age_s=1.0, limits=[LOW], tests=[CALM], coverage=None)
    assert [each.name for each in waits(RUNNING, auto, seen)] == ["bake", "pairs", "hours", "coverage"]
    assert [each.name for each in waits(RUNNING, ROLLOUT, seen)] == ["bake", "pairs"]
    leaning = Test(name="race: errors", evidence=25.0, needed=1000.0, n=10)
    late = Seen(now_s=8000.0, pairs=40, answer_age_s=100.0, limits=[HIGH], tests=[leaning], coverage=0.95, rebuilding=True)
    assert [each.name for each in waits(RUNNING, auto, late)] == ["data", "limit error_rate", "test race: errors", "rebuilding"]
    last = State(rollout="canary", route="main", candidate="small", state="running", share=1.0, step_us=10**6)
    fine = Seen(now_s=8000.0, pairs=40, answer_age_s=1.0, limits=[LOW], tests=[CALM], coverage=0.95)
    assert [each.name for each in waits(last, auto, fine)] == ["finish"] and waits(RUNNING, auto, fine) == []


def test_hours_left_are_those_of_the_longest_wait_and_unknown_without_traffic() -> None:
    found = waits(RUNNING, ROLLOUT, Seen(now_s=1.0, pairs=4, answer_age_s=1.0, limits=[], tests=[], coverage=None))
    assert hours_left(found, 12.0) == 0.5 and hours_left(found, 3600.0) == pytest.approx(60 / 3600)
    assert hours_left(found, None) is None and hours_left([], None) == 0.0


@pytest.mark.parametrize(
    "changed", [dict(closed=401), dict(limits=[HIGH]), dict(answer_age_s=100.0), dict(rebuilding=True)], ids=lambda each: next(iter(each))
)  # fmt: skip
def test_no_hours_are_told_while_something_has_to_be_mended_first(changed: dict[str, Any]) -> None:
    fine = Seen(now_s=31.0, pairs=4, answer_age_s=1.0, limits=[LOW], tests=[CALM], coverage=None)
    assert hours_left(waits(RUNNING, ROLLOUT, fine), 12.0) is not None
    assert hours_left(waits(RUNNING, ROLLOUT, dataclasses.replace(fine, **changed)), 12.0) is None


def test_hours_left_are_not_nought_where_a_person_or_coverage_is_all_that_is_waited_for() -> None:
    for name in ("finish", "coverage"):
        other = Wait(name=name, have=0, need=1, unit="", words="")
        bake = Wait(name="bake", have=0, need=1800, unit="s", words="")
        assert hours_left([other], 12.0) is None and hours_left([bake, other], 12.0) == 0.5


def test_the_flight_log_reads_well_with_a_guard_that_is_silent_or_was_never_there() -> None:
    assert lines(None, RUNNING, 61.0)[:2] == [
        "canary: route main, candidate small: running at 5 % for 60 s, started 1970-01-01 00:00:01 UTC",
        "  the guard has said nothing yet: nobody watches it: the incumbent answers everything",
    ]
    report = Report(rollout="canary", at_us=20 * 10**6, version=3, state="running", share=0.05, words=["40 pairs"])
    assert lines(report, RUNNING, 21.0)[1:] == ["  40 pairs"]
    assert lines(report, RUNNING, 60.0)[1:] == [
        "  the guard has said nothing for 40 s: nobody watches it: the incumbent answers everything",
        "  what follows is what it saw at 1970-01-01 00:00:20 UTC", "  40 pairs",
    ]  # fmt: skip
    back = Moment(at_us=30 * 10**6, action="rollback", state="rolled_back", share=0.0, actor="guard", why="errors", call_ids=["a", "b"])
    after = State(rollout="canary", route="main", candidate="small", version=4, state="rolled_back", step_us=30 * 10**6, log=[back])
    assert "understudy rollout start canary" in lines(report, after, 21.0)[1]
    assert lines(report, after, 21.0)[3:] == [
        "  (the guard has not looked at the last change yet)", "log",
        "  1970-01-01 00:00:30 UTC  rollback by guard: rolled back 0 %: errors; calls to look at (understudy pairs --call ID): a, b",
    ]  # fmt: skip


def test_figures_say_what_they_are_of_in_their_units_and_without_powers_of_ten() -> None:
    cheap = Limit(name="usd_per_call", segment="", value=8.554e-06, limit=0.05, calls=333, incumbent=0.0001134)
    assert limit_words(cheap, 60.0) == "cost per call $0.00000855 of 333 answers in the last 60 s, limit $0.05, the incumbent's $0.000113"

    def said(name: str, candidate: float, incumbent: float) -> str:
        return test_words(Test(name=name, evidence=1.0, needed=1800.0, n=40, candidate=candidate, incumbent=incumbent)).split(", evidence")[
            0
        ]

    assert said("pairs: triage refusal", 0.98, 1.0) == "pairs: triage refusal: mean score 0.98 against 1 of the incumbent"
    assert said("race: refusals", 14.0, 0.0) == "race: refusals: 14 against 0 of the incumbent"
    assert said("p95 latency", 0.04, 0.058) == "p95 latency: 0.04 s against 0.058 s of the incumbent"

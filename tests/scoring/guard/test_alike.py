"""Two arms that are alike in every call are not told apart by what happens to both: a step, a slow afternoon."""

import math
from dataclasses import replace
from random import Random

from scoring.guard.facts import Fact
from scoring.guard.races import COST, TURNS, Races
from scoring.guard.slower import Slower, beside_one

NEEDED = math.log(1800)
ANSWER = Fact(
    call_id="", leg="incumbent", drawn=False, share=0.5, conversation=0, workflow="default", segments=(), stratum=("default", 0, 0),
    arrived_s=0.0, ended_s=1.0, outcome="answered", silent=False, status=200, latency_s=1.0, ttft_s=0.1, cost_usd=0.01,
)  # fmt: skip


def an_answer(number: int, *, drawn: bool, share: float, at_s: float, conversation: int, latency_s: float = 1.0) -> Fact:
    return replace(
        ANSWER, call_id=f"call {number}", leg="candidate" if drawn else "incumbent", drawn=drawn, share=share, arrived_s=at_s,
        ended_s=at_s + latency_s, conversation=conversation, latency_s=latency_s,
    )  # fmt: skip


def test_conversations_that_are_under_way_when_everybody_is_taken_over_accuse_nobody() -> None:
    races = Races(None)
    races.most = (2, 0.025)
    for turn in range(5):
        share = 0.5 if turn < 2 else 1.0
        for number in range(100):
            drawn = share == 1.0 or number % 2 == 0
            races.met(an_answer(turn * 100 + number, drawn=drawn, share=share, at_s=turn * 60.0, conversation=number))
    assert races.races[TURNS].log_e < 1.0 and races.races[COST].log_e < 1.0


def test_a_long_conversation_is_still_one_while_the_share_stays() -> None:
    races = Races(None)
    races.most = (2, 0.025)
    for turn in range(5):
        for number in range(100):
            fact = an_answer(turn * 100 + number, drawn=number % 2 == 0, share=0.5, at_s=turn * 60.0, conversation=number)
            if fact.drawn or turn < 2:
                races.met(fact)
    assert races.races[TURNS].log_e > NEEDED and races.races[COST].log_e > NEEDED


def test_an_afternoon_that_is_slow_for_both_is_no_slow_candidate() -> None:
    dice, slower = Random(7), Slower(0.2)
    for number in range(8000):
        usual = 1.0 if number < 4000 else 2.0
        drawn = dice.random() < 0.25
        latency_s = usual * dice.lognormvariate(0.0, 0.6)
        slower.take(an_answer(number, drawn=drawn, share=0.25, at_s=number * 0.9, conversation=number, latency_s=latency_s))
        if number % 100 == 0:
            slower.look()
            assert slower.log_e < NEEDED, number
    assert len(slower.whole) > 1900


def test_a_candidate_that_is_slow_in_the_same_afternoon_is_one() -> None:
    dice, slower = Random(7), Slower(0.2)
    for number in range(8000):
        drawn = dice.random() < 0.25
        latency_s = (2.0 if number < 4000 or not drawn else 4.0) * dice.lognormvariate(0.0, 0.6)
        slower.take(an_answer(number, drawn=drawn, share=0.25, at_s=number * 0.9, conversation=number, latency_s=latency_s))
    slower.look()
    assert slower.log_e >= NEEDED


def test_a_share_that_grows_from_the_quick_night_into_a_slow_day_accuses_nobody() -> None:
    """Nine of the incumbent's beside one at night, one beside one by day: each share is asked by itself."""
    dice, slower = Random(11), Slower(0.2)
    for number in range(12_000):
        share, usual = (0.08, 1.0) if number < 6000 else (0.5, 3.0)
        drawn = dice.random() < share
        latency_s = usual * (1.2 if drawn else 1.0) * dice.lognormvariate(0.0, 0.5)
        slower.take(an_answer(number, drawn=drawn, share=share, at_s=number * 2.0, conversation=number, latency_s=latency_s))
        if number % 100 == 0:
            slower.look()
            assert slower.log_e < NEEDED, number
    assert slower.n > 2500


def test_workers_that_learn_of_a_new_share_one_after_the_other_do_not_begin_anew_each_time() -> None:
    dice, slower = Random(12), Slower(0.2)
    for number in range(2000):
        share = 0.1 if number < 1000 or (number < 1100 and number % 2) else 0.5
        drawn = dice.random() < share
        slower.take(an_answer(number, drawn=drawn, share=share, at_s=number * 0.1, conversation=number))
    assert [span.blocks.number for span in slower.spans] == [2, 2]


def test_at_a_tenth_many_of_the_incumbents_answers_beside_one_find_it_in_half_as_many_of_the_candidates() -> None:
    dice, slower = Random(13), Slower(0.2)
    for number in range(12_000):
        drawn = dice.random() < 0.1
        latency_s = (1.5 if drawn else 1.0) * dice.lognormvariate(0.0, 0.6)
        slower.take(an_answer(number, drawn=drawn, share=0.1, at_s=number * 0.2, conversation=number, latency_s=latency_s))
    slower.look()
    assert beside_one(0.1) == 7 and beside_one(0.5) == 1 and beside_one(0.01) == 9
    assert slower.spans[0].log_e > NEEDED and slower.whole.log_e < NEEDED

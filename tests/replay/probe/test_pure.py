"""What the probes plan and conclude, without a target: searches, texts, refusals, steps, plans."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.pricing import estimate_tokens
from replay.faults import Wrong
from replay.probe import Plan, Reply, probe
from replay.probe.asker import Asker
from replay.probe.burst import Burst, burst, trouble_of
from replay.probe.cold import ColdStart, Gap
from replay.probe.figures import quantile, share_interval, slope, spaced
from replay.probe.forecast import forecast
from replay.probe.haystack import haystack
from replay.probe.refused import stated_limit, too_long
from replay.probe.ruler import Ruler, ruled
from replay.probe.truncation import Trial, Truncation, analysed, next_length
from replay.probe.volley import Shot, fired, step_of
from tests.replay.probe.clock import run
from tests.replay.probe.scripted import Target, a_reply, lined


def searched(plan: Plan, ruler: Ruler, target: Any) -> Truncation:
    """The search against a target that is a function from (length, how many before) to a trial."""
    trials: list[Trial] = []
    while (length := next_length(trials, plan, ruler)) is not None:
        trials.append(target(length, len(trials)))
    return analysed(trials, plan, ruler)


def a_trial(length: int, **given: Any) -> Trial:
    return Trial(
        **{"length_tokens": length, "expected_tokens": float(length), "counted_tokens": length, "facts": (True, True, True), **given}
    )


BOTH, COUNT_ONLY = Ruler(counts=True, recalls=True), Ruler(counts=True)
FACTS_ONLY = Ruler(recalls=True)
BIG = Plan(length_max_tokens=200_000)


@settings(deadline=None)
@given(cut=st.integers(300, 150_000), ruler=st.sampled_from([BOTH, COUNT_ONLY, FACTS_ONLY]), honest=st.booleans())
def test_a_cut_at_any_length_is_found_within_a_tenth(cut: int, ruler: Ruler, honest: bool) -> None:
    def target(length: int, _: int) -> Trial:
        counted = None if not ruler.counts else min(length, cut) if honest or not ruler.recalls else length
        return a_trial(length, counted_tokens=counted, facts=(length <= cut, True, True))

    found = searched(BIG, ruler, target)
    assert found.limit_tokens == pytest.approx(cut, rel=0.1)
    assert found.lost == ("head" if ruler.recalls else "")
    assert found.window_tokens is None and len(found.trials) <= 50


@settings(deadline=None)
@given(window=st.integers(300, 150_000), stated=st.booleans())
def test_a_window_at_any_length_is_found_and_is_no_cut(window: int, stated: bool) -> None:
    def target(length: int, _: int) -> Trial:
        refused = length > window
        return a_trial(
            length, refused=refused, counted_tokens=None if refused else length, stated_tokens=window if refused and stated else None
        )

    found = searched(BIG, BOTH, target)
    assert found.window_tokens == pytest.approx(window, rel=0.001 if stated else 0.1)
    assert found.limit_tokens is None
    assert [finding.what for finding in found.findings if finding.alarm] == []


@settings(deadline=None)
@given(top=st.integers(1_000, 150_000), lost=st.sets(st.integers(0, 200), max_size=60), ruler=st.sampled_from([BOTH, COUNT_ONLY]))
def test_a_fact_forgotten_now_and_then_is_no_cut(top: int, lost: set[int], ruler: Ruler) -> None:
    """Never two of three prompts in a row: what is forgotten once comes back when it is asked again."""
    forgetful = {number for number in lost if not lost & {number - 1, number - 2}}
    found = searched(
        Plan(length_max_tokens=top), ruler, lambda length, number: a_trial(length, facts=(number not in forgetful, True, True))
    )
    assert found.limit_tokens is None and found.whole_tokens == top


def test_answers_that_fail_twice_end_the_search_with_the_reason() -> None:
    found = searched(BIG, BOTH, lambda length, _: a_trial(length, usable=length < 4_000, error="" if length < 4_000 else "HTTP 500"))
    assert found.whole_tokens == 2_000
    assert "not measured: no answer to look at (HTTP 500)" in [finding.verdict for finding in found.findings]


def test_a_target_that_neither_counts_nor_remembers_is_not_measured() -> None:
    found = analysed([], BIG, Ruler(n=3))
    assert [(finding.n, finding.alarm) for finding in found.findings] == [(3, False)]
    assert "no believable token count" in found.findings[0].verdict


@given(ratio=st.floats(0.5, 3), overhead=st.integers(0, 400), tokens=st.integers(1_000, 500_000))
def test_the_tokenizer_drops_out(ratio: float, overhead: int, tokens: int) -> None:
    short = [(ours, a_reply(text="x", input_tokens=round(ours * ratio) + overhead), (True, True, True)) for ours in (300, 600, 900)]
    ruler = ruled(short)
    assert ruler.counts and ruler.recalls
    assert ruler.theirs(tokens) == pytest.approx(ratio * tokens + overhead, rel=0.01)
    assert ruler.ours(ruler.theirs(tokens)) == pytest.approx(tokens, abs=1)


@pytest.mark.parametrize("counts", [(None, 10, 20), (7, 7, 7), (900, 600, 300), (0, 0, 0)])
def test_a_count_that_does_not_grow_with_the_text_is_no_count(counts: Sequence[int | None]) -> None:
    short = [
        (ours, a_reply(text="x", input_tokens=count), (True, False, True)) for ours, count in zip((300, 600, 900), counts, strict=True)
    ]
    assert ruled(short) == Ruler(n=3)
    assert not ruled([]).counts and ruled([]).reason


@settings(deadline=None)
@given(key=st.text(max_size=20), tokens=st.integers(400, 20_000), depths=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_text_has_its_length_and_its_facts_at_their_depths(key: str, tokens: int, depths: list[float]) -> None:
    hay = haystack(key, tokens, depths)
    content = hay.messages[0]["content"]
    assert hay.tokens == estimate_tokens(content) == pytest.approx(tokens, abs=300)
    assert haystack(key, tokens, depths) == hay
    assert [needle.depth for needle in hay.needles] == sorted(depths)
    assert sorted(re.findall(r"\d+", content)) == sorted(needle.number for needle in hay.needles)
    assert hay.recalled(content) == (True,) * len(depths) and hay.recalled("") == (False,) * len(depths)


def test_facts_lie_where_they_should_and_a_comma_does_not_hide_one() -> None:
    hay = haystack("x", 10_000, (0.0, 0.5, 1.0))
    content = hay.messages[0]["content"]
    assert [round(content.index(needle.number) / len(content), 1) for needle in hay.needles] == [0.0, 0.5, 1.0]
    number = hay.needles[1].number
    assert hay.recalled(f"{number[:3]},{number[3:]}") == (False, True, False)
    assert haystack("y", 10_000, (0.0, 0.5, 1.0)).messages[0]["content"][:60] != content[:60]


@pytest.mark.parametrize(
    ("status", "error", "limit"),
    [
        (400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", 8192),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", 200_000),
        (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 1_048_576),
        (400, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096: too many tokens", None),
        (400, "Please reduce the length of the messages or completion.", None),
        (413, "payload too large", None),
        (422, "context window of 32,768 tokens exceeded: context size is 32,768", 32_768),
    ],
)
def test_vendors_say_in_many_ways_that_a_prompt_is_too_long(status: int, error: str, limit: int | None) -> None:
    reply = a_reply(status=status, outcome="errored", error=error)
    assert too_long(reply) and stated_limit(reply) == limit


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "Unsupported parameter: 'temperature'"),
        (401, "invalid api key"),
        (429, "tokens limit reached, context length"),
        (500, "internal error"),
        (200, ""),
    ],
)
def test_other_refusals_are_no_window(status: int, error: str) -> None:
    talk = "The maximum context length is 10 tokens." if status == 200 else ""
    assert not too_long(a_reply(status=status, error=error, text=talk, outcome="errored" if status >= 400 else "answered"))


@given(st.text(max_size=300), st.integers(0, 599))
def test_no_words_of_a_refusal_break_the_reader(words: str, status: int) -> None:
    reply = a_reply(status=status, error=words, outcome="errored")
    assert too_long(reply) in (True, False) and (stated_limit(reply) or 1) > 0


def shots(rate: float, seconds: float, reply: Any) -> list[Shot]:
    times = [number / rate for number in range(round(rate * seconds))]
    return [Shot(at_s=at, reply=reply(number, at)) for number, at in enumerate(times)]


def test_a_step_counts_what_got_through_and_what_did_not() -> None:
    def reply(number: int, at: float) -> Reply:
        if number >= 40 and number % 2:
            return a_reply(status=429, outcome="errored", sent_at_s=at, retry_after_s=2.0)
        return a_reply(sent_at_s=at + 0.001, latency_s=0.2)

    step = step_of(shots(40, 4, reply), wanted_per_s=40, planned=165, skipped=5)
    assert (step.sent, step.answered, step.limited, step.failed, step.skipped) == (160, 100, 60, 0, 5)
    assert step.let_through_per_s == pytest.approx(20, rel=0.06)
    assert step.codes == (("200", 100), ("429", 60)) and set(step.retry_after_s) == {2.0}
    assert step.lag_p99_s == pytest.approx(0.001) and step.p95_s == 0.2
    assert trouble_of(step, 0.2) == "limit"


def test_answers_that_come_slower_than_asks_show_the_pace_of_the_target() -> None:
    step = step_of(
        shots(80, 3, lambda number, at: a_reply(sent_at_s=at, latency_s=0.1 + number / 50 - at)), wanted_per_s=80, planned=240, skipped=0
    )
    assert step.answers_per_s == pytest.approx(50, rel=0.01)
    assert (trouble_of(step, 0.1), trouble_of(step, None)) == ("knee", "")


def test_a_limit_that_lets_nothing_through_again_has_no_figure_and_says_why() -> None:
    def held(first_refused: int) -> Burst:
        step = step_of(
            shots(50, 4, lambda number, at: a_reply(status=200 if number < first_refused else 429, sent_at_s=at)),
            wanted_per_s=50,
            planned=200,
            skipped=0,
        )
        return Burst(bursts=(), ramp=(step,), hold=step, kind="limit", good_per_s=25, bad_per_s=50, baseline_p95_s=0.1)

    (spent, _), (late, _) = held(60).findings, held(190).findings
    assert (spent.figure, late.figure) == (None, None) and spent.alarm and late.alarm
    assert "nothing got through" in spent.verdict and "too late" in late.verdict


def test_one_refusal_or_one_slow_answer_is_no_trouble() -> None:
    def reply(number: int, at: float) -> Reply:
        return a_reply(status=429, sent_at_s=at) if number == 50 else a_reply(sent_at_s=at, latency_s=9.0 if number == 7 else 0.1)

    step = step_of(shots(50, 2, reply), wanted_per_s=50, planned=100, skipped=0)
    assert trouble_of(step, 0.1) == ""
    late = step_of(shots(20, 2, lambda _, at: a_reply(sent_at_s=at, latency_s=0.1)), wanted_per_s=50, planned=100, skipped=0)
    assert trouble_of(late, 0.1) == "ours"


def test_a_slow_answer_never_delays_the_next_ask_and_what_finds_no_room_is_skipped() -> None:
    async def story() -> tuple[list[Shot], int]:
        async with lined(Target(base_s=2)) as line:
            return await fired(
                Asker(line, Plan(in_flight_max=12), lambda _: None, asyncio.get_running_loop().time),
                [number / 40 for number in range(20)],
                tag="x",
            )

    sent, skipped = run(story())
    assert (len(sent), skipped) == (12, 8)
    # all left before the first answer could come
    assert max(shot.reply.sent_at_s for shot in sent) < min(shot.done_s for shot in sent)


def test_what_we_sent_late_ourselves_is_never_called_the_targets_limit() -> None:
    class Late:
        async def ask(self, *_: Any, tag: str, **__: Any) -> Reply:
            return a_reply(status=200 if tag.endswith("warm") else 429, sent_at_s=time.monotonic() + 0.3)

    plan = Plan(step_s=0.2, hold_s=0.5, burst_sizes=(1,), rate_min_per_s=50, pause_s=0)
    found = asyncio.run(burst(Asker(Late(), plan, lambda _: None), plan))
    assert found.kind == "ours" and found.effective_per_s is None
    assert "sustained rate above 0/s" in [finding.what for finding in found.findings if not finding.alarm]
    full = step_of([], wanted_per_s=50, planned=100, skipped=10)
    assert trouble_of(full, 0.1) == "ours"


def test_a_line_that_breaks_is_a_bug_and_not_a_figure() -> None:
    class Broken:
        async def ask(self, *_: Any, **__: Any) -> Reply:
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        asyncio.run(fired(Asker(Broken(), Plan(), lambda _: None), [0.0, 0.0], tag="x"))


def test_a_line_that_never_answers_is_left_after_the_plans_deadline() -> None:
    class Silent:
        async def ask(self, *_: Any, **__: Any) -> Reply:
            await asyncio.sleep(3600)
            raise AssertionError

    report = asyncio.run(probe(Silent(), Plan(answer_s=1, same_asks=2), frozenset({"determinism"})))
    assert report.sections[0][1][0].verdict == "not measured: fewer than two answers (no answer within the plan's deadline)"
    assert (report.asks, report.unpriced, report.cost_usd) == (2, 2, Decimal(0))


def test_one_slow_answer_of_three_is_no_cold_start() -> None:
    gaps = [Gap(idle_s=5, warm_s=0.5, first_s=first_s) for first_s in (0.5, 4.0, 0.6)]
    assert ColdStart(gaps=tuple(gaps)).cold_start_s is None
    found = ColdStart(gaps=(*gaps, *(Gap(idle_s=30, warm_s=0.5, first_s=first_s) for first_s in (3.4, 3.6, 0.5))))
    assert found.cold_gaps_s == (30,) and found.cold_start_s == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"repeats": 0}, "probe: found repeats = 0, expected repeats from 1 to 20"),
        ({"seconds": float("inf")}, "seconds = inf"),
        ({"answer_s": float("nan")}, "answer_s = nan"),
        ({"depths": (0.5, 1.5)}, "depths = 1.5, expected depths from 0 to 1"),
        ({"depths": ()}, "found 0 depths, expected 1 to 64 depths"),
        ({"burst_sizes": tuple(range(1, 100))}, "99 burst_sizes"),
        ({"rate_min_per_s": 60}, "rate_max_per_s = 50, expected at least rate_min_per_s = 60"),
        ({"repeats": 0, "growth": 1}, "found repeats = 0, growth = 1, expected"),
    ],
)
def test_a_plan_out_of_bounds_is_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Wrong, match=re.escape(said)):
        Plan(**given)


def test_the_little_statistics_know_what_they_do_not_know() -> None:
    assert (quantile([], 0.5), slope([(1, 1)]), slope([(1, 1), (1, 2)]), share_interval(0, 0)) == (None, None, None, None)
    assert [quantile([4, 1, 3, 2], share) for share in (0, 0.5, 0.95, 1)] == [1, 2, 4, 4]
    assert slope([(0, 1), (1, 3), (2, 5), (3, 7), (4, 900)]) == pytest.approx(2)
    low, high = share_interval(8, 10) or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert (spaced(1_000, 16_000, 5), spaced(500, 400, 5)) == ((1_000, 2_000, 4_000, 8_000, 16_000), (400,))


def test_what_a_run_takes_is_known_before(clean: list[str]) -> None:
    expected = {each.probe: each.asks for each in forecast(QUICKER)}
    sent = Counter("truncation" if tag.startswith("ruler") else "burst" if tag.startswith("ramp") else tag.split()[0] for tag in clean)
    assert expected == dict(sent)
    assert all(each.asks <= each.asks_most and each.input_tokens <= each.input_tokens_most for each in forecast(QUICKER))


def test_lengths_that_were_asked_for_are_no_more_than_forecast(clean: list[str]) -> None:
    lengths = [int(tag.split()[1]) for tag in clean if tag.startswith(("truncation", "context"))]
    found = {each.probe: each.input_tokens for each in forecast(QUICKER)}
    assert sum(lengths) + 1_800 == found["truncation"] + found["context"]


QUICKER = Plan(
    length_max_tokens=9_000, length_count=3, burst_sizes=(2, 3), rate_min_per_s=5, rate_max_per_s=8, step_s=0.5, hold_s=0.5, pause_s=0.0, idle_gaps_s=(0.0,), cold_repeats=1, same_asks=2, stream_pairs=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def clean() -> list[str]:
    """The tags of what a clean target was asked."""

    async def story() -> list[str]:
        async with lined(Target(base_s=0.01)) as line:
            assert (await probe(line, QUICKER, clock=asyncio.get_running_loop().time)).alarms == ()
            return line.tags

    return run(story())

"""The probes against scripted targets on loopback: every scripted weakness is found with its figure, and a clean target gives no alarm."""

import asyncio
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from rich.console import Console, RenderableType

from replay.faults import Wrong
from replay.probe import ALL, Plan, ProbeReport, probe
from replay.probe.finding import Finding
from replay.probe.report import details, plot, spec, table, to_json
from tests.replay.probe.clock import run
from tests.replay.probe.scripted import Target, lined

QUICK: dict[str, Any] = {
    "length_max_tokens": 32_000, "length_count": 4, "depths": (0.0, 0.5, 1.0), "repeats": 2, "burst_sizes": (5,), "rate_min_per_s": 20, "rate_max_per_s": 80,
    "growth": 2, "step_s": 1, "hold_s": 3, "pause_s": 0.1, "idle_gaps_s": (0.0, 0.8), "cold_repeats": 1, "same_asks": 3, "stream_pairs": 2,
}  # fmt: skip
LENGTHS = frozenset({"truncation", "context"})


@dataclass(frozen=True, kw_only=True)
class Story:
    target: Target
    only: frozenset[str] = ALL
    asks: float = math.inf
    plan: dict[str, Any] = field(default_factory=dict[str, Any])


LOADED: dict[str, Callable[[], Story]] = {
    "all at once": lambda: Story(target=Target(s_per_1k=0.05, keep=8_192, limit_per_s=50, cold_s=3, idle_s=0.5)),
    "clean": lambda: Story(target=Target(base_s=0.2), plan={"window_tokens": 16_000, "burst_sizes": (5, 20)}),
    "queues": lambda: Story(target=Target(queue_per_s=50), only=frozenset({"burst"})),
    "few at once": lambda: Story(target=Target(base_s=0.3, at_once=15), only=frozenset({"burst"}), plan={"burst_sizes": (5, 20)}),
    "slows down": lambda: Story(target=Target(slows_above=55), only=frozenset({"burst"}), plan={"step_s": 2, "rate_min_per_s": 40}),
    "by the second": lambda: Story(target=Target(per_second=50), only=frozenset({"burst"}), plan={"step_s": 2, "rate_min_per_s": 40}),
    "says nothing": lambda: Story(
        target=Target(limit_per_s=50, retry_after=None), only=frozenset({"burst"}), plan={"burst_sizes": (5, 30)}
    ),
}
READ: dict[str, Callable[[], Story]] = {
    "cut at the tail": lambda: Story(target=Target(base_s=0.01, keep=8_192, keeps="head"), only=LENGTHS),
    "cut in the middle": lambda: Story(target=Target(base_s=0.01, keep=8_192, keeps="ends"), only=LENGTHS),
    "cut and counted in full": lambda: Story(target=Target(base_s=0.01, keep=8_192, counts="full"), only=LENGTHS),
    "cut and not counted": lambda: Story(target=Target(base_s=0.01, keep=8_192, counts="nothing"), only=LENGTHS),
    "a window": lambda: Story(target=Target(base_s=0.01, window=12_288), only=LENGTHS),
    "a smaller window than told": lambda: Story(target=Target(base_s=0.01, window=12_288), only=LENGTHS, plan={"window_tokens": 20_000}),
    "forgets": lambda: Story(
        target=Target(base_s=0.01, forgets=3_000), only=frozenset({"context"}), plan={"lengths": (1_000, 2_000, 20_000), "repeats": 4}
    ),
    "refuses now and then": lambda: Story(
        target=Target(base_s=0.01, limit_per_s=8, bucket=1, retry_after="0.1"), only=LENGTHS, plan={"length_max_tokens": 8_000}
    ),
    "moody": lambda: Story(target=Target(base_s=0.01, moody=True), only=frozenset({"determinism", "stream"})),
    "in one piece": lambda: Story(target=Target(base_s=0.01, one_piece=True, stream_usage=False), only=frozenset({"stream"})),
    "no temperature": lambda: Story(target=Target(base_s=0.01, refuses_temperature=True), only=frozenset({"determinism"})),
    "poor": lambda: Story(target=Target(base_s=0.01), asks=14),
    "hurried": lambda: Story(target=Target(base_s=0.3), plan={"seconds": 1}),
    "broken": lambda: Story(target=Target(base_s=0.01, window=0)),
}


def probed(stories: Mapping[str, Callable[[], Story]]) -> dict[str, ProbeReport]:
    """On a clock that only waits move: figures are those of the script, however busy the machine is."""
    reports: dict[str, ProbeReport] = {}

    async def everything() -> None:
        for name, made in stories.items():
            story = made()
            async with lined(story.target, story.asks) as line:
                reports[name] = await probe(line, Plan(**{**QUICK, **story.plan}), story.only, clock=asyncio.get_running_loop().time)
                assert reports[name].asks == story.target.seen

    run(everything())
    return reports


@pytest.fixture(scope="module")
def loaded() -> dict[str, ProbeReport]:
    return probed(LOADED)


@pytest.fixture(scope="module")
def read() -> dict[str, ProbeReport]:
    return probed(READ)


def alarms(report: ProbeReport) -> dict[str, Finding]:
    return {finding.what: finding for _, finding in report.alarms}


def verdicts(report: ProbeReport) -> list[str]:
    return [finding.verdict for _, findings in report.sections for finding in findings]


def shown(what: RenderableType) -> str:
    page = io.StringIO()
    Console(width=200, file=page).print(what)
    return page.getvalue()


def test_a_target_that_cuts_limits_slows_and_sleeps_is_found_out_in_every_figure(loaded: dict[str, ProbeReport]) -> None:
    found = alarms(loaded["all at once"])
    assert {what: finding.figure for what, finding in found.items() if what != "recall"} == {
        "silent truncation": pytest.approx(8_192, rel=0.1),
        "latency by length": pytest.approx(0.05, rel=0.1),
        "cold start": pytest.approx(3, rel=0.1),
        "rate limit": pytest.approx(50, rel=0.1),
    }


def test_a_clean_target_gives_no_alarm_and_everything_is_measured(loaded: dict[str, ProbeReport]) -> None:
    report = loaded["clean"]
    assert report.alarms == ()
    assert [name for name, _ in report.sections] == ["determinism", "stream", "truncation", "context", "cold", "burst"]
    assert [verdict for verdict in verdicts(report) if "not measured" in verdict] == []
    assert report.cost_usd * 1000 == report.asks


def test_a_target_that_queues_instead_of_refusing_shows_its_knee(loaded: dict[str, ProbeReport]) -> None:
    report = loaded["queues"]
    assert alarms(report)["knee"].figure == pytest.approx(50, rel=0.1)
    assert report.burst is not None and report.burst.hold is not None and report.burst.hold.limited == 0


def test_a_target_that_keeps_up_but_slows_down_shows_its_knee(loaded: dict[str, ProbeReport]) -> None:
    report = loaded["slows down"]
    assert alarms(report)["knee"].figure == pytest.approx(55, rel=0.1)
    assert report.burst is not None and report.burst.hold is not None
    assert report.burst.hold.answers_per_s == pytest.approx(80, rel=0.1)


def test_a_burst_ends_at_the_first_refusal_and_missing_advice_is_said(loaded: dict[str, ProbeReport]) -> None:
    report = loaded["says nothing"]
    assert report.burst is not None
    first, second = report.burst.bursts
    assert (first.answered, second.limited > 0, second.codes[0][0]) == (5, True, "429")
    found = alarms(report)
    assert found["burst"].figure == second.answered < 30
    assert found["retry advice"].figure == 0 and report.burst.advice_holds is None
    assert found["rate limit"].figure == pytest.approx(50, rel=0.1)


def test_a_limit_that_counts_by_the_second_has_the_same_figure(loaded: dict[str, ProbeReport]) -> None:
    assert alarms(loaded["by the second"])["rate limit"].figure == pytest.approx(50, rel=0.1)


def test_a_limit_of_calls_under_way_is_seen_in_the_bursts(loaded: dict[str, ProbeReport]) -> None:
    burst = loaded["few at once"].burst
    assert burst is not None and [(step.planned, step.answered) for step in burst.bursts] == [(5, 5), (20, 15)]
    # fifteen at a time, three tenths of a second each, and what the wire takes
    assert alarms(loaded["few at once"])["rate limit"].figure == pytest.approx(48, rel=0.15)


def test_advice_is_tried_once(loaded: dict[str, ProbeReport]) -> None:
    burst = loaded["all at once"].burst
    assert burst is not None and burst.advice_holds is True
    assert set(burst.hold.retry_after_s if burst.hold else ()) == {1.0}


@pytest.mark.parametrize(
    ("name", "lost"),
    [("cut at the tail", "tail"), ("cut in the middle", "middle"), ("cut and counted in full", "head"), ("cut and not counted", "head")],
)
def test_a_cut_is_found_wherever_it_is_and_however_it_is_counted(read: dict[str, ProbeReport], name: str, lost: str) -> None:
    truncated = read[name].truncation
    assert truncated is not None and truncated.limit_tokens is not None
    if truncated.ruler.counts:
        assert truncated.limit_tokens == pytest.approx(8_192, rel=0.1)
    else:  # in our own estimate: 3.6 of its characters a token for our 4
        assert truncated.limit_tokens == pytest.approx(8_192 * 3.6 / 4, rel=0.1)
        assert "our estimate" in alarms(read[name])["silent truncation"].unit
    assert truncated.lost == lost


def test_a_loud_window_is_found_and_is_no_truncation(read: dict[str, ProbeReport]) -> None:
    report = read["a window"]
    assert report.truncation is not None and report.truncation.limit_tokens is None
    assert report.truncation.window_tokens == 12_288
    assert report.alarms == ()
    assert report.context is not None and 11_000 < report.context.lengths[-1].length_tokens < 12_288
    assert "smaller" not in verdicts(report)


def test_a_window_smaller_than_it_is_said_to_be_is_an_alarm(read: dict[str, ProbeReport]) -> None:
    found = alarms(read["a smaller window than told"])
    assert found["context window"].figure == 12_288 and "20,000" in found["context window"].verdict


def test_a_refusal_for_load_is_waited_out_and_is_no_evidence(read: dict[str, ProbeReport]) -> None:
    report = read["refuses now and then"]
    assert report.alarms == () and "none found: read whole up to 8,000 tokens" in verdicts(report)
    assert report.truncation is not None and report.context is not None
    assert report.asks > len(report.truncation.trials) + len(report.context.trials) + 3


def test_facts_that_are_read_and_not_found_are_told_by_depth_and_length(read: dict[str, ProbeReport]) -> None:
    sweep = read["forgets"].context
    assert sweep is not None
    assert [(each.length_tokens, [hits for _, hits in each.by_depth]) for each in sweep.lengths] == [
        (1_000, [4, 4, 4]),
        (2_000, [4, 4, 4]),
        (20_000, [0, 0, 4]),
    ]
    assert "from 20,000 tokens on 33%, least at depth 0%" in alarms(read["forgets"])["recall"].verdict
    assert read["forgets"].truncation is None


def test_answers_and_models_that_change_are_counted(read: dict[str, ProbeReport]) -> None:
    report = read["moody"]
    assert report.determinism is not None and sorted(report.determinism.answers) == [1, 2]
    found = alarms(report)
    assert (found["different answers to one prompt"].figure, found["different served models"].figure) == (2, 2)
    assert "different fingerprints" not in found
    # plain and streamed asks take turns, and so do its moods: every plain answer is the same, every streamed one is another
    assert found["streamed text differs"].figure == 2


def test_a_stream_that_is_none_and_has_no_usage_is_found(read: dict[str, ProbeReport]) -> None:
    found = alarms(read["in one piece"])
    assert (found["first token"].figure or 0) >= 0.3 and "one piece" in found["first token"].verdict
    assert found["streams without usage"].figure == 2


def test_a_target_without_a_temperature_is_asked_without_one(read: dict[str, ProbeReport]) -> None:
    report = read["no temperature"]
    assert report.determinism is not None and (report.determinism.answered, report.determinism.at_temperature) == (3, False)
    assert report.alarms == ()


def test_a_probe_without_money_ends_alone_and_reports_what_it_has(read: dict[str, ProbeReport]) -> None:
    report = read["poor"]
    assert report.asks == 14
    found = {name: [finding.verdict for finding in findings] for name, findings in report.sections}
    assert [name for name, said in found.items() if "not measured: budget" in said] == ["truncation", "context", "cold", "burst"]
    assert "none found: read whole up to 4,000 tokens" in found["truncation"]
    assert not [finding for _, findings in report.sections for finding in findings if finding.figure == 0]


def test_a_run_ends_when_its_time_is_over(read: dict[str, ProbeReport]) -> None:
    report = read["hurried"]
    assert report.seconds < 20 and report.asks <= 4
    assert "not measured: time" in verdicts(report)


def test_a_target_that_answers_nothing_is_not_measured_and_gives_no_figure(read: dict[str, ProbeReport]) -> None:
    report = read["broken"]
    findings = [finding for _, found in report.sections for finding in found]
    assert {finding.figure for finding in findings} == {None} and report.alarms == ()
    assert all("not measured: " in finding.verdict and "(HTTP 400)" in finding.verdict for finding in findings)
    assert report.asks < 30


def test_an_unknown_probe_is_refused_before_anything_is_sent() -> None:
    async def story() -> None:
        async with lined(Target()) as line:
            with pytest.raises(Wrong, match="found bursts, expected any of determinism"):
                await probe(line, Plan(), frozenset({"bursts"}))
            assert line.tags == []

    asyncio.run(story())


def test_the_tables_say_what_was_found(loaded: dict[str, ProbeReport]) -> None:
    report = loaded["all at once"]
    text = shown(table(report))
    assert all(name in text for name in ALL)
    assert all(f"{finding.verdict[:30]}" in text for _, findings in report.sections for finding in findings)
    series = shown(details(report))
    assert "80/s" in series and "depth 50%" in series and "0.8 s" in series


@pytest.mark.parametrize("name", ["all at once", "clean"])
def test_alarms_and_nothing_else_are_called_alarms(loaded: dict[str, ProbeReport], name: str) -> None:
    report = loaded[name]
    rows = [line for line in shown(table(report)).splitlines() if "ALARM" in line]
    assert len(rows) == len(report.alarms) == shown(details(report)).count("ALARM")
    for line, (_, alarm) in zip(rows, report.alarms, strict=True):
        assert alarm.what in line and f"ALARM: {alarm.verdict[:30]}" in line
    for probed, alarm in report.alarms:
        assert f"ALARM: {probed}: {alarm.what}: {alarm.verdict}" in shown(details(report)).replace("\n", " ")


def test_the_json_has_every_finding_and_every_series(loaded: dict[str, ProbeReport]) -> None:
    report = loaded["all at once"]
    said = orjson.loads(to_json(report))
    assert (said["asks"], said["cost_usd"]) == (report.asks, str(report.cost_usd))
    for name, findings in report.sections:
        assert said["probes"][name]["findings"] == [msgspec.to_builtins(each) for each in findings]
    assert len(said["probes"]["burst"]["measured"]["ramp"]) == len(report.burst.ramp if report.burst else ())


def test_the_chart_holds_the_figures_and_fetches_nothing(loaded: dict[str, ProbeReport], tmp_path: Path) -> None:
    report = loaded["all at once"]
    charts = {chart["title"]: chart["data"] for chart in spec(report)["vconcat"]}
    assert list(charts) == [
        "facts that came back",
        "latency by length",
        "cold start",
        "answers a second by asks a second",
        "p95 by asks a second",
    ]
    assert all(set(data) == {"values"} and data["values"] for data in charts.values())
    assert {(row["depth"], row["recall"]) for row in charts["facts that came back"]["values"]} >= {("0%", 0.0), ("100%", 1.0)}
    plot(report, tmp_path / "probe.json")
    assert orjson.loads((tmp_path / "probe.json").read_bytes()) == spec(report)


def test_a_chart_is_drawn_with_the_extra_and_without_it_one_line_says_what_to_install(
    loaded: dict[str, ProbeReport], tmp_path: Path
) -> None:
    report, picture = loaded["all at once"], tmp_path / "probe.svg"
    try:
        plot(report, picture)
    except Wrong as wrong:
        assert "pip install 'understudy[report]'" in str(wrong) and not picture.exists()
    else:
        assert picture.read_bytes().startswith(b"<svg") and b"facts that came back" in picture.read_bytes()
    with pytest.raises(Wrong, match=r"expected one of \.svg"):
        plot(report, tmp_path / "probe.gif")


def test_nothing_to_draw_is_one_line(read: dict[str, ProbeReport], tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="no series of figures"):
        plot(read["moody"], tmp_path / "probe.json")

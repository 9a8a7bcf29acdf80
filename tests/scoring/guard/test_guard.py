"""The guard of a rollout: what it takes back, what it lets go on, when it is silent, and what it says."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.config import Limits, SegmentLimits, Workflow
from proxy.metrics import Meters
from proxy.rollout.change import state_of
from proxy.rollout.report import Report, read_report
from proxy.rollout.state_file import files_of, locked
from proxy.rollout.watch import NO_GUARD, Watch
from proxy.segments import read_segment, segment_names
from proxy.turning import Turning
from scoring.guard.guard import Guard
from scoring.online import observing
from tests.scoring.guard.rollouts import REFUSED, Watched, a_config


def report_of(watched: Watched) -> Report:
    found = read_report(files_of(watched.config, watched.rollout))
    assert found is not None
    return found


def test_a_candidate_that_starts_refusing_is_taken_back_with_words_evidence_and_ten_calls(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=1.0)
    assert isinstance(watched.guard, Turning)
    watched.canary(100)
    assert watched.turn().state == "running" and report_of(watched).limits[1].value == 0.0
    number = 0
    for number in range(300):
        watched.canary(reverse=False, **(REFUSED if number % 3 == 0 else {}))
        if watched.turn(0.0 if number % 5 else 1.0).state == "rolled_back":
            break
    state = state_of(watched.config, watched.rollout)
    assert (state.state, state.share, state.actor) == ("rolled_back", 0.0, "guard") and number < 200
    assert state.why.startswith("refusals ") and "limit 10 %" in state.why and "answers in the last 60 s" in state.why
    assert len(state.log[-1].call_ids) == 10
    told = [item.event for name in segment_names(watched.config.journal_folder) for item in _events(watched, name)]
    row: Any = next(each for each in told if getattr(each, "actor", "") == "guard" and getattr(each, "rollout", ""))
    assert row.evidence["limit"]["name"] == "refusal_rate" and row.evidence["calls"]["candidate"] > 100 and len(row.call_ids) == 10
    said = report_of(watched)
    assert said.state == "rolled_back" and said.version == state.version and said.call_ids == state.log[-1].call_ids
    assert 'understudy_rollout_state{route="main",state="rolled_back"} 1.0' in watched.meters.exposition().decode()


def _events(watched: Watched, name: str) -> Any:
    contents = read_segment(watched.config.journal_folder / name)
    assert contents is not None
    return contents.events


def test_few_calls_that_fail_by_chance_take_nobody_back(tmp_path: Path) -> None:
    """Two errors of twenty are 10 %, above a limit of 5 %, and mean little."""
    watched = Watched(tmp_path)
    watched.canary(18)
    watched.canary(2, outcome="errored", status=500, text=None, failure_class="loud")
    assert watched.turn().state == "running"
    error = report_of(watched).limits[0]
    assert (error.value, error.calls, error.broken) == (0.1, 20, False)
    assert any("not yet more than chance" in each for each in report_of(watched).words)
    assert any(each.name == "limit error_rate" for each in report_of(watched).waits), "and nobody is promoted meanwhile"


def test_a_candidate_that_is_dead_is_taken_back_by_its_pairs_though_no_client_noticed(tmp_path: Path) -> None:
    watched = Watched(tmp_path, limits=Limits())
    watched.fallback(10)
    assert watched.turn(70.0).state == "running"
    watched.fallback(10)
    assert watched.turn().state == "running", "whether they are pairs is known when the answers of their time have theirs"
    assert watched.turn(70.0).state == "rolled_back" and watched.guard.state.why.startswith(
        "pairs: triage transport: mean score 0 against 1"
    )
    assert report_of(watched).calls["fallback"] == 20 and "status_500 20" in report_of(watched).words[0]


def test_it_says_that_no_pairs_come_because_the_incumbent_refuses_our_key_until_it_takes_one(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.5)
    [call] = watched.canary(reverse=False)
    refused: dict[str, Any] = dict(outcome="errored", status=401, text=None, failure_class="loud")
    watched.guard(watched.row(call, target="big", role="incumbent", seen=False, **refused), call)
    watched.canary(5, reverse=False)
    watched.turn()
    said = report_of(watched)
    assert [each.name for each in said.waits] == ["bake", "pairs", "unseen"] and said.hours_left is None
    assert any("it answered 401 to an unseen call, so no pairs come" in each for each in said.words)
    watched.canary(3)
    watched.turn()
    assert [each.name for each in report_of(watched).waits] == ["bake", "pairs"] and report_of(watched).hours_left is not None


@pytest.mark.parametrize(("reverse_shadow", "calls"), [(1.0, 20), (0.5, 40)])
def test_it_says_that_the_incumbent_was_asked_about_none_of_many_calls(tmp_path: Path, reverse_shadow: float, calls: int) -> None:
    watched = Watched(tmp_path, start=0.5, reverse_shadow=reverse_shadow)
    watched.canary(calls - 1, reverse=False)
    watched.turn()
    assert [each.name for each in report_of(watched).waits] == ["bake", "pairs"], "too early to say"
    watched.canary(1, reverse=False)
    watched.turn()
    assert any(f"none came to {calls} calls of this step" in each for each in report_of(watched).words)
    watched.canary(1)
    watched.turn()
    assert [each.name for each in report_of(watched).waits] == ["bake", "pairs"]


def test_it_says_that_nobody_asks_for_pairs(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.5, reverse_shadow=0.0)
    watched.turn()
    assert any("reverse_shadow = 0 asks for none" in each for each in report_of(watched).words)


def test_a_limit_needs_its_fewest_calls_and_no_incumbent(tmp_path: Path) -> None:
    dead: dict[str, Any] = dict(outcome="errored", status=500, text=None, reverse=False)
    watched = Watched(tmp_path)
    watched.canary(19, **dead)
    assert watched.turn().state == "running", "fewer than limit_min_calls"
    watched.canary(1, **dead)
    assert watched.turn().state == "rolled_back" and watched.guard.state.why.startswith(
        "errors 100 % of 20 answers in the last 60 s, limit 5 %"
    )


def test_a_request_that_both_refuse_as_wrong_is_the_clients_own_fault(tmp_path: Path) -> None:
    bad: dict[str, Any] = dict(outcome="errored", status=422, text=None, failure_class="loud")
    watched = Watched(tmp_path)
    watched.fallback(60, status=422, incumbent=bad)
    assert watched.turn(6.0).state == "running"
    assert report_of(watched).limits[0].calls == 0
    watched.fallback(60, status=422)
    assert watched.turn().state == "rolled_back", "the incumbent could answer these"


def test_such_a_status_counts_when_no_answer_of_the_incumbent_comes_in_time(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.canary(30, reverse=False, outcome="errored", status=400, text=None, failure_class="loud", seen=False)
    watched.guard.turn(watched.now_s, 0.0)
    assert watched.guard.report is not None and watched.guard.report.limits[0].calls < 30
    assert watched.turn(6.0).state == "rolled_back"


def test_what_nobody_is_to_blame_for_is_no_evidence(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.canary(40, outcome="client_gone")
    watched.canary(40, outcome="errored", outcome_reason="worker died", status=None)
    watched.canary(40, outcome="errored", outcome_reason="interrupted: our shadow stopped while asking", status=None)
    watched.turn()
    assert report_of(watched).limits[0].calls == 0 and report_of(watched).pairs == 0


def test_a_candidate_that_is_silent_until_its_clients_leave_is_taken_back(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.5)
    watched.others(40)
    watched.canary(40, outcome="client_gone", ttft_s=0.3)
    assert watched.turn().state == "running", "they had read enough"
    watched.canary(40, outcome="client_gone", status=None, text=None, ttft_s=None, cost_usd=None)
    state = watched.turn()
    assert state.state == "rolled_back" and state.why.startswith("race: clients that left unanswered: 40 against 0 of the incumbent")


def test_what_most_failures_failed_for_is_told(tmp_path: Path) -> None:
    """Truncated for want of tokens and broken off in its JSON are mended in different ways."""
    watched = Watched(tmp_path, start=0.5, limits=Limits(truncation_rate=0.1))
    watched.others(40)
    watched.canary(2, outcome="truncated", outcome_reason="stopped at its limit: length", failure_class="loud")
    watched.canary(30, outcome="truncated", outcome_reason="ends inside\x1b its JSON", failure_class="silent")
    why = watched.turn().why
    assert why.startswith("truncated answers 100 % of 32 answers in the last 60 s, mostly: ends inside its JSON, limit 10 %")
    assert any(each.mostly == "ends inside its JSON" for each in report_of(watched).tests if each.name == "race: truncations")


def test_neither_what_a_model_said_nor_one_reason_of_many_is_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path, limits=Limits(refusal_rate=0.1, error_rate=0.1))
    watched.canary(30, outcome="refused", outcome_reason="I will not tell Ms Keller.", failure_class="silent")
    for number in range(30):
        watched.canary(1, outcome="errored", outcome_reason=f"status 500: request {number}", failure_class="loud", status=500)
    assert "mostly" not in watched.turn().why


def test_as_many_clients_may_leave_on_either_side(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.5)
    for _ in range(60):
        watched.others(1, outcome="client_gone", status=None, text=None, ttft_s=None)
        watched.canary(1, outcome="client_gone", status=None, text=None, ttft_s=None)
    assert watched.turn().state == "running"


def test_unknown_cost_is_not_free_and_dear_answers_break_their_limit(tmp_path: Path) -> None:
    watched = Watched(tmp_path, limits=Limits(usd_per_call=0.0015))
    watched.canary(30, cost_usd=None)
    watched.turn()
    assert report_of(watched).limits[0].value is None
    watched.canary(60, cost_usd=0.002)
    state = watched.turn()
    assert state.state == "rolled_back" and state.why.startswith("cost per call $0.002 of 60 answers")


def test_a_segment_has_limits_of_its_own(tmp_path: Path) -> None:
    long = SegmentLimits(name="long", input_chars_min=1000, limits=Limits(error_rate=0.02))
    watched = Watched(tmp_path, limits=Limits(), segments=[long])
    watched.canary(40, outcome="errored", status=500, text=None, call=dict(input_chars=10), reverse=False)
    state = watched.turn()
    assert not any(each.broken for each in report_of(watched).limits) and "in segment" not in state.why
    other = Watched(tmp_path / "other", limits=Limits(), segments=[long])
    other.canary(40, outcome="errored", status=500, text=None, call=dict(input_chars=5000), reverse=False)
    assert "in segment long" in other.turn().why


def test_broken_json_is_seen_by_pairs_without_any_limit(tmp_path: Path) -> None:
    schema = (
        '{"model":"big","response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","required":["a"]}}}}'
    )
    watched = Watched(tmp_path, limits=Limits())
    asked: dict[str, Any] = dict(request=schema, dialect="openai.chat")
    for _ in range(120):
        call = watched.call(**asked)
        watched.guard(watched.row(call, text="{broken"), call)
        watched.guard(watched.row(call, target="big", role="incumbent", seen=False, text='{"a": 1}'), call)
        if watched.turn(1.0).state == "rolled_back":
            break
    assert watched.guard.state.why.startswith("pairs: triage json_schema: mean score 0 against 1 of the incumbent") and watched.number < 60


def test_one_conversation_is_one_pair_however_long_it_gets(tmp_path: Path) -> None:
    watched = Watched(tmp_path, 0.5, limits=Limits())
    watched.canary(200, call=dict(conversation="the same"), **REFUSED)
    assert watched.turn().state == "running"
    tests = {each.name: each.n for each in report_of(watched).tests}
    assert tests["pairs: triage refusal"] == 1 and tests["race: refusals"] == 1 and report_of(watched).pairs == 1
    assert "waits for 1 of 20 pairs, one a conversation" in report_of(watched).words


def test_it_promotes_when_nothing_is_left_to_wait_for_and_stops_at_the_last_step(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.1, auto_promote=True)
    watched.canary(30)
    assert watched.turn().share == 0.1, "bake time"
    watched.turn(70.0)
    assert watched.guard.state.share == 0.1, "no answer of the candidate in the window: no data never promotes"
    watched.canary(1)
    assert watched.turn().share == 0.5 and watched.guard.state.actor == "guard"
    assert report_of(watched).share == 0.5 and report_of(watched).pairs == 0, "the next step counts its own"


def test_without_auto_promote_it_says_what_it_waits_for_and_leaves_the_step_to_people(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.1)
    watched.canary(10)
    watched.turn()
    assert [each.name for each in report_of(watched).waits] == ["bake", "pairs"]
    assert "waits for 10 of 20 pairs, one a conversation" in report_of(watched).words
    watched.canary(300)
    assert watched.turn().share == 0.1
    assert report_of(watched).waits == [] and "nothing is left to wait for: promote it" in report_of(watched).words


def test_no_data_never_promotes(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.1, auto_promote=True, min_pairs=1)
    for _ in range(50):
        watched.turn(3600.0)
    assert watched.guard.state.share == 0.1 and "no call of it was seen" in report_of(watched).words[0]


def test_coverage_that_is_not_known_is_waited_for(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.1, auto_promote=True, coverage=0.5)
    watched.canary(400)
    assert watched.turn().share == 0.1
    assert [each.name for each in report_of(watched).waits] == ["coverage"] and report_of(watched).waits[0].have is None


def test_a_guard_that_is_blind_says_nothing_but_still_takes_back(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.turn(behind_s=10.0)
    files = files_of(watched.config, watched.rollout)
    assert not files.guard.exists() and Watch(watched.config, watched.rollout).plan() == NO_GUARD
    watched.turn(behind_s=1.0)
    assert files.guard.exists()
    files.guard.unlink()
    watched.fallback(20)
    assert watched.turn(behind_s=60.0).state == "rolled_back" and not files.guard.exists()


def test_a_decision_that_cannot_be_written_stops_the_beat(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.turn()
    files = files_of(watched.config, watched.rollout)
    before = files.guard.read_bytes()
    watched.fallback(30)
    with locked(files):
        watched.turn()
        assert files.guard.read_bytes() == before
        assert Watch(watched.config, watched.rollout).plan() is None, "a rollback that cannot be written takes the state away"
    assert watched.turn().state == "idle" and json.loads(files.guard.read_bytes())["state"] == "idle"


def test_what_a_person_finished_is_only_told_about(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=1.0)
    watched.asked("finish")
    watched.fallback(60)
    assert watched.turn().state == "finished"
    assert any(each.broken for each in report_of(watched).limits) and "a person made it the incumbent" in report_of(watched).words[-1]


def test_another_start_forgets_what_was_before(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.fallback(30)
    assert watched.turn().state == "rolled_back"
    watched.asked("start", share=0.1)
    assert watched.turn().state == "running" and report_of(watched).limits[0].calls == 0


def test_a_rollout_that_nobody_started_is_watched_and_told_as_idle(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=None)
    watched.turn()
    assert report_of(watched).state == "idle" and report_of(watched).waits == []


def test_a_pause_holds_the_share_and_a_fault_still_ends_it(tmp_path: Path) -> None:
    watched = Watched(tmp_path, start=0.1, auto_promote=True)
    watched.asked("pause")
    watched.canary(400)
    assert (watched.turn().state, watched.guard.state.share) == ("paused", 0.1)
    watched.fallback(60)
    assert watched.turn().state == "rolled_back"


def test_the_recorder_gets_one_guard_for_each_rollout_and_none_with_a_rubric_that_has_faults(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    found = observing(config, str(tmp_path / "understudy.toml"), Meters(config))
    assert [each.rollout.name for each in found if isinstance(each, Guard)] == ["canary"]
    (tmp_path / "bad.toml").write_text("rubric = 1\n[[dimension]]\ntype = 'nonsense'\n")
    bad = msgspec.structs.replace(config, workflows=[Workflow(name="triage", rubric="bad.toml")])
    assert not observing(bad, str(tmp_path / "understudy.toml"), Meters(bad)), "nobody beats, so no canary is served"

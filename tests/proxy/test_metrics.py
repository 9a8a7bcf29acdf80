"""The contract's metrics: their names, types and labels; what is counted, once; and that traffic makes no series."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.events import BeatEvent
from proxy.exchange import Decision, Exchange
from proxy.meaning import when
from proxy.metrics import Meters
from tests.proxy.journaled import a_config, new_id

CONTRACT = {
    "understudy_calls_total": ("counter", "route,workflow,role,target,seen,outcome"),
    "understudy_passthrough_total": ("counter", "route"),
    "understudy_latency_seconds": ("histogram", "route,role,target,seen"),
    "understudy_ttft_seconds": ("histogram", "route,role,target,seen"),
    "understudy_overhead_seconds": ("histogram", ""),
    "understudy_tokens_total": ("counter", "role,target,workflow,kind"),
    "understudy_spend_usd_total": ("counter", "role,target,workflow"),
    "understudy_unpriced_calls_total": ("counter", "role,target"),
    "understudy_refusals_total": ("counter", "role,target,workflow,kind"),
    "understudy_failures_total": ("counter", "role,target,workflow,seen,class"),
    "understudy_hallucination_tags_total": ("counter", "role,target,workflow,tag"),
    "understudy_mirror_total": ("counter", "target,decision"),
    "understudy_shadow_budget_usd": ("gauge", "target,state"),
    "understudy_in_flight": ("gauge", "process"),
    "understudy_journal_lag_seconds": ("gauge", ""),
    "understudy_journal_bytes": ("gauge", ""),
    "understudy_journal_dropped_total": ("counter", "process,reason"),
    "understudy_store_commit_seconds": ("histogram", ""),
    "understudy_rollout_share": ("gauge", "route,target"),
    "understudy_rollout_state": ("gauge", "route,state"),
    "understudy_verdict": ("gauge", "workflow,criterion,target,verdict"),
    "understudy_score_mean": ("gauge", "workflow,criterion,target,role"),
    "understudy_served_model_info": ("gauge", "target,model"),
    "understudy_build_info": ("gauge", "version,config"),
}
OURS = {
    "understudy_spend_part_usd_total": ("counter", "role,target,workflow,part"),
    "understudy_rollout_stayed_total": ("counter", "route,reason"),
    "understudy_rollout_fallbacks_total": ("counter", "route,target,reason"),
    "understudy_rollout_reading": ("gauge", "route,limit,segment,of"),
    "understudy_rollout_evidence": ("gauge", "route,test"),
    "understudy_rollout_hours_left": ("gauge", "route"),
    "understudy_rollout_guard_at_seconds": ("gauge", "route"),
    "understudy_loop_lag_seconds": ("gauge", "process"),
    "understudy_journal_room_bytes": ("gauge", ""),
}
"""What the contract does not name and dashboards and alerts need."""


def some_meters(**more: Any) -> Meters:
    return Meters(a_config(Path("nowhere"), workflows=("invoices",), **more), "1.2")


def a_row(**more: Any) -> Exchange:
    fields: dict[str, Any] = {
        "call_id": new_id(), "target": "gpt", "role": "incumbent", "seen": True, "started_at": when(0), "status": 200, "outcome": "answered",
        "outcome_reason": "answered", "failure_class": "ok", "text": None, "input_tokens": 10, "output_tokens": 5, "cost_usd": Decimal("0.25"),
        "latency_s": 3.0, "ttft_s": 0.3, "overhead_s": 0.0004,
    }  # fmt: skip
    return Exchange(**(fields | more))


def a_decision_row(**more: Any) -> Decision:
    fields: dict[str, Any] = {"call_id": new_id(), "target": "small", "role": "candidate", "decision": "sent", "reason": ""}
    fields["decided_at"] = when(0)
    return Decision(**(fields | more))


def value(meters: Meters, line: str) -> float | None:
    """The value of one line of the exposition, by its name and labels as Prometheus prints them."""
    found = re.search(f"^{re.escape(line)} (.*)$", meters.exposition().decode(), re.MULTILINE)
    return float(found[1]) if found else None


def test_the_metrics_are_the_contracts_and_these_of_ours() -> None:
    kinds = {"c": "counter", "g": "gauge", "h": "histogram"}
    found: dict[str, tuple[str, str]] = {}
    for collector in some_meters().registry._collector_to_names:  # pyright: ignore[reportPrivateUsage]
        metric: Any = collector
        name = metric._name + ("_total" if metric._type == "counter" else "")
        found[name] = (kinds[metric._type[0]], ",".join(metric._labelnames))
    assert found == CONTRACT | OURS


def test_times_have_buckets_from_50_ms_to_128_s() -> None:
    meters = some_meters()
    meters.observe_exchange(a_row(), "main", "invoices")
    edges = re.findall(r'understudy_latency_seconds_bucket\{.*?le="(.*?)"', meters.exposition().decode())
    assert edges == ["0.05", "0.1", "0.25", "0.5", "1.0", "2.0", "4.0", "8.0", "16.0", "32.0", "64.0", "128.0", "+Inf"]


def test_an_answer_is_counted_timed_and_priced() -> None:
    meters = some_meters()
    assert meters.observe_exchange(a_row(), "main", "invoices")
    about = 'role="incumbent",target="gpt",workflow="invoices"'
    called = 'route="main",workflow="invoices",role="incumbent",target="gpt",seen="true",outcome="answered"'
    assert value(meters, "understudy_calls_total{" + ",".join(sorted(called.split(","))) + "}") == 1
    assert value(meters, f"understudy_spend_usd_total{{{about}}}") == 0.25
    assert value(meters, f'understudy_tokens_total{{kind="input",{about}}}') == 10
    assert value(meters, 'understudy_latency_seconds_sum{role="incumbent",route="main",seen="true",target="gpt"}') == 3.0
    assert value(meters, 'understudy_ttft_seconds_count{role="incumbent",route="main",seen="true",target="gpt"}') == 1
    assert value(meters, "understudy_overhead_seconds_sum") == 0.0004


def test_an_answer_that_comes_twice_is_counted_once() -> None:
    meters = some_meters()
    row = a_row(role="candidate", target="small", seen=False, outcome="errored", outcome_reason="interrupted", cost_usd=None)
    assert meters.observe_exchange(row, "main", None)
    before = meters.exposition()
    assert not meters.observe_exchange(row, "main", None)
    assert meters.exposition() == before


def test_another_attempt_or_sample_is_another_answer() -> None:
    meters = some_meters()
    call = new_id()
    rows = [a_row(call_id=call), a_row(call_id=call, attempt=2), a_row(call_id=call, sample=1), a_row(call_id=call, run_id="r")]
    assert [meters.observe_exchange(row, "main", None) for row in rows] == [True] * 4


def test_an_unknown_cost_is_counted_as_unpriced_and_adds_nothing_to_spend() -> None:
    meters = some_meters()
    meters.observe_exchange(a_row(cost_usd=None), "main", None)
    assert value(meters, 'understudy_unpriced_calls_total{role="incumbent",target="gpt"}') == 1
    assert "understudy_spend_usd_total{" not in meters.exposition().decode()


def test_spend_is_split_into_what_it_was_for_and_what_is_unknown_is_not_there() -> None:
    meters = some_meters()
    parts = {"input": Decimal("0.15"), "output": Decimal("0.10"), "reasoning": Decimal(0)}
    meters.observe_exchange(a_row(), "main", None, parts)
    meters.observe_spend(a_row(role="candidate", target="small"), None, {"request": Decimal("0.25")})
    meters.observe_exchange(a_row(cost_usd=None), "main", None, {})
    told = dict(re.findall(r'understudy_spend_part_usd_total\{(part="\w+",role="\w+").*\} (.*)', meters.exposition().decode()))
    incumbent = {f'part="{part}",role="incumbent"': str(float(usd)) for part, usd in parts.items()}
    assert told == incumbent | {'part="request",role="candidate"': "0.25"}, "a price of 0 is known, the others are absent"


def test_what_is_not_billed_is_not_unpriced() -> None:
    meters = some_meters()
    meters.observe_exchange(a_row(cost_usd=None, status=429, outcome="errored", failure_class="loud"), "main", None)
    meters.observe_exchange(a_row(cost_usd=None, status=None, outcome="errored", failure_class="loud"), "main", None)
    assert "understudy_unpriced_calls_total{" not in meters.exposition().decode()


def test_refusals_and_failures_are_told_by_kind_and_class() -> None:
    meters = some_meters()
    meters.observe_exchange(a_row(outcome="refused", refusal_kind="textual", failure_class="silent"), "main", "invoices")
    about = 'role="incumbent",target="gpt",workflow="invoices"'
    assert value(meters, f'understudy_refusals_total{{kind="textual",{about}}}') == 1
    assert value(meters, 'understudy_failures_total{class="silent",role="incumbent",seen="true",target="gpt",workflow="invoices"}') == 1


def test_a_leg_has_one_decision_whoever_tells_it() -> None:
    meters = some_meters()
    row = a_decision_row()
    assert meters.observe_decision(row)
    assert not meters.observe_decision(a_decision_row(call_id=row.call_id, decision="stale"))
    assert value(meters, 'understudy_mirror_total{decision="sent",target="small"}') == 1
    assert value(meters, 'understudy_mirror_total{decision="stale",target="small"}') is None


def test_a_route_without_candidates_has_its_decisions_too() -> None:
    meters = some_meters()
    meters.observe_decision(a_decision_row(target="", decision="no_candidate"))
    assert value(meters, 'understudy_mirror_total{decision="no_candidate",target=""}') == 1


def test_beats_count_by_difference_and_a_restart_starts_anew() -> None:
    meters = some_meters()
    for writer, total in (("a", 5), ("a", 7), ("a", 7), ("b", 2), ("b", 3)):
        meters.observe_beat(
            BeatEvent(at=0, process="worker-0", in_flight=total, passthrough={"main": total}, dropped={"queue_full": total}), writer
        )
    assert value(meters, 'understudy_passthrough_total{route="main"}') == 10
    assert value(meters, 'understudy_journal_dropped_total{process="worker-0",reason="queue_full"}') == 10
    assert value(meters, 'understudy_in_flight{process="worker-0"}') == 3


@given(totals=st.lists(st.integers(0, 50), max_size=30))
def test_counters_of_beats_never_fall(totals: list[int]) -> None:
    meters = some_meters()
    last = 0.0
    for total in totals:
        meters.observe_beat(BeatEvent(at=0, process="shadow", passthrough={"main": total}), "w")
        now = value(meters, 'understudy_passthrough_total{route="main"}') or 0.0
        assert now >= last
        last = now
    rises = sum(b - a if b >= a else b for a, b in zip([0, *totals], totals, strict=False))
    assert last == rises


def test_the_shadows_money_is_shown_as_spent_and_budget() -> None:
    meters = some_meters()
    meters.observe_beat(BeatEvent(at=0, process="shadow", spent_usd={"small": 1.5}, budget_usd={"small": 20.0}))
    assert value(meters, 'understudy_shadow_budget_usd{state="spent",target="small"}') == 1.5
    assert value(meters, 'understudy_shadow_budget_usd{state="budget",target="small"}') == 20.0


def test_ten_thousand_inventions_make_no_series() -> None:
    """Models, workflows, routes, targets, reasons: whatever a client or an upstream invents is `other`, or one of a few."""
    meters = some_meters()

    def invent(word: str) -> None:
        row = a_row(model_served=f"m-{word}", model_requested=word, finish=word, error=word, response_id=word)
        meters.observe_exchange(row, "main", word)
        meters.observe_exchange(a_row(target=word), word, word)
        meters.observe_decision(a_decision_row(target=word, reason=word))
        meters.observe_beat(BeatEvent(at=0, process=f"p-{word}", passthrough={word: 1}, dropped={word: 1}, spent_usd={word: 1.0}), word)
        meters.observe_lost(word, "gap", 1)

    for number in range(100):
        invent(f"first{number}")
    before = meters.series()
    for number in range(10_000):
        invent(f"word{number}")
    assert meters.series() == before


def test_a_model_that_is_no_longer_served_leaves_the_registry() -> None:
    meters = some_meters()
    for name in ("a", "b", "c", "d", "a", "e", "lone \ud800"):
        meters.observe_exchange(a_row(model_served=name), "main", None)
    found = re.findall(r'understudy_served_model_info\{model="(.*?)"', meters.exposition().decode())
    assert sorted(found) == ["a", "d", "e", "lone \ufffd"]


def test_what_counts_answers_forgets_the_oldest() -> None:
    meters = some_meters()
    meters.counted.bound = 10
    first = a_row()
    for row in (first, *(a_row() for _ in range(10))):
        meters.observe_exchange(row, "main", None)
    assert len(meters.counted) == 10
    assert meters.observe_exchange(first, "main", None)

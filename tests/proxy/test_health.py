"""Ready or not, in words; and the account of what was mirrored."""

from decimal import Decimal
from typing import Any

import pytest

from proxy.events import BeatEvent
from proxy.health import Figures, Tally, Watch, mirror_words, shown, silent_for
from tests.proxy.journaled import new_id
from tests.proxy.test_metrics import a_decision_row, a_row

GOOD = Figures(journal_max_bytes=1000)


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"lag_s": 11.0}, "the journal is 11 s ahead of the store (limit 10 s)"),
        ({"dropped": 3}, "the journal lost 3 events or bodies"),
        ({"journal_room_bytes": 5, "journal_reserve_bytes": 9}, "the journal has room for 5 bytes and journal.disk_reserve_bytes keeps 9"),
        ({"journal_bytes": 801}, "the journal holds 801 of 1,000 bytes"),
        ({"store_waiting_s": 12.0, "store_trouble": "held by pid 7 (duckdb x)"}, "12 s: held by pid 7 (duckdb x)"),
        ({"silent": {"worker-0": 16.0, "shadow": 14.0}}, "worker-0 has not beaten for 16 s (limit 15 s)"),
        ({"reader_fault": "OSError: no"}, "the recorder failed: OSError: no"),
        ({"faults": 2}, "workers failed 2 times on their own account"),
    ],
)
def test_a_cause_turns_health_red_in_words(figures: dict[str, Any], words: str) -> None:
    fields: dict[str, Any] = {"journal_max_bytes": 1000} | figures
    health = Watch().look(Figures(**fields), 100.0)
    assert (health.ready, len(health.reasons)) == (False, 1)
    assert words in health.reasons[0]


def test_a_process_is_shown_with_what_it_gave_up_and_with_nothing_else() -> None:
    calm = BeatEvent(at=5_000_000, process="worker-0", in_flight=1, connections=2)
    assert shown(calm, 7.04) == {"seconds_since_beat": 2.0, "in_flight": 1, "connections": 2}
    busy = BeatEvent(at=0, process="worker-0", refused={"calls_max": 3}, dropped={"body_shed": 4}, shedding="calls", faults=1, tunnels=2)
    assert shown(busy, 0.0) == {
        "seconds_since_beat": 0.0, "in_flight": 0, "connections": 0, "refused": {"calls_max": 3}, "dropped": {"body_shed": 4},
        "shedding": "calls", "faults": 1, "tunnels": 2,
    }  # fmt: skip


def test_nothing_wrong_is_ready() -> None:
    at_their_limits = Figures(lag_s=10.0, journal_bytes=800, journal_max_bytes=1000, store_waiting_s=10.0, silent={"shadow": 15.0})
    assert Watch().look(at_their_limits, 0.0).ready


def test_health_recovers_a_minute_after_the_cause_is_gone() -> None:
    watch = Watch()
    assert not watch.look(Figures(lag_s=30.0), 0.0).ready
    assert not watch.look(Figures(lag_s=12.0), 20.0).ready
    still = watch.look(GOOD, 79.0)
    assert (still.ready, still.reasons) == (False, ("the journal is 12 s ahead of the store (limit 10 s) (until 59 s ago)",))
    assert watch.look(GOOD, 80.0).ready


def test_old_losses_are_forgiven_and_new_ones_are_not() -> None:
    watch = Watch()
    assert not watch.look(Figures(dropped=5), 0.0).ready
    assert watch.look(Figures(dropped=5), 60.0).ready
    assert watch.look(Figures(dropped=6), 61.0).reasons == ("the journal lost 1 events or bodies",)


def test_a_process_that_never_beat_is_silent_since_we_started() -> None:
    assert silent_for(["worker-0", "shadow"], {"worker-0": 98.0, "gone": 1.0}, 90.0, 100.0) == {"worker-0": 2.0, "shadow": 10.0}


def test_the_mirrors_account_has_shares_and_words() -> None:
    tally = Tally()
    for number in range(412):
        wrong = number < 398
        tally.decision(a_decision_row(decision="side_effects" if wrong else "sent", reason="previous_response_id" if wrong else ""))
    told = tally.by_target()["small"]
    assert [(row["count"], row["share"], row["words"]) for row in told] == [
        (398, 0.966, "398 of 412 not mirrored: previous_response_id"),
        (14, 0.034, "14 of 412 sent"),
    ]


def test_a_decision_without_a_reason_is_its_own_reason() -> None:
    assert mirror_words(2, 9, "over_budget", "") == "2 of 9 not mirrored: over_budget"
    assert mirror_words(2, 9, "sampled_out", "") == "2 of 9 sampled out"


def test_invented_reasons_do_not_grow_the_account() -> None:
    tally = Tally()
    for number in range(5_000):
        tally.decision(a_decision_row(decision="unportable", reason=f"tool {number}"))
    assert len(tally.decisions) <= 2_001
    assert sum(tally.decisions.values()) == 5_000


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_pair_is_counted_when_its_second_side_comes(order: tuple[int, ...]) -> None:
    tally = Tally()
    call = new_id()
    rows = [a_row(call_id=call), a_row(call_id=call, role="candidate", target="small"), a_row(call_id=call, role="repeat")]
    for each in order:
        tally.exchange(rows[each])
    assert tally.pairs == 2


def test_spend_is_told_by_role_and_target() -> None:
    tally = Tally()
    tally.exchange(a_row(cost_usd=Decimal("0.5")))
    tally.exchange(a_row(cost_usd=None))
    tally.exchange(a_row(cost_usd=Decimal("0.25")))
    assert tally.spend() == [{"role": "incumbent", "target": "gpt", "usd": 0.75}]


def test_the_minute_line_is_said_when_something_is_new() -> None:
    tally = Tally()
    assert tally.line() is None
    tally.call()
    tally.decision(a_decision_row(decision="side_effects", reason="container"))
    assert tally.line() == "1 calls, 0 pairs; small: 1 of 1 not mirrored: container"
    assert tally.line() is None

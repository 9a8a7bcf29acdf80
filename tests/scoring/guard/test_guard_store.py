"""What a guard reads of the store: what it knew before a restart, and which kinds of calls there are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxy.exchange import Call, Exchange
from proxy.rollout.report import Report, read_report
from proxy.rollout.state_file import files_of
from proxy.rows import Round
from proxy.store import Store
from scoring.guard.guard import TRY_AGAIN_S, WEIGH_EVERY_S
from scoring.guard.strata import Weights, stratum_of, weights
from scoring.queries import asking
from tests.proxy.stored import NOON, a_call, a_decision
from tests.scoring.guard.rollouts import REFUSED, Watched


class Taped(Watched):
    """Keeps every row that its guard sees."""

    def begin(self) -> None:
        self.calls, self.rows, inner = dict[str, Call](), list[Exchange](), self.guard.__call__

        def seen(row: Exchange, call: Call | None) -> None:
            assert call is not None
            self.calls[call.call_id] = call
            self.rows.append(row)
            inner(row, call)

        self.guard = Forward(self.guard, seen)  # type: ignore[assignment]


class Forward:
    def __init__(self, guard: object, seen: object):
        self.__dict__.update(guard=guard, seen=seen)

    def __call__(self, row: Exchange, call: Call | None) -> None:
        self.__dict__["seen"](row, call)

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["guard"], name)


def a_past(folder: Path) -> tuple[Taped, Report]:
    """A rollout that was watched for a while, and all of it in the store."""
    past = Taped(folder, 0.5)
    past.begin()
    past.canary(60)
    past.canary(2, **REFUSED)
    past.others(60)
    past.fallback(1)
    past.canary(1, outcome="errored", status=422, text=None, seen=False, reverse=False)
    past.turn(10.0)
    store = Store(past.config.store_path)
    store.prepare()
    store.commit(Round(calls=tuple(past.calls.values()), exchanges=tuple(past.rows)))
    report = read_report(files_of(past.config, past.rollout))
    assert report is not None and report.state == "running"
    return past, report


def restarted(past: Taped) -> Watched:
    again = Watched(Path(past.config.folder), None, past.config)
    again.now_s, again.number, again.share = past.now_s, past.number, past.share
    return again


def restored(watched: Watched) -> Report:
    watched.turn(0.0)
    rebuilding = watched.guard._rebuilding  # pyright: ignore[reportPrivateUsage]
    if rebuilding is not None:
        rebuilding.join(60)
    watched.turn(1.0)
    assert watched.guard.report is not None
    return watched.guard.report


def test_after_a_restart_it_knows_what_it_knew(tmp_path: Path) -> None:
    past, before = a_past(tmp_path)
    found = restored(restarted(past))
    assert not found.rebuilding and found.calls == before.calls and found.pairs == before.pairs
    assert [(each.name, each.n, each.evidence) for each in found.tests] == [
        (each.name, each.n, pytest.approx(each.evidence)) for each in before.tests
    ]
    assert [(each.name, each.value, each.calls) for each in found.limits] == [(each.name, each.value, each.calls) for each in before.limits]


def test_what_was_seen_live_meanwhile_is_counted_once(tmp_path: Path) -> None:
    past, before = a_past(tmp_path)
    again = restarted(past)
    again.turn(0.0)
    for row in past.rows[:100]:  # read again out of the journal, and stored already
        again.guard(row, past.calls[row.call_id])
    again.canary(5)
    again.turn(1.0)
    found = restored(again)
    assert found.calls["candidate"] == before.calls["candidate"] + 5 and found.pairs == before.pairs + 5


def test_nobody_is_promoted_while_it_is_rebuilt_but_a_fault_is_a_fault(tmp_path: Path) -> None:
    past, _ = a_past(tmp_path)
    Path(past.config.store_path).write_bytes(b"no store")
    again = restarted(past)
    found = restored(again)
    assert found.rebuilding and "rebuilding" in [each.name for each in found.waits]
    again.canary(25, outcome="errored", status=500, text=None, reverse=False)
    assert again.turn().state == "rolled_back"


def test_a_store_that_could_not_be_read_is_asked_again(tmp_path: Path) -> None:
    past, before = a_past(tmp_path)
    kept = Path(past.config.store_path).read_bytes()
    Path(past.config.store_path).write_bytes(b"no store")
    again = restarted(past)
    assert restored(again).rebuilding
    Path(past.config.store_path).write_bytes(kept)
    again.turn(1.0)
    again.now_s += TRY_AGAIN_S
    assert restored(again).calls == before.calls


def test_coverage_weighs_the_kinds_of_calls_of_four_weeks_that_a_draw_could_take(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "traffic.duckdb"))
    store.prepare()
    monday = NOON - timedelta(days=NOON.weekday())
    usual = [a_call(number, arrived_at=monday, input_chars=10) for number in range(1, 7)]
    other = [a_call(7, arrived_at=monday + timedelta(hours=5), input_chars=10), a_call(8, arrived_at=monday, input_chars=20_000)]
    out = [a_call(9, arrived_at=monday - timedelta(days=40)), a_call(10, rollout_stayed="side_effects", rollout="canary"), a_call(11)]
    bound = replace(a_decision(11), decision="unportable", decided_at=monday)
    store.commit(Round(calls=(*usual, *other, *out), decisions=(bound,)))
    found = weights(asking(store), "main", monday + timedelta(days=1))
    assert sum(found.calls.values()) == 8 and found.days == pytest.approx(5 / 24)
    assert found.covered({stratum_of(usual[0])}) == 6 / 8
    assert found.covered({stratum_of(each) for each in (*usual, *other)}) == 1.0
    assert Weights(calls={}, days=0.0).covered({stratum_of(usual[0])}) is None
    assert weights(asking(store), "another route", datetime.now(UTC)).covered(set()) is None


def test_coverage_lets_it_go_on_once_the_usual_kinds_were_answered(tmp_path: Path) -> None:
    watched = Watched(tmp_path, 0.1, auto_promote=True, coverage=0.8)
    store = Store(watched.config.store_path)
    store.prepare()
    store.commit(Round(calls=tuple(a_call(number, arrived_at=watched.at - timedelta(weeks=2)) for number in range(900, 1000))))
    watched.canary(400, call=dict(arrived_at=watched.at))
    watched.canary()
    watched.turn()
    weighing = watched.guard._weighing  # pyright: ignore[reportPrivateUsage]
    assert weighing is not None and watched.guard.state.share == 0.1
    weighing.join(60)
    watched.turn()
    assert watched.guard.state.share == 0.5, watched.guard.report
    assert WEIGH_EVERY_S >= 600

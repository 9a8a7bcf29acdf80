"""The recorder with real segments, a real store and real deaths. Nothing here is decided by timing: waits end when what is waited for is there."""

import asyncio
import contextlib
import itertools
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy import health
from proxy.config import Config, Rollout
from proxy.events import AuditEvent, BeatEvent, CallEvent, Drawn
from proxy.exchange import Call, Exchange
from proxy.intake import Memory
from proxy.others import is_gone, passed_by_shadow
from proxy.recorder import Pace, Recorder
from proxy.segments import segment_names
from tests.proxy.journaled import KEY, QUICK, Made, a_call, a_config, a_decision, an_answer, new_id, now_us, passed, record, rows, write

OLD = 3600 * 1_000_000


def a_candidate(call: str, text: str = "four", **more: Any) -> Made:
    return an_answer(call, text, target="small", role="candidate", seen=False, **more)


def a_beat(process: str = "worker-0", **more: Any) -> Made:
    return BeatEvent(at=now_us(), process=process, **more), b""


def until(true: Callable[[], Any], wait_s: float = 60.0) -> Any:
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if value := true():
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {wait_s} s")


@contextlib.contextmanager
def running(config: Config, *, pace: Pace = QUICK, **more: Any) -> Generator[Recorder]:
    """A recorder at work in a thread with a loop of its own."""
    recorder = Recorder(config, KEY, pace=pace, **more)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(recorder.run(stop)))
    thread.start()
    try:
        yield recorder
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def test_a_call_and_its_answer_become_rows(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    write(config.journal_folder, [[a_call(call), an_answer(call)]])
    record(config)
    assert rows(config, "SELECT call_id::VARCHAR, workflow, model_requested, prompt_text FROM calls") == [
        (call, "default", "gpt-4o", "What is 2 + 2?")
    ]
    found = rows(config, "SELECT call_id::VARCHAR, outcome, text, cost_usd::DOUBLE, ttft_s FROM exchanges")
    assert found == [(call, "answered", "4", 0.00002, 0.2)]


def test_times_are_stored_as_utc(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    write(config.journal_folder, [[a_call(new_id(), at=1_790_000_000_123_456)]])
    record(config)
    assert rows(config, "SELECT epoch_us(arrived_at) FROM calls") == [(1_790_000_000_123_456,)]


def test_both_sides_of_a_call_become_a_pair_whoever_journaled_first(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    write(config.journal_folder, [[a_candidate(call)]], "shadow")
    write(config.journal_folder, [[a_call(call), an_answer(call)]])
    recorder = record(config)
    assert rows(config, "SELECT incumbent_text, candidate_text FROM pairs") == [("4", "four")]
    assert recorder.status()["pairs"] == 1
    assert recorder.tally.orphans == 0


def test_an_answer_whose_call_never_comes_is_stored_and_counted(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    write(config.journal_folder, [[an_answer(new_id())]])
    recorder = record(config)
    assert rows(config, "SELECT outcome, notes FROM exchanges") == [("answered", "its call is not known")]
    assert recorder.status()["orphans"] == 1


def test_a_parked_answer_is_not_waited_for_longer_than_its_time(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    write(config.journal_folder, [[an_answer(new_id())]])
    with running(config, memory=Memory(parked_s=0.0)) as recorder:
        until(lambda: recorder.tally.orphans == 1 and recorder.committer.commits == 1)


def test_a_segment_stays_until_the_shadow_has_passed_it(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    write(config.journal_folder, [[a_call(call), an_answer(call)]])
    [name] = segment_names(config.journal_folder)
    record(config)
    assert segment_names(config.journal_folder) == [name]
    passed(config, [name])
    record(config)
    assert segment_names(config.journal_folder) == []
    assert rows(config, "SELECT count(*) FROM exchanges") == [(1,)]


def test_a_cursor_half_written_or_odd_passes_nothing(tmp_path: Path) -> None:
    for content in (b"", b"{", b"[]", b'{"passed": 3}', b'{"at": 1}'):
        (tmp_path / "shadow.cursor").write_bytes(content)
        assert passed_by_shadow(tmp_path) == frozenset()


def test_calls_the_shadow_never_decided_get_their_stale_decision(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    decided, open_, other = new_id(), new_id(), new_id()
    at = now_us() - OLD
    folder = config.journal_folder
    write(folder, [[a_call(decided, at=at), a_call(open_, at=at), an_answer(decided), an_answer(open_)], [an_answer(other)]])
    write(folder, [[a_decision(decided, "sent")]], "shadow")
    for name in segment_names(folder):  # as if they had been written back then
        (folder / name).rename(folder / re.sub(r"^\d+", f"{int(name[:16]) - OLD:016d}", name))
    recorder = record(config)
    found = rows(config, "SELECT call_id::VARCHAR, target, role, decision FROM mirror_decisions ORDER BY decision")
    assert found == [(decided, "small", "candidate", "sent"), (open_, "small", "candidate", "stale")]
    assert segment_names(folder) == []
    told: Any = recorder.status()["decisions"]
    assert sorted(row["words"] for row in told["small"]) == ["1 of 2 not mirrored: the shadow did not decide in time", "1 of 2 sent"]


def test_a_canarys_answer_is_served_though_the_shadow_is_dead(tmp_path: Path) -> None:
    config = a_config(tmp_path, shadow=False, stale_s=0.01)
    config = msgspec.structs.replace(config, rollouts=[Rollout(name="try", route="main", candidate="small")])
    drawn = Drawn(rollout="try", share=0.1, target="small")
    served, fell_back = new_id(), new_id()
    calls = a_call(served, drawn=drawn), a_call(fell_back, drawn=msgspec.structs.replace(drawn, fallback="silent"))
    write(config.journal_folder, [calls])
    record(config, pace=msgspec_replace(QUICK, grace_s=-1.0))
    found = rows(config, "SELECT call_id::VARCHAR, target, role, decision, reason FROM mirror_decisions ORDER BY ALL")
    assert sorted(found) == sorted(
        [
            (served, "small", "candidate", "served", "canary try at 10 %"),
            (served, "gpt", "incumbent", "stale", "the shadow did not decide in time"),
            (fell_back, "small", "candidate", "sent", "canary: fell back: silent"),
        ]
    )


def test_a_route_without_candidates_is_told_so(tmp_path: Path) -> None:
    config = a_config(tmp_path, shadow=False, stale_s=0.01)
    write(config.journal_folder, [[a_call(new_id())]])
    record(config, pace=msgspec_replace(QUICK, grace_s=-1.0))
    assert rows(config, "SELECT target, decision FROM mirror_decisions") == [("", "no_candidate")]


def msgspec_replace(pace: Pace, **more: float) -> Pace:
    return Pace(**({name: getattr(pace, name) for name in Pace.__dataclass_fields__} | more))


def test_beats_are_observed_and_their_segments_go_without_a_commit(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    write(config.journal_folder, [[a_beat(passthrough={"main": 3}, in_flight=2)], [a_beat(passthrough={"main": 5})]])
    recorder = record(config)
    assert b'understudy_passthrough_total{route="main"} 5.0' in recorder.exposition()
    assert (segment_names(config.journal_folder), recorder.committer.commits) == ([], 0)
    assert rows(config, "SELECT count(*) FROM segments") == [(0,)]


def test_audits_are_chained_in_the_store(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    write(
        config.journal_folder, [[(AuditEvent(at=1, actor="supervisor", action="config.loaded", detail={"hash": "x"}), b"")]], "supervisor"
    )
    record(config)
    assert rows(config, "SELECT actor, action, detail FROM audit") == [("supervisor", "config.loaded", '{"hash":"x"}')]


def test_a_second_recorder_stores_nothing_twice_and_counts_nothing_stored(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    write(config.journal_folder, [[a_call(call), an_answer(call)]])
    record(config)
    again = record(config)
    assert again.status()["calls"] == 0
    assert b"understudy_calls_total{" not in again.exposition()
    assert rows(config, "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM exchanges)") == [(1, 1)]


def test_an_answer_after_a_restart_finds_its_call_in_what_is_left(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    write(config.journal_folder, [[a_call(call, hints={"conversation": "x"}), an_answer(call)]])
    record(config)
    write(config.journal_folder, [[a_candidate(call)]], "shadow")
    recorder = record(config)
    assert rows(config, "SELECT notes FROM exchanges WHERE role = 'candidate'") == [(None,)]
    assert recorder.tally.orphans == 0


def test_an_answer_after_a_restart_finds_its_call_in_the_store(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    write(
        config.journal_folder, [[a_call(call, "I am mary@example.org", hints={"conversation": "x"}), an_answer(call, "mary@example.org")]]
    )
    passed(config, segment_names(config.journal_folder))
    record(config)
    assert segment_names(config.journal_folder) == []
    write(config.journal_folder, [[a_candidate(call, "mary@example.org", body=None)]], "shadow")
    recorder = record(config)
    assert recorder.tally.orphans == 0
    assert rows(config, "SELECT incumbent_text = candidate_text, workflow FROM pairs") == [(True, "default")]
    assert b'role="candidate",route="main",seen="false",target="small",workflow="default"' in recorder.exposition()


def test_gaps_torn_tails_and_damage_are_counted_and_noted(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    first, second, third = new_id(), new_id(), new_id()
    folder = config.journal_folder
    write(folder, [[a_call(first), an_answer(first)], [a_call(second)], [an_answer(second)]])
    names = segment_names(folder)
    (folder / names[1]).unlink()
    whole = (folder / names[2]).read_bytes()
    (folder / names[2]).write_bytes(whole + whole[:-20])
    write(folder, [[a_call(third), an_answer(third)]], "worker-1")
    damaged = folder / segment_names(folder)[-1]
    data = damaged.read_bytes()
    damaged.write_bytes(data[: data.index(b'"event":"exchange"')] + b"\0" * 30 + b"\n")
    recorder = record(config)
    noted = rows(config, "SELECT process, events, torn_bytes > 0, damage IS NOT NULL FROM segments ORDER BY name")
    assert [row[2:] for row in noted] == [(False, False), (True, False), (True, True)]
    exposed = recorder.exposition().decode()
    assert 'understudy_journal_dropped_total{process="worker-0",reason="gap"} 1.0' in exposed
    assert 'understudy_journal_dropped_total{process="worker-1",reason="damaged"} 1.0' in exposed
    assert not recorder.health().ready
    assert {row[0] for row in rows(config, "SELECT call_id::VARCHAR FROM calls")} == {first, third}


@pytest.mark.parametrize("bodies", ["anonymized", "none", "full"])
def test_bytes_that_are_no_text_stop_nothing(tmp_path: Path, bodies: str) -> None:
    config = a_config(tmp_path, bodies=bodies)
    seed, made, calls = random.Random(5), list[Made](), 60
    wicked = ['"\\ud800"', '"\\u0000"', '"caf\\udcff"', "nul\0"]
    for number in range(calls):
        call = new_id()
        body = (
            seed.randbytes(50) if number % 3 else b'{"model":"m","messages":[{"role":"user","content":%s}]}' % wicked[number % 4].encode()
        )
        headers = {
            "content-encoding": seed.choice(["", "gzip", "br"]),
            "content-type": seed.choice(["text/event-stream", "application/json"]),
        }
        made += [a_call(call, body=body, headers=headers), an_answer(call, body=body[::-1] if number % 2 else body, headers=headers)]
    write(config.journal_folder, [made])
    record(config)
    assert rows(config, "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM exchanges), (SELECT count(*) FROM quarantine)") == [
        (calls, calls, 0)
    ]


def test_leftovers_of_dead_writers_are_swept_and_living_ones_are_not(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    config.journal_folder.mkdir()
    old, new = config.journal_folder / "0-worker-0-1-a-1.tmp", config.journal_folder / "0-worker-0-1-b-1.tmp"
    for path in (old, new):
        path.write_bytes(b"")
    os.utime(old, (1, 1))
    record(config)
    assert (old.exists(), new.exists()) == (False, True)


def test_observers_see_each_answer_once_with_its_call_and_their_faults_are_their_own(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    seen: list[tuple[str, str | None]] = []

    def faulty(row: Exchange, of: Call | None) -> None:
        raise RuntimeError("mine")

    write(config.journal_folder, [[a_call(call), an_answer(call)], [an_answer(call)]])
    write(config.journal_folder, [[a_candidate(call)]], "shadow")
    record(config, observers=[faulty, lambda row, of: seen.append((row.role, of.prompt_text if of else None))])
    assert sorted(seen) == [("candidate", "What is 2 + 2?"), ("incumbent", "What is 2 + 2?")]
    assert rows(config, "SELECT count(*) FROM exchanges") == [(2,)]


# ---- dead workers

WORKER = """
import sys
from pathlib import Path
from tests.proxy.journaled import a_call, an_answer, write
folder, answered, open_ = sys.argv[1:]
write(Path(folder), [[a_call(answered), a_call(open_)], [an_answer(answered)]])
"""


def child(code: str, *words: str) -> "subprocess.Popen[str]":
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([sys.executable, "-c", code, *words], cwd=root, text=True, stdout=subprocess.PIPE)


def test_calls_of_a_dead_worker_are_closed_and_a_late_answer_is_not_a_second_one(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    answered, open_ = new_id(), new_id()
    config.journal_folder.mkdir()
    with child(WORKER, str(config.journal_folder), answered, open_) as worker:
        assert worker.wait() == 0
    recorder = record(config)
    found = rows(config, "SELECT call_id::VARCHAR, outcome, outcome_reason, seen, status FROM exchanges ORDER BY outcome")
    assert found == [(answered, "answered", "answered", True, 200), (open_, "errored", "worker died", True, None)]
    assert recorder.status()["workers_died"] == 1
    write(config.journal_folder, [[an_answer(open_)]], "worker-1")
    record(config)
    assert rows(config, "SELECT count(*) FROM exchanges") == [(2,)]


def test_a_worker_that_lives_keeps_its_calls_open(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    write(config.journal_folder, [[a_call(new_id())]])
    recorder = record(config)
    assert recorder.tally.workers_died == 0
    assert len(next(iter(recorder.intake.writers.values())).open) == 1


def test_a_process_is_gone_when_there_is_none_or_a_younger_one_or_a_zombie() -> None:
    assert not is_gone(os.getpid(), time.time())
    assert is_gone(os.getpid(), time.time() - 10_000_000)
    process = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: is_gone(process.pid, time.time()))
    process.wait()
    assert is_gone(process.pid, time.time())


# ---- the store is held by somebody else

HOLDER = """
import sys, time, duckdb
while True:
    try:
        connection = duckdb.connect(sys.argv[1], read_only=True)
        break
    except duckdb.IOException:  # the recorder has it this moment
        time.sleep(0.001)
print("held", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def holding(path: str) -> Generator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_while_the_store_is_held_metrics_are_fresh_and_afterwards_everything_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "STUCK_S", 0.2)
    config = a_config(tmp_path)
    record(config)
    calls = [new_id() for _ in range(40)]
    seen: list[str] = []

    def see(row: Exchange, of: Call | None) -> None:
        seen.append(row.call_id)

    with running(config, memory=Memory(waiting=20_000), observers=[see]) as recorder:
        recorder.meters.counted.bound = 1  # that nothing is observed twice must not hang on this memory
        with holding(config.store_path) as holder:
            for i in range(0, 40, 10):
                write(config.journal_folder, [[made for call in calls[i : i + 10] for made in (a_call(call), an_answer(call))]])
                until(lambda: len(seen) == i + 10)  # noqa: B023
            metric = (
                b'understudy_calls_total{outcome="answered",role="incumbent",route="main",seen="true",target="gpt",workflow="default"} 40.0'
            )
            assert metric in recorder.exposition()
            named = f"held by pid {holder.pid} "
            until(lambda: any(named in reason for reason in recorder.health().reasons))
            store: Callable[[], Any] = lambda: recorder.status()["store"]  # noqa: E731
            told = until(lambda: named in ((found := store())["holder"] or "") and found)
            assert told["waiting_bytes"] <= 40_000
            assert any(segment.state == "let_go" for segment in list(recorder.rounds.segments.values()))
        until(lambda: all(segment.state == "stored" for segment in list(recorder.rounds.segments.values())))
    assert rows(config, "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM exchanges)") == [(40, 40)]
    assert sorted(seen) == sorted(calls)


def test_a_store_that_is_held_from_the_start_delays_no_metric(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    record(config)
    call = new_id()
    write(config.journal_folder, [[a_call(call), an_answer(call)]])
    with holding(config.store_path) as holder, running(config, pace=msgspec_replace(QUICK, start_wait_s=0.01)) as recorder:
        until(lambda: recorder.tally.calls == 1)
        holder.kill()
        until(lambda: recorder.committer.commits == 1)
    assert rows(config, "SELECT count(*) FROM exchanges") == [(1,)]


def test_two_recorders_never_run_on_one_journal(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    with running(config) as first:
        until(lambda: first.status())
        with running(config) as second:
            write(config.journal_folder, [[a_call(call), an_answer(call)]])
            until(lambda: first.committer.commits == 1)
            assert second.status() == {}
            assert not second.health().ready


# ---- kill -9

RECORDER = """
import asyncio, sys
from pathlib import Path
from tests.proxy.journaled import KEY, QUICK, a_config
from proxy.recorder import Recorder
asyncio.run(Recorder(a_config(Path(sys.argv[1])), KEY, pace=QUICK).run(asyncio.Event()))
"""


def killed_at_work(config: Config, after_s: float) -> None:
    """A recorder that is killed a while after it has unlinked its first segment."""
    met: set[str] = set()

    def one_is_gone() -> bool:
        here = {*segment_names(config.journal_folder)}
        met.update(here)
        return bool(met - here)

    with child(RECORDER, config.folder) as recorder:
        try:
            until(one_is_gone)
            time.sleep(after_s)
        finally:
            recorder.kill()


def test_killed_at_any_moment_each_exchange_is_stored_exactly_once(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    config.journal_folder.mkdir()
    record(config)
    seed, calls, stop = random.Random(11), list[str](), threading.Event()

    def traffic() -> None:
        while not stop.is_set():
            some = [new_id() for _ in range(40)]
            pieces = [[made for call in some[i : i + 10] for made in (a_call(call, "x" * 500), an_answer(call))] for i in range(0, 40, 10)]
            write(config.journal_folder, pieces)
            write(config.journal_folder, [[made for call in some for made in (a_decision(call), a_candidate(call))]], "shadow")
            calls.extend(some)
            passed(config, segment_names(config.journal_folder))
            until(lambda: stop.is_set() or len(segment_names(config.journal_folder)) < 60, 60.0)

    writing = threading.Thread(target=traffic)
    writing.start()
    try:
        for _ in range(12):
            killed_at_work(config, seed.random() * 0.2)
    finally:
        stop.set()
        writing.join()
    passed(config, segment_names(config.journal_folder))
    record(config)
    assert segment_names(config.journal_folder) == []
    count = len(calls)
    assert rows(config, "SELECT count(*), count(DISTINCT call_id) FROM calls") == [(count, count)]
    assert rows(config, "SELECT count(*), count(DISTINCT (call_id, role)) FROM exchanges") == [(2 * count, 2 * count)]
    assert rows(config, "SELECT count(*), count(DISTINCT call_id) FROM mirror_decisions WHERE decision = 'sent'") == [(count, count)]
    assert rows(config, "SELECT count(*) FROM pairs WHERE incumbent_text = '4' AND candidate_text = 'four'") == [(count,)]


# ---- any order, any split

TABLES = {
    "calls": "SELECT * EXCLUDE (lineage_id) FROM calls ORDER BY call_id",
    "exchanges": "SELECT * EXCLUDE (lineage_id) FROM exchanges ORDER BY call_id, role",
    "mirror_decisions": "SELECT * FROM mirror_decisions ORDER BY call_id",
    "prefixes": "SELECT * FROM prefixes ORDER BY prefix_hash",
}


def a_story(count: int) -> list[tuple[str, Made]]:
    """Calls as their processes journal them, with times of their own so that every telling is the same."""
    told: list[tuple[str, Made]] = []
    for number in range(count):
        call, at = f"{number:08d}-0000-4000-8000-000000000000", 1_790_000_000_000_000 + number
        mail = f"user{number}@example.org"
        told.append(("worker-0", a_call(call, f"I am {mail}", system="Be brief.", at=at, hints={"run": "r"} if number % 2 else {})))
        told.append(("worker-0", an_answer(call, f"Hello {mail}", at=at)))
        told.append(("shadow", a_decision(call, at=at)))
        told.append(("shadow", a_candidate(call, f"Hi {mail}", at=at)))
    return told


def content(config: Config) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(config, sql) for table, sql in TABLES.items()}


STORY = a_story(4)


@pytest.fixture(scope="module")
def told_in_order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    config = a_config(tmp_path_factory.mktemp("once"))
    for process in ("worker-0", "shadow"):
        write(config.journal_folder, [[made for name, made in STORY if name == process]], process)
    record(config)
    return content(config)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(order=st.permutations(range(len(STORY))), cuts=st.sets(st.integers(1, len(STORY) - 1)), halves=st.booleans())
def test_any_interleaving_and_any_split_of_segments_stores_the_same(
    order: Sequence[int],
    cuts: set[int],
    halves: bool,
    told_in_order: dict[str, list[tuple[Any, ...]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    config = a_config(tmp_path_factory.mktemp("any"))
    edges = [0, *sorted(cuts), len(STORY)]
    runs = [order[a:b] for a, b in itertools.pairwise(edges)]
    for number, run in enumerate(runs):
        write(config.journal_folder, [[STORY[each][1] for each in run]], "worker-0")
        if halves and number == len(runs) // 2:
            stop_without_settling(config)
    record(config)
    assert content(config) == told_in_order


def stop_without_settling(config: Config) -> None:
    """A recorder that reads and stores what is whole so far, and dies with answers still parked."""
    recorder = Recorder(config, KEY, pace=QUICK)
    recorder.committer.open(segment_names(config.journal_folder))
    recorder.committer.wait_open(20)
    recorder._read()  # pyright: ignore[reportPrivateUsage]
    round = recorder.rounds.next_round()
    if round is not None:
        recorder.committer.store.commit(round)
    recorder.committer.close()


def test_the_story_is_what_it_seems(told_in_order: dict[str, list[tuple[Any, ...]]]) -> None:
    assert {table: len(found) for table, found in told_in_order.items()} == {
        "calls": 4,
        "exchanges": 8,
        "mirror_decisions": 4,
        "prefixes": 1,
    }
    assert "example.org" not in str(told_in_order)


def test_events_of_tests_are_like_those_of_workers() -> None:
    event, body = a_call(new_id())
    assert isinstance(event, CallEvent)
    assert event.size == len(body)
    assert msgspec.json.decode(msgspec.json.encode(event), type=CallEvent) == event

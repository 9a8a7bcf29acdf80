"""The journal: what is written is read back whole, in order, once; what is lost is counted."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.events import BeatEvent, CallEvent, SegmentEvent
from proxy.exchange import Unreadable
from proxy.journal import Journal, JournalLimits
from proxy.segments import Tail, is_sealed, parse, process_of, read_segment, sealed_names, segment_names


def a_call(number: int) -> CallEvent:
    return CallEvent(
        at=1_700_000_000_000_000 + number, id=f"call-{number}", route="main", dialect="openai.chat", path="/v1/chat/completions", size=1
    )


def write(folder: Path, bodies: list[bytes], limits: JournalLimits | None = None, process: str = "worker-0") -> Journal:
    """Bodies as calls, through a real journal, sealed."""

    async def run() -> Journal:
        journal = Journal(folder, process, "hash", limits)
        journal.start(asyncio.get_running_loop())
        for number, body in enumerate(bodies):
            journal.put(a_call(number), body)
        await asyncio.sleep(0)
        await asyncio.to_thread(journal.flush().wait, 10)
        journal.close()
        return journal

    return asyncio.run(run())


def read(folder: Path) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for name in sealed_names(folder):
        contents = read_segment(folder / name)
        assert contents is not None and contents.damage is None
        found += [(passed.event.id, passed.body) for passed in contents.events if isinstance(passed.event, CallEvent)]
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(bodies=st.lists(st.binary(max_size=3000), max_size=30))
def test_any_bodies_come_back_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("journal")
    write(folder, bodies)
    assert read(folder) == [(f"call-{number}", body) for number, body in enumerate(bodies)]


@settings(max_examples=60, deadline=None)
@given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=6), cut=st.integers(min_value=0, max_value=5000), data=st.data())
def test_a_torn_tail_costs_only_the_torn_event(
    bodies: list[bytes], cut: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    write(folder, bodies)
    path = folder / segment_names(folder)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    contents = read_segment(path)
    assert contents is not None and contents.damage is None
    kept = [passed.body for passed in contents.events if isinstance(passed.event, CallEvent)]
    assert kept == bodies[: len(kept)]
    end = sum(len(piece) for piece in [path.read_bytes()]) - contents.torn_bytes
    assert whole[:end] == path.read_bytes()[:end]


@given(st.binary(max_size=2000))
def test_garbage_is_damage_or_nothing_and_never_an_exception(data: bytes) -> None:
    for item in parse("x", data):
        assert isinstance(item, Unreadable) or item.event is not None


def test_sequence_numbers_count_every_event_also_the_dropped_ones(tmp_path: Path) -> None:
    limits = JournalLimits(queue_max_bytes=3000, disk_reserve_bytes=1 << 16)

    async def run() -> Journal:
        journal = Journal(tmp_path, "worker-0", "hash", limits)
        journal.start(asyncio.get_running_loop())
        for number in range(10):
            journal.put(a_call(number), b"x" * 500)  # nothing is written before the loop is left: the queue fills
        await asyncio.to_thread(journal.flush().wait, 10)
        journal.put(a_call(10), b"")
        await asyncio.to_thread(journal.flush().wait, 10)
        journal.close()
        return journal

    journal = asyncio.run(run())
    contents = read_segment(tmp_path / segment_names(tmp_path)[0])
    assert contents is not None
    seen = [passed.event.seq for passed in contents.events if not isinstance(passed.event, SegmentEvent)]
    assert seen == [1, 2, 3, 11]
    assert journal.dropped == {"queue_full": 7}


def test_captures_share_the_bound_with_the_queue(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "worker-0", "hash", JournalLimits(queue_max_bytes=1000))
    assert journal.room(900)
    assert not journal.room(200)
    journal.give_back(900)
    assert journal.room(1000)


def test_a_segment_is_locked_while_its_writer_lives_and_sealed_after(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, "worker-0", "hash")
        journal.start(asyncio.get_running_loop())
        journal.put(a_call(0))
        await asyncio.to_thread(journal.flush().wait, 10)
        path = tmp_path / segment_names(tmp_path)[0]
        assert not is_sealed(path)
        assert path.stat().st_mode & 0o777 == 0o600
        journal.close()
        assert is_sealed(path)

    asyncio.run(run())


def test_segments_are_sealed_by_size(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, "worker-0", "hash", JournalLimits(segment_max_bytes=1))
        journal.start(asyncio.get_running_loop())
        for number in range(3):
            journal.put(a_call(number))
            await asyncio.to_thread(journal.flush().wait, 10)
        journal.close()

    asyncio.run(run())
    assert len(segment_names(tmp_path)) == 3
    assert [each[0] for each in read(tmp_path)] == ["call-0", "call-1", "call-2"]


def test_the_cap_drops_calls_and_keeps_the_reserve_for_beats(tmp_path: Path) -> None:
    limits = JournalLimits(disk_max_bytes=100_000, disk_reserve_bytes=60_000)

    async def run() -> Journal:
        journal = Journal(tmp_path, "worker-0", "hash", limits)
        journal.start(asyncio.get_running_loop())
        for number in range(20):
            journal.put(a_call(number), b"x" * 10_000)
            await asyncio.to_thread(journal.flush().wait, 10)
        journal.put(BeatEvent(at=1, process="worker-0"), reserved=True)
        await asyncio.to_thread(journal.flush().wait, 10)
        journal.close()
        return journal

    journal = asyncio.run(run())
    kept = read(tmp_path)
    assert 0 < len(kept) < 5
    assert journal.dropped == {"disk_cap": 20 - len(kept)}
    contents = read_segment(tmp_path / segment_names(tmp_path)[-1])
    assert contents is not None and isinstance(contents.events[-1].event, BeatEvent)


@contextmanager
def a_small_disk(tmp_path: Path, size: str) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a small tmpfs needs root: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_whole_events_and_a_count(tmp_path: Path) -> None:
    with a_small_disk(tmp_path, "300k") as folder:
        journal = write(folder, [b"x" * 5000] * 100, JournalLimits(disk_reserve_bytes=20_000))
        kept = read(folder)
        assert kept and all(body == b"x" * 5000 for _, body in kept)
        assert len(kept) + sum(journal.dropped.values()) == 100
        assert journal.failing


def test_a_tail_sees_live_events_in_order_and_reports_finished_segments(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, "worker-0", "hash", JournalLimits(segment_max_bytes=2000))
        journal.start(asyncio.get_running_loop())
        tail, seen = Tail(tmp_path), []
        for number in range(50):
            journal.put(a_call(number), bytes([number]) * number)
            await asyncio.to_thread(journal.flush().wait, 10)
            seen += [(passed.event.id, passed.body) for passed in tail.poll() if isinstance(passed.event, CallEvent)]
        assert seen == [(f"call-{number}", bytes([number]) * number) for number in range(50)]
        journal.close()
        tail.poll()
        assert sorted(tail.finished) == segment_names(tmp_path)
        tail.close()

    asyncio.run(run())


def test_a_tail_reads_only_the_processes_it_was_asked_for(tmp_path: Path) -> None:
    write(tmp_path, [b"w"], process="worker-1")
    write(tmp_path, [b"s"], process="shadow")
    assert {process_of(name) for name in segment_names(tmp_path)} == {"worker-1", "shadow"}
    tail = Tail(tmp_path, prefix="worker")
    assert [passed.body for passed in tail.poll() if isinstance(passed.event, CallEvent)] == [b"w"]
    tail.close()


WRITER = """
    import asyncio, sys, itertools
    from pathlib import Path
    from proxy.events import CallEvent
    from proxy.journal import Journal, JournalLimits

    async def main():
        journal = Journal(Path(sys.argv[1]), "worker-0", "hash", JournalLimits(segment_max_bytes=20_000))
        journal.start(asyncio.get_running_loop())
        for number in itertools.count():
            journal.put(CallEvent(at=1, id=str(number), route="r", dialect="d", path="/"), b"b" * (number % 3000))
            if number % 20 == 0:
                await asyncio.to_thread(journal.flush().wait, 10)
                print(number, flush=True)  # everything up to here was handed to the kernel

    asyncio.run(main())
"""


@pytest.mark.parametrize("kill_after_lines", [1, 3, 8])
def test_a_killed_writer_leaves_everything_it_had_flushed_and_no_lock(tmp_path: Path, kill_after_lines: int) -> None:
    words = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(kill_after_lines)]
        writer.send_signal(signal.SIGKILL)
    flushed = int(lines[-1])
    assert sealed_names(tmp_path) == segment_names(tmp_path)
    numbers = [int(each) for each, _ in read(tmp_path)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > flushed

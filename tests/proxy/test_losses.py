"""Losses of the journal: each lost event counts once, whether its writer tells of it, or nobody does, or first one and then the other."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from proxy.events import BeatEvent
from proxy.intake import Memory
from proxy.losses import EXPLAINED_WITHIN_S, Losses, settled
from tests.proxy.journaled import a_call, a_config, an_answer, new_id, now_us, record, write


def test_a_gap_that_a_beat_explains_in_time_is_not_missed_as_well() -> None:
    losses = Losses()
    losses.gaps.take(1, 10, 7)
    assert losses.settle(0.0) == 0
    losses.dropped = {"queue_full": 2, "disk_cap": 1, "body_shed": 9}
    assert losses.settle(1e6, at_once=True) == 0


def test_a_gap_that_nobody_explains_is_missed_once_after_some_seconds() -> None:
    losses = Losses()
    losses.gaps.take(1, 10, 7)
    losses.dropped = {"body_shed": 9, "queue_full": 1}
    told = [losses.settle(second) for second in (0.0, 1.0, EXPLAINED_WITHIN_S, 2 * EXPLAINED_WITHIN_S)]
    assert told == [0, 0, 2, 0]
    assert list(settled({"w": ("worker-0", losses)}, 1e6, at_once=True)) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_no_event_is_counted_twice_whatever_comes_first(steps: list[tuple[int, int]]) -> None:
    losses, last, lost, told, missed = Losses(), 1, 0, 0, 0
    losses.gaps.take(1, 1, 1)
    for gap, told_of in steps:
        lost, last = lost + gap, last + gap + 1
        losses.gaps.take(last, last, 1)
        told = min(told + told_of, lost)
        losses.dropped = {"queue_full": told}
        missed += losses.settle(0.0)
    missed += losses.settle(0.0, at_once=True)
    assert missed + told == lost


def test_dropped_events_show_once_in_status_and_metrics(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    beat = BeatEvent(at=now_us(), process="worker-0", dropped={"queue_full": 1})
    journal = write(config.journal_folder, [[a_call(call), an_answer(call)], [a_call(new_id())], [(beat, b"")]])
    gone = sorted(config.journal_folder.glob("*.seg"))[1]  # its event was dropped, so there is a hole in the numbers
    gone.unlink()
    recorder = record(config)
    status: dict[str, dict[str, object]] = recorder.status()  # type: ignore[assignment]
    assert (status["journal"]["lost"], status["journal"]["missed"]) == (1, 0)
    assert status["journal"]["dropped"] == [{"process": "worker-0", "queue_full": 1}]
    assert b'reason="gap"' not in recorder.exposition()
    assert journal.process == "worker-0"


def test_the_recorders_memory_is_shared_out_of_one_figure_and_shown(tmp_path: Path) -> None:
    usual, small = Memory(), Memory.of(16 << 20)
    assert usual.total == 256 << 20
    assert 0.99 * (16 << 20) < small.total <= 16 << 20
    recorder = record(a_config(tmp_path), memory=small)
    shown: dict[str, dict[str, dict[str, int]]] = recorder.status()["memory"]["parts"]  # type: ignore[index]
    assert sum(each["max_bytes"] for each in shown.values()) == small.total  # type: ignore[misc]

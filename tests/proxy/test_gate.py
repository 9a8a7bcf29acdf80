"""Who may open the store when: real processes that read greedily, hold on, or die."""

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.gate import Busy, Gate, Patience
from proxy.store import Round, Store
from tests.harness import until
from tests.proxy.stored import an_exchange

ROOT = Path(__file__).parents[2]
SLOW_SELECT = "SELECT count(*) FROM range(3000) a, range(20000) b WHERE (a.range * b.range) % 7 = 3"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "understudy.duckdb"))
    made.prepare()
    return made


@contextmanager
def running(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Another process; it has begun once it printed a line."""
    command = [sys.executable, "-c", textwrap.dedent(code), *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


GREEDY = f"""
    import sys
    from proxy.store import Store
    store, asked = Store(sys.argv[1]), 0
    while True:
        store.query({SLOW_SELECT!r})
        asked += 1
        print(asked, flush=True)
"""
FOREIGN = """
    import sys, time, duckdb
    held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def test_three_greedy_readers_do_not_starve_a_committer(store: Store) -> None:
    with running(GREEDY, store.path) as one, running(GREEDY, store.path) as two, running(GREEDY, store.path) as three:
        taken: list[float] = []
        for number in range(5):
            taken.append(store.commit(Round(exchanges=(an_exchange(number),)), wait_s=60).seconds)
            time.sleep(0.5)  # the readers are at it again
        for reader in (one, two, three):
            assert reader.stdout is not None and reader.stdout.readline()
    assert store.query("SELECT count(*) FROM exchanges").rows == [(5,)]
    print(f"commits among three greedy readers: {[round(s, 2) for s in taken]} s")


def test_a_foreign_reader_is_named_when_it_does_not_let_go(store: Store) -> None:
    with running(FOREIGN, store.path, "read", "60") as holder:
        assert store.query("SELECT 1").rows == [(1,)]
        with pytest.raises(Busy) as caught:
            store.commit(Round(exchanges=(an_exchange(),)), wait_s=0.5)
        assert f"pid {holder.pid} (" in caught.value.holder and "duckdb.connect" in caught.value.holder


def test_a_foreign_writer_is_named_to_a_reader(store: Store) -> None:
    with running(FOREIGN, store.path, "write", "60") as holder, pytest.raises(Busy, match=f"pid {holder.pid}"):
        store.query("SELECT 1", wait_s=0.3)


def test_a_commit_waits_for_a_foreign_reader_that_goes(store: Store) -> None:
    with running(FOREIGN, store.path, "read", "1"):
        assert store.commit(Round(exchanges=(an_exchange(),)), wait_s=20).exchanges == 1


def test_a_reader_of_ours_that_holds_the_gate_is_named(store: Store) -> None:
    code = "import sys, time\nfrom proxy.store import Store\nwith Store(sys.argv[1]).reading():\n    print('in', flush=True)\n    time.sleep(60)"
    with running(code, store.path) as holder, pytest.raises(Busy, match=f"pid {holder.pid}"):
        store.commit(Round(), wait_s=0.3)


def test_readers_pass_together(tmp_path: Path) -> None:
    gate = Gate(str(tmp_path / "store"))
    with gate.shared(Patience.of(1)), gate.shared(Patience.of(1)):
        pass


def test_a_waiting_committer_goes_before_new_readers(tmp_path: Path) -> None:
    gate, order = Gate(str(tmp_path / "store")), list[str]()

    def enter(name: str, way: Callable[[Patience], object]) -> threading.Thread:
        def run() -> None:
            with way(Patience.of(60)):  # type: ignore[attr-defined]
                order.append(name)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    with gate.shared(Patience.of(1)):
        threads = [enter("committer", gate.alone)]
        until(lambda: taken(tmp_path / "store.turn"))
        threads += [enter("reader", gate.shared)]
        time.sleep(0.2)  # a reader who pushes in has all the time for it
        assert order == []
    for thread in threads:
        thread.join()
    assert order == ["committer", "reader"]


def taken(lock: Path) -> bool:
    with lock.open("rb") as trial:
        try:
            fcntl.flock(trial, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_the_gate_is_free_when_its_holder_dies(store: Store) -> None:
    code = "import sys, time\nfrom proxy.store import Store\nwith Store(sys.argv[1]).writing():\n    print('in', flush=True)\n    time.sleep(60)"
    with running(code, store.path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert store.commit(Round(exchanges=(an_exchange(),)), wait_s=60).exchanges == 1


COMMITTING = """
    import sys
    from proxy.store import Round, Store
    from tests.proxy.stored import a_segment, an_exchange
    store, born = Store(sys.argv[1]), int(sys.argv[2])
    print("on", flush=True)
    for number in range(born, born + 1000):
        rows = tuple(an_exchange(number * 100 + place, text="x" * 3000) for place in range(100))
        store.commit(Round(exchanges=rows, segments=(a_segment(str(number)),)))
"""


def test_a_committer_killed_at_any_moment_leaves_whole_rounds(store: Store) -> None:
    for turn in range(12):
        with running(COMMITTING, store.path, str(turn * 1000)) as process:
            time.sleep(0.03 + 0.023 * turn)
            if turn == 11:  # where everything is slow there would be nothing to look at
                until(lambda: store.query("SELECT count(*) FROM segments").rows[0][0])
            os.kill(process.pid, signal.SIGKILL)
        rounds, rows = store.query("SELECT (SELECT count(*) FROM segments), (SELECT count(*) FROM exchanges)").rows[0]
        assert rows == rounds * 100
    assert rounds > 0
    assert all(check.ok for check in store.verify() if check.name.endswith("read"))

"""How rounds are written: small ones are merged in time, none of them is lost, and a row group's weight has a bound."""

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from proxy.merging import MERGE_AFTER_BYTES, MERGE_AFTER_ROUNDS, ROW_GROUP_BYTES, ROWS_MAX, ROWS_MIN, Merging
from proxy.rows import Line, Lines
from proxy.store import Busy, Round, Store
from tests.proxy.stored import an_exchange


def lines(size: int, count: int = 1) -> list[Lines]:
    return [Lines("exchanges", tuple(Line(str(number), "x" * size) for number in range(count)))]


def test_a_merge_comes_after_some_rounds_or_some_megabytes_and_big_rounds_do_not_count() -> None:
    merging = Merging(rounds=0)
    assert {merging.how(lines(1000)) for _ in range(MERGE_AFTER_ROUNDS - 1)} == {"small"}
    assert merging.how(lines(9 << 20)) == "big"
    assert merging.how(lines(1000)) == "merging"
    merging.merged()
    rounds = iter(lambda: merging.how(lines(7 << 20)), "merging")
    assert len(list(rounds)) == MERGE_AFTER_BYTES // (7 << 20)


def test_a_row_group_holds_fewer_rows_the_heavier_they_are() -> None:
    light, middle, heavy = Merging(), Merging(), Merging()
    light.how(lines(10))
    middle.how(lines(4000, 100))
    heavy.how(lines(1 << 20))
    assert (light.row_group(), heavy.row_group()) == (ROWS_MAX, ROWS_MIN)
    assert middle.row_group() % ROWS_MIN == 0
    assert ROW_GROUP_BYTES // 2 < middle.row_group() * 4000 <= ROW_GROUP_BYTES


def test_many_small_rounds_end_up_in_few_row_groups_with_every_row(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "it's.duckdb"))
    store.prepare()
    rows = [an_exchange(call_id=str(uuid4()), text=f"answer {number}") for number in range(MERGE_AFTER_ROUNDS * 5 // 4 + 2)]
    assert [store.commit(Round(exchanges=(row,))).exchanges for row in rows] == [1] * len(rows)
    found = store.query("SELECT text FROM exchanges").rows
    assert sorted(found) == sorted((row.text,) for row in rows)
    groups = store.query("SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('exchanges')").rows[0][0]
    assert groups <= 4


def test_a_merging_round_waits_for_other_holders_like_any_and_may_be_tried_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store.duckdb"))
    store.prepare()
    store._merging.rounds = MERGE_AFTER_ROUNDS  # pyright: ignore[reportPrivateUsage]
    hold = f"import duckdb, sys; c = duckdb.connect({store.path!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Busy, match=str(holder.pid)):
            store.commit(Round(exchanges=(an_exchange(),)), wait_s=0.2)
        holder.communicate(b"")
    assert store.commit(Round(exchanges=(an_exchange(),))).exchanges == 1
    with duckdb.connect(store.path, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchall() == [(1,)]

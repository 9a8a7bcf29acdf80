"""Two replicas' stores in one report: counts add up, verdicts are those of one store with all rows, mistakes are said."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.faults import Wrong
from proxy.store import Round, Store
from scoring.run.filling import Wanted, fill
from scoring.several import together
from scoring.verdicts import verdicts
from tests.harness import command
from tests.proxy.stored import NOON
from tests.scoring.stored import a_rubric, a_store, pairs

AT = NOON.replace(tzinfo=None)
CONFIG = '[store]\npath = "nowhere.duckdb"\n[targets.big]\nurl = "http://127.0.0.1:9"\n[[routes]]\nname = "main"\nincumbent = "big"\n'
RUBRIC = 'rubric = 1\n[[workflow]]\nname = "triage"\n[[workflow.dimension]]\ntype = "transport"\nrole = "gate"\n'
TABLES = ("calls", "exchanges", "mirror_decisions", "scores", "segments")


def filled(folder: Path, numbers: Iterable[int]) -> Store:
    """Every seventh candidate's answer is worse; three calls in a row are one conversation, whichever replica they came to."""
    folder.mkdir()
    rounds = [
        pairs([number], ours="no" if number % 7 == 0 else "yes.", repeat="yes." if number % 2 else None, conversation=f"c{number // 3}")
        for number in numbers
    ]
    calls, exchanges, decisions = (
        tuple(row for each in rounds for row in getattr(each, kind)) for kind in ("calls", "exchanges", "decisions")
    )
    store = a_store(folder, Round(calls=calls, exchanges=exchanges, decisions=decisions))
    fill(store.path, a_rubric(), Wanted(), AT)
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Store, Store]:
    """All rows in one store; the same calls shared out to two replicas, call by call."""
    folder, numbers = tmp_path_factory.mktemp("stores"), range(1, 91)
    return filled(folder / "all", numbers), filled(folder / "0", numbers[::2]), filled(folder / "1", numbers[1::2])


def count(store: Store, table: str) -> int:
    return store.query(f"SELECT count(*) FROM {table}").rows[0][0]


def test_counts_add_up_and_the_verdict_is_that_of_one_store_with_all_rows(stores: tuple[Store, Store, Store]) -> None:
    whole, *replicas = stores
    with together([Path(each.path) for each in replicas]) as store:
        assert {table: count(store, table) for table in TABLES} == {table: sum(count(each, table) for each in replicas) for table in TABLES}
        assert count(store, "cluster_scores") == count(whole, "cluster_scores"), "a conversation of both replicas has one row"
        found, expected = (verdicts(lambda sql, params, of=of: of.query(sql, params).rows, a_rubric()) for of in (store, whole))
        assert [cell.pairs for cell in found.cells] == [cell.pairs for cell in expected.cells]
        assert found == expected
        assert any(cell.pairs for cell in found.cells), "something was judged"
        assert Path(store.path).stat().st_mode & 0o777 == 0o600
    assert not Path(store.path).exists(), "nothing is left of the copy"


def test_a_run_of_one_archive_in_both_replicas_keeps_its_calls_once(tmp_path: Path, stores: tuple[Store, Store, Store]) -> None:
    again = pairs(range(2, 12, 2))
    night = a_store(tmp_path, replace(again, exchanges=tuple(replace(each, run_id="night") for each in again.exchanges), decisions=()))
    with together([Path(stores[2].path), Path(night.path)]) as store:
        assert count(store, "calls") == count(stores[2], "calls")
        assert count(store, "exchanges WHERE run_id = 'night'") == 10


def test_a_store_named_twice_or_missing_is_a_fault(tmp_path: Path, stores: tuple[Store, Store, Store]) -> None:
    one = Path(stores[1].path)
    with pytest.raises(Wrong, match="in another of the stores as well"), together([one, one]):
        pass
    with pytest.raises(Wrong, match="no file"), together([one, tmp_path / "none.duckdb"]):
        pass


def test_the_command_reads_the_stores_named_and_records_the_look_in_each(tmp_path: Path, stores: tuple[Store, Store, Store]) -> None:
    (tmp_path / "understudy.toml").write_text(CONFIG, "utf-8")
    (tmp_path / "rubric.toml").write_text(RUBRIC, "utf-8")
    named = [word for each in stores[1:] for word in ("--store", each.path)]
    done = command("report", *named, "--rubric", "rubric.toml", "--candidate", "small", "--out", "all.md", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "90" in (tmp_path / "all.md").read_text("utf-8")
    assert [count(each, "audit WHERE action = 'look.report'") for each in stores[1:]] == [1, 1]
    council = command("report", "--council", *named, "--rubric", "rubric.toml", "--out", "council.md", cwd=tmp_path)
    assert (council.returncode, council.stderr) == (0, "")
    assert "90 calls in the store" in (tmp_path / "council.md").read_text("utf-8")

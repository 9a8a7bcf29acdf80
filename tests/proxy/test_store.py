"""Rounds in, questions out: what the store promises to the recorder and to everyone who asks."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from proxy.exchange import Call, Decision, Exchange, ToolCall
from proxy.rows import AuditRow, Lineage
from proxy.store import Round, Store, StoreError
from tests.proxy.stored import NOON, a_call, a_decision, a_round, a_segment, an_exchange, an_id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "understudy.duckdb"))
    made.prepare()
    return made


def counts(store: Store) -> tuple[int, ...]:
    return tuple(store.query(f"SELECT count(*) FROM {table}").rows[0][0] for table in ("calls", "exchanges", "mirror_decisions"))


@pytest.mark.parametrize(("table", "row"), [("calls", Call), ("exchanges", Exchange), ("mirror_decisions", Decision)])
def test_the_fields_of_a_row_are_the_columns_of_its_table(store: Store, table: str, row: type) -> None:
    columns = store.query("SELECT column_name FROM duckdb_columns() WHERE table_name = $1 ORDER BY column_index", [table]).rows
    assert [name for (name,) in columns] == [field.name for field in dataclasses.fields(row)]


def test_a_round_is_there_after_its_commit(store: Store) -> None:
    committed = store.commit(a_round(1, 2, 3))
    assert (committed.calls, committed.exchanges, committed.decisions, committed.quarantined) == (3, 6, 3, ())
    assert counts(store) == (3, 6, 3)


def test_a_round_committed_twice_is_there_once(store: Store) -> None:
    store.commit(a_round(1, 2))
    again = store.commit(a_round(1, 2, 3))
    assert (again.calls, again.exchanges, again.decisions) == (1, 2, 1)
    assert counts(store) == (3, 6, 3)


def test_the_same_row_twice_in_one_round_is_there_once(store: Store) -> None:
    store.commit(Round(calls=(a_call(), a_call()), exchanges=(an_exchange(text="first"), an_exchange(text="second"))))
    assert store.query("SELECT text FROM exchanges").rows == [("first",)]


def test_the_first_decision_holds(store: Store) -> None:
    store.commit(Round(decisions=(a_decision(decision="sent"),)))
    store.commit(Round(decisions=(a_decision(decision="stale"),)))
    assert store.query("SELECT decision FROM mirror_decisions").rows == [("sent",)]


def test_live_and_run_are_two_exchanges_and_so_are_two_attempts(store: Store) -> None:
    rows = (an_exchange(), an_exchange(run_id="night"), an_exchange(attempt=2), an_exchange(sample=1), an_exchange(role="repeat"))
    store.commit(Round(exchanges=rows))
    assert store.commit(Round(exchanges=rows)).exchanges == 0
    assert counts(store)[1] == 5


def test_an_id_in_another_spelling_is_the_same_call(store: Store) -> None:
    store.commit(Round(calls=(a_call(10), a_call(20))))
    spelled = an_id(10).upper(), "{" + an_id(20) + "}"
    assert store.commit(Round(calls=tuple(a_call(call_id=name) for name in spelled))).calls == 0


def test_every_type_comes_back_as_it_was(store: Store) -> None:
    tools = (ToolCall(id="t1", name="book", arguments='{"seat": "4A"}'), ToolCall(id=None, name="pay", arguments="{no json"))
    kept = an_exchange(tool_calls=tools, rewrites=("model", "temperature"), raw=b"\x00\xffdata", cost_usd=Decimal("123456789.000000001"))
    store.commit(Round(exchanges=(kept,)))
    asked = "SELECT tool_calls[1].name, tool_calls[2].arguments, tool_calls[1].arguments ->> 'seat', rewrites, raw, cost_usd FROM exchanges"
    found = ("book", "{no json", "4A", ["model", "temperature"], b"\x00\xffdata", Decimal("123456789.000000001"))
    assert store.query(asked).rows == [found]


def test_times_are_kept_in_utc_whatever_zone_they_came_in(store: Store) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    store.commit(Round(calls=(a_call(1, arrived_at=elsewhere),)))
    assert store.query("SELECT arrived_at FROM calls").rows == [(datetime(2026, 11, 2, 12, 0),)]  # noqa: DTZ001 (what the store gives)


def test_unknown_stays_unknown(store: Store) -> None:
    store.commit(Round(exchanges=(an_exchange(cost_usd=None, latency_s=None, text=None, status=None, input_tokens=None),)))
    assert store.query("SELECT cost_usd, latency_s, text, status, input_tokens FROM exchanges").rows == [(None,) * 5]


def test_a_request_is_json_to_a_query(store: Store) -> None:
    store.commit(Round(calls=(a_call(request='{"model": "big", "messages": [{"content": "hi"}]}'),)))
    assert store.query("SELECT request ->> '$.messages[0].content' FROM calls").rows == [("hi",)]


def test_a_request_that_is_no_json_is_kept_and_marked(store: Store) -> None:
    store.commit(Round(calls=(a_call(request="{broken", notes="cut off"),)))
    assert store.query("SELECT request ->> '$', notes FROM calls").rows == [("{broken", "cut off; request is not JSON")]


def test_what_duckdb_cannot_store_is_quarantined_and_the_rest_commits(store: Store) -> None:
    rows = (an_exchange(1, chunks=1 << 40), an_exchange(2), an_exchange(1, attempt=2), an_exchange(3, call_id="no id"))
    committed = store.commit(Round(exchanges=rows, segments=(a_segment(),)))
    assert committed.exchanges == 2
    assert {(bad.kind, bad.call_id) for bad in committed.quarantined} == {("exchanges", an_id(1)), ("exchanges", "no id")}
    assert all(bad.reason for bad in committed.quarantined)
    assert store.query("SELECT count(*) FROM quarantine").rows == [(2,)]
    assert store.known_segments([a_segment().name, "other"]) == {a_segment().name}


def test_a_round_larger_than_one_statement_goes_in_whole(store: Store) -> None:
    rows = tuple(an_exchange(number, text="x" * 5_000_000) for number in range(5))
    assert store.commit(Round(exchanges=rows)).exchanges == 5
    assert store.commit(Round(exchanges=rows)).exchanges == 0


def test_system_texts_configurations_and_audit_are_kept_once(store: Store) -> None:
    lineage = Lineage(lineage_id="l1", config_hash="c1", config='{"a": 1}', version="0.1.0", price_date=None)
    audit = AuditRow(at=NOON, actor="ann", action="rollout.started", detail="small-canary")
    for _ in range(2):
        store.commit(Round(prefixes={"h": "You are kind."}, lineages=(lineage,), audits=(audit,)))
    found = store.query("SELECT (SELECT count(*) FROM prefixes), (SELECT config ->> 'a' FROM lineage), (SELECT count(*) FROM audit)")
    assert found.rows == [(1, "1", 1)]


def test_a_query_is_one_select(store: Store) -> None:
    assert store.query("SELECT 1 AS one, 'x' AS two").columns == ("one", "two")
    assert store.query("SELECT * FROM range(100)", limit=7).rows == [(n,) for n in range(7)]
    assert "calls" in str(store.query("EXPLAIN SELECT * FROM calls").rows)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1; DROP TABLE calls", "found SELECT, DROP"),
        ("DROP TABLE calls", "found DROP"),
        ("", "found nothing"),
        ("EXPLAIN ANALYZE DELETE FROM calls", "read-only"),
        ("SELECT * FROM read_text('/etc/passwd')", "disabled by configuration"),
        ("COPY calls TO '/tmp/calls.csv'", "found COPY"),
        ("SET threads = 9", "found SET"),
        ("SELECT * FROM nowhere", "nowhere does not exist"),
        ("SELECT * FROM call", 'call does not exist! Did you mean "calls"'),
        ("SELECT action FROM calls", 'Candidate bindings: "'),
        ("SELEC 1", "syntax error"),
        ("SELECT '\ud800' FROM nowhere", "nowhere does not exist"),
    ],
)
def test_a_query_can_do_nothing_else(store: Store, sql: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        store.query(sql)
    assert "\n" not in str(caught.value)


def test_a_query_that_holds_the_store_too_long_is_interrupted(store: Store) -> None:
    with pytest.raises(StoreError, match="took longer than"):
        store.query("SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE a.range * b.range = 7", hold_s=0.2)
    assert store.commit(a_round(1)).calls == 1


def test_all_files_are_private_and_no_log_stands_beside_the_store(store: Store, tmp_path: Path) -> None:
    store.commit(a_round(1))
    found = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    assert found == {f"understudy.duckdb{end}": "0o600" for end in ("", ".gate", ".turn")}


def test_a_store_is_prepared_again_without_harm(store: Store) -> None:
    store.commit(a_round(1))
    store.prepare()
    assert counts(store) == (1, 2, 1)


def test_the_file_can_be_read_by_duckdb_1_5_and_later(store: Store) -> None:
    tags = store.query("SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal").rows
    assert tags == [("v1.5.0+",)]


def test_a_file_that_is_no_store_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("not a database " * 1000)
    with pytest.raises(StoreError, match="not a valid DuckDB database file") as caught:
        Store(str(path)).prepare()
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        Store(str(tmp_path / "missing" / "store.duckdb")).prepare()


def test_asking_a_store_that_is_not_there_creates_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store there yet"):
        Store(str(tmp_path / "store.duckdb")).query("SELECT 1")
    assert not list(tmp_path.iterdir())


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    with store.writing() as connection:
        connection.execute("INSERT INTO migrations VALUES (999, '999_future', now()::TIMESTAMP)")
    with pytest.raises(StoreError, match="schema 999"):
        store.prepare()


def test_a_lake_names_its_extra() -> None:
    with pytest.raises(StoreError, match=r"understudy\[lake\]"):
        Store("ducklake:postgres:dbname=lake password=secret")


def test_the_same_moment_is_the_same_wherever_the_machine_stands(store: Store) -> None:
    store.commit(a_round(1))
    with store.reading() as connection:
        assert connection.execute(
            "SELECT $1::TIMESTAMP = arrived_at FROM calls", [NOON.astimezone(UTC).replace(tzinfo=None)]
        ).fetchone() == (True,)

"""Snapshots, retention and the checks of `store verify`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from proxy.rows import AuditRow, content_hash
from proxy.store import Round, Store, StoreError
from tests.proxy.stored import NOON, a_call, a_decision, a_round, a_segment, an_exchange, an_incumbent

LATER = NOON + timedelta(days=30)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / 'it\'s a "store".duckdb'))
    made.prepare()
    return made


def one(store: Store, sql: str) -> Any:
    return store.query(sql).rows[0][0]


def broken(store: Store) -> list[str]:
    return [check.name for check in store.verify() if not check.ok]


def test_a_snapshot_is_a_whole_private_store(store: Store, tmp_path: Path) -> None:
    store.commit(a_round(1, 2))
    file = tmp_path / "it's a copy.duckdb"
    assert store.snapshot(file) == file.stat().st_size > 0
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert one(Store(str(file)), "SELECT count(*) FROM pairs") == 2
    assert Store(str(file)).commit(a_round(3)).calls == 1


def test_a_snapshot_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("mine")
    with pytest.raises(StoreError, match="overwrites nothing"):
        store.snapshot(file)
    assert file.read_text() == "mine"


def test_pruning_takes_old_rows_out_of_every_table(store: Store) -> None:
    store.commit(a_round(1))
    store.commit(Round(prefixes={content_hash("old"): "old"}, audits=(AuditRow(at=NOON, actor="a", action="b", detail="c"),)))
    with store.writing() as connection:
        connection.execute(
            "INSERT INTO scores SELECT call_id, 'small', 'candidate', NULL, 0, 'exact', 1, 'ok', NULL, NULL, '1', NULL, arrived_at FROM calls"
        )
        connection.execute("INSERT INTO feedback SELECT uuid(), call_id, NULL, NULL, 'up', 1, NULL, NULL, arrived_at FROM calls")
    counts = store.prune(10, LATER)
    assert {table: n for table, n in counts.items() if n} == {
        "calls": 1, "exchanges": 2, "mirror_decisions": 1, "scores": 1, "feedback": 1, "prefixes": 1, "audit": 1
    }  # fmt: skip
    tables = {name for (name,) in store.query("SELECT table_name FROM duckdb_tables()").rows} - {"migrations"}
    assert tables == set(counts)
    assert {table for table in tables if one(store, f"SELECT count(*) FROM {table}")} == {"audit"}
    assert one(store, "SELECT action FROM audit") == "store.pruned"


def test_pruning_leaves_what_is_younger(store: Store) -> None:
    used = content_hash("used")
    store.commit(
        Round(
            calls=(a_call(1, arrived_at=LATER, prefix_hash=used),), exchanges=(an_exchange(1, started_at=LATER),), prefixes={used: "used"}
        )
    )
    store.commit(a_round(2))
    store.prune(10, LATER)
    assert one(store, "SELECT list(arrived_at) FROM calls") == [LATER.replace(tzinfo=None)]
    assert (one(store, "SELECT count(*) FROM exchanges"), one(store, "SELECT count(*) FROM prefixes")) == (1, 1)


def test_a_call_replayed_lately_keeps_what_it_is_compared_with(store: Store) -> None:
    store.commit(a_round(1))
    store.commit(Round(exchanges=(an_exchange(1, run_id="night", started_at=LATER),)))
    store.prune(10, LATER)
    assert one(store, "SELECT count(*) FROM pairs WHERE run_id = 'night'") == 1


def test_a_healthy_store_passes_every_check(store: Store) -> None:
    text = "You are kind."
    store.commit(a_round(1, 2))
    store.commit(Round(calls=(a_call(3, prefix_hash=content_hash(text)),), decisions=(a_decision(3),), prefixes={content_hash(text): text}))
    store.commit(Round(segments=(a_segment("a", first_seq=0, last_seq=2), a_segment("b", first_seq=5, last_seq=9, events=5))))
    store.commit(Round(audits=tuple(AuditRow(at=NOON, actor="a", action=str(n), detail="") for n in range(3))))
    assert broken(store) == []
    assert {check.name: check.found for check in store.verify()}["calls can be read"] == "3 rows"


def test_a_store_with_a_canary_passes_every_check(store: Store) -> None:
    """Calls 1 and 2 went to the incumbent, 3 was the canary's and was asked in reverse, 4 fell back."""
    store.commit(a_round(1, 2))
    drawn = dict(rollout="r", rollout_share=0.1, rollout_target="small")
    store.commit(
        Round(
            calls=(a_call(3, **drawn), a_call(4, **drawn, rollout_fallback="status_500")),
            exchanges=(
                an_exchange(3, seen=True), an_incumbent(3, seen=False), an_exchange(4, status=500, outcome="errored"), an_incumbent(4),
            ),
            decisions=(
                a_decision(3, decision="served"), a_decision(3, target="big", role="incumbent"),
                a_decision(4, reason="canary: fell back: status_500"),
            ),
        )
    )  # fmt: skip
    assert broken(store) == []
    assert store.query("SELECT incumbent_seen, candidate_seen FROM pairs ORDER BY call_id").rows == [(True, False)] * 2 + [
        (False, True), (True, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("added", "name"),
    [
        (Round(calls=(a_call(),)), "every call has a decision"),
        (
            Round(calls=(a_call(rollout="r", rollout_target="small"),), decisions=(a_decision(decision="stale"),)),
            "an answer of a canary has one decision, and is served",
        ),
        (
            Round(calls=(a_call(1), a_call(2)), decisions=(a_decision(1), a_decision(2), a_decision(1, target="other"))),
            "decisions add up to calls, per target",
        ),
        (Round(exchanges=(an_exchange(),)), "exchanges have their call"),
        (
            Round(segments=(a_segment("a", first_seq=0, last_seq=2), a_segment("b", first_seq=4, last_seq=9, events=5))),
            "no event is missing inside a segment",
        ),
        (Round(segments=(a_segment(damage="not an event at 7"),)), "no segment is damaged"),
        (Round(prefixes={"0" * 64: "another text"}), "prefixes are what their hashes say"),
        (Round(calls=(a_call(prefix_hash="1" * 64),), decisions=(a_decision(),)), "calls have their prefix"),
        (
            Round(calls=(a_call(),), decisions=(a_decision(),), exchanges=(an_incumbent(), an_incumbent(target="other"))),
            "a call has one live incumbent",
        ),
    ],
)
def test_a_check_finds_what_it_is_for(store: Store, added: Round, name: str) -> None:
    store.commit(added)
    assert broken(store) == [name]


@pytest.mark.parametrize(
    ("tampering", "name"),
    [
        ("INSERT INTO calls FROM calls", "no call is there twice"),
        ("INSERT INTO exchanges FROM exchanges", "no exchange is there twice"),
        ("INSERT INTO mirror_decisions FROM mirror_decisions", "no decision is there twice"),
        ("UPDATE audit SET detail = 'nothing happened' WHERE seq = 2", "the audit chain is whole"),
        ("DELETE FROM audit WHERE seq = 2", "the audit chain is whole"),
    ],
)
def test_tampering_is_found(store: Store, tampering: str, name: str) -> None:
    store.commit(a_round(1))
    store.commit(Round(audits=tuple(AuditRow(at=NOON, actor="a", action=str(n), detail="") for n in range(3))))
    with store.writing() as connection:
        connection.execute(tampering)
    assert broken(store) == [name]


def test_the_audit_chain_stays_whole_when_it_is_pruned(store: Store) -> None:
    for at in (NOON, LATER):
        store.commit(Round(audits=(AuditRow(at=at, actor="a", action="b", detail="c"),)))
    store.prune(10, LATER)
    assert one(store, "SELECT list(seq) FROM audit") == [2, 3]
    assert broken(store) == []


def test_a_block_that_rotted_on_disk_is_found(store: Store) -> None:
    store.commit(Round(exchanges=tuple(an_exchange(n, text=f"{n} " * 5000) for n in range(200))))
    path = Path(store.path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4096] = b"\xaa" * 4096
    path.write_bytes(data)
    assert any(not check.ok for check in store.verify())

"""The round trip of recorded exchanges: journal, store, export, import, replay. What a target is asked is what was recorded."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.dialects import dialect_of
from proxy.store import Store
from replay.archive.reader import Archive
from tests.corpus import rows
from tests.fakes.upstream import Asked, Step, Upstream
from tests.harness import command
from tests.proxy.journaled import Made, a_call, a_config, an_answer, new_id, now_us, record, write
from tests.recorded import body_of, target_of

CONFIG = """
[store]
path = "understudy.duckdb"
bodies = "full"
retention_days = 36500
[targets.gpt]
url = "https://api.openai.com"
[targets.kept]
url = "http://127.0.0.1:{port}"
max_in_flight = 1
[[routes]]
name = "main"
incumbent = "gpt"
"""
GIVEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True)
class Trip:
    recorded: dict[str, dict[str, Any]]
    """By call id, in the order they went in."""
    passed: int
    """Recorded exchanges that are no calls."""
    folder: Path
    asked: list[Asked]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return Store(str(self.folder / "understudy.duckdb")).query(sql).rows


def journaled(call_id: str, row: dict[str, Any], number: int, dialect: str) -> list[Made]:
    """As a worker would have written it."""
    given, answer, path = row["request"], row["response"], target_of(row).decode()
    at = now_us() - 3_600_000_000 + 1000 * number
    kinds = {name.lower(): value for name, value in given["headers"].items() if name.lower() in ("content-type", "anthropic-version")}
    call = a_call(call_id, body=body_of(given), at=at, path=_masked(path), dialect=dialect, headers=kinds)
    kind = {name.lower(): value for name, value in answer["headers"].items() if name.lower() == "content-type"}
    exchange = an_answer(call_id, body=body_of(answer), at=at, dialect=dialect, headers=kind, status=answer["status"])
    return [call, exchange]


def _masked(path: str) -> str:
    bare, mark, query = path.partition("?")
    return bare + mark + "&".join("key=***" if each.startswith("key=") else each for each in query.split("&"))


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trip]:
    folder, found, passed, events = tmp_path_factory.mktemp("trip"), dict[str, dict[str, Any]](), 0, list[Made]()
    for number, row in enumerate(rows("exchanges/exchanges.jsonl")):
        dialect = dialect_of("POST", target_of(row).decode())
        if dialect is None:
            passed += 1
            continue
        call_id = new_id()
        found[call_id] = row
        events += journaled(call_id, row, number, dialect.name)
    stored = a_config(folder, bodies="full", shadow=False)
    write(stored.journal_folder, [events])
    record(stored)

    def answer(asked: Asked) -> Iterator[Step]:
        yield GIVEN

    with Upstream(answer) as up:
        (folder / "understudy.toml").write_text(CONFIG.format(port=up.port))
        for words in (
            "archive export --raw --out exported.jsonl.zst",
            "archive import exported.jsonl.zst --from archive --raw --out imported.jsonl.zst",
            "replay imported.jsonl.zst --to kept --run trip --pace 2000/s --gaps even",
        ):
            done = command(*words.split(), "--quiet", cwd=folder, timeout=300)
            assert done.returncode == 0, done.stderr
        yield Trip(recorded=found, passed=passed, folder=folder, asked=list(up.asked))


def test_every_call_is_exported_and_imported_as_it_was_recorded(trip: Trip) -> None:
    assert len(trip.recorded) + trip.passed == 1014 and len(trip.recorded) == 988
    for name in ("exported", "imported"):
        calls = {each.call.id: each.call for each in Archive(trip.folder / f"{name}.jsonl.zst").records()}
        assert list(calls) == list(trip.recorded)
        assert [bytes(calls[call].request) or (calls[call].request_text or "").encode() for call in calls] == [
            body_of(row["request"]) for row in trip.recorded.values()
        ]


def test_what_the_target_was_asked_is_what_was_recorded_but_for_the_declared_rewrites(trip: Trip) -> None:
    sql = "SELECT call_id::VARCHAR, rewrites FROM exchanges WHERE run_id = 'trip' AND target = 'kept'"
    rewrites = dict(trip.rows(sql))
    sent = [call for call in trip.recorded if call in rewrites]
    assert len(sent) == len(trip.asked)
    same = 0
    for call, asked in zip(sent, trip.asked, strict=True):
        body = body_of(trip.recorded[call]["request"])
        assert json.loads(asked.body) == rewritten(json.loads(body), rewrites[call]), (call, rewrites[call])
        same += asked.body == body
        assert asked.target.decode() == without_key(target_of(trip.recorded[call]).decode())
        assert bool(rewrites[call]) or asked.body == body
    print(f"{len(trip.recorded)} exported, {len(sent)} asked and equal, {same} of them to the byte")
    assert same > 300


def without_key(path: str) -> str:
    """The caller's key was never recorded."""
    bare, _, query = path.partition("?")
    kept = "&".join(each for each in query.split("&") if each and not each.startswith("key="))
    return f"{bare}?{kept}" if kept else bare


def rewritten(body: dict[str, Any], named: list[str]) -> dict[str, Any]:
    """Exactly what the rewrites say, and nothing else."""
    for each in named:
        words = each.split(" ")
        if words[0] == "dropped":
            del body[words[1]]
        elif each == "store: false":
            body["store"] = False
        elif each == "stream_options.include_usage asked":
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        else:
            raise AssertionError(f"a rewrite nobody expected: {each}")
    return body


def test_what_was_not_asked_has_its_reason_and_all_adds_up(trip: Trip) -> None:
    sql = "SELECT decision, reason, count(*) FROM mirror_decisions WHERE run_id = 'trip' GROUP BY ALL ORDER BY 3 DESC"
    found = {(decision, reason): count for decision, reason, count in trip.rows(sql)}
    counts = Counter[str]()
    for (decision, _), count in found.items():
        counts[decision] += count
    assert counts.total() == len(trip.recorded) and counts["sent"] == len(trip.asked)
    assert all(reason for _, reason in found)
    assert counts["sent"] > 700
    print(dict(counts))


def test_the_recorded_answers_stand_beside_the_new_ones(trip: Trip) -> None:
    sql = """SELECT count(*), count(*) FILTER (p.incumbent_text IS NOT DISTINCT FROM e.text AND p.incumbent_outcome = e.outcome)
             FROM pairs p JOIN exchanges e ON e.call_id = p.call_id AND e.role = 'incumbent' AND e.run_id IS NULL
             WHERE p.run_id = 'trip'"""
    ((pairs, same),) = trip.rows(sql)
    assert pairs == same == len(trip.asked)

"""What a commit costs: rounds of 500 and 5,000 exchanges of about 2 kB, into an empty store and into one of a million rows.

.venv/bin/python -m pytest tests/bench/bench_store.py -s
"""

import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import duckdb
import pytest

from proxy.exchange import Exchange
from proxy.rows import lines_of
from proxy.store import Round, Store
from tests.proxy.stored import an_exchange

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
BUDGET_US = 100
"""Of processor time per exchange in a full round; a small round also pays for opening, checkpoint and closing (about 35 ms)."""


def a_text(chance: random.Random, words: list[str], size: int = 2000) -> str:
    return " ".join(chance.choices(words, k=size // 7))[:size]


def time_ordered() -> str:
    """As UUIDv7: the ids of a round lie close together."""
    return str(UUID(int=(time.time_ns() // 1_000_000 << 80) | random.getrandbits(80)))


def rows(count: int, seed: int, an_id: Callable[[], str] = time_ordered) -> tuple[Exchange, ...]:
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyzé", k=chance.randint(2, 10))) for _ in range(3000)]
    usual = dict(response_id="resp_0123456789abcdef", model_served="small-2", input_tokens=900, output_tokens=420, usage_source="provider")
    return tuple(an_exchange(call_id=an_id(), text=a_text(chance, words), ttft_s=0.3, chunks=80, **usual) for _ in range(count))


def measured(store: Store, count: int, rounds: int, an_id: Callable[[], str] = time_ordered) -> list[tuple[float, float]]:
    """Seconds, and seconds of processor, of each commit: encode, open, insert, checkpoint, close."""
    taken: list[tuple[float, float]] = []
    for number in range(rounds):
        one = Round(exchanges=rows(count, number, an_id))
        began, busy = time.perf_counter(), time.process_time()
        assert store.commit(one).exchanges == count
        taken.append((time.perf_counter() - began, time.process_time() - busy))
    return taken


def told(name: str, count: int, taken: list[tuple[float, float]]) -> float:
    """Prints the figures; returns the processor's µs per row."""
    wall, busy = statistics.median(w for w, _ in taken), statistics.median(c for _, c in taken)
    worst, mean = max(w for w, _ in taken), statistics.mean(c for _, c in taken)
    print(
        f"{name}: {count} rows: median {wall * 1e3:.0f} ms, worst {worst * 1e3:.0f} ms, {count / wall:,.0f} rows/s; "
        f"processor {busy / count * 1e6:.0f} µs/row ({mean / count * 1e6:.0f} mean)"
    )
    return busy / count * 1e6


def filled(store: Store, count: int) -> None:
    """Small rows are enough: what is looked for is ids."""
    with duckdb.connect(store.path) as connection:
        connection.execute(
            """
            INSERT INTO exchanges BY NAME
            SELECT uuidv7() AS call_id, 'small' AS target, 'candidate' AS role, false AS seen, 0 AS sample, 1 AS attempt,
                   TIMESTAMP '2026-01-01' + to_seconds(n) AS started_at, 'answered' AS outcome, '' AS outcome_reason,
                   'ok' AS failure_class, 'raw' AS saw
            FROM range($1) AS counted(n)
            """,
            [count],
        )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    print(
        f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, duckdb {duckdb.__version__}"
    )
    made = Store(str(tmp_path / "bench.duckdb"))
    made.prepare()
    return made


@pytest.mark.parametrize(("count", "rounds"), [(500, 40), (5000, 10)])
def test_a_round_goes_in_within_its_budget(store: Store, count: int, rounds: int) -> None:
    one = Round(exchanges=rows(count, 0))
    began = time.perf_counter()
    lines_of(one)
    print(f"of which writing the lines: {(time.perf_counter() - began) / count * 1e6:.0f} µs/row")
    assert told("empty store", count, measured(store, count, rounds)) < BUDGET_US * (1 if count == 5000 else 3)


@pytest.mark.parametrize("size", [1_000_000, 5_000_000])
def test_a_large_store_makes_a_round_no_dearer_when_ids_are_ordered_by_time(store: Store, size: int) -> None:
    filled(store, size)
    told(f"{size:,} rows there, random ids", 500, measured(store, 500, 10, lambda: str(uuid4())))
    assert told(f"{size:,} rows there, ids by time", 500, measured(store, 500, 10)) < 4 * BUDGET_US


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-s", "-q"]))

"""Accounted and private: what the private store says of the calls that were made, and where planted credentials turned up."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from proxy.store import Store
from replay.selfcheck.row import Row, row

TABLES = ("calls", "exchanges", "mirror_decisions", "lineage", "audit", "prefixes", "quarantine", "segments")


def accounted(store: Store, asked: int) -> list[Row]:
    """Every call once, one decision a leg, and the store's own word for it."""

    def one(sql: str) -> int:
        return int(store.query(sql).rows[0][0])

    calls, distinct = one("SELECT count(*) FROM calls"), one("SELECT count(DISTINCT call_id) FROM calls")
    decisions = one("SELECT count(*) FROM mirror_decisions")
    twice = one(
        "SELECT count(*) FROM (SELECT call_id, target, role FROM exchanges GROUP BY call_id, target, role, attempt HAVING count(*) > 1)"
    )
    wrong = [f"{asked:,} asked, {calls:,} stored, {distinct:,} distinct"] if not asked == calls == distinct else []
    rows = [row("accounted", "calls", wrong, f"{asked:,} asked, {calls:,} stored, none twice")]
    told = [f"{decisions:,} decisions for {calls:,} calls"] if decisions != calls else []
    rows.append(row("accounted", "decisions", told, f"{decisions:,}: one for each call"))
    rows.append(row("accounted", "answers", [f"{twice} stored twice"] if twice else [], "none stored twice"))
    failed = [check for check in store.verify() if not check.ok]
    rows.append(row("accounted", "store verify", [f"{check.name}: {check.found}" for check in failed], "every check passed"))
    return rows


def private(store: Store, places: Iterable[Path], metrics: bytes, secrets: dict[str, bytes]) -> Row:
    """`secrets`: what was planted, by name. Files are read as bytes, tables as text: a compressed store hides nothing so."""
    found = [f"{name} in {place}" for place, text in _texts(store, places, metrics) for name, secret in secrets.items() if secret in text]
    planted = ", ".join(secrets)
    return row("private", "credentials", found, f"{planted}: in no file, table, log or metric")


def _texts(store: Store, places: Iterable[Path], metrics: bytes) -> Iterator[tuple[str, bytes]]:
    yield "metrics", metrics
    for place in places:
        for path in sorted(place.rglob("*")):
            with contextlib.suppress(OSError):
                if path.is_file() and path.name != "understudy.toml":
                    yield path.name, path.read_bytes()
    for table in TABLES:
        for values in store.query(f"SELECT * FROM {table}").rows:
            yield f"table {table}", repr(values).encode("utf-8", "surrogatepass")

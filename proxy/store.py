"""The store: rounds go in whole, one SELECT at a time comes out. The only module that imports duckdb.

Law: the file is open only while a round is committed or a question is answered, behind the gate, so that anyone can read it in between.
A round is one transaction; every insert is insert-if-absent, so that a round committed twice is a round committed once. The checkpoint is
the commit (threshold 0): no write-ahead log with texts stands beside the file, and `kill -9` leaves all of a round or nothing.
"""

import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from proxy.gate import Busy, Gate, Patience, process_named
from proxy.rows import AuditRow, Line, Lineage, Lines, Quarantined, Round, SegmentRow, chunks, lines_of, quarantine_lines

__all__ = ["AuditRow", "Busy", "Committed", "Lineage", "Quarantined", "Round", "SegmentRow", "Store", "StoreError", "Table"]

SCHEMA = Path(__file__).parent / "schema"
STORAGE_VERSION = "v1.5.0"
"""Readable by DuckDB 1.5 and everything later."""
HOLD_S = 20.0
"""The longest a question may keep a commit waiting."""
BY_CALL = ("calls", "exchanges", "mirror_decisions")
Settings = dict[str, str | bool | int | float | list[str]]
SAFE: Settings = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}
WRITER: Settings = {"checkpoint_threshold": "0b", "force_compression": "zstd", "threads": 1}
"""zstd: 53 MB where DuckDB's own choice took 88, and the commit is quicker."""
SHUT = re.compile(r"Could not set lock on file.*?PID (\d+)", re.DOTALL)


class StoreError(Exception):
    """One line for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Counts of rows that were really new."""

    calls: int = 0
    exchanges: int = 0
    decisions: int = 0
    quarantined: tuple[Quarantined, ...] = ()
    seconds: float = 0.0


class _Held(Exception):
    """Another process has the file open."""

    def __init__(self, pid: int):
        self.pid = pid


class Store:
    def __init__(self, path: str, *, temp: Path | None = None):
        if path.startswith("ducklake:"):
            raise StoreError("store.path: found ducklake:…, expected a DuckDB file; DuckLake comes with the extra `understudy[lake]`")
        self.path = path
        self._gate = Gate(path)
        self._temp = str(temp) if temp else ""

    def prepare(self) -> None:
        """Creates the file, brings its tables up to date; StoreError when it is not ours to use."""
        if not Path(self.path).exists():
            self._create()
        with self.writing() as connection:
            _migrate(connection)

    def commit(self, round: Round, *, wait_s: float = 30.0) -> Committed:
        """One transaction. Busy when the file could not be had in time; rows that cannot be stored are quarantined, the rest commits."""
        began = time.monotonic()
        tables, bad = lines_of(round)
        with self.writing(wait_s) as connection:
            try:
                counts = _insert(connection, tables, bad, round.audits)
            except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
                tables, refused = _sifted(tables)
                if not refused:
                    raise StoreError(_line(error)) from error
                bad += refused
                counts = _insert(connection, tables, bad, round.audits)
        return Committed(
            calls=counts.get("calls", 0),
            exchanges=counts.get("exchanges", 0),
            decisions=counts.get("mirror_decisions", 0),
            quarantined=tuple(bad),
            seconds=time.monotonic() - began,
        )

    def known_segments(self, names: Sequence[str]) -> set[str]:
        """Which of these segments are in the store already."""
        with self.reading() as connection:
            found = connection.execute("SELECT name FROM segments WHERE list_contains($names, name)", {"names": list(names)}).fetchall()
        return {row[0] for row in found}

    def query(
        self, sql: str, params: Sequence[object] = (), *, limit: int | None = None, wait_s: float = 30.0, hold_s: float = HOLD_S
    ) -> Table:
        """Exactly one SELECT or EXPLAIN, in a file opened read-only that can reach no other file. Longer than `hold_s` is interrupted."""
        with self.reading(wait_s) as connection, _interrupted(connection, hold_s):
            cursor = connection.execute(_one_question(connection, sql), list(params))
            columns = tuple(column[0] for column in cursor.description or ())
            return Table(columns=columns, rows=cursor.fetchall() if limit is None else cursor.fetchmany(limit))

    @contextmanager
    def reading(self, wait_s: float = 30.0) -> Generator[duckdb.DuckDBPyConnection]:
        """The file, read-only, for as short a step as possible."""
        if not Path(self.path).exists():
            raise StoreError(f"{self.path}: no store there yet; `understudy serve` makes it")
        with self._opened(Patience.of(wait_s), read_only=True, config={"lock_configuration": True}) as connection:
            yield connection

    @contextmanager
    def writing(self, wait_s: float = 30.0) -> Generator[duckdb.DuckDBPyConnection]:
        """The file, alone. What is written becomes the file's on COMMIT."""
        with self._opened(Patience.of(wait_s), read_only=False, config=WRITER) as connection:
            yield connection

    @contextmanager
    def _opened(self, patience: Patience, *, read_only: bool, config: Settings) -> Generator[duckdb.DuckDBPyConnection]:
        """Tries again while another program has the file, and leaves the gate open to our own readers in between."""
        pass_gate: Callable[[Patience], Any] = self._gate.shared if read_only else self._gate.alone
        while True:
            try:
                with pass_gate(patience), self._connected(read_only, config) as connection:
                    yield connection
                    return
            except _Held as held:
                if not patience.again():
                    raise Busy(process_named(held.pid)) from None

    @contextmanager
    def _connected(self, read_only: bool, config: Settings) -> Generator[duckdb.DuckDBPyConnection]:
        try:
            connection = duckdb.connect(self.path, read_only=read_only, config=SAFE | {"temp_directory": self._temp} | config)
        except duckdb.Error as error:
            if shut := SHUT.search(str(error)):
                raise _Held(int(shut[1])) from None
            raise StoreError(f"{self.path}: {_line(error)}") from error
        try:
            yield connection
        except duckdb.Error as error:
            raise StoreError(_line(error)) from error
        finally:
            connection.close()

    def _create(self) -> None:
        """Made aside with its tables and mode 0600, then put in place, unless somebody was quicker."""
        try:
            with tempfile.TemporaryDirectory(dir=Path(self.path).parent, prefix=".store-") as folder:
                new = Path(folder) / "new"
                with duckdb.connect(str(new), config=SAFE | {"storage_compatibility_version": STORAGE_VERSION}) as connection:
                    _migrate(connection)
                new.chmod(0o600)
                os.link(new, self.path)
        except FileExistsError:
            return
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Runs what `schema/` has and the file has not, each in a transaction."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
    )
    done = {row[0] for row in connection.execute("SELECT number FROM migrations").fetchall()}
    known = {int(file.name[:3]): file for file in sorted(SCHEMA.glob("[0-9][0-9][0-9]_*.sql"))}
    if newer := done - known.keys():
        raise StoreError(f"the store has schema {max(newer)}, this version knows {max(known)}: a newer understudy wrote it")
    for number in sorted(known.keys() - done):
        connection.execute("BEGIN")
        connection.execute(known[number].read_text())
        connection.execute("INSERT INTO migrations VALUES ($1, $2, now() AT TIME ZONE 'UTC')", [number, known[number].stem])
        connection.execute("COMMIT")


def _insert(
    connection: duckdb.DuckDBPyConnection, tables: list[Lines], bad: list[Quarantined], audits: Sequence[AuditRow]
) -> dict[str, int]:
    """The whole round in one transaction; how many rows were new, by table."""
    quarantine = [quarantine_lines(bad)] if bad else []
    connection.execute("BEGIN")
    try:
        counts = {lines.table: _insert_lines(connection, lines) for lines in [*tables, *quarantine]}
        for row in audits:
            connection.execute(_sql("insert_audit"), {"at": row.at, "actor": row.actor, "action": row.action, "detail": row.detail})
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return counts


def _insert_lines(connection: duckdb.DuckDBPyConnection, lines: Lines) -> int:
    return sum(_insert_chunk(connection, lines.table, chunk) for chunk in chunks(lines.lines))


def _insert_chunk(connection: duckdb.DuckDBPyConnection, table: str, chunk: tuple[Line, ...]) -> int:
    params = {"lines": "\n".join(line.json for line in chunk)}
    if table in BY_CALL:
        ids = [line.name.lower() for line in chunk]
        params |= {"first": min(ids), "last": max(ids)}
    found = connection.execute(_sql(f"insert_{table}"), params).fetchone()
    return int(found[0]) if found else 0


def _sifted(tables: list[Lines]) -> tuple[list[Lines], list[Quarantined]]:
    """Finds the rows DuckDB refuses by trying halves on an empty store in memory."""
    refused: list[Quarantined] = []
    with duckdb.connect(":memory:", config=SAFE) as trial:
        _migrate(trial)
        for lines in tables:
            refused += _refused(trial, lines.table, lines.lines)
    names = {(row.kind, row.call_id) for row in refused}
    kept = [Lines(t.table, tuple(line for line in t.lines if (t.table, line.name) not in names)) for t in tables]
    return [lines for lines in kept if lines.lines], refused


def _refused(trial: duckdb.DuckDBPyConnection, table: str, lines: tuple[Line, ...]) -> list[Quarantined]:
    try:
        _insert_lines(trial, Lines(table, lines))
        return []
    except duckdb.Error as error:
        if len(lines) == 1:
            return [Quarantined(kind=table, call_id=lines[0].name, reason=_line(error))]
    half = len(lines) // 2
    return _refused(trial, table, lines[:half]) + _refused(trial, table, lines[half:])


@contextmanager
def _interrupted(connection: duckdb.DuckDBPyConnection, hold_s: float) -> Generator[None]:
    timer = threading.Timer(hold_s, connection.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise StoreError(f"the query took longer than {hold_s:g} s; ask a `store snapshot` instead") from None
    finally:
        timer.cancel()


def _one_question(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        found = ", ".join(statement.type.name for statement in statements) or "nothing"
        raise StoreError(f"query: found {found}, expected exactly one SELECT or EXPLAIN")
    return statements[0]


def _sql(name: str, texts: dict[str, str] = {}) -> str:  # noqa: B006 (a cache: the files do not change while we run)
    if name not in texts:
        texts[name] = (SCHEMA / f"{name}.sql").read_text()
    return texts[name]


def _line(error: Exception) -> str:
    """The first line of DuckDB's message."""
    return str(error).strip().partition("\n")[0]

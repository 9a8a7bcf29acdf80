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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from proxy import tables
from proxy.gate import Busy, Gate, Patience, process_named
from proxy.merging import How, Merging
from proxy.rows import AuditRow, Line, Lineage, Lines, Quarantined, Round, SegmentRow, lines_of, naive_utc, repaired
from proxy.tables import Check

__all__ = ["AuditRow", "Busy", "Check", "Committed", "Lineage", "Quarantined", "Round", "SegmentRow", "Store", "StoreError", "Table"]

STORAGE_VERSION = "v1.5.0"
"""Readable by DuckDB 1.5 and everything later."""
HOLD_S = 20.0
"""The longest a question may keep a commit waiting."""
Settings = dict[str, str | bool | int | float | list[str]]
SAFE: Settings = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}
BLOCK_BYTES = 64 << 10
"""Of new files. DuckDB clears a block for each column it writes: of 256 kB, its default, a commit of one row cost 62 ms, of these 40."""
WRITER: Settings = {"checkpoint_threshold": "0b", "force_compression": "zstd", "threads": 1}
"""zstd: 53 MB where DuckDB's own choice took 88, and the commit is quicker."""
ROUNDS: dict[How, Settings] = {
    "small": WRITER | {"max_vacuum_tasks": 0, "force_compression": "uncompressed"},
    "big": WRITER | {"max_vacuum_tasks": 0},
    "merging": WRITER,
}
SHUT = re.compile(r"Could not set lock on file.*?PID (\d+)", re.DOTALL)
OURS = re.compile(r"same database file with a different configuration")
"""Another thread of ours reads with other settings: a snapshot beside a question."""


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
        self._merging = Merging()

    def prepare(self, *, wait_s: float = 30.0) -> None:
        """Creates the file, brings its tables up to date; StoreError when it is not ours to use."""
        if not Path(self.path).exists():
            self._create()
        with self.writing(wait_s) as connection:
            try:
                tables.migrate(connection)
            except tables.NewerSchema as newer:
                raise StoreError(f"{self.path}: {newer}") from None

    def commit(self, round: Round, *, wait_s: float = 30.0) -> Committed:
        """One transaction. Busy when the file could not be had in time; rows that cannot be stored are quarantined, the rest commits."""
        began = time.monotonic()
        lines, bad = lines_of(round)
        how = self._merging.how(lines)
        row_group = self._merging.row_group() if how == "merging" else 0
        with self._opened(Patience.of(wait_s), read_only=False, config=ROUNDS[how], row_group=row_group) as connection:
            try:
                counts = tables.insert(connection, lines, bad, round.audits)
            except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
                lines, refused = _sifted(lines)
                if not refused:
                    raise StoreError(_line(error)) from error
                bad += refused
                counts = tables.insert(connection, lines, bad, round.audits)
        if how == "merging":
            self._merging.merged()
        return Committed(
            calls=counts.get("calls", 0),
            exchanges=counts.get("exchanges", 0),
            decisions=counts.get("mirror_decisions", 0),
            quarantined=tuple(bad),
            seconds=time.monotonic() - began,
        )

    def known_segments(self, names: Sequence[str], *, wait_s: float = 30.0) -> set[str]:
        """Which of these segments are in the store already."""
        with self.reading(wait_s) as connection:
            found = connection.execute("SELECT name FROM segments WHERE list_contains($names, name)", {"names": list(names)}).fetchall()
        return {row[0] for row in found}

    def query(
        self, sql: str, params: Sequence[object] = (), *, limit: int | None = None, wait_s: float = 30.0, hold_s: float = HOLD_S
    ) -> Table:
        """Exactly one SELECT or EXPLAIN, in a file opened read-only that can reach no other file. Longer than `hold_s` is interrupted."""
        with self.reading(wait_s) as connection, _interrupted(connection, hold_s):
            return _answer(connection.execute(_one_question(connection, repaired(sql)), list(params)), limit)

    def pairs_since(
        self, after: datetime, *, differs: bool = False, refused: bool = False, workflow: str | None = None, run: str | None = None,
        limit: int = 100,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The newest pairs of calls that arrived after then, oldest first. A late answer belongs to an older call: overlap."""
        params = {"after": naive_utc(after), "differs": differs, "refused": refused, "workflow": workflow, "run": run, "limit": limit}
        with self.reading() as connection:
            found = _answer(connection.execute(tables.sql("pairs_since"), params))
        return [dict(zip(found.columns, row, strict=True)) for row in found.rows]

    def snapshot(self, file: Path) -> int:
        """A compact copy for others to open, 0600, without what was pruned; its size in bytes."""
        if file.exists():
            raise StoreError(f"{file}: is there already; a snapshot overwrites nothing")
        try:
            with tempfile.TemporaryDirectory(dir=file.parent, prefix=".snapshot-") as folder:
                new = Path(folder) / "new.duckdb"
                self._copy_to(new)
                new.chmod(0o600)
                new.rename(file)
        except OSError as error:
            raise StoreError(f"{file}: {error.strerror}") from error
        return file.stat().st_size

    @contextmanager
    def extract(self, name: str, sql: str, *, hold_s: float = HOLD_S) -> Generator[Callable[[str], Table]]:
        """The answer of our own SELECT as a table in memory: many questions about it keep no commit waiting."""
        with duckdb.connect(":memory:", config=SAFE | {"enable_external_access": True, "temp_directory": self._temp}) as aside:
            with self.reading(), _interrupted(aside, hold_s):
                aside.execute(f"ATTACH '{_quoted(self.path)}' AS store (READ_ONLY); USE store; SET enable_external_access = false")
                aside.execute(f"CREATE TABLE memory.main.{name} AS {sql}; USE memory; DETACH store")
            yield lambda question: _answer(aside.execute(question))

    def prune(self, days: int, now: datetime, *, wait_s: float = 30.0) -> dict[str, int]:
        """Deletes what is older than `days` from every table; how many rows, by table."""
        cutoff = naive_utc(now) - timedelta(days=days)
        row = AuditRow(at=now, actor="understudy", action="store.pruned", detail=f"older than {days} days")
        with self.writing(wait_s) as connection:
            return tables.prune(connection, cutoff, row)

    def verify(self) -> list[Check]:
        """Whether every block can be read, and whether the rows agree with each other."""
        checks = [self._readable(table) for table in tables.READ_ALL]
        if not all(check.ok for check in checks):
            return checks
        with self.reading() as connection:
            return checks + tables.verify(connection)

    def _readable(self, table: str) -> Check:
        try:
            with self.reading() as connection:
                return Check(name=f"{table} can be read", ok=True, found=f"{tables.read_all(connection, table)} rows")
        except StoreError as error:
            return Check(name=f"{table} can be read", ok=False, found=str(error))

    def _copy_to(self, new: Path) -> None:
        with self._opened(Patience.of(30.0), read_only=True, config={"enable_external_access": True, "threads": 1}) as connection:
            connection.execute(f"ATTACH '{_quoted(str(new))}' AS snapshot (READ_WRITE, STORAGE_VERSION '{STORAGE_VERSION}')")
            name = connection.execute("SELECT current_database()").fetchall()[0][0].replace('"', '""')
            connection.execute(f'COPY FROM DATABASE "{name}" TO snapshot')
            connection.execute("DETACH snapshot")

    @contextmanager
    def reading(self, wait_s: float = 30.0, **more: int) -> Generator[duckdb.DuckDBPyConnection]:
        """The file, read-only, for as short a step as possible. `more`: of DuckDB's settings, such as `threads`."""
        if not Path(self.path).exists():
            raise StoreError(f"{self.path}: no store there yet; `understudy serve` makes it")
        with self._opened(Patience.of(wait_s), read_only=True, config={"lock_configuration": True, **more}) as connection:
            yield connection

    @contextmanager
    def writing(self, wait_s: float = 30.0, *, beside: bool = False) -> Generator[duckdb.DuckDBPyConnection]:
        """The file, alone. What is written becomes the file's on COMMIT. `beside`: other files may be attached until that is shut."""
        with self._opened(Patience.of(wait_s), read_only=False, config=WRITER | {"enable_external_access": beside}) as connection:
            yield connection

    @contextmanager
    def _opened(self, patience: Patience, *, read_only: bool, config: Settings, row_group: int = 0) -> Generator[duckdb.DuckDBPyConnection]:
        """Tries again while another program has the file, and leaves the gate open to our own readers in between."""
        pass_gate: Callable[[Patience], Any] = self._gate.shared if read_only else self._gate.alone
        while True:
            try:
                with pass_gate(patience), self._connected(read_only, config, row_group) as connection:
                    yield connection
                    return
            except _Held as held:
                if not patience.again():
                    raise Busy(process_named(held.pid)) from None

    @contextmanager
    def _connected(self, read_only: bool, config: Settings, row_group: int) -> Generator[duckdb.DuckDBPyConnection]:
        settings = SAFE | {"temp_directory": self._temp} | config
        try:
            connection = self._attached(settings, row_group) if row_group else duckdb.connect(self.path, read_only, settings)
        except duckdb.Error as error:
            if shut := SHUT.search(str(error)):
                raise _Held(int(shut[1])) from None
            if OURS.search(str(error)):
                raise _Held(os.getpid()) from None
            raise StoreError(f"{self.path}: {_line(error)}") from error
        try:
            yield connection
        except duckdb.Error as error:
            raise StoreError(_line(error)) from error
        finally:
            connection.close()

    def _attached(self, settings: Settings, row_group: int) -> duckdb.DuckDBPyConnection:
        """The file with row groups of a size: only ATTACH takes one, and for that external access must be shut off a moment later."""
        connection = duckdb.connect(":memory:", config=settings | {"enable_external_access": True})
        try:
            connection.execute(f"ATTACH '{_quoted(self.path)}' AS store (ROW_GROUP_SIZE {row_group:d})")
            connection.execute("USE store")
            connection.execute("SET enable_external_access = false")
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Made aside with its tables and mode 0600, then put in place, unless somebody was quicker."""
        try:
            with tempfile.TemporaryDirectory(dir=Path(self.path).parent, prefix=".store-") as folder:
                new = Path(folder) / "new"
                made: Settings = {"storage_compatibility_version": STORAGE_VERSION, "default_block_size": str(BLOCK_BYTES)}
                with duckdb.connect(str(new), config=SAFE | made) as connection:
                    tables.migrate(connection)
                new.chmod(0o600)
                os.link(new, self.path)
        except FileExistsError:
            return
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error


def _answer(cursor: duckdb.DuckDBPyConnection, limit: int | None = None) -> Table:
    columns = tuple(column[0] for column in cursor.description or ())
    return Table(columns=columns, rows=cursor.fetchall() if limit is None else cursor.fetchmany(limit))


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _sifted(round: list[Lines]) -> tuple[list[Lines], list[Quarantined]]:
    """Finds the rows DuckDB refuses by trying halves on an empty store in memory; what is left, and the refused."""
    kept: list[Lines] = []
    refused: list[Quarantined] = []
    with duckdb.connect(":memory:", config=SAFE) as trial:
        tables.migrate(trial)
        for lines in round:
            reasons = dict(_refused(trial, lines))
            kept.append(Lines(lines.table, tuple(line for line in lines.lines if line not in reasons)))
            refused += [Quarantined(kind=lines.table, call_id=line.name, reason=reason) for line, reason in reasons.items()]
    return [lines for lines in kept if lines.lines], refused


def _refused(trial: duckdb.DuckDBPyConnection, lines: Lines) -> list[tuple[Line, str]]:
    try:
        tables.insert_lines(trial, lines)
        return []
    except duckdb.Error as error:
        if len(lines.lines) == 1:
            return [(lines.lines[0], _line(error))]
    half = len(lines.lines) // 2
    return _refused(trial, Lines(lines.table, lines.lines[:half])) + _refused(trial, Lines(lines.table, lines.lines[half:]))


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


def _line(error: Exception) -> str:
    """The first line of DuckDB's message, without the row it may quote, and the names that it offers instead."""
    return " ".join(re.findall(r"\A.{1,200}|^(?:Candidate|Did you mean) .{1,300}", str(error).strip().partition(" Input: ")[0], re.M))

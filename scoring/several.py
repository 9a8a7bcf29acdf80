"""Several stores read as one: replicas that each have their own, in a report about all of them.

Law: the stores are only copied, each behind its own gate; what is put together lives in a folder of this process and goes with it. Rows of
replicas are disjoint, so that sums add up; rows that are in two of them are a mistake of who named them, and nothing is counted twice.
"""

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from proxy.faults import Wrong
from proxy.store import Store, StoreError
from proxy.tables import Connection
from scoring.queries import sql

BY_ID = {
    "calls": "INSERT INTO calls BY NAME SELECT * FROM other.calls WHERE call_id NOT IN (SELECT call_id FROM calls)",
    "lineage": "INSERT INTO lineage BY NAME SELECT * FROM other.lineage WHERE lineage_id NOT IN (SELECT lineage_id FROM lineage)",
    "prefixes": "INSERT INTO prefixes BY NAME SELECT * FROM other.prefixes WHERE prefix_hash NOT IN (SELECT prefix_hash FROM prefixes)",
}
"""What two stores may both have: an archive replayed in both, their configuration, their prompts."""
OF_ONE = (
    "exchanges", "mirror_decisions", "scores", "noise", "judgements", "labels", "feedback", "rollout_events", "run_events",
    "segments", "quarantine",
)  # fmt: skip
"""What only one of them has. The audit is left out: a chain of hashes belongs to its own store."""
TWICE = """
SELECT count(*) FROM exchanges AS here
SEMI JOIN other.exchanges AS there
    ON  here.call_id = there.call_id AND here.target = there.target AND here.role = there.role
    AND here.run_id IS NOT DISTINCT FROM there.run_id AND here.sample = there.sample AND here.attempt = there.attempt
"""
SUMS = ("merge_cluster_scores", "drop_merged_clusters", "sum_merged_clusters", "put_cluster_scores")
"""As scoring does it when a batch adds to a conversation that has sums already: its calls may have come to both replicas."""


@contextmanager
def together(files: Sequence[Path]) -> Generator[Store]:
    """One store with the rows of all, for as long as it is asked; in `TMPDIR`, 0700. Raises Wrong, StoreError."""
    for file in files:
        if not file.is_file():
            raise Wrong("--store", f"no file {file}", "a store that `understudy serve` fills")
    with tempfile.TemporaryDirectory(prefix="understudy-stores-") as folder:
        copies = [_copied(file, Path(folder) / f"{number}.duckdb") for number, file in enumerate(files)]
        for file, copy in list(zip(files, copies, strict=True))[1:]:
            _add(copies[0], copy, file)
            Path(copy.path).unlink()
        yield copies[0]


def _copied(file: Path, to: Path) -> Store:
    """As it is at this moment, with the tables of this version."""
    Store(str(file)).snapshot(to)
    copy = Store(str(to))
    copy.prepare()
    return copy


def _add(into: Store, copy: Store, file: Path) -> None:
    with into.writing(beside=True) as connection:
        _attach(connection, copy.path)
        connection.execute("BEGIN")
        try:
            _only_there(connection, file)
            for statement in (*BY_ID.values(), *(f"INSERT INTO {table} BY NAME SELECT * FROM other.{table}" for table in OF_ONE)):
                connection.execute(statement)
            _add_sums(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _attach(connection: Connection, path: str) -> None:
    """The path is one of ours; after it nothing else can be reached."""
    if "'" in path:
        raise StoreError(f"TMPDIR: found {path}, expected a path without quotes")
    connection.execute(f"ATTACH '{path}' AS other (READ_ONLY)")
    connection.execute("SET enable_external_access = false")


def _only_there(connection: Connection, file: Path) -> None:
    twice = (connection.execute(TWICE).fetchone() or (0,))[0]
    if twice:
        raise Wrong("--store", f"{twice:,} answers of {file} in another of the stores as well", "stores of replicas, each named once")


def _add_sums(connection: Connection) -> None:
    """Sums of a cluster that both have become one row."""
    connection.execute("CREATE TEMP TABLE adding AS FROM other.cluster_scores")
    for name in SUMS:
        connection.execute(sql(name))
    connection.execute("DROP TABLE adding")

"""Fills what is missing: ranges of calls are scored beside each other, and each goes into the store in one transaction.

Law: what is in the store is whole: a range's scores, its clusters' sums and its noise, or nothing of them; so killing it loses nothing but
the range under way, and asking again does only what is left. One scorer works on a store, and the file beside it says which.
"""

import atexit
import fcntl
import gc
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from proxy.faults import Wrong
from proxy.store import Store
from proxy.tables import Connection
from scoring.outside import Standing
from scoring.queries import sql
from scoring.rubric import Rubric
from scoring.run.harvest import Harvest, Lines, harvest
from scoring.run.marks import marked, scores_there
from scoring.run.rollup import noise_of, sums_of
from scoring.run.sheet import Query, sheet

RANGE_PAIRS, RANGE_BYTES = 8000, 64 << 20
"""Scored and committed together: some seconds of work, some megabytes of requests."""
SELDOM = 1_000_000
"""New objects between two looks for cycles among them: a range has fewer."""
HOLD_S = 120.0
LOOK_S = 0.1
"""Between looks at whether another scorer has ended."""


@dataclass(frozen=True, slots=True)
class Range:
    first: UUID
    last: UUID
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which pairs: of one run, of live traffic or of all there is, of one workflow or of all."""

    run: str | None = None
    live: bool = False
    workflow: str | None = None


@dataclass(slots=True)
class Done:
    """How it went."""

    pairs: int = 0
    scores: int = 0
    missing: int = 0
    """Pairs that were to be scored."""
    unscored: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])


def missing(store: Store, rubric: Rubric, wanted: Wanted, at: datetime) -> list[Range]:
    """What is to be done at that time (UTC), oldest first."""
    versions = {name: each.version for name, each in rubric.workflows.items()}
    asked: dict[str, object] = {
        "workflows": list(versions),
        "versions": list(versions.values()),
        "run": wanted.run,
        "live": wanted.live,
        "only": wanted.workflow,
        "size": RANGE_PAIRS,
        "bytes": RANGE_BYTES,
        "at": at,
    }
    with _asked(store) as query:
        found = query(sql("pairs_to_score"), asked)
    return [Range(*row) for row in found]


def fill(
    path: str, rubric: Rubric, wanted: Wanted, at: datetime, *, jobs: int = 1, progress: Callable[[Done], None] = lambda done: None,
    wait_s: float = 0.0,
) -> Done:  # fmt: skip
    """Scores all that is missing; returns when it is committed. `at` stands in every row as the time of scoring, `wait_s`: for another
    scorer to end. Raises Wrong."""
    store = Store(path)
    with _alone(path, wait_s), _seldom_collecting():
        ranges = missing(store, rubric, wanted, at)
        done = Done(missing=sum(each.pairs for each in ranges))
        for found in _harvests(path, rubric, wanted, ranges, max(1, min(jobs, len(ranges)))):
            done.scores += _written(store, found, rubric.hash, at)
            done.pairs += found.pairs
            done.unscored.update(found.unscored)
            progress(done)
    return done


# ---- ranges beside each other


def _harvests(path: str, rubric: Rubric, wanted: Wanted, ranges: Sequence[Range], jobs: int) -> Iterator[Harvest]:
    if jobs == 1:
        yield from (score_range(path, rubric, wanted, each) for each in ranges)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin) as pool:
        waiting = list(ranges)
        running: set[Future[Harvest]] = set()
        try:
            while waiting or running:
                while waiting and len(running) < jobs + 1:  # one more lies ready: not all texts of a store at once
                    running.add(pool.submit(score_range, path, rubric, wanted, waiting.pop(0)))
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in finished)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """A process of the pool: behind whoever serves calls, and gone when the scorer is, however that ended."""
    threading.Thread(target=_end_with_the_scorer, daemon=True).start()
    os.nice(5)
    gc.set_threshold(SELDOM)


def _end_with_the_scorer() -> None:
    """A scorer that is killed says nothing to its pool, which would wait for it for ever."""
    if scorer := multiprocessing.parent_process():
        scorer.join()
        os._exit(1)


def score_range(path: str, rubric: Rubric, wanted: Wanted, span: Range) -> Harvest:
    """One range, from its rows to its lines."""
    raw = any(each.criterion.TYPE == "confidence" for own in rubric.workflows.values() for each in own.dimensions)
    with _asked(Store(path), threads=1) as query:
        found = sheet(query, span.first, span.last, rubric.unit, raw=raw, run=wanted.run)
        there = scores_there(query(sql("scores_of_range"), {"first": span.first, "last": span.last, "run": wanted.run}))
    pairs = [
        pair
        for pair in found
        if (wanted.workflow is None or pair.task.workflow == wanted.workflow) and not (wanted.live and pair.key.run_id)
    ]
    book = marked(pairs, rubric, there, lambda work: _standing().run(work))
    return harvest(span.pairs, book, sums_of(pairs, book), noise_of(pairs, book))


@cache
def _standing() -> Standing:
    """This process's checkers and connections: opened by the first who asks outside, closed at the process's end."""
    standing = Standing().__enter__()
    atexit.register(standing.__exit__, None, None, None)
    return standing


@contextmanager
def _asked(store: Store, **more: int) -> Generator[Query]:
    """The store opened once for several questions: each opening costs as much as a small one."""
    with store.reading(**more) as connection:
        yield lambda text, params: connection.execute(text, params).fetchall()


# ---- into the store


def _written(store: Store, found: Harvest, rubric_hash: str, at: datetime) -> int:
    count = 0
    with store.writing(HOLD_S) as connection:
        connection.execute("SET max_vacuum_tasks = 0")  # nothing here leaves holes
        connection.execute("SET force_compression = 'auto'")  # zstd is for texts: of these rows it takes thrice the time to commit
        connection.execute("BEGIN")
        try:
            for each in found.scores:
                said = {"lines": each.lines, "names": list(each.names), "versions": list(each.versions), "rubric": rubric_hash, "at": at}
                connection.execute(sql("insert_scores"), said)
                count += (connection.fetchone() or (0,))[0]
            if found.clusters:
                _add(connection, found.clusters)
            if found.noise:
                connection.execute(sql("insert_noise"), {"lines": found.noise})
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    return count


def _add(connection: Connection, clusters: Sequence[Lines]) -> None:
    """Sums of clusters that are there already are added to; most are new, and one look tells."""
    connection.execute("CREATE TEMP TABLE adding AS FROM cluster_scores LIMIT 0")
    for each in clusters:
        connection.execute(sql("add_cluster_scores"), {"lines": each.lines, "names": list(each.names), "versions": list(each.versions)})
    connection.execute("SELECT count(*) FROM cluster_scores WHERE cluster IN (SELECT cluster FROM adding)")
    if (connection.fetchone() or (0,))[0]:
        connection.execute(sql("merge_cluster_scores"))
        connection.execute(sql("drop_merged_clusters"))
        connection.execute(sql("sum_merged_clusters"))
    connection.execute(sql("put_cluster_scores"))
    connection.execute("DROP TABLE adding")


@contextmanager
def _seldom_collecting() -> Generator[None]:
    """Answers are many and make no cycles: looking through them as often as Python does by itself costs a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _alone(path: str, wait_s: float = 0.0) -> Generator[None]:
    """One scorer at a time: two would add the same pair to a cluster twice."""
    beside = Path(f"{path}.scoring")
    try:
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Wrong(beside, error.strerror or "no way to write it", "a folder to write in") from None
    try:
        until = time.monotonic() + wait_s
        while not _locked(lock):
            if time.monotonic() >= until:
                raise Wrong(path, "another `understudy score` at work on it", "one at a time")
            time.sleep(LOOK_S)
        yield
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

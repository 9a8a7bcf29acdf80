"""The journal becomes rows, metrics and health. Read `_turn` first: it is what happens five times a second.

Law: nothing waits for the recorder, and in it metrics never wait for the store: one thread reads sealed segments and observes them at once,
another one commits. A segment is unlinked here and nowhere else, and only after what it says is in the store.
"""

import asyncio
import fcntl
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from proxy.abandoned import Abandoned
from proxy.anonymize import Anonymizer
from proxy.committer import Committer
from proxy.config import Config
from proxy.exchange import Call
from proxy.frame import frame_of, lineage_of
from proxy.health import STALLED_S, Figures, Health, Tally, Watch, no_room, silent_for
from proxy.intake import Intake, Memory, Observer
from proxy.journal import folder_bytes
from proxy.logs import log
from proxy.metrics import Meters
from proxy.others import ended_lately, is_gone, passed_by_shadow
from proxy.recall import recall
from proxy.rounds import Rounds
from proxy.segments import born_us, is_sealed, read_segment, segment_names
from proxy.status import status_of
from proxy.store import Store
from proxy.turning import Turning, turn

__all__ = ["Observer", "Pace", "Recorder"]
LOCK = "recorder.lock"
LEFTOVER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times, in seconds."""

    poll_s: float = 0.2
    commit_every_s: float = 2.0
    """Opening, checkpoint and closing cost 35 ms, whatever is committed."""
    commit_wait_s: float = 5.0
    """A commit that cannot have the store for so long is tried again, and its holder is known."""
    tell_every_s: float = 1.0
    """Health, status and the search for dead writers."""
    start_wait_s: float = 2.0
    """How long the first reading waits to know which segments are stored already."""
    recall_after_s: float = 3.0
    """An answer whose call is not read by then has its call looked for in the store."""
    grace_s: float = 10.0
    """Beyond `stale_s`, before we decide what the shadow has not."""
    abandoned_after_s: float = 12.0
    """Twice a quiet worker's beat and some: by then every worker that lives has told how it names its calls."""
    drain_s: float = 10.0
    """For a last round when asked to stop."""


class Recorder:
    def __init__(
        self, config: Config, key: bytes, *, observers: Sequence[Observer] = (), pace: Pace | None = None, memory: Memory | None = None,
        again: bool = False,
    ):  # fmt: skip
        """`again`: it replaces one that was recording a moment ago, so health begins as it was and not as red."""
        self.config, self.pace, self.memory = config, pace or Pace(), memory or Memory.of(config.store.memory_max_bytes)
        self.folder = config.journal_folder
        ours, prices = _version("understudy"), f"genai-prices {_version('genai-prices')}"
        frame = frame_of(config, Anonymizer(key, company=config.company_patterns), version=ours, price_date=prices)
        self.meters, self.tally, self.rounds = Meters(config, ours), Tally(), Rounds(self.memory.waiting)
        self.intake = Intake(frame, lineage_of(frame), self.meters, self.tally, self.rounds, observers, self.memory)
        self.committer = Committer(Store(config.store_path), every_s=self.pace.commit_every_s, wait_s=self.pace.commit_wait_s)
        self.abandoned = Abandoned(self.committer, self.intake, self.pace.abandoned_after_s)
        self._stopping = threading.Event()
        self._stored: set[str] = set()
        """Segments of a predecessor that are in the store."""
        self._unread: list[str] = []
        self._watch, self._started_s, self._turned_s, self._swept_s, self._fault = Watch(), time.time(), time.monotonic(), 0.0, ""
        self._told_s = float("-inf")
        self._bytes = 0
        self._turning: list[Turning] = []
        self._recalling: tuple[list[str], Future[list[Call]]] | None = None
        self._health = Health(ready=again, reasons=() if again else ("the recorder has not started",))
        self._status: dict[str, object] = {}

    def observe(self, observers: Sequence[Observer]) -> None:
        """More who look at each answer, in our thread: they must be quick. Those who can `turn` are asked to, five times a second."""
        self.intake.observers = (*self.intake.observers, *observers)
        self._turning += [each for each in observers if isinstance(each, Turning)]

    # ---- for others: any thread, at any time

    def health(self) -> Health:
        still = time.monotonic() - self._turned_s
        if still > STALLED_S:
            return Health(ready=False, reasons=(*self._health.reasons, f"the recorder has stood still for {still:.0f} s"))
        return self._health

    def status(self) -> dict[str, object]:
        return self._status

    def exposition(self) -> bytes:
        return self.meters.exposition()

    def summary_line(self) -> str | None:
        return self.tally.line()

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop`; then store what the journal still holds, within `drain_s`."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = await self._locked(stop)
        if lock is None:
            return
        thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        try:
            thread.start()
            await stop.wait()
        finally:
            self._stopping.set()
            await asyncio.to_thread(thread.join)
            os.close(lock)

    async def _locked(self, stop: asyncio.Event) -> int | None:
        """Two recorders never run on one journal: the second waits for the first to go."""
        fd = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return fd
            if stop.is_set():
                os.close(fd)
                return None
            log.warning("recorder.waiting", held=str(self.folder / LOCK))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)

    # ---- the reading thread

    def _run(self) -> None:
        self._start()
        while not self._stopping.is_set():
            self._safely(self._turn)
            self._stopping.wait(self.pace.poll_s)
        self._drain()
        self.committer.close()

    def _drain(self) -> None:
        """Everything that is sealed goes into the store now, if the store lets it."""
        deadline = time.monotonic() + self.pace.drain_s
        while True:
            self._safely(lambda: self._turn(last=True))
            if self._drained() or time.monotonic() > deadline:
                return
            time.sleep(0.01)

    def _start(self) -> None:
        names = segment_names(self.folder)
        reserve = self.config.journal.disk_reserve_bytes
        if (room := self._room()) <= reserve:
            log.warning("journal.no_room", reason=no_room(room, reserve))
        self.committer.open(names)
        self.committer.wait_open(self.pace.start_wait_s)

    def _safely(self, step: Callable[[], None]) -> None:
        """A fault of ours shows in health and in the log; the next turn tries again."""
        try:
            step()
            self._fault = ""
        except Exception as wrong:
            self._fault = f"{type(wrong).__name__}: {wrong}"
            log.exception("recorder.failed")

    def _turn(self, *, last: bool = False) -> None:
        telling = last or time.monotonic() - self._told_s >= self.pace.tell_every_s
        gone = self._gone_writers() if telling else []  # asked before the folder is listed: what they wrote is then all there
        self._read()
        now_s = time.time()
        self._recall(now_s, 0.0 if last else self.pace.recall_after_s)
        self.intake.settle_orphans(now_s, all=last and not self._unread and self.committer.opened and self._recalling is None)
        self._close(gone)
        self.abandoned.turn(all_read=not self._unread)
        self.intake.settle_gaps(now_s, at_once=last)
        self._collect()
        turn(self._turning, now_s, self._unread)
        passed = passed_by_shadow(self.folder) if self.rounds.segments else frozenset[str]()
        self._settle(now_s, passed)
        self._begin(at_once=last)
        self._unlink(passed)
        self._sweep(now_s)
        self._turned_s = time.monotonic()
        if telling:
            self._tell(now_s)

    def _read(self) -> None:
        """Every sealed segment that is new, oldest first; then, while there is room, those whose rows were let go."""
        if self.committer.stored is not None:
            self._stored |= self.committer.stored
            self.rounds.known(self.committer.stored)
            self.committer.stored = None
        until = time.monotonic() + max(5 * self.pace.poll_s, 0.1)
        self._unread = [name for name in segment_names(self.folder) if name not in self.rounds.segments]
        while self._unread and time.monotonic() < until:
            name = self._unread.pop(0)
            if is_sealed(self.folder / name):
                self._take(name)
        while (again := self.rounds.to_read_again()) and time.monotonic() < until:
            if not self._take(again, fresh=False):
                break

    def _take(self, name: str, *, fresh: bool = True) -> bool:
        """Whether its rows could be kept."""
        contents = read_segment(self.folder / name)
        if contents is None:
            self.rounds.segments.pop(name, None)
            return False
        self.intake.take(contents, time.time(), fresh=fresh, stored=name in self._stored)
        return name not in self.rounds.shed()

    def _recall(self, now_s: float, after_s: float) -> None:
        """Looks in the store for calls that answers wait for: after a restart they may have been read by a predecessor."""
        if self._recalling is None and self.committer.opened and (wanted := self.intake.parked.to_ask(now_s, after_s)):
            self._recalling = wanted, self.committer.ask(lambda store: recall(store, wanted))
        elif self._recalling is not None and self._recalling[1].done():
            (wanted, future), self._recalling = self._recalling, None
            if future.exception() is None:
                return self.intake.recalled(future.result())
            self.intake.parked.ask_again(wanted)

    def _gone_writers(self) -> list[str]:
        """Workers that hold open calls and are no more."""
        writers = self.intake.writers.items()
        return [name for name, each in writers if each.process.startswith("worker") and is_gone(each.pid, each.born_us / 1e6)]

    def _close(self, gone: list[str]) -> None:
        for name in gone:
            if not any(f"-{name}-" in segment for segment in self._unread):
                self.intake.close_writer(name)

    def _settle(self, now_s: float, passed: Collection[str]) -> None:
        before_us = int((now_s - self.config.shadow.stale_s - self.pace.grace_s) * 1e6)
        for segment in list(self.rounds.ripe(passed, before_us)):
            self.intake.settle_segment(segment, int(now_s * 1e6))

    def _collect(self) -> None:
        done = self.committer.result()
        if done is not None:
            self.rounds.stored()
            self.meters.observe_commit(done.seconds)
            for row in done.quarantined:
                log.warning("store.quarantined", kind=row.kind, call_id=row.call_id, reason=row.reason)

    def _begin(self, *, at_once: bool) -> None:
        if self.committer.due(at_once=at_once):
            round = self.rounds.next_round()
            if round is not None:
                self.committer.begin(round)

    def _unlink(self, passed: Collection[str]) -> None:
        for name in self.rounds.done(passed):
            (self.folder / name).unlink(missing_ok=True)
            self.rounds.forget(name)
            self._stored.discard(name)

    def _drained(self) -> bool:
        stored = all(each.state == "stored" for each in self.rounds.segments.values())
        return stored and not self._unread and not self.committer.busy and not self.rounds.extra

    def _sweep(self, now_s: float) -> None:
        """Once in ten seconds: retention, when its day has come, and what a writer left that died before its segment had its name."""
        if now_s - self._swept_s < 10.0:
            return
        self._swept_s = now_s
        self.committer.prune_daily(self.config.store.retention_days)
        for path in self.folder.glob("*.tmp"):
            with suppress(FileNotFoundError):
                if now_s - path.stat().st_mtime > LEFTOVER_S and is_sealed(path):
                    path.unlink()

    # ---- what is told

    def _tell(self, now_s: float) -> None:
        oldest = [born for born in (self.rounds.oldest_us(), *(born_us(name) for name in self._unread[:1])) if born is not None]
        lag_s = max(now_s - min(oldest) / 1e6, 0.0) if oldest else 0.0
        self._bytes = folder_bytes(self.folder)
        room = self._room()
        self.meters.observe_journal(lag_s, self._bytes, room)
        figures = Figures(
            lag_s=lag_s,
            journal_bytes=self._bytes,
            journal_max_bytes=self.config.journal.disk_max_bytes,
            journal_room_bytes=room,
            journal_reserve_bytes=self.config.journal.disk_reserve_bytes,
            dropped=self.intake.dropped_total,
            store_waiting_s=self.committer.waiting_s(),
            store_trouble=self.committer.trouble,
            silent=silent_for(self._expected(), {name: beat.at / 1e6 for name, beat in self.intake.beats.items()}, self._started_s, now_s),
            reader_fault=self._fault,
            faults=sum(beat.faults for beat in self.intake.beats.values()),
            ending=ended_lately(self.folder, now_s),
        )
        self._health = self._watch.look(figures, now_s)
        self._status = status_of(
            figures, self._health, self.intake, self.committer, since_s=self._started_s, now_s=now_s, unread=len(self._unread)
        )
        self._told_s = time.monotonic()

    def _room(self) -> int:
        """What the journal may still grow by."""
        disk = os.statvfs(self.folder)
        return min(self.config.journal.disk_max_bytes - self._bytes, disk.f_bavail * disk.f_frsize)

    def _expected(self) -> list[str]:
        return [*(f"worker-{number}" for number in range(self.config.server.workers)), "shadow"]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"

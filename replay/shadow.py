"""The shadow: tails the workers' journal, has every call played to its legs, journals what they answer.

Law: one shadow at a time (a lock says so), and it may die at any moment: what it decided is in its ledger, what it sent is never sent
again, what nobody answered is said to be interrupted. It shares nothing with a worker but files, and no worker ever waits for it.
"""

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import uvloop

from proxy.config import Config, ConfigError
from proxy.events import BeatEvent, CallEvent, ExchangeEvent
from proxy.journal import Journal, limits_of
from proxy.logs import log
from proxy.segments import Passed, Tail, born_us, process_of, read_segment, segment_names
from replay import cursor
from replay.account import Account, Key, day_of
from replay.asked import ask, behind, too_late
from replay.budget import Budget, limit_of
from replay.cast import Stage, stage
from replay.drawn import Reverse
from replay.journaled import interrupted
from replay.ledger import Ledger
from replay.player import Player, settlement
from replay.production import Production
from replay.quota import Governor
from replay.room import Room
from replay.settling import flushed
from replay.shedding import MUCH_BYTES, Lag, span

POLL_S = 0.010
QUIET_POLL_S = 0.040
"""After two seconds without a call: still well below the 100 ms within which a call is to be seen."""
QUIET_AFTER_S = 2.0
POLL_BYTES = 8 << 20
CURSOR_S = 0.1
BEAT_S, BEAT_IDLE_S = 1.0, 5.0
DRAIN_MAX_S = 10.0
"""The supervisor waits 15 s for a shadow to end."""
LEDGER_FOLDER = "ledger"


class BoundedTail(Tail):
    """A tail whose one poll brings about 8 MB at most, oldest first: after a pause the journal may be larger than memory."""

    left = False
    """There is more than the last poll brought."""

    def poll(self) -> list[Passed]:
        names = [name for name in segment_names(self.folder) if process_of(name).startswith(self.prefix)]
        self._done.intersection_update(names)
        passed: list[Passed] = []
        size = 0
        self.left = False
        for name in names:
            if name not in self._done:
                more = self._advance(name)
                self.left |= span(more) >= MUCH_BYTES
                size += sum(len(each.body) for each in more)
                passed += more
            if size >= POLL_BYTES:
                self.left = True
                break
        return passed


def run(config: Config, key: bytes, process: str = "shadow", file: str = "understudy.toml") -> None:
    """Until SIGTERM. Exits with 2 when the user must fix something first."""
    room = Room(config.shadow.queue_max_bytes)
    try:
        legs = stage(config, key, os.environ, room, file)
    except ConfigError as error:
        sys.stderr.write("".join(f"{fault}\n" for fault in error.faults))
        raise SystemExit(2) from None
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    uvloop.run(_locked(config, legs, room, process))


async def _locked(config: Config, legs: Stage, room: Room, process: str) -> None:
    folder = config.journal_folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # one that came while we started is heard now
    lock = os.open(folder / "shadow.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if await _sole(lock, stop):
            await Shadow(config, legs, room, process, stop).live()
    finally:
        os.close(lock)


async def _sole(lock: int, stop: asyncio.Event) -> bool:
    """Wait for the former shadow to end. False: told to stop meanwhile."""
    said = False
    while not stop.is_set():
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if not said:
            said = True
            log.info("shadow.waits_for_another")
        await _pause(stop, 0.05)
    return False


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


class Shadow:
    def __init__(self, config: Config, legs: Stage, room: Room, process: str, stop: asyncio.Event):
        self.config, self.process, self.stop, self.folder = config, process, stop, config.journal_folder
        self.prefixes = {route.name: route.path for route in config.routes}
        limits = limits_of(config)
        self.journal = Journal(self.folder, process, config.hash, limits)
        self.ledger = Ledger(
            self.folder / LEDGER_FOLDER, fsync=limits.fsync, fsync_interval_s=limits.fsync_interval_s, horizon=self._horizon
        )
        self.budget = Budget({name: limit_of(target) for name, target in config.targets.items()})
        production = {route.incumbent for route in config.routes} | {rollout.candidate for rollout in config.rollouts}
        governor = Governor(config.targets, production, config.shadow.quota_reserve)
        self.production = Production(governor, [name for name, each in legs.items() if each], config.shadow.chain_max_bytes)
        self.lag = Lag(config.shadow.lag_max_s)
        self.player = Player(
            legs=legs, ledger=self.ledger, budget=self.budget, journal=self.journal, room=room, bounds=config.shadow,
            config_hash=config.hash, capture_max_bytes=config.server.capture_max_bytes, governor=governor,
            reverse=Reverse(config),
        )  # fmt: skip
        self.asked = sorted({leg.name for each in legs.values() for leg in each})
        self.tail = BoundedTail(self.folder)
        self.cursor = cursor.CursorFile(self.folder, frozenset(cursor.read(self.folder).passed))
        self.finished: set[str] = set()
        """Segments read to their end."""
        self.former = set(segment_names(self.folder))
        """Segments of a former shadow's time."""
        self._beat: BeatEvent | None = None
        self._beat_at = 0.0

    def _horizon(self) -> int:
        """No segment that is left holds a call decided before this."""
        names = [name for name in segment_names(self.folder) if process_of(name).startswith(self.tail.prefix)]
        return min(map(born_us, names), default=time.time_ns() // 1000)

    async def live(self) -> None:
        self.journal.start(asyncio.get_running_loop())
        await self._take_up(self.ledger.load())
        log.info("shadow.started", targets=self.asked, journal=str(self.folder))
        keeper = asyncio.get_running_loop().create_task(self._keep_cursor())
        await self._follow()
        await self.player.drain(min(self.config.server.drain_s, DRAIN_MAX_S))
        keeper.cancel()
        await asyncio.wait([keeper])
        await self._pass()
        self._beat_if_due(force=True)
        self.tail.close()
        await asyncio.to_thread(self.journal.close)
        self.ledger.close()
        log.info("shadow.ended")

    # ---- taking up what a former shadow left

    async def _take_up(self, account: Account) -> None:
        today = day_of(time.time_ns() // 1000)
        self.budget.restore(today, account.committed(today))
        self.player.decided = account.decided
        orphans = list(account.open.values())
        answered = self._journaled(set(account.open)) if orphans else set[Key]()
        for kept in orphans:
            if kept.key not in answered:
                self.journal.put(interrupted(kept, self.config.hash), reserved=True)
        if orphans:
            log.warning("shadow.took_up", orphans=len(orphans), answered=len(answered))
            now = time.time_ns() // 1000
            await flushed(self.journal)
            await self.ledger.keep([settlement(kept, kept.usd or Decimal(0), now) for kept in orphans])

    def _journaled(self, wanted: set[Key]) -> set[Key]:
        """Which of these have their exchange in a shadow's segment already: only their settlement was lost."""
        found: set[Key] = set()
        for name in segment_names(self.folder):
            contents = read_segment(self.folder / name) if process_of(name).startswith(self.process) else None
            for passed in contents.events if contents else ():
                if isinstance(event := passed.event, ExchangeEvent):
                    found.add((event.id, event.target, event.role, event.run, event.sample))
        return found & wanted

    # ---- the flow

    async def _follow(self) -> None:
        last = time.monotonic()
        self.lag.begin(last)
        while True:
            stopping = self.stop.is_set()  # asked before the poll: what was journaled before the signal is still taken
            self.lag.looked(time.monotonic())
            passed = self.tail.poll()
            for each in passed:
                self.production.hear(each)
            for each in passed:
                self._take(each)
                await asyncio.sleep(0)  # answers that come meanwhile get their time
            self.lag.taken(left=self.tail.left)
            self._note_finished()
            self._beat_if_due()
            if stopping and not passed:
                return
            now = time.monotonic()
            if passed:
                last = now
            else:
                await _pause(self.stop, POLL_S if now - last < QUIET_AFTER_S else QUIET_POLL_S)

    def _take(self, passed: Passed) -> None:
        event = passed.event
        if not isinstance(event, CallEvent) or passed.segment in self.cursor.passed:
            return
        age_s = time.time() - event.at / 1e6
        if age_s > self.config.shadow.stale_s:
            return self.player.take(too_late(event, age_s, segment=passed.segment))
        if lag_s := self.lag.over(time.monotonic()):
            return self.player.take(behind(event, lag_s, segment=passed.segment))
        prefix = self.prefixes.get(event.route, "/")
        self.player.take(ask(event, passed.body, prefix=prefix, segment=passed.segment, production=self.production))

    def _note_finished(self) -> None:
        self.finished.update(self.tail.finished)
        self.tail.finished.clear()
        if self.former:
            self.former &= set(segment_names(self.folder))
            self.former -= self.finished
            self.former = {name for name in self.former if process_of(name).startswith(self.tail.prefix)}
            if not self.former:
                self.player.decided = {}

    async def _keep_cursor(self) -> None:
        while True:
            await asyncio.sleep(CURSOR_S)
            await self._pass()

    async def _pass(self) -> None:
        """Say which segments are done with, once the journal has all that was said of their calls."""
        left = set(segment_names(self.folder))
        self.finished &= left
        done = {name for name in self.finished if not self.player.open_in[name]}
        passed = frozenset((done | self.cursor.passed) & left)
        if passed - self.cursor.passed:
            await flushed(self.journal)
        self.cursor.write(time.time_ns() // 1000, passed)
        for name in [name for name, count in self.player.open_in.items() if not count and name not in left]:
            del self.player.open_in[name]

    def _beat_if_due(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if now - self._beat_at < BEAT_S and not force:
            return
        beat = self._beat_now()
        same = self._beat is not None and msgspec.structs.replace(beat, at=self._beat.at) == self._beat
        if force or not same or now - self._beat_at >= BEAT_IDLE_S:
            self._beat, self._beat_at = beat, now
            self.journal.put(msgspec.structs.replace(beat), reserved=True)

    def _beat_now(self) -> BeatEvent:
        at, player, limits = time.time_ns() // 1000, self.player, self.budget.limits
        oldest = next(iter(player.undecided.values()), at)
        return BeatEvent(
            at=at, process=self.process, in_flight=player.in_flight, dropped=dict(self.journal.dropped),
            journal_queue_bytes=self.journal.queued_bytes, lag_us=max(at - oldest, self.lag.told_us(time.monotonic())),
            spent_usd={name: float(self.budget.committed(name)) for name in self.asked},
            budget_usd={name: float(limit) for name in self.asked if (limit := limits.get(name)) is not None},
        )  # fmt: skip


def ledger_folder(config: Config) -> Path:
    return config.journal_folder / LEDGER_FOLDER

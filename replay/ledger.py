"""The shadow's own account: every decision before its call is sent, every settlement after its answer is kept. Survives `kill -9`.

Law: nothing is sent before its line is written, so nothing is ever sent twice. One file per UTC day in `ledger/` inside the journal's
folder (one volume carries both), append-only, 0600; a torn last line was never acknowledged and is cut off. Files of the day before
yesterday are removed; a file that grows large is written anew with its sums instead of its settled lines.
"""

import asyncio
import concurrent.futures
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from proxy.exchange import DecisionName, Role

COMPACT_BYTES = 32 << 20
Key = tuple[str, str, str, str | None, int]
"""call, target, role, run, sample"""
Day = str
"""`2026-01-31`, UTC"""


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", omit_defaults=True):
    at: int
    """Microseconds since the epoch, UTC."""


class Kept(Line, frozen=True, kw_only=True, tag="decision"):
    id: str
    target: str
    role: Role
    run: str | None = None
    sample: int = 0
    decision: DecisionName
    reason: str = ""
    usd: Decimal | None = None
    """Reserved: the worst case. None: no price is known."""
    route: str = ""
    dialect: str = ""
    model: str | None = None
    call_at: int = 0

    @property
    def key(self) -> Key:
        return self.id, self.target, self.role, self.run, self.sample


class Settled(Line, frozen=True, kw_only=True, tag="settled"):
    id: str
    target: str
    role: Role
    run: str | None = None
    sample: int = 0
    day: Day
    """Whose budget it was reserved from."""
    usd: Decimal

    @property
    def key(self) -> Key:
        return self.id, self.target, self.role, self.run, self.sample


class Carried(Line, frozen=True, kw_only=True, tag="carried"):
    """What the settled lines that were here came to."""

    day: Day
    target: str
    usd: Decimal


AnyLine = Kept | Settled | Carried
_decode = msgspec.json.Decoder(AnyLine).decode
_encode = msgspec.json.Encoder().encode


def day_of(at_us: int) -> Day:
    return datetime.fromtimestamp(at_us / 1e6, UTC).date().isoformat()


@dataclass(slots=True)
class Account:
    """What the lines come to. Fold them in their order."""

    horizon: int = 0
    """Decisions older than this are not remembered one by one."""
    decided: dict[Key, Kept] = field(default_factory=dict[Key, Kept])
    open: dict[Key, Kept] = field(default_factory=dict[Key, Kept])
    """Sent and not settled."""
    spent: dict[tuple[Day, str], Decimal] = field(default_factory=dict[tuple[Day, str], Decimal])
    damaged: int = 0
    """Lines that could not be read."""

    def add(self, line: AnyLine) -> None:
        if isinstance(line, Kept):
            if line.at >= self.horizon:
                self.decided[line.key] = line
            if line.decision == "sent":
                self.open[line.key] = line
        else:
            if isinstance(line, Settled):
                self.open.pop(line.key, None)
            place = line.day, line.target
            self.spent[place] = self.spent.get(place, Decimal(0)) + line.usd

    def committed(self, day: Day) -> dict[str, Decimal]:
        """Spend of a day by target: settled at what it cost, open at its worst case."""
        total = {target: usd for (spent_on, target), usd in self.spent.items() if spent_on == day}
        for kept in self.open.values():
            if day_of(kept.at) == day:
                total[kept.target] = total.get(kept.target, Decimal(0)) + (kept.usd or 0)
        return total


def lines_of(data: bytes) -> Iterator[AnyLine | None]:
    """The whole lines; None for one that cannot be read. What follows the last line break is no line."""
    for raw in data.split(b"\n")[:-1]:
        if raw:
            try:
                yield _decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield None


def fold(account: Account, data: bytes) -> Account:
    for line in lines_of(data):
        if line is None:
            account.damaged += 1
        else:
            account.add(line)
    return account


def compacted(data: bytes, horizon: int) -> bytes:
    """The same account in fewer lines: settled pairs become sums, decisions before the horizon are forgotten unless they are open."""
    account = fold(Account(horizon=horizon), data)
    known = {line.key for line in lines_of(data) if isinstance(line, Kept)}
    # a settlement whose reservation lies in yesterday's file is needed to close it
    strange = [line for line in lines_of(data) if isinstance(line, Settled) and line.key not in known]
    for line in strange:
        account.spent[line.day, line.target] -= line.usd
    sums = [Carried(at=horizon, day=day, target=target, usd=usd) for (day, target), usd in account.spent.items() if usd]
    # a decision that is settled already is remembered, but opens nothing: its settlement follows at nothing, as the sum has it
    closed = [
        Settled(
            at=each.at,
            id=each.id,
            target=each.target,
            role=each.role,
            run=each.run,
            sample=each.sample,
            day=day_of(each.at),
            usd=Decimal(0),
        )
        for key, each in account.decided.items()
        if each.decision == "sent" and key not in account.open
    ]
    kept = {**account.decided, **account.open}
    return b"".join(_encode(line) + b"\n" for line in (*sums, *kept.values(), *closed, *strange))


class Ledger:
    """One writer (the shadow's lock sees to that). `keep` is a group commit: whoever comes while a write is under way shares the next."""

    def __init__(
        self,
        folder: Path,
        *,
        fsync: Literal["never", "interval", "always"] = "interval",
        fsync_interval_s: float = 1.0,
        horizon: Callable[[], int] = lambda: 0,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        compact_bytes: int = COMPACT_BYTES,
    ):
        self.folder, self.fsync, self.fsync_interval_s, self.horizon, self.now_us = folder, fsync, fsync_interval_s, horizon, now_us
        self.failing = ""
        self.damaged = 0
        self._compact_at = self._compact_bytes = compact_bytes
        self._fd, self._size, self._synced = -1, 0, 0.0
        self._day: Day = ""
        self._torn = False
        self._waiting: list[tuple[bytes, asyncio.Future[bool]]] = []
        self._writing: concurrent.futures.Future[bool] | asyncio.Future[bool] | None = None
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "ledger")

    def load(self) -> Account:
        """Today's and yesterday's account; older files are removed, a torn tail is cut off."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        account = Account(horizon=self.horizon())
        for path in self._files():
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            if whole < len(data):
                os.truncate(path, whole)
            fold(account, data)
        self.damaged = account.damaged
        return account

    def _files(self) -> list[Path]:
        """Oldest first, after pruning."""
        yesterday = (datetime.fromtimestamp(self.now_us() / 1e6, UTC).date() - timedelta(days=1)).isoformat()
        for path in self.folder.glob("*.tmp"):
            path.unlink()
        for path in self.folder.glob("*.jsonl"):
            if path.stem < yesterday:
                path.unlink(missing_ok=True)
        return sorted(self.folder.glob("*.jsonl"))

    def keep(self, lines: Sequence[AnyLine]) -> "asyncio.Future[bool]":
        """Await it before anything leaves. False: it could not be written, and nothing must be sent."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((b"".join(_encode(line) + b"\n" for line in lines), done))
        if self._writing is None:
            self._commit(loop)
        return done

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._waiting = self._waiting, []
        self._writing = loop.run_in_executor(self._thread, self._write, [data for data, _ in group])
        self._writing.add_done_callback(lambda written: self._committed(loop, group, written))

    def _committed(
        self, loop: asyncio.AbstractEventLoop, group: list[tuple[bytes, "asyncio.Future[bool]"]], written: "asyncio.Future[bool]"
    ) -> None:
        self._writing = None
        kept = not written.cancelled() and written.exception() is None and written.result()
        for _, done in group:
            if not done.done():
                done.set_result(kept)
        if self._waiting:
            self._commit(loop)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self._close_file()

    # ---- the thread's side

    def _write(self, pieces: Iterable[bytes]) -> bool:
        try:
            self._open_day()
            self._append(b"".join(pieces))
        except OSError as error:
            self.failing = error.strerror or str(error)
            return False
        self.failing = ""
        if self._size > self._compact_at:
            self._compact()
        return True

    def _open_day(self) -> None:
        day = day_of(self.now_us())
        if day == self._day and self._fd >= 0:
            return
        self._close_file()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files()
        self._fd = os.open(self._path(day), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._day, self._size = day, os.fstat(self._fd).st_size

    def _path(self, day: Day) -> Path:
        return self.folder / f"{day}.jsonl"

    def _append(self, data: bytes) -> None:
        """All of it or nothing: a short write is cut back, and where even that fails the next line begins with a line break."""
        data = b"\n" + data if self._torn else data
        try:
            self._torn = True
            if os.write(self._fd, data) < len(data):
                raise OSError(28, "No space left on device")
            self._sync()
        except OSError:
            os.ftruncate(self._fd, self._size)
            self._torn = False
            raise
        self._torn = False
        self._size += len(data)

    def _sync(self) -> None:
        now = time.monotonic()
        if self.fsync == "always" or (self.fsync == "interval" and now - self._synced >= self.fsync_interval_s):
            os.fdatasync(self._fd)
            self._synced = now

    def _compact(self) -> None:
        """What fails here has cost nothing: the old file goes on."""
        path = self._path(self._day)
        making = path.with_suffix(".tmp")
        self._compact_at = 2 * self._size
        try:
            data = compacted(path.read_bytes(), self.horizon())
            with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fdatasync(file.fileno())
            making.rename(path)
        except OSError as error:
            self.failing = error.strerror or str(error)
            return making.unlink(missing_ok=True)
        self._close_file()
        self._compact_at = max(self._compact_bytes, 2 * len(data))

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

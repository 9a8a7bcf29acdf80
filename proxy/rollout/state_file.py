"""A rollout's files: its state, the guard's word beside it, and the lock that a change is made under.

Law: the state is replaced whole (write, sync, rename) and only under the lock; the guard's word is another file that nobody but the guard
writes, so that no heartbeat can ever undo a rollback. What cannot be read is no state. Where a rollback cannot be written (a full disk) the
state is removed, which takes no room and means the same.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from proxy.config import Config, Rollout
from proxy.rollout.state import State, variant_of

LOCK_WAIT_S = 5.0
_decode = msgspec.json.Decoder(State).decode


@dataclass(frozen=True, slots=True)
class Files:
    """Where one rollout's files are."""

    folder: Path
    name: str

    @property
    def state(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def guard(self) -> Path:
        """The guard's report; its time of change is the heartbeat."""
        return self.folder / f"{self.name}.guard.json"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.name}.lock"


class Busy(Exception):
    """Somebody holds the lock for too long."""


def files_of(config: Config, rollout: Rollout) -> Files:
    return Files(config.rollouts_folder, rollout.name)


def read(files: Files) -> State | None:
    """The state as it is on disk; None when there is none that can be read."""
    try:
        state = _decode(files.state.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    sound = state.rollout == files.name and 0.0 <= state.share <= 1.0
    return state if sound else None


def holds(state: State | None, config: Config, rollout: Rollout) -> bool:
    """Whether this is the state of this rollout as it is configured now."""
    return state is not None and state.variant == variant_of(config, rollout)


@contextmanager
def locked(files: Files, wait_s: float = LOCK_WAIT_S) -> Generator[None]:
    """Hold the lock; raises Busy after `wait_s`, OSError where the folder cannot be written."""
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy(f"{files.lock} is held by another process for more than {wait_s:g} s") from None
                time.sleep(0.005)
        yield
    finally:
        os.close(fd)


def write(files: Files, state: State) -> None:
    """Replace the state; call it under the lock. One that takes no call replaces an older one even where there is no room for it."""
    try:
        _replace(files.state, msgspec.json.encode(state), sync=True)
    except OSError:
        if state.takes > 0.0:
            raise
        files.state.unlink(missing_ok=True)
        raise


def beat(files: Files, report: bytes) -> None:
    """The guard's word, now. Raises OSError."""
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(files.guard, report, sync=False)


def beaten_s(files: Files, now_s: float) -> float | None:
    """Seconds since the guard's last word; None: it never said one."""
    try:
        return now_s - files.guard.stat().st_mtime
    except OSError:
        return None


def _replace(path: Path, data: bytes, *, sync: bool) -> None:
    making = path.with_name(f"{path.name}.tmp" if sync else f"{path.name}.{os.getpid()}.tmp")  # under the lock there is one writer
    fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            if os.write(fd, data) != len(data):
                raise OSError(28, "No space left on device")
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)
        making.rename(path)
    except OSError:
        making.unlink(missing_ok=True)
        raise
    if sync:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

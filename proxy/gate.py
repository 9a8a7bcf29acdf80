"""The gate before the store: readers pass together, a committer passes alone, and a waiting committer is next.

Law: nobody here opens the store itself. Two lock files stand beside it: whoever wants in goes through the turn, one at a time, and then
holds the gate (readers share it). A committer keeps the turn while it waits for the gate to empty, so that no new reader gets in before it.
The kernel drops both locks when their holder dies.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FIRST_WAIT_S = 0.001
LONGEST_WAIT_S = 0.05


class Busy(Exception):
    """The store could not be had within the time allowed."""

    def __init__(self, holder: str):
        super().__init__(f"the store is held by {holder}")
        self.holder = holder
        """Process id and command line, as far as they can be found out."""


@dataclass(slots=True)
class Patience:
    """Growing waits up to a deadline."""

    deadline: float
    wait_s: float = FIRST_WAIT_S
    longest_s: float = LONGEST_WAIT_S

    @classmethod
    def of(cls, wait_s: float) -> "Patience":
        return cls(time.monotonic() + wait_s)

    def again(self) -> bool:
        """Sleeps a little longer than the last time; False when the time is up."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(self.wait_s, left))
        self.wait_s = min(self.wait_s * 1.5, self.longest_s)
        return True


@dataclass(frozen=True, slots=True)
class Gate:
    path: str
    """Of the store; the lock files are named after it."""

    @contextmanager
    def shared(self, patience: Patience) -> Generator[None]:
        """For readers."""
        with self._held("turn", fcntl.LOCK_EX, patience):
            gate = self._locked("gate", fcntl.LOCK_SH, patience)
        try:
            yield
        finally:
            os.close(gate)

    @contextmanager
    def alone(self, patience: Patience) -> Generator[None]:
        """For the committer."""
        with self._held("turn", fcntl.LOCK_EX, patience), self._held("gate", fcntl.LOCK_EX, patience):
            yield

    @contextmanager
    def _held(self, name: str, mode: int, patience: Patience) -> Generator[None]:
        fd = self._locked(name, mode, patience)
        try:
            yield
        finally:
            os.close(fd)

    def _locked(self, name: str, mode: int, patience: Patience) -> int:
        """A descriptor that holds the lock; closing it lets go. Raises Busy with a holder when patience ends."""
        file = f"{self.path}.{name}"
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(fd, mode | fcntl.LOCK_NB)
                    return fd
                if not patience.again():
                    raise Busy(holder_of(file))
        except BaseException:
            os.close(fd)
            raise


def holder_of(file: str) -> str:
    """Who holds a lock on the file, by the kernel's list."""
    inode = Path(file).stat().st_ino
    for line in _kernel_locks():
        words = line.split()
        if "->" not in words and words[5].rpartition(":")[2] == str(inode):
            return process_named(int(words[4]))
    return "a process that cannot be named"


def process_named(pid: int) -> str:
    """`pid 4711 (understudy recorder)`."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        command = ""
    return f"pid {pid} ({command})" if command else f"pid {pid}"


def _kernel_locks() -> list[str]:
    try:
        return Path("/proc/locks").read_text().splitlines()
    except OSError:
        return []

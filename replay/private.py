"""A `understudy serve` of our own, in a folder of its own, as a user would start it: for the demo and the self-check.

Law: it is looked at as a user can look at it, by its files, its admin port and its store. Whatever happens, it is ended.
"""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from proxy.serve_file import Serving, serving

START_WAIT_S, END_WAIT_S = 20.0, 60.0


@dataclass(slots=True)
class PrivateServe:
    """`folder` holds `understudy.toml`; `journal` where its journal is."""

    folder: Path
    journal: Path
    process: asyncio.subprocess.Process
    where: Serving

    @classmethod
    async def started(cls, folder: Path, journal: Path | None = None) -> "PrivateServe":
        """Raises RuntimeError with the end of its log when it does not come up."""
        words = [sys.executable, "-P", "-m", "understudy", "serve", "--quiet", "--config", str(folder / "understudy.toml")]
        with (folder / "serve.log").open("ab") as log:
            quiet = asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(*words, stdout=log, stderr=log, stdin=quiet, start_new_session=True)
        place, deadline = journal or folder / "journal", time.monotonic() + START_WAIT_S
        while time.monotonic() < deadline and process.returncode is None:
            where = serving(place)
            if where is not None and where.pid == process.pid and len(where.children) >= 3:
                return cls(folder, place, process, where)
            await asyncio.sleep(0.02)
        if process.returncode is None:
            process.kill()
        raise RuntimeError(f"`understudy serve` did not start: {(folder / 'serve.log').read_text('utf-8')[-2000:]}")

    @property
    def port(self) -> int:
        return int(self.where.listen.rpartition(":")[2])

    def pid_of(self, name: str) -> int | None:
        where = serving(self.journal)
        return where.children.get(name) if where else None

    def kill(self, name: str) -> None:
        """SIGKILL, as a machine would."""
        if pid := self.pid_of(name):
            os.kill(pid, signal.SIGKILL)

    async def end(self) -> int | None:
        """SIGTERM, a deadline, SIGKILL for all of it. The exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), END_WAIT_S)
            except TimeoutError:
                os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.returncode

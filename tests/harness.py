"""A real `understudy serve` in a folder of its own, as a user would start it, and what a user can look at."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxy.store import Store
from proxy.supervisor import Serving, serving

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-P", "-m", "understudy"]
CONFIG = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
{server}
[store]
path = "understudy.duckdb"
{store}
{body}
"""


def config(body: str, *, server: str = "", store: str = "") -> str:
    return CONFIG.format(server=server, store=store, body=body)


def command(
    *words: str, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """One run of the command; whatever it prints is text."""
    return subprocess.run(
        [*COMMAND, *words], cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, timeout=timeout, check=False
    )


def same_day(need_s: float = 90) -> None:
    """Waits for midnight where less than this is left of the day (UTC): what is counted by the day begins anew then."""
    left_s = 86_400 - time.time() % 86_400
    if left_s < need_s:
        time.sleep(left_s + 0.1)


def until(true: Callable[[], Any], wait_s: float = 120.0, what: Any = "") -> Any:
    """The first true value of `true()`; fails after `wait_s`."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if value := true():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {wait_s} s: {what() if callable(what) else what or true}")


@dataclass
class Serve:
    """`with Serve(folder, text) as serve: serve.url`."""

    folder: Path
    text: str
    env: dict[str, str] = field(default_factory=dict)
    disk: Path | None = None
    """Where the journal is, when not beside the store."""
    where: Serving | None = None
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Serve":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.text, "utf-8")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def file(self) -> Path:
        return self.folder / "understudy.toml"

    @property
    def journal(self) -> Path:
        return self.disk or self.folder / "journal"

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    @property
    def url(self) -> str:
        assert self.where is not None
        return f"http://{self.where.listen}"

    @property
    def admin(self) -> str:
        assert self.where is not None
        return f"http://{self.where.admin}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--config", str(self.file)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=os.environ | self.env,
                start_new_session=True,
            )
        self.where = until(self._serving, what=lambda: f"serve is up: {self.log.read_text()}")

    def _serving(self) -> Serving | None:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"serve ended with {self.process.returncode}: {self.log.read_text()}")
        where = serving(self.journal)
        return where if where is not None and where.pid == self.process.pid and len(where.children) >= 3 else None

    def stop(self, wait_s: float = 60) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(wait_s)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)

    def pid_of(self, name: str) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # the file names its children as they start
            where = serving(self.journal)
            if where is not None and name in where.children:
                return where.children[name]
            time.sleep(0.01)
        raise AssertionError(f"no process {name} in {serving(self.journal)}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return Store(str(self.folder / "understudy.duckdb")).query(sql).rows

    def one(self, sql: str) -> Any:
        return self.query(sql)[0][0]

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(self.admin + path, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def status(self) -> dict[str, Any]:
        return json.loads(self.get("/api/status")[1])

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples that have these labels; 0 when there is none."""
        total = 0.0
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith((name + "{", name + " ")) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rpartition(" ")[2])
        return total

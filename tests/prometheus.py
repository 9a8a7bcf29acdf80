"""A real Prometheus (Debian's), started on a configuration and asked over its API; and a server for it to scrape or to call.

Everything is torn down at the end. Ports are below the range the kernel hands out.
"""

import json
import random
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.harness import until


def needed(*programs: str) -> None:
    """Skips where one of them is missing."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here: apt-get install prometheus prometheus-alertmanager")


def free_port() -> int:
    """Below 32768, where no outgoing connection of somebody else can sit."""
    for port in random.sample(range(11_000, 32_000), 50):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], bytes]) -> Generator[str]:
    """host:port of an HTTP server that says `answer` to every GET and POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = answer(self)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Prometheus:
    url: str
    began_s: float = field(default_factory=time.time)

    def query(self, expr: str) -> list[dict[str, Any]]:
        return self._ask("query", query=expr)["result"]

    def over_time(self, expr: str) -> list[dict[str, Any]]:
        """Everything since it was started, a point each second."""
        return self._ask("query_range", query=expr, start=f"{self.began_s:.3f}", end=f"{time.time():.3f}", step="1s")["result"]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, what: str, **words: str) -> Any:
        asked = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{words}: {error.read().decode()}") from None


@contextmanager
def started(folder: Path, config: dict[str, Any], *, wait_s: float = 60.0) -> Generator[Prometheus]:
    """With this configuration; its files are in `folder`, which must be there."""
    file, address = folder / "prometheus.yml", f"127.0.0.1:{free_port()}"
    file.write_text(yaml.safe_dump(config), "utf-8")
    words = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={address}"]
    with running(folder, "prometheus", *words, ready=f"http://{address}/-/ready", wait_s=wait_s):
        yield Prometheus(f"http://{address}")


@contextmanager
def running(folder: Path, program: str, *words: str, ready: str, wait_s: float) -> Generator[None]:
    """`program`, until it says at `ready` that it is; ended with its name in the log of the folder."""
    log = folder / f"{program}.log"
    with log.open("wb") as told:
        process = subprocess.Popen([program, *words], stdout=told, stderr=told, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        until(lambda: process.poll() is not None or _answers(ready), wait_s, lambda: log.read_text("utf-8"))
        assert process.poll() is None, log.read_text("utf-8")
        yield
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False

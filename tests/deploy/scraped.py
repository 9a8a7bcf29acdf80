"""A real Prometheus (Debian's) over a real exposition: Meters with realistic rows behind HTTP, scraped twice a second, torn down at the end.

Each scrape brings more traffic, so that every counter moves as long as anybody looks. Ports are below the range the kernel hands out.
"""

import json
import random
import shutil
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast, get_args

import pytest
import yaml

from proxy.events import BeatEvent, Drawn
from proxy.exchange import Decision, DecisionName, Exchange, OutcomeName
from proxy.meaning import when
from proxy.metrics import Meters
from proxy.rollout.report import Limit, Report, Test
from tests.harness import ROOT, until
from tests.proxy.journaled import a_config, new_id

RULES = ROOT / "deploy" / "prometheus" / "rules"
NOW_US = 1_800_000_000_000_000


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
def serving(answer: Callable[[BaseHTTPRequestHandler], bytes]) -> Iterator[str]:
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


def some_meters() -> Meters:
    return Meters(a_config(Path("nowhere"), workflows=("invoices",)), "1.2")


def more_traffic(meters: Meters, number: int) -> None:
    """One batch of everything that a recorder may see: each outcome of each arm, each decision, beats, drops, a rollout and its guard."""
    for workflow in ("invoices", None):
        for target, role, seen in (("gpt", "incumbent", True), ("small", "candidate", False), ("small", "candidate", True)):
            for outcome in get_args(OutcomeName):
                meters.observe_exchange(_row(target, role, seen, outcome), "main", workflow)
    for decision in get_args(DecisionName):
        row = {"call_id": new_id(), "target": "small", "role": "candidate", "reason": "", "decided_at": when(0)}
        meters.observe_decision(Decision(decision=decision, **row))
    for reason in ("no_guard", "side_effects"):
        meters.observe_drawn("main", Drawn(rollout="small-canary", stayed=reason))
    meters.observe_drawn("main", Drawn(rollout="small-canary", share=0.05, target="small", fallback="status_503"))
    dropped = {"queue_full": number}
    beat = BeatEvent(at=NOW_US, process="worker-0", in_flight=2, dropped=dropped, passthrough={"main": number}, ids="x", loop_lag_us=900)
    meters.observe_beat(beat, "w")
    budget = {"small": 20.0}
    meters.observe_beat(BeatEvent(at=NOW_US, process="shadow", in_flight=1, spent_usd={"small": 1.5}, budget_usd=budget), "s")
    meters.observe_journal(0.4, 120_000, 4_000_000_000)
    meters.observe_commit(0.02)
    meters.rollout_report("main", _report(), NOW_US / 1e6 + number)


def _row(target: str, role: Any, seen: bool, outcome: str) -> Exchange:
    refused = {"refused": "structured", "filtered": "filtered_output"}.get(outcome)
    failed: Any = "ok" if outcome in ("answered", "client_gone") else "loud"
    return Exchange(
        call_id=new_id(), target=target, role=role, seen=seen, started_at=when(0), status=200, outcome=cast(OutcomeName, outcome),
        outcome_reason=outcome, failure_class=failed, text=None, refusal_kind=cast(Any, refused), input_tokens=100, cached_input_tokens=20,
        output_tokens=50, reasoning_tokens=5, cost_usd=Decimal("0.002"), latency_s=1.4, ttft_s=0.3, overhead_s=0.0004,
        model_served=f"{target}-2026-08-06",
    )  # fmt: skip


def _report() -> Report:
    limit = Limit(name="refusal_rate", value=0.03, limit=0.1, calls=120, incumbent=0.02)
    return Report(
        rollout="small-canary",
        at_us=NOW_US,
        hours_left=3.0,
        limits=[limit],
        tests=[Test(name="race: errors", evidence=1.5, needed=20, n=50)],
    )


@dataclass(frozen=True)
class Prometheus:
    url: str

    def query(self, expr: str) -> list[dict[str, Any]]:
        return self._ask("query", query=expr)["result"]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, what: str, **words: str) -> Any:
        asked = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)["data"]


def config_of(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text("utf-8"))


@contextmanager
def prometheus(folder: Path, target: str, *, alertmanager: str = "", wait_s: float = 60.0) -> Iterator[Prometheus]:
    """With the configuration that we ship: other addresses, an interval of half a second."""
    config = config_of(RULES.parent / "prometheus.yml")
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(RULES / "*.yml")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager] if alertmanager else []
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    file, address = folder / "prometheus.yml", f"127.0.0.1:{free_port()}"
    file.write_text(yaml.safe_dump(config), "utf-8")
    words = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={address}"]
    with running(folder, "prometheus", *words, ready=f"http://{address}/-/ready", wait_s=wait_s):
        yield Prometheus(f"http://{address}")


@contextmanager
def alertmanager(folder: Path, hook: str, *, wait_s: float = 60.0) -> Iterator[str]:
    """With the configuration that we ship, to this webhook; nothing waits for more of its group. Yields host:port."""
    config = config_of(ROOT / "deploy" / "alertmanager" / "alertmanager.yml")
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    for receiver in config["receivers"]:
        for each in receiver["webhook_configs"]:
            each["url"] = f"http://{hook}{urllib.parse.urlsplit(each['url']).path}"
    file, address = folder / "alertmanager.yml", f"127.0.0.1:{free_port()}"
    file.write_text(yaml.safe_dump(config), "utf-8")
    words = [f"--config.file={file}", f"--storage.path={folder / 'am'}", f"--web.listen-address={address}", "--cluster.listen-address="]
    with running(folder, "prometheus-alertmanager", *words, ready=f"http://{address}/-/ready", wait_s=wait_s):
        yield address


@contextmanager
def running(folder: Path, program: str, *words: str, ready: str, wait_s: float) -> Iterator[None]:
    log = folder / f"{program}.log"
    with log.open("wb") as told:
        process = subprocess.Popen([program, *words], stdout=told, stderr=told, cwd=folder)
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

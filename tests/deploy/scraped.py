"""Prometheus and Alertmanager with the configurations that we ship, and Meters with realistic rows for them to scrape.

Each scrape brings more traffic, so that every counter moves as long as anybody looks.
"""

import urllib.parse
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast, get_args

import yaml

from proxy.events import BeatEvent, Drawn
from proxy.exchange import Decision, DecisionName, Exchange, OutcomeName
from proxy.meaning import when
from proxy.metrics import Meters
from proxy.rollout.report import Limit, Report, Test
from tests.harness import ROOT
from tests.prometheus import Prometheus, free_port, running, started
from tests.proxy.journaled import a_config, new_id

RULES = ROOT / "deploy" / "prometheus" / "rules"
NOW_US = 1_800_000_000_000_000
PARTS = {"input": Decimal("0.0008"), "cached_input": Decimal("0.0002"), "output": Decimal("0.0009"), "reasoning": Decimal("0.0001")}


def some_meters() -> Meters:
    return Meters(a_config(Path("nowhere"), workflows=("invoices",)), "1.2")


def more_traffic(meters: Meters, number: int) -> None:
    """One batch of everything that a recorder may see: each outcome of each arm, each decision, beats, drops, a rollout and its guard."""
    for workflow in ("invoices", None):
        for target, role, seen in (("gpt", "incumbent", True), ("small", "candidate", False), ("small", "candidate", True)):
            for outcome in get_args(OutcomeName):
                meters.observe_exchange(_row(target, role, seen, outcome), "main", workflow, PARTS)
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
        output_tokens=50, reasoning_tokens=5, cost_usd=sum(PARTS.values(), Decimal(0)), latency_s=1.4, ttft_s=0.3, overhead_s=0.0004,
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


def config_of(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text("utf-8"))


@contextmanager
def prometheus(folder: Path, target: str, *, alertmanager: str = "", wait_s: float = 60.0) -> Generator[Prometheus]:
    """With the configuration that we ship: other addresses, an interval of half a second."""
    config = config_of(RULES.parent / "prometheus.yml")
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(RULES / "*.yml")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager] if alertmanager else []
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    with started(folder, config, wait_s=wait_s) as prometheus:
        yield prometheus


@contextmanager
def alertmanager(folder: Path, hook: str, *, wait_s: float = 60.0) -> Generator[str]:
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

"""The alerts: their rules are tested by promtool, return series on a real Prometheus, and a rollback comes to a real webhook."""

import json
import re
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from proxy.metrics import COUNTERS, GAUGES, HISTOGRAMS
from tests.deploy.scraped import RULES, alertmanager, config_of, more_traffic, prometheus, some_meters
from tests.harness import ROOT, until
from tests.prometheus import needed, serving

TESTS = sorted((RULES.parent / "tests").glob("*.yml"))
ROUTING = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
EVERY_RULE = [rule for file in sorted(RULES.glob("*.yml")) for group in config_of(file)["groups"] for rule in group["rules"]]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in EVERY_RULE if "alert" in rule}
OF_PROMETHEUS = {"job", "instance"}
LABELS = {f"understudy_{name}_total": set(labels) for name, _, labels in COUNTERS}
LABELS |= {f"understudy_{name}": set(labels) for name, _, labels in GAUGES}
LABELS |= {f"understudy_{name}_{part}": {*labels, "le"} for name, _, labels, _ in HISTOGRAMS for part in ("bucket", "sum", "count")}
SELECTOR = re.compile(r"(?<![\w:])(understudy_\w+)(?:\{(.*?)\})?")


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    needed(words[0])
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)


def unknown(text: str) -> list[str]:
    """What these expressions select and no exposition of ours has: a metric, or a label on it."""
    found = [name for name, _ in SELECTOR.findall(text) if name not in LABELS]
    for name, matchers in SELECTOR.findall(text):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        found += [f"{name}{{{label}}}" for label in sorted(labels - LABELS.get(name, labels) - OF_PROMETHEUS)]
    return found


def operands(expr: str) -> list[str]:
    """What `and`, `or`, `unless` join at the outermost level."""
    parts, depth, begin = [], 0, 0
    for found in re.finditer(r"[({]|[)}]|\b(?:and|or|unless)\b(?:\s+on\s*\([^)]*\))?", expr):
        word = found[0]
        if word in "({":
            depth += 1
        elif word in ")}":
            depth -= 1
        elif depth == 0:
            parts.append(expr[begin : found.start()])
            begin = found.end()
            depth += word.count("(") - word.count(")")
    return [part.strip() for part in (*parts, expr[begin:])]


def without_comparison(expr: str) -> str:
    """Asks for 0 or 1 instead of dropping series, and of the present instead of a past that a new Prometheus has not."""
    pieces = re.split(r"(\{[^}]*\})", re.sub(r"\s+offset \w+", "", expr))
    bare = "".join(piece if piece.startswith("{") else re.sub(r"(>=|<=|==|>|<)", r"\1 bool", piece) for piece in pieces)
    return re.sub(r"^absent\((.*)\)$", r"\1", bare)


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    result = ran("promtool", "check", "config", str(RULES.parent / "prometheus.yml"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"SUCCESS: {len(list(RULES.glob('*.yml')))} rule files found" in result.stdout


def test_the_rules_do_what_their_tests_say() -> None:
    result = ran("promtool", "test", "rules", *map(str, TESTS))
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_rule_that_is_wrong_fails_its_test(tmp_path: Path) -> None:
    for folder in ("rules", "tests"):
        (tmp_path / folder).mkdir()
    text = (RULES / "rollout.yml").read_text("utf-8")
    assert 'state="rolled_back"} == 1' in text
    (tmp_path / "rules" / "rollout.yml").write_text(text.replace('state="rolled_back"} == 1', 'state="running"} == 1'), "utf-8")
    (tmp_path / "tests" / "rollout.yml").write_text((RULES.parent / "tests" / "rollout.yml").read_text("utf-8"), "utf-8")
    result = ran("promtool", "test", "rules", str(tmp_path / "tests" / "rollout.yml"))
    assert result.returncode != 0 and "UnderstudyRolledBack" in result.stdout + result.stderr


def test_every_alert_is_seen_to_fire_and_to_stay_quiet() -> None:
    cases = [
        (case["alertname"], bool(case["exp_alerts"]))
        for file in TESTS
        for group in config_of(file)["tests"]
        for case in group["alert_rule_test"]
    ]
    assert {(name, fires) for name in ALERTS for fires in (True, False)} == set(cases)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_grave_it_is_what_happened_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"] == {"severity": rule["labels"]["severity"]} and rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"deploy/RUNBOOK.md#{name.lower()}"
    assert len(rule["annotations"]["summary"]) < 110 < len(rule["annotations"]["description"])


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    recorded = {each["record"] for each in EVERY_RULE if "record" in each}
    assert unknown(rule["expr"]) == []
    assert set(re.findall(r"\w+:understudy_\w+:\w+", rule["expr"])) <= recorded
    grouped = {label.strip() for labels in re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"]) for label in labels.split(",")}
    assert grouped <= OF_PROMETHEUS.union(*(LABELS[name] for name, _ in SELECTOR.findall(rule["expr"])))


def test_alertmanager_takes_its_configuration_and_wakes_nobody_for_a_warning() -> None:
    assert ran("amtool", "check-config", str(ROUTING)).returncode == 0
    for name, rule in ALERTS.items():
        severity = rule["labels"]["severity"]
        result = ran("amtool", "config", "routes", "test", f"--config.file={ROUTING}", f"alertname={name}", f"severity={severity}")
        assert result.stdout.split() == ["wake-somebody" if severity == "critical" else "working-hours"]


def test_what_inhibits_and_what_is_inhibited_are_alerts_of_ours() -> None:
    for rule in config_of(ROUTING)["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            names = [name for name in ALERTS if re.fullmatch(matcher.partition("=")[2].lstrip("~").strip('"'), name)]
            assert names, matcher
            assert matcher.count("Understudy") <= len(names)


@pytest.mark.parametrize(
    ("expr", "parts"),
    [("a > 1\nand on (x) b{c=\"or\"} == 1\nunless c", ["a > 1", 'b{c="or"} == 1', "c"]), ("(a or 0 * b) / c > 2", ["(a or 0 * b) / c > 2"])],
)  # fmt: skip
def test_an_expression_is_taken_apart_at_its_outermost_joins(expr: str, parts: list[str]) -> None:
    assert operands(expr) == parts
    assert without_comparison('a{b!="c"} >= 2 * d offset 1h') == 'a{b!="c"} >= bool 2 * d'


def test_every_expression_finds_series_in_what_a_real_prometheus_scraped(tmp_path: Path) -> None:
    needed("prometheus")
    meters, scrapes = some_meters(), 0
    meters.rollout("main", "small", "running", 0.05)

    def exposed(_: BaseHTTPRequestHandler) -> bytes:
        nonlocal scrapes
        scrapes += 1
        more_traffic(meters, scrapes)
        return meters.exposition()

    with serving(exposed) as target, prometheus(tmp_path, target) as server:
        asked = {
            f"{rule.get('alert') or rule['record']}: {each}": without_comparison(each)
            for rule in EVERY_RULE
            for each in operands(rule["expr"])
        }
        until(lambda: scrapes > 4, 60, "four scrapes")

        def empty() -> list[str]:
            return [name for name, expr in asked.items() if not server.query(expr)]

        until(lambda: not empty(), 60, empty)
        assert {rule["name"]: rule["health"] for rule in server.rules() if rule["health"] != "ok"} == {}


def test_a_rollback_comes_to_a_webhook(tmp_path: Path) -> None:
    needed("prometheus", "prometheus-alertmanager")
    meters, heard = some_meters(), list[tuple[str, dict[str, Any]]]()

    def hook(request: BaseHTTPRequestHandler) -> bytes:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        heard.append((request.path, json.loads(body)))
        return b""

    def told() -> list[dict[str, Any]]:
        return [
            each
            for path, said in heard
            if path == "/wake"
            for each in said["alerts"]
            if each["labels"]["alertname"] == "UnderstudyRolledBack"
        ]

    meters.rollout("main", "small", "running", 0.05)
    with (
        serving(hook) as receiver, alertmanager(tmp_path, receiver) as manager, serving(lambda _: meters.exposition()) as target,
        prometheus(tmp_path, target, alertmanager=manager) as server,
    ):  # fmt: skip
        until(lambda: server.query("understudy_rollout_share > 0"), 60, "the share is scraped")
        assert not told()
        meters.rollout("main", "small", "rolled_back", 0.0)
        alert = until(told, 60, lambda: f"heard: {heard}")[0]
    assert alert["status"] == "firing" and alert["labels"]["severity"] == "critical"
    assert (alert["labels"]["route"], alert["labels"]["target"]) == ("main", "small")
    assert "answered up to 5% of route main" in alert["annotations"]["description"]

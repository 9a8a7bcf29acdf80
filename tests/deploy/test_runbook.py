"""The runbook: an entry per alert, and every command, query and metric in it is one that there is."""

import re
import shlex
from pathlib import Path

import pytest

import understudy
from proxy.store import Store
from tests.deploy.test_alerts import ALERTS, EVERY_RULE, SELECTOR, ran, unknown
from tests.documented import walk
from tests.harness import ROOT
from tests.prometheus import needed

RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text("utf-8")
HEAD, *PARTS = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)
ENTRIES = {part.partition("\n")[0]: part for part in PARTS}
CODE = re.findall(r"`([^`\n]+)`", RUNBOOK)
COMMANDS = [code for code in CODE if code.startswith("understudy ")]
QUERIES = [code.removeprefix('understudy store query "')[:-1] for code in COMMANDS if code.startswith("understudy store query")]
ASKED = [code for code in CODE if re.search(r":?understudy_\w+[:{\[()]|understudy_\w+$|\bup\b", code)]


def test_every_alert_has_an_entry_and_every_entry_an_alert() -> None:
    assert sorted(ENTRIES) == sorted(ALERTS)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_what_to_look_at_what_to_do_and_whom_to_wake(name: str) -> None:
    entry = ENTRIES[name]
    marks = [entry.index(f"**{mark}") for mark in ("Means.**", "Look.**", "Do.**", "Wake somebody**")]
    assert marks == sorted(marks)
    looks = re.findall(r"^(\d)\. .*`(.+)`$", entry, re.MULTILINE)
    assert [number for number, _ in looks] == ["1", "2", "3"]
    assert set(re.findall(r"Understudy[A-Z]\w+", entry)) <= set(ALERTS)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_of_ours(line: str) -> None:
    words = shlex.split(line)[1:]
    known = {names for names, app in walk(understudy.app) if app.default_command is not None}
    assert " ".join(words[:1]) in known or " ".join(words[:2]) in known
    understudy.app.parse_args(words, exit_on_error=False, print_error=False)


def test_a_query_runs_on_a_new_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "x.duckdb"))
    store.prepare()
    assert len(QUERIES) >= 10
    for sql in QUERIES:
        store.query(sql)


def test_a_command_of_curl_asks_for_what_there_is() -> None:
    found = set(re.findall(r"http://127\.0\.0\.1:8081(/[^\s`]*)", "\n".join(CODE)))
    source = "".join((ROOT / "proxy" / name).read_text("utf-8") for name in ("admin.py", "admin_guard.py"))
    assert found and all(f'"{path}"' in source for path in found)


def test_a_command_of_curl_ends_though_the_port_is_held_for_a_recorder_that_is_gone() -> None:
    asked = [code for code in CODE if code.startswith("curl ")]
    assert len(asked) >= 5 and [code for code in asked if " -m 5 " not in code] == []


def test_metrics_and_labels_are_ours() -> None:
    recorded = {rule["record"] for rule in EVERY_RULE if "record" in rule}
    assert len(ASKED) >= 15
    assert [found for code in ASKED for found in unknown(code)] == []
    assert {name for code in ASKED for name in re.findall(r"\w+:understudy_\w+:\w+", code)} <= recorded
    assert {name for code in CODE for name, _ in SELECTOR.findall(code)} >= {"understudy_rollout_share", "understudy_journal_room_bytes"}


def test_what_is_asked_of_prometheus_can_be_read_by_it(tmp_path: Path) -> None:
    needed("promtool")
    rules = "".join(f"      - record: asked:{number}\n        expr: |\n          {code}\n" for number, code in enumerate(ASKED))
    file = tmp_path / "rules.yml"
    file.write_text(f"groups:\n  - name: asked\n    rules:\n{rules}", "utf-8")
    result = ran("promtool", "check", "rules", str(file))
    assert result.returncode == 0, result.stdout + result.stderr

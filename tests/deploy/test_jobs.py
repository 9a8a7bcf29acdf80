"""The scripts of the timers and CronJobs, run as those run them: beside a `serve`, on its store, with a journal of their own."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, commands, parses
from tests.fakes.models import Models
from tests.harness import Serve, config, same_day, until

BODY = '[targets.big]\nurl = "{big}"\n[targets.small]\nurl = "{small}"\nmodel = "small-2"\nprice = {{ input = 0.2, output = 1.0 }}\n[[routes]]\nname = "main"\nincumbent = "big"\nshadow = [{{ target = "small" }}]\n'
KEY = {"UNDERSTUDY_ANONYMIZE_KEY": "the key of this test"}
CALLS = 6
SCRIPTS = sorted((DEPLOY / "jobs").glob("*.sh"))


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Models("big") as big, Models("small") as small:
        with Serve(tmp_path_factory.mktemp("jobs"), config(BODY.format(big=big.url, small=small.url)), env=KEY) as serve:
            for number in range(CALLS):
                body = json.dumps({"model": "big-1", "messages": [{"role": "user", "content": f"Question {number}?"}]}).encode()
                request = urllib.request.Request(serve.url + "/v1/chat/completions", body, {"content-type": "application/json"})
                urllib.request.urlopen(request, timeout=60).read()
            until(lambda: serve.one("SELECT count(*) FROM exchanges") == 2 * CALLS, 60, "all answers stored")
            yield serve


def run(serve: Serve, job: str, **more: str) -> subprocess.CompletedProcess[str]:
    """As a CronJob has it: the same configuration and store, another journal, `understudy` on the PATH."""
    pod = serve.folder / "pod"
    programs = pod / "bin"
    if not pod.exists():
        programs.mkdir(parents=True)
        text = serve.text.replace('path = "understudy.duckdb"', f'path = "{serve.folder}/understudy.duckdb"\njournal = "{pod}/journal"')
        (pod / "understudy.toml").write_text(text, "utf-8")
        (programs / "understudy").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m understudy "$@"\n', "utf-8")
        (programs / "understudy").chmod(0o755)
    env = {
        "UNDERSTUDY_CONFIG": f"{pod}/understudy.toml",
        "UNDERSTUDY_STATE": str(serve.folder / "state"),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    return subprocess.run(
        ["sh", DEPLOY / "jobs" / job], env=os.environ | KEY | env | more, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_night_is_replayed_judged_and_gone_on_with(serve: Serve) -> None:
    same_day()
    night = datetime.now(UTC).date()
    first = run(serve, "nightly-replay.sh", NIGHTLY_PACE="50/s")
    assert first.returncode in (3, 4), first.stdout + first.stderr  # six calls certify nothing
    asked = "SELECT count(*) FROM exchanges WHERE run_id LIKE 'night-%' AND role = 'candidate'"
    assert serve.one(asked) == CALLS, first.stdout + first.stderr
    assert list((serve.folder / "state" / "reports").glob(f"night-{night.year}*.html"))
    again = run(serve, "nightly-replay.sh", NIGHTLY_PACE="50/s")
    assert again.returncode == first.returncode, again.stdout + again.stderr
    assert serve.one(asked) == CALLS, "no call is asked twice"


def test_drift_that_is_not_known_is_no_alarm(serve: Serve) -> None:
    done = run(serve, "drift.sh")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_council_gets_a_page_that_says_what_changed_since_the_last(serve: Serve) -> None:
    same_day()
    reports = serve.folder / "state" / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "council-2026-01-01.json").write_text('{"kind": "council", "facts": {}}', "utf-8")
    done = run(serve, "council.sh")
    assert done.returncode == 0, done.stdout + done.stderr
    today = f"council-{datetime.now(UTC).date()}"
    assert (reports / f"{today}.html").exists()
    assert json.loads((reports / f"{today}.json").read_text("utf-8"))["kind"] == "council"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_its_commands_are_those_of_the_command_line(script: Path) -> None:
    found = list(commands(script.read_text("utf-8")))
    assert found
    for words in found:
        parses(words)

"""The official clients in Node and Vercel's AI SDK run unchanged, only the base URL set, and get what they get without us."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.aimock import NODE, aimock
from tests.clients.test_python_sdks import BODY
from tests.fakes.models import Models
from tests.harness import Serve, config, until

SAID = "Hello from the incumbent."
CLIENTS = {"openai.mjs": ("OPENAI_BASE_URL", "/v1"), "anthropic.mjs": ("ANTHROPIC_BASE_URL", ""), "vercel.mjs": ("BASE", "")}


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with aimock() as url:
        yield url


@pytest.fixture(scope="module")
def serve(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Models("cand") as candidate:
        text = config(BODY.format(incumbent=upstream, candidate=candidate.url))
        with Serve(tmp_path_factory.mktemp("node"), text) as serve:
            yield serve


def run(script: str, base: str) -> dict[str, Any]:
    variable, version = CLIENTS[script]
    done = subprocess.run(
        [str(shutil.which("node")), script],
        cwd=NODE,
        env=os.environ | {variable: base + version},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("script", CLIENTS)
def test_a_client_gets_through_us_what_it_gets_without_us(script: str, upstream: str, serve: Serve) -> None:
    direct, through = run(script, upstream), run(script, serve.url)
    assert through == direct
    said = [through] if "chat" in through and isinstance(through["chat"], str) else list(through.values())
    for each in said:
        assert each["stream"] == SAID and each.get("chat", each.get("text")) == SAID


def test_their_calls_are_pairs_in_the_store(serve: Serve) -> None:
    read = (
        "SELECT count(*) FROM pairs JOIN calls USING (call_id) WHERE dialect IN ('openai.chat', 'openai.responses', 'anthropic.messages')"
    )
    until(lambda: serve.one(read) >= 12)
    until(lambda: serve.one("SELECT count(*) FROM exchanges WHERE role = 'incumbent' AND outcome = 'answered'") >= 20)
    rows = dict(serve.query("SELECT outcome, count(*) FROM exchanges WHERE role = 'incumbent' GROUP BY outcome"))
    assert rows["answered"] >= 20 and rows["client_gone"] >= 2 and rows["errored"] >= 2, rows
    assert serve.metric("understudy_passthrough_total") >= 1, "the file"

"""From traffic to a verdict: criteria online, `score`, and what a user reads, against a real serve and real models."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.models import Models
from tests.harness import Serve, command, config, until
from tests.rubrics import GUARDS

RUBRIC = (
    GUARDS.replace('"refusal"', '"not-is-refusal"')
    + """
[[dimension]]
type = "grounding"
role = "gate"
margin = { kind = "abs", delta = 0.05 }
[[dimension]]
type = "exact"
role = "watch"
reference = "incumbent"
[[dimension]]
type = "latency"
role = "watch"
quantiles = [0.5]
margin = { kind = "relative", tau = 0.2 }
"""
)
BODY = """
[targets.inc]
url = "{incumbent}"
price = {{ input = 2.0, output = 10.0 }}
[targets.cand]
url = "{candidate}"
model = "small-2"
price = {{ input = 0.2, output = 1.0 }}
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
repeat = 0.5
[[workflows]]
name = "notes"
match = {{ path = "/v1/chat/completions" }}
rubric = "rubrics/notes.toml"
"""
SOURCE = "The meeting of 12 May had 34 guests. Grace Hopper spoke about compilers, and the bill came to 1,250 euros in the end. " * 3
CALLS = 40


def told(asked: str) -> str:
    return "Grace Hopper spoke to 34 guests."


def invented(asked: str) -> str:
    return "Ada Lovelace spoke to 99 guests."


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    folder = tmp_path_factory.mktemp("scored")
    (folder / "rubrics").mkdir()
    (folder / "rubrics" / "notes.toml").write_text(RUBRIC, "utf-8")
    with Models("inc", text=told) as incumbent, Models("cand", text=invented) as candidate:
        with Serve(folder, config(BODY.format(incumbent=incumbent.url, candidate=candidate.url), store='bodies = "full"')) as running:
            for number in range(CALLS):
                post(running.url, f"Sum up, number {number}: {SOURCE}")
            until(lambda: running.one("SELECT count(*) FROM pairs WHERE role = 'candidate'") == CALLS)
            yield running


def post(url: str, text: str) -> None:
    body = json.dumps({"model": "big-1", "messages": [{"role": "user", "content": text}]}).encode()
    request = urllib.request.Request(url + "/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def test_cheap_criteria_show_in_the_metrics_without_anybody_scoring(serve: Serve) -> None:
    def mean(target: str, role: str) -> float:
        return serve.metric("understudy_score_mean", workflow="notes", criterion="grounding", target=target, role=role)

    until(lambda: serve.metric("understudy_hallucination_tags_total", target="cand", tag="num_absent"), 60, "a tag")
    assert mean("inc", "incumbent") == 1.0 and mean("cand", "candidate") == 0.0
    assert not serve.metric("understudy_hallucination_tags_total", target="inc")
    assert serve.metric("understudy_score_mean", criterion="transport", target="cand", role="candidate") == 1.0


def test_score_fills_the_store_beside_a_running_serve_and_then_has_nothing_to_do(serve: Serve) -> None:
    done = command("score", cwd=serve.folder)
    assert done.returncode == 0, done.stderr
    assert "pairs scored" in done.stdout
    found = dict(serve.query("SELECT target, avg(value) FROM scores WHERE criterion = 'grounding' AND role <> 'repeat' GROUP BY 1"))
    assert found["inc"] == 1.0 and found["cand"] < 0.7
    assert command("score", cwd=serve.folder).stdout.strip() == "nothing to score: every pair has its scores"


def test_a_rubric_with_faults_is_named_and_nothing_is_scored(serve: Serve, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('rubric = 1\n[[dimension]]\ntype = "exakt"\n[[dimension]]\ntype = "regex"\nvaule = "x"\n', "utf-8")
    done = command("score", "--rubric", str(bad), cwd=serve.folder)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) >= 2 and "exact" in done.stderr and "value" in done.stderr

"""Story 1: an app changes only its base URL; both answers of every eligible call lie side by side within seconds."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.models import Models
from tests.harness import Serve, command, config, until

BODY = """
[targets.inc]
url = "{incumbent}"
price = {{ input = 2.0, output = 10.0 }}
[targets.cand]
url = "{candidate}"
model = "small-2"
price = {{ input = 0.2, output = 1.0 }}
[targets.cand.set]
temperature = 0.1
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
repeat = 1.0
"""
MAIL = "grace.hopper@navy-mail.net"


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serve, Models, Models]]:
    folder = tmp_path_factory.mktemp("drop-in")
    with Models("inc") as incumbent, Models("cand", text=lambda asked: "Something else entirely.") as candidate:
        text = config(BODY.format(incumbent=incumbent.url, candidate=candidate.url))
        with Serve(folder, text) as serve:
            yield serve, incumbent, candidate


def post(url: str, body: dict[str, object], **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, answer.read()


def test_both_answers_of_a_call_are_stored_within_seconds(flow: tuple[Serve, Models, Models]) -> None:
    serve, incumbent, _ = flow
    call = {"model": "big-1", "messages": [{"role": "user", "content": f"Write to {MAIL}."}], "stream": False}
    through = post(serve.url + "/v1/chat/completions", call, authorization="Bearer sk-of-the-caller")
    direct = post(incumbent.url + "/v1/chat/completions", call)
    assert through == direct
    pair = until(
        lambda: serve.query(
            "SELECT incumbent_text, candidate_text, incumbent_cost_usd, candidate_cost_usd, workflow, target FROM pairs WHERE role = 'candidate' AND incumbent_text IS NOT NULL"
        ),
        10,
    )[0]
    assert pair[0].startswith("You said: Write to ") and pair[1] == "Something else entirely."
    assert MAIL not in pair[0]
    # 8 fresh and 3 cached input tokens, 7 output tokens; without a price of their own the cached ones cost what fresh ones do
    assert float(pair[2]) == pytest.approx((11 * 2.0 + 7 * 10.0) / 1e6)
    assert float(pair[3]) == pytest.approx((11 * 0.2 + 7 * 1.0) / 1e6)


def test_the_candidate_is_asked_with_its_own_model_and_never_with_the_callers_key(flow: tuple[Serve, Models, Models]) -> None:
    _, incumbent, candidate = flow
    asked = candidate.seen[0]
    assert (asked.json["model"], asked.json["temperature"], asked.json["store"]) == ("small-2", 0.1, False)
    assert "authorization" not in asked.headers
    assert incumbent.seen[0].headers["authorization"] == "Bearer sk-of-the-caller"


def test_every_rewrite_is_recorded(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    rewrites = serve.one("SELECT rewrites FROM exchanges WHERE target = 'cand' LIMIT 1")
    assert any("model" in each for each in rewrites) and any("temperature" in each for each in rewrites)


def test_the_repeat_shows_the_incumbents_own_noise(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    assert until(lambda: serve.query("SELECT * FROM pairs WHERE role = 'repeat'"))
    assert serve.one("SELECT bool_and(incumbent_text = candidate_text) FROM pairs WHERE role = 'repeat'")


def test_metrics_count_what_the_store_holds(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    assert serve.metric("understudy_calls_total", role="candidate", target="cand", outcome="answered") >= 1
    assert serve.metric("understudy_mirror_total", target="cand", decision="sent") >= 1
    assert serve.metric("understudy_spend_usd_total", role="candidate", target="cand") > 0


def test_health_and_status_answer(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    assert serve.get("/healthz")[0] == 200
    assert until(lambda: serve.get("/readyz")[0] == 200, 60, lambda: serve.get("/readyz"))
    assert serve.status()["calls"] >= 1


def test_pairs_and_queries_can_be_read_while_traffic_flows(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    shown = command("pairs", "--config", str(serve.file), "--json")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert shown.returncode == 0 and {row["target"] for row in rows} == {"cand", "inc"}
    seen = command("pairs", "--config", str(serve.file), "--differs", env={"COLUMNS": "160"})
    assert "Something else entirely." in seen.stdout
    asked = command("store", "query", "SELECT count(*) AS n FROM calls", "--config", str(serve.file), "--json")
    assert json.loads(asked.stdout)[0]["n"] >= 1
    piped = command("store", "query", "SELECT 'a\tb' AS tabbed, NULL AS nothing, repeat('x', 300) AS wide", "--config", str(serve.file))
    assert piped.stdout == f"tabbed\tnothing\twide\na\\tb\t\\N\t{'x' * 300}\n", "a pipe gets one line a row, whole"
    written = command("store", "query", "DROP TABLE calls", "--config", str(serve.file))
    assert written.returncode == 2 and len(written.stderr.strip().splitlines()) == 1


def test_snapshot_and_verify_and_prune_work_beside_traffic(flow: tuple[Serve, Models, Models], tmp_path: Path) -> None:
    serve, *_ = flow
    assert command("store", "snapshot", str(tmp_path / "copy.duckdb"), "--config", str(serve.file)).returncode == 0
    assert (tmp_path / "copy.duckdb").stat().st_size > 0
    checked = command("store", "verify", "--config", str(serve.file))
    assert checked.returncode == 0, checked.stdout
    before = serve.one("SELECT count(*) FROM calls")
    assert command("store", "prune", "--config", str(serve.file)).returncode == 0
    assert serve.one("SELECT count(*) FROM calls") == before


def test_segments_are_gone_once_they_are_stored(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    until(lambda: sum(path.stat().st_size for path in serve.journal.glob("*.seg")) < 20_000)


def test_retention_is_kept_by_itself(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    until(lambda: serve.query("SELECT * FROM audit WHERE action = 'store.pruned' AND detail LIKE '%45 days%'"))


def test_the_store_verifies_after_a_quiet_while_between_calls(flow: tuple[Serve, Models, Models]) -> None:
    serve, *_ = flow
    for number in range(2):
        before = serve.one("SELECT count(*) FROM calls")
        post(serve.url + "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": f"quiet {number}"}]})
        until(lambda before=before: serve.one("SELECT count(*) FROM calls") > before)
        time.sleep(6)  # a segment of beats alone, which is never stored
    until(lambda: command("store", "verify", "--config", str(serve.file)).returncode == 0)


TRANSLATED = """
[targets.inc]
url = "{incumbent}"
[targets.claude]
url = "{candidate}"
dialect = "anthropic"
model = "claude-x"
price = {{ input = 3.0, output = 15.0 }}
[targets.gem]
url = "{candidate}"
dialect = "gemini"
model = "gem-x"
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "claude" }}, {{ target = "gem" }} ]
"""


def test_a_candidate_of_another_dialect_is_asked_and_read_in_its_own(tmp_path: Path) -> None:
    with Models("inc") as incumbent, Models("cand") as candidate:
        with Serve(tmp_path, config(TRANSLATED.format(incumbent=incumbent.url, candidate=candidate.url))) as serve:
            body = {"model": "gpt-4o", "seed": 1, "messages": [{"role": "user", "content": "hello"}]}
            request = urllib.request.Request(
                serve.url + "/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 200
            rows = until(lambda: len(found := serve.query(
                "SELECT target, text, outcome, input_tokens, model_requested, rewrites::VARCHAR, cost_usd > 0 FROM exchanges"
                " WHERE role = 'candidate' ORDER BY target"
            )) == 2 and found, 20)  # fmt: skip
        claude, gem = rows
        assert claude[:5] == ("claude", "You said: hello", "answered", 9, "claude-x") and claude[6] is True
        assert gem[:5] == ("gem", "You said: hello", "answered", 8, "gem-x")
        assert "translated openai.chat → anthropic.messages" in claude[5] and "lost: seed" in claude[5]
        assert {seen.path for seen in candidate.seen} == {"/v1/messages", "/v1beta/models/gem-x:generateContent"}
        assert all("anthropic-version" in seen.headers for seen in candidate.seen if seen.path == "/v1/messages")

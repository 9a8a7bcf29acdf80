"""What the shadow may and may not do, through a real `serve`: no loops, nothing large lost, chains followed, all of it in the store."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from proxy.coverage import family_of
from tests.fakes.models import Models
from tests.harness import Serve, config, until
from tests.prometheus import free_port

BODY = """
[targets.inc]
url = "{incumbent}"
[targets.cand]
url = "{candidate}"
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
"""


def post(url: str, body: dict[str, Any], **headers: str) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def chat(text: str) -> dict[str, Any]:
    return {"model": "model-1", "messages": [{"role": "user", "content": text}]}


def decided(serve: Serve) -> list[tuple[str, str]]:
    return serve.query("SELECT decision, reason FROM mirror_decisions ORDER BY decided_at")


def test_a_candidate_that_is_ourselves_ends_after_one_hop(tmp_path: Path) -> None:
    port, calls = free_port(), 20
    with Models("inc") as incumbent:
        body = BODY.format(incumbent=incumbent.url, candidate=f"http://127.0.0.1:{port}")
        text = config(body).replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{port}"', 1)
        with Serve(tmp_path, text) as serve:
            for number in range(calls):
                post(serve.url + "/v1/chat/completions", chat(f"call {number}"))
            until(lambda: serve.one("SELECT count(*) FROM mirror_decisions") == 2 * calls, 60, "both hops are decided")
            until(lambda: serve.one("SELECT count(*) FROM exchanges") == 3 * calls, 60, "all answers are stored")
            assert len(incumbent.seen) == 2 * calls
            assert serve.one("SELECT count(*) FROM calls") == 2 * calls
            found = decided(serve)
            assert sorted(decision for decision, _ in found) == ["sent"] * calls + ["side_effects"] * calls or found == []
            assert {family_of("side_effects", reason) for decision, reason in found if decision != "sent"} == {"a mirrored call of our own"}


def test_large_calls_chains_and_retries_each_have_their_decision_in_the_store(tmp_path: Path) -> None:
    with Models("inc") as incumbent, Models("cand") as candidate:
        body = BODY.format(incumbent=incumbent.url, candidate=candidate.url)
        with Serve(tmp_path, config(body, server="capture_max_bytes = 200_000")) as serve:
            chats, responses = serve.url + "/v1/chat/completions", serve.url + "/v1/responses"
            post(chats, chat("large " + "x" * 300_000))
            post(chats, chat("tried twice"))
            post(chats, chat("tried twice"), **{"x-stainless-retry-count": "1"})
            first = post(responses, {"model": "model-1", "input": "My name is Ada."})
            until(lambda: serve.one("SELECT count(*) FROM exchanges WHERE role = 'incumbent'") == 4, 60, "the first turn is stored")
            post(responses, {"model": "model-1", "input": [{"role": "user", "content": "And I?"}], "previous_response_id": first["id"]})
            until(lambda: serve.one("SELECT count(*) FROM exchanges WHERE role = 'candidate'") == 3, 60, "three were mirrored")
            until(lambda: serve.one("SELECT count(*) FROM mirror_decisions") == 5, 60, "all are decided")
            found = dict(serve.query("SELECT decision, any_value(reason) FROM mirror_decisions WHERE decision <> 'sent' GROUP BY 1"))
            [(tried,)] = serve.query(
                "SELECT c.call_id::VARCHAR FROM calls c JOIN mirror_decisions d USING (call_id) "
                "WHERE c.prompt_text LIKE '%tried twice%' AND d.decision = 'sent'"
            )
            assert found == {"too_large": found["too_large"], "retry_of": f"retry of {tried}"}
            assert int(found["too_large"].split()[0]) > 300_000
            [(rewrites,)] = serve.query(
                "SELECT rewrites FROM exchanges WHERE role = 'candidate' AND len(rewrites) > 0 ORDER BY started_at DESC LIMIT 1"
            )
            assert "input expanded from previous_response_id, 1 turn" in rewrites
            asked = candidate.seen[-1].json
            assert [item["role"] for item in asked["input"]] == ["user", "assistant", "user"]
            assert "previous_response_id" not in asked

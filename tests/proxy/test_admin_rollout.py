"""Rollouts at the admin port: the changes of the command, and everything a foreign page or a stranger may try."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.models import Models
from tests.harness import Serve, config, until

TEXT = """
[targets.gpt]
url = "{url}"
[targets.small]
url = "{url}"
model = "small-2"
[[routes]]
name = "main"
incumbent = "gpt"
repeat = 0.05
[[rollouts]]
name = "canary"
route = "main"
candidate = "small"
"""
TOKEN = "a-token-" + "for-tests"
JSON = "application/json"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Models("gpt") as gpt, Serve(tmp_path_factory.mktemp("rollout"), config(TEXT.format(url=gpt.url))) as serve:
        yield serve


@pytest.fixture
def serve(serving: Serve) -> Serve:
    """With the rollout as if never started."""
    (serving.folder / "rollouts" / "canary.json").unlink(missing_ok=True)
    return serving


def post(serve: Serve, action: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    """`body`: bytes as they are, anything else as JSON; headers with `_` for `-`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Type": JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{serve.admin}/api/rollout/{action}", data=data, headers=named, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def state(serve: Serve) -> str:
    """As a look finds it."""
    return json.loads(serve.get("/api/rollout")[1])["rollouts"][0]["state"]


def test_a_rollout_goes_its_way_by_the_api_and_each_answer_says_how_it_stands(serve: Serve) -> None:
    found = json.loads(serve.get("/api/rollout")[1])["rollouts"][0]
    assert (found["state"], found["share"], found["candidate"], found["incumbent"]) == ("idle", 0.0, "small", "gpt")
    for action, body, expected in (
        ("start", {"why": "a try"}, ("running", 0.01)), ("pause", {}, ("paused", 0.01)), ("resume", {}, ("running", 0.01)),
        ("promote", {}, ("running", 0.05)), ("promote", {"share": 1.0}, ("running", 1.0)), ("finish", {}, ("finished", 1.0)),
        ("rollback", {"why": "no"}, ("rolled_back", 0.0)),
    ):  # fmt: skip
        status, told = post(serve, action, {"rollout": "canary", **body})
        assert status == 200, told
        assert (told["state"], told["share"], told["action"]) == (*expected, action)
        if action == "finish":
            assert "incumbent" in told["configuration_change"] and "repeat = 0.05" in told["notes"][0]
    assert state(serve) == "rolled_back"


def test_who_did_it_is_in_the_audit_by_peer_and_by_the_name_he_gives(serve: Serve) -> None:
    assert post(serve, "start", {"rollout": "canary"}, x_understudy_actor="Ann  \t(on call)" + "x" * 500)[0] == 200
    until(lambda: serve.query("SELECT 1 FROM audit WHERE action = 'rollout.start' AND actor LIKE 'api@127.0.0.1 (Ann (on call)xx%'"))
    assert serve.one("SELECT max(length(actor)) FROM audit") < 150


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Content_Type": "application/x-www-form-urlencoded"}, "content type"),
        ({"Content_Type": "text/plain"}, "content type"),
        ({"Content_Type": "multipart/form-data; boundary=x"}, "content type"),
        ({"Content_Type": ""}, "content type"),
        ({"Content_Type": "text/plain; application/json"}, "content type"),
        ({"Origin": "http://evil.example"}, "another origin"),
        ({"Origin": "null"}, "another origin"),
        ({"Origin": "http://127.0.0.1:1"}, "another origin"),
        ({"Origin": "http://[:::"}, "another origin"),
        ({"Sec_Fetch_Site": "cross-site"}, "another site"),
        ({"Sec_Fetch_Site": "same-site"}, "another site"),
        ({"Host": "evil.example"}, "not a loopback one"),
    ],
)
def test_a_page_of_somebody_else_changes_nothing(serve: Serve, headers: dict[str, str], why: str) -> None:
    """A form of another site needs no leave to be sent; the browser on this machine is on loopback as we are."""
    for action in ("start", "rollback"):
        status, told = post(serve, action, {"rollout": "canary", "why": "x"}, **headers)
        assert status == 403 and why in told["error"]
    assert state(serve) == "idle"


def test_a_page_of_our_own_origin_may(serve: Serve) -> None:
    assert post(serve, "start", {"rollout": "canary"}, Origin=serve.admin, Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize("action", ["start", "promote", "pause", "resume", "rollback", "finish"])
def test_a_get_changes_nothing(serve: Serve, action: str) -> None:
    status, _ = serve.get(f"/api/rollout/{action}?rollout=canary&why=x")
    assert status == 405 and state(serve) == "idle"


@pytest.mark.parametrize(
    ("action", "body", "status", "said"),
    [
        ("start", b"", 400, "body"), ("start", b"{", 400, "body"), ("start", b"[]", 400, "body"), ("start", b"\xff\xfe", 400, "body"),
        ("start", {}, 400, "rollout"), ("start", {"rollout": "canary", "shares": 1}, 400, "shares"),
        ("start", {"rollout": "canary", "share": "all"}, 400, "share"), ("start", {"rollout": "other"}, 404, "one of: canary"),
        ("start", {"rollout": "../../x"}, 404, "no rollout"), ("rollback", {"rollout": "canary"}, 400, "reason"),
        ("rollback", {"rollout": "canary", "why": "  "}, 400, "reason"), ("promote", {"rollout": "canary"}, 409, "found idle"),
        ("start", {"rollout": "canary", "share": 1.5}, 409, "found share 1.5"), ("finish", {"rollout": "canary"}, 409, "a share of 1"),
        ("start", {"rollout": "canary", "version": 7}, 409, "version 7"), ("explode", {"rollout": "canary"}, 404, "Not Found"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_words_and_changes_nothing(serve: Serve, action: str, body: Any, status: int, said: str) -> None:
    found, told = post(serve, action, body)
    assert found == status and said in told["error"] and state(serve) == "idle"


def test_of_many_who_promote_what_they_saw_only_one_does(serve: Serve) -> None:
    version = post(serve, "start", {"rollout": "canary"})[1]["version"]
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(post, serve, "promote", {"rollout": "canary", "version": version}) for _ in range(8)]
        found = [each.result()[0] for each in asked]
    assert sorted(found) == [200] + [409] * 7
    assert json.loads(serve.get("/api/rollout")[1])["rollouts"][0]["share"] == 0.05


def test_a_token_is_asked_for_before_anything_is_read_or_changed(tmp_path: Path) -> None:
    with Serve(tmp_path, config(TEXT.format(url="http://127.0.0.1:9")), env={"UNDERSTUDY_ADMIN_TOKEN": TOKEN}) as serve:
        assert until(lambda: serve.get("/healthz")[0] == 200)
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Basic " + TOKEN}):
            assert post(serve, "start", {"rollout": "canary"}, **headers)[0] == 401
        assert serve.get("/api/rollout")[0] == 401 and not (tmp_path / "rollouts" / "canary.json").exists()
        allowed = {"Authorization": f"Bearer {TOKEN}"}
        assert post(serve, "start", {"rollout": "canary"}, Content_Type="text/plain", **allowed)[0] == 403
        assert post(serve, "start", {"rollout": "canary"}, Host="desk.example", Origin="https://desk.example", **allowed)[0] == 200


def test_a_rollback_waits_for_no_store_and_no_lock_stops_the_port(serve: Serve) -> None:
    """Somebody holds the store, then the rollout's lock: the port answers in the meantime."""
    assert post(serve, "start", {"rollout": "canary"})[0] == 200
    import duckdb  # as a foreign holder would

    until(lambda: (serve.folder / "understudy.duckdb").exists())
    with until(lambda: _held(duckdb, serve.folder / "understudy.duckdb")):
        assert post(serve, "rollback", {"rollout": "canary", "why": "x"})[0] == 200 and state(serve) == "rolled_back"
    assert post(serve, "start", {"rollout": "canary"})[0] == 200
    _with_lock_held(serve)


def _held(duckdb: Any, path: Path) -> Any:
    try:
        return duckdb.connect(str(path))
    except duckdb.IOException:  # our recorder has it just now
        return None


def _with_lock_held(serve: Serve) -> None:
    import fcntl

    answers: list[tuple[int, dict[str, Any]]] = []
    with (serve.folder / "rollouts" / "canary.lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asking = threading.Thread(target=lambda: answers.append(post(serve, "promote", {"rollout": "canary"})))
        asking.start()
        time.sleep(0.2)
        assert state(serve) == "running" and serve.get("/healthz")[0] == 200 and not answers
    asking.join(60)
    assert answers[0][0] == 200

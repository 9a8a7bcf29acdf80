"""A rollout in a real serve of two workers: a conversation has one answerer, whichever worker it meets, before and after a restart."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from proxy.config import Config
from proxy.config_file import parse
from proxy.rollout.change import change
from proxy.rollout.choice import Plan, drawn
from proxy.rollout.report import Report
from proxy.rollout.state import Asked
from proxy.rollout.state_file import beat, files_of
from tests.bench.bench_relay import cpu_s
from tests.fakes.models import Models
from tests.harness import Serve, config

BODY = """
[targets.inc]
url = "{incumbent}"
[targets.cand]
url = "{candidate}"
model = "next"
[[routes]]
name = "main"
incumbent = "inc"
[[rollouts]]
name = "try"
route = "main"
candidate = "cand"
guard_fresh_s = 3600
bake_s = 86400
"""
CONVERSATIONS = 150


def ask(serve: Serve, conversation: str) -> str:
    """The model that answers; a connection of its own, so that either worker may get it."""
    assert serve.where is not None
    connection = HTTPConnection(*serve.where.listen.split(":"), timeout=60)
    try:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
        headers = {"content-type": "application/json", "x-understudy-conversation": conversation}
        connection.request("POST", "/v1/chat/completions", body, headers)
        return json.loads(connection.getresponse().read())["model"]
    finally:
        connection.close()


def answered_by_the_candidate(serve: Serve) -> set[str]:
    keys = [f"conversation {number}" for number in range(CONVERSATIONS)]
    with ThreadPoolExecutor(8) as pool:
        return {key for key, model in zip(keys, pool.map(lambda key: ask(serve, key), keys), strict=True) if model == "next-served"}


def share(configured: Config, action: str, to: float) -> set[str]:
    """The rollout at this share; the conversations that are the candidate's by it."""
    rollout = configured.rollouts[0]
    state = change(configured, rollout, Asked(action=action, actor="test", why="test", share=to))  # type: ignore[arg-type]
    beat(files_of(configured, rollout), msgspec.json.encode(Report(rollout="try", at_us=time.time_ns() // 1000)))
    plan = Plan(rollout="try", target="cand", share=state.takes, fallback_after_s=1, starts=state.starts)
    return {key for key in (f"conversation {number}" for number in range(CONVERSATIONS)) if drawn(plan, key)}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Serve, Config]]:
    with Models("inc") as incumbent, Models("cand") as candidate:
        text = config(BODY.format(incumbent=incumbent.url, candidate=candidate.url), server="workers = 2")
        with Serve(tmp_path, text) as serve:
            yield serve, parse(text, folder=tmp_path)


def test_workers_and_restarts_agree_and_nobody_moves_back(running: tuple[Serve, Config]) -> None:
    serve, configured = running
    seen: list[set[str]] = []
    used = {name: cpu_s(serve.pid_of(name)) for name in ("worker-0", "worker-1")}
    for action, to in (("start", 0.1), ("promote", 0.5)):
        expected = share(configured, action, to)
        before = [answered_by_the_candidate(serve) for _ in range(2)]
        assert before == [expected, expected]
        seen.append(expected)
    assert seen[0] < seen[1]
    assert all(cpu_s(serve.pid_of(name)) > idle for name, idle in used.items())  # both were asked
    serve.stop()
    serve.start()
    share(configured, "pause", 0.0)
    assert answered_by_the_candidate(serve) == seen[1]
    assert share(configured, "rollback", 0.0) == answered_by_the_candidate(serve) == set()
    anew = share(configured, "start", 0.5)
    assert answered_by_the_candidate(serve) == anew
    assert 0.25 * len(seen[1]) < len(anew & seen[1]) < 0.75 * len(seen[1])  # who met the first is no likelier to meet the next

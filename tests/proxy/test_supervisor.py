"""The processes of `serve`: who starts, who comes back, who waits for whom, and what happens when the supervisor itself dies."""

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.supervisor import serving
from tests.fakes.models import Models
from tests.harness import Serve, config, until
from tests.prometheus import free_port

BODY = """
[targets.inc]
url = "{incumbent}"
[[routes]]
name = "main"
incumbent = "inc"
"""


@pytest.fixture
def incumbent() -> Iterator[Models]:
    with Models("inc", gap_s=0.01) as models:
        yield models


@pytest.fixture
def serve(tmp_path: Path, incumbent: Models) -> Iterator[Serve]:
    with Serve(tmp_path, config(BODY.format(incumbent=incumbent.url), server="workers = 2\ndrain_s = 10")) as serve:
        yield serve


def ask(url: str, text: str = "hello", *, stream: bool = False) -> str:
    body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}).encode()
    request = urllib.request.Request(url + "/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_processes_show_their_role(serve: Serve) -> None:
    where = serving(serve.journal)
    assert where is not None and set(where.children) == {"worker-0", "worker-1", "shadow", "recorder"}
    for name, pid in where.children.items():
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        assert f"understudy {name.partition('-')[0]}" in line
        assert os.getpgid(pid) == os.getpgid(where.pid), "children stay in their supervisor's process group"


@pytest.mark.parametrize("name", ["worker-0", "shadow", "recorder"])
def test_whoever_is_killed_comes_back_and_calls_go_on(serve: Serve, name: str) -> None:
    before = serve.pid_of(name)
    os.kill(before, signal.SIGKILL)
    assert "hello" in ask(serve.url)
    until(lambda: serve.pid_of(name) != before and alive(serve.pid_of(name)))
    assert "hello" in ask(serve.url)


def test_sigterm_lets_a_stream_under_way_finish_and_everything_is_stored(tmp_path: Path) -> None:
    with Models("inc", pieces=60, gap_s=0.03) as incumbent:
        with Serve(tmp_path, config(BODY.format(incumbent=incumbent.url), server="drain_s = 20")) as serve:
            answers: list[str] = []
            asking = threading.Thread(target=lambda: answers.append(ask(serve.url, "x" * 300, stream=True)))
            asking.start()
            until(lambda: len(incumbent.seen) == 1)
            assert serve.stop() == 0
            asking.join(60)
            assert answers and answers[0].endswith("data: [DONE]\n\n")
        assert serve.query("SELECT outcome FROM exchanges") == [("answered",)]
        assert serving(serve.journal) is None
        assert list(serve.journal.glob("*.seg")) == []


def test_after_sigterm_no_child_is_left(serve: Serve) -> None:
    where = serving(serve.journal)
    assert where is not None
    assert serve.stop() == 0
    assert [name for name, pid in where.children.items() if alive(pid)] == []


def test_a_second_serve_on_the_same_folder_is_refused_in_one_line(serve: Serve) -> None:
    from tests.harness import command

    done = command("serve", "--quiet", "--config", str(serve.file))
    assert done.returncode == 2 and "store.journal" in done.stderr and str(serve.where.pid if serve.where else "") in done.stderr


def test_sighup_takes_a_new_configuration_without_a_failed_call(tmp_path: Path, incumbent: Models) -> None:
    with Models("other", text=lambda asked: "the other one") as other:
        with Serve(tmp_path, config(BODY.format(incumbent=incumbent.url), server="drain_s = 10")) as serve:
            assert serve.process is not None
            failures: list[str] = []
            stop = threading.Event()

            def go_on() -> None:
                while not stop.is_set():
                    try:
                        ask(serve.url)
                    except OSError as error:
                        failures.append(repr(error))

            asking = threading.Thread(target=go_on)
            asking.start()
            serve.file.write_text(serve.text.replace(incumbent.url, other.url))
            serve.process.send_signal(signal.SIGHUP)
            until(lambda: "the other one" in ask(serve.url))
            stop.set()
            asking.join(60)
            assert failures == []


def test_sighup_keeps_the_old_configuration_when_the_new_one_is_wrong(serve: Serve) -> None:
    assert serve.process is not None
    before = serve.pid_of("worker-0")
    serve.file.write_text(serve.text + "\n[servr]\n")
    serve.process.send_signal(signal.SIGHUP)
    until(lambda: "servr" in serve.log.read_text())
    time.sleep(0.3)
    assert serve.pid_of("worker-0") == before
    assert "hello" in ask(serve.url)


def test_children_survive_their_supervisor_and_the_next_serve_takes_over(tmp_path: Path, incumbent: Models) -> None:
    port = free_port()
    text = config(BODY.format(incumbent=incumbent.url), server="drain_s = 5").replace(
        'listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{port}"'
    )
    with Serve(tmp_path, text) as serve:
        assert serve.process is not None and serve.where is not None
        former = serving(serve.journal)
        assert former is not None
        os.kill(serve.process.pid, signal.SIGKILL)
        serve.process.wait()
        assert "hello" in ask(serve.url), "workers go on without their supervisor"
        serve.start()
        assert "hello" in ask(serve.url)
        until(lambda: not any(alive(pid) for pid in former.children.values()), 60, "the former children are retired")
        assert "hello" in ask(serve.url)
        until(lambda: serve.one("SELECT count(*) FROM exchanges WHERE outcome = 'answered'") == 3)


def test_a_child_that_keeps_ending_shows_in_readyz_by_name_and_code(serve: Serve) -> None:
    for _ in range(3):
        before = serve.pid_of("shadow")
        os.kill(before, signal.SIGKILL)
        until(lambda before=before: serve.pid_of("shadow") != before)
    until(lambda: b"shadow ended 3 times" in (found := serve.get("/readyz")[1]) and b"code -9" in found, 60, lambda: serve.get("/readyz"))
    assert serve.get("/readyz")[0] == 503 and "hello" in ask(serve.url)


def test_readiness_does_not_blink_while_sighup_replaces_the_recorder(serve: Serve) -> None:
    assert serve.process is not None
    until(lambda: serve.get("/readyz")[0] == 200)
    before = serve.pid_of("recorder")
    serve.process.send_signal(signal.SIGHUP)
    seen = set[int]()
    until(lambda: seen.add(serve.get("/readyz")[0]) or serve.pid_of("recorder") != before)
    for _ in range(10):
        seen.add(serve.get("/readyz")[0])
        time.sleep(0.05)
    assert seen == {200}


def test_sighup_replaces_shadow_and_recorder_without_waiting_for_a_long_answer(tmp_path: Path) -> None:
    with Models("inc", pieces=200, gap_s=0.5) as incumbent:
        with Serve(tmp_path, config(BODY.format(incumbent=incumbent.url), server="drain_s = 60")) as serve:
            assert serve.process is not None
            answers: list[str] = []
            asking = threading.Thread(target=lambda: answers.append(ask(serve.url, "x" * 1200, stream=True)))
            asking.start()
            until(lambda: len(incumbent.seen) == 1)
            before = serve.pid_of("recorder")
            serve.process.send_signal(signal.SIGHUP)
            until(lambda: serve.pid_of("recorder") != before)
            assert not answers, "the answer was still under way"
            incumbent.gap_s = 0.0
            asking.join(60)
            assert answers[0].endswith("data: [DONE]\n\n")

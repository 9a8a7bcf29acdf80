"""A worker as a process of its own: one listening socket shared by several, an end on SIGTERM, a sealed journal."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.events import BeatEvent, CallEvent, ExchangeEvent
from proxy.segments import is_sealed, read_segment, segment_names
from tests.fakes.upstream import Asked, Step, Upstream, sized
from tests.proxy.relaying import LLM, Talk, until

ROOT = Path(__file__).resolve().parents[2]
TEXT = '[store]\njournal = "{folder}"\n[targets.gpt]\nurl = "http://127.0.0.1:{port}"\n[[routes]]\nname = "main"\nincumbent = "gpt"\n'
CODE = """
import socket, sys
from proxy import worker
from proxy.config_file import parse
listening = socket.socket(fileno=int(sys.argv[1]))
worker.run(parse(sys.argv[2]), listening, sys.argv[3], ready=lambda: print("ready", flush=True))
"""
CALL = LLM + b"Content-Length: 2\r\n\r\n{}"


def start(listening: socket.socket, text: str, process: str) -> subprocess.Popen[bytes]:
    os.set_inheritable(listening.fileno(), True)
    line = [sys.executable, "-c", CODE, str(listening.fileno()), text, process]
    worker = subprocess.Popen(line, cwd=ROOT, pass_fds=[listening.fileno()], stdout=subprocess.PIPE)
    assert worker.stdout is not None and worker.stdout.readline() == b"ready\n"
    return worker


def ended(worker: subprocess.Popen[bytes]) -> int:
    worker.send_signal(signal.SIGTERM)
    code = worker.wait(60)
    assert worker.stdout is not None
    worker.stdout.close()
    return code


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(100)
        yield sock


def ask(listening: socket.socket) -> bytes:
    with Talk(socket.create_connection(listening.getsockname(), 20)) as talk:
        talk.send(CALL)
        return talk.answer().body


def test_a_worker_ends_on_sigterm_after_its_calls_and_seals_its_journal(listening: socket.socket, tmp_path: Path) -> None:
    go = threading.Event()

    def answer(asked: Asked) -> Iterator[Step]:
        yield go
        yield sized(b"done")

    with Upstream(answer) as up, Talk(socket.create_connection(listening.getsockname(), 20)) as talk:
        worker = start(listening, TEXT.format(folder=tmp_path, port=up.port), "worker-0")
        talk.send(CALL)
        until(lambda: up.asked)
        worker.send_signal(signal.SIGTERM)
        go.set()
        answered = talk.answer()
        assert (answered.body, talk.end()) == (b"done", (b"", "eof"))
        assert ended(worker) == 0
    assert answered.header("connection") == "close" or answered.header("connection") is None  # the signal may come after the head
    assert all(is_sealed(tmp_path / name) for name in segment_names(tmp_path))
    kinds = [type(each.event) for name in segment_names(tmp_path) if (got := read_segment(tmp_path / name)) for each in got.events]
    assert kinds.count(CallEvent) == kinds.count(ExchangeEvent) == 1 and BeatEvent in kinds


def test_workers_share_a_socket_and_one_that_leaves_takes_no_call_along(listening: socket.socket, tmp_path: Path) -> None:
    with Upstream() as up:
        text = TEXT.format(folder=tmp_path, port=up.port)
        workers = [start(listening, text, f"worker-{number}") for number in range(2)]
        answers: list[bytes] = []
        asking = threading.Thread(target=lambda: answers.extend(ask(listening) for _ in range(300)))
        asking.start()
        until(lambda: len(up.asked) > 50)
        assert ended(workers[0]) == 0
        asking.join(60)
        assert answers == [b"/v1/chat/completions"] * 300
        assert ended(workers[1]) == 0
    events = [each.event for name in segment_names(tmp_path) if (got := read_segment(tmp_path / name)) for each in got.events]
    assert len({event.id for event in events if isinstance(event, CallEvent)}) == 300
    assert sum(isinstance(event, ExchangeEvent) for event in events) == 300

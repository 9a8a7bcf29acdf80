"""A worker on a loop of its own thread, and a raw client to talk to it: what every test of the relay stands on."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import uvloop

from proxy.config import Config
from proxy.config_file import parse
from proxy.events import AnyEvent, BeatEvent, CallEvent, ExchangeEvent
from proxy.segments import read_segment, segment_names
from proxy.worker import Worker
from tests.fakes.upstream import Wire

ROUTES = '[targets.gpt]\nurl = "http://127.0.0.1:{port}"\n[[routes]]\nname = "main"\nincumbent = "gpt"\n'
LLM = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def config(folder: Path, port: int, *, server: str = "", journal: str = "", routes: str = ROUTES) -> Config:
    text = f"[server]\n{server}\n[journal]\n{journal}\n" + routes.replace("{port}", str(port))
    return parse(text, folder=folder)


@dataclass(repr=False)
class Relaying:
    """`with Relaying(config) as relay: relay.talk()`. Leaving it drains the worker; then `relay.events` is all it journaled."""

    config: Config
    drain_s: float = 5.0
    events: list[tuple[AnyEvent, bytes]] = field(default_factory=list)
    errors: list[dict[str, object]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.listening = socket.socket()
        self.listening.bind(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self._up, self._ending = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()), daemon=True)
        self._thread.start()
        assert self._up.wait(60)
        return self

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self.worker = Worker(self.config, self.listening, "worker-0")
        await self.worker.start()
        self._up.set()
        await self._ending.wait()
        await self.worker.stop(self.drain_s)

    def __exit__(self, *_: object) -> None:
        self.end()
        folder = self.config.journal_folder
        for name in segment_names(folder):
            contents = read_segment(folder / name)
            assert contents is not None and contents.damage is None
            self.events += [(each.event, each.body) for each in contents.events]
        assert self.errors == []

    def end(self) -> None:
        self.begin_to_end()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def begin_to_end(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended already
            self.loop.call_soon_threadsafe(self._ending.set)

    def talk(self) -> "Talk":
        return Talk(socket.create_connection(("127.0.0.1", self.port), 20))

    def ask(self, raw: bytes) -> "Answer":
        with self.talk() as talk:
            talk.send(raw)
            return talk.answer(head_only=raw.startswith(b"HEAD "))

    @property
    def calls(self) -> list[tuple[CallEvent, bytes]]:
        return [(event, body) for event, body in self.events if isinstance(event, CallEvent)]

    @property
    def exchanges(self) -> list[tuple[ExchangeEvent, bytes]]:
        return [(event, body) for event, body in self.events if isinstance(event, ExchangeEvent)]

    @property
    def last_beat(self) -> BeatEvent:
        return [event for event, _ in self.events if isinstance(event, BeatEvent)][-1]


@dataclass
class Answer:
    status: int
    reason: bytes
    lines: list[bytes]
    body: bytes
    chunked: bool

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode()
        found = [line.partition(b":")[2].strip() for line in self.lines if line.partition(b":")[0].lower() == wanted]
        return b", ".join(found).decode("latin-1") if found else None


class Talk:
    """A client's connection, byte by byte."""

    def __init__(self, sock: socket.socket):
        self.sock, self.wire = sock, Wire(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.sock.sendall(part)

    def head(self) -> bytes:
        return self.wire.until(b"\r\n\r\n")

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next complete answer, by its own framing."""
        first, *lines = self.head().split(b"\r\n")[:-2]
        found = re.fullmatch(rb"HTTP/1\.1 (\d{3}) (.*)", first)
        assert found, first
        answer = Answer(int(found[1]), found[2], lines, b"", False)
        length = answer.header("content-length")
        answer.chunked = answer.header("transfer-encoding") == "chunked"
        if head_only or answer.status in (204, 304) or answer.status < 200:
            return answer
        if answer.chunked:
            answer.body = self.wire.chunks()
        else:
            answer.body = self.wire.exactly(int(length)) if length is not None else self.wire.rest_until_end()
        return answer

    def end(self) -> tuple[bytes, str]:
        """Everything until the connection ends, and how it ends: `eof` or `reset`."""
        try:
            while data := self.sock.recv(65_536):
                self.wire.rest += data
            return self.wire.rest, "eof"
        except ConnectionResetError:
            return self.wire.rest, "reset"


def until(true: Callable[[], object], wait_s: float = 60.0) -> None:
    deadline = time.monotonic() + wait_s
    while not true():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.005)

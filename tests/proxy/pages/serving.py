"""The admin application with its pages on a real port, facts that a test sets, rollouts in real files; and a browser's part of HTTP."""

import asyncio
import http.client
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from proxy.admin import TOKEN_VARIABLE, application
from proxy.config import Config
from proxy.config_file import parse
from proxy.health import Health
from proxy.pages.routes import add_pages
from proxy.rollout.change import change, state_of
from proxy.rollout.report import Report
from proxy.rollout.state import Action, Asked, State
from proxy.rollout.state_file import beat, files_of

TEXT = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
[targets.gpt]
url = "http://127.0.0.1:9"
[targets.small]
url = "http://127.0.0.1:10"
model = "small-2"
[[routes]]
name = "main"
incumbent = "gpt"
repeat = 0.05
"""
ROLLOUT = '[[rollouts]]\nname = "small-canary"\nroute = "main"\ncandidate = "small"\n'
MARK = re.compile(r'name="mark" value="([^"]*)"')
VERSION = re.compile(r'name="version" value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def mark(self) -> str:
        found = MARK.search(self.text)
        assert found, self.text
        return unescape(found[1])

    @property
    def version(self) -> str:
        found = VERSION.search(self.text)
        assert found, self.text
        return found[1]

    @property
    def cookie(self) -> str:
        """`name=value` of what was set."""
        return self.headers.get("set-cookie", "").partition(";")[0]


@dataclass(slots=True)
class Desk:
    """`known` of the application, and what a test asks it."""

    config: Config
    port: int = 0
    said: dict[str, Any] = field(default_factory=dict[str, Any])
    well: Health = field(default_factory=lambda: Health(ready=True))

    def status(self) -> dict[str, object]:
        return self.said

    def health(self) -> Health:
        return self.well

    def exposition(self) -> bytes:
        return b"understudy_build_info 1\n"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, path: str, form: dict[str, str] | bytes | None = None, *, cookie: str = "", method: str = "", **headers: str
    ) -> Answer:  # fmt: skip
        """A GET, or a POST of the form; no redirect is followed. Header names with _ for -."""
        body = urlencode(form).encode() if isinstance(form, dict) else form
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Cookie": cookie} if cookie else {}
        sent |= {"Content-Type": "application/x-www-form-urlencoded"} if body is not None and "Content-Type" not in sent else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
            answer = connection.getresponse()
            return Answer(
                answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode("utf-8")
            )  # fmt: skip
        finally:
            connection.close()

    # ---- rollouts

    def do(self, action: Action, **more: Any) -> State:
        return change(self.config, self.config.rollouts[0], Asked(action=action, actor=more.pop("actor", "test"), **more))

    @property
    def state(self) -> State:
        return state_of(self.config, self.config.rollouts[0])

    @property
    def file(self) -> Path:
        return files_of(self.config, self.config.rollouts[0]).state

    def guard(self, **more: Any) -> None:
        """Its word, now."""
        report = Report(rollout="small-canary", at_us=0, **({"version": self.state.version} | more))
        beat(files_of(self.config, self.config.rollouts[0]), msgspec.json.encode(report))


@contextmanager
def desk(folder: Path, text: str = TEXT + ROLLOUT, token: str = "") -> Iterator[Desk]:
    before = os.environ.pop(TOKEN_VARIABLE, None)
    if token:
        os.environ[TOKEN_VARIABLE] = token
    made, loop, ready = Desk(parse(text, folder=folder)), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(application(made, made.config, add_pages), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = runner.addresses[0][1]
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(60)
        yield made
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
        os.environ.pop(TOKEN_VARIABLE, None)
        if before is not None:
            os.environ[TOKEN_VARIABLE] = before

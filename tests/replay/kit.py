"""What the tests of replay share: a worker's journal, a scripted model on loopback, a configuration between them."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson
from aiohttp import web

from proxy.config import Config
from proxy.config_file import parse
from proxy.events import AnyEvent, CallEvent, DecisionEvent, ExchangeEvent
from proxy.journal import Journal, JournalLimits
from proxy.segments import Passed, segment_names
from proxy.segments import parse as parse_segment

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "small-2-0601",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2},
}  # fmt: skip
T = TypeVar("T", bound=AnyEvent)
Handler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


def chat(text: str = "What is the capital of France?", **more: object) -> dict[str, Any]:
    return {"model": "big-1", "messages": [{"role": "user", "content": text}], "max_tokens": 50, **more}


@dataclass(slots=True)
class Model:
    """A scripted model. `seen` holds what it was asked, by the call's own text."""

    handler: Handler | None = None
    seen: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, str], dict[str, Any]]])
    at: list[float] = field(default_factory=list[float])
    url: str = ""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.at.append(time.time())
        self.seen.append((request.raw_path, dict(request.headers), orjson.loads(body)))
        return await self.handler(request, body) if self.handler else web.json_response(ANSWER)


@contextlib.asynccontextmanager
async def model(handler: Handler | None = None) -> AsyncGenerator[Model]:
    played = Model(handler)
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", played.__call__)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    played.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield played
    finally:
        await runner.cleanup()


def config_text(url: str, *, target: str = "", route: str = "", top: str = "", incumbent: str = "http://127.0.0.1:9") -> str:
    return f"""
        {top}
        [store]
        journal = "journal"
        [targets.big]
        url = "{incumbent}"
        [targets.small]
        url = "{url}"
        model = "small-2"
        {target}
        [[routes]]
        name = "main"
        incumbent = "big"
        {route or 'shadow = [{ target = "small" }]'}
        """


def config(folder: Path, url: str, **more: str) -> Config:
    return parse(config_text(url, **more), folder=folder)


def an_event(*, id: str = "", at: int | None = None, **more: Any) -> CallEvent:
    given: dict[str, Any] = {
        "route": "main",
        "dialect": "openai.chat",
        "path": "/v1/chat/completions",
        "headers": {"content-type": "application/json"},
    }
    return CallEvent(id=id or str(uuid.uuid4()), at=time.time_ns() // 1000 if at is None else at, **{**given, **more})


class Worker:
    """Stands in for a worker: a journal that calls are put into."""

    def __init__(self, folder: Path, **limits: Any):
        self.journal = Journal(folder, "worker-0", "test", JournalLimits(**limits))
        self.journal.start(asyncio.get_running_loop())

    def call(self, body: object = None, **more: Any) -> CallEvent:
        event = an_event(**more)
        self.journal.put(event, body if isinstance(body, bytes) else orjson.dumps(chat() if body is None else body))
        return event

    async def flushed(self) -> None:
        await asyncio.to_thread(self.journal.flush().wait, 5)

    async def close(self) -> None:
        await asyncio.to_thread(self.journal.close)


def journaled(folder: Path, process: str = "shadow") -> list[Passed]:
    """Everything whole that a process has journaled so far."""
    found: list[Passed] = []
    for name in segment_names(folder):
        if f"-{process}-" in name:
            found += [each for each in parse_segment(name, (folder / name).read_bytes()) if isinstance(each, Passed)]
    return found


def events_of(folder: Path, kind: type[T]) -> list[T]:
    return [each.event for each in journaled(folder) if isinstance(each.event, kind)]


def decisions(folder: Path) -> list[DecisionEvent]:
    return events_of(folder, DecisionEvent)


def exchanges(folder: Path) -> list[ExchangeEvent]:
    return events_of(folder, ExchangeEvent)


async def until(true: Callable[[], bool], wait_s: float = 120.0) -> None:
    """Poll for a fact; the deadline only ends a test that has failed."""
    async with asyncio.timeout(wait_s):
        while not true():  # noqa: ASYNC110 (the fact lies in another process or on disk)
            await asyncio.sleep(0.01)

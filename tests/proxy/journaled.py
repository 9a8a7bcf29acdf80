"""Journals made for tests: calls and answers as a worker writes them, in real segments of a real Journal, and one run of a real recorder."""

import asyncio
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from proxy.config import Config, Price, Route, Server, ShadowLeg, ShadowSection, Target, Workflow
from proxy.config import Store as StoreSection
from proxy.events import AnyEvent, CallEvent, DecisionEvent, ExchangeEvent
from proxy.intake import Memory
from proxy.journal import Journal, JournalLimits
from proxy.recorder import Observer, Pace, Recorder
from proxy.store import Store

KEY = b"a key for tests"
Made = tuple[AnyEvent, bytes]
QUICK = Pace(poll_s=0.005, tell_every_s=0.0, recall_after_s=0.1, commit_every_s=0.02, commit_wait_s=0.2, drain_s=20.0)


def a_config(
    folder: Path, *, bodies: Any = "anonymized", shadow: bool = True, workflows: Sequence[str] = (), stale_s: float = 60.0
) -> Config:
    price = Price(input=1.0, output=2.0)
    return Config(
        server=Server(workers=1),
        store=StoreSection(bodies=bodies, retention_days=36_500),  # the times of tests are fixed
        shadow=ShadowSection(stale_s=stale_s),
        targets={"gpt": Target(url="https://api.openai.com", price=price), "small": Target(url="http://127.0.0.1:9", price=price)},
        routes=[Route(name="main", incumbent="gpt", shadow=[ShadowLeg(target="small")] if shadow else [])],
        workflows=[Workflow(name=name) for name in workflows],
        folder=str(folder),
    )


def now_us() -> int:
    return time.time_ns() // 1000


def new_id() -> str:
    return str(uuid.uuid4())


def a_call(call_id: str, text: str = "What is 2 + 2?", *, system: str = "", body: bytes | None = None, **more: Any) -> Made:
    messages = [{"role": "system", "content": system}] if system else []
    request = {"model": "gpt-4o", "messages": [*messages, {"role": "user", "content": text}]}
    fields: dict[str, Any] = {"at": now_us(), "id": call_id, "route": "main", "dialect": "openai.chat", "path": "/v1/chat/completions"}
    sent = orjson.dumps(request) if body is None else body
    fields |= {"size": len(sent), "headers": {"content-type": "application/json"}}
    return CallEvent(**(fields | more)), sent


def an_answer(call_id: str, text: str = "4", *, body: bytes | None = None, **more: Any) -> Made:
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    sent = orjson.dumps({"id": "r-1", "model": "gpt-4o-2024-08-06", **said, "usage": usage}) if body is None else body
    fields: dict[str, Any] = {
        "at": now_us(), "id": call_id, "route": "main", "dialect": "openai.chat", "target": "gpt", "role": "incumbent", "seen": True,
        "status": 200, "ended": "complete", "headers": {"content-type": "application/json"}, "latency_us": 250_000, "chunks": 1,
        "marks": [(200_000, len(sent))], "overhead_us": 400, "size": len(sent),
    }  # fmt: skip
    return ExchangeEvent(**(fields | more)), sent


def a_decision(call_id: str, decision: Any = "sent", **more: Any) -> Made:
    fields: dict[str, Any] = {"at": now_us(), "id": call_id, "route": "main", "target": "small", "role": "candidate", "decision": decision}
    return DecisionEvent(**(fields | more)), b""


def write(folder: Path, pieces: Iterable[Sequence[Made]], process: str = "worker-0") -> Journal:
    """Each piece becomes a sealed segment of one writer."""
    loop = asyncio.new_event_loop()
    journal = Journal(folder, process, "", JournalLimits(segment_max_bytes=1, fsync="never"))
    journal.start(loop)
    for piece in pieces:
        for event, body in piece:
            assert journal.put(event, body, reserved=True)
        assert journal.flush().wait(60)
    journal.close(20)
    loop.close()
    return journal


def record(
    config: Config,
    *,
    observers: Sequence[Observer] = (),
    pace: Pace = QUICK,
    memory: Memory | None = None,
    recorder: Recorder | None = None,
) -> Recorder:
    """One recorder from its start to its end: it is asked to stop at once, so it reads and stores what is there."""
    made = recorder or Recorder(config, KEY, observers=observers, pace=pace, memory=memory)

    async def run() -> None:
        stop = asyncio.Event()
        stop.set()
        await made.run(stop)

    config.journal_folder.mkdir(exist_ok=True)
    asyncio.run(run())
    return made


def passed(config: Config, names: Iterable[str]) -> None:
    """The shadow has decided all calls of these segments."""
    (config.journal_folder / "shadow.cursor").write_bytes(orjson.dumps({"at": now_us(), "passed": list(names)}))


def rows(config: Config, sql: str) -> list[tuple[Any, ...]]:
    return Store(config.store_path).query(sql).rows

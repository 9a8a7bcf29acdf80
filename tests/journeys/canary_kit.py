"""What the canary's journeys share: many routes of one `serve`, each with a rollout of its own, and applications that call them all."""

import asyncio
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from proxy.config import Config
from proxy.config_file import load
from proxy.rollout.change import change, rollout_named, state_of
from proxy.rollout.choice import Plan, drawn, key_of
from proxy.rollout.report import Report, read_report
from proxy.rollout.state import Asked, State
from proxy.rollout.state_file import files_of
from tests.fakes.models import Models
from tests.harness import Serve

GUARD_HEADER = "x-understudy-shadow"
GOOD, BROKEN, REFUSAL = '{"total": 12}', '{"total": 12', "I'm sorry, but I can't help with that request."


def targets(name: str, incumbent: Models, candidate: Models, **keys: str) -> str:
    """A route `name` with a rollout of the same name."""
    more = "\n".join(f"{key} = {value}" for key, value in keys.items())
    price = "price = { input = 1.0, output = 2.0 }"
    return f"""
[targets.{name}-old]
url = "{incumbent.url}"
{price}
[targets.{name}-new]
url = "{candidate.url}"
{price}
[[routes]]
name = "{name}"
path = "/{name}"
incumbent = "{name}-old"
[[rollouts]]
name = "{name}"
route = "{name}"
candidate = "{name}-new"
{more}
"""


def prompt(number: int) -> str:
    return f"invoice {number:06d}: what is the total?"


def uneven(text: str, median_s: float, sigma: float = 0.25) -> float:
    """A latency that depends on the prompt alone, spread as latencies are."""
    return median_s * math.exp(sigma * random.Random(text).gauss(0, 1))


@dataclass
class Callers:
    """Applications that call every route until told to stop; each call is a conversation of its own unless `conversations` bounds them."""

    url: str
    per_s: Mapping[str, float]
    conversations: int = 1 << 40
    stateful_every: int = 0
    """So often a call asks that its answer is kept, and can only be the incumbent's."""
    timeout_s: float = 30.0
    answered: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, float, str]] = field(default_factory=list)
    """(route, when, what)"""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Callers":
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(60)

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout_s), connector=connector) as session:
            tasks: set[asyncio.Task[None]] = set()
            loops = [asyncio.get_running_loop().create_task(self._route(session, name, rate, tasks)) for name, rate in self.per_s.items()]
            await asyncio.wait(loops)
            if tasks:
                await asyncio.wait(tasks)

    async def _route(self, session: aiohttp.ClientSession, name: str, rate: float, tasks: set[asyncio.Task[None]]) -> None:
        number, began = 0, time.monotonic()
        while not self._stop.is_set():
            task = asyncio.get_running_loop().create_task(self._call(session, name, number % self.conversations))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
            await asyncio.sleep(max(began + number / rate - time.monotonic(), 0.0))

    async def _call(self, session: aiohttp.ClientSession, name: str, number: int) -> None:
        body: dict[str, object] = {"model": "m-1", "messages": [{"role": "user", "content": prompt(number)}]}
        if self.stateful_every and number % self.stateful_every == 0:
            body["store"] = True
        try:
            async with session.post(f"{self.url}/{name}/v1/chat/completions", json=body) as answer:
                raw = await answer.read()
                if answer.status == 200 and b'"finish_reason"' in raw:
                    self.answered[name] += 1
                else:
                    self.failed.append((name, time.time(), f"{answer.status} {raw[:200]!r}"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.failed.append((name, time.time(), repr(error)))


@dataclass
class Desk:
    """A person at the rollouts of a `serve`."""

    serve: Serve

    @property
    def config(self) -> Config:
        return load(self.serve.file)

    def ask(self, name: str, action: str, **more: object) -> State:
        config = self.config
        return change(config, rollout_named(config, name), Asked(action=action, actor="a person", **more))  # type: ignore[arg-type]

    def state(self, name: str) -> State:
        config = self.config
        return state_of(config, rollout_named(config, name))

    def report(self, name: str) -> Report | None:
        config = self.config
        return read_report(files_of(config, rollout_named(config, name)))

    def files(self, name: str) -> Path:
        config = self.config
        return files_of(config, rollout_named(config, name)).state


def canaries_seen(models: Models) -> list[str]:
    """What was asked of this model for a client, not for a shadow."""
    return [each.json["messages"][-1]["content"] for each in list(models.seen) if GUARD_HEADER not in each.headers]


def may_be_taken(rollout: str, share: float, starts: int, text: str) -> bool:
    """Whether this prompt's conversation lies in the share, judged as a worker does."""
    from proxy.dialects import BY_NAME
    from proxy.exchange import Prompt

    body = json.dumps({"model": "m-1", "messages": [{"role": "user", "content": text}]}).encode()
    read = BY_NAME["openai.chat"].read_prompt("/v1/chat/completions", body)
    plan = Plan(rollout=rollout, target="", share=share, fallback_after_s=1.0, starts=starts)
    return isinstance(read, Prompt) and drawn(plan, key_of({}, read, "no call"))


Refuses = Callable[[str], str]


def refusing(share: float, text: str = GOOD) -> Refuses:
    """Refuses this share of the prompts, always the same ones."""
    return lambda asked: REFUSAL if random.Random(f"refuse {asked}").random() < share else text


def names(story: Sequence[tuple[str, object]]) -> list[str]:
    return [name for name, _ in story]

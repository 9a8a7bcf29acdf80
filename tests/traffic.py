"""Mixed calls for journeys: every dialect, plain and streamed, some that may not be mirrored. The n-th is always the same."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True)
class Mixed:
    path: str
    body: dict[str, Any]
    eligible: bool = True


def mixed(number: int) -> Mixed:
    text = f"case-{number:05d} please"
    message = [{"role": "user", "content": text}]
    chat = {"model": "model-1", "messages": message}
    kind = number % 20
    if kind == 0:
        return Mixed("/v1/responses", {"model": "model-1", "input": text, "previous_response_id": "resp_0"}, eligible=False)
    if kind == 1:
        return Mixed("/v1/embeddings", {"model": "model-1", "input": text}, eligible=False)
    if kind in (2, 3):
        return Mixed("/v1/responses", {"model": "model-1", "input": text, "stream": kind == 3})
    if kind in (4, 5):
        return Mixed("/v1/messages", {"model": "model-1", "max_tokens": 50, "messages": message, "stream": kind == 5})
    if kind in (6, 7):
        verb = "generateContent" if kind == 6 else "streamGenerateContent?alt=sse"
        return Mixed(f"/v1beta/models/model-1:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}]})
    if kind < 12:
        return Mixed("/v1/chat/completions", chat | {"stream": True})
    return Mixed("/v1/chat/completions", chat)


@dataclass
class Sent:
    """What became of the calls at the client."""

    ok: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)


async def send(url: str, numbers: range, *, at_once: int = 16, pause_s: float = 0.0) -> Sent:
    """Each call once; ok when the answer came whole, with status 200 and the call's own text in it."""
    sent, gate = Sent(), asyncio.Semaphore(at_once)
    timeout = aiohttp.ClientTimeout(total=60)

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        call = mixed(number)
        async with gate:
            await asyncio.sleep(pause_s)
            try:
                async with session.post(url + call.path, json=call.body, headers={"authorization": "Bearer sk-callers-own"}) as answer:
                    body = await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                sent.failed[number] = repr(error)
                return
        if answer.status == 200:
            sent.ok.add(number)
        else:
            sent.failed[number] = f"{answer.status} {body[:200]!r}"

    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(one(session, number))
    return sent

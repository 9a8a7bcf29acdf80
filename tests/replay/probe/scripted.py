"""A target whose every weakness is scripted, behind a real socket, and a line that asks it."""

import asyncio
import contextlib
import math
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from replay.probe import Reply

FACT = re.compile(r"The locker number of (\w+) is (\d+)\.")
QUESTION = re.compile(r"For ([\w, ]+): what locker number")
CHARS_PER_TOKEN, TEMPLATE_TOKENS = 3.6, 14
"""Another tokenizer than ours, and a chat template."""


@dataclass(slots=True, kw_only=True)
class Target:
    """A clean one, unless told otherwise. Times are seconds, lengths are tokens of its own."""

    base_s: float = 0.1
    s_per_1k: float = 0.0
    keep: int | None = None
    """Silently reads so many tokens."""
    keeps: str = "tail"
    """Which part is read: tail, head, ends."""
    counts: str = "kept"
    """What its usage reports: kept, full, nothing."""
    window: int | None = None
    """Refuses more, loudly."""
    forgets: int | None = None
    """Facts deeper than this many tokens from the end of the prompt are not found, though they are read."""
    limit_per_s: float | None = None
    bucket: float = 10.0
    per_second: int | None = None
    """Lets so many in within each second of its clock."""
    at_once: int | None = None
    """Refuses what comes while so many are under way."""
    retry_after: str | None = "1"
    queue_per_s: float | None = None
    """Serves one call after the other, so many a second, and refuses none."""
    slows_above: float | None = None
    """Takes three times as long above so many calls a second, and keeps up."""
    cold_s: float = 0.0
    idle_s: float = math.inf
    moody: bool = False
    """Answers every other call in other words, from another model."""
    one_piece: bool = False
    """Streams only when all is there."""
    stream_usage: bool = True
    refuses_temperature: bool = False
    wire: bool = False
    """Speaks OpenAI's dialect, not the short words of `Wire`."""
    seen: int = 0
    url: str = ""
    _tokens: float = field(default=math.nan)
    _at: float = 0.0
    _free_at: float = 0.0
    _last_s: float = -math.inf
    _warm_at: float = -math.inf
    _in_flight: int = 0
    _second: int = 0
    _in_second: int = 0
    _arrivals: list[float] = field(default_factory=list[float])

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        call = orjson.loads(await request.read())
        now = asyncio.get_running_loop().time()
        self.seen += 1
        if not self._let_in(now):
            return web.json_response(
                {"error": {"message": "Rate limit reached"}},
                status=429,
                headers={"retry-after": self.retry_after} if self.retry_after else {},
            )
        if self.refuses_temperature and "temperature" in call:
            return web.json_response({"error": {"message": "Unsupported parameter: 'temperature'"}}, status=400)
        content = call["messages"][-1]["content"]
        tokens = round(len(content) / CHARS_PER_TOKEN) + TEMPLATE_TOKENS
        if self.window is not None and tokens > self.window:
            said = f"This model's maximum context length is {self.window} tokens. However, your messages resulted in {tokens} tokens."
            return web.json_response({"error": {"message": said, "code": "context_length_exceeded"}}, status=400)
        text, read = self._read(content, tokens)
        self._in_flight += 1
        try:
            await self._take_time(now, read)
            return await self._say(request, call, self._answer(text), {"kept": read, "full": tokens}.get(self.counts))
        finally:
            self._in_flight -= 1
            self._last_s = asyncio.get_running_loop().time()

    def _let_in(self, now: float) -> bool:
        if self.at_once is not None and self._in_flight >= self.at_once:
            return False
        if self.per_second is not None:
            self._in_second = self._in_second + 1 if int(now) == self._second else 1
            self._second = int(now)
            return self._in_second <= self.per_second
        if self.limit_per_s is None:
            return True
        self._tokens = self.bucket if math.isnan(self._tokens) else min(self._tokens + (now - self._at) * self.limit_per_s, self.bucket)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _read(self, content: str, tokens: int) -> tuple[str, int]:
        if self.keep is None or tokens <= self.keep:
            return content, tokens
        chars = round((self.keep - TEMPLATE_TOKENS) * CHARS_PER_TOKEN)
        parts = {"tail": content[-chars:], "head": content[:chars], "ends": content[: chars // 2] + content[-chars // 2 :]}
        return parts[self.keeps], self.keep

    async def _take_time(self, now: float, read: int) -> None:
        if self._in_flight == 1 and now - self._last_s > self.idle_s:
            self._warm_at = now + self.cold_s
        wait_s = self.base_s + self.s_per_1k * read / 1000 + max(self._warm_at - now, 0.0)
        if self.queue_per_s is not None:
            self._free_at = max(self._free_at, now) + 1 / self.queue_per_s
            wait_s += self._free_at - now
        if self.slows_above is not None:
            self._arrivals = [at for at in self._arrivals if at > now - 1] + [now]
            wait_s *= 3 if len(self._arrivals) > self.slows_above else 1
        await asyncio.sleep(wait_s)

    def _answer(self, text: str) -> str:
        if asked := QUESTION.search(text):
            tail = text if self.forgets is None else text[-round(self.forgets * CHARS_PER_TOKEN) :]
            known = dict(FACT.findall(tail))
            return "\n".join(f"{name}: {known.get(name, 'unknown')}" for name in asked[1].split(", "))
        words = "one two three four five six seven eight"
        return words.upper() if self.moody and self.seen % 2 else words

    async def _say(self, request: web.Request, call: dict[str, Any], text: str, counted: int | None) -> web.StreamResponse:
        usage = None if counted is None else {"prompt_tokens": counted, "completion_tokens": len(text) // 4 + 1}
        head = {"model": f"model-{self.seen % 2 if self.moody else 0}", "system_fingerprint": "fp_1"}
        if self.wire:
            said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            return web.json_response(head | {"object": "chat.completion", "choices": [said], "usage": usage})
        if not call.get("stream"):
            return web.json_response(head | {"text": text, "usage": usage})
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        pieces = [text] if self.one_piece else text.split(" ")
        gap_s = 0.3 / len(pieces)
        if self.one_piece:
            await asyncio.sleep(0.3)
        for piece in pieces:
            await answer.write(orjson.dumps(head | {"text": piece}) + b"\n")
            await asyncio.sleep(0 if self.one_piece else gap_s)
        await answer.write(orjson.dumps(head | {"usage": usage if self.stream_usage else None}) + b"\n")
        return answer


@contextlib.asynccontextmanager
async def playing(target: Target) -> AsyncGenerator[Target]:
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/{path:.*}", target.__call__)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    target.url = f"http://127.0.0.1:{runner.addresses[0][1]}/chat"
    try:
        yield target
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Wire:
    """A line over HTTP, with a budget in asks."""

    url: str
    session: aiohttp.ClientSession
    asks_left: float = math.inf
    tags: list[str] = field(default_factory=list[str])

    async def ask(
        self, messages: list[dict[str, Any]], *, tag: str, max_tokens: int, stream: bool = False, temperature: float | None = 0.0
    ) -> Reply:
        self.tags.append(tag)
        sent_at_s = asyncio.get_running_loop().time()
        if self.asks_left <= 0:
            return a_reply(status=0, sent_at_s=sent_at_s, over_budget=True)
        self.asks_left -= 1
        call = {"messages": messages, "max_tokens": max_tokens, "stream": stream} | (
            {} if temperature is None else {"temperature": temperature}
        )
        try:
            async with self.session.post(self.url, json=call) as answer:
                first_s, lines = None, list[bytes]()
                async for line in answer.content:
                    first_s = first_s or asyncio.get_running_loop().time() - sent_at_s
                    lines.append(line)
                latency_s = asyncio.get_running_loop().time() - sent_at_s
                return _read(answer, lines, stream=stream, latency_s=latency_s, ttft_s=first_s if stream else None, sent_at_s=sent_at_s)
        except aiohttp.ClientError as error:
            return a_reply(status=0, ended="unreachable", error=str(error), outcome="errored", sent_at_s=sent_at_s)


def _read(answer: aiohttp.ClientResponse, lines: list[bytes], *, stream: bool, **times: Any) -> Reply:
    if answer.status != 200:
        advice = answer.headers.get("retry-after")
        error = orjson.loads(b"".join(lines))["error"]["message"]
        return a_reply(status=answer.status, outcome="errored", error=error, retry_after_s=float(advice) if advice else None, **times)
    said = [orjson.loads(line) for line in lines]
    usage = said[-1].get("usage") or {}
    return a_reply(
        text=" ".join(each["text"] for each in said if "text" in each), input_tokens=usage.get("prompt_tokens"), output_tokens=usage.get("completion_tokens"),
        model_served=said[0]["model"], fingerprint=said[0]["system_fingerprint"], **times,
    )  # fmt: skip


def a_reply(**given: Any) -> Reply:
    plain: dict[str, Any] = {
        "status": 200, "ended": "complete", "error": "", "text": "", "outcome": "answered", "input_tokens": None, "output_tokens": None, "latency_s": 0.0,
        "ttft_s": None, "retry_after_s": None, "model_served": None, "fingerprint": None, "sent_at_s": 0.0, "cost_usd": Decimal("0.001"),
    }  # fmt: skip
    return Reply(**plain | given)


@contextlib.asynccontextmanager
async def lined(target: Target, asks: float = math.inf) -> AsyncGenerator[Wire]:
    async with playing(target) as played, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Wire(played.url, session, asks)

"""Scripted models behind real sockets, in a thread of their own: every dialect of this release, and every way to misbehave.

What is answered follows from the call alone. `seen` keeps each request with its headers, so that a test can say what a target was sent.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(slots=True)
class Models:
    """`with Models("name") as models: models.url`. `fault`: what it does instead of answering."""

    name: str = "model-1"
    fault: str = ""
    """"" | hang | cut | cut_stream | endless | status:N | slow:SECONDS | surrogate | invalid_utf8"""
    seen: list[Seen] = field(default_factory=list[Seen])
    text: Callable[[str], str] = lambda asked: f"You said: {asked}"
    pieces: int = 6
    gap_s: float = 0.0
    wait_s: Callable[[str], float] = lambda asked: 0.0
    """How long it thinks about a chat, by what was asked."""
    tokens: int = 1
    """Times as many as usual."""
    port: int = 0
    ssl: Any = None
    _loop: Any = None
    _runner: Any = None
    _stop: Any = None
    _thread: Any = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.ssl else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> "Models":
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self.ssl)
        await site.start()
        self.port = runner.addresses[0][1]
        ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(Seen(request.method, request.raw_path, {k.lower(): v for k, v in request.headers.items()}, body))
        if self.fault:
            answer = await self._misbehave(request)
            if answer is not None:
                return answer
        call = orjson.loads(body) if body else {}
        handler = next((handler for ending, handler in ANSWERS.items() if request.path.endswith(ending)), None)
        if handler is None:
            return web.json_response({"object": "list", "data": []})
        return await handler(self, request, call)

    async def _misbehave(self, request: web.Request) -> web.StreamResponse | None:
        kind, _, value = self.fault.partition(":")
        if kind == "hang":
            await asyncio.sleep(3600)
        elif kind == "slow":
            await asyncio.sleep(float(value))
        elif kind == "status":
            return web.json_response({"error": {"message": "scripted failure", "type": "server_error"}}, status=int(value))
        elif kind == "cut":
            assert request.transport is not None
            request.transport.abort()
        elif kind == "endless":
            answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await answer.prepare(request)
            line = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 60_000 + b'"}}]}\n\n'
            for _ in range(17_500):  # a little over 1 GB
                await answer.write(line)
            return answer
        elif kind in ("surrogate", "invalid_utf8"):
            text = b"\\ud800 half a pair" if kind == "surrogate" else b"\xff\xfe not UTF-8"
            raw = (
                b'{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}'
                % text
            )
            return web.Response(body=raw, content_type="application/json")
        return None


async def stream(models: Models, request: web.Request, events: list[bytes]) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
    await answer.prepare(request)
    for number, event in enumerate(events):
        if models.fault == "cut_stream" and number == len(events) // 2:
            assert request.transport is not None
            request.transport.abort()
            return answer
        await answer.write(event)
        await asyncio.sleep(models.gap_s)
    return answer


def data(value: Any) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def event(name: str, value: dict[str, Any]) -> bytes:
    return f"event: {name}\n".encode() + data({"type": name} | value)


def split(text: str, pieces: int) -> list[str]:
    size = max(len(text) // pieces, 1)
    return [text[at : at + size] for at in range(0, len(text), size)]


def asked_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content if isinstance(part, dict))


async def chat(models: Models, request: web.Request, call: dict[str, Any]) -> web.StreamResponse:
    asked = asked_of(call["messages"][-1]["content"])
    text = models.text(asked)
    if wait_s := models.wait_s(asked):
        await asyncio.sleep(wait_s)
    model, times = call.get("model", models.name), models.tokens
    usage = {
        "prompt_tokens": 11 * times, "completion_tokens": 7 * times, "total_tokens": 18 * times,
        "prompt_tokens_details": {"cached_tokens": 3 * times},
    }  # fmt: skip
    head = {"id": "chatcmpl-1", "created": 1, "model": f"{model}-served", "system_fingerprint": "fp_1"}
    tool = (
        [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}]
        if call.get("tools")
        else None
    )
    if not call.get("stream"):
        message = {"role": "assistant", "content": None if tool else text, "refusal": None} | ({"tool_calls": tool} if tool else {})
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if tool else "stop"}
        return web.json_response(head | {"object": "chat.completion", "choices": [choice], "usage": usage})
    head |= {"object": "chat.completion.chunk"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"tool_calls": [{"index": 0} | tool[0]]}] if tool else [{"content": piece} for piece in split(text, models.pieces)]
    events = [data(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas]
    events.append(data(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if tool else "stop"}]}))
    if (call.get("stream_options") or {}).get("include_usage"):
        events.append(data(head | {"choices": [], "usage": usage}))
    return await stream(models, request, [*events, b"data: [DONE]\n\n"])


async def responses(models: Models, request: web.Request, call: dict[str, Any]) -> web.StreamResponse:
    asked = call["input"] if isinstance(call["input"], str) else asked_of(call["input"][-1]["content"])
    text = models.text(asked)
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    usage = {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 18,
    }
    done = {
        "id": f"resp_{crc32(orjson.dumps(call)):08x}", "object": "response", "created_at": 1, "status": "completed", "model": f"{call['model']}-served", "output": [item], "usage": usage,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
        "temperature": 1.0, "top_p": 1.0,
    }  # fmt: skip
    if not call.get("stream"):
        return web.json_response(done)
    begun = done | {"status": "in_progress", "output": [], "usage": None}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events = [event("response.created", {"sequence_number": 0, "response": begun})]
    events.append(
        event(
            "response.output_item.added", {"sequence_number": 1, "output_index": 0, "item": item | {"content": [], "status": "in_progress"}}
        )
    )
    events.append(event("response.content_part.added", where | {"sequence_number": 2, "part": part | {"text": ""}}))
    for number, piece in enumerate(split(text, models.pieces)):
        events.append(event("response.output_text.delta", where | {"sequence_number": 3 + number, "delta": piece, "logprobs": []}))
    events.append(event("response.output_text.done", where | {"sequence_number": 90, "text": text, "logprobs": []}))
    events.append(event("response.content_part.done", where | {"sequence_number": 91, "part": part}))
    events.append(event("response.output_item.done", {"sequence_number": 92, "output_index": 0, "item": item}))
    events.append(event("response.completed", {"sequence_number": 93, "response": done}))
    return await stream(models, request, events)


async def embeddings(models: Models, request: web.Request, call: dict[str, Any]) -> web.StreamResponse:
    inputs = call["input"] if isinstance(call["input"], list) else [call["input"]]
    vectors = [{"object": "embedding", "index": number, "embedding": [0.1, 0.2, 0.3]} for number, _ in enumerate(inputs)]
    return web.json_response({"object": "list", "model": call["model"], "data": vectors, "usage": {"prompt_tokens": 5, "total_tokens": 5}})


async def messages(models: Models, request: web.Request, call: dict[str, Any]) -> web.StreamResponse:
    text = models.text(asked_of(call["messages"][-1]["content"]))
    tool = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}}
    block = tool if call.get("tools") else {"type": "text", "text": text}
    reason = "tool_use" if call.get("tools") else "end_turn"
    usage = {"input_tokens": 9, "output_tokens": 7, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 0}
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{call['model']}-served",
        "content": [block],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }
    if not call.get("stream"):
        return web.json_response(whole)
    events = [event("message_start", {"message": whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}})]
    if call.get("tools"):
        events.append(event("content_block_start", {"index": 0, "content_block": tool | {"input": {}}}))
        events.append(
            event("content_block_delta", {"index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"city": "Paris"}'}})
        )
    else:
        events.append(event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}))
        events += [
            event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
            for piece in split(text, models.pieces)
        ]
    events.append(event("ping", {}))
    events.append(event("content_block_stop", {"index": 0}))
    events.append(event("message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 7}}))
    return await stream(models, request, [*events, event("message_stop", {})])


def _gemini(models: Models, call: dict[str, Any], text: str, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0} | (
        {"finishReason": "STOP"} if last else {}
    )
    usage = {"promptTokenCount": 8, "candidatesTokenCount": 7, "totalTokenCount": 15}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": f"{models.name}-served", "responseId": "gem-1"}


async def gemini(models: Models, request: web.Request, call: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(_gemini(models, call, models.text(asked_of(call["contents"][-1]["parts"])), last=True))


async def gemini_stream(models: Models, request: web.Request, call: dict[str, Any]) -> web.StreamResponse:
    parts = split(models.text(asked_of(call["contents"][-1]["parts"])), models.pieces)
    chunks = [_gemini(models, call, piece, last=number == len(parts) - 1) for number, piece in enumerate(parts)]
    if request.query.get("alt") == "sse":
        return await stream(models, request, [data(chunk) for chunk in chunks])
    return web.Response(body=orjson.dumps(chunks), content_type="application/json")


ANSWERS: dict[str, Callable[[Models, web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]] = {
    "/chat/completions": chat,
    "/responses": responses,
    "/embeddings": embeddings,
    "/messages": messages,
    ":generateContent": gemini,
    ":streamGenerateContent": gemini_stream,
}

"""Small answers of our own making, one per thing a dialect can say, shared by the tests that mutate, cut and compare them."""

import orjson


def plain(**fields: object) -> bytes:
    return orjson.dumps(fields)


def stream(*events: object, named: bool = False, end: bytes = b"\n") -> bytes:
    """Events as servers write them; a `str` goes as it is, such as `[DONE]`."""
    out = bytearray()
    for event in events:
        if named and isinstance(event, dict):
            out += b"event: " + str(event["type"]).encode() + end  # pyright: ignore
        out += b"data: " + (event.encode() if isinstance(event, str) else orjson.dumps(event)) + end * 2
    return bytes(out)


def delta(index: int = 0, finish: str | None = None, **fields: object) -> dict[str, object]:
    choice = {"index": index, "delta": fields, "finish_reason": finish}
    return {"id": "c1", "model": "m-1", "system_fingerprint": "fp", "choices": [choice]}


def piece(index: int | None, arguments: str = "", **fields: object) -> dict[str, object]:
    name = fields.pop("name", None)
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"index": index, "function": function, **fields}


USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
CHAT = plain(
    id="c1",
    model="m-1",
    system_fingerprint="fp",
    choices=[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello", "refusal": None}}],
    usage=USAGE,
)
CHAT_STREAM = stream(
    delta(role="assistant", content=""),
    delta(content="Hel"),
    delta(content="lo"),
    delta(finish="stop"),
    {"id": "c1", "choices": [], "usage": USAGE},
    "[DONE]",
)
CHAT_CALLS = stream(
    delta(role="assistant", content=None, tool_calls=[piece(0, name="weather", id="a")]),
    delta(tool_calls=[piece(0, '{"city":')]),
    delta(tool_calls=[piece(1, name="clock", id="b")]),
    delta(tool_calls=[piece(0, ' "Rome"}'), piece(1, "{}")]),
    delta(finish="tool_calls"),
    "[DONE]",
)
RESPONSE: dict[str, object] = {
    "id": "r1",
    "object": "response",
    "model": "m-1",
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]},
        {"type": "function_call", "call_id": "a", "name": "weather", "arguments": '{"city": "Rome"}'},
    ],
    "usage": {
        "input_tokens": 100,
        "output_tokens": 50,
        "total_tokens": 150,
        "input_tokens_details": {"cached_tokens": 60},
        "output_tokens_details": {"reasoning_tokens": 20},
    },
}
RESPONSES = plain(**RESPONSE)
RESPONSES_STREAM = stream(
    {"type": "response.created", "response": {"id": "r1", "model": "m-1", "status": "in_progress", "output": []}},
    {"type": "response.in_progress", "response": {}},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hel"},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "lo"},
    {"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "call_id": "a", "name": "weather"}},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"city": '},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '"Rome"}'},
    {"type": "response.completed", "response": RESPONSE},
    named=True,
)
ANTHROPIC_USAGE = {
    "input_tokens": 30,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 10,
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 20},
}
MESSAGE = plain(
    id="msg",
    type="message",
    model="m-1",
    content=[
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Rome"}},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
    ],
    stop_reason="tool_use",
    usage=ANTHROPIC_USAGE,
)
MESSAGE_STREAM = stream(
    {"type": "message_start", "message": {"id": "msg", "model": "m-1", "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "a", "name": "weather", "input": {}}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"city": '}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '"Rome"}'}},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "server_tool_use", "id": "s", "name": "web_search"}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"query": "x"}'}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 50}},
    {"type": "message_stop"},
    named=True,
)
GEMINI_USAGE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 60,
    "toolUsePromptTokenCount": 7,
    "candidatesTokenCount": 30,
    "thoughtsTokenCount": 20,
    "totalTokenCount": 157,
}


def chunk(*parts: object, finish: str | None = None, **fields: object) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m-1", "responseId": "g1", **fields}


GEMINI_CHUNKS = (
    chunk({"text": "hm", "thought": True}),
    chunk({"text": "Hel"}, usageMetadata={"promptTokenCount": 5}),
    chunk({"text": "lo"}),
    chunk({"functionCall": {"id": "a", "name": "weather", "args": {"city": "Rome"}}}, finish="STOP", usageMetadata=GEMINI_USAGE),
)
GEMINI = plain(
    **chunk(
        {"text": "hm", "thought": True},
        {"text": "Hello"},
        {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Rome"}}},
        finish="STOP",
        usageMetadata=GEMINI_USAGE,
    )
)
GEMINI_STREAM = stream(*GEMINI_CHUNKS, end=b"\r\n")
GEMINI_ARRAY = b"[" + b"\n,\r\n".join(orjson.dumps(part, option=orjson.OPT_INDENT_2) for part in GEMINI_CHUNKS) + b"\n]\n"

EVERY = [
    ("openai.chat", CHAT),
    ("openai.chat", CHAT_STREAM),
    ("openai.chat", CHAT_CALLS),
    ("openai.responses", RESPONSES),
    ("openai.responses", RESPONSES_STREAM),
    ("openai.embeddings", plain(object="list", data=[{"embedding": [0.1]}], model="e-1", usage={"prompt_tokens": 3, "total_tokens": 3})),
    ("anthropic.messages", MESSAGE),
    ("anthropic.messages", MESSAGE_STREAM),
    ("gemini.generate", GEMINI),
    ("gemini.generate", GEMINI_STREAM),
    ("gemini.generate", GEMINI_ARRAY),
]

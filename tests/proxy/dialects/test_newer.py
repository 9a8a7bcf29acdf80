"""Bedrock, Cohere, Ollama, completions, moderations, interactions, rerank: what each says in its own way, and what must not be missed."""

import base64
import json
from typing import Any

import pytest

from proxy.dialects import BY_NAME, dialect_of
from proxy.exchange import Answer, Prompt, Unreadable, Usage
from tests.proxy.test_eventstream import framed

FRAMES, JSON, SSE, LINES = "application/vnd.amazon.eventstream", "application/json", "text/event-stream", "application/x-ndjson"


def read(name: str, body: bytes, kind: str = JSON, status: int = 200) -> Answer:
    got = BY_NAME[name].read_answer(status, kind, body)
    assert isinstance(got, Answer), got
    return got


def asked(path: str, body: dict[str, Any]) -> Prompt:
    dialect = dialect_of("POST", path)
    assert dialect is not None
    got = dialect.read_prompt(path, json.dumps(body).encode())
    assert isinstance(got, Prompt), got
    return got


def frame(name: str, value: dict[str, Any]) -> bytes:
    return framed(json.dumps(value).encode(), event_type=name, message_type="event")


def events(*values: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/model/us.anthropic.claude-sonnet-4-5%3A0/converse", "bedrock.converse"),
        ("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy/converse-stream", "bedrock.converse"),
        ("/model/amazon.titan-text-express-v1/invoke-with-response-stream", "bedrock.invoke"),
        ("/openai/deployments/mine/chat/completions?api-version=2024-10-21", "openai.chat"),
        ("/openai/v1/responses?api-version=preview", "openai.responses"),
        ("/openai/deployments/mine/completions?api-version=2024-10-21", "openai.completions"),
        ("/v1/completions", "openai.completions"),
        ("/v1/moderations", "openai.moderations"),
        ("/v2/chat", "cohere.chat"),
        ("/api/chat", "ollama"),
        ("/api/generate", "ollama"),
        ("/v1beta/interactions", "gemini.interactions"),
        ("/v2/rerank", "rerank"),
        ("/model/x/count-tokens", None),
        ("/model/x/invoke-with-bidirectional-stream", None),
        ("/v1/fine_tuning/jobs", None),
        ("/api/pull", None),
    ],
)
def test_answering_endpoints_are_recognised_and_nothing_else(path: str, name: str | None) -> None:
    found = dialect_of("POST", path)
    assert (found and found.name) == name


def test_a_converse_call_names_its_model_in_the_path() -> None:
    body = {
        "system": [{"text": "be brief"}],
        "messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}]}}]},
        ],
        "inferenceConfig": {"maxTokens": 9},
        "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}, {"cachePoint": {"type": "default"}}]},
    }
    prompt = asked("/model/arn%3Aaws%3Ax%2Fmodel-1/converse-stream", body)
    assert (prompt.model, prompt.stream, prompt.system_text, prompt.turn) == ("arn:aws:x/model-1", True, "be brief", 1)
    assert prompt.source_text == 'hi\n{"a":1}' and prompt.max_output_tokens == 9 and prompt.tools == ("f", "cachePoint")


CONVERSED = [
    frame("messageStart", {"role": "assistant"}),
    frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
    frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "let me"}}),
    frame("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}}),
    frame("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city":'}}}),
    frame("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '"Paris"}'}}}),
    frame("messageStop", {"stopReason": "tool_use"}),
    frame("metadata", {"usage": {"inputTokens": 7, "outputTokens": 5, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 2}}),
]


def test_a_converse_stream_is_read_from_its_frames() -> None:
    got = read("bedrock.converse", b"".join(CONVERSED), FRAMES)
    assert (got.text, got.finish, got.finish_class, got.whole) == ("let me", "tool_use", "tool", True)
    assert [(call.id, call.name, call.arguments) for call in got.tool_calls] == [("t1", "weather", '{"city":"Paris"}')]
    assert got.usage == Usage(input_tokens=7, cached_input_tokens=3, cache_write_tokens=2, output_tokens=5)
    assert got.content_at == len(b"".join(CONVERSED[:3]))


def test_a_converse_stream_that_breaks_off_is_not_whole() -> None:
    got = read("bedrock.converse", b"".join(CONVERSED)[:-3], FRAMES)
    assert got.text == "let me" and got.usage is None
    assert not read("bedrock.converse", b"".join(CONVERSED[:4]), FRAMES).whole


def test_an_exception_inside_a_stream_is_an_error_under_200() -> None:
    slow = framed(b'{"message":"Too many requests"}', exception_type="throttlingException", message_type="exception")
    got = read("bedrock.converse", CONVERSED[0] + CONVERSED[2] + slow, FRAMES)
    assert got.error == "throttlingException: Too many requests" and got.finish_class == "error"


@pytest.mark.parametrize(
    ("trace", "kind"),
    [
        ({"inputAssessment": {"x": {}}}, "filtered_input"),
        ({"inputAssessment": {"x": {}}, "modelOutput": ["..."], "outputAssessments": {"x": []}}, "filtered_output"),
        (None, "filtered_output"),
    ],
)
def test_a_guardrail_says_what_it_stopped_where_its_trace_does(trace: Any, kind: str) -> None:
    said = {"output": {"message": {"role": "assistant", "content": [{"text": "Sorry"}]}}, "stopReason": "guardrail_intervened"}
    got = read("bedrock.converse", json.dumps(said | ({"trace": {"guardrail": trace}} if trace else {})).encode())
    assert got.refusal is not None and got.refusal.kind == kind


@pytest.mark.parametrize(
    ("said", "text", "finish", "usage"),
    [
        ({"inputTextTokenCount": 4.0, "results": [{"tokenCount": 2.0, "outputText": "a", "completionReason": "FINISH"}]}, "a", "stop", (4, 2)),
        ({"generation": "b", "prompt_token_count": 3, "generation_token_count": 1, "stop_reason": "length"}, "b", "truncated", (3, 1)),
        ({"outputs": [{"text": "c", "stop_reason": "stop"}]}, "c", "stop", None),
        ({"completions": [{"data": {"text": "d"}, "finishReason": {"reason": "endoftext"}}]}, "d", "stop", None),
        ({"generations": [{"text": "e", "finish_reason": "MAX_TOKENS"}]}, "e", "truncated", None),
        ({"choices": [{"message": {"content": "f"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 5, "completion_tokens": 6}}, "f", "stop", (5, 6)),
        ({"output": {"message": {"content": [{"text": "g"}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 8, "outputTokens": 9}}, "g", "stop", (8, 9)),
        ({"type": "message", "content": [{"type": "text", "text": "h"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}}, "h", "stop", (1, 2)),
    ],
)  # fmt: skip
def test_each_makers_shape_is_known_by_itself(said: dict[str, Any], text: str, finish: str, usage: tuple[int, int] | None) -> None:
    got = read("bedrock.invoke", json.dumps(said).encode())
    assert (got.text, got.finish_class, got.whole) == (text, finish, True)
    assert (got.usage and (got.usage.input_tokens, got.usage.output_tokens)) == usage


def chunk(value: dict[str, Any]) -> bytes:
    return frame("chunk", {"bytes": base64.b64encode(json.dumps(value).encode()).decode(), "p": "abc"})


def test_invoke_streams_hold_their_makers_events_in_base64() -> None:
    body = chunk({"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 4, "output_tokens": 1}}})
    body += chunk({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}})
    body += chunk({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {"output_tokens": 3}})
    body += chunk({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"outputTokenCount": 2}})
    got = read("bedrock.invoke", body, FRAMES)
    assert (got.text, got.finish_class, got.model_served, got.whole) == ("hi", "paused", "claude", True)
    assert got.usage is not None and (got.usage.input_tokens, got.usage.output_tokens) == (4, 2)


def test_a_signed_call_is_unportable_wherever_it_should_go() -> None:
    from proxy.eligibility import eligibility

    found = eligibility("bedrock.converse", "POST", {"messages": []}, {"x-amz-date": "20261121T000000Z"}, reach="account")
    assert found is not None and found.decision == "unportable" and "SigV4" in found.reason


def test_cohere_streams_text_tools_and_counts_the_cache_apart() -> None:
    body = events(
        {"type": "message-start", "id": "m1", "delta": {"message": {"role": "assistant"}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will"}}},
        {
            "type": "tool-call-start",
            "index": 0,
            "delta": {"message": {"tool_calls": {"id": "c", "function": {"name": "f", "arguments": ""}}}},
        },
        {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": '{"a":1}'}}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "done"}}}},
        {
            "type": "message-end",
            "delta": {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 10, "output_tokens": 3}, "cached_tokens": 4}},
        },
    )
    got = read("cohere.chat", body, SSE)
    assert (got.text, got.response_id, got.finish_class, got.whole) == ("done", "m1", "tool", True)
    assert [(call.id, call.name, call.arguments) for call in got.tool_calls] == [("c", "f", '{"a":1}')]
    assert got.usage == Usage(input_tokens=6, cached_input_tokens=4, output_tokens=3)


def test_ollama_streams_lines_and_one_that_breaks_off_is_not_whole() -> None:
    lines = [{"model": "m", "message": {"content": "he"}, "done": False}, {"model": "m", "message": {"content": "llo"}, "done": False}]
    last = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "length", "prompt_eval_count": 3, "eval_count": 2}
    body = b"".join(json.dumps(line).encode() + b"\n" for line in (*lines, last))
    got = read("ollama", body, LINES)
    assert (got.text, got.finish_class, got.whole, got.usage) == ("hello", "truncated", True, Usage(input_tokens=3, output_tokens=2))
    cut = read("ollama", body[: body.rindex(b"{") + 5], LINES)
    assert (cut.text, cut.whole) == ("hello", False)
    assert asked("/api/chat", {"model": "m", "messages": [{"role": "user", "content": "hi"}]}).stream, "it streams unless told not to"


def test_an_ollama_error_after_the_head_is_an_error() -> None:
    got = read("ollama", b'{"model":"m","response":"a","done":false}\n{"error":"out of memory"}\n', LINES)
    assert got.error == "out of memory"


def test_moderations_are_words_that_can_be_compared() -> None:
    said = {
        "id": "modr-1",
        "model": "omni",
        "results": [{"flagged": True, "categories": {"violence": True, "hate": False}}, {"flagged": False}],
    }
    assert read("openai.moderations", json.dumps(said).encode()).text == "flagged: violence\nnot flagged"


def test_a_ranking_is_its_order() -> None:
    said = {"results": [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]}
    assert read("rerank", json.dumps(said).encode()).text == "2, 0"


def test_interactions_count_thoughts_apart_and_call_tools() -> None:
    body = events(
        {"event_type": "interaction.created", "interaction": {"id": "i1", "model": "gemini-x", "status": "in_progress"}},
        {"event_type": "step.start", "index": 0, "step": {"type": "function_call", "id": "c", "name": "f", "arguments": {}}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "arguments_delta", "arguments": '{"a":1}'}},
        {"event_type": "interaction.completed", "interaction": {
            "id": "i1", "status": "requires_action",
            "usage": {"total_input_tokens": 9, "total_cached_tokens": 2, "total_output_tokens": 3, "total_thought_tokens": 4},
        }},
    )  # fmt: skip
    got = read("gemini.interactions", body, SSE)
    assert [(call.name, call.arguments) for call in got.tool_calls] == [("f", '{"a":1}')]
    assert (got.finish_class, got.whole) == ("tool", True)
    assert got.usage == Usage(input_tokens=7, cached_input_tokens=2, output_tokens=3, reasoning_tokens=4)


@pytest.mark.parametrize("name", ["bedrock.converse", "bedrock.invoke", "cohere.chat"])
def test_their_errors_are_read_with_a_status(name: str) -> None:
    got = read(name, b'{"message":"no such model"}', JSON, 404)
    assert got.error == "no such model"


def test_what_is_another_dialects_is_unreadable() -> None:
    for name in ("bedrock.converse", "cohere.chat", "ollama", "rerank", "openai.moderations", "gemini.interactions"):
        assert isinstance(BY_NAME[name].read_answer(200, JSON, b'{"hello": 1}'), Unreadable), name

"""Calls in another dialect: what was said stays said, what is lost is told, what cannot be carried over goes nowhere."""

import collections
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects import BY_NAME, dialect_of
from proxy.exchange import Prompt, Unreadable
from proxy.translate import DIALECTS, SOURCES, Translated, translated
from tests.corpus import rows
from tests.recorded import target_of

WORD = re.compile(r"\w+")
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]},
        {"role": "assistant", "content": "let me look", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "18 degrees"},
        {"role": "user", "content": "thanks"},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "description": "tells it", "parameters": SCHEMA}}],
    "tool_choice": "required",
    "max_tokens": 50,
    "temperature": 0.5,
    "stop": "END",
    "stream": True,
}  # fmt: skip
MESSAGES: dict[str, Any] = {
    "model": "claude",
    "max_tokens": 50,
    "temperature": 0.5,
    "stop_sequences": ["END"],
    "stream": True,
    "system": "be brief",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "what is this?"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "let me look"}, {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "18 degrees"}]}, {"type": "text", "text": "thanks"}]},
    ],
    "tools": [{"name": "weather", "description": "tells it", "input_schema": SCHEMA}],
    "tool_choice": {"type": "any"},
}  # fmt: skip
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "what is this?"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
        {"role": "model", "parts": [{"text": "let me look"}, {"functionCall": {"name": "weather", "args": {"city": "Paris"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"result": "18 degrees"}}}, {"text": "thanks"}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "description": "tells it", "parametersJsonSchema": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    "generationConfig": {"maxOutputTokens": 50, "temperature": 0.5, "stopSequences": ["END"]},
}
ONE: dict[str, tuple[str, dict[str, Any]]] = {
    "openai.chat": ("/v1/chat/completions", CHAT),
    "anthropic.messages": ("/v1/messages", MESSAGES),
    "gemini.generate": ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", GEMINI),
}


def to(dialect: str, body: dict[str, Any], wanted: str, path: str = "") -> Translated:
    got = translated(dialect, path or ONE[dialect][0], body, wanted, "other-1")
    assert isinstance(got, Translated), got
    return got


@pytest.mark.parametrize("source", ONE)
@pytest.mark.parametrize("wanted", DIALECTS)
def test_the_same_conversation_reads_the_same_in_every_dialect(source: str, wanted: str) -> None:
    goal = DIALECTS[wanted]
    path, body = ONE[source]
    got = to(source, body, wanted)
    assert got.dialect == goal and dialect_of("POST", got.path) == BY_NAME[goal]
    assert got.rewrites[0] == f"translated {source} → {goal}" and len(got.rewrites) == 1, got.rewrites
    before, after = (
        BY_NAME[source].read_prompt(path, json.dumps(body).encode()),
        BY_NAME[goal].read_prompt(got.path, json.dumps(got.body).encode()),
    )
    assert isinstance(before, Prompt) and isinstance(after, Prompt)
    for name in ("system_text", "stream", "tools", "max_output_tokens", "first_user_text"):
        assert getattr(after, name) == getattr(before, name), name
    for words in ("be brief", "what is this?", "let me look", "18 degrees", "thanks"):
        assert words in after.prompt_text
    assert PNG in json.dumps(got.body) and '"Paris"' in json.dumps(got.body).replace('\\"', '"')
    assert after.model == "other-1"


def test_each_dialect_is_written_as_its_vendor_documents_it() -> None:
    assert to("openai.chat", CHAT, "anthropic").body == {**MESSAGES, "model": "other-1"}
    gemini = to("openai.chat", CHAT, "gemini")
    assert gemini.path == "/v1beta/models/other-1:streamGenerateContent?alt=sse" and gemini.body == GEMINI
    chat = to("anthropic.messages", MESSAGES, "openai")
    assert chat.body == {**CHAT, "model": "other-1", "stop": ["END"]}


def test_there_and_back_keeps_words_and_calls() -> None:
    there = to("openai.chat", CHAT, "anthropic")
    back = to("anthropic.messages", there.body, "openai", there.path)
    assert back.body["messages"] == CHAT["messages"] and back.body["tools"] == CHAT["tools"]


LOSSES = [
    (
        "openai.chat",
        {"logit_bias": {"1": 2}, "seed": 7, "logprobs": True},
        "anthropic",
        {"lost: logit_bias", "lost: seed", "lost: logprobs"},
    ),
    ("openai.chat", {"response_format": {"type": "json_object"}}, "anthropic", {"lost: response_format json_object"}),
    ("openai.chat", {"temperature": 1.7}, "anthropic", {"lost: temperature 1.7 became 1"}),
    ("openai.chat", {"parallel_tool_calls": False}, "gemini", {"lost: parallel_tool_calls: false"}),
    ("anthropic.messages", {"top_k": 5}, "openai", {"lost: top_k"}),
    ("gemini.generate", {"safetySettings": [{"category": "X"}]}, "openai", {"lost: safetysettings"}),
    ("gemini.generate", {"generationConfig": {"topK": 5}}, "openai", {"lost: generationConfig.topk"}),
]


@pytest.mark.parametrize(("source", "extra", "wanted", "told"), LOSSES)
def test_every_loss_is_told(source: str, extra: dict[str, Any], wanted: str, told: set[str]) -> None:
    assert told == set(to(source, {**ONE[source][1], **extra}, wanted).rewrites[1:])


def test_a_limit_that_anthropic_wants_and_nobody_set_is_told() -> None:
    got = to("openai.chat", {"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "anthropic")
    assert got.body["max_tokens"] == 4096 and "4096" in got.rewrites[1]


def says(part: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": [part]}]}


UNPORTABLE = [
    ("openai.chat", says({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}), "image by URL"),
    ("openai.chat", says({"type": "input_audio", "input_audio": {"data": "x"}}), "content input_audio"),
    ("openai.chat", {**CHAT, "tools": [{"type": "web_search"}]}, "tool web_search"),
    ("openai.chat", {"model": "m", "messages": []}, "nobody says anything"),
    ("anthropic.messages", {**MESSAGES, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tool web_search"),
    ("anthropic.messages", says({"type": "thinking", "thinking": "hm", "signature": "x"}), "thinking signature"),
    ("gemini.generate", {"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]}, "content filedata"),
    ("gemini.generate", {"contents": [{"parts": [{"text": "x"}]}], "tools": [{"googleSearch": {}}]}, "tool googlesearch"),
]


@pytest.mark.parametrize(("source", "body", "why"), UNPORTABLE)
def test_what_would_change_the_question_goes_nowhere(source: str, body: dict[str, Any], why: str) -> None:
    wanted = "anthropic" if source != "anthropic.messages" else "gemini"
    got = translated(source, ONE[source][0], body, wanted, "m")
    assert isinstance(got, Unreadable) and why in got.reason


@pytest.mark.parametrize(
    ("dialect", "wanted", "model"), [("bedrock.converse", "openai", "m"), ("openai.chat", "cohere", "m"), ("openai.chat", "gemini", "")]
)
def test_without_a_reader_a_writer_or_a_model_it_goes_nowhere(dialect: str, wanted: str, model: str) -> None:
    assert isinstance(translated(dialect, "/x", CHAT, wanted, model), Unreadable)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "text", "role", "content", "parts", "source", "function", "name", "url"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "messages",
        "contents",
        "tools",
        "tool_choice",
        "system",
        "systemInstruction",
        "generationConfig",
        "stop",
        "response_format",
        "max_tokens",
    ]
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(SOURCES)), st.dictionaries(KEYS, JSON, max_size=6), st.sampled_from(sorted(DIALECTS)))
def test_any_json_is_translated_or_refused_and_never_raised_about(dialect: str, body: dict[str, Any], wanted: str) -> None:
    assert isinstance(translated(dialect, ONE[dialect][0], body, wanted, "m"), Translated | Unreadable)


def test_every_recorded_request_is_translated_or_said_to_be_unportable() -> None:
    told = collections.Counter[str]()
    for row in rows("exchanges/exchanges.jsonl"):
        body = row["request"]["body"]
        if row["dialect"] not in SOURCES or not isinstance(body, dict):
            continue
        path = target_of(row).decode()
        before = BY_NAME[row["dialect"]].read_prompt(path, json.dumps(body).encode())
        for wanted, goal in DIALECTS.items():
            if goal == row["dialect"]:
                continue
            got = translated(row["dialect"], path, body, wanted, "m")
            told["translated" if isinstance(got, Translated) else got.reason] += 1
            if isinstance(got, Translated) and isinstance(before, Prompt):
                after = BY_NAME[goal].read_prompt(got.path, json.dumps(got.body).encode())
                assert isinstance(after, Prompt) and after.turn <= before.turn + 1, row["id"]
                missing = {*WORD.findall(before.prompt_text)} - {*WORD.findall(after.prompt_text)}
                assert len(missing) <= 1, (row["id"], missing)
    print("\n", told.most_common())
    assert told["translated"] > 900

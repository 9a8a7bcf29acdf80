"""Calls in another dialect: what was said stays said, what is lost is told, what cannot be carried over goes nowhere."""

# pyright: standard

import collections
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects import BY_NAME, dialect_of
from proxy.eligibility import eligibility
from proxy.exchange import Prompt, Unreadable
from proxy.translate import DIALECTS, SOURCES, SPOKEN, Translated, needed, translated
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
RESPONSES: dict[str, Any] = {
    "model": "gpt-4o",
    "instructions": "be brief",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "what is this?"}, {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG}"}]},
        {"type": "message", "role": "assistant", "id": "m1", "status": "completed", "content": [{"type": "output_text", "text": "let me look", "annotations": []}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "18 degrees"},
        {"role": "user", "content": "thanks"},
    ],
    "tools": [{"type": "function", "name": "weather", "description": "tells it", "parameters": SCHEMA}],
    "tool_choice": "required",
    "max_output_tokens": 50,
    "temperature": 0.5,
    "stream": True,
    "store": False,
}  # fmt: skip
ONE: dict[str, tuple[str, dict[str, Any]]] = {
    "openai.responses": ("/v1/responses", RESPONSES),
    "openai.chat": ("/v1/chat/completions", CHAT),
    "anthropic.messages": ("/v1/messages", MESSAGES),
    "gemini.generate": ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", GEMINI),
}


def to(dialect: str, body: dict[str, Any], wanted: str, path: str = "") -> Translated:
    got = translated(dialect, path or ONE[dialect][0], body, wanted, "other-1")
    assert isinstance(got, Translated), got
    return got


@pytest.mark.parametrize("source", ONE)
@pytest.mark.parametrize("wanted", ["openai.chat", "anthropic", "gemini"])
def test_the_same_conversation_reads_the_same_in_every_dialect(source: str, wanted: str) -> None:
    goal = DIALECTS.get(wanted, wanted)
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
    chat.body.pop("stop")
    assert to("openai.responses", RESPONSES, "openai.chat").body == chat.body
    assert to("openai.responses", {**RESPONSES, "stream": False}, "gemini").path == "/v1beta/models/other-1:generateContent"


def test_there_and_back_keeps_words_and_calls() -> None:
    for wanted in ("anthropic", "gemini"):
        there = to("openai.chat", CHAT, wanted)
        back = to(there.dialect, there.body, "openai", there.path)
        messages = json.loads(json.dumps(back.body["messages"]))
        for message in messages if wanted == "gemini" else []:  # its calls have no ids, and its results are objects
            message.update({key: "c1" for key in ("tool_call_id",) if key in message})
            message.update({"content": json.loads(message["content"])["result"]} if message["role"] == "tool" else {})
            for call in message.get("tool_calls", []):
                call["id"] = "c1"
        assert messages == CHAT["messages"] and back.body["tools"] == CHAT["tools"]


def test_a_family_takes_all_its_dialects_and_a_dialect_only_itself() -> None:
    assert not needed("openai.responses", "openai") and not needed("openai.chat", "openai.chat") and not needed("openai.chat", "")
    assert needed("openai.responses", "openai.chat") and needed("openai.chat", "anthropic") and needed("openai.chat", "gemini.generate")
    assert {*SPOKEN} == {*DIALECTS, *DIALECTS.values()}


LOSSES = [
    ("openai.chat", {"logit_bias": {"1": 2}, "seed": 7, "logprobs": True}, "anthropic", {"lost: logit_bias", "lost: seed", "lost: logprobs"}),
    ("openai.chat", {"metadata": {"a": "b"}, "user": "u", "store": False}, "gemini", {"lost: metadata", "lost: user"}),
    ("openai.chat", {"response_format": {"type": "json_object"}}, "anthropic", {"lost: response_format json_object"}),
    ("openai.chat", {"temperature": 1.7}, "anthropic", {"temperature 1.7 → 1"}),
    ("openai.chat", {"temperature": "hot", "max_tokens": -1}, "gemini", {"lost: temperature", "lost: max_tokens"}),
    ("openai.chat", {"parallel_tool_calls": False}, "gemini", {"lost: one tool call at a time"}),
    ("openai.chat", {"stop": ["a", "b", "c", "d", "e", " "]}, "gemini", {"lost: stop sequences beyond 5"}),
    ("openai.chat", {"stop": ["a", " "]}, "anthropic", {"lost: stop sequences of blanks"}),
    ("openai.chat", {"tool_choice": "perhaps"}, "anthropic", {"lost: tool_choice"}),
    ("openai.chat", {"tools": []}, "anthropic", {"lost: tool_choice"}),
    ("openai.chat", {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}, "anthropic", {"a later system message moved to the front"}),
    ("openai.responses", {"reasoning": {"effort": "low"}, "text": {"verbosity": "low"}}, "gemini", {"lost: reasoning", "lost: text.verbosity"}),
    ("anthropic.messages", {"top_k": 5, "thinking": {"type": "enabled"}}, "openai", {"lost: top_k", "lost: thinking"}),
    ("anthropic.messages", {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}, "openai", {"lost: text cache_control"}),
    ("gemini.generate", {"safetySettings": [{"category": "X"}]}, "openai", {"lost: safetySettings"}),
    ("gemini.generate", {"generation_config": {"top_k": 5}, "generationConfig": None}, "openai", {"lost: generationConfig.top_k"}),
    ("gemini.generate", {"toolConfig": {"retrievalConfig": {"a": 1}}}, "openai", {"lost: toolConfig.retrievalConfig"}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "extra", "wanted", "told"), LOSSES)
def test_every_loss_is_told(source: str, extra: dict[str, Any], wanted: str, told: set[str]) -> None:
    body = {key: value for key, value in {**ONE[source][1], **extra}.items() if value is not None}
    assert told == set(to(source, body, wanted).rewrites[1:])


def test_a_thousand_losses_are_told_as_some_and_a_number() -> None:
    told = to("openai.chat", {**CHAT, **{f"x{number}": 1 for number in range(1000)}}, "gemini").rewrites
    assert len(told) == 42 and told[-1] == "lost: 960 more"


def test_a_limit_that_anthropic_wants_and_nobody_set_is_told() -> None:
    got = to("openai.chat", {"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "anthropic")
    assert got.body["max_tokens"] == 8192 and got.rewrites[1:] == ("max_tokens 8192: the call set none",)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "max_tokens"),
        ("mistral-large", "max_tokens"),
        ("gpt-5-mini", "max_completion_tokens"),
        ("openai/o3", "max_completion_tokens"),
    ],
)
def test_the_limit_is_called_as_the_model_takes_it(model: str, name: str) -> None:
    got = translated("anthropic.messages", "/v1/messages", MESSAGES, "openai", model)
    assert isinstance(got, Translated) and got.body[name] == 50 and len({"max_tokens", "max_completion_tokens"} & got.body.keys()) == 1


SHAPE = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}


def test_a_schema_for_the_answer_is_carried_over() -> None:
    closed = {**SCHEMA, "additionalProperties": False}
    assert to("openai.chat", {**CHAT, "response_format": SHAPE}, "anthropic").body["output_config"] == {
        "format": {"type": "json_schema", "schema": closed}
    }
    gemini = to("openai.chat", {**CHAT, "response_format": SHAPE}, "gemini").body["generationConfig"]
    assert isinstance(gemini, dict) and (gemini["responseMimeType"], gemini["responseJsonSchema"]) == ("application/json", SCHEMA)
    wanted = {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"city": {"type": "STRING", "nullable": True}}},
    }
    chat = to("gemini.generate", {**GEMINI, "generationConfig": wanted}, "openai").body["response_format"]
    assert chat == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object", "properties": {"city": {"type": ["string", "null"]}}}},
    }
    assert (
        to("openai.responses", {**RESPONSES, "text": {"format": {"type": "json_schema", **SHAPE["json_schema"]}}}, "openai.chat").body[
            "response_format"
        ]
        == SHAPE
    )  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("schema", "sent", "told"),
    [
        ({"type": "object", "properties": {"n": {"type": "number", "minimum": 1}}}, {"type": "object", "properties": {"n": {"type": "number"}}, "additionalProperties": False}, "lost: schema minimum"),
        ({"type": "object", "properties": {"minimum": {"type": "string"}}}, {"type": "object", "properties": {"minimum": {"type": "string"}}, "additionalProperties": False}, ""),
        ({"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}}, None, "lost: response_format: Anthropic takes no open schema"),
    ],
)  # fmt: skip
def test_anthropic_gets_schemas_as_it_takes_them(schema: dict[str, Any], sent: dict[str, Any] | None, told: str) -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    got = to("openai.chat", {**CHAT, "response_format": shape}, "anthropic")
    assert got.body.get("output_config") == (sent and {"format": {"type": "json_schema", "schema": sent}}) and got.rewrites[1:] == (
        (told,) if told else ()
    )


def called(*names: str, ids: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Gemini contents with calls of these functions and their answers in order."""
    uses = [{"functionCall": {"name": name, "args": {"n": n}} | ({"id": ids[n]} if ids else {})} for n, name in enumerate(names)]
    answers = [
        {"functionResponse": {"name": name, "response": {"result": f"r{n}"}} | ({"id": ids[n]} if ids else {})}
        for n, name in enumerate(names)
    ]
    return [{"role": "user", "parts": [{"text": "go"}]}, {"role": "model", "parts": uses}, {"role": "user", "parts": answers}]


@pytest.mark.parametrize("ids", [(), ("a.b", "a.b", "c c")])
def test_calls_without_good_ids_get_some_and_their_results_follow(ids: tuple[str, ...]) -> None:
    got = to("gemini.generate", {"contents": called("look", "look", "find", ids=ids)}, "anthropic").body["messages"]
    assert isinstance(got, list)
    uses, results = got[1]["content"], got[2]["content"]
    assert [use["id"] for use in uses] == ["call_1", "call_2", "call_3"] == [result["tool_use_id"] for result in results]
    assert [use["input"]["n"] for use in uses] == [0, 1, 2] and ["r0" in str(results[0]), "r1" in str(results[1])] == [True, True]


def test_anthropic_gets_results_before_what_else_is_said() -> None:
    contents = called("look")
    contents[2]["parts"].insert(0, {"text": "and then?"})
    got = to("gemini.generate", {"contents": contents}, "anthropic").body["messages"]
    assert [block["type"] for block in got[2]["content"]] == ["tool_result", "text"]  # type: ignore[index]


def test_old_functions_are_tools() -> None:
    body = {
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
            {"role": "function", "name": "look", "content": "seen"},
        ],
        "functions": [{"name": "look", "parameters": SCHEMA}],
        "function_call": {"name": "look"},
    }
    got = to("openai.chat", body, "gemini")
    assert got.rewrites[1:] == () and got.body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}}
    assert [part for content in got.body["contents"] for part in content["parts"]][1:] == [  # type: ignore[attr-defined]
        {"functionCall": {"name": "look", "args": {}}},
        {"functionResponse": {"name": "look", "response": {"result": "seen"}}},
    ]


def test_gemini_3_is_told_that_another_model_made_the_calls() -> None:
    for model, signed in (("gemini-2.5-pro", False), ("gemini-3.1-pro-preview", True)):
        got = translated("openai.chat", "/v1/chat/completions", CHAT, "gemini", model)
        assert isinstance(got, Translated)
        assert (
            "skip_thought_signature_validator" in json.dumps(got.body),
            "tool calls of another model sent unsigned" in got.rewrites,
        ) == (signed, signed)


def test_what_a_tool_showed_and_that_it_failed_is_told_otherwise_in_chat() -> None:
    shown = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    result = {"type": "tool_result", "tool_use_id": "c1", "is_error": True, "content": [{"type": "text", "text": "broken"}, shown]}
    body = {**MESSAGES, "messages": [*MESSAGES["messages"][:2], {"role": "user", "content": [result]}]}
    got = to("anthropic.messages", body, "openai")
    assert {*got.rewrites[1:]} == {"a failed tool result told as a text", "media of tool results sent beside them"}
    assert [message["role"] for message in got.body["messages"]] == ["system", "user", "assistant", "tool", "user"]  # type: ignore[attr-defined]
    gemini = to("anthropic.messages", body, "gemini").body["contents"][-1]["parts"]  # type: ignore[index]
    assert gemini == [
        {"functionResponse": {"name": "weather", "response": {"error": "broken"}}},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
    ]


def test_arguments_that_are_no_json_object_stay_readable() -> None:
    for arguments in ("[1]", "{broken", '{"x": NaN}'):
        message = {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}]}
        got = to(
            "openai.chat", {"messages": [*CHAT["messages"][:2], message, {"role": "tool", "tool_call_id": "c1", "content": "x"}]}, "gemini"
        )
        assert got.body["contents"][1]["parts"] == [{"functionCall": {"name": "f", "args": {"arguments": arguments}}}]  # type: ignore[index]
        assert "tool arguments that are no JSON object sent as a text" in got.rewrites


def says(part: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": [part]}]}


PDF_TEXT = {"type": "file", "file": {"filename": "a.docx", "file_data": "data:application/msword;base64,AAAA"}}
UNPORTABLE: list[tuple[str, dict[str, Any], str]] = [
    ("openai.chat", says({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}), "image by URL"),
    ("openai.chat", says({"type": "image_url", "image_url": {"url": "data:image/png,abc"}}), "image not inlined as base64"),
    ("openai.chat", says({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}}), "content image/tiff"),
    ("openai.chat", says({"type": "input_audio", "input_audio": {"data": "x"}}), "content input_audio"),
    ("openai.chat", says({"type": "file", "file": {"file_id": "f"}}), "file by reference"),
    ("openai.chat", says(PDF_TEXT), "content application/msword"),
    ("openai.chat", {**CHAT, "tools": [{"type": "web_search"}]}, "tool web_search"),
    ("openai.chat", {**CHAT, "tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tool custom"),
    ("openai.chat", {**CHAT, "tool_choice": {"type": "allowed_tools"}}, "tool_choice allowed_tools"),
    ("openai.chat", {**CHAT, "n": 2}, "n=2"),
    ("openai.chat", {**CHAT, "modalities": ["text", "audio"]}, "audio or image output"),
    ("openai.chat", {**CHAT, "response_format": {"type": "grammar"}}, "response_format grammar"),
    ("openai.chat", {"model": "m", "messages": []}, "nobody says anything"),
    ("openai.chat", {"messages": [*CHAT["messages"], {"role": "assistant", "content": "It is"}]}, "the answer is begun already"),
    ("openai.chat", {"messages": [{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "c9", "content": "x"}]}, "a tool result without its call"),
    ("openai.chat", {"messages": [{"role": "narrator", "content": "a"}]}, "message role narrator"),
    ("openai.chat", {"messages": [{"role": "assistant", "content": None, "audio": {"id": "a"}}, *CHAT["messages"]]}, "audio of an earlier answer"),
    ("openai.chat", {"messages": "hello"}, "messages of another form"),
    ("openai.responses", {**RESPONSES, "previous_response_id": "r"}, "previous_response_id"),
    ("openai.responses", {**RESPONSES, "input": [{"type": "reasoning", "encrypted_content": "x"}]}, "encrypted reasoning"),
    ("openai.responses", {**RESPONSES, "input": [{"type": "item_reference", "id": "x"}]}, "input item_reference"),
    ("anthropic.messages", {**MESSAGES, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tool web_search_20250305"),
    ("anthropic.messages", {**MESSAGES, "tool_choice": {"type": "tool", "name": "nobody"}}, "tool_choice tool"),
    ("anthropic.messages", {**MESSAGES, "mcp_servers": [{"url": "x"}]}, "mcp_servers"),
    ("anthropic.messages", says({"type": "thinking", "thinking": "hm", "signature": "x"}), "thinking signature"),
    ("anthropic.messages", says({"type": "image", "source": {"type": "url", "url": "https://x"}}), "image by url"),
    ("gemini.generate", {"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]}, "content fileData"),
    ("gemini.generate", {"contents": [{"parts": [{"text": "x"}]}], "tools": [{"googleSearch": {}}]}, "tool googlesearch"),
    ("gemini.generate", {**GEMINI, "cachedContent": "c"}, "cachedContent"),
    ("gemini.generate", {**GEMINI, "generationConfig": {"candidateCount": 2}}, "candidateCount=2"),
    ("gemini.generate", {**GEMINI, "generationConfig": {"responseMimeType": "text/x.enum"}}, "responseMimeType text/x.enum"),
    ("gemini.generate", {"contents": [{"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}, *GEMINI["contents"]]}, "media in an answer"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "body", "why"), UNPORTABLE)
def test_what_would_change_the_question_goes_nowhere(source: str, body: dict[str, Any], why: str) -> None:
    wanted = "anthropic" if source != "anthropic.messages" else "gemini"
    got = translated(source, ONE[source][0], body, wanted, "m")
    assert isinstance(got, Unreadable) and got.reason == f"cannot be translated: {why}"


@pytest.mark.parametrize(
    ("dialect", "wanted", "model"),
    [
        ("bedrock.converse", "openai", "m"),
        ("openai.chat", "cohere", "m"),
        ("openai.chat", "openai.responses", "m"),
        ("openai.chat", "gemini", ""),
    ],
)
def test_without_a_reader_a_writer_or_a_model_it_goes_nowhere(dialect: str, wanted: str, model: str) -> None:
    assert isinstance(translated(dialect, "/x", CHAT, wanted, model), Unreadable)


def test_what_is_nested_too_deeply_goes_nowhere() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3000):
        schema = {"items": schema}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]
    assert isinstance(translated("gemini.generate", "/x", {**GEMINI, "tools": tools}, "openai", "m"), Unreadable)


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
    told, eligible = collections.Counter[str](), collections.Counter[bool]()
    for row in rows("exchanges/exchanges.jsonl"):
        body, source = row["request"]["body"], row["dialect"]
        if source not in SOURCES or not isinstance(body, dict):
            continue
        path = target_of(row).decode()
        before = BY_NAME[source].read_prompt(path, json.dumps(body).encode())
        for goal in DIALECTS.values():
            if goal == source:
                continue
            got = translated(source, path, body, goal, "m")
            told["translated" if isinstance(got, Translated) else got.reason] += 1
            if eligibility(source, "POST", body, {}) is None:
                eligible[isinstance(got, Translated)] += 1
            if isinstance(got, Translated) and isinstance(before, Prompt):
                after = BY_NAME[goal].read_prompt(got.path, json.dumps(got.body).encode())
                assert isinstance(after, Prompt) and after.turn <= before.turn + 1, row["id"]
                missing = {*WORD.findall(before.prompt_text)} - {*WORD.findall(after.prompt_text)}
                assert len(missing) <= 1, (row["id"], missing)
    print("\n", told.most_common())
    assert told["translated"] > 1300 and eligible[True] >= 0.95 * eligible.total(), eligible

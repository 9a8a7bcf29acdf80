"""The law of every reader: any bytes give an Answer or Unreadable, and what was read of a beginning is never taken back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects import BY_NAME, DIALECTS
from proxy.dialects.reading import read_cut, read_json
from proxy.exchange import Answer, Prompt, Unreadable
from tests.proxy.dialects.cases import EVERY, stream

KEYS = [
    "choices", "delta", "message", "content", "role", "tool_calls", "function", "arguments", "name", "id", "index", "finish_reason", "usage",
    "prompt_tokens", "type", "text", "refusal", "output", "response", "item", "output_index", "status", "error", "code", "stop_reason",
    "content_block", "candidates", "parts", "functionCall", "args", "partialArgs", "jsonPath", "usageMetadata", "promptTokenCount",
    "finishReason", "promptFeedback", "blockReason", "messages", "input", "system", "tools", "contents", "instructions", "metadata",
    "conversation", "prompt_tokens_details", "cached_tokens", "innererror", "stop_details", "incomplete_details", "data", "model", "stream",
]  # fmt: skip
WORDS = [
    "response.completed", "response.output_item.done", "message_start", "content_block_delta", "text_delta", "message", "function_call",
    "tool_use", "output_text", "user", "tool_result", "error", "stop", "$.a[0]", "$.a.b", "[DONE]", "refusal", "content_filter",
    "message_delta", "response.output_text.delta", "stringValue", "tool", "system",
]  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5), max_leaves=25
)
STATUSES = st.sampled_from([200, 404, 500])
TYPES = st.sampled_from(["application/json", "text/event-stream; charset=utf-8", "", "text/html"])


def as_written(value: object) -> bytes:
    return json.dumps(value).encode()


def read_everything(body: bytes, status: int = 200, content_type: str = "") -> None:
    for dialect in DIALECTS:
        assert isinstance(dialect.read_answer(status, content_type, body), Answer | Unreadable)
        assert isinstance(dialect.read_prompt("/v1/models/m:generateContent?x", body), Prompt | Unreadable)


@given(st.binary(max_size=100), STATUSES, TYPES)
def test_garbage_is_read_without_a_word(body: bytes, status: int, content_type: str) -> None:
    read_everything(body, status, content_type)


@given(VALUES, STATUSES)
def test_any_json_is_read_whatever_its_types(value: object, status: int) -> None:
    read_everything(as_written(value), status)


@given(st.lists(VALUES, max_size=4))
def test_any_stream_of_any_json_is_read(values: list[object]) -> None:
    read_everything(b"".join(b"data: " + as_written(value) + b"\n\n" for value in values))
    read_everything(b"[" + b",".join(map(as_written, values)) + b"]")


@given(st.sampled_from(EVERY), st.data())
def test_damaged_answers_are_read(case: tuple[str, bytes], data: st.DataObject) -> None:
    body = bytearray(case[1])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4))
        body = body or bytearray(b" ")
    assert isinstance(BY_NAME[case[0]].read_answer(200, "", bytes(body)), Answer | Unreadable)


@pytest.mark.parametrize(("name", "body"), EVERY)
def test_an_answer_cut_at_any_byte_gives_a_beginning_of_the_whole(name: str, body: bytes) -> None:
    read = BY_NAME[name].read_answer
    label = "application/json" if body.startswith((b"{", b"[")) else "text/event-stream"
    whole = read(200, label, body)
    assert isinstance(whole, Answer) and whole.whole
    for cut in range(len(body)):
        part = read(200, label, body[:cut])
        assert isinstance(part, Answer), (cut, part)
        assert whole.text.startswith(part.text), cut
        assert not part.whole or (part.text, part.finish, part.usage) == (whole.text, whole.finish, whole.usage), cut
        assert all(a.name == b.name or not a.name for a, b in zip(part.tool_calls, whole.tool_calls, strict=False)), cut


@pytest.mark.parametrize("label", ["application/json", "text/event-stream", ""])
@pytest.mark.parametrize(("name", "body"), EVERY)
def test_the_bytes_decide_and_not_the_label(name: str, body: bytes, label: str) -> None:
    assert BY_NAME[name].read_answer(200, label, body) == BY_NAME[name].read_answer(200, "", body)


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize("label", ["application/json", "text/event-stream"])
def test_no_bytes_at_all_are_an_answer_that_broke_off(name: str, label: str) -> None:
    assert BY_NAME[name].read_answer(200, label, b"") == Answer(whole=False)


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize(
    "body",
    [b"<html>busy</html>", b"plain words", b"[1, 2]", b'"text"', b'{"hello": "world"}', stream({"hello": "world"}), b'{"a": 1}}', b"12"],
)
def test_what_is_not_of_the_dialect_is_unreadable_with_a_reason(name: str, body: bytes) -> None:
    got = BY_NAME[name].read_answer(200, "", body)
    assert isinstance(got, Unreadable) and got.reason


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": {"message": "too fast", "type": "x"}}', "too fast"),
        (b'[{"error": {"code": 429, "message": "too fast", "status": "X"}}]', "too fast"),
        (b'{"error": "too fast"}', "too fast"),
        (b'{"detail": "too fast"}', "too fast"),
        (b'{"message": "too fast"}', "too fast"),
        (b'data: {"error": {"message": "too fast"}}\n\n', "too fast"),
        (b"<html>" + b"x" * 1000, "<html>" + "x" * 494),
        (b"", "HTTP 429"),
    ],
)
def test_an_error_status_says_its_message_in_whatever_shape(name: str, body: bytes, error: str) -> None:
    got = BY_NAME[name].read_answer(429, "", body)
    assert isinstance(got, Answer)
    assert (got.error, got.finish_class, got.text) == (error, "error", "")


@given(VALUES, st.integers(0, 400))
def test_a_cut_document_is_never_raised_about(value: object, cut: int) -> None:
    assert read_cut(as_written(value)[:cut]) is not ...


def test_hostile_depth_and_length_take_no_time() -> None:
    for body in (
        b"[" * 300_000,
        b'{"a":' * 100_000,
        b'"\\' * 200_000,
        b"[" + b"[],{}," * 100_000,
        b'{"choices":[' + b'{"a":"' + b'\\"' * 300_000,
    ):
        read_everything(body)
        read_everything(b"data: " + body + b"\n\n")


def test_lone_surrogates_bad_utf8_and_other_sins_are_repaired() -> None:
    assert read_json(b'{"a": "x\\ud800y"}') == {"a": "x\ufffdy"}
    assert read_json(b'{"a": "\\ud83d\\ude00 \\ud83d"}') == {"a": "\U0001f600 \ufffd"}
    assert read_json(b'\xef\xbb\xbf{"a": "\xff"}') == {"a": "\ufffd"}
    assert read_json(b'{"a": 123456789012345678901234567890}') == {"a": 123456789012345678901234567890.0}
    assert read_cut(b'{"a": ["x", "y\\ud8') == {"a": ["x"]}
    assert read_cut(b'{"a": {"text": "y\\ud8') == {"a": {"text": "y"}}
    assert read_cut(b'{"a": [1, {"b": tr') == {"a": [1, {}]}

"""Anthropic Messages: blocks, their stream, stop reasons, and requests whose tool results are no turns."""

import pytest

from proxy.dialects.anthropic_messages import DIALECT, read_answer
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, ToolCall, Usage
from tests.proxy.dialects.cases import MESSAGE, MESSAGE_STREAM, plain, stream

read_prompt = DIALECT.read_prompt

USAGE = Usage(input_tokens=30, cached_input_tokens=60, cache_write_tokens=10, output_tokens=30, reasoning_tokens=20)


def answer(body: bytes, status: int = 200) -> Answer:
    found = read_answer(status, "", body)
    assert isinstance(found, Answer), found
    return found


def test_a_plain_and_a_streamed_answer_mean_the_same() -> None:
    call = ToolCall(id="a", name="weather", arguments='{"city":"Rome"}')
    expected = Answer(
        text="Hello",
        tool_calls=(call,),
        finish="tool_use",
        finish_class="tool",
        usage=USAGE,
        model_served="m-1",
        response_id="msg",
        content_at=len(MESSAGE),
    )
    assert answer(MESSAGE) == expected
    streamed = answer(MESSAGE_STREAM)
    assert streamed.content_at == MESSAGE_STREAM.index(b'"Hel"') + MESSAGE_STREAM[MESSAGE_STREAM.index(b'"Hel"') :].index(b"\n\n") + 2
    assert (streamed.text, streamed.finish, streamed.usage, streamed.whole) == ("Hello", "tool_use", USAGE, True)
    assert streamed.tool_calls == (ToolCall(id="a", name="weather", arguments='{"city": "Rome"}'),)


def test_a_call_without_written_arguments_has_the_empty_object_of_its_block() -> None:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "a", "name": "now", "input": {}}}
    got = answer(stream(block, {"type": "message_stop"}))
    assert got.tool_calls == (ToolCall(id="a", name="now", arguments="{}"),)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "truncated"),
        ("model_context_window_exceeded", "truncated"),
        ("pause_turn", "paused"),
    ],
)
def test_stop_reasons_have_a_class(reason: str, expected: FinishClass) -> None:
    assert answer(plain(type="message", content=[], stop_reason=reason)).finish_class == expected


def test_a_refusal_gives_its_category_and_explanation() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Blocked."}
    got = answer(plain(type="message", content=[], stop_reason="refusal", stop_details=details))
    assert (got.refusal, got.finish_class) == (Refusal(kind="structured", reason="cyber: Blocked."), "refused")
    got = answer(stream({"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": None}}, {"type": "message_stop"}))
    assert got.refusal == Refusal(kind="structured", reason="refusal")


def test_a_fallback_names_the_model_that_answered() -> None:
    start = {"type": "message_start", "message": {"id": "x", "model": "asked"}}
    block = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "fallback", "from": {"model": "asked"}, "to": {"model": "answered"}},
    }
    assert answer(stream(start, block, {"type": "message_stop"})).model_served == "answered"


def test_an_error_event_after_200_is_an_error_and_an_end() -> None:
    got = answer(stream({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, named=True))
    assert (got.error, got.finish_class, got.whole) == ("Overloaded", "error", True)
    assert answer(plain(type="error", error={"type": "not_found_error", "message": "model: x"}), 404).error == "model: x"


def test_tool_results_are_sources_and_no_turns() -> None:
    got = read_prompt(
        "/v1/messages",
        plain(
            model="m",
            max_tokens=9,
            system=[{"type": "text", "text": "be kind"}],
            metadata={"user_id": "u"},
            tools=[{"name": "f"}, {"type": "bash_20250124", "name": "bash"}],
            messages=[
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "hi"}, {"type": "image", "source": {"type": "base64", "data": "AAAA"}}],
                },
                {
                    "role": "assistant",
                    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "tool_use", "id": "a", "name": "f", "input": {}}],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "42"}]}]},
                {"role": "assistant", "content": "it is 42"},
                {
                    "role": "user",
                    "content": [{"type": "document", "source": {"type": "text", "data": "a paper"}}, {"type": "text", "text": "sure?"}],
                },
            ],
        ),
    )
    assert got == Prompt(
        model="m",
        system_text="be kind",
        first_user_text="hi",
        prompt_text="be kind\nhi\n42\nit is 42\na paper\nsure?",
        source_text="hi\n42\na paper\nsure?",
        user="u",
        turn=2,
        tools=("f", "bash"),
        max_output_tokens=9,
    )

"""OpenAI Chat Completions: what each field of an answer and of a request becomes."""

import pytest

from proxy.dialects import dialect_of
from proxy.dialects.openai_chat import DIALECT, read_answer
from proxy.exchange import Answer, Prompt, Refusal, ToolCall, Usage
from tests.proxy.dialects.cases import CHAT, CHAT_CALLS, CHAT_STREAM, USAGE, delta, piece, plain, stream

read_prompt = DIALECT.read_prompt

DISJOINT = Usage(input_tokens=30, cached_input_tokens=60, cache_write_tokens=10, output_tokens=30, reasoning_tokens=20)


def answer(body: bytes, status: int = 200) -> Answer:
    found = read_answer(status, "", body)
    assert isinstance(found, Answer), found
    return found


def message(finish: str | None = "stop", **fields: object) -> bytes:
    return plain(choices=[{"index": 0, "finish_reason": finish, "message": fields}])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "openai.chat"),
        ("/openai/deployments/gpt/chat/completions?api-version=2024-02-01", "openai.chat"),
        ("/api/v1/chat/completions", "openai.chat"),
        ("/v1/chat/completions/abc", None),
        ("/v1/chat/completions/abc/messages", None),
        ("/v1/responses?beta=true", "openai.responses"),
        ("/v1/responses/abc/cancel", None),
        ("/v1/responses/input_tokens", None),
        ("/v1/embeddings", "openai.embeddings"),
        ("/v1/messages?beta=true", "anthropic.messages"),
        ("/anthropic/v1/messages", "anthropic.messages"),
        ("/messages", "anthropic.messages"),
        ("/v1/messages/count_tokens", None),
        ("/v1/messages/batches", None),
        ("/v1/threads/abc/messages", None),
        ("/v1beta/models/gemini-2.5-flash:generateContent?key=x", "gemini.generate"),
        ("/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "gemini.generate"),
        ("/v1/projects/p/locations/l/publishers/google/models/g@1:generateContent", "gemini.generate"),
        ("/v1beta/models/gemini-2.5-flash:countTokens", None),
        ("/v1beta/models", None),
    ],
)
def test_a_path_is_recognised_by_its_end(path: str, name: str | None) -> None:
    found = dialect_of("POST", path)
    assert (found.name if found else None) == name
    assert dialect_of("GET", path) is None


def test_a_plain_and_a_streamed_answer_mean_the_same() -> None:
    expected = Answer(
        text="Hello",
        finish="stop",
        finish_class="stop",
        usage=DISJOINT,
        model_served="m-1",
        fingerprint="fp",
        response_id="c1",
        content_at=len(CHAT),
    )
    assert answer(CHAT) == expected
    streamed = answer(CHAT_STREAM)
    assert streamed.content_at == CHAT_STREAM.index(b'"Hel"') + CHAT_STREAM[CHAT_STREAM.index(b'"Hel"') :].index(b"\n\n") + 2
    assert (streamed.text, streamed.usage, streamed.whole, streamed.finish_class) == ("Hello", DISJOINT, True, "stop")


def test_parallel_calls_are_put_together_by_their_index() -> None:
    got = answer(CHAT_CALLS)
    assert got.tool_calls == (
        ToolCall(id="a", name="weather", arguments='{"city": "Rome"}'),
        ToolCall(id="b", name="clock", arguments="{}"),
    )
    assert got.finish_class == "tool"


def test_calls_with_one_index_and_two_ids_are_two_calls() -> None:
    got = answer(
        stream(delta(tool_calls=[piece(0, "{}", name="a", id="1")]), delta(tool_calls=[piece(0, "[]", name="b", id="2")]), "[DONE]")
    )
    assert [(call.id, call.arguments) for call in got.tool_calls] == [("1", "{}"), ("2", "[]")]


def test_a_call_may_be_custom_or_of_the_old_kind_or_nothing_at_all() -> None:
    got = answer(message(tool_calls=[{"id": "a", "custom": {"name": "sh", "input": "ls"}}]))
    assert got.tool_calls == (ToolCall(id="a", name="sh", arguments="ls"),)
    assert answer(message(function_call={"name": "f", "arguments": "{}"})).tool_calls == (ToolCall(id=None, name="f", arguments="{}"),)
    assert answer(message(content="x", function_call={"name": "", "arguments": ""})).tool_calls == ()


def test_arguments_stay_as_the_model_wrote_them_even_when_they_are_not_json() -> None:
    got = answer(message(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": '{"a": 1,, }'}}]))
    assert got.tool_calls[0].arguments == '{"a": 1,, }'


def test_only_choice_0_is_the_answer() -> None:
    got = answer(plain(choices=[{"index": 1, "message": {"content": "second"}}, {"index": 0, "message": {"content": "first"}}]))
    assert got.text == "first"
    assert answer(stream(delta(0, content="a"), delta(1, content="b"), delta(0, content="c"), "[DONE]")).text == "ac"


def test_parts_count_as_far_as_they_are_text_and_reasoning_is_none() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Hello"}]
    assert answer(message(content=parts, reasoning_content="hm", reasoning="hm")).text == "Hello"
    assert answer(stream(delta(reasoning_content="hm"), delta(content=parts), "[DONE]")).text == "Hello"


def test_reasoning_is_no_first_content() -> None:
    body = stream(delta(reasoning_content="hm"), delta(content="x"), "[DONE]")
    assert answer(body).content_at == body.index(b'"x"') + body[body.index(b'"x"') :].index(b"\n\n") + 2


def test_null_everywhere_is_nothing() -> None:
    got = answer(
        plain(id=None, model=None, choices=[{"index": None, "message": {"content": None, "tool_calls": None}}], usage=None, error=None)
    )
    assert got == Answer()


def test_a_refusal_in_the_models_words_is_structured() -> None:
    for body in (
        message(content=None, refusal="I cannot."),
        stream(delta(refusal="I can"), delta(refusal="not."), delta(finish="stop"), "[DONE]"),
    ):
        got = answer(body)
        assert got.refusal == Refusal(kind="structured", reason="I cannot.")
        assert (got.text, got.finish_class, got.finish) == ("", "refused", "stop")
        assert got.content_at


def test_filters_name_their_categories() -> None:
    results = {"hate": {"filtered": True, "severity": "high"}, "violence": {"filtered": False}}
    got = answer(plain(choices=[{"index": 0, "finish_reason": "content_filter", "content_filter_results": results}]))
    assert (got.refusal, got.finish_class) == (Refusal(kind="filtered_output", reason="hate"), "filtered_output")
    error = {"message": "no", "code": "content_filter", "innererror": {"content_filter_result": results}}
    for status in (200, 400):
        got = answer(plain(error=error), status)
        assert (got.refusal, got.finish_class, got.error) == (Refusal(kind="filtered_input", reason="hate"), "filtered_input", "no")


@pytest.mark.parametrize("finish", ["length", "max_tokens"])
def test_a_length_is_a_truncation(finish: str) -> None:
    assert answer(message(finish, content="x")).finish_class == "truncated"


def test_a_stop_after_calls_is_a_tool_finish() -> None:
    assert answer(message("stop", tool_calls=[{"id": "a", "function": {"name": "f", "arguments": "{}"}}])).finish_class == "tool"


def test_an_error_inside_a_stream_is_said_and_ends_it() -> None:
    got = answer(stream(delta(content="x"), {"error": {"message": "overloaded"}}))
    assert (got.text, got.error, got.finish_class, got.whole) == ("x", "overloaded", "error", True)
    got = answer(stream(delta(content="x"), '{"choices": [}', "[DONE]"))
    assert got.error is not None and got.error.startswith("an event of the stream is not JSON")


def test_a_stream_without_done_is_whole_only_after_finish_and_bill() -> None:
    begun = (delta(content="x"), delta(finish="stop"))
    assert not answer(stream(begun[0])).whole
    assert not answer(stream(*begun)).whole
    assert answer(stream(*begun, {"choices": [], "usage": USAGE})).whole
    assert answer(stream(*begun) + b"data: [DONE]").whole


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 313, "completion_tokens_details": {"reasoning_tokens": 300}},
            (12, None, 1, 300),
        ),
        (
            {"prompt_tokens": 43, "completion_tokens": 10, "total_tokens": 53, "completion_tokens_details": {"reasoning_tokens": 11}},
            (43, None, 0, 10),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, (6, 4, 1, None)),
        ({"prompt_tokens": 10.0, "completion_tokens": True}, (10, None, None, None)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 50}}, (3, 50, None, None)),
        ({"prompt_tokens": -1, "completion_tokens": 2**60, "total_tokens": "x"}, None),
    ],
)
def test_usage_of_other_servers_is_disjoint_too(usage: dict[str, object], expected: tuple[int | None, ...] | None) -> None:
    got = answer(plain(choices=[], usage=usage)).usage
    assert (got and (got.input_tokens, got.cached_input_tokens, got.output_tokens, got.reasoning_tokens)) == expected


def test_later_usage_goes_before_earlier() -> None:
    first, last = {"prompt_tokens": 5, "completion_tokens": 1}, {"prompt_tokens": 5, "completion_tokens": 9}
    got = answer(stream({**delta(content="x"), "usage": first}, {**delta(finish="stop"), "usage": last}))
    assert got.usage == Usage(input_tokens=5, output_tokens=9)
    assert answer(stream(delta(content="x"), {"choices": [], "x_groq": {"usage": last}}, "[DONE]")).usage == got.usage


def test_a_prompt_has_its_words_in_order_with_the_system_first() -> None:
    got = read_prompt(
        "/v1/chat/completions",
        plain(
            model="m-1",
            stream=True,
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:..."}}]},
                {"role": "developer", "content": "be kind"},
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "content": "42"},
                {"role": "assistant", "content": "it is 42"},
                {"role": "user", "content": "sure?"},
                "nonsense",
            ],
            tools=[{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}, {"type": "web_search"}, 7],
            max_tokens=5,
            max_completion_tokens=7,
            prompt_cache_key="k",
            user="u",
        ),
    )
    assert got == Prompt(
        model="m-1",
        stream=True,
        system_text="be kind",
        first_user_text="hi",
        prompt_text="be kind\nhi\n42\nit is 42\nsure?",
        source_text="hi\n42\nsure?",
        conversation="k",
        user="u",
        turn=2,
        tools=("f", "g", "web_search"),
        max_output_tokens=7,
    )

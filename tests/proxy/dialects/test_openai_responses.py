"""OpenAI Responses and embeddings: items, their stream, and what vectors leave to read."""

from proxy.dialects.openai_embeddings import DIALECT as EMBEDDINGS
from proxy.dialects.openai_embeddings import read_answer as read_vectors
from proxy.dialects.openai_responses import DIALECT, read_answer
from proxy.exchange import Answer, Prompt, Refusal, ToolCall, Usage
from tests.proxy.dialects.cases import RESPONSE, RESPONSES, RESPONSES_STREAM, plain, stream

read_prompt, read_texts = DIALECT.read_prompt, EMBEDDINGS.read_prompt

CALL = ToolCall(id="a", name="weather", arguments='{"city": "Rome"}')


def answer(body: bytes, status: int = 200) -> Answer:
    found = read_answer(status, "", body)
    assert isinstance(found, Answer), found
    return found


def test_a_plain_and_a_streamed_answer_mean_the_same() -> None:
    expected = Answer(
        text="Hello",
        tool_calls=(CALL,),
        finish="completed",
        finish_class="tool",
        usage=Usage(input_tokens=40, cached_input_tokens=60, output_tokens=30, reasoning_tokens=20),
        model_served="m-1",
        response_id="r1",
        content_at=len(RESPONSES),
    )
    assert answer(RESPONSES) == expected
    streamed = answer(RESPONSES_STREAM)
    assert streamed.content_at == RESPONSES_STREAM.index(b'"Hel"') + RESPONSES_STREAM[RESPONSES_STREAM.index(b'"Hel"') :].index(b"\n\n") + 2
    assert (streamed.text, streamed.tool_calls, streamed.usage, streamed.whole) == ("Hello", (CALL,), expected.usage, True)


def test_a_stream_that_breaks_off_has_its_deltas() -> None:
    got = answer(RESPONSES_STREAM[: RESPONSES_STREAM.index(b"event: response.completed")])
    assert (got.text, got.tool_calls, got.whole, got.finish) == ("Hello", (CALL,), False, None)
    assert (got.model_served, got.response_id) == ("m-1", "r1")


def test_a_stream_whose_end_repeats_nothing_keeps_its_deltas() -> None:
    got = answer(
        stream(
            {"type": "response.output_text.delta", "delta": "Hello"},
            {"type": "response.completed", "response": {"status": "completed", "output": []}},
        )
    )
    assert (got.text, got.whole) == ("Hello", True)


def test_ends_that_are_no_success_say_why() -> None:
    cut = answer(plain(**{**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}))
    assert (cut.finish, cut.finish_class) == ("max_output_tokens", "truncated")
    filtered = answer(plain(**{**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "content_filter"}}))
    assert filtered.refusal == Refusal(kind="filtered_output", reason="content_filter")
    failed = {"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "boom"}}}
    got = answer(stream({"type": "response.created", "response": {}}, failed))
    assert (got.error, got.finish, got.finish_class, got.whole) == ("boom", "failed", "error", True)


def test_the_first_error_of_a_stream_is_the_one_that_is_told() -> None:
    first = {"type": "error", "error": {"message": "quota", "code": "insufficient_quota"}}
    second = {"type": "response.failed", "response": {"status": "failed", "error": {"message": "echo"}}}
    assert answer(stream(first, second)).error == "quota"
    assert answer(stream({"type": "error", "message": "flat", "code": "x"})).error == "flat"


def test_refusals_have_their_own_part_or_error_code() -> None:
    said = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    got = answer(plain(**{**RESPONSE, "output": [said]}))
    assert (got.refusal, got.finish_class, got.text) == (Refusal(kind="structured", reason="No."), "refused", "")
    assert answer(stream({"type": "response.refusal.delta", "delta": "No."})).refusal == Refusal(kind="structured", reason="No.")
    got = answer(plain(error={"message": "flagged", "code": "bio_policy"}), 400)
    assert (got.refusal, got.finish_class) == (Refusal(kind="filtered_input", reason="bio_policy"), "filtered_input")


def test_calls_for_the_client_count_and_those_at_the_provider_do_not() -> None:
    output = [
        {"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": "select 1"},
        {"type": "local_shell_call", "call_id": "s", "action": {"command": ["ls"]}},
        {"type": "web_search_call", "id": "w"},
        {"type": "tool_search_call", "execution": "server", "arguments": "{}"},
    ]
    calls = answer(plain(**{**RESPONSE, "output": output})).tool_calls
    assert [(call.name, call.arguments) for call in calls] == [("sql", "select 1"), ("local_shell", '{"command":["ls"]}')]


def test_a_prompt_may_be_a_string_or_items() -> None:
    simple = read_prompt("/v1/responses", plain(model="m", input="hi", instructions="be kind", conversation="conv_1"))
    assert simple == Prompt(
        model="m", system_text="be kind", first_user_text="hi", prompt_text="be kind\nhi", source_text="hi", conversation="conv_1"
    )
    items = [
        {"role": "developer", "content": [{"type": "input_text", "text": "be kind"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "x"}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "42"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "it is 42"}]},
        {"role": "user", "content": "sure?"},
    ]
    got = read_prompt(
        "/v1/responses", plain(input=items, conversation={"id": "conv_2"}, safety_identifier="u", tools=[{"type": "function", "name": "f"}])
    )
    assert got == Prompt(
        system_text="be kind",
        first_user_text="hi",
        prompt_text="be kind\nhi\n42\nit is 42\nsure?",
        source_text="hi\n42\nsure?",
        conversation="conv_2",
        user="u",
        turn=2,
        tools=("f",),
    )


def test_vectors_have_a_price_and_no_words() -> None:
    body = plain(object="list", data=[{"embedding": [0.1]}], model="e-1", usage={"prompt_tokens": 3, "total_tokens": 3})
    assert read_vectors(200, "application/json", body) == Answer(
        finish="stop", finish_class="stop", usage=Usage(input_tokens=3), model_served="e-1", content_at=len(body)
    )
    assert read_texts("/v1/embeddings", plain(model="e-1", input=["a", "b", [1, 2]])) == Prompt(
        model="e-1", first_user_text="a\nb", prompt_text="a\nb", source_text="a\nb"
    )

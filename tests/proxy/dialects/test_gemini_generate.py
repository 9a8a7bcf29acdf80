"""Gemini: one meaning for a document, a stream and an array; blocks, filters, streamed arguments; the model in the path."""

import pytest

from proxy.dialects.gemini_generate import DIALECT, read_answer
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, ToolCall, Usage
from tests.proxy.dialects.cases import GEMINI, GEMINI_ARRAY, GEMINI_STREAM, chunk, plain, stream

read_prompt = DIALECT.read_prompt


def answer(body: bytes, status: int = 200) -> Answer:
    found = read_answer(status, "", body)
    assert isinstance(found, Answer), found
    return found


@pytest.mark.parametrize("body", [GEMINI, GEMINI_STREAM, GEMINI_ARRAY])
def test_three_shapes_mean_the_same(body: bytes) -> None:
    got = answer(body)
    assert got == Answer(
        text="Hello",
        tool_calls=(ToolCall(id="a", name="weather", arguments='{"city":"Rome"}'),),
        finish="STOP",
        finish_class="tool",
        usage=Usage(input_tokens=47, cached_input_tokens=60, output_tokens=30, reasoning_tokens=20),
        model_served="m-1",
        response_id="g1",
        content_at=got.content_at,
    )


def test_the_first_content_of_an_array_ends_with_its_element() -> None:
    at = answer(GEMINI_ARRAY).content_at
    assert at is not None
    assert b'"Hel"' in GEMINI_ARRAY[:at] and b'"lo"' not in GEMINI_ARRAY[:at] and GEMINI_ARRAY[at - 1 : at] == b"}"
    assert answer(GEMINI).content_at == len(GEMINI)


@pytest.mark.parametrize(
    "feedback", [{"blockReason": "SAFETY"}, {"blockReason": "SAFETY", "safetyRatings": [{"category": "X", "blocked": False}]}]
)
def test_a_blocked_prompt_is_a_filtered_input(feedback: dict[str, object]) -> None:
    for body in (plain(promptFeedback=feedback), stream({"promptFeedback": feedback})):
        got = answer(body)
        assert (got.refusal, got.finish_class, got.whole) == (Refusal(kind="filtered_input", reason="SAFETY"), "filtered_input", True)


def test_a_filtered_answer_says_by_what() -> None:
    ratings = [{"category": "HARM_CATEGORY_HATE_SPEECH", "blocked": True}, {"category": "OTHER"}]
    got = answer(plain(candidates=[{"content": {}, "finishReason": "SAFETY", "safetyRatings": ratings}]))
    assert (got.refusal, got.finish_class) == (
        Refusal(kind="filtered_output", reason="SAFETY: HARM_CATEGORY_HATE_SPEECH"),
        "filtered_output",
    )
    got = answer(plain(candidates=[{"finishReason": "MODEL_ARMOR", "finishMessage": "Filters."}]))
    assert got.refusal == Refusal(kind="filtered_output", reason="MODEL_ARMOR: Filters.")


@pytest.mark.parametrize(
    ("reason", "expected"), [("MAX_TOKENS", "truncated"), ("MALFORMED_FUNCTION_CALL", "malformed"), ("UNEXPECTED_TOOL_CALL", "malformed")]
)
def test_finish_reasons_have_a_class(reason: str, expected: FinishClass) -> None:
    assert answer(plain(**chunk({"text": "x"}, finish=reason))).finish_class == expected


def test_a_stream_is_whole_when_its_finish_was_seen_and_an_array_when_it_is_closed() -> None:
    assert not answer(stream(chunk({"text": "x"}))).whole
    assert answer(stream(chunk({"text": "x"}), chunk(finish="STOP"))).whole
    assert not answer(GEMINI_ARRAY.rstrip()[:-1]).whole


def test_an_error_inside_a_stream_or_an_array_is_told() -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    got = answer(stream(chunk({"text": "x"}), error))
    assert (got.text, got.error, got.finish_class, got.whole) == ("x", "overloaded", "error", True)
    assert answer(b"[" + plain(**chunk({"text": "x"})) + b"," + plain(**error) + b"]").error == "overloaded"


def test_arguments_streamed_by_place_are_put_together() -> None:
    def place(path: str, **value: object) -> dict[str, object]:
        return chunk({"functionCall": {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}})

    got = answer(
        stream(
            chunk({"functionCall": {"id": "a", "name": "cook", "willContinue": True}}),
            place("$.recipe.name", stringValue="Las"),
            place("$.recipe.name", stringValue="agna"),
            place("$.recipe.steps[0].words", stringValue="Boil."),
            place("$.recipe.steps[1].minutes", numberValue=25),
            place("$.recipe.steps[99].words", stringValue="nowhere"),
            place("$['vegan']", boolValue=False),
            place("$.none", nullValue="NULL_VALUE"),
            chunk({"functionCall": {}}),
            chunk({"functionCall": {"name": "serve"}}, finish="STOP"),
        )
    )
    expected = '{"recipe":{"name":"Lasagna","steps":[{"words":"Boil."},{"minutes":25}]},"vegan":false,"none":null}'
    assert got.tool_calls == (ToolCall(id="a", name="cook", arguments=expected), ToolCall(id=None, name="serve", arguments="{}"))


def test_the_path_names_the_model_and_whether_it_streams() -> None:
    body = plain(
        systemInstruction={"parts": [{"text": "be kind"}]},
        contents=[
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"data": "AAAA"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": 42}}}]},
            {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "it is 42"}]},
            {"parts": [{"text": "sure?"}]},
        ],
        tools=[{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}],
        generationConfig={"maxOutputTokens": 9},
    )
    got = read_prompt("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", body)
    assert got == Prompt(
        model="gemini-2.5-flash",
        stream=True,
        system_text="be kind",
        first_user_text="hi",
        prompt_text='be kind\nhi\n{"result":42}\nit is 42\nsure?',
        source_text='hi\n{"result":42}\nsure?',
        turn=2,
        tools=("f", "googleSearch"),
        max_output_tokens=9,
    )
    path = "/v1/projects/p/locations/l/publishers/google/models/g%401:generateContent"
    plainly = read_prompt(path, plain(contents={"parts": [{"text": "hi"}]}))
    assert isinstance(plainly, Prompt) and (plainly.model, plainly.stream, plainly.prompt_text) == ("g@1", False, "hi")

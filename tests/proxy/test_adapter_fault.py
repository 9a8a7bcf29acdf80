"""A call whose form a candidate refuses is told apart from an answer that is bad."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapter_fault import STATUSES, adapter_fault
from tests.corpus import rows


def openai(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def anthropic(message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


REJECTED: list[tuple[int, Any, str]] = [
    (400, openai("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "max_tokens",
                 "unsupported_parameter"), "rejects max_tokens"),
    (400, openai("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
                 "temperature", "unsupported_value"), "rejects temperature"),
    (400, openai("Invalid 'messages[3]'. Content blocks are expected to be either text or image_url type.", "messages[3]", "invalid_value"),
     "rejects messages[]"),
    (400, openai("Unrecognized request argument supplied: reasoning_effort"), "rejects reasoning_effort"),
    (400, openai("The model `gpt-5.2-proo` does not exist or you do not have access to it.", None, "model_not_found"), "no such model"),
    (400, anthropic("metadata.team: Extra inputs are not permitted"), "rejects metadata.team"),
    (400, anthropic("max_tokens: Field required"), "rejects max_tokens"),
    (400, anthropic("temperature: range: 0..1"), "rejects temperature"),
    (400, anthropic("`temperature` and `top_p` cannot both be specified for this model. Please use only one."), "rejects temperature"),
    (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-sonet-4-5"}}, "no such model"),
    (400, {"error": {"code": 400, "message": 'Invalid JSON payload received. Unknown name "top_kk" at \'generation_config\': Cannot find field.',
                     "status": "INVALID_ARGUMENT"}}, "rejects top_kk"),
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]},
     "rejects stream_options"),
    (400, {"message": "The model returned the following errors: Malformed input request: #/messages/2: extraneous key [toolResult] is not "
                      "permitted"}, "rejects toolResult"),
    (400, {"message": "This model doesn't support the video content block that you provided."}, "rejects video"),
    (400, {"error": {"message": "property 'logprobs' is unsupported", "type": "invalid_request_error"}}, "rejects logprobs"),
    (400, {"error": '"gemma:2b" does not support tools'}, "rejects tools"),
    (404, b"404 page not found", "no such path"),
    (404, {"detail": "Not Found"}, "no such path"),
    (405, b"", "no such path"),
    (415, {"error": {"message": "nope"}}, "rejects content-type"),
]  # fmt: skip

OTHERWISE: list[tuple[int, Any]] = [
    (400, openai("This model's maximum context length is 8192 tokens.", "messages", "context_length_exceeded")),
    (400, anthropic("prompt is too long: 210000 tokens > 200000 maximum")),
    (400, anthropic("Your credit balance is too low to access the Anthropic API.")),
    (400, openai("The response was filtered due to the prompt triggering our content management policy.", "prompt", "content_filter")),
    (400, {"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}),
    (400, openai("Tool choice is required, but model did not call a tool", None, "tool_use_failed")),
    (400, openai("Error while downloading https://example.com/cat.png.", None, "invalid_image_url")),
    (400, openai("You exceeded your current quota", None, "insufficient_quota")),
    (400, b"<html>bad gateway"),
    (429, openai("Unsupported parameter: 'x'", "x")),
    (500, openai("Unsupported parameter: 'x'", "x")),
    (200, openai("Unsupported parameter: 'x'", "x")),
]


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)


@pytest.mark.parametrize(("status", "body", "fault"), REJECTED)
def test_a_form_that_is_refused_is_named(status: int, body: Any, fault: str) -> None:
    assert adapter_fault(status, raw(body)) == fault


@pytest.mark.parametrize(("status", "body"), OTHERWISE)
def test_length_policy_quota_and_keys_are_no_adapter_faults(status: int, body: Any) -> None:
    assert adapter_fault(status, raw(body)) == ""


@given(st.sampled_from(STATUSES), st.binary() | st.recursive(st.none() | st.text() | st.integers(0, 9), lambda inner: st.lists(inner) | (
    st.dictionaries(st.sampled_from(["error", "message", "param", "detail", "loc", "code"]), inner))).map(orjson.dumps))  # fmt: skip
def test_no_answer_breaks_the_reader(status: int, body: bytes) -> None:
    assert len(adapter_fault(status, body)) < 80


def test_the_recorded_errors_of_every_provider_are_sorted() -> None:
    found: dict[str, int] = {}
    for row in rows("exchanges/exchanges.jsonl"):
        answer = row["response"]
        if answer["status"] in STATUSES:
            body = answer.get("body")
            fault = adapter_fault(answer["status"], raw(body if isinstance(body, dict | list) else str(body).encode()))
            found[fault] = found.get(fault, 0) + 1
            assert "api_key" not in fault
    assert found.pop("no such model") >= 8
    assert found.pop("") <= 14, "more recorded refusals of form went unnamed than when this was written"
    assert sum(found.values()) >= 18

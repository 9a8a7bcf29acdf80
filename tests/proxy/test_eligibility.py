"""The classes of wire.md 1.3, one line per cause."""

# pyright: standard
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects import BY_NAME
from proxy.eligibility import Ineligible, Reach, eligibility, unreadable
from proxy.exchange import Prompt, Unreadable

CHAT, RESPONSES, MESSAGES, GEMINI = "openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"
USER = [{"role": "user", "content": "hi"}]
PNG = "data:image/png;base64,AAAA"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = (
    "messages",
    "input",
    "tools",
    "contents",
    "type",
    "content",
    "parts",
    "n",
    "generationConfig",
    "source",
    "file",
    "image_url",
    "system",
)
wire_like = st.dictionaries(
    st.sampled_from(KEYS),
    st.recursive(
        json_values,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*KEYS, "url", "file_id")), inner, max_size=3),
        max_leaves=10,
    ),
)


def user_part(**part: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "look"}, part]}]


def look(dialect: str, reach: Reach = "elsewhere", method: str = "POST", retry: str = "", **body: Any) -> tuple[str, str] | None:
    headers = {"x-stainless-retry-count": retry} if retry else {}
    found = eligibility(dialect, method, body, headers, reach=reach)
    return (found.decision, found.reason) if found else None


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (CHAT, {"messages": USER}),
        (CHAT, {"messages": USER, "n": 1, "stream": True, "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom"}]}),
        (CHAT, {"messages": user_part(type="image_url", image_url={"url": PNG})}),
        (CHAT, {"messages": user_part(type="file", file={"file_data": "AAAA", "filename": "a.pdf"})}),
        (RESPONSES, {"input": "hi", "background": False, "previous_response_id": None}),
        (RESPONSES, {"input": [{"type": "message", **USER[0]}, {"type": "function_call"}, {"type": "function_call_output", "output": "1"}]}),
        (RESPONSES, {"input": user_part(type="input_image", image_url=PNG), "tools": [{"type": "function", "name": "f"}]}),
        (MESSAGES, {"messages": USER, "system": "s", "tools": [{"name": "f", "input_schema": {}}, {"type": "custom", "name": "g"}]}),
        (MESSAGES, {"messages": user_part(type="image", source={"type": "base64", "data": "AAAA"})}),
        (MESSAGES, {"messages": user_part(type="tool_result", content=[{"type": "text", "text": "42"}])}),
        (MESSAGES, {"messages": USER, "tools": [{"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}]}),
        (GEMINI, {"contents": [{"parts": [{"text": "hi"}, {"inlineData": {"data": "AAAA"}}]}], "tools": [{"functionDeclarations": []}]}),
    ],
)  # fmt: skip
def test_a_call_without_effects_may_be_mirrored(dialect: str, body: dict[str, Any]) -> None:
    assert look(dialect, **body) is None


@pytest.mark.parametrize(
    ("dialect", "body", "reason"),
    [
        (RESPONSES, {"previous_response_id": "resp_1"}, "previous_response_id"),
        (RESPONSES, {"conversation": "conv_1"}, "conversation"),
        (RESPONSES, {"background": True}, "background"),
        (RESPONSES, {"tools": [{"type": "code_interpreter"}]}, "tool code_interpreter"),
        (RESPONSES, {"tools": [{"type": "mcp", "server_url": "https://x"}]}, "tool mcp"),
        (RESPONSES, {"tools": [{"type": "local_shell"}]}, "tool local_shell"),
        (RESPONSES, {"tools": [{"type": "computer_use_preview"}]}, "tool computer_use_preview"),
        (RESPONSES, {"tools": [{"type": "something_new"}]}, "tool something_new"),
        (MESSAGES, {"container": "c"}, "container"),
        (MESSAGES, {"mcp_servers": [{"url": "https://x"}]}, "mcp_servers"),
        (MESSAGES, {"fallback_credit_token": "t"}, "fallback_credit_token"),
        (MESSAGES, {"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tool bash_20250124"),
        (MESSAGES, {"tools": [{"type": "computer_20250124"}]}, "tool computer_20250124"),
        (MESSAGES, {"tools": [{"type": "code_execution_20250825"}]}, "tool code_execution_20250825"),
        (MESSAGES, {"tools": [{"type": "memory_20250818"}]}, "tool memory_20250818"),
        (GEMINI, {"tools": [{"codeExecution": {}}]}, "tool codeExecution"),
        (GEMINI, {"tools": [{"computer_use": {}}]}, "tool computer_use"),
        (CHAT, {"tools": [{"type": "mcp"}]}, "tool mcp"),
    ],
)
@pytest.mark.parametrize("reach", ["elsewhere", "account", "model"])
def test_what_has_effects_is_never_mirrored_anywhere(dialect: str, body: dict[str, Any], reason: str, reach: Reach) -> None:
    assert look(dialect, reach, **body) == ("side_effects", reason)


@pytest.mark.parametrize(
    ("dialect", "body", "reason"),
    [
        ("openai.embeddings", {"input": "hi"}, "embeddings of two models are not comparable"),
        (CHAT, {"n": 3}, "n=3"),
        (CHAT, {"modalities": ["text", "audio"]}, "audio or image output"),
        (CHAT, {"web_search_options": {"user_location": None}}, "web_search_options"),
        (CHAT, {"model": "gpt-4o-search-preview"}, "model gpt-4o-search-preview searches the web"),
        (RESPONSES, {"tools": [{"type": "web_search_preview"}]}, "tool web_search_preview"),
        (RESPONSES, {"tools": [{"type": "image_generation"}]}, "tool image_generation"),
        (MESSAGES, {"tools": [{"type": "web_search_20250305"}]}, "tool web_search_20250305"),
        (GEMINI, {"tools": [{"google_search": {}}]}, "tool google_search"),
        (GEMINI, {"generationConfig": {"candidateCount": 2}}, "candidateCount=2"),
        (GEMINI, {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "audio or image output"),
        ("acme.new", {}, "dialect acme.new"),
    ],
)
def test_what_cannot_be_compared_is_not_paid_for(dialect: str, body: dict[str, Any], reason: str) -> None:
    assert look(dialect, **body) == ("not_comparable", reason)
    assert look(dialect, "model", **body) == ("not_comparable", reason)


@pytest.mark.parametrize(
    ("dialect", "body", "reason"),
    [
        (CHAT, {"messages": user_part(type="file", file={"file_id": "file-1"})}, "file_id"),
        (CHAT, {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "audio id"),
        (RESPONSES, {"input": user_part(type="input_file", file_id="file-1")}, "file_id"),
        (RESPONSES, {"prompt": {"id": "pmpt_1"}}, "prompt id"),
        (RESPONSES, {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tool file_search"),
        (MESSAGES, {"messages": user_part(type="document", source={"type": "file", "file_id": "f"})}, "file_id"),
        (GEMINI, {"cachedContent": "cachedContents/1"}, "cachedContent"),
        (GEMINI, {"cached_content": "cachedContents/1"}, "cachedContent"),
        (GEMINI, {"contents": [{"parts": [{"fileData": {"fileUri": "https://x/files/1"}}]}]}, "file by URI"),
    ],
)
def test_what_lies_at_the_provider_stays_with_the_account(dialect: str, body: dict[str, Any], reason: str) -> None:
    assert look(dialect, **body) == ("unportable", reason)
    assert look(dialect, "account", **body) is None
    assert look(dialect, "model", **body) is None


@pytest.mark.parametrize(
    ("dialect", "body", "reason"),
    [
        (RESPONSES, {"input": [{"type": "reasoning", "encrypted_content": "x"}]}, "encrypted reasoning"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}, "input item_reference"),
        (MESSAGES, {"messages": [{"role": "assistant", "content": [{"type": "thinking", "signature": "x"}]}]}, "thinking signature"),
        (MESSAGES, {"messages": [{"role": "assistant", "content": [{"type": "redacted_thinking"}]}]}, "thinking signature"),
        (GEMINI, {"contents": [{"parts": [{"text": "a", "thoughtSignature": "x"}]}]}, "thinking signature"),
    ],
)
def test_what_a_model_sealed_only_that_model_can_open(dialect: str, body: dict[str, Any], reason: str) -> None:
    assert look(dialect, **body) == ("unportable", reason)
    assert look(dialect, "account", **body) == ("unportable", reason)
    assert look(dialect, "model", **body) is None


@pytest.mark.parametrize(
    ("dialect", "body", "reason"),
    [
        (CHAT, {"messages": user_part(type="image_url", image_url={"url": "https://x/a.png"})}, "image by URL"),
        (CHAT, {"messages": user_part(type="image_url", image_url="HTTPS://x/a.png")}, "image by URL"),
        (RESPONSES, {"input": user_part(type="input_image", image_url="https://x/a.png")}, "image by URL"),
        (RESPONSES, {"input": user_part(type="input_file", file_url="https://x/a.pdf")}, "file by URL"),
        (MESSAGES, {"messages": user_part(type="image", source={"type": "url", "url": "https://x/a.png"})}, "image by URL"),
        (
            MESSAGES,
            {"messages": user_part(type="tool_result", content=[{"type": "image", "source": {"url": "https://x"}}])},
            "image by URL",
        ),
        (GEMINI, {"tools": [{"urlContext": {}}]}, "tool urlContext"),
    ],
)
def test_an_address_is_not_fetched_a_second_time(dialect: str, body: dict[str, Any], reason: str) -> None:
    assert look(dialect, **body) == ("unportable", reason)
    assert look(dialect, "model", **body) == ("unportable", reason)


def test_the_gravest_of_several_causes_is_told() -> None:
    body: dict[str, Any] = {"n": 2, "background": True, "input": [{"type": "item_reference"}]}
    assert look(RESPONSES, **body) == ("side_effects", "background")


def test_a_retry_and_a_foreign_method_are_not_asked_again() -> None:
    assert look(CHAT, retry="2", messages=USER) == ("retry_of", "x-stainless-retry-count 2")
    assert look(CHAT, retry="0", messages=USER) is None
    assert look(CHAT, method="DELETE", messages=USER) == ("side_effects", "method DELETE")


def test_a_body_that_is_not_there_is_told_apart() -> None:
    def told(size: int, whole: bool, prompt: Prompt | Unreadable | None) -> tuple[str, str] | None:
        found = unreadable(size, whole, prompt)
        return (found.decision, found.reason) if found else None

    assert told(9_000_000, True, None) == ("too_large", "9000000 bytes")
    assert told(0, True, None) == ("unreadable", "no body")
    assert told(100, False, Prompt()) == ("unreadable", "the upload broke off")
    assert told(100, True, Unreadable(reason="not JSON")) == ("unreadable", "not JSON")
    assert told(100, True, Prompt()) is None


@given(st.sampled_from(sorted(BY_NAME)), wire_like | st.dictionaries(st.text(max_size=8), json_values))
def test_no_json_makes_it_raise(dialect: str, body: dict[str, Any]) -> None:
    assert isinstance(eligibility(dialect, "POST", body, {}), Ineligible | None)


def test_a_document_nested_to_the_parsers_limit_is_looked_at() -> None:
    block: dict[str, Any] = {"type": "text"}
    for _ in range(900):
        block = {"type": "tool_result", "content": [block]}
    assert look(MESSAGES, messages=[{"role": "user", "content": [block]}]) is None

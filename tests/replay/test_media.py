"""What a request may come to at most: inlined media by the piece, text by the byte, and never less than a provider could count."""

import base64
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import Price, Target
from proxy.exchange import Unreadable
from replay.asked import ask
from replay.cost import UNKNOWN_MAX_OUTPUT, longest_output, pricer
from replay.leg import Question
from replay.media import IMAGE_TOKENS, NAMED_TOKENS, OTHER_IMAGE_TOKENS, PAGE_TOKENS, tokens_at_most
from tests.corpus import rows
from tests.replay.kit import an_event, chat

BIG = "A" * 4_000_000
URL = f"data:image/png;base64,{BIG}"


def messages(*content: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": list(content)}]}


@pytest.mark.parametrize(
    ("family", "body", "image"),
    [
        ("openai", messages({"type": "image_url", "image_url": {"url": URL}}), OTHER_IMAGE_TOKENS),
        ("openai", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]}, OTHER_IMAGE_TOKENS),
        ("anthropic", messages({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": BIG}}), 8_000),
        ("gemini", {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": BIG}}]}]}, IMAGE_TOKENS["gemini"]),
        ("gemini", {"contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": BIG}}]}]}, IMAGE_TOKENS["gemini"]),
        ("bedrock", messages({"image": {"format": "png", "source": {"bytes": BIG}}}), OTHER_IMAGE_TOKENS),
        ("ollama", {"messages": [{"role": "user", "content": "x", "images": [BIG]}]}, OTHER_IMAGE_TOKENS),
    ],
)
def test_an_image_of_four_megabytes_is_not_four_million_tokens(family: str, body: dict[str, Any], image: int) -> None:
    assert image <= tokens_at_most(family, orjson.dumps(body)) <= image + 1_400


@pytest.mark.parametrize(
    "body",
    [
        messages({"type": "text", "text": URL}),
        {"messages": [{"role": "user", "content": URL}]},
        messages({"type": "tool_use", "name": "f", "input": {"url": URL}}),
        {"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"mimeType": "image/png", "data": BIG}}}]}]},
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {"url": URL}}}]}]},
        messages({"type": "input_audio", "input_audio": {"data": BIG, "format": "wav"}}),
        messages({"type": "file", "file": {"file_data": f"data:text/csv;base64,{BIG}"}}),
        messages({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": BIG}}),
    ],
)
def test_what_a_model_reads_as_text_stays_at_a_token_per_byte(body: dict[str, Any]) -> None:
    assert tokens_at_most("openai", orjson.dumps(body)) >= len(BIG)


def test_the_pages_of_a_pdf_are_counted_where_they_can_be() -> None:
    pdf = b"%PDF-1.4 /Type /Pages" + b"/Type /Page /Contents 1 0 R" * 7 + b"\x00" * 3_000_000
    data = base64.b64encode(pdf).decode()
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    seven = tokens_at_most("anthropic", orjson.dumps(messages({"type": "document", "source": source})))
    assert 7 * PAGE_TOKENS <= seven < 8 * PAGE_TOKENS
    packed = source | {"data": base64.b64encode(pdf + b"/ObjStm").decode()}
    assert tokens_at_most("anthropic", orjson.dumps(messages({"type": "document", "source": packed}))) >= len(data)


@pytest.mark.parametrize(
    "body",
    [
        messages({"type": "file", "file": {"file_id": "file-1"}}),
        {"prompt": {"id": "pmpt_1"}, "input": "x"},
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}], "input": "x"},
        {"cachedContent": "cachedContents/1", "contents": []},
        {"contents": [{"parts": [{"fileData": {"fileUri": "https://youtu.be/x"}}]}]},
    ],
)
def test_what_is_only_named_may_be_as_long_as_any_context(body: dict[str, Any]) -> None:
    assert tokens_at_most("openai", orjson.dumps(body)) >= NAMED_TOKENS


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(0, 9), lambda inner: st.lists(inner) | (
    st.dictionaries(st.sampled_from(["data", "source", "bytes", "images", "url", "file_id", "mimeType", "base64"]), inner))).map(orjson.dumps))  # fmt: skip
def test_no_body_breaks_the_count(body: bytes) -> None:
    assert tokens_at_most("openai", body) >= 0


def test_the_bound_holds_for_every_recorded_call() -> None:
    checked = 0
    for row in rows("exchanges/exchanges.jsonl"):
        expected, body = row.get("expected") or {}, row["request"].get("body")
        if expected.get("in_tok") and isinstance(body, dict) and "B64_CUT" not in str(body) and "B64_CUT" not in str(row["response"]):
            at_most = tokens_at_most("openai", orjson.dumps(body))
            hosted = any(word in str(body) for word in ("web_search", "code_", "oogle", "http", "mcp", "compound", "advisor"))
            if not hosted:
                checked += 1
                assert expected["in_tok"] <= at_most, row["request"]["url"]
    assert checked > 300


def test_a_call_without_a_limit_is_reserved_at_what_its_model_may_write() -> None:
    target = Target(url="https://api.example.com", price=Price(input=0, output=1))
    asked = ask(an_event(), orjson.dumps({key: value for key, value in chat().items() if key != "max_tokens"}))
    priced = pricer(target)
    for model, tokens in (("openai/gpt-4o-mini", 16_384), ("GPT-5.2", 128_000), ("nobody-knows", UNKNOWN_MAX_OUTPUT)):
        assert longest_output(model) == tokens
    found = _question(target, asked)
    assert priced.worst_case(asked, found, 0) == Decimal(UNKNOWN_MAX_OUTPUT) / 1_000_000


def _question(target: Target, asked: Any) -> Question:
    from proxy.adapt import adapt

    sent = adapt(asked.event.dialect, asked.path, asked.body, {}, target, "candidate")
    assert not isinstance(sent, Unreadable)
    return Question(call_id="1", dialect=asked.event.dialect, family="openai", sent=sent)

"""The readers against real exchanges of three open-source projects, when their recordings stand beside the checkout.

`expected` was made by a plain reader and not checked by hand; `whose` tells its known mistakes from ours.
"""

import base64
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy.dialects import BY_NAME, dialect_of
from proxy.exchange import Answer, Prompt, Unreadable, Usage
from tests.corpus import rows
from tests.recorded import body_of as message_body


def body_of(record: dict[str, Any]) -> bytes:
    return message_body(record["response"])


def target_of(url: str) -> str:
    """A fragment never travels, whatever the recorder kept of it."""
    return "/" + url.split("://", 1)[1].partition("/")[2].partition("#")[0]


def recorded() -> Iterator[dict[str, Any]]:
    return (record for record in rows("exchanges/exchanges.jsonl") if record["dialect"] in BY_NAME)


def answered(record: dict[str, Any]) -> Answer | Unreadable:
    response = record["response"]
    return BY_NAME[record["dialect"]].read_answer(response["status"], response["headers"].get("content-type", ""), body_of(record))


def totals(record: dict[str, Any], usage: Usage | None) -> tuple[int | None, int | None]:
    """The provider's own two numbers, put together from the disjoint classes."""
    if usage is None:
        return None, None
    match record["dialect"]:
        case "anthropic.messages" | "bedrock.converse" | "bedrock.invoke":
            return usage.input_tokens, added(usage.output_tokens, usage.reasoning_tokens)
        case "gemini.generate":
            brought = re.findall(rb'"toolUsePromptTokenCount": ?(\d+)', body_of(record))
            return added(usage.input_tokens, usage.cached_input_tokens, -int(brought[-1]) if brought else None), usage.output_tokens
        case _:
            taken = added(usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens)
            return taken, added(usage.output_tokens, usage.reasoning_tokens)


def added(first: int | None, *more: int | None) -> int | None:
    return None if first is None else first + sum(n for n in more if n is not None)


def arguments(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def fields(record: dict[str, Any], got: Answer) -> Iterator[tuple[str, object, object]]:
    """(field, expected, got)"""
    expected = record["expected"]
    taken, given = totals(record, got.usage)
    yield "text", expected["text"], got.text
    wanted = [(tool["id"], tool["name"], arguments(tool["args"])) for tool in expected["tools"]]
    yield "tools", wanted, [(tool.id, tool.name, arguments(tool.arguments)) for tool in got.tool_calls]
    yield "finish", expected["finish"], got.finish
    yield "in_tok", expected["in_tok"], taken
    yield "out_tok", expected["out_tok"], given
    yield "model", expected["model"], got.model_served
    yield "error", expected["error"], got.error
    if "refusal" in expected:
        yield "refusal", expected["refusal"], got.refusal and got.refusal.reason
    if "done" in expected:
        yield "done", expected["done"], got.whole


def agrees(name: str, expected: Any, got: Any) -> bool:
    if name == "error" and isinstance(expected, str) and expected.startswith("{"):  # the whole object, cut at some length
        return isinstance(got, str) and orjson.dumps(got)[1:60].decode() in expected
    return expected == got


def whose(name: str, expected: Any, got: Any) -> str:
    """Who is wrong in a miss, as far as a rule can say it."""
    if name == "tools" and [tool for tool in expected if tool[1]] == got:
        return "theirs: a call without a name is no call (Snowflake fills every field with empty strings)"
    if (
        name == "tools"
        and len(expected) == len(got)
        and all((a[0] or None, a[1], a[2] or {}) == (b[0], b[1], b[2] or {}) for a, b in zip(expected, got, strict=True))
    ):
        return "theirs: an empty id is none, and arguments that were not written are empty"
    if name == "finish" and expected == f"blocked:{got}":
        return "theirs: the prefix is not the provider's"
    if name == "error" and str(got).startswith(str(expected)):
        return "theirs: cut at some length"
    return "theirs: an empty string is no model" if name == "model" and expected == "" and got is None else "OURS"


def test_the_readers_agree_with_the_recordings_of_three_projects() -> None:
    compared, exchanges, agreeing, misses = 0, 0, 0, list[str]()
    for record in recorded():
        if record["expected"] is None:
            continue
        got = answered(record)
        if isinstance(got, Unreadable) and not any(record["expected"].values()):
            continue  # Writer's own stream at OpenAI's path: nobody reads it
        assert isinstance(got, Answer), (record["id"], got)
        exchanges += 1
        missed = len(misses)
        for name, expected, found in fields(record, got):
            compared += 1
            if not agrees(name, expected, found):
                blame = whose(name, expected, found)
                misses.append(f"{record['id']} {record['dialect']} {record['provider']} {name}: {expected!r:.90} / {found!r:.90} {blame}")
        agreeing += len(misses) == missed
    told = f"{compared - len(misses)} of {compared} fields and {agreeing} of {exchanges} exchanges agree"
    print(f"\n{told}", *misses, sep="\n")
    assert exchanges > 950
    assert (compared - len(misses)) / compared >= 0.99
    assert not [miss for miss in misses if miss.endswith("OURS")]


def test_every_recorded_stream_that_its_provider_ended_is_whole() -> None:
    streams = [(record["id"], answered(record)) for record in recorded() if record["wire"] in ("sse", "ndjson", "eventstream")]
    cut = [name for name, got in streams if isinstance(got, Answer) and not got.whole]
    assert cut == []


def test_content_is_placed_at_the_end_of_the_event_that_brought_it() -> None:
    """Cut right there, a stream already shows the first content; without the last line end it does not (two bytes, for a CR ends one)."""
    for record in recorded():
        body, got = body_of(record), answered(record)
        if record["wire"] != "sse" or not isinstance(got, Answer) or got.content_at is None:
            continue
        read = BY_NAME[record["dialect"]].read_answer
        with_it = read(200, "text/event-stream", body[: got.content_at])
        without = read(200, "text/event-stream", body[: got.content_at - 2])
        assert isinstance(with_it, Answer) and with_it.content_at == got.content_at, record["id"]
        assert not isinstance(without, Answer) or without.content_at is None, record["id"]


def test_tokens_of_disjoint_classes_are_never_negative() -> None:
    for record in recorded():
        got = answered(record)
        if isinstance(got, Answer) and got.usage:
            counts = [getattr(got.usage, name) for name in Usage.__slots__]
            assert all(count is None or count >= 0 for count in counts), record["id"]


def test_recorded_paths_are_recognised_as_what_they_are() -> None:
    wrong = {(target_of(record["request"]["url"]), record["dialect"]) for record in recorded() if dialect_name(record) != record["dialect"]}
    # Counting tokens is no answer, and Writer's path says nothing of its dialect.
    assert {path for path, _ in wrong} <= {"/v1/responses/input_tokens", "/v1/chat"}


def dialect_name(record: dict[str, Any]) -> str | None:
    found = dialect_of(record["request"]["method"].upper(), target_of(record["request"]["url"]))
    return found and found.name


def test_what_is_no_answer_of_the_dialect_is_unreadable_or_an_error() -> None:
    for record in recorded():
        if record["expected"] is None:
            got = answered(record)
            assert isinstance(got, Unreadable) or got.error, (record["id"], got)


def test_every_recorded_request_gives_a_prompt_with_its_words() -> None:
    for record in recorded():
        body = orjson.dumps(record["request"]["body"])
        if not body.startswith(b"{"):  # not JSON as recorded
            continue
        prompt = BY_NAME[record["dialect"]].read_prompt(target_of(record["request"]["url"]), body)
        assert isinstance(prompt, Prompt), (record["id"], prompt)
        assert prompt.model, record["id"]
        assert prompt.prompt_text, (record["id"], prompt)
        assert prompt.system_text in prompt.prompt_text


NOT_ANSWERS = {"anthropic-skill-version-create.json", "openai-embedding.json", "openai-image-edit.json"}
"""A skill that was stored, vectors, and an image that was edited: none of them says anything."""


def test_streams_and_documents_of_the_vercel_collection_are_read() -> None:
    """Other servers of the same dialects; all readers must stand every one, and the fitting one must find something in it."""
    read, empty = 0, set[str]()
    for record in rows("exchanges/vercel_ai_responses.jsonl"):
        body, content_type = vercel_body(record)
        found = {dialect.name: dialect.read_answer(200, content_type, body) for dialect in BY_NAME.values()}
        got = found.get(likely(body) or "")
        if isinstance(got, Answer) and (got.text or got.tool_calls or got.refusal or got.error):
            read += 1
        else:
            empty.add(record["id"])
    print(f"\n{read} of {read + len(empty)} records read")
    assert empty == NOT_ANSWERS
    assert read / (read + len(empty)) >= 0.97


def vercel_body(record: dict[str, Any]) -> tuple[bytes, str]:
    if record["kind"] == "json":
        return orjson.dumps(record["body"]), "application/json"
    return b"".join(b"data: " + chunk.encode() + b"\n\n" for chunk in record["chunks"]), "text/event-stream"


def likely(body: bytes) -> str | None:
    head = body[:3000]
    marks = {
        "openai.responses": (b'"object":"response"', b"response.created"),
        "anthropic.messages": (b"message_start", b'"type":"message"'),
        "gemini.generate": (b'"candidates"', b'"status":"RESOURCE_EXHAUSTED"'),
        "gemini.interactions": (b'"object":"interaction"', b'"steps"'),
        "bedrock.converse": (b'"contentBlock', b'"messageStart"', b'"output":{"message"'),
        "cohere.chat": (
            b'"type":"message-start"',
            b'"finish_reason":"COMPLETE"',
            b'"finish_reason":"TOOL_CALL"',
            b'"finish_reason":"MAX_TOKENS"',
        ),
        "rerank": (b'"relevance_score"',),
        "openai.chat": (b'"choices"', b'"error":'),
    }
    return next((name for name, words in marks.items() if any(word in head for word in words)), None)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_hostile_json_is_never_raised_about(name: str) -> None:
    dialect = BY_NAME[name]
    for row in rows("bad_inputs/json_parsing.jsonl"):
        body = base64.b64decode(row["b64"])
        for wrapped in (body, b"data: " + body + b"\n\n", b'{"choices":' + body + b"}", b'{"candidates":' + body + b"}"):
            for status in (200, 400):
                assert isinstance(dialect.read_answer(status, "", wrapped), Answer | Unreadable), row["id"]
            assert isinstance(dialect.read_prompt("/models/m:generateContent", wrapped), Prompt | Unreadable), row["id"]

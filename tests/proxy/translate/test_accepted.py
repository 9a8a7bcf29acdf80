"""What we write, the vendors' own SDKs take: every recorded request, translated, is held against their types of a request."""

# pyright: standard

import functools
import json
import re
from collections import Counter
from typing import Any

import pydantic
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from proxy.translate import DIALECTS, SOURCES, Translated, translated
from tests.corpus import rows
from tests.recorded import target_of

CUT = re.compile(r"\.\.\.B64_CUT_\d+\.\.\.")
"""The record shortens long data; what is left of it is no base64."""
DATA = re.compile(r'(base64,|"data": ?")([A-Za-z0-9+/]{4,})')
GEMINI: dict[str, Any] = {
    "contents": types.Content, "systemInstruction": types.Content, "tools": types.Tool, "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
}  # fmt: skip


@functools.cache
def adapter(goal: str) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(
        {"openai.chat": CompletionCreateParamsNonStreaming, "anthropic.messages": MessageCreateParamsNonStreaming}[goal]
    )


def taken(value: object) -> object:
    """pydantic looks into an Iterable only when it is walked."""
    if isinstance(value, dict):
        return {key: taken(inner) for key, inner in value.items()}
    return [taken(inner) for inner in value] if hasattr(value, "__iter__") and not isinstance(value, str | bytes) else value  # type: ignore[union-attr]


def accept(goal: str, body: dict[str, Any]) -> None:
    """Raises where the SDK would."""
    if goal != "gemini.generate":
        taken(adapter(goal).validate_python({key: value for key, value in body.items() if key != "stream"}))
        return
    for key, value in body.items():
        for each in value if isinstance(value, list) else [value]:
            GEMINI[key].model_validate(each)


def test_the_sdks_take_every_translation_of_the_recorded_requests() -> None:
    seen = Counter[str]()
    for row in rows("exchanges/exchanges.jsonl"):
        if row["dialect"] not in SOURCES or not isinstance(row["request"]["body"], dict):
            continue
        whole = DATA.sub(r"\1AAAA", CUT.sub("", json.dumps(row["request"]["body"])))
        for goal in DIALECTS.values():
            got = translated(row["dialect"], target_of(row).decode(), json.loads(whole), goal, "m") if goal != row["dialect"] else None
            if isinstance(got, Translated):
                accept(goal, got.body)
                seen[goal] += 1
    print("\n", seen)
    assert min(seen[goal] for goal in DIALECTS.values()) > 250


def test_a_body_that_no_sdk_would_send_is_not_taken() -> None:
    for goal, body in {
        "openai.chat": {"model": "m", "messages": [{"role": "user", "content": [{"type": "image"}]}]},
        "anthropic.messages": {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        "gemini.generate": {"contents": [{"role": "user", "parts": [{"txt": "x"}]}]},
    }.items():
        try:
            accept(goal, body)
        except pydantic.ValidationError:
            continue
        raise AssertionError(goal)

"""Whatever stands in a call stands in its translation, or is told to be lost, or the call goes nowhere. Bodies are bent at random."""

# pyright: standard

import copy
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.exchange import Unreadable
from proxy.translate import DIALECTS, SOURCES, Translated, translated
from tests.proxy.translate.test_translate import ONE

WORD = re.compile(r"word\d+x")
NAMES = ("id", "call_id", "tool_call_id", "tool_use_id", "model", "type", "status", "role")
"""Their values are kinds and ids, not words."""
LEAF = st.sampled_from(
    [None, True, 7, "word0x", [], {}, "word0x word0x", {"type": "text", "text": "word0x"}, [{"type": "text", "text": "word0x"}], ["word0x"]]
)
KEYS = st.sampled_from(
    ["name", "text", "content", "parts", "title", "annotations", "refusal", "strict", "cache_control", "seed", "thought", "x", "function",
     "description", "metadata", "display_name", "arguments", "input", "output", "response", "source", "detail", "format", "system"]
)  # fmt: skip
Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    yield at, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*at, key))


def holder_of(body: Any, at: Place) -> Any:
    for key in at[:-1]:
        body = body[key]
    return body


def bent(body: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A few values put, replaced, doubled or dropped anywhere; then every text gets words of its own."""
    for _ in range(data.draw(st.integers(1, 3))):
        at, value = data.draw(st.sampled_from(list(places(body))[1:]))
        where, what = holder_of(body, at), data.draw(st.sampled_from(["put", "replace", "double", "drop"]))
        if what == "put" and isinstance(value, dict):
            value[data.draw(KEYS)] = copy.deepcopy(data.draw(LEAF))
        elif what == "double" and isinstance(value, list):
            value.extend(copy.deepcopy(value))
        elif what == "drop":
            del where[at[-1]]
        else:
            where[at[-1]] = copy.deepcopy(data.draw(LEAF))
    numbers = itertools.count(1)
    for at, value in list(places(body)):
        if isinstance(value, str) and at[-1] not in (
            *NAMES,
            "tool_choice",
            "url",
            "image_url",
            "data",
            "mimeType",
            "media_type",
            "arguments",
        ):
            holder_of(body, at)[at[-1]] = f"word{next(numbers)}x" if "word0x" in value or at[-1] in ("text", "content", "output") else value
    return body


def told(at: Place, rewrites: tuple[str, ...]) -> bool:
    """A lost line names the key, or one of those around it, as its last word."""
    lost = [line.split(" ")[-1].rpartition(".")[2] for line in rewrites if line.startswith("lost: ")]
    return any(key in lost for key in at if isinstance(key, str))


@pytest.mark.parametrize("source", sorted(SOURCES))
@settings(max_examples=300, deadline=None)
@given(data=st.data(), goal=st.sampled_from(sorted(DIALECTS.values())))
def test_no_word_is_lost_in_silence(source: str, data: st.DataObject, goal: str) -> None:
    path, example = ONE[source]
    body = bent(copy.deepcopy(example), data)
    got = translated(source, path, body, goal, "m")
    if not isinstance(got, Translated):
        return
    sent = json.dumps(got.body)
    for at, value in places(body):
        if isinstance(value, str) and not any(key in NAMES for key in at):
            for word in WORD.findall(value):
                assert word in sent or told(at, got.rewrites), (at, value, got.rewrites)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SOURCES)), st.data(), json_values, st.sampled_from(sorted(DIALECTS.values())))
def test_no_value_anywhere_makes_it_raise(source: str, data: st.DataObject, value: Any, goal: str) -> None:
    body = copy.deepcopy(ONE[source][1])
    at, _ = data.draw(st.sampled_from(list(places(body))[1:]))
    holder_of(body, at)[at[-1]] = value
    assert isinstance(translated(source, ONE[source][0], body, goal, "m"), Translated | Unreadable)

"""What a worker reads of a switched route is bounded by its structure, counted here for every kind of body that is dear to read."""

# pyright: standard
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from proxy.canary import strict_document
from proxy.events import Drawn
from proxy.rollout.weight import (
    CLOSED,
    LEVELS,
    LIGHT_BYTES,
    MOST,
    PIECE_MARKS,
    UNFOLDED_MOST,
    folded_badly,
    marks_of,
    too_crowded,
    too_heavy,
)
from tests.proxy.switching import switching
from tests.proxy.test_canary import KEYED, call, drawn_of, named
from tests.proxy.test_eligibility import json_values

MOST_PIECES = MOST // PIECE_MARKS
SIZES = (10_000, 100_000, LIGHT_BYTES, LIGHT_BYTES + 1, 400_000, 1_000_000, 4_000_000)


def chat(messages: bytes) -> bytes:
    return b'{"model":"m","messages":[' + messages + b"]}"


def filled(unit: bytes, size: int) -> bytes:
    return b",".join([unit] * (size // (len(unit) + 1) or 1))


def names(size: int) -> bytes:
    return b",".join(b'"%06d":0' % number for number in range(size // 11 or 1))


KINDS: dict[str, Callable[[int], bytes]] = {
    "lists": lambda size: chat(filled(b"[]", size)),
    "lists in lists": lambda size: chat(filled(b"[" * 200 + b"]" * 200, size)),
    "messages": lambda size: chat(filled(b"{}", size)),
    "parts": lambda size: chat(b'{"role":"user","content":[' + filled(b"{}", size) + b"]}"),
    "files": lambda size: chat(b'{"role":"user","content":[' + filled(b'{"file_id":"f"}', size) + b"]}"),
    "numbers": lambda size: b'{"input":[' + filled(b"1.5", size) + b"]}",
    "short texts": lambda size: b'{"input":[' + filled(b'"a"', size) + b"]}",
    "wide letters": lambda size: b'{"input":[' + filled('"😀"'.encode(), size) + b"]}",
    "names": lambda size: b"{" + names(size) + b"}",
    "names of a part": lambda size: b'{"contents":[{"parts":[{' + names(size) + b"}]}]}",
    "names of a tool": lambda size: b'{"tools":[{' + names(size) + b"}]}",
    "objects in objects": lambda size: chat(filled(b'{"a":' * 200 + b"1" + b"}" * 200, size)),
}


def held(value: object, depth: int = 0) -> Iterator[object]:
    """Every key, object and list within the call, as deep as anybody looks."""
    if depth < LEVELS and isinstance(value, dict):
        yield from value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if depth < LEVELS and isinstance(inner, dict | list) and key not in CLOSED:
            yield inner
            yield from held(inner, depth + 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_what_is_read_has_no_more_values_and_no_more_pieces_than_the_bound(kind: str, size: int) -> None:
    body = KINDS[kind](size)
    found = strict_document(body)
    if isinstance(found, str):
        assert found == "too_large"
    else:
        assert body.count(b",") + body.count(b"[") + body.count(b"{") <= MOST
        assert sum(1 for _ in held(found)) <= MOST_PIECES


@pytest.mark.parametrize("kind", KINDS)
def test_four_million_bytes_of_structure_are_not_even_parsed(kind: str) -> None:
    assert too_heavy(marks_of(KINDS[kind](4_000_000)))


def test_what_is_too_long_whatever_it_holds_is_not_looked_through() -> None:
    """Where a user raised `capture_max_bytes`; to count the marks of this would take 60 ms."""
    assert MOST < marks_of(filled(b"{}", 32_000_000)) < 500_000


@pytest.mark.parametrize("escape", [b"\\n", b'\\"', b"\\u0001", b"\\ud83d\\ude00"])
def test_four_million_bytes_of_escapes_are_not_parsed_and_a_million_are(escape: bytes) -> None:
    assert too_heavy(marks_of(chat(b'{"content":"' + escape * (3_900_000 // len(escape)) + b'"}')))
    assert not too_heavy(marks_of(chat(b'{"content":"' + escape * (900_000 // len(escape)) + b'"}')))


def messages(count: int) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[number % 2], "content": [{"type": "text", "text": "word " * 60}]} for number in range(count)]


TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "d"} for n in range(40)}}},
}  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"messages": messages(1000)},
        {"messages": messages(100), "tools": [TOOL] * 128},
        {
            "messages": [
                {
                    "role": "user",
                    "content": "Several words, and more of them, as they come in any letter or any book of long ago. " * 18_000,
                }
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:," + "QUJD" * 900_000}}]}]},
        {"input": [[7] * 512] * 60},
    ],
    ids=["1000 messages", "128 tools of 40 parameters", "1.5 MB of prose", "3.6 MB of picture", "60 texts as tokens"],
)
def test_calls_as_they_come_are_read(body: dict[str, Any]) -> None:
    assert strict_document(orjson.dumps({"model": "m"} | body)) == {"model": "m"} | body


@given(st.dictionaries(st.sampled_from(("messages", "tools", "content", "parameters", "a", "b")), json_values), st.integers(0, 40))
def test_pieces_are_counted_as_they_are(document: dict[str, Any], room: int) -> None:
    marks = MOST - room * PIECE_MARKS
    assert too_crowded(LIGHT_BYTES, marks, document) is (sum(1 for _ in held(document)) > room)


@given(json_values)
def test_small_bodies_are_read_whatever_they_hold(value: Any) -> None:
    body = json.dumps({"x": value}).encode()
    assert not too_heavy(marks_of(body)) and not too_crowded(len(body), marks_of(body), {"x": value})


def test_what_takes_long_to_unfold_is_told_from_its_bytes() -> None:
    plain = orjson.dumps({"messages": messages(1000)})
    for fold, name in ((gzip.compress, "gzip"), (zstandard.compress, "zstd")):
        assert not folded_badly(fold(plain), name)
        assert folded_badly(fold(b"") * 1000, name)
        assert folded_badly(fold(fold(plain)), f"{name}, {name}")
    assert folded_badly(b"\x50\x2a\x4d\x18\0\0\0\0" * 1000, "zstd")
    assert folded_badly(bytes(UNFOLDED_MOST + 1), "br")


def test_a_body_that_says_it_is_not_folded_is_one_that_came_plain(tmp_path: Path) -> None:
    """However long it is: there is nothing to unfold."""
    body = chat(b'{"role":"user","content":"' + b"a" * UNFOLDED_MOST + b'"}')
    with switching(tmp_path, named(b"gpt"), named(b"small"), share=1.0) as relay:
        assert relay.ask(call(body, KEYED + b"Content-Encoding: Identity\r\n")).body == b'{"from": "small"}'


@pytest.mark.parametrize(
    ("body", "head", "why"),
    [
        (chat(filled(b"{}", 2_000_000)), KEYED, "too_large"),
        (chat(filled(b"{}", 100_000)), KEYED, "too_large"),
        (gzip.compress(chat(filled(b"{}", 100_000))), KEYED + b"Content-Encoding: gzip\r\n", "too_large"),
        (zstandard.compress(b"") * 1000, KEYED + b"Content-Encoding: zstd\r\n", "unreadable"),
        (gzip.compress(chat(b'"' + b"a" * UNFOLDED_MOST + b'"')), KEYED + b"Content-Encoding: gzip\r\n", "too_large"),
        (gzip.compress(chat(b""))[:-9], KEYED + b"Content-Encoding: gzip\r\n", "unreadable"),
    ],
    ids=["not parsed", "not read", "folded", "frames", "long once unfolded", "breaks off"],
)
def test_a_body_too_dear_to_read_stays_with_the_incumbent_as_it_came(tmp_path: Path, body: bytes, head: bytes, why: str) -> None:
    gpt, small = named(b"gpt"), named(b"small")
    with switching(tmp_path, gpt, small) as relay:
        assert relay.ask(call(body, head)).body == b'{"from": "gpt"}'
    assert small.asked == [] and gpt.asked[0].body == body
    assert drawn_of(relay) == [Drawn(rollout="try", stayed=why)]

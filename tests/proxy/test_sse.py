"""The event-stream parser against the standard's own cases, and against cuts at every byte."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sse import Event, events, unfinished
from tests.corpus import rows

STREAM = b"event: a\ndata: 1\n\n: note\n\nid: 7\ndata: 2\ndata: 3\n\ndata: 4\n\n"


def said(body: bytes) -> list[tuple[str, str, str]]:
    return [(event.name, event.data, event.last_id) for event in events(body)]


def test_the_web_platform_cases_all_agree() -> None:
    for case in rows("bad_inputs/sse_wpt.jsonl"):
        expected = [(event["event"], event["data"], event["last_id"]) for event in case["events"]]
        assert said(base64.b64decode(case["b64"])) == expected, case["id"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_gives_the_same_events(end: bytes) -> None:
    assert said(STREAM.replace(b"\n", end)) == [("a", "1", ""), ("message", "2\n3", "7"), ("message", "4", "7")]


@pytest.mark.parametrize(
    "body",
    [
        b"data:1\n\r\ndata:2\r\r",
        b"data:1\r\n\ndata:2\n\r",
        b"data: 1\r\rdata: 2\n\n",
        b"\r\n\ndata:1\r\n\r\n\r\n\ndata:2\n\n",
        b"data:1\n\n\ndata:2\n\n",
    ],
)
def test_mixed_line_ends_are_line_ends(body: bytes) -> None:
    assert said(body) == [("message", "1", ""), ("message", "2", "")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\xef\xbb\xbfdata: x\n\n", [("message", "x", "")]),
        (b"data\n\n", [("message", "", "")]),
        (b"data:  two spaces\n\n", [("message", " two spaces", "")]),
        (b"event:\ndata: x\n\n", [("message", "x", "")]),
        (b"event: \ndata: x\n\n", [("message", "x", "")]),
        (b"event: a\n\ndata: x\n\n", [("message", "x", "")]),
        (b"event: a\ndata: x\nevent: b\n\n", [("b", "x", "")]),
        (b"data: \xff\n\n", [("message", "\ufffd", "")]),
        (b"nonsense\n\n", []),
        (b"", []),
    ],
)
def test_single_rules_of_the_standard(body: bytes, expected: list[tuple[str, str, str]]) -> None:
    assert said(body) == expected


def test_an_event_ends_where_its_blank_line_ends() -> None:
    for bom in (b"", b"\xef\xbb\xbf"):
        ends = [event.end - len(bom) for event in events(bom + STREAM)]
        assert [STREAM[:end][-9:] for end in ends] == [b"data: 1\n\n", b"data: 3\n\n", b"data: 4\n\n"]
    assert list(events(b"data: 1\r\n\r\n")) == [Event("message", "1", "", 11)]


def test_an_event_without_its_blank_line_does_not_exist_but_can_be_asked_for() -> None:
    assert said(b"data: 1\n\ndata: 2\n") == [("message", "1", "")]
    assert unfinished(b"data: 1\n\ndata: 2\n") == b"data: 2"
    assert unfinished(b"data: 1\n\n") == unfinished(b"\n") == unfinished(b"") == b""


@given(
    st.lists(st.sampled_from([b"data", b"event", b"id", b":", b": ", b" ", b"\r", b"\n", b"\r\n", b"x", b"\xef\xbb\xbf", b"\0", b"\xff"]))
)
def test_a_longer_stream_only_adds_events(pieces: list[bytes]) -> None:
    """Whatever follows, what was said stays said: the law that lets a cut stream be believed."""
    body = b"".join(pieces)
    whole = list(events(body))
    assert all(first.end < second.end for first, second in pairwise(whole))
    for cut in range(len(body)):
        part = [event[:3] for event in events(body[:cut])]
        assert part == [event[:3] for event in whole[: len(part)]]


@given(st.lists(st.sampled_from([b"data", b"event", b"id", b":", b" ", b"\n", b"x", b"\0"])))
def test_line_ends_never_matter(pieces: list[bytes]) -> None:
    """The quick ways for uniform line ends and the general one for a mixture agree."""
    body = b"".join(pieces)
    mixture = b"\r\r\n" + body
    assert said(body) == said(body.replace(b"\n", b"\r\n")) == said(body.replace(b"\n", b"\r")) == said(mixture)

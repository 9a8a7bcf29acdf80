"""Stored chains become full input again: from what was heard, in bounds, and never by guessing."""

import gzip
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events import CallEvent, ExchangeEvent
from replay.asked import Asked, ask
from replay.chain import AGE_MAX_S, TURNS_MAX, Chains, Expanded
from replay.production import Production
from replay.quota import Governor
from tests.replay.kit import an_event

NOW = 1_700_000_000_000_000


def a_call(number: int, body: object, **more: Any) -> tuple[CallEvent, bytes]:
    event = an_event(id=f"call-{number}", at=NOW + number, dialect="openai.responses", path="/v1/responses", **more)
    return event, body if isinstance(body, bytes) else orjson.dumps(body)


def message(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}


def an_answer(number: int, body: object, **more: Any) -> tuple[ExchangeEvent, bytes]:
    given: dict[str, Any] = {"status": 200, "ended": "complete", "role": "incumbent", "seen": True, "headers": {}} | more
    event = ExchangeEvent(at=NOW + number, id=f"call-{number}", route="main", dialect="openai.responses", target="big", **given)
    return event, body if isinstance(body, bytes) else orjson.dumps(body)


def response(number: int, *output: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"resp_{number}", "object": "response", "status": "completed", "output": list(output), **more}


def heard(chains: Chains, number: int, asked: object, answer: object, **more: Any) -> None:
    chains.asked(*a_call(number, asked))
    chains.answered(*an_answer(number, answer, **more))


def two_turns(**more: Any) -> Chains:
    chains = Chains(1 << 20)
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    tool = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": "{}", "status": "completed"}
    heard(chains, 1, {"model": "m", "input": "Hello", "instructions": "old words"}, response(1, reasoning, message("Hi."), **more))
    heard(chains, 2, {"input": [{"role": "user", "content": "And Paris?"}], "previous_response_id": "resp_1"}, response(2, tool))
    return chains


LAST = {
    "model": "m",
    "instructions": "new words",
    "previous_response_id": "resp_2",
    "input": [{"type": "function_call_output", "call_id": "c1", "output": "rain"}],
}


def test_a_chain_becomes_the_input_it_stands_for() -> None:
    found = two_turns().expand(orjson.dumps(LAST), NOW)
    assert isinstance(found, Expanded)
    assert orjson.loads(found.body) == {
        "model": "m",
        "instructions": "new words",
        "input": [
            {"role": "user", "content": "Hello"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi.", "annotations": []}]},
            {"role": "user", "content": "And Paris?"},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        ],
    }
    assert found.rewrites == ("input expanded from previous_response_id, 2 turns", "left out 1 reasoning item of earlier turns")


def test_a_streamed_and_a_compressed_answer_continue_alike() -> None:
    done = {"type": "response.completed", "sequence_number": 9, "response": response(1, message("Hi."))}
    begun = {"type": "response.created", "sequence_number": 0, "response": response(1, status="in_progress")}
    stream = b"".join(b"event: x\ndata: " + orjson.dumps(each) + b"\n\n" for each in (begun, done))
    for body, headers in ((stream, {"content-type": "text/event-stream"}), (gzip.compress(stream), {"content-encoding": "gzip"})):
        chains = Chains(1 << 20)
        heard(chains, 1, {"input": "Hello"}, body, headers=headers)
        found = chains.expand(orjson.dumps({"input": "more", "previous_response_id": "resp_1"}), NOW)
        assert isinstance(found, Expanded)
        assert [each["role"] for each in orjson.loads(found.body)["input"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    ("asked", "answer", "why"),
    [
        ({"input": "x", "conversation": "conv_1"}, response(1), "a turn before has a conversation"),
        ({"input": "x", "prompt": {"id": "pmpt"}}, response(1), "a turn before has a prompt"),
        ({"input": "x"}, response(1, {"type": "web_search_call", "id": "ws"}), "web_search_call in an answer before"),
        ({"input": "x"}, response(1, status="failed"), "a turn before did not end well"),
        ({"input": "x"}, b'{"id": "resp_1", "output": [', "a turn before did not end well"),
        ({"input": "x", "store": False}, response(1), "a turn before is not in memory"),
        ({"input": "x"}, response(7), "a turn before is not in memory"),
        ({"input": "x" * (5 << 20)}, response(1, message("y" * (5 << 20))), "more than 8388608 bytes"),
        ({"input": "x", "previous_response_id": "resp_1"}, response(1), f"more than {TURNS_MAX} turns"),
    ],
)
def test_what_cannot_be_followed_says_why(asked: object, answer: object, why: str) -> None:
    chains = Chains(64 << 20)
    heard(chains, 1, asked, answer)
    found = chains.expand(orjson.dumps({"input": "more", "previous_response_id": "resp_1"}), NOW)
    assert (found, chains.missed) == (why, 1)


def test_an_unseen_a_failed_or_a_candidates_answer_is_no_turn() -> None:
    for more in ({"seen": False, "role": "repeat"}, {"status": 500}, {"role": "candidate"}):
        chains = Chains(1 << 20)
        heard(chains, 1, {"input": "x"}, response(1), **more)
        assert chains.expand(orjson.dumps(LAST | {"previous_response_id": "resp_1"}), NOW) == "a turn before is not in memory"


def test_two_answers_of_one_id_are_not_told_apart_by_guessing() -> None:
    chains = Chains(1 << 20)
    heard(chains, 1, {"input": "of Ada"}, response(1))
    heard(chains, 2, {"input": "of Bob"}, response(1))
    assert chains.expand(orjson.dumps(LAST | {"previous_response_id": "resp_1"}), NOW) == "two answers before have one id"


def test_old_turns_are_not_continued() -> None:
    late = NOW + int(AGE_MAX_S * 1e6) + 10
    assert two_turns().expand(orjson.dumps(LAST), late) == "a turn before is not in memory"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20_000), st.booleans()), max_size=80))
def test_memory_is_bounded_and_adds_up(steps: list[tuple[int, int, bool]]) -> None:
    chains = Chains(50_000)
    for number, size, answered in steps:
        chains.asked(*a_call(number, {"input": "x" * size}))
        if answered:
            chains.answered(*an_answer(number, response(number, message("y" * size))))
        assert 0 <= chains.held_bytes <= 50_000
    assert chains.held_bytes == sum(turn.size for turn in chains._turns.values())  # pyright: ignore[reportPrivateUsage]
    assert set(chains._by_response.values()) <= {*chains._turns, ""}  # pyright: ignore[reportPrivateUsage]


def test_no_memory_means_no_expansion() -> None:
    chains = Chains(0)
    heard(chains, 1, {"input": "x"}, response(1))
    assert chains.held_bytes == 0
    assert isinstance(chains.expand(orjson.dumps(LAST), NOW), str)


@given(st.binary(), st.binary())
def test_no_body_breaks_a_chain(asked: bytes, answer: bytes) -> None:
    chains = Chains(1 << 20)
    chains.asked(*a_call(1, b'{"a":' + asked))
    chains.answered(*an_answer(1, b'{"id": "resp_1"' + answer))
    assert isinstance(chains.expand(b'{"previous_response_id": "resp_1"}', NOW), str)
    assert isinstance(chains.expand(asked, NOW), str)


def asked_with(chains: Chains, body: object, **more: Any) -> Asked:
    production = Production(Governor({}, ()), ["main"], 1 << 20)
    production.chains = chains
    return ask(*a_call(3, body, **more), production=production)


def test_an_expanded_call_is_eligible_and_labelled_and_keeps_its_conversation() -> None:
    plain, found = ask(*a_call(3, LAST)), asked_with(two_turns(), LAST)
    assert plain.refused["elsewhere"] is not None and plain.refused["elsewhere"].reason == "previous_response_id"
    assert found.refused == {"elsewhere": None, "account": None, "model": None}
    assert found.rewrites[0] == "input expanded from previous_response_id, 2 turns"
    assert (found.conversation, found.model) == (plain.conversation, plain.model)
    assert b"previous_response_id" not in found.body


def test_what_an_earlier_turn_brings_along_still_decides() -> None:
    chains = Chains(1 << 20)
    image = {"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/cat.png"}]}
    heard(chains, 2, {"input": [image]}, response(2, message("A cat.")))
    refused = asked_with(chains, LAST).refused["elsewhere"]
    assert refused is not None and (refused.decision, refused.reason) == ("unportable", "image by URL")


def test_a_chain_that_is_not_known_says_so_in_its_decision() -> None:
    refused = asked_with(Chains(1 << 20), LAST).refused["model"]
    assert refused is not None
    assert (refused.decision, refused.reason) == ("side_effects", "previous_response_id: a turn before is not in memory")
    held = asked_with(Chains(1 << 20), {"input": "x", "conversation": {"id": "conv_1"}}).refused["elsewhere"]
    assert held is not None and held.reason == "conversation: what it holds is known to the provider alone"

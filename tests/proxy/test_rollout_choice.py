"""Who answers: once per conversation, nested, the same for every process, independent between rollouts; and what is never drawn."""

# pyright: standard
import collections
import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects import BY_NAME, dialect_of
from proxy.dialects.reading import read_document
from proxy.exchange import Prompt, Unreadable
from proxy.rollout.choice import Plan, drawn, key_of, stays
from proxy.sampling import bucket_of, takes
from tests.corpus import rows
from tests.harness import ROOT
from tests.proxy.test_eligibility import json_values, wire_like
from tests.recorded import body_of, target_of

CONVERSATIONS = 100_000
SHARES = (0.01, 0.1, 0.5)
CHAT, RESPONSES, INTERACTIONS = "openai.chat", "openai.responses", "gemini.interactions"
PROCESS = """
import hashlib, sys
from proxy.rollout.choice import Plan, drawn
for share in (0.01, 0.1, 0.5):
    plan = Plan(rollout="next", target="cand", share=share, fallback_after_s=1)
    taken = [str(number) for number in range(int(sys.argv[1])) if drawn(plan, f"conversation {number}")]
    print(len(taken), hashlib.sha256(" ".join(taken).encode()).hexdigest())
"""


def plan(share: float = 0.5, rollout: str = "next", *, allow_stored: bool = False, starts: int = 0) -> Plan:
    return Plan(rollout=rollout, target="cand", share=share, fallback_after_s=1, allow_stored=allow_stored, starts=starts)


def taken(share: float, rollout: str = "next", *, starts: int = 0) -> list[int]:
    asked = plan(share, rollout, starts=starts)
    return [number for number in range(CONVERSATIONS) if drawn(asked, f"conversation {number}")]


def within_three_standard_errors(hits: int, n: int, share: float) -> bool:
    return abs(hits - n * share) <= 3 * math.sqrt(n * share * (1 - share))


def test_nobody_moves_back_and_the_share_is_what_it_says() -> None:
    """1 → 10 → 50 % of 100,000 conversations."""
    steps = [set(taken(share)) for share in SHARES]
    assert steps[0] < steps[1] < steps[2]
    for share, hits in zip(SHARES, steps, strict=True):
        print(f"\nshare {share:g}: {len(hits)} of {CONVERSATIONS}")
        assert within_three_standard_errors(len(hits), CONVERSATIONS, share)
    assert taken(0.0) == [] and len(taken(1.0)) == CONVERSATIONS


def test_every_process_and_every_restart_draws_the_same() -> None:
    here = []
    for share in SHARES:
        numbers = [str(number) for number in taken(share)]
        here.append(f"{len(numbers)} {hashlib.sha256(' '.join(numbers).encode()).hexdigest()}")
    for seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", PROCESS, str(CONVERSATIONS)],
            cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert done.stdout.split("\n")[:-1] == here


def test_two_rollouts_do_not_try_the_same_people_and_neither_does_the_shadow() -> None:
    one, other = set(taken(0.1, "next")), set(taken(0.1, "other"))
    sampled = {number for number in range(CONVERSATIONS) if takes(bucket_of(f"conversation {number}"), 0.1)}
    for both in (one & other, one & sampled, other & sampled):
        assert within_three_standard_errors(len(both), CONVERSATIONS, 0.01)


def test_each_start_draws_anew_and_is_nested_in_itself() -> None:
    """Whoever met a candidate that was taken back is no likelier than anybody to meet the next."""
    lives = [set(taken(0.1, starts=starts)) for starts in range(3)]
    for one, other in itertools.combinations(lives, 2):
        assert within_three_standard_errors(len(one & other), CONVERSATIONS, 0.01)
    for starts, life in enumerate(lives):
        assert within_three_standard_errors(len(life), CONVERSATIONS, 0.1)
        assert set(taken(0.01, starts=starts)) < life < set(taken(0.5, starts=starts))


def test_a_draw_never_changes_between_versions() -> None:
    """A release that drew anew would move people in the middle of a rollout; 0: started before the starts were counted."""
    assert taken(0.01)[:5] == [145, 180, 390, 391, 613]
    assert taken(0.01, starts=1)[:5] == [161, 218, 284, 323, 325]


@given(st.text(), st.text(), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_whoever_a_share_takes_a_larger_one_takes(rollout: str, key: str, one: float, other: float, starts: int) -> None:
    assert drawn(plan(max(one, other), rollout, starts=starts), key) or not drawn(plan(min(one, other), rollout, starts=starts), key)
    assert drawn(plan(1.0, rollout), key) and not drawn(plan(0.0, rollout), key)


@pytest.mark.parametrize(
    ("hints", "prompt", "key"),
    [
        ({"conversation": "c", "user": "u"}, Prompt(conversation="body", first_user_text="hi", user="b"), "c"),
        ({"user": "u"}, Prompt(conversation="body", first_user_text="hi", user="b"), "body"),
        ({"user": "u"}, Prompt(user="b"), "u"),
        ({}, Prompt(user="b"), "b"),
        ({}, Prompt(), "call"),
        ({"user": "u"}, None, "u"),
        ({"conversation": ""}, None, "call"),
    ],
)  # fmt: skip
def test_the_conversation_s_own_word_goes_before_the_user_s_and_that_before_the_call(hints: Any, prompt: Any, key: str) -> None:
    assert key_of(hints, prompt, "call") == key


def test_later_turns_hash_like_the_first_and_before_the_user() -> None:
    first = Prompt(system_text="s", first_user_text="hello", user="u", turn=1)
    later = Prompt(system_text="s", first_user_text="hello", prompt_text="much more", user="u", turn=9)
    other = Prompt(system_text="s", first_user_text="goodbye", user="u")
    assert key_of({}, first, "1") == key_of({"user": "x"}, later, "2") != key_of({}, other, "3")


@pytest.mark.parametrize(
    ("dialect", "body", "why"),
    [
        (CHAT, {"messages": []}, ""),
        (CHAT, {"store": False}, ""),
        (CHAT, {"store": True}, "creates_state"),
        (RESPONSES, {"input": "hi"}, "creates_state"),
        (RESPONSES, {"input": "hi", "store": None}, "creates_state"),
        (RESPONSES, {"input": "hi", "store": False}, ""),
        (INTERACTIONS, {"input": "hi"}, "creates_state"),
        (INTERACTIONS, {"input": "hi", "store": False}, ""),
        (RESPONSES, {"store": False, "previous_response_id": "resp_1"}, "side_effects"),
        (RESPONSES, {"store": False, "tools": [{"type": "code_interpreter"}]}, "side_effects"),
        (RESPONSES, {"store": False, "prompt": {"id": "pmpt_1"}}, "unportable"),
        (CHAT, {"n": 3}, ""),  # cannot be compared; may be drawn
        ("openai.embeddings", {"input": "hi"}, ""),
    ],
)
def test_what_can_only_be_the_incumbent_s_is_set_apart(dialect: str, body: Any, why: str) -> None:
    assert stays(plan(), dialect, "POST", body, {}) == why
    retry = {"x-stainless-retry-count": "2"}
    assert stays(plan(), dialect, "POST", body, retry) == why  # goes where its first attempt went
    if why == "creates_state":
        assert stays(plan(allow_stored=True), dialect, "POST", body, {}) == ""


def test_allowing_stored_answers_allows_none_that_goes_on_from_one() -> None:
    bodies: Any = ({"previous_response_id": "resp_1"}, {"conversation": "conv_1"})
    for body in bodies:
        assert stays(plan(allow_stored=True), RESPONSES, "POST", body, {}) == "side_effects"


@given(st.sampled_from(sorted(BY_NAME)), wire_like, st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_no_call_of_any_shape_makes_the_choice_fail(dialect: str, body: Any, headers: dict[str, str]) -> None:
    for allow_stored in (False, True):
        assert stays(plan(allow_stored=allow_stored), dialect, "POST", body, headers) in ("", "creates_state", "side_effects", "unportable")


@given(
    st.sampled_from(sorted(BY_NAME)),
    st.one_of(wire_like, json_values),
    st.dictionaries(st.sampled_from(("conversation", "user")), st.text()),
)
def test_every_call_has_a_key(dialect: str, body: Any, hints: dict[str, str]) -> None:
    prompt = BY_NAME[dialect].read_prompt("/v1/x", json.dumps(body).encode())
    key = key_of(hints, None if isinstance(prompt, Unreadable) else prompt, "call")
    assert isinstance(key, str) and key
    assert drawn(plan(1.0), key)


@given(st.sampled_from(sorted(BY_NAME)), st.one_of(wire_like, json_values), st.sampled_from(("", "c", "u")))
def test_header_parsed_body_and_bytes_draw_the_same(dialect: str, body: Any, hinted: str) -> None:
    """The worker reads what it has parsed, shadow and recorder read bytes; and who reads first takes nothing from who reads next."""
    sent = json.dumps(body).encode()
    document, hints = read_document(sent), {"conversation": hinted} if hinted == "c" else {"user": hinted} if hinted else {}
    if isinstance(document, Unreadable):
        return  # json_values that are no object: the worker reads no such thing either
    of_bytes = BY_NAME[dialect].read_prompt("/v1/x", sent)
    stays(plan(), dialect, "POST", document, {})
    of_parsed = BY_NAME[dialect].read_request("/v1/x", document)
    assert of_parsed == of_bytes and repr(document) == repr(read_document(sent))
    keys = {key_of(hints, None if isinstance(prompt, Unreadable) else prompt, "call") for prompt in (of_bytes, of_parsed)}
    if hinted == "c":
        keys.add(key_of(hints, None, "call"))
    assert len(keys) == 1


@given(st.text(st.characters()))
def test_any_text_is_drawn_for(key: str) -> None:
    assert drawn(plan(0.5), key) is (bucket_of(f"next\0{key}") < 0.5)


def test_recorded_calls_are_told_apart_and_none_fails() -> None:
    """1,014 recorded requests; `-s` prints what stays, by reason."""
    found, keys = collections.Counter[str](), set[str]()
    for number, row in enumerate(rows("exchanges/exchanges.jsonl")):
        dialect, body = dialect_of("POST", target_of(row).decode()), body_of(row["request"])
        document = read_document(body) if dialect is not None else None
        if dialect is None or document is None or isinstance(document, Unreadable):
            found["no dialect" if dialect is None else "not read"] += 1
            continue
        found[stays(plan(), dialect.name, "POST", document, row["request"]["headers"]) or "may be drawn"] += 1
        prompt = dialect.read_prompt(target_of(row).decode(), body)
        keys.add(key_of({}, prompt if isinstance(prompt, Prompt) else None, f"call {number}"))
    print(f"\n{dict(found)}, {len(keys)} conversations")
    assert set(found) <= {"may be drawn", "no dialect", "not read", "creates_state", "side_effects", "unportable"}
    assert found["may be drawn"] > 400 and found["creates_state"] > 50 and found["side_effects"] > 0


def test_naughty_texts_are_conversations_like_any_other() -> None:
    keys = [row["s"] for row in rows("bad_inputs/naughty_strings.jsonl")]
    taken = sum(drawn(plan(0.5), key_of({"conversation": key}, None, "call")) for key in keys)
    assert 0 < taken < len(keys)

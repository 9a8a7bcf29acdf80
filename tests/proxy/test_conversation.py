"""Which conversation and which workflow a call belongs to."""

from hashlib import blake2b

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import Match, Workflow
from proxy.conversation import conversation_of, workflow_of
from proxy.dialects import BY_NAME
from proxy.exchange import Prompt

TURN = {"role": "user", "content": "Where is my parcel?"}
LATER = [TURN, {"role": "assistant", "content": "On its way."}, {"role": "user", "content": "Since when?"}]


def prompt(messages: object, **more: object) -> Prompt:
    found = BY_NAME["openai.chat"].read_prompt("/v1/chat/completions", orjson.dumps({"model": "m", "messages": messages, **more}))
    assert isinstance(found, Prompt)
    return found


def test_later_turns_belong_to_the_conversation_of_the_first() -> None:
    assert conversation_of(None, prompt([TURN]), "a") == conversation_of(None, prompt(LATER), "b")


@given(st.text(st.characters(), min_size=1), st.text(st.characters()))
def test_the_hash_is_one_of_both_texts_and_never_changes(first: str, system: str) -> None:
    whole = f"{system}\0{first}".encode("utf-8", "replace")
    assert (
        conversation_of(None, Prompt(system_text=system, first_user_text=first, prompt_text=first), "a")
        == blake2b(whole, digest_size=16).hexdigest()
    )
    alone = blake2b(first.encode("utf-8", "replace"), digest_size=16).hexdigest()
    assert conversation_of(None, Prompt(system_text=system, prompt_text=first), "a") == alone


def test_another_first_message_or_another_system_text_is_another_conversation() -> None:
    other = [{"role": "user", "content": "Where is my pigeon?"}]
    system = [{"role": "system", "content": "Be brief."}, TURN]
    assert len({conversation_of(None, prompt(each), "a") for each in ([TURN], other, system)}) == 3


def test_the_header_goes_before_the_bodys_own_key_and_that_before_the_text() -> None:
    keyed = prompt([TURN], prompt_cache_key="thread-7")
    assert conversation_of("thread-1", keyed, "a") == "thread-1"
    assert conversation_of(None, keyed, "a") == "thread-7"
    assert conversation_of("", keyed, "a") == "thread-7"


def test_a_call_that_says_nothing_is_a_conversation_of_its_own() -> None:
    assert conversation_of(None, Prompt(), "call-1") == "call-1"
    assert conversation_of(None, None, "call-2") == "call-2"


@given(st.text(), st.text())
def test_any_text_has_a_conversation(system: str, user: str) -> None:
    assert conversation_of(None, Prompt(system_text=system, first_user_text=user, prompt_text=system + user), "call")


WORKFLOWS = [
    Workflow(name="by-header", match=Match(header="invoice")),
    Workflow(name="by-path", match=Match(path="/v1/embeddings")),
    Workflow(name="by-both", match=Match(model="gpt-*", system_contains="extract")),
    Workflow(name="by-model", match=Match(model="gpt-5*")),
    Workflow(name="by-name"),
]


@pytest.mark.parametrize(
    ("hint", "path", "model", "system", "expected"),
    [
        ("invoice", "/v1/chat/completions", "gpt-4o", "", "by-header"),
        (None, "/v1/embeddings?a=b", "text-3", "", "by-path"),
        (None, "/v1/chat/completions", "gpt-4o", "Please extract it.", "by-both"),
        (None, "/v1/chat/completions", "gpt-5-mini", "Please summarise it.", "by-model"),
        (None, "/v1/chat/completions", "gpt-4o", "Please summarise it.", "default"),
        ("by-name", "/v1/chat/completions", "llama", "", "by-name"),
        ("unheard-of", "/v1/chat/completions", "llama", "", "default"),
    ],
)
def test_the_first_workflow_whose_every_condition_holds(hint: str | None, path: str, model: str, system: str, expected: str) -> None:
    assert workflow_of(WORKFLOWS, hint, path, Prompt(model=model, system_text=system)) == expected


def test_an_unreadable_prompt_is_matched_by_what_is_known() -> None:
    assert workflow_of(WORKFLOWS, "invoice", "/v1/chat/completions", None) == "by-header"
    assert workflow_of(WORKFLOWS, None, "/v1/chat/completions", None) == "default"

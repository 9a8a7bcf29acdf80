"""Reasons of decisions add up: a closed set of families, whatever a stranger's call held."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.coverage import FAMILIES, family_of
from proxy.eligibility import eligibility
from proxy.exchange import DecisionName
from tests.replay.kit import chat


@given(st.sampled_from(get_args(DecisionName)), st.text() | st.builds("tool {}".format, st.text()))
def test_every_reason_has_one_of_the_known_families(decision: DecisionName, reason: str) -> None:
    assert family_of(decision, reason) in FAMILIES


def test_the_families_are_few_enough_for_a_table() -> None:
    assert len(FAMILIES) < 70


@pytest.mark.parametrize(
    ("dialect", "more", "family"),
    [
        ("openai.chat", {"n": 3}, "n>1"),
        ("openai.chat", {"modalities": ["audio"]}, "audio or image output"),
        ("openai.chat", {"model": "gpt-4o-search-preview"}, "tool web_search"),
        ("openai.responses", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("openai.responses", {"background": True}, "background"),
        ("openai.responses", {"tools": [{"type": "code_interpreter"}]}, "tool code_interpreter"),
        ("openai.responses", {"tools": [{"type": "web_search_preview_2025_03_11"}]}, "tool web_search"),
        ("openai.responses", {"tools": [{"type": "acme_rocket"}]}, "tool of another kind"),
        ("openai.responses", {"prompt": {"id": "pmpt_1"}}, "prompt id"),
        ("anthropic.messages", {"tools": [{"type": "bash_20250124"}]}, "tool shell"),
        ("anthropic.messages", {"tools": [{"type": "computer_20250124"}]}, "tool computer"),
        ("gemini.generate", {"tools": [{"codeExecution": {}}]}, "tool code_interpreter"),
        ("gemini.generate", {"cachedContent": "cachedContents/1"}, "cachedContent"),
    ],
)
def test_what_eligibility_says_falls_into_its_family(dialect: str, more: dict[str, Any], family: str) -> None:
    found = eligibility(dialect, "POST", chat(**more), {})
    assert found is not None
    assert family_of(found.decision, found.reason) == family


@pytest.mark.parametrize(
    ("decision", "reason", "family"),
    [
        ("sent", "", "mirrored"),
        ("sampled_out", "share 0.1", "share"),
        ("sampled_out", "rate 5/s", "rate"),
        ("shed", "journal lag 3.2 s", "journal lag"),
        ("shed", "64 under way and 1000 waiting", "no room"),
        ("breaker_open", "adapter: unsupported max_tokens, 5 in a row", "the candidate rejects a parameter"),
        ("side_effects", "previous_response_id: not in memory", "previous_response_id"),
        ("unreadable", "not JSON: line 1", "unreadable"),
        ("retry_of", "retry of 0190", "a client's retry"),
        ("side_effects", "previous_interaction_id", "previous_interaction_id"),
        ("side_effects", "agent", "agent"),
        ("side_effects", "x-understudy-shadow: a mirrored call", "a mirrored call of our own"),
        ("not_comparable", "best_of=3", "n>1"),
        ("not_comparable", "tool connectors", "tool connectors"),
        ("unportable", "guardrail", "guardrail"),
        ("unportable", "signed with SigV4: own legs need a bearer key", "a signed request"),
        ("unportable", "cannot be translated: nested too deeply", "a translation that is not possible"),
        ("too_large", "5000000 bytes", "larger than the capture bound"),
    ],
)
def test_what_the_moment_says_falls_into_its_family(decision: DecisionName, reason: str, family: str) -> None:
    assert family_of(decision, reason) == family

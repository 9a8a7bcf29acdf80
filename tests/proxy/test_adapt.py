"""What a leg is sent: every rewrite in words, nothing private, nothing that was not asked for."""

# pyright: standard
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapt import Adapted, adapt
from proxy.config import Target
from proxy.dialects import BY_NAME
from proxy.exchange import Role, Unreadable

CHAT, RESPONSES, MESSAGES, GEMINI = "openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"
PATHS = {
    CHAT: "/v1/chat/completions",
    RESPONSES: "/v1/responses",
    MESSAGES: "/v1/messages",
    GEMINI: "/v1beta/models/gemini-2.5-pro:generateContent",
}
USER = [{"role": "user", "content": "hi"}]


def target(**more: Any) -> Target:
    return Target(url="https://api.example.com", **more)


def sent(dialect: str, body: dict[str, Any], to: Target, role: Role = "candidate", path: str = "", **more: Any) -> Adapted:
    found = adapt(dialect, path or PATHS[dialect], orjson.dumps(body), more.pop("headers", {}), to, role, **more)
    assert isinstance(found, Adapted), found
    return found


def body_of(adapted: Adapted) -> dict[str, Any]:
    return orjson.loads(adapted.body)


def test_the_model_is_renamed_in_the_body() -> None:
    found = sent(CHAT, {"model": "gpt-4o", "messages": USER, "store": False}, target(model="small-2"))
    assert body_of(found)["model"] == "small-2"
    assert (found.model, found.rewrites) == ("small-2", ("model gpt-4o → small-2",))


def test_a_version_that_the_targets_url_has_already_is_dropped_from_the_path() -> None:
    found = sent(CHAT, {"model": "m", "messages": USER, "store": False}, target(drop_path="/v1"))
    assert (found.path, found.rewrites) == ("/chat/completions", ("path without /v1",))
    assert sent(CHAT, {"model": "m", "messages": USER}, target(drop_path="/v2")).path == "/v1/chat/completions"


def test_numbers_that_are_no_json_are_never_sent() -> None:
    body = b'{"model": "m", "messages": [], "temperature": Infinity}'
    assert isinstance(adapt(CHAT, PATHS[CHAT], body, {}, target(model="n"), "candidate"), Unreadable)


def test_text_that_is_no_unicode_is_repaired_and_that_is_told() -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "half a pair \\ud800"}]}'
    found = adapt(CHAT, PATHS[CHAT], body, {}, target(model="n"), "candidate")
    assert isinstance(found, Adapted) and found.rewrites[-1] == "repaired what strict JSON parsers refuse"
    assert "\ufffd" in body_of(found)["messages"][0]["content"]


def test_bedrocks_model_is_renamed_in_the_path_percent_encoded() -> None:
    found = sent(
        "bedrock.converse", {"messages": []}, target(model="eu.amazon.nova-lite-v1:0"), path="/model/anthropic.claude%3A0/converse-stream"
    )
    assert found.path == "/model/eu.amazon.nova-lite-v1%3A0/converse-stream"


def test_geminis_model_is_renamed_in_the_path_and_the_colon_survives() -> None:
    found = sent(
        GEMINI, {"contents": []}, target(model="gemini-2.5-flash"), path="/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
    )
    assert found.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert found.rewrites == ("model gemini-2.5-pro → gemini-2.5-flash",)


def test_an_azure_deployment_is_renamed_in_the_path() -> None:
    found = sent(
        CHAT, {"messages": USER, "store": False}, target(model="mini"), path="/openai/deployments/big/chat/completions?api-version=1"
    )
    assert found.path == "/openai/deployments/mini/chat/completions?api-version=1"
    assert "model" not in body_of(found)


def test_what_is_private_stays_behind() -> None:
    private = {"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "service_tier": "priority"}
    found = sent(CHAT, {"model": "m", "messages": USER, "store": True, **private}, target())
    assert body_of(found) == {"model": "m", "messages": USER, "store": False}
    assert set(found.rewrites) == {*(f"dropped {key}" for key in private), "store: false"}


@pytest.mark.parametrize(("dialect", "stores"), [(CHAT, True), (RESPONSES, True), (MESSAGES, False), (GEMINI, False)])
def test_storing_is_forbidden_where_the_dialect_can_say_so(dialect: str, stores: bool) -> None:
    assert ("store" in body_of(sent(dialect, {"model": "m"}, target()))) is stores


@pytest.mark.parametrize("host", ["generativelanguage.googleapis.com", "api.mistral.ai", "api.cerebras.ai"])
def test_who_refuses_the_word_store_is_not_told_it(host: str) -> None:
    to = Target(url=f"https://{host}/v1beta/openai")
    assert sent(CHAT, {"model": "m", "messages": USER}, to).rewrites == ()
    found = sent(CHAT, {"model": "m", "messages": USER, "store": True}, to)
    assert "store" not in body_of(found) and found.rewrites == ("dropped store",)
    assert body_of(sent(CHAT, {"model": "m", "messages": USER}, Target(url=f"https://not{host.partition('.')[2]}")))["store"] is False


@pytest.mark.parametrize(
    ("dialect", "role", "said", "left"),
    [
        (CHAT, "candidate", "priority", None),
        (CHAT, "candidate", "flex", None),
        (CHAT, "repeat", "priority", "default"),
        (RESPONSES, "repeat", "flex", "flex"),
        (MESSAGES, "candidate", "auto", "standard_only"),
        (MESSAGES, "repeat", "standard_only", "standard_only"),
        (GEMINI, "repeat", "priority", None),
    ],
)
def test_no_leg_buys_speed(dialect: str, role: Role, said: str, left: str | None) -> None:
    found = sent(dialect, {"model": "m", "store": False, "service_tier": said}, target(), role)
    assert body_of(found).get("service_tier") == left
    told = () if said == left else (f"service_tier {said} → {left}",) if left else ("dropped service_tier",)
    assert tuple(each for each in found.rewrites if "service_tier" in each) == told


def test_bedrocks_own_words_for_tiers_and_tags_are_dropped() -> None:
    body = {"messages": [], "serviceTier": {"type": "priority"}, "requestMetadata": {"user": "u"}}
    found = sent("bedrock.converse", body, target(), path="/model/m/converse")
    assert body_of(found) == {"messages": []} and found.rewrites == ("dropped requestMetadata", "dropped serviceTier")


def test_usage_is_asked_for_only_on_streamed_chat() -> None:
    found = sent(CHAT, {"model": "m", "stream": True, "stream_options": {"other": 1}, "store": False}, target())
    assert body_of(found)["stream_options"] == {"other": 1, "include_usage": True}
    assert found.rewrites == ("stream_options.include_usage asked",)
    assert "stream_options" not in body_of(sent(CHAT, {"model": "m", "stream": False}, target()))
    assert "stream_options" not in body_of(sent(RESPONSES, {"model": "m", "stream": True}, target()))


def test_the_users_own_words_come_last() -> None:
    found = sent(
        CHAT, {"model": "m", "temperature": 1.0, "top_p": 0.5, "stream": True}, target(set={"temperature": 0.2}, drop=["top_p", "store"])
    )
    assert body_of(found) == {"model": "m", "temperature": 0.2, "stream": True, "stream_options": {"include_usage": True}}
    assert {"set temperature", "dropped top_p", "dropped store"} <= set(found.rewrites)


def test_the_users_words_reach_inside_what_they_name() -> None:
    body = {"contents": [], "generationConfig": {"temperature": 1.0, "topK": 5}}
    words = target(set={"generationConfig.thinkingConfig.thinkingBudget": 0, "contents.x": 1}, drop=["generationConfig.topK", "labels.x"])
    found = sent(GEMINI, body, words)
    assert body_of(found) == {"contents": [], "generationConfig": {"temperature": 1.0, "thinkingConfig": {"thinkingBudget": 0}}}
    assert found.rewrites == ("set generationConfig.thinkingConfig.thinkingBudget", "dropped generationConfig.topK")


def test_the_repeat_asks_the_same_model_the_same_thing() -> None:
    renaming = target(model="other", set={"temperature": 0}, drop=["top_p"], system_file="x.md", user_template="{user}!")
    found = sent(CHAT, {"model": "m", "top_p": 0.5, "messages": USER, "user": "u"}, renaming, "repeat")
    assert body_of(found) == {"model": "m", "top_p": 0.5, "messages": USER, "store": False}
    assert found.model is None


def test_a_call_without_rewrites_is_sent_byte_for_byte() -> None:
    body = b'{ "model":"m" ,\n "messages" : [], "max_tokens": 12345678901234567890123 }'
    found = adapt(MESSAGES, PATHS[MESSAGES], body, {}, target(), "candidate")
    assert isinstance(found, Adapted)
    assert (found.body, found.rewrites) == (body, ())


def test_headers_go_by_a_list_and_say_who_asks() -> None:
    received = {
        "content-type": "application/json; charset=utf-8",
        "accept": "text/event-stream",
        "anthropic-beta": "a,b",
        "anthropic-version": "1",
    }
    more = {
        "authorization": "Bearer sk",
        "x-api-key": "k",
        "cookie": "c",
        "idempotency-key": "i",
        "x-stainless-lang": "js",
        "user-agent": "app",
    }
    found = sent(MESSAGES, {"model": "m"}, target(), headers={**received, **more}).headers
    assert {name: found[name] for name in received} == received
    assert set(found) - set(received) == {"accept-encoding", "user-agent", "x-understudy-shadow"}
    assert found["user-agent"].startswith("understudy/")


def test_the_callers_key_in_the_query_is_gone() -> None:
    found = sent(GEMINI, {"contents": []}, target(), path="/v1beta/models/g:generateContent?key=***&alt=sse")
    assert found.path == "/v1beta/models/g:generateContent?alt=sse"
    assert sent(GEMINI, {}, target(), path="/v1beta/models/g:generateContent?key=***").path == "/v1beta/models/g:generateContent"


def test_anonymized_text_is_sent_and_said() -> None:
    found = sent(CHAT, {"model": "m", "messages": USER}, target(send="anonymized"), anonymize=lambda body: body.replace(b"hi", b"xx"))
    assert found.saw == "anonymized"
    assert body_of(found)["messages"][0]["content"] == "xx"


def test_without_an_anonymizer_nothing_raw_is_sent_instead() -> None:
    assert isinstance(adapt(CHAT, PATHS[CHAT], b'{"model":"m"}', {}, target(send="anonymized"), "candidate"), Unreadable)


def test_a_call_of_another_dialect_is_translated_and_all_of_it_told() -> None:
    found = sent(
        CHAT,
        {"model": "gpt-4o", "messages": USER, "seed": 1, "user": "u", "stream": True},
        target(dialect="anthropic", model="claude-x", set={"top_k": 5}, system_file="v2.txt", user_template="<{user}>"),
        headers={"openai-beta": "x", "accept": "text/event-stream", "content-type": "text/plain"},
        system_text="new",
    )
    assert (found.path, found.dialect, found.model) == ("/v1/messages", MESSAGES, "claude-x")
    assert body_of(found) == {
        "model": "claude-x", "max_tokens": 8192, "stream": True, "system": "new", "top_k": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "<hi>"}]}],
    }  # fmt: skip
    assert found.rewrites == (
        "translated openai.chat → anthropic.messages", "model gpt-4o → claude-x", "lost: seed", "lost: user",
        "max_tokens 8192: the call set none", "dropped header openai-beta", "system text from v2.txt",
        "last user text wrapped by user_template", "set top_k",
    )  # fmt: skip
    own = {"accept-encoding", "user-agent", "x-understudy-shadow"}
    assert set(found.headers) - own == {"content-type", "accept", "anthropic-version"}
    assert (found.headers["content-type"], found.headers["accept"]) == ("application/json", "text/event-stream")


def test_a_translated_call_keeps_the_rules_of_its_new_dialect() -> None:
    path = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=***"
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    found = sent(GEMINI, body, target(dialect="openai.chat", model="m", drop_path="/v1"), path=path)
    assert (found.path, found.dialect) == ("/chat/completions", CHAT)
    assert body_of(found) == {"model": "m", "messages": USER, "stream": True, "store": False, "stream_options": {"include_usage": True}}
    assert found.rewrites[:2] == ("translated gemini.generate → openai.chat", "model gemini-2.5-pro → m")


def test_the_repeat_is_never_translated() -> None:
    found = sent(MESSAGES, {"model": "m", "messages": USER}, target(dialect="openai", model="x"), "repeat")
    assert (found.path, found.dialect, found.rewrites) == ("/v1/messages", "", ())


def test_numbers_that_are_no_json_are_not_hidden_in_a_translated_text() -> None:
    body = b'{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "c",'
    body += b' "name": "f", "input": {"x": NaN}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]}]}'
    for wanted in ("openai", "gemini"):
        assert isinstance(adapt(MESSAGES, PATHS[MESSAGES], body, {}, target(dialect=wanted, model="m"), "candidate"), Unreadable)


def test_another_dialect_would_need_a_translation() -> None:
    assert isinstance(adapt(MESSAGES, PATHS[MESSAGES], b"{}", {}, target(dialect="openai"), "candidate"), Unreadable)
    assert isinstance(adapt(RESPONSES, PATHS[RESPONSES], b"{}", {}, target(dialect="openai"), "candidate"), Adapted)


@pytest.mark.parametrize(
    ("dialect", "body", "expected"),
    [
        (CHAT, {"messages": [{"role": "system", "content": "old"}, *USER]}, {"messages": [{"role": "system", "content": "new"}, {"role": "user", "content": "<hi>"}]}),
        (RESPONSES, {"input": "hi", "instructions": "old"}, {"input": "<hi>", "instructions": "new"}),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
         {"input": [{"role": "user", "content": [{"type": "input_text", "text": "<hi>"}]}], "instructions": "new"}),
        (MESSAGES, {"messages": [*USER, {"role": "assistant", "content": "a"}]},
         {"messages": [{"role": "user", "content": "<hi>"}, {"role": "assistant", "content": "a"}], "system": "new"}),
        (GEMINI, {"contents": [{"parts": [{"text": "hi"}]}], "system_instruction": {}},
         {"contents": [{"parts": [{"text": "<hi>"}]}], "systemInstruction": {"parts": [{"text": "new"}]}}),
    ],
)  # fmt: skip
def test_a_prompt_variant_replaces_the_system_text_and_wraps_the_users(
    dialect: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = sent(dialect, body, target(system_file="v2.txt", user_template="<{user}>", drop=["store"]), system_text="new")
    assert body_of(found) == expected
    assert {"system text from v2.txt", "last user text wrapped by user_template"} <= set(found.rewrites)


def test_a_call_without_a_users_text_has_no_place_for_the_variant() -> None:
    assert isinstance(adapt(CHAT, PATHS[CHAT], b'{"messages":[]}', {}, target(user_template="<{user}>"), "candidate"), Unreadable)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
keys = st.sampled_from(
    ("model", "messages", "input", "contents", "stream", "stream_options", "store", "system", "metadata", "role", "content")
)


@given(
    st.sampled_from(sorted(BY_NAME)),
    st.dictionaries(keys, st.dictionaries(keys, json_values) | st.lists(st.dictionaries(keys, json_values), max_size=3) | json_values),
    st.sampled_from(("candidate", "repeat")),
    st.text(max_size=30),
)
def test_no_json_makes_it_raise(dialect: str, body: dict[str, Any], role: Role, path: str) -> None:
    to = target(model="x", set={"a": 1}, drop=["b"], system_file="f", user_template="{user}")
    raw = orjson.dumps(body, default=str) if all(isinstance(value, object) for value in body.values()) and _small(body) else b"{}"
    found = adapt(dialect, path, raw, {}, to, role, system_text="s")
    assert isinstance(found, Unreadable) or isinstance(orjson.loads(found.body), dict)


def _small(value: object) -> bool:
    """orjson writes no integers beyond 64 bits."""
    if isinstance(value, dict):
        return all(map(_small, value.values()))
    if isinstance(value, list):
        return all(map(_small, value))
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    assert isinstance(adapt(CHAT, PATHS[CHAT], body, {}, target(model="x"), "candidate"), Adapted | Unreadable)

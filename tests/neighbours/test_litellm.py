"""app → understudy → LiteLLM → provider and app → LiteLLM → understudy → provider, with the configuration of `deploy/litellm`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.fakes.models import Models
from tests.harness import ROOT, Serve, config, until
from tests.neighbours.litellm import KEY, litellm
from tests.prometheus import free_port

OPENAI, ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com"
FORWARD = {"# forward_client_headers_to_llm_api": "forward_client_headers_to_llm_api"}
BODY = """
[targets.litellm]
url = "{incumbent}"
[targets.cand]
url = "{candidate}"
model = "small-2"
[[routes]]
name = "main"
incumbent = "litellm"
shadow = [ {{ target = "cand" }} ]
"""
CHAT: dict[str, Any] = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
MESSAGES: dict[str, Any] = {"model": "claude", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class Chain:
    serve: Serve
    url: str
    """What the application talks to."""
    gateway: str
    provider: Models
    candidate: Models

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url + "/v1", api_key=KEY, max_retries=0, timeout=60)

    def claude(self) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=self.url, api_key=KEY, max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """app → understudy → LiteLLM → provider."""
    folder = tmp_path_factory.mktemp("behind")
    with Models("provider") as provider, Models("cand") as candidate:
        with litellm(folder / "litellm", free_port(), {OPENAI: provider.url + "/v1", ANTHROPIC: provider.url}) as gateway:
            with Serve(folder / "serve", config(BODY.format(incumbent=gateway, candidate=candidate.url))) as serve:
                yield Chain(serve, serve.url, gateway, provider, candidate)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """app → LiteLLM → understudy → provider."""
    folder = tmp_path_factory.mktemp("before")
    with Models("provider") as provider, Models("cand") as candidate:
        with Serve(folder / "serve", config(BODY.format(incumbent=provider.url, candidate=candidate.url))) as serve:
            with litellm(folder / "litellm", free_port(), {OPENAI: serve.url + "/v1", ANTHROPIC: serve.url, **FORWARD}) as gateway:
                yield Chain(serve, gateway, gateway, provider, candidate)


@pytest.fixture(params=["behind", "before"])
def chain(request: pytest.FixtureRequest) -> Chain:
    return request.getfixturevalue(request.param)


def test_openai_plain_streamed_and_with_tools(chain: Chain) -> None:
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    with chain.client() as client:
        answer = client.chat.completions.create(**CHAT)
        assert answer.choices[0].message.content == "You said: hello"
        assert answer.usage is not None and answer.usage.prompt_tokens == 11
        chunks = list(client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: hello"
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 7
        calls = client.chat.completions.create(**CHAT, tools=[tool]).choices[0].message.tool_calls
        assert calls is not None and calls[0].function.arguments == '{"city": "Paris"}'  # type: ignore[union-attr]


def test_anthropic_plain_and_streamed(chain: Chain) -> None:
    with chain.claude() as claude:
        assert claude.messages.create(**MESSAGES).content[0].text == "You said: hello"  # type: ignore[union-attr]
        with claude.messages.stream(**MESSAGES) as stream:
            assert "".join(stream.text_stream) == "You said: hello"
            assert stream.get_final_message().usage.output_tokens == 7


def test_the_provider_s_refusal_to_serve_is_asked_for_once(chain: Chain) -> None:
    before = len(chain.provider.seen)
    chain.provider.fault = "status:429"
    try:
        with chain.client() as client, pytest.raises(openai.RateLimitError):
            client.chat.completions.create(**CHAT)
    finally:
        chain.provider.fault = ""
    assert len(chain.provider.seen) == before + 1


def test_a_caller_s_key_goes_to_litellm_and_the_provider_sees_litellm_s_own(chain: Chain) -> None:
    with chain.client() as client:
        client.chat.completions.create(**CHAT)
    assert chain.provider.seen[-1].headers["authorization"] == "Bearer sk-provider"


def test_a_conversation_s_name_comes_through_and_goes_no_further(chain: Chain) -> None:
    name = "conversation-4711"
    with chain.client() as client:
        client.chat.completions.create(**CHAT, extra_headers={"x-understudy-conversation": name})
    assert "x-understudy-conversation" not in chain.provider.seen[-1].headers
    until(lambda: chain.serve.one(f"select count(*) from calls where conversation = '{name}'") == 1)


def test_two_models_of_one_litellm_are_a_pair_with_the_configuration_that_is_shipped(behind: Chain, tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "providers" / "litellm.toml").read_text("utf-8").replace("share = 0.1", "share = 1.0")
    assert text.count("http://127.0.0.1:4000") == 2
    with Serve(tmp_path, config(text.replace("http://127.0.0.1:4000", behind.gateway)), env={"LITELLM_KEY": KEY}) as serve:
        with openai.OpenAI(base_url=serve.url + "/v1", api_key=KEY, max_retries=0) as client:
            client.chat.completions.create(**CHAT)
        asked = "select target, outcome, text, model_served, cost_usd > 0 from exchanges where role <> 'repeat' order by target"
        until(lambda: len(serve.query(asked)) == 2, 60, lambda: serve.query(asked))
        assert serve.query(asked) == [
            ("incumbent-model", "answered", "You said: hello", "gpt", None),
            ("next-model", "answered", "You said: hello", "claude", True),
        ]


def test_a_mock_answers_behind_us_without_a_provider(behind: Chain) -> None:
    asked = len(behind.provider.seen)
    with behind.client() as client:
        answer = client.chat.completions.create(model="mock", messages=[{"role": "user", "content": "hello"}])
        assert answer.choices[0].message.content == "Hello from a mock."
    assert len(behind.provider.seen) == asked


@pytest.mark.parametrize(("dialect", "tokens"), [("openai.chat", (8, 3, 7)), ("anthropic.messages", (9, 2, 7))])
def test_the_pairs_are_in_the_store_with_usage_and_model(chain: Chain, dialect: str, tokens: tuple[int, ...]) -> None:
    asked = f"""select c.stream, e.model_served, e.usage_source, e.input_tokens, e.cached_input_tokens, e.output_tokens
        from calls c join exchanges e using (call_id) join exchanges k on k.call_id = c.call_id and k.role = 'candidate'
        where e.role = 'incumbent' and e.outcome = 'answered' and k.outcome = 'answered' and c.dialect = '{dialect}'
        and e.text = 'You said: hello'"""
    plain, streamed = CHAT | {"stream": False}, CHAT | {"stream": True}
    with chain.client() as client, chain.claude() as claude:
        if dialect == "openai.chat":
            client.chat.completions.create(**plain)
            list(client.chat.completions.create(**streamed, stream_options={"include_usage": True}))
        else:
            claude.messages.create(**MESSAGES)
            with claude.messages.stream(**MESSAGES) as stream:
                stream.get_final_message()

    def both() -> list[tuple[Any, ...]] | None:
        rows = chain.serve.query(asked)
        return rows if len({stream for stream, *_ in rows}) == 2 else None

    rows = until(both, 60, lambda: chain.serve.query(asked))
    for stream, model, source, *counts in rows:
        print(dialect, stream, model, source, counts)
        assert source == "provider" and model
        assert tuple(counts) == tokens, (stream, counts)

"""The official Python clients run unchanged, with only the base URL set: sync, async, streams, tools, Responses, embeddings."""

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.fakes.models import Models
from tests.harness import Serve, config, until

BODY = """
[targets.inc]
url = "{incumbent}"
[targets.cand]
url = "{candidate}"
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
"""
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
MESSAGES: dict[str, Any] = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    folder = tmp_path_factory.mktemp("sdks")
    with (
        Models("inc") as incumbent,
        Models("cand") as candidate,
        Serve(folder, config(BODY.format(incumbent=incumbent.url, candidate=candidate.url))) as serve,
    ):
        yield serve


@pytest.fixture
def client(serve: Serve) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=serve.url + "/v1", api_key="sk-x", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(serve: Serve) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=serve.url, api_key="sk-x", max_retries=0) as client:
        yield client


def test_openai_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "You said: hello"
    assert answer.usage is not None and answer.usage.prompt_tokens == 11


def test_openai_chat_stream_with_usage(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: hello"
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 7


def test_openai_stream_without_usage_gets_no_usage_chunk(client: openai.OpenAI) -> None:
    assert all(chunk.choices for chunk in client.chat.completions.create(**CHAT, stream=True))


def test_openai_tools(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT, tools=[TOOL])  # type: ignore[list-item]
    calls = answer.choices[0].message.tool_calls
    assert calls is not None and calls[0].function.arguments == '{"city": "Paris"}'  # type: ignore[union-attr]


def test_openai_responses_plain_and_streamed(client: openai.OpenAI) -> None:
    assert client.responses.create(model="m", input="hello").output_text == "You said: hello"
    deltas = [
        event.delta
        for event in client.responses.create(model="m", input="hello", stream=True)
        if event.type == "response.output_text.delta"
    ]
    assert "".join(deltas) == "You said: hello"


def test_openai_embeddings(client: openai.OpenAI) -> None:
    assert client.embeddings.create(model="m", input=["a", "b"], encoding_format="float").data[1].embedding == [0.1, 0.2, 0.3]


def test_openai_models_pass_unrecorded(client: openai.OpenAI) -> None:
    assert list(client.models.list()) == []


def test_openai_async(serve: Serve) -> None:
    async def run() -> str:
        async with openai.AsyncOpenAI(base_url=serve.url + "/v1", api_key="sk-x", max_retries=0) as client:
            plain = await client.chat.completions.create(**CHAT)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in await client.chat.completions.create(**CHAT, stream=True)]
            assert plain.choices[0].message.content == "".join(pieces)
            return "".join(pieces)

    assert asyncio.run(run()) == "You said: hello"


def test_anthropic_messages_and_tools(claude: anthropic.Anthropic) -> None:
    assert claude.messages.create(**MESSAGES).content[0].text == "You said: hello"  # type: ignore[union-attr]
    tool = {"name": "weather", "input_schema": {"type": "object"}}
    block = claude.messages.create(**MESSAGES, tools=[tool]).content[0]  # type: ignore[list-item]
    assert block.type == "tool_use" and block.input == {"city": "Paris"}


def test_anthropic_stream(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(**MESSAGES) as stream:
        assert "".join(stream.text_stream) == "You said: hello"
        assert stream.get_final_message().usage.output_tokens == 7


def test_anthropic_async(serve: Serve) -> None:
    async def run() -> str:
        async with anthropic.AsyncAnthropic(base_url=serve.url, api_key="sk-x", max_retries=0) as client:
            answer = await client.messages.create(**MESSAGES)
            return answer.content[0].text  # type: ignore[union-attr]

    assert asyncio.run(run()) == "You said: hello"


def test_an_unreachable_incumbent_is_an_error_that_each_client_understands(tmp_path_factory: pytest.TempPathFactory) -> None:
    text = config('[targets.inc]\nurl = "http://127.0.0.1:9"\n[[routes]]\nname = "main"\nincumbent = "inc"')
    with Serve(tmp_path_factory.mktemp("nobody"), text) as serve:
        with (
            openai.OpenAI(base_url=serve.url + "/v1", api_key="x", max_retries=0) as client,
            pytest.raises(openai.InternalServerError) as caught,
        ):
            client.chat.completions.create(**CHAT)
        assert caught.value.status_code == 502 and caught.value.body
        with (
            anthropic.Anthropic(base_url=serve.url, api_key="x", max_retries=0) as claude,
            pytest.raises(anthropic.InternalServerError) as said,
        ):
            claude.messages.create(**MESSAGES)
        assert said.value.status_code == 502 and said.value.body["type"] == "error"  # type: ignore[index]


def test_all_of_it_was_paired(serve: Serve) -> None:
    sent = "(SELECT count(*) FROM mirror_decisions WHERE decision = 'sent')"
    until(
        lambda: serve.one(
            f"SELECT count(*) = {sent} AND count(*) >= 12 FROM pairs WHERE incumbent_outcome = 'answered' AND candidate_outcome = 'answered'"
        ),
        20,
    )

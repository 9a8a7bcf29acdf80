"""The OpenAI client's WebSockets (realtime, responses) through us, only the base URL set, against aimock."""

import asyncio
from collections.abc import Iterator

import openai
import pytest

from tests.clients.aimock import aimock
from tests.clients.test_python_sdks import BODY
from tests.fakes.models import Models
from tests.harness import Serve, config, until

SAID = "Hello from the incumbent."


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with aimock() as upstream, Models("cand") as candidate:
        with Serve(tmp_path_factory.mktemp("ws"), config(BODY.format(incumbent=upstream, candidate=candidate.url))) as serve:
            yield serve


def test_a_realtime_conversation(serve: Serve) -> None:
    async def talk() -> str:
        client = openai.AsyncOpenAI(base_url=serve.url + "/v1", websocket_base_url=serve.url.replace("http", "ws") + "/v1", api_key="sk-x")
        heard = ""
        async with client, client.realtime.connect(model="gpt-realtime") as connection:
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
            await connection.conversation.item.create(item=item)  # type: ignore[arg-type]
            await connection.response.create()
            async for event in connection:
                heard += event.delta if event.type.endswith("text.delta") else ""  # type: ignore[union-attr]
                if event.type == "response.done":
                    return heard
        return heard

    assert asyncio.run(asyncio.wait_for(talk(), 60)) == SAID
    until(lambda: serve.metric("understudy_passthrough_total") >= 1)

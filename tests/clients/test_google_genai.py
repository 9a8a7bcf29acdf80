"""Google's client runs unchanged, only its base URL set (`api_version="v1beta"`): plain, streamed, tools, an error, and async."""

import asyncio
from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types

from tests.clients.aimock import aimock
from tests.clients.test_python_sdks import BODY
from tests.fakes.models import Models
from tests.harness import Serve, config, until

pytestmark = pytest.mark.filterwarnings("ignore:FUNCTION:UserWarning", "ignore::DeprecationWarning:google")
SAID = "Hello from the incumbent."
MODEL = "gemini-2.5-flash"


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with aimock() as upstream, Models("cand") as candidate:
        with Serve(tmp_path_factory.mktemp("gemini"), config(BODY.format(incumbent=upstream, candidate=candidate.url))) as serve:
            yield serve


@pytest.fixture
def client(serve: Serve) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=serve.url, api_version="v1beta")
    client = genai.Client(api_key="callers-own", http_options=options)
    yield client
    client.close()


def test_plain_and_streamed(client: genai.Client) -> None:
    assert client.models.generate_content(model=MODEL, contents="hello").text == SAID
    assert "".join(part.text or "" for part in client.models.generate_content_stream(model=MODEL, contents="hello")) == SAID


def test_tools(client: genai.Client) -> None:
    schema = types.Schema(type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)})
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", parameters=schema)])
    answer = client.models.generate_content(model=MODEL, contents="the weather?", config=types.GenerateContentConfig(tools=[tool]))
    assert answer.function_calls is not None and answer.function_calls[0].args == {"city": "Paris"}


def test_an_error_keeps_its_shape(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="refuse me")
    assert caught.value.code == 400


def test_async(serve: Serve) -> None:
    async def ask() -> str | None:
        options = types.HttpOptions(base_url=serve.url, api_version="v1beta")
        client = genai.Client(api_key="callers-own", http_options=options)
        try:
            return (await client.aio.models.generate_content(model=MODEL, contents="hello")).text
        finally:
            await client.aio.aclose()
            client.close()

    assert asyncio.run(ask()) == SAID


def test_its_calls_are_pairs_and_its_key_is_nowhere(serve: Serve) -> None:
    until(lambda: serve.one("SELECT count(*) FROM pairs JOIN calls USING (call_id) WHERE dialect = 'gemini.generate'") >= 3)
    assert b"callers-own" not in (serve.folder / "understudy.duckdb").read_bytes() + serve.log.read_bytes()

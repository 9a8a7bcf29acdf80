"""Amazon's client with a bearer key runs unchanged, only its endpoint set: it speaks TLS only, so our own listener has a certificate.

Plain, streamed (AWS's binary frames), tools, an error; against aimock, which speaks Bedrock.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
import trustme

from tests.clients.aimock import aimock
from tests.clients.test_python_sdks import BODY
from tests.fakes.models import Models
from tests.harness import Serve, config, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")
SAID = "Hello from the incumbent."
MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0"
KEY = "bedrock-callers-own"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    issued = ca.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    return folder


@pytest.fixture(scope="module")
def serve(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with aimock() as upstream, Models("cand") as candidate:
        tls = f'tls_cert = "{authority / "cert.pem"}"\ntls_key = "{authority / "key.pem"}"'
        text = config(BODY.format(incumbent=upstream, candidate=candidate.url), server=tls)
        with Serve(tmp_path_factory.mktemp("boto3"), text) as serve:
            yield serve


@pytest.fixture
def client(serve: Serve, authority: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_BEARER_TOKEN_BEDROCK"]:
        monkeypatch.delenv(name)
    once = botocore.config.Config(retries={"total_max_attempts": 1})
    url = serve.url.replace("http://", "https://")
    return boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, verify=str(authority / "ca.pem"), config=once)


def asking(text: str) -> dict[str, Any]:
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": text}]}]}


TOOLS = {
    "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}}}]
}


def test_converse(client: Any) -> None:
    assert client.converse(**asking("hello"))["output"]["message"]["content"][0]["text"] == SAID


def test_converse_with_tools_plain_and_streamed(client: Any) -> None:
    answer = client.converse(**asking("the weather?"), toolConfig=TOOLS)
    used = next(block["toolUse"] for block in answer["output"]["message"]["content"] if "toolUse" in block)
    assert (used["name"], used["input"]) == ("weather", {"city": "Paris"})
    # aimock's stream of plain text is one that botocore refuses (a contentBlockStart without a member), with us or without
    events = list(client.converse_stream(**asking("the weather?"), toolConfig=TOOLS)["stream"])
    pieces = (event.get("contentBlockDelta", {}).get("delta", {}).get("toolUse", {}).get("input", "") for event in events)
    assert json.loads("".join(pieces)) == {"city": "Paris"} and {"messageStop", "metadata"} & events[-1].keys()


def test_an_error_keeps_its_shape(client: Any) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.converse(**asking("refuse me"))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_its_calls_are_recorded_and_its_key_is_nowhere(serve: Serve) -> None:
    query = (
        "SELECT stream, text, tool_calls::VARCHAR LIKE '%weather%' FROM exchanges JOIN calls USING (call_id)"
        " WHERE dialect = 'bedrock.converse' AND outcome = 'answered' AND seen"
    )
    wanted = {(False, SAID, False), (False, "", True), (True, "", True)}
    until(lambda: {(stream, text or "", tool) for stream, text, tool in serve.query(query)} == wanted, 60, lambda: serve.query(query))
    assert serve.one("SELECT count(DISTINCT model_requested) FROM calls WHERE model_requested = '" + MODEL + "'") == 1
    assert KEY.encode() not in (serve.folder / "understudy.duckdb").read_bytes() + serve.log.read_bytes()

"""The admin port as strangers, web pages and Prometheus meet it; and what `serve` says in the minute."""

import json
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.models import Models
from tests.harness import ROOT, Serve, config, until

ROUTE = '[targets.inc]\nurl = "{url}"\n[[routes]]\nname = "main"\nincumbent = "inc"\n'
TOKEN = "a-token-" + "for-tests"


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Models("inc") as incumbent, Serve(tmp_path_factory.mktemp("admin"), config(ROUTE.format(url=incumbent.url))) as serve:
        yield serve


def get(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_page_that_rebinds_its_name_to_loopback_reads_nothing(serve: Serve) -> None:
    assert get(serve.admin + "/api/status")[0] == 200
    status, body = get(serve.admin + "/api/status", Host="evil.example")
    assert status == 403 and b"calls" not in body
    assert get(serve.admin + "/metrics", Host="evil.example")[0] == 403
    assert get(serve.admin + "/healthz", Host="evil.example")[0] == 200


def test_an_unknown_path_is_a_plain_404(serve: Serve) -> None:
    status, body = get(serve.admin + "/nothing")
    assert status == 404 and json.loads(body) == {"error": "Not Found"}


def test_a_malformed_request_with_a_key_in_it_is_not_logged(serve: Serve) -> None:
    assert serve.where is not None
    secret = "sk-" + "in-a-malformed-request"
    host, _, port = serve.where.admin.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as client:
        client.sendall(f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\nBad Header: x\r\n\r\n".encode())
        assert b" 400 " in client.recv(200)
    until(lambda: get(serve.admin + "/healthz")[0] == 200)
    assert secret not in serve.log.read_text()


def test_an_open_admin_port_asks_everybody_for_its_token(tmp_path: Path) -> None:
    text = config(ROUTE.format(url="http://127.0.0.1:9")).replace('admin = "127.0.0.1:0"', 'admin = "0.0.0.0:0"')
    with Serve(tmp_path, text, env={"UNDERSTUDY_ADMIN_TOKEN": TOKEN}) as serve:
        url = serve.admin.replace("0.0.0.0", "127.0.0.1")
        assert until(lambda: get(url + "/healthz")[0] == 200)
        assert get(url + "/metrics")[0] == 401
        assert get(url + "/metrics", Authorization="Bearer wrong")[0] == 401
        status, body = get(url + "/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200 and b"understudy_build_info" in body


MINUTES = """
    import asyncio, signal, socket, sys
    from pathlib import Path
    from proxy.config_file import parse
    from proxy.events import CallEvent, DecisionEvent
    from proxy.inheritance import Inherited
    from proxy.journal import Journal
    from proxy.recorder_process import run

    folder = Path(sys.argv[1])
    config = parse(sys.stdin.read(), folder=folder)

    async def main():
        journal = Journal(config.journal_folder, "worker-0", config.hash)
        journal.start(asyncio.get_running_loop())
        for number in range(3):
            name = f"00000000-0000-8000-8000-{number:012x}"
            journal.put(CallEvent(at=1_800_000_000_000_000, id=name, route="main", dialect="openai.responses", path="/v1/responses"), b"{}")
            journal.put(DecisionEvent(at=1_800_000_000_000_000, id=name, route="main", target="small", role="candidate", decision="side_effects", reason="previous_response_id"))
        journal.close()
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        asyncio.get_running_loop().call_later(6, signal.raise_signal, signal.SIGTERM)
        await run(Inherited(config=config, config_file="x", key=b"k"), sock, minute_s=0.5)

    asyncio.run(main())
"""


def test_serve_says_each_minute_what_changed_and_only_then(tmp_path: Path) -> None:
    words = [sys.executable, "-c", textwrap.dedent(MINUTES), str(tmp_path)]
    done = subprocess.run(
        words,
        input=config(ROUTE.format(url="http://127.0.0.1:9")),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=True,
    )
    said = [line for line in done.stdout.splitlines() if "calls" in line]
    assert len(said) == 1
    assert said[0].startswith("3 calls, 0 pairs") and "3 of 3 not mirrored: previous_response_id" in said[0]

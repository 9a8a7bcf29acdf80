"""app → nginx → understudy → provider, with the configuration of `deploy/nginx`: what arrives, and when, is what it is without nginx."""

import itertools
import random
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import orjson
import pytest
import trustme

from tests.corpus import rows
from tests.fakes.models import Models
from tests.fakes.upstream import CLOSE, LEAVE, Asked, Step, Upstream, sized
from tests.harness import Serve, config, until
from tests.neighbours.nginx import NGINX, configure, nginx
from tests.proxy.relaying import Answer, Talk
from tests.recorded import FRAMINGS, body_of, encoded, request_bytes, response_bytes, target_of

BODY = """
[targets.inc]
url = "http://127.0.0.1:{raw}"
[targets.models]
url = "{models}"
[targets.cand]
url = "{models}"
[[routes]]
name = "raw"
incumbent = "inc"
path = "/raw"
[[routes]]
name = "main"
incumbent = "models"
shadow = [ {{ target = "cand" }} ]
"""
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
HOP = (b"connection:", b"keep-alive:", b"transfer-encoding:", b"content-length:", b"date:", b"server:")


@dataclass(slots=True)
class Chain:
    """nginx in front of a serve with two incumbents: scripted models under `/`, and under `/raw` whatever a test sets as `answer`."""

    serve: Serve
    url: str
    models: Models
    raw: Upstream
    answer: Callable[[Asked], Iterable[Step]] = field(default=lambda asked: [sized(b"ok")])

    def talk(self, url: str = "") -> Talk:
        host, _, port = (url or self.url).removeprefix("http://").rpartition(":")
        return Talk(socket.create_connection((host, int(port)), 20))

    def client(self, path: str = "/v1") -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url + path, api_key="sk-x", max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("nginx")
    made: list[Chain] = []
    with Models("inc") as models, Upstream(lambda asked: made[0].answer(asked)) as raw:
        with Serve(folder / "serve", config(BODY.format(raw=raw.port, models=models.url))) as serve:
            with nginx(folder / "nginx", serve.url.removeprefix("http://")) as url:
                made.append(Chain(serve, url, models, raw))
                yield made[0]


def event(text: str) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunk |= {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    data = b"data: " + orjson.dumps(chunk) + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_the_official_client_answers_as_ever(chain: Chain) -> None:
    with chain.client() as client:
        assert client.chat.completions.create(**CHAT).choices[0].message.content == "You said: hello"
        chunks = list(client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: hello"
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 7
        assert client.responses.create(model="m", input="hello").output_text == "You said: hello"
    until(lambda: chain.serve.metric("understudy_mirror_total", target="cand", decision="sent") >= 2)


def test_each_chunk_arrives_before_the_next_one_is_written(chain: Chain) -> None:
    heard = [threading.Event() for _ in range(4)]

    def answer(asked: Asked) -> Iterator[Step]:
        yield HEAD
        for number, each in enumerate(heard):
            yield event(f"part {number} ")
            yield each  # until the client has it
        yield b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"

    chain.answer = answer
    with chain.client("/raw/v1") as client:
        said = ""
        for number, chunk in enumerate(client.chat.completions.create(**CHAT, stream=True)):
            said += chunk.choices[0].delta.content or ""
            heard[number].set()
    assert said == "part 0 part 1 part 2 part 3 "


def test_a_client_that_leaves_is_gone_upstream(chain: Chain) -> None:
    chain.raw.gone.clear()
    chain.answer = lambda asked: [HEAD, event("endless"), LEAVE]
    with chain.client("/raw/v1") as client:
        stream = client.chat.completions.create(**CHAT, stream=True)
        assert next(iter(stream)).choices[0].delta.content == "endless"
        assert not chain.raw.gone.is_set()
        stream.close()
        assert chain.raw.gone.wait(60)


def test_ten_megabytes_pass_both_ways_before_and_after_the_request_is_whole(chain: Chain) -> None:
    big = random.Random(1).randbytes(10 << 20)
    chain.answer = lambda asked: [sized(asked.body)]
    with chain.talk() as talk:
        talk.send(b"POST /raw/v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(big), big)
        assert talk.answer().body == big
        pieces = [b"%x\r\n%b\r\n" % (len(part), part) for part in (big[: 5 << 20], big[5 << 20 :])]
        talk.send(b"POST /raw/v1/files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", *pieces, b"0\r\n\r\n")
        assert talk.answer().body == big


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 502, 503, 504, 529])
def test_an_error_is_the_provider_s_own_and_is_asked_once(chain: Chain, status: int) -> None:
    said = b'{"error":{"message":"scripted %d"}}' % status
    chain.answer = lambda asked: [sized(said, b"Content-Type: application/json", b"retry-after: 7", status=b"%d Odd" % status)]
    before = len(chain.raw.asked)
    with chain.client("/raw/v1") as client, pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**CHAT)
    assert (caught.value.status_code, caught.value.response.content) == (status, said)
    assert caught.value.response.headers["retry-after"] == "7"
    assert len(chain.raw.asked) == before + 1


def test_a_provider_that_breaks_off_is_asked_once(chain: Chain) -> None:
    chain.answer = lambda asked: [HEAD, CLOSE]
    before = len(chain.raw.asked)
    with chain.client("/raw/v1") as client, pytest.raises(openai.APIError):
        list(client.chat.completions.create(**CHAT, stream=True))
    assert len(chain.raw.asked) == before + 1


def names_and_values(lines: list[bytes]) -> list[bytes]:
    """Without what is between two neighbours only (nginx tells a length where a chunked request came at once); order and case are nginx's."""
    parts = (line.partition(b":") for line in lines if not line.lower().startswith(HOP))
    return sorted(name.lower() + b": " + value.strip() for name, _, value in parts)


def test_every_recorded_exchange_is_what_it_is_without_nginx(chain: Chain) -> None:
    recorded, dice, now = list(rows("exchanges/exchanges.jsonl")), random.Random(0), dict[str, Any]()
    chain.answer = lambda asked: [response_bytes(now["row"], now["framing"], random.Random(0))]
    with chain.talk() as through, chain.talk(chain.serve.url) as direct:
        for row, framing in zip(recorded, itertools.cycle(FRAMINGS), strict=False):
            now |= {"row": row, "framing": framing}
            sent = request_bytes(row, framing, dice).replace(b"POST /", b"POST /raw/", 1)
            got: list[tuple[Answer, Asked]] = []
            for talk in (through, direct):
                talk.send(sent)
                got.append((talk.answer(), chain.raw.asked[-1]))
            (answer, asked), (answer_direct, asked_direct) = got
            assert (answer.status, answer.body) == (answer_direct.status, answer_direct.body), row["id"]
            assert answer.body == encoded(framing, body_of(row["response"])), row["id"]
            assert names_and_values(answer.lines) == names_and_values(answer_direct.lines), row["id"]
            assert asked.target == asked_direct.target == target_of(row), row["id"]
            assert asked.body == asked_direct.body, row["id"]
            assert names_and_values(asked.lines) == names_and_values(asked_direct.lines), row["id"]


def test_odd_targets_and_headers_go_on_as_they_were_written(chain: Chain) -> None:
    chain.answer = lambda asked: [sized(asked.target)]
    with chain.talk() as talk:
        for target in (b"/v1//chat/a%2Fb/%7e?q=a%20b&&x", b"/v1/models/a:generate?alt=sse", b"/v1/caf%C3%A9"):
            talk.send(
                b"POST /raw"
                + target
                + b" HTTP/1.1\r\nHost: api.example.com\r\nx_under_score: 1\r\nX-Odd.Name: 2\r\nContent-Length: 0\r\n\r\n"
            )
            assert talk.answer().body == target
            assert chain.raw.asked[-1].header(b"x_under_score") == [b"1"] and chain.raw.asked[-1].header(b"x-odd.name") == [b"2"]
            assert not [line for line in chain.raw.asked[-1].lines if line.lower().startswith((b"x-forwarded", b"x-real", b"via"))]


def test_a_websocket_is_opened_and_carried(chain: Chain) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    chain.answer = lambda asked: [b"HTTP/1.1 101 Switching Protocols\r\n" + upgrade + b"\r\n", b"frame from upstream"]
    with chain.talk() as talk:
        talk.send(b"GET /raw/v1/realtime HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n" + upgrade + b"\r\n")
        assert talk.head().startswith(b"HTTP/1.1 101 ")
        assert talk.wire.exactly(19) == b"frame from upstream"


def test_no_provider_steers_nginx(chain: Chain) -> None:
    chain.answer = lambda asked: [sized(b"mine", b"X-Accel-Redirect: /elsewhere", b"X-Accel-Buffering: yes")]
    with chain.talk() as talk:
        talk.send(b"GET /raw/v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = talk.answer()
    assert (answer.status, answer.body) == (200, b"mine")


def test_an_understudy_that_is_down_is_an_answer_of_nginx(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with nginx(tmp_path / "nginx", f"127.0.0.1:{nobody.getsockname()[1]}") as url:
            with (
                openai.OpenAI(base_url=url + "/v1", api_key="sk-x", max_retries=0) as client,
                pytest.raises(openai.InternalServerError) as caught,
            ):
                client.chat.completions.create(**CHAT)
            assert caught.value.status_code == 502


def test_what_is_commented_out_is_good_configuration(tmp_path: Path) -> None:
    """The lines for TLS and for more headers, said aloud, as `nginx -t` reads them."""
    if NGINX is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    configure(tmp_path, "127.0.0.1:80", "127.0.0.1:8080")
    own = trustme.CA().issue_cert("localhost")
    own.cert_chain_pems[0].write_to_path(tmp_path / "understudy.pem")
    own.private_key_pem.write_to_path(tmp_path / "understudy.key")
    file = tmp_path / "understudy.conf"
    aloud, count = re.subn(r"# (listen|ssl_\w+|proxy_set_header) ", r"\1 ", file.read_text("utf-8"))
    file.write_text(aloud.replace("/etc/nginx/tls", str(tmp_path)), "utf-8")
    assert count == 7
    words = [NGINX, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "warn" not in done.stderr, done.stderr

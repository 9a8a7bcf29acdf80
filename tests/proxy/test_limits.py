"""The relay's limits: sizes, deadlines, slow clients in both directions, paths that leave their route, and whose words an error has."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.upstream import LEAVE, Asked, Step, Upstream, echo, sized
from tests.proxy.relaying import LLM, Relaying, Talk, config, until

H = b"Host: a\r\n"
CALL = LLM + b"Content-Length: 2\r\n\r\n{}"
ANTHROPIC = CALL.replace(b"/v1/chat/completions", b"/v1/messages")
GEMINI = CALL.replace(b"/v1/chat/completions", b"/v1beta/models/m:generateContent")
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
RST = b"\1\0\0\0\0\0\0\0"


def serving(*steps: Step) -> Upstream:
    return Upstream(lambda asked: iter(steps))


# ---- sizes


def test_a_body_over_the_limit_is_413_before_a_byte_of_it_goes_up(tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="body_max_bytes = 1000")) as relay:
        assert relay.ask(LLM + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000).status == 200
        with relay.talk() as talk:
            talk.send(
                ANTHROPIC.replace(b"Length: 2", b"Length: 1001")
                .replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
                .removesuffix(b"{}")
            )
            got = talk.answer()
            assert (got.status, json.loads(got.body)["error"]["type"], talk.end()) == (413, "request_too_large", (b"", "eof"))
    assert len(up.asked) == 1 and relay.last_beat.refused == {"body_too_large": 1}


@pytest.mark.parametrize("pieces", [1, 3])
def test_chunks_over_the_limit_are_413_and_never_end_whole_upstream(pieces: int, tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="body_max_bytes = 1000")) as relay:
        whole = b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n"
        assert relay.ask(LLM + b"Transfer-Encoding: chunked\r\n\r\n" + whole).status == 200
        with relay.talk() as talk:
            talk.send(LLM + b"Transfer-Encoding: chunked\r\n\r\n")
            if pieces > 1:
                talk.send(whole[:800])
                until(lambda: len(up.asked) == 2)
            talk.send(whole[800 if pieces > 1 else 0 : -5] + b"1\r\ny\r\n0\r\n\r\n")
            assert talk.answer().status == 413
        until(lambda: not relay.worker.clients)
    assert [asked.whole for asked in up.asked] in ([True, False], [True])


# ---- deadlines


def test_an_upload_that_trickles_without_end_is_408(tmp_path: Path) -> None:
    """Every byte is in time, all of them together are not."""
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="upload_timeout_s = 0.5")) as relay, relay.talk() as talk:
        talk.send(LLM + b"Content-Length: 100000\r\n\r\n")
        trickle = Trickle(talk)
        got = talk.answer()
        trickle.stop()
        assert (got.status, b"0.5 s" in got.body) == (408, True)
        assert up.gone.wait(60)
    assert [(event.whole, event.method) for event, _ in relay.calls] == [(False, "POST")]


class Trickle:
    def __init__(self, talk: Talk):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(talk,), daemon=True)
        self.thread.start()

    def _run(self, talk: Talk) -> None:
        while not self.over.wait(0.05):
            try:
                talk.send(b"x")
            except OSError:
                return

    def stop(self) -> None:
        self.over.set()
        self.thread.join(60)


@pytest.mark.parametrize("begun", [False, True])
def test_a_call_that_never_ends_ends_at_its_deadline(begun: bool, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        yield STREAM if begun else b"HTTP/1.1 102 Processing\r\n\r\n"
        while True:
            yield b"2\r\nok\r\n" if begun else b"HTTP/1.1 102 Processing\r\n\r\n"
            yield lambda: time.sleep(0.02)

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port, server="call_timeout_s = 1.5")) as relay, relay.talk() as talk:
        talk.send(CALL)
        if begun:
            assert talk.end()[1] == "reset"
        else:
            while (got := talk.answer()).status == 102:
                pass
            assert got.status == 504
        assert up.gone.wait(60)
    assert [event.ended for event, _ in relay.exchanges] == ["timed_out"]


def test_a_pipelined_request_has_its_own_deadline(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        yield lambda: time.sleep(1.0)
        yield sized(b"ok")

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port, server="call_timeout_s = 2.5")) as relay, relay.talk() as talk:
        talk.send(CALL * 3)
        assert [talk.answer().status for _ in range(3)] == [200] * 3


# ---- slow clients


@pytest.mark.parametrize("connection", [b"keep-alive", b"close"])
def test_a_slow_reader_gets_the_last_byte_long_after_the_upstream_said_it(connection: bytes, tmp_path: Path) -> None:
    """The end of the answer is in our buffer: neither idling nor lingering may cut it off."""
    body = b"x" * 6_000_000
    server = "keep_alive_s = 0.3"
    with serving(sized(body)) as up, Relaying(config(tmp_path, up.port, server=server)) as relay, slow_talk(relay) as talk:
        talk.send(CALL.replace(b"Host", b"Connection: " + connection + b"\r\nHost"))
        got, least = bytearray(talk.head().partition(b"\r\n\r\n")[2] + talk.wire.rest), time.monotonic() + 4.0
        while len(got) < len(body):
            got += talk.sock.recv(40_000)
            if time.monotonic() < least and not relay.worker.under_way:
                time.sleep(0.3)  # the answer has been read to its end: what is left is ours
        assert got == body
    assert [event.ended for event, _ in relay.exchanges] == ["complete"]


def slow_talk(relay: Relaying) -> Talk:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.settimeout(20)
    sock.connect(("127.0.0.1", relay.port))
    return Talk(sock)


def test_a_client_that_stops_reading_what_is_left_is_broken_off(tmp_path: Path) -> None:
    server = "silence_timeout_s = 1.0\nkeep_alive_s = 2.0"
    with serving(sized(b"x" * 300_000)) as up, Relaying(config(tmp_path, up.port, server=server)) as relay, slow_talk(relay) as talk:
        until(lambda: relay.worker.clients)
        relay.loop.call_soon_threadsafe(shrink_buffers, relay)
        talk.send(CALL)
        until(lambda: relay.worker.number)
        until(lambda: not relay.worker.clients)
        assert talk.end()[1] == "reset"


def shrink_buffers(relay: Relaying) -> None:
    for client in relay.worker.clients:
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # type: ignore[union-attr]


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_while_nobody_reads_its_upload_is_noticed(reset: bool, tmp_path: Path) -> None:
    """The upstream takes no more, so the client is not read: its end is asked of the kernel."""
    held = threading.Event()

    def answer(asked: Asked) -> Iterator[Step]:
        yield held
        yield LEAVE

    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay:
        with relay.talk() as talk:
            talk.sock.settimeout(0.2)
            talk.send(LLM + b"Content-Length: 500000000\r\n\r\n")
            until(lambda: up.asked)

            def full() -> bool:
                try:
                    talk.send(b"x" * 65_536)
                except TimeoutError:
                    return any(client.holds for client in relay.worker.clients)
                return False

            until(full)
            (client,) = relay.worker.clients
            if reset:
                talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            else:
                room(client.transport)  # a FIN waits behind what was sent before it
        if reset:
            until(lambda: not relay.worker.clients)
        held.set()
        until(lambda: not relay.worker.clients)
        assert up.gone.wait(60)
    assert [event.ended for event, _ in relay.exchanges] == ["client_gone"]


def room(transport: object) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)  # type: ignore[attr-defined]


# ---- paths


TWO = """
[targets.gpt]
url = "http://127.0.0.1:{port}"
[targets.based]
url = "http://127.0.0.1:{port}/base"
[[routes]]
name = "ant"
path = "/ant"
incumbent = "gpt"
[[routes]]
name = "based"
host = "based.example"
incumbent = "based"
[[routes]]
name = "rest"
host = "rest.example"
incumbent = "gpt"
"""
DOTTED = [
    b"/ant/../v1/m", b"/ant/..", b"/ant/.", b"/ant/./v1", b"/ant/v1/%2e%2e/m", b"/ant/v1/%2E./m", b"/ant/v1/.%2e?x=y", b"/ant/..%2fv1", b"/ant/..;/v1",
    b"/ant/..%5cv1", b"/ant/..\\v1", b"/ant/x%2f..%2Fv1", b"/ant/..%3bx/v1",
]  # fmt: skip
PLAIN = [
    b"/ant/v1/files/..x",
    b"/ant/v1/a..b/x.",
    b"/ant/v1/...",
    b"/ant/model/us.x%2F.y%3A0/converse",
    b"/ant/v1/x?path=/../y",
    b"/ant/v1/%252e%252e",
]


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Relaying, Upstream]]:
    with Upstream() as up, Relaying(config(tmp_path_factory.mktemp("routed"), up.port, routes=TWO)) as relay:
        yield relay, up


@pytest.mark.parametrize("target", DOTTED)
def test_a_path_that_leaves_its_route_goes_nowhere(target: bytes, routed: tuple[Relaying, Upstream]) -> None:
    relay, up = routed
    before = len(up.asked)
    assert relay.ask(b"GET " + target + b" HTTP/1.1\r\n" + H + b"\r\n").status == 400
    assert relay.ask(b"GET " + target + b" HTTP/1.1\r\nHost: based.example\r\n\r\n").status == 400
    assert len(up.asked) == before
    rest = relay.ask(b"GET " + target + b" HTTP/1.1\r\nHost: rest.example\r\n\r\n")
    assert (rest.status, rest.body) == (200, target)  # there is nothing to leave: it goes up as it came


@pytest.mark.parametrize("target", PLAIN)
def test_dots_that_are_no_segment_stay(target: bytes, routed: tuple[Relaying, Upstream]) -> None:
    assert routed[0].ask(b"GET " + target + b" HTTP/1.1\r\n" + H + b"\r\n").body == target.removeprefix(b"/ant")


# ---- whose words


def shape(body: bytes) -> str:
    said = json.loads(body)
    return "anthropic" if said.get("type") == "error" else "gemini" if "status" in said["error"] else "openai"


@pytest.mark.parametrize(("raw", "family"), [(CALL, "openai"), (ANTHROPIC, "anthropic"), (GEMINI, "gemini")])
def test_a_refusal_has_the_shape_of_its_paths_dialect(raw: bytes, family: str, tmp_path: Path) -> None:
    malformed = raw.replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 3")
    large = raw.replace(b"Content-Length: 2", b"Content-Length: 2000")
    routes = '[targets.gpt]\nurl = "http://127.0.0.1:{port}"\n[[routes]]\nname = "main"\nhost = "a"\nincumbent = "gpt"\n'
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="body_max_bytes = 1500", routes=routes)) as relay:
        for asked, status in ((malformed, 400), (large, 413), (raw.replace(b"Host: a", b"Host: b"), 404)):
            got = relay.ask(asked)
            assert (got.status, shape(got.body)) == (status, family)
    assert up.asked == []


def test_where_the_path_says_nothing_the_sdks_own_header_does(tmp_path: Path) -> None:
    raw = b"GET /v1/messages/batches/b HTTP/1.1\r\n" + H + b"%bContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay:
        said = {relay.ask(raw % line).body: line for line in (b"anthropic-version: 2023-06-01\r\n", b"X-Goog-Api-Key: k\r\n", b"X: y\r\n")}
    assert [shape(body) for body in said] == ["anthropic", "gemini", "openai"]


# ---- our own mirrors


def test_a_mirrored_call_passes_with_its_mark_and_is_recorded_with_it(tmp_path: Path) -> None:
    with Upstream(echo) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert relay.ask(CALL.replace(b"Host", b"X-Understudy-Shadow: 1\r\nHost")).status == 200
    assert up.asked[0].header(b"x-understudy-shadow") == [b"1"]
    assert [event.headers.get("x-understudy-shadow") for event, _ in relay.calls] == ["1"]

"""WebSockets: after the incumbent's 101 everything passes both ways, byte for byte; before it nothing is taken for what it is not."""

import asyncio
import contextlib
import gc
import hashlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.upstream import LEAVE, RESET, Asked, Step, Upstream, sized
from tests.proxy.certificates import Authority
from tests.proxy.relaying import Relaying, Talk, config, until

OFFER = (
    b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: realtime\r\n\r\n"
)
TAKEN = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
ENDED = b"\x88\x02\x03\xe8"


def sock_of(asked: Asked) -> socket.socket:
    assert asked.wire is not None
    return asked.wire.sock


def echoing(*opening: bytes) -> Upstream:
    """Takes every offer, says `opening`, and then whatever it hears, until the client ends; then a last word."""

    def answer(asked: Asked) -> Iterator[Step]:
        assert asked.wire is not None
        yield from (TAKEN, *opening)
        yield asked.wire.rest
        while data := sock_of(asked).recv(65_536):
            yield data
        yield ENDED
        yield RESET if asked.target == b"/reset" else "close"

    return Upstream(answer, early=True)


def opened(relay: Relaying, offer: bytes = OFFER) -> Talk:
    talk = relay.talk()
    talk.send(offer)
    assert talk.head().startswith(b"HTTP/1.1 101 ")
    return talk


def test_the_handshake_passes_with_its_own_lines_and_is_counted_as_passed(tmp_path: Path) -> None:
    with echoing() as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(OFFER)
        head = talk.head()
        talk.send(b"\x81\x02hi")
        assert talk.wire.exactly(4) == b"\x81\x02hi"
        assert (relay.worker.under_way, relay.worker.tunnels, len(relay.worker.clients)) == (0, 1, 1)
        port = up.port
    assert up.asked[0].target == b"/v1/realtime?model=m"
    assert up.asked[0].lines == [
        b"Host: 127.0.0.1:%d" % port, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Protocol: realtime", b"Connection: Upgrade", b"Upgrade: WebSocket",
    ]  # fmt: skip
    assert head.split(b"\r\n")[:-2] == [
        b"HTTP/1.1 101 Switching Protocols", b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", b"Upgrade: websocket", b"Connection: Upgrade",
    ]  # fmt: skip
    beat = relay.last_beat
    assert (beat.passthrough, beat.tunnels, beat.tunnel_bytes, beat.calls) == ({"main": 1}, 0, 4 + 4 + len(ENDED), 0)
    assert relay.calls == relay.exchanges == []


# ---- real servers and clients


def model() -> web.Application:
    async def talk(request: web.Request) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return web.json_response({"error": "no key"}, status=401)
        ws = web.WebSocketResponse(max_msg_size=0, compress=True)
        await ws.prepare(request)
        await ws.send_str("session.created")
        async for message in ws:
            if message.type == aiohttp.WSMsgType.TEXT and message.data == "end":
                await ws.close(code=4001, message=b"as you wish")
            elif message.type == aiohttp.WSMsgType.TEXT:
                await ws.send_str(message.data)
            else:
                await ws.send_bytes(message.data)
        return ws

    app = web.Application()
    app.router.add_get("/v1/realtime", talk)
    app.router.add_get("/v1/responses", talk)
    return app


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/responses"])
@pytest.mark.parametrize("compress", [0, 15])
def test_a_real_client_and_a_real_server_have_their_conversation(path: str, compress: int, tmp_path: Path) -> None:
    async def converse() -> None:
        runner = web.AppRunner(model())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        with Relaying(config(tmp_path, port)) as relay:
            async with aiohttp.ClientSession() as session:
                url = f"ws://127.0.0.1:{relay.port}{path}"
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(url)
                assert refused.value.status == 401
                async with session.ws_connect(url, headers={"Authorization": "k"}, max_msg_size=0, compress=compress) as ws:
                    assert await ws.receive_str() == "session.created"
                    for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
                        await ws.send_bytes(bytes(range(256)) * (size // 256) + b"z" * (size % 256))
                        assert await ws.receive_bytes() == bytes(range(256)) * (size // 256) + b"z" * (size % 256)
                    await ws.ping(b"p")
                    await ws.send_str("grüß dich")
                    assert await ws.receive_str() == "grüß dich"
                    await ws.send_str("end")
                    closed = await ws.receive()
                    assert (closed.type, closed.data, closed.extra) == (aiohttp.WSMsgType.CLOSE, 4001, "as you wish")
            await asyncio.to_thread(until, lambda: not relay.worker.clients)
            await asyncio.to_thread(relay.end)
        await runner.cleanup()

    asyncio.run(converse())


# ---- any bytes, in any pieces


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Relaying, list[list[bytes]], list[bytes]]]:
    down, up_heard = list[list[bytes]](), list[bytes]()

    def answer(asked: Asked) -> Iterator[Step]:
        assert asked.wire is not None
        pieces, heard = down[-1], asked.wire.rest
        yield from pieces
        while data := sock_of(asked).recv(65_536):
            heard += data
        up_heard.append(heard)
        yield "close"

    with Upstream(answer, early=True) as up, Relaying(config(tmp_path_factory.mktemp("torn"), up.port)) as relay:
        yield relay, down, up_heard


def cut(raw: bytes, at: list[int]) -> list[bytes]:
    marks = [0, *sorted({each % len(raw) for each in at}), len(raw)]
    return [raw[a:b] for a, b in itertools.pairwise(marks) if a < b]


CUTS = st.lists(st.integers(0, 5000), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(said=st.binary(max_size=400), heard=st.binary(max_size=400), up_cuts=CUTS, down_cuts=CUTS, hint=st.booleans())
def test_bytes_that_come_early_or_in_pieces_come_through(
    said: bytes, heard: bytes, up_cuts: list[int], down_cuts: list[int], hint: bool, torn: tuple[Relaying, list[list[bytes]], list[bytes]]
) -> None:
    relay, down, up_heard = torn
    down.append(cut((b"HTTP/1.1 103 Early Hints\r\n\r\n" if hint else b"") + TAKEN + heard, down_cuts))
    with relay.talk() as talk:
        talk.send(*cut(OFFER + said, up_cuts))
        if hint:
            assert talk.head() == b"HTTP/1.1 103 Early Hints\r\n\r\n"
        assert talk.head().startswith(b"HTTP/1.1 101 ")
        assert talk.wire.exactly(len(heard)) == heard
        before = len(up_heard)
        talk.sock.shutdown(socket.SHUT_WR)
        assert talk.end() == (b"", "eof")
        until(lambda: len(up_heard) > before)
        assert up_heard[-1] == said


def test_a_request_before_the_offer_is_answered_first(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        if asked.header(b"upgrade"):
            yield TAKEN + b"hello"
            yield LEAVE
        yield sized(asked.target)

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n" + OFFER)
        assert [talk.answer().body, talk.answer().body] == [b"/a", b"/b"]
        assert talk.head().startswith(b"HTTP/1.1 101 ") and talk.wire.exactly(5) == b"hello"


# ---- pressure


SIZE, BLOCK = 64 << 20, bytes(range(256)) * 4096


@pytest.mark.parametrize("way", ["up", "down"])
def test_who_does_not_read_is_not_read_for_and_then_gets_everything(way: str, tmp_path: Path) -> None:
    sent = threading.Event()
    heard = hashlib.sha256()
    ready = threading.Event()

    def answer(asked: Asked) -> Iterator[Step]:
        yield TAKEN
        if way == "down":
            yield from [BLOCK] * (SIZE // len(BLOCK))
            yield sent.set
        else:
            yield ready
            while data := sock_of(asked).recv(1 << 20):
                heard.update(data)
        yield "close"

    def send(talk: Talk) -> None:
        talk.send(*[BLOCK] * (SIZE // len(BLOCK)))
        sent.set()
        talk.sock.shutdown(socket.SHUT_WR)

    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay, opened(relay) as talk:
        if way == "up":
            threading.Thread(target=send, args=(talk,), daemon=True).start()
        ends = next(iter(relay.worker.clients)).near  # type: ignore[union-attr]
        until(lambda: (ends.far if way == "up" else ends).full)
        time.sleep(0.2)
        assert not sent.is_set() and relay.worker.tunnel_bytes < SIZE // 2
        ready.set()
        if way == "down":
            while data := talk.wire.rest or talk.sock.recv(1 << 20):
                talk.wire.rest = b""
                heard.update(data)
        else:
            assert talk.end() == (b"", "eof")
        assert sent.wait(60)
    assert heard.digest() == hashlib.sha256(BLOCK * (SIZE // len(BLOCK))).digest()
    assert relay.last_beat.tunnel_bytes == SIZE


@pytest.mark.parametrize("takes", [False, True])
def test_a_client_that_speaks_early_is_read_no_further_than_a_buffer(takes: bool, tmp_path: Path) -> None:
    heard, go = bytearray(), threading.Event()

    def answer(asked: Asked) -> Iterator[Step]:
        yield go
        yield TAKEN if takes else sized(b"no", status=b"403 Forbidden")
        while takes and (data := sock_of(asked).recv(1 << 20)):
            heard.extend(data)
        yield "close"

    said = BLOCK * 32
    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        sending = threading.Thread(target=lambda: send_quietly(talk, OFFER + said), daemon=True)
        sending.start()
        until(lambda: any(client.holds for client in relay.worker.clients))  # type: ignore[union-attr]
        assert heard == b""
        go.set()
        assert talk.head().startswith(b"HTTP/1.1 101 " if takes else b"HTTP/1.1 403 ")
        if takes:
            sending.join(60)
            talk.sock.shutdown(socket.SHUT_WR)
            assert talk.end() == (b"", "eof")
            until(lambda: heard == said)
        else:
            talk.sock.close()
            sending.join(60)


def send_quietly(talk: Talk, data: bytes) -> None:
    with contextlib.suppress(OSError):
        talk.send(data)


# ---- ends


def test_a_client_that_ends_its_half_still_hears_the_rest(tmp_path: Path) -> None:
    with echoing() as up, Relaying(config(tmp_path, up.port)) as relay, opened(relay) as talk:
        talk.send(b"last words")
        talk.sock.shutdown(socket.SHUT_WR)
        assert talk.end() == (b"last words" + ENDED, "eof")
        until(lambda: not relay.worker.clients)


def test_an_upstream_that_ends_its_half_still_hears_the_rest(tmp_path: Path) -> None:
    heard = list[bytes]()

    def answer(asked: Asked) -> Iterator[Step]:
        yield TAKEN + b"bye"
        sock_of(asked).shutdown(socket.SHUT_WR)
        heard.append(b"")
        while data := sock_of(asked).recv(65_536):
            heard[0] += data
        yield "close"

    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay:
        with opened(relay) as talk:
            assert talk.end() == (b"bye", "eof")
            talk.send(b"and good night")
        until(lambda: not relay.worker.clients)
        until(lambda: heard == [b"and good night"])


def test_an_upstream_that_breaks_off_breaks_off_for_the_client(tmp_path: Path) -> None:
    with echoing() as up, Relaying(config(tmp_path, up.port)) as relay, opened(relay, OFFER.replace(b"/v1/realtime", b"/reset")) as talk:
        up.asked[0].wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # type: ignore[union-attr]
        talk.send(b"x")
        assert talk.wire.exactly(1) == b"x"
        up.asked[0].wire.sock.shutdown(socket.SHUT_RD)  # type: ignore[union-attr]
        assert talk.end()[1] == "reset"
        until(lambda: not relay.worker.clients)


def test_a_client_that_breaks_off_breaks_off_for_the_upstream(tmp_path: Path) -> None:
    how = list[str]()

    def answer(asked: Asked) -> Iterator[Step]:
        yield TAKEN
        how.append(Talk(sock_of(asked)).end()[1])
        yield "close"

    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay:
        with opened(relay) as talk:
            talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        until(lambda: how == ["reset"])
        until(lambda: not relay.worker.clients)


def test_a_client_that_leaves_before_the_answer_takes_its_offer_along(tmp_path: Path) -> None:
    with Upstream(lambda _: iter([LEAVE])) as up, Relaying(config(tmp_path, up.port)) as relay:
        with relay.talk() as talk:
            talk.send(OFFER, b"early")
            until(lambda: up.asked)
        assert up.gone.wait(60)


def test_a_tunnel_in_which_nothing_moves_is_broken_off(tmp_path: Path) -> None:
    with echoing() as up, Relaying(config(tmp_path, up.port, server="tunnel_idle_s = 0.3")) as relay, opened(relay) as talk:
        assert talk.end() == (b"", "reset")
        until(lambda: not relay.worker.clients)


def test_when_the_worker_ends_tunnels_may_finish_and_are_then_broken_off(tmp_path: Path) -> None:
    with echoing() as up, Relaying(config(tmp_path, up.port), drain_s=3.0) as relay, opened(relay) as ends, opened(relay) as stays:
        relay.begin_to_end()
        until(lambda: relay.worker.draining)
        ends.send(b"still here")
        assert ends.wire.exactly(10) == b"still here"
        ends.sock.shutdown(socket.SHUT_WR)
        assert ends.end() == (ENDED, "eof")
        assert stays.end() == (b"", "reset")
    assert relay.last_beat.tunnels == 0


@pytest.mark.parametrize("ours", [False, True])
def test_through_tls_bytes_pass_and_an_end_of_either_side_is_the_end_of_both(ours: bool, tmp_path: Path) -> None:
    authority = Authority()
    routes = f'[targets.gpt]\nurl = "https://localhost:{{port}}"\nca_file = "{authority.write_ca(tmp_path / "ca.pem")}"\n'
    cert, key = authority.write_pair(tmp_path, "localhost")
    up, server = echoing(), f'tls_cert = "{cert}"\ntls_key = "{key}"' if ours else ""
    up.tls = authority.server("localhost")
    with up, Relaying(config(tmp_path, up.port, server=server, routes=routes + '[[routes]]\nname = "m"\nincumbent = "gpt"\n')) as relay:
        plain = socket.create_connection(("127.0.0.1", relay.port), 20)
        with Talk(authority.client().wrap_socket(plain, server_hostname="localhost") if ours else plain) as talk:
            talk.send(OFFER + b"early")
            assert talk.head().startswith(b"HTTP/1.1 101 ") and talk.wire.exactly(5) == b"early"
            for at in range(0, len(BLOCK), 65_536):  # one thread alone: two may not share a TLS connection of Python 3.11
                talk.send(BLOCK[at : at + 65_536])
                assert talk.wire.exactly(len(BLOCK[at : at + 65_536])) == BLOCK[at : at + 65_536]
            talk.sock.shutdown(socket.SHUT_WR)
            assert talk.end()[1] == "eof"
        until(lambda: not relay.worker.clients)


# ---- no tunnel


def test_an_answer_that_is_no_101_comes_down_as_any_other_and_ends_the_connection(tmp_path: Path) -> None:
    """What came early was never HTTP: it goes nowhere."""

    def answer(asked: Asked) -> Iterator[Step]:
        yield sized(b"upgrade elsewhere", b"Upgrade: h2c", status=b"426 Upgrade Required")

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(OFFER + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        got = talk.answer()
        assert (got.status, got.body, got.header("connection")) == (426, b"upgrade elsewhere", "close")
        assert talk.end() == (b"", "eof")
        assert relay.ask(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 426
    assert [asked.target for asked in up.asked] == [b"/v1/realtime?model=m", b"/x"]


IGNORED = {
    "another method": OFFER.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nhi"),
    "HTTP/1.0": OFFER.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a body": OFFER.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nhi"),
    "chunks": OFFER.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    "no Connection header": OFFER.replace(b"Connection: keep-alive, Upgrade\r\n", b""),
    "no key": OFFER.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
    "two keys": OFFER.replace(b"Sec-WebSocket-Version: 13", b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="),
    "two protocols": OFFER.replace(b"Upgrade: WebSocket", b"Upgrade: websocket, h2c"),
    "two Upgrade headers": OFFER.replace(b"Upgrade: WebSocket", b"Upgrade: h2c\r\nUpgrade: websocket"),
    "h2c": OFFER.replace(b"Upgrade: WebSocket", b"Upgrade: h2c"),
}


@pytest.mark.parametrize("what", IGNORED)
def test_an_offer_that_could_be_read_otherwise_is_no_offer(what: str, tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(IGNORED[what])
        assert talk.answer().status == 200
        talk.sock.shutdown(socket.SHUT_WR)
        assert talk.end() == (b"", "eof")
    (asked,) = up.asked
    assert (asked.whole, asked.header(b"upgrade"), asked.header(b"connection")) == (True, [], [])
    assert asked.body == (b"hi" if b"hi" in IGNORED[what] else b"")


def test_no_tunnel_waits_for_the_garbage_collector(tmp_path: Path) -> None:
    with echoing() as up, Relaying(config(tmp_path, up.port)) as relay:
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for _ in range(10):
                with opened(relay) as talk:
                    talk.send(b"x")
                    assert talk.wire.exactly(1) == b"x"
            until(lambda: not relay.worker.clients)
            time.sleep(0.1)
            gc.collect()
            kept = [type(each).__name__ for each in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not {"Call", "Client", "Upstream", "Request", "End", "Tunnel"} & set(kept), kept

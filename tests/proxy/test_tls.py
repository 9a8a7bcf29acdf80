"""TLS on both sides: our own listener, targets that are trusted or not, and what an end without a word means there."""

import asyncio
import hashlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from proxy.adapt import Adapted
from proxy.client_side import Client
from proxy.config import ConfigError, Target
from proxy.config_file import parse
from proxy.keys import Credential
from proxy.tls import Trust
from replay.legs import Answered, HttpLeg, Question
from replay.room import Room
from tests.fakes.upstream import CLOSE, LEAVE, RESET, Asked, Step, Upstream, Wire, echo, sized
from tests.harness import Serve, command
from tests.harness import config as serve_config
from tests.proxy.certificates import Authority
from tests.proxy.relaying import LLM, ROUTES, Relaying, Talk, config, until
from tests.proxy.test_upstream_side import CALL, GET, at_the_same_time, serving

AUTHORITY = Authority()
HTTPS = '[targets.gpt]\nurl = "https://localhost:{port}"\n%s\n[[routes]]\nname = "main"\nincumbent = "gpt"\n'
NOTIFY = "close_notify"
"""A step: end TLS as it should be ended, then the connection."""


@dataclass(repr=False)
class TlsRelaying(Relaying):
    """The same with a listener over TLS; its clients see an end without close_notify as one."""

    context: ssl.SSLContext = field(default_factory=AUTHORITY.client)

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def talk(self) -> Talk:
        return Talk(self.context.wrap_socket(self.raw(), server_hostname="localhost", suppress_ragged_eofs=False))


class TlsUpstream(Upstream):
    __slots__ = ()

    def close_idle(self) -> None:
        for each in list(self._open):
            each.shutdown(socket.SHUT_RDWR)

    def _read(self, wire: Wire, number: int) -> Asked | None:
        self._open[number] = wire.sock  # what it was before TLS took it over is of no use
        return super()._read(wire, number)

    def _do(self, sock: socket.socket, step: Step) -> bool:
        if step != NOTIFY:
            return super()._do(sock, step)
        assert isinstance(sock, ssl.SSLSocket)
        sock.unwrap().close()
        return False


def listening(folder: Path, port: int, *, server: str = "", **more: str) -> TlsRelaying:
    cert, key = AUTHORITY.write_pair(folder, "localhost")
    return TlsRelaying(config(folder, port, server=f'tls_cert = "{cert}"\ntls_key = "{key}"\n{server}', **more))


def trusting(folder: Path, more: str = "") -> str:
    """Routes to an https target on localhost that trusts our authority."""
    folder.mkdir(parents=True, exist_ok=True)
    return HTTPS % f'ca_file = "{AUTHORITY.write_ca(folder / "ca.pem")}"\n{more}'


def secured(*steps: Step, context: ssl.SSLContext | None = None) -> TlsUpstream:
    return TlsUpstream(lambda asked: iter(steps) if steps else iter(echo(asked)), tls=context or AUTHORITY.server("localhost"))


def end_of(talk: Talk) -> tuple[bytes, str]:
    """Everything until the connection ends, and how: `notify` is the only end that says that nothing is missing."""
    try:
        while data := talk.sock.recv(65_536):
            talk.wire.rest += data
        return talk.wire.rest, "notify"
    except (ssl.SSLEOFError, ConnectionResetError) as error:
        return talk.wire.rest, "ragged" if isinstance(error, ssl.SSLEOFError) else "reset"


# ---- our own listener


def digest(asked: Asked) -> Iterator[Step]:
    yield sized(hashlib.sha256(asked.body).hexdigest().encode())


def test_the_listener_speaks_http11_over_tls_and_keeps_its_connections(tmp_path: Path) -> None:
    with Upstream() as up, listening(tmp_path, up.port) as relay:
        relay.context.set_alpn_protocols(["h2", "http/1.1"])
        with relay.talk() as talk:
            assert isinstance(talk.sock, ssl.SSLSocket)
            assert (talk.sock.selected_alpn_protocol(), talk.sock.version()) == ("http/1.1", "TLSv1.3")
            for _ in range(3):
                talk.send(CALL)
                assert talk.answer().body == b"/v1/chat/completions"
            talk.send(GET * 3 + CALL)
            assert [talk.answer().body for _ in range(4)] == [b"/x"] * 3 + [b"/v1/chat/completions"]
    assert up.connections == 1
    assert [body for _, body in relay.calls] == [b"{}"] * 4


@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies_pass_both_ways(chunked: bool, tmp_path: Path) -> None:
    body = bytes(range(256)) * 20_000

    def answer(asked: Asked) -> Iterator[Step]:
        yield sized(asked.body[::-1])

    with Upstream(answer) as up, listening(tmp_path, up.port) as relay, relay.talk() as talk:
        framing = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % len(body)
        parts = [b"%x\r\n%b\r\n" % (500_000, body[at : at + 500_000]) for at in range(0, len(body) - 120_000, 500_000)]
        parts += [b"%x\r\n%b\r\n0\r\n\r\n" % (120_000, body[-120_000:])]
        talk.send(LLM + framing, *(parts if chunked else [body]))
        assert hashlib.sha256(talk.answer().body).digest() == hashlib.sha256(body[::-1]).digest()
        assert up.asked[0].body == body


def test_a_stream_comes_chunk_by_chunk(tmp_path: Path) -> None:
    gates = [threading.Event() for _ in range(3)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    steps = [step for gate in gates for step in (b"7\r\ndata: a\r\n", gate)]
    with serving(head, *steps, b"0\r\n\r\n") as up, listening(tmp_path, up.port) as relay, relay.talk() as talk:
        talk.send(CALL)
        talk.head()
        for gate in gates:
            assert talk.wire.until(b"data: a\r\n")
            gate.set()
        assert talk.wire.until(b"0\r\n\r\n")


def test_who_does_not_read_holds_the_upstream_back(tmp_path: Path) -> None:
    with Upstream(lambda _: iter([sized(bytes(12_000_000))])) as up, listening(tmp_path, up.port) as relay, relay.talk() as talk:
        talk.send(GET)
        passed_when_stuck(relay)
        assert len(talk.answer().body) == 12_000_000
        talk.send(GET)
        assert len(talk.answer().body) == 12_000_000


def test_a_client_that_leaves_ends_its_call(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    for polite in (True, False):
        with serving(head, LEAVE) as up, listening(tmp_path / str(polite), up.port) as relay:
            with relay.talk() as talk:
                talk.send(CALL)
                talk.head()
                if polite:
                    talk.sock.settimeout(0.2)
                    with pytest.raises((TimeoutError, ssl.SSLError, OSError)):
                        talk.sock.unwrap()  # type: ignore[attr-defined]
            assert up.gone.wait(60)
        assert [event.ended for event, _ in relay.exchanges] == ["client_gone"]


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_a_cut_answer_never_ends_like_a_whole_one(framing: bytes, tmp_path: Path) -> None:
    said = b"5\r\nhello\r\n" if b"chunked" in framing else b"hello"
    steps = (b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + said, lambda: time.sleep(0.05), RESET if not framing else CLOSE)
    with serving(*steps) as up, listening(tmp_path, up.port) as relay, relay.talk() as talk:
        talk.send(b"GET /x HTTP/1.0\r\nHost: a\r\n\r\n")
        rest, end = end_of(talk)
    assert rest.endswith(b"hello") and end in ("reset", "ragged")


def test_an_answer_that_ends_with_its_connection_ends_with_close_notify(tmp_path: Path) -> None:
    with serving(b"HTTP/1.1 200 OK\r\n\r\nhello", CLOSE) as up, listening(tmp_path, up.port) as relay, relay.talk() as talk:
        talk.send(b"GET /x HTTP/1.0\r\nHost: a\r\n\r\n")
        rest, end = end_of(talk)
    assert (rest[-5:], end) == (b"hello", "notify")


def test_a_refusal_is_read_by_a_client_that_is_still_sending(tmp_path: Path) -> None:
    routes = '[targets.gpt]\nurl = "http://127.0.0.1:{port}"\n[[routes]]\nname = "main"\npath = "/here"\nincumbent = "gpt"\n'
    with Upstream() as up, listening(tmp_path, up.port, routes=routes) as relay, relay.talk() as talk:
        talk.send(b"POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n", bytes(1_000_000))
        assert talk.answer().status == 404
    assert up.asked == []


def test_a_handshake_that_does_not_come_is_given_up_and_plain_http_is_not_answered(tmp_path: Path) -> None:
    with Upstream() as up, listening(tmp_path, up.port, server="head_timeout_s = 2") as relay:
        with relay.raw() as silent, relay.raw() as plain:
            plain.sendall(GET)
            assert b"HTTP" not in plain.recv(100)
            assert silent.recv(100) == b""
        assert relay.ask(GET).status == 200
    assert len(up.asked) == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    with Upstream() as up, listening(tmp_path, up.port) as relay:
        relay.context.minimum_version = ssl.TLSVersion.TLSv1_2
        relay.context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert relay.ask(GET).status == 200
        relay.context.minimum_version = relay.context.maximum_version = ssl.TLSVersion.TLSv1_1  # pyright: ignore
        with pytest.raises((ssl.SSLError, OSError)):
            relay.ask(GET)


def test_a_worker_that_ends_lets_calls_over_tls_finish(tmp_path: Path) -> None:
    gate = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
    with serving(head, gate, b"world") as up, listening(tmp_path, up.port) as relay, relay.talk() as talk:
        talk.send(CALL)
        talk.wire.until(b"hello")
        relay.begin_to_end()
        until(lambda: relay.worker.draining)
        gate.set()
        assert end_of(talk) == (b"world", "notify")
    assert [event.ended for event, _ in relay.exchanges] == ["complete"]


# ---- targets over TLS


def test_an_https_upstream_is_verified_named_and_spoken_to(tmp_path: Path) -> None:
    context, named = AUTHORITY.server("localhost"), list[str]()
    context.sni_callback = lambda _, name, __: named.append(name)
    with secured(context=context) as up, Relaying(config(tmp_path, up.port, routes=trusting(tmp_path))) as relay:
        assert [relay.ask(CALL).body for _ in range(3)] == [b"/v1/chat/completions"] * 3
        assert up.asked[0].header(b"host") == [b"localhost:%d" % up.port]
    assert (up.connections, named) == (1, ["localhost"])


def test_another_name_is_asked_for_and_verified_when_the_target_says_so(tmp_path: Path) -> None:
    context, named = AUTHORITY.server("inside.example"), list[str]()
    context.sni_callback = lambda _, name, __: named.append(name)
    routes = trusting(tmp_path, 'server_name = "inside.example"')
    with secured(context=context) as up, Relaying(config(tmp_path, up.port, routes=routes)) as relay:
        assert relay.ask(CALL).status == 200
        assert up.asked[0].header(b"host") == [b"localhost:%d" % up.port]
    assert named == ["inside.example"]


class NoTls:
    def wrap_socket(self, sock: socket.socket, **_: object) -> socket.socket:
        sock.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
        return sock


@pytest.mark.parametrize(
    ("fault", "words"),
    [("unknown authority", b"self-signed|unable to get"), ("wrong name", b"mismatch"), ("expired", b"expired"), ("no TLS", b"TLS failed")],
)
def test_an_https_upstream_that_is_not_who_it_says_gets_nothing(fault: str, words: bytes, tmp_path: Path) -> None:
    context = AUTHORITY.server("elsewhere.example" if fault == "wrong name" else "localhost", expired=fault == "expired")
    routes = HTTPS % "" if fault == "unknown authority" else trusting(tmp_path)
    with Upstream(tls=NoTls() if fault == "no TLS" else context) as up, Relaying(config(tmp_path, up.port, routes=routes)) as relay:
        answer = relay.ask(CALL)
    assert answer.status == 502 and b"gpt cannot be reached: " in answer.body
    assert any(each in answer.body for each in words.split(b"|")), answer.body
    assert up.asked == []
    assert [(event.status, event.ended) for event, _ in relay.exchanges] == [(0, "unreachable")]


@pytest.mark.parametrize("shown", [True, False])
def test_a_target_that_wants_to_know_who_asks_is_shown_our_certificate(shown: bool, tmp_path: Path) -> None:
    cert, key = AUTHORITY.write_pair(tmp_path, "us.example", stem="us")
    routes = trusting(tmp_path, f'client_cert = "{cert}"\nclient_key = "{key}"' if shown else "")
    context = AUTHORITY.server("localhost", clients=True)
    with secured(context=context) as up, Relaying(config(tmp_path, up.port, routes=routes)) as relay:
        assert relay.ask(CALL).status == (200 if shown else 502)
    assert len(up.asked) == shown


def test_two_targets_at_one_place_share_no_connection_when_they_are_trusted_differently(tmp_path: Path) -> None:
    cert, key = AUTHORITY.write_pair(tmp_path, "us.example", stem="us")
    ca = f'ca_file = "{AUTHORITY.write_ca(tmp_path / "ca.pem")}"'
    other = f'[targets.known]\nurl = "https://localhost:{{port}}"\n{ca}\nclient_cert = "{cert}"\nclient_key = "{key}"\n'
    routes = trusting(tmp_path) + other + '[[routes]]\nname = "other"\npath = "/other"\nincumbent = "known"\n'
    with secured() as up, Relaying(config(tmp_path, up.port, routes=routes)) as relay:
        assert [relay.ask(GET.replace(b"/x", path)).status for path in (b"/x", b"/other/x", b"/x", b"/other/x")] == [200] * 4
    assert up.connections == 2


def test_a_client_that_does_not_read_gets_all_that_a_closing_upstream_sent(tmp_path: Path) -> None:
    """uvloop forgets what it has not handed on when the peer ends the connection: it must not have read ahead.

    First as much as goes before everybody waits is found out, then that much and a little more is sent.
    """
    sizes = [20_000_000]
    with (
        TlsUpstream(lambda _: iter([sized(bytes(sizes[-1]), b"Connection: close"), CLOSE]), tls=AUTHORITY.server("localhost")) as up,
        Relaying(config(tmp_path, up.port, routes=trusting(tmp_path))) as relay,
    ):
        with relay.talk() as talk:
            talk.send(CALL)
            sizes += [passed_when_stuck(relay) + more for more in (20_000, 60_000, 100_000)]
        for size in sizes[:0:-1]:
            with relay.talk() as talk:
                talk.send(CALL)
                passed_when_stuck(relay)
                assert len(talk.answer().body) == size
            sizes.pop()


def passed_when_stuck(relay: Relaying) -> int:
    """Bytes of the answer that went to a client that does not read, once nothing moves any more."""
    before, now = -1, 0
    until(lambda: any(client.full for client in relay.worker.clients if isinstance(client, Client)))
    while now != before:
        time.sleep(0.1)
        calls = [client.call for client in relay.worker.clients if isinstance(client, Client)]
        before, now = now, sum(call.got.size for call in calls if call is not None and call.got is not None)
    return now


@pytest.mark.parametrize("end", [NOTIFY, CLOSE])
def test_a_body_that_ends_with_its_connection_is_whole_only_when_tls_says_so(end: str, tmp_path: Path) -> None:
    steps = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", end)
    with secured(*steps) as up, Relaying(config(tmp_path, up.port, routes=trusting(tmp_path))) as relay, relay.talk() as talk:
        talk.send(CALL)
        rest, how = talk.end() if end == CLOSE else (talk.answer().body, "whole")
    assert (b"hello" in rest, how) == (True, "whole" if end == NOTIFY else "reset")
    assert [event.ended for event, _ in relay.exchanges] == ["complete" if end == NOTIFY else "cut"]


def test_a_connection_that_ended_before_it_was_taken_is_not_taken(tmp_path: Path) -> None:
    with secured() as up, Relaying(config(tmp_path, up.port, routes=trusting(tmp_path))) as relay, relay.talk() as talk:
        for _ in range(2):
            talk.send(CALL)
            assert talk.answer().status == 200
        at_the_same_time(relay, lambda: talk.send(CALL), up.close_idle)
        assert talk.answer().status == 200
    assert (len(up.asked), up.connections) == (3, 2)
    assert [event.ended for event, _ in relay.exchanges] == ["complete"] * 3


def test_a_post_over_tls_that_may_have_been_read_is_never_sent_twice(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        if len([each for each in up.asked if each.method == asked.method]) == 2:
            yield CLOSE
        yield from echo(asked)

    up = TlsUpstream(answer, tls=AUTHORITY.server("localhost"))
    with up, Relaying(config(tmp_path, up.port, routes=trusting(tmp_path))) as relay:
        assert relay.ask(CALL).status == 200
        time.sleep(0.03)
        assert relay.ask(CALL).status == 502
        assert [relay.ask(GET).status for _ in range(2)] == [200, 200]
    assert [asked.method for asked in up.asked] == [b"POST", b"POST", b"GET", b"GET", b"GET"]


def test_both_sides_over_tls_carry_a_call(tmp_path: Path) -> None:
    with secured() as up, listening(tmp_path, up.port, routes=trusting(tmp_path)) as relay:
        assert relay.ask(CALL).body == b"/v1/chat/completions"


# ---- our own legs


def answered(url: str, trust: Trust) -> Answered:
    async def story() -> Answered:
        leg = HttpLeg(Target(url=url), Credential("sk", {}, ""), Room(1 << 20), answer_max_bytes=1 << 20, trust=trust)
        sent = Adapted(path="/v1/chat/completions", body=b"{}", headers={}, model=None)
        try:
            return await leg.ask(Question(call_id="call", dialect="openai.chat", family="openai", sent=sent))
        finally:
            await leg.close()

    return asyncio.run(story())


def test_our_own_legs_trust_and_are_known_as_the_target_says(tmp_path: Path) -> None:
    cert, key = AUTHORITY.write_pair(tmp_path, "us.example")
    ca = AUTHORITY.write_ca(tmp_path / "ca.pem")
    whole = Trust(ca_file=ca, client_cert=str(tmp_path / cert), client_key=str(tmp_path / key), server_name="inside.example")
    with secured(context=AUTHORITY.server("inside.example", clients=True)) as up:
        url = f"https://127.0.0.1:{up.port}"
        assert answered(url, whole).ended == "complete"
        for wrong in (Trust(), Trust(ca_file=ca), replace(whole, server_name=""), replace(whole, client_cert="", client_key="")):
            found = answered(url, wrong)
            assert (found.ended, found.status) == ("unreachable", 0) and found.error
    assert len(up.asked) == 1


# ---- what is wrong with the files


def broken(folder: Path) -> dict[str, str]:
    cert, key = AUTHORITY.write_pair(folder, "localhost")
    AUTHORITY.write_pair(folder, "localhost", stem="other")
    (folder / "text.pem").write_text("no certificate\n")
    wanting = [
        "openssl", "pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:geheim", "-in", str(folder / key), "-out", str(folder / "locked.key"),
    ]  # fmt: skip
    locked = shutil.which("openssl") is not None and subprocess.run(wanting, capture_output=True, check=False).returncode == 0
    target = '[targets.gpt]\nurl = "https://localhost:1"\n%s\n'
    return {
        "server.tls_cert": f'[server]\ntls_cert = "gone.pem"\ntls_key = "{key}"\n' + target % "",
        "server.tls_key": f'[server]\ntls_cert = "{cert}"\ntls_key = "{"locked.key" if locked else "other.key"}"\n' + target % "",
        "targets.gpt.client_key": target % f'client_cert = "{cert}"\nclient_key = "other.key"',
        "targets.gpt.client_cert": target % 'client_cert = "text.pem"',
        "targets.gpt.ca_file": target % 'ca_file = "text.pem"',
    }


@pytest.mark.parametrize(
    "key", ["server.tls_cert", "server.tls_key", "targets.gpt.client_key", "targets.gpt.client_cert", "targets.gpt.ca_file"]
)
def test_a_file_that_cannot_be_used_is_one_line_before_anything_starts(key: str, tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text(broken(tmp_path)[key] + '[[routes]]\nname = "main"\nincumbent = "gpt"\n')
    done = command("serve", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"understudy.toml: {key}: found " in done.stderr


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[server]\ntls_cert = "a.pem"\n', "server.tls_key"),
        ('[targets.x]\nurl = "http://h"\nca_file = "a.pem"\n', "targets.x.ca_file"),
        ('[targets.x]\nurl = "https://h"\nclient_key = "a.pem"\n', "targets.x.client_cert"),
        ('[server]\noutgoing_proxy = "socks5://me:geheim@h:1"\n', "server.outgoing_proxy"),
    ],
)
def test_keys_that_make_no_sense_together_are_faults(text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text + ROUTES.replace("{port}", "1"))
    assert [fault.key for fault in caught.value.faults] == [key] and "geheim" not in str(caught.value)


# ---- the whole of it


def test_serve_listens_over_tls_and_takes_a_renewed_certificate_over_on_hangup(tmp_path: Path) -> None:
    cert, key = AUTHORITY.write_pair(tmp_path, "localhost")
    routes = ROUTES.replace("{port}", "%d")
    with Upstream() as up:
        text = serve_config(routes % up.port, server=f'tls_cert = "{cert}"\ntls_key = "{key}"')
        with Serve(tmp_path, text) as serve:
            assert serve.where is not None and serve.process is not None
            port = int(serve.where.listen.rpartition(":")[2])

            def shown() -> bytes:
                context = AUTHORITY.client()
                with Talk(context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname="localhost")) as talk:
                    talk.send(CALL)
                    assert talk.answer().status == 200
                    assert isinstance(talk.sock, ssl.SSLSocket)
                    return talk.sock.getpeercert(binary_form=True) or b""

            first = shown()
            assert shown() == first
            AUTHORITY.write_pair(tmp_path, "localhost")
            serve.process.send_signal(signal.SIGHUP)
            until(lambda: shown() != first)

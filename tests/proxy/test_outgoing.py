"""The outgoing proxy: used where configured and nowhere else, by the worker, our own legs and `check`; its password stays with it."""

import asyncio
from pathlib import Path

import pytest

from proxy.adapt import Adapted
from proxy.commands.reach import reach
from proxy.config import Target
from proxy.keys import Credential
from proxy.outgoing import outgoing, parse
from proxy.tls import Trust
from replay.legs import Answered, HttpLeg, Question
from replay.room import Room
from tests.fakes.outgoing import OutgoingProxy
from tests.fakes.upstream import Upstream, sized
from tests.proxy.certificates import Authority
from tests.proxy.relaying import Relaying, config
from tests.proxy.test_upstream_side import CALL, GET

AUTHORITY = Authority()
SECURE = '[targets.gpt]\nurl = "https://model.example"\nca_file = "%s"\n[[routes]]\nname = "main"\nincumbent = "gpt"\n'
PLAIN = '[targets.gpt]\nurl = "http://model.example/base"\n[[routes]]\nname = "main"\nincumbent = "gpt"\n'


def through(proxy: OutgoingProxy) -> str:
    return f'outgoing_proxy = "{proxy.url}"'


@pytest.fixture
def ca(tmp_path: Path) -> str:
    return AUTHORITY.write_ca(tmp_path / "ca.pem")


def leg_of(url: str, proxy: OutgoingProxy, ca: str = "") -> HttpLeg:
    return HttpLeg(
        Target(url=url), Credential("sk", {}, ""), Room(1 << 20), answer_max_bytes=1 << 20, proxy=proxy.url, trust=Trust(ca_file=ca)
    )


def answered_by(leg: HttpLeg) -> Answered:
    async def story() -> Answered:
        sent = Adapted(path="/v1/chat/completions", body=b"{}", headers={}, model=None)
        try:
            return await leg.ask(Question(call_id="call", dialect="openai.chat", family="openai", sent=sent))
        finally:
            await leg.close()

    return asyncio.run(story())


def test_an_https_target_is_reached_through_a_tunnel_that_shows_nothing_but_its_name(ca: str, tmp_path: Path) -> None:
    with Upstream(tls=AUTHORITY.server("model.example")) as up, OutgoingProxy({"model.example": up.port}, "me:my%20word") as proxy:
        proxy.password = "me:my word"  # as it is said to the proxy; in a URL it is escaped
        routes, server = SECURE % ca, f'outgoing_proxy = "{proxy.url.replace(" ", "%20")}"'
        with Relaying(config(tmp_path, up.port, server=server, routes=routes)) as relay:
            assert [relay.ask(CALL).body for _ in range(3)] == [b"/v1/chat/completions"] * 3
        assert [head.split(b"\r\n")[0] for head in proxy.heads] == [b"CONNECT model.example:443 HTTP/1.1"]
        assert not any(asked.header(b"proxy-authorization") for asked in up.asked)
    assert b"my word" not in b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())


def test_an_http_target_is_asked_for_by_its_whole_url(tmp_path: Path) -> None:
    with Upstream() as up, OutgoingProxy({"model.example": up.port}, "me:word") as proxy:
        with Relaying(config(tmp_path, up.port, server=through(proxy), routes=PLAIN)) as relay:
            assert [relay.ask(GET).status for _ in range(2)] == [200, 200]
            assert relay.ask(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert [asked.target for asked in up.asked] == [b"http://model.example/base/x"] * 2 + [b"http://model.example"]
    assert [asked.header(b"host") for asked in up.asked] == [[b"model.example"]] * 3


@pytest.mark.parametrize("refusal", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello"])
def test_a_proxy_that_refuses_is_502_and_named_without_its_password(refusal: bytes, ca: str, tmp_path: Path) -> None:
    with Upstream() as up, OutgoingProxy({"model.example": up.port}, "me:geheim", refuse=refusal) as proxy:
        server = through(proxy) if refusal else through(proxy).replace("geheim", "falsch")
        with Relaying(config(tmp_path, up.port, server=server, routes=SECURE % ca)) as relay:
            answer = relay.ask(CALL)
        assert answer.status == 502 and proxy.address.encode() in answer.body
        assert b"geheim" not in answer.body and b"falsch" not in answer.body
    assert [event.ended for event, _ in relay.exchanges] == ["unreachable"]


def test_a_proxy_that_says_nothing_is_504(ca: str, tmp_path: Path) -> None:
    with Upstream() as silent:
        server = f'outgoing_proxy = "http://127.0.0.1:{silent.port}"\nconnect_timeout_s = 0.3'
        silent.answer = lambda _: iter(["leave"])
        with Relaying(config(tmp_path, silent.port, server=server, routes=SECURE % ca)) as relay:
            assert relay.ask(CALL).status == 504


def test_our_own_legs_take_the_same_way(ca: str) -> None:
    with Upstream(tls=AUTHORITY.server("model.example")) as up, OutgoingProxy({"model.example": up.port}, "me:word") as proxy:
        found = answered_by(leg_of("https://model.example", proxy, ca))
        assert (found.ended, found.body, len(up.asked)) == ("complete", b"/v1/chat/completions", 1)
        assert not up.asked[0].header(b"proxy-authorization")
    with Upstream() as up, OutgoingProxy({"model.example": up.port}, "me:word") as proxy:
        assert answered_by(leg_of("http://model.example", proxy)).body == b"http://model.example/v1/chat/completions"
    with OutgoingProxy({}, "me:word") as proxy:
        proxy.password = "me:another"
        leg = leg_of("https://model.example", proxy, ca)
        proxy.password = "me:word"
        found = answered_by(leg)
        assert (found.ended, found.left) == ("unreachable", False) and "407" in found.error and "another" not in found.error


def test_check_takes_the_same_way(ca: str, tmp_path: Path) -> None:
    with (
        Upstream(lambda _: iter([sized(b"{}")]), tls=AUTHORITY.server("model.example")) as up,
        OutgoingProxy({"model.example": up.port}) as proxy,
    ):
        reached = asyncio.run(reach(config(tmp_path, up.port, server=through(proxy), routes=SECURE % ca), {}))
    assert [(each.ok, each.found) for each in reached] == [(True, "reached, status 200")]
    assert [asked.target for asked in up.asked] == [b"/v1/models"]


# ---- who goes through it


def test_the_environment_is_read_only_when_the_configuration_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example,.local")
    named = {
        url: outgoing("env", url) for url in ("https://api.example", "http://api.example", "https://inside.example", "https://a.local:8")
    }
    assert [each.url if each else "" for each in named.values()] == ["http://proxy:3128", "", "", ""]
    assert outgoing("", "https://api.example") is None
    assert (found := outgoing("http://other:1", "https://inside.example")) is not None and found.url == "http://other:1"
    monkeypatch.setenv("https_proxy", "socks5://proxy:1080")
    with pytest.raises(ValueError, match="HTTPS_PROXY"):
        outgoing("env", "https://api.example")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://localhost", "http://[::1]:9", "http://a.localhost"])
def test_loopback_is_reached_straight(url: str) -> None:
    assert outgoing("http://proxy:3128", url) is None


@pytest.mark.parametrize(
    "url", ["https://proxy:1", "socks5://proxy:1", "http://", "http://proxy:99999", "http://proxy/path", "ftp://x", "http://h?q"]
)
def test_what_is_no_http_proxy_is_refused(url: str) -> None:
    assert parse(url) is None


def test_a_password_is_never_shown() -> None:
    found = parse("http://me:geheim@proxy:3128")
    assert found is not None and "geheim" not in repr(found) + found.url and found.headers

"""The client's side: what is refused before a byte goes upstream, what odd requests become, and the limits."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus import rows
from tests.fakes.upstream import CLOSE, Asked, Step, Upstream, sized
from tests.proxy.relaying import LLM, Relaying, config, until

H = b"Host: a\r\n"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


@pytest.fixture(scope="module")
def relay(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relaying]:
    with Relaying(config(tmp_path_factory.mktemp("relay"), upstream.port, server="head_max_bytes = 8192")) as relay:
        yield relay


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join((b"POST /x HTTP/" + version, b"Host: a", *lines, b"", body))


MALFORMED = {
    "a length beside chunks": (400, post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "chunks beside a length": (400, post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n")),
    "two lengths that differ": (400, post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello")),
    "two lengths that agree": (400, post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello")),
    "a list of lengths": (400, post(b"Content-Length: 5, 5", body=b"hello")),
    "a signed length": (400, post(b"Content-Length: +5", body=b"hello")),
    "identity": (400, post(b"Transfer-Encoding: identity")),
    "chunked, identity": (400, post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n")),
    "gzip, chunked": (400, post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    "chunked twice": (400, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "chunks in HTTP/1.0": (400, post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0")),
    "bare LF everywhere": (400, b"GET /x HTTP/1.1\nHost: a\n\n"),
    "one bare LF": (400, b"GET /x HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    "a bare CR in a value": (400, b"GET /x HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n"),
    "a folded line": (400, b"GET /x HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"),
    "NUL in a value": (400, b"GET /x HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n"),
    "a control character in a value": (400, b"GET /x HTTP/1.1\r\nHost: a\r\nX: y\x01z\r\n\r\n"),
    "NUL in the target": (400, b"GET /x\0y HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a space before the colon": (400, b"GET /x HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"),
    "no Host": (400, b"GET /x HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "a bad chunk size": (400, post(b"Transfer-Encoding: chunked", body=b"5x\r\nhello\r\n0\r\n\r\n")),
    "a chunk size and bare LF": (400, post(b"Transfer-Encoding: chunked", body=b"5\nhello\r\n0\r\n\r\n")),
    "a header of 9 kB, with 8 allowed": (431, b"GET /x HTTP/1.1\r\n" + H + b"X: " + b"a" * 9000 + b"\r\n\r\n"),
    "200 headers": (431, b"GET /x HTTP/1.1\r\n" + H + b"".join(b"X%d: y\r\n" % i for i in range(200)) + b"\r\n"),
    "HTTP/2's preface": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "two Content-Types": (400, b"GET /x HTTP/1.1\r\n" + H + b"Content-Type: a\r\nContent-Type: b\r\n\r\n"),
    "HTTP/0.9": (400, b"GET /x\r\n\r\n"),
    "HTTP/2.0": (400, b"GET /x HTTP/2.0\r\nHost: a\r\n\r\n"),
    "another protocol": (400, b"ANNOUNCE /x RTSP/1.0\r\nHost: a\r\n\r\n"),
    "a WebSocket with a body nobody announced": (
        400,
        b"GET /x HTTP/1.1\r\n" + H + b"Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key1: 1\r\n\r\n8 bytes.",
    ),
    "CONNECT": (400, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "an absolute target": (400, b"GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    "an asterisk without OPTIONS": (400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a Connection header that names the length": (400, post(b"Connection: Content-Length", b"Content-Length: 2", body=b"hi")),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_two_parsers_could_read_differently_never_goes_up(what: str, relay: Relaying, upstream: Upstream) -> None:
    status, raw = MALFORMED[what]
    before = len(upstream.asked)
    with relay.talk() as talk:
        talk.send(raw)
        answer = talk.answer()
        assert talk.end() == (b"", "eof")
    assert (answer.status, answer.header("content-type"), answer.header("connection")) == (status, "application/json", "close")
    assert b'"error"' in answer.body
    assert len(upstream.asked) == before


@pytest.mark.parametrize("what", MALFORMED)
def test_the_same_in_single_bytes_never_completes_upstream(what: str, relay: Relaying, upstream: Upstream) -> None:
    status, raw = MALFORMED[what]
    before = len(upstream.asked)
    with relay.talk() as talk:
        try:
            talk.send(*(raw[i : i + 1] for i in range(min(len(raw), 400))), raw[400:])
        except (ConnectionResetError, BrokenPipeError):
            return
        assert talk.answer().status == status
    until(lambda: all(not asked.whole for asked in upstream.asked[before:]))


def strict(row: dict[str, str]) -> bool:
    """Requests llhttp's own tests call invalid when nothing is forgiven; an upgrade is none, and data after a whole request comes later."""
    error = row["error"]
    return bool(error) and row["type"] == "request" and not error.startswith(("Pause on CONNECT/Upgrade", "Data after"))


def test_what_llhttp_calls_invalid_never_goes_up_whole_and_the_worker_lives(relay: Relaying, upstream: Upstream) -> None:
    before, found = len(upstream.asked), list(rows("bad_inputs/http_requests_llhttp.jsonl"))
    invalid = [row for row in found if strict(row)]
    assert len(invalid) > 40
    for each in (invalid, [row for row in found if not strict(row)]):  # those that may go up come last: they may arrive when all is over
        for row in each:
            with relay.talk() as talk:
                talk.send(base64.b64decode(row["b64"]))
                talk.sock.shutdown(1)
                talk.end()
        until(lambda: not relay.worker.clients)
        assert relay.ask(b"GET /alive HTTP/1.1\r\nHost: a\r\n\r\n").body == b"/alive"
        assert each is not invalid or [asked.target for asked in upstream.asked[before:] if asked.whole] == [b"/alive"]


# ---- odd, and right


def test_pipelined_requests_are_answered_in_their_order(relay: Relaying) -> None:
    with relay.talk() as talk:
        talk.send(
            b"GET /a HTTP/1.1\r\n"
            + H
            + b"\r\nPOST /b HTTP/1.1\r\n"
            + H
            + b"Content-Length: 2\r\n\r\nhiGET /c HTTP/1.1\r\n"
            + H
            + b"\r\nGET /d"
        )
        assert [talk.answer().body for _ in range(3)] == [b"/a", b"/b", b"/c"]
        talk.send(b"/e HTTP/1.1\r\n" + H + b"\r\n")
        assert talk.answer().body == b"/d/e"


def test_a_thousand_pipelined_requests_come_back_in_order(relay: Relaying) -> None:
    with relay.talk() as talk:
        talk.send(b"".join(b"GET /%d HTTP/1.1\r\n%b\r\n" % (i, H) for i in range(1000)))
        assert [talk.answer().body for _ in range(1000)] == [b"/%d" % i for i in range(1000)]


def test_a_malformed_request_behind_a_good_one_is_refused_after_the_good_one_was_answered(tmp_path: Path) -> None:
    asked_twice = []

    def answer(asked: Asked) -> Iterator[Step]:
        yield lambda: talk.send(b"GET /b HTTP/1.1\r\nBad Header: x\r\n\r\n")
        yield lambda: until(lambda: any(client.doomed for client in relay.worker.clients))
        asked_twice.append(asked.target)
        yield sized(b"good")

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(b"GET /a HTTP/1.1\r\n" + H + b"\r\n")
        assert talk.answer().body == b"good"
        assert talk.answer().status == 400
        assert talk.end() == (b"", "eof")
    assert asked_twice == [b"/a"]


EXPECTING = b"POST /e HTTP/1.1\r\n" + H + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"


def test_an_upstream_that_never_says_100_keeps_nobody_waiting(relay: Relaying, upstream: Upstream) -> None:
    with relay.talk() as talk:
        talk.send(EXPECTING)
        assert talk.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        talk.send(b"hi")
        assert talk.answer().body == b"/e"
    assert upstream.asked[-1].body == b"hi" and upstream.asked[-1].header(b"expect") == [b"100-Continue"]


def test_an_upstreams_100_reaches_a_client_that_waits_for_it_once_and_no_other(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        yield b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 2
        assert asked.wire is not None
        asked.body = asked.wire.exactly(2)
        yield sized(asked.body)

    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(EXPECTING)
        assert talk.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        talk.send(b"hi")
        assert talk.answer().body == b"hi"
        talk.send(EXPECTING.replace(b"Expect: 100-Continue\r\n", b""), b"ho")
        assert talk.answer().body == b"ho"
        talk.send(EXPECTING.replace(b"HTTP/1.1", b"HTTP/1.0"), b"hu")
        assert talk.answer().body == b"hu"
    assert [asked.header(b"expect") for asked in up.asked] == [[b"100-Continue"], [], []]


def test_a_client_that_expects_hears_a_refusal_before_it_sends_its_body(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        yield sized(b"who are you?", status=b"401 Unauthorized")

    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(EXPECTING)
        got = talk.answer()
        assert (got.status, got.body, got.header("connection"), talk.end()) == (401, b"who are you?", "close", (b"", "eof"))


@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 300_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_offer_of_h2c_is_ignored_and_the_body_still_goes_up(body: bytes, chunked: bool, relay: Relaying, upstream: Upstream) -> None:
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    sent = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n" if chunked else body
    raw = post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAA", framing, body=sent)
    with relay.talk() as talk:
        talk.send(raw + raw)
        assert [talk.answer().status, talk.answer().status] == [200, 200]
    for asked in upstream.asked[-2:]:
        assert asked.body == body
        assert not asked.header(b"upgrade") and not asked.header(b"http2-settings") and not asked.header(b"connection")


BAD_TRAILERS = b"Host: b\r\nContent-Type: c\r\nAuthorization: d\r\nX-Understudy-User: e\r\nSet-Cookie: f\r\nTE: g\r\nTrailer: h\r\n"


@pytest.mark.parametrize("body", [b"", b"2\r\nhi\r\n"])
def test_trailers_go_up_but_for_those_that_belong_into_a_head(body: bytes, tmp_path: Path) -> None:
    raws = list[bytes]()

    def answer(asked: Asked) -> Iterator[Step]:
        assert asked.wire is not None
        raws.append(asked.wire.until(b"Z: caf\xe9\r\n\r\n"))
        yield sized(b"ok")

    sent = body + b"0\r\nX: y\r\n" + BAD_TRAILERS + b"Z: caf\xe9\r\n\r\n"
    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        for raw in ([post(b"Transfer-Encoding: chunked", b"Trailer: X, Z", body=sent)], [post(b"Transfer-Encoding: chunked")]):
            talk.send(*raw, *([sent[i : i + 1] for i in range(len(sent))] if raws else []))
            assert talk.answer().body == b"ok"
    assert up.asked[0].header(b"trailer") == [b"X, Z"]
    assert [raw.replace(b"1\r\nh\r\n1\r\ni\r\n", b"2\r\nhi\r\n") for raw in raws] == [body + b"0\r\nX: y\r\nZ: caf\xe9\r\n\r\n"] * 2


def test_a_length_in_a_trailer_is_refused(relay: Relaying, upstream: Upstream) -> None:
    assert relay.ask(post(b"Transfer-Encoding: chunked", body=b"0\r\nContent-Length: 5\r\n\r\n")).status == 400


def test_options_for_the_server_itself_goes_up(relay: Relaying) -> None:
    assert relay.ask(b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n").body == b"*"


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"PROPFIND", b"QUERY", b"M-SEARCH"])
def test_any_method_goes_up(method: bytes, relay: Relaying, upstream: Upstream) -> None:
    assert relay.ask(method + b" /m HTTP/1.1\r\n" + H + b"\r\n").body == b"/m"
    assert upstream.asked[-1].method == method


def test_http_1_0_is_closed_unless_it_asks_to_be_kept(relay: Relaying) -> None:
    with relay.talk() as talk:
        talk.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        first = talk.answer()
        assert (first.body, first.header("connection")) == (b"/a", "keep-alive")
        talk.send(b"GET /b HTTP/1.0\r\n\r\n")
        assert (talk.answer().header("connection"), talk.end()) == ("close", (b"", "eof"))


def test_a_client_that_asks_for_it_is_closed(relay: Relaying) -> None:
    with relay.talk() as talk:
        talk.send(b"GET /a HTTP/1.1\r\nConnection: close\r\n" + H + b"\r\n")
        assert (talk.answer().header("connection"), talk.end()) == ("close", (b"", "eof"))


# ---- limits


def test_a_head_that_does_not_end_is_given_up(relay: Relaying) -> None:
    with relay.talk() as talk:
        talk.send(b"GET /x HTTP/1.1\r\nX: " + b"a" * 5000)
        talk.send(b"a" * 5000)
        assert talk.answer().status == 431


def test_a_head_of_the_allowed_size_passes_even_in_one_read_with_a_large_body(relay: Relaying, upstream: Upstream) -> None:
    raw = post(b"X: " + b"a" * 7000, b"Content-Length: 100000", body=b"b" * 100_000)
    assert relay.ask(raw).status == 200 and upstream.asked[-1].body == b"b" * 100_000


def test_trailers_without_end_are_given_up(relay: Relaying) -> None:
    with relay.talk() as talk:
        talk.send(post(b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n"))
        try:
            for _ in range(100):
                talk.send(b"X: " + b"y" * 1000 + b"\r\n")
        except (ConnectionResetError, BrokenPipeError):
            return
        assert talk.answer().status == 400


def test_a_slow_head_is_408_and_an_idle_connection_is_closed(tmp_path: Path) -> None:
    server = "head_timeout_s = 1.0\nkeep_alive_s = 1.5"
    with Upstream() as up, Relaying(config(tmp_path, up.port, server=server)) as relay, relay.talk() as slow, relay.talk() as idle:
        slow.send(b"GET /x HTT")
        assert slow.answer().status == 408
        assert idle.end() == (b"", "eof")
        with relay.talk() as used:
            used.send(b"GET /x HTTP/1.1\r\n" + H + b"\r\n\r\n")
            assert used.answer().body == b"/x"
            assert used.end() == (b"", "eof")
    assert relay.last_beat.refused == {"head_timeout": 1}


def test_connections_over_the_limit_hear_503_and_when_to_come_back(tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="connections_max = 2")) as relay:
        talks = [relay.talk() for _ in range(3)]
        until(lambda: len(relay.worker.clients) == 3)
        for talk in talks:
            talk.send(b"GET /x HTTP/1.1\r\n" + H + b"\r\n")
        answers = [talk.answer() for talk in talks]
        assert sorted(answer.status for answer in answers) == [200, 200, 503]
        assert [answer.header("retry-after") for answer in answers if answer.status == 503] == ["1"]
        for talk in talks:
            talk.sock.close()
    assert relay.last_beat.refused == {"overloaded": 1}


def test_a_body_that_turns_out_malformed_does_not_end_whole_upstream(tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(LLM + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        until(lambda: up.asked)
        talk.send(b"nonsense\r\n")
        assert talk.answer().status == 400
        assert up.gone.wait(60)
    assert [asked.whole for asked in up.asked] == [False]
    assert [(event.whole, body) for event, body in relay.calls] == [(False, b"hi")]
    assert [event.ended for event, _ in relay.exchanges] == ["client_gone"]


def test_an_early_answer_reaches_a_client_that_is_still_sending(tmp_path: Path) -> None:
    """Closing with unread bytes would reset the answer away."""

    def too_large(asked: Asked) -> Iterator[Step]:
        yield sized(b"too large", status=b"413 Content Too Large")
        yield CLOSE

    with Upstream(too_large, early=True) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(LLM + b"Content-Length: 5000000\r\n\r\n")
        answer = talk.answer()
        assert (answer.status, answer.body, answer.header("connection")) == (413, b"too large", "close")
        talk.send(b"x" * 100_000)
        assert talk.end() == (b"", "eof")
    assert [event.whole for event, _ in relay.calls] == [False]
    assert [(event.status, event.ended) for event, _ in relay.exchanges] == [(413, "complete")]


def test_no_route_is_404(tmp_path: Path) -> None:
    routes = '[targets.gpt]\nurl = "http://127.0.0.1:{port}"\n[[routes]]\nname = "main"\npath = "/llm"\nincumbent = "gpt"\n'
    with Upstream() as up, Relaying(config(tmp_path, up.port, routes=routes)) as relay:
        assert relay.ask(b"GET /llmx HTTP/1.1\r\n" + H + b"\r\n").status == 404
        assert relay.ask(b"GET /llm/x?y HTTP/1.1\r\n" + H + b"\r\n").body == b"/x?y"
        assert relay.ask(b"GET /llm HTTP/1.1\r\n" + H + b"\r\n").body == b"/"
    assert relay.last_beat.refused == {"no_route": 1} and relay.last_beat.passthrough == {"main": 2}

"""The upstream's side: connections that are kept, go stale, break or never come, and answers that are odd or wrong."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.upstream import CLOSE, LEAVE, RESET, Asked, Step, Upstream, echo, sized
from tests.proxy.relaying import LLM, Relaying, config, until

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
CALL = LLM + b"Content-Length: 2\r\n\r\n{}"


def serving(*steps: Step) -> Upstream:
    return Upstream(lambda asked: iter(steps))


def test_connections_are_kept_and_used_again(tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay:
        for _ in range(5):
            assert relay.ask(GET).body == b"/x"
    assert up.connections == 1


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"],
)
def test_a_connection_that_must_not_be_kept_is_not(head: bytes, tmp_path: Path) -> None:
    """The last one says its length beside its chunks: the chunks are right, and nobody trusts the connection any more."""
    body = b"2\r\nok\r\n0\r\n\r\n" if b"chunked" in head else b"ok"
    with serving(head + b"Content-Length: 2\r\n\r\n" + body) as up, Relaying(config(tmp_path, up.port)) as relay:
        answers = [relay.ask(GET) for _ in range(3)]
    assert [answer.body for answer in answers] == [b"ok"] * 3
    assert [answer.header("content-length") for answer in answers] == ([None] * 3 if b"chunked" in head else ["2"] * 3)
    assert up.connections == 3


def test_an_idle_connection_is_closed_after_its_time(tmp_path: Path) -> None:
    with serving(sized(b"ok"), LEAVE) as up, Relaying(config(tmp_path, up.port, server="upstream_idle_s = 0.1")) as relay:
        assert relay.ask(GET).body == b"ok"
        assert up.gone.wait(60)


def test_bytes_after_an_answer_are_never_taken_for_the_next_one(tmp_path: Path) -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    with serving(sized(b"good") + evil) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert [relay.ask(GET).body for _ in range(3)] == [b"good"] * 3
    assert up.connections == 3


def test_bytes_on_an_idle_connection_end_it(tmp_path: Path) -> None:
    later = threading.Event()
    with serving(sized(b"good"), later, sized(b"evil"), LEAVE) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert relay.ask(GET).body == b"good"
        later.set()
        assert up.gone.wait(60)
        assert relay.ask(GET).body == b"good"
    assert up.connections == 2


# ---- stale connections


def at_the_same_time(relay: Relaying, *things: object) -> None:
    """Keep the worker's loop busy while these happen, so that it finds them all at once and in this order."""
    done = threading.Event()

    def busy() -> None:
        for thing in things:
            thing()  # type: ignore[operator]
            time.sleep(0.05)
        done.set()

    relay.loop.call_soon_threadsafe(busy)
    assert done.wait(60)


@pytest.mark.parametrize("raw", [GET, CALL, LLM + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"])
def test_a_request_that_met_a_closed_connection_goes_out_again_on_a_fresh_one(raw: bytes, tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        for _ in range(2):
            talk.send(raw)
            assert talk.answer().status == 200
        at_the_same_time(relay, lambda: talk.send(raw), up.close_idle)
        assert talk.answer().status == 200
    assert (len(up.asked), up.connections) == (3, 2)
    assert [event.ended for event, _ in relay.exchanges] == ["complete"] * len(relay.exchanges)
    assert [body for _, body in relay.calls] == ([] if raw == GET else [b"{}"] * 3)


def test_a_post_that_may_have_been_read_is_never_sent_twice(tmp_path: Path) -> None:
    """The upstream takes the second request and closes without a word: only safe methods may be asked again."""

    def answer(asked: Asked) -> Iterator[Step]:
        if len([each for each in up.asked if each.method == asked.method]) == 2:
            yield CLOSE
        yield from echo(asked)

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert relay.ask(CALL).status == 200
        time.sleep(0.03)  # long enough idle for the connection to be one that may be stale
        assert relay.ask(CALL).status == 502
        assert [relay.ask(GET).status for _ in range(2)] == [200, 200]
    assert [asked.method for asked in up.asked] == [b"POST", b"POST", b"GET", b"GET", b"GET"]
    assert [(event.status, event.ended) for event, _ in relay.exchanges] == [(200, "complete"), (0, "unreachable")]


def test_a_fresh_connection_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    with serving(CLOSE) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert [relay.ask(GET).status, relay.ask(CALL).status] == [502, 502]
    assert up.connections == 2


# ---- no answer


def refusing(nobody: socket.socket) -> int:
    """A port that is taken and refuses."""
    nobody.bind(("127.0.0.1", 0))
    return nobody.getsockname()[1]


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (b"/v1/chat/completions", b'"error":{"message"'),
        (b"/v1/messages", b'"type":"error"'),
        (b"/v1beta/models/m:generateContent", b'"status":'),
        (b"/v1/files", b'"error":{"message"'),
    ],
)
def test_an_upstream_that_cannot_be_reached_is_502_in_the_calls_own_shape(path: bytes, shape: bytes, tmp_path: Path) -> None:
    with socket.socket() as nobody, Relaying(config(tmp_path, refusing(nobody))) as relay:
        answer = relay.ask(b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
    assert (answer.status, answer.header("content-type")) == (502, "application/json")
    assert shape in answer.body
    known = path != b"/v1/files"
    assert [(event.whole, body) for event, body in relay.calls] == [(True, b"{}")] * known
    assert [(event.status, event.ended, bool(event.error)) for event, _ in relay.exchanges] == [(0, "unreachable", True)] * known


def test_a_connection_that_does_not_come_about_is_504(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        with Relaying(config(tmp_path, port, server="connect_timeout_s = 0.3")) as relay:
            assert relay.ask(CALL).status == 504
        for each in waiting:
            each.close()
    assert [event.ended for event, _ in relay.exchanges] == ["timed_out"]


def test_silence_before_the_head_is_504_and_inside_the_answer_a_break(tmp_path: Path) -> None:
    with serving(LEAVE) as up, Relaying(config(tmp_path / "a", up.port, server="silence_timeout_s = 0.3")) as relay:
        assert relay.ask(CALL).status == 504
        assert up.gone.wait(60)
    assert [(event.status, event.ended) for event, _ in relay.exchanges] == [(0, "timed_out")]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    with serving(head, LEAVE) as up, Relaying(config(tmp_path / "b", up.port, server="silence_timeout_s = 1")) as relay:
        with relay.talk() as talk:
            talk.send(CALL)
            assert talk.end() == (head, "reset")
    assert [(event.status, event.ended, body) for event, body in relay.exchanges] == [(200, "timed_out", b"abc")]


def test_a_client_whose_body_stops_coming_hears_408(tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="silence_timeout_s = 0.3")) as relay, relay.talk() as talk:
        talk.send(LLM + b"Content-Length: 10\r\n\r\nabc")
        assert talk.answer().status == 408
    assert [(event.whole, body) for event, body in relay.calls] == [(False, b"abc")]


@pytest.mark.parametrize(
    "bad",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * (2 << 20),
    ],
)
def test_what_is_not_an_answer_is_502(bad: bytes, tmp_path: Path) -> None:
    with serving(bad, LEAVE) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert relay.ask(CALL).status == 502
        assert relay.ask(GET).status == 502
    assert [(event.status, event.ended) for event, _ in relay.exchanges] == [(0, "unreachable")]


# ---- odd answers that pass


@pytest.mark.parametrize(
    ("wire", "status", "reason", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"ok"), 200, b"OK", b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\ncontent-length:2 \r\n\r\nok", 200, b"OK", b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", 200, b"OK", b"ok"),
        (b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", 205, b"Reset Content", b""),
        (sized(b"slow down", status=b"429 Too Many, Please"), 429, b"Too Many, Please", b"slow down"),
        (sized(b"", status=b"529 "), 529, b"", b""),
        (sized(b"x", status=b"299 caf\xe9"), 299, b"caf\xe9", b"x"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"OK", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"No Content", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n", 304, b"Not Modified", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Trailer: z\r\n\r\n", 200, b"OK", b"hello"),
    ],
)
def test_odd_answers_pass(wire: bytes, status: int, reason: bytes, body: bytes, tmp_path: Path) -> None:
    with serving(wire) as up, Relaying(config(tmp_path, up.port)) as relay:
        for _ in range(2):
            answer = relay.ask(GET)
            assert (answer.status, answer.reason, answer.body) == (status, reason, body)
    assert up.connections == 1


def test_hints_come_down_to_clients_that_know_them_before_the_answer(tmp_path: Path) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLink: caf\xe9\r\nContent-Length: 3\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"
    wire = b"HTTP/1.1 102 Processing\r\n\r\n" + hint + sized(b"ok")
    with serving(wire) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        for _ in range(2):
            talk.send(CALL)
            hints = [talk.answer(), talk.answer()]
            assert [(each.status, each.lines) for each in hints] == [(102, []), (103, [b"Link: </a>; rel=preload", b"Link: caf\xe9"])]
            assert talk.answer().body == b"ok"
        talk.send(CALL.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert talk.answer().status == 200
    assert [(event.status, event.ended) for event, _ in relay.exchanges] == [(200, "complete")] * 3


def test_a_length_said_twice_passes_in_any_pieces_where_it_is_the_same(tmp_path: Path) -> None:
    raw = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"

    def answer(asked: Asked) -> Iterator[Step]:
        at = int(asked.target[2:])
        yield raw[:at]
        yield lambda: time.sleep(0.01)
        yield raw[at:]

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        for at in (1, 20, 33, 60, 75, len(raw) - 1):
            talk.send(b"GET /x%d HTTP/1.1\r\nHost: a\r\n\r\n" % at)
            assert [talk.answer().status, talk.answer().lines] == [103, [b"Content-Length: 2"]]


def test_trailers_of_an_answer_come_down_but_for_those_that_belong_into_a_head(tmp_path: Path) -> None:
    trailers = b"X-Checksum: 1\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\nSet-Cookie: a=b\r\nX-Late: caf\xe9\r\n"
    wire = b"HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailers + b"\r\n"
    with serving(wire) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        for _ in range(2):
            talk.send(CALL)
            assert b"Trailer: X-Checksum" in talk.head()
            assert talk.wire.until(b"\r\n\r\n") == b"2\r\nok\r\n0\r\nX-Checksum: 1\r\nX-Late: caf\xe9\r\n\r\n"
        talk.send(CALL.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert talk.end()[0].endswith(b"\r\n\r\nok")
    assert [body for _, body in relay.exchanges] == [b"ok"] * 3


def test_trailers_without_end_are_given_up(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
        while True:
            yield b"X: " + b"y" * 10_000 + b"\r\n"

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(CALL)
        assert talk.end()[1] == "reset"
        assert up.gone.wait(60)
    assert [event.ended for event, _ in relay.exchanges] == ["cut"]


def test_head_has_a_length_and_no_body_and_its_connection_is_not_kept(tmp_path: Path) -> None:
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n") as up, Relaying(config(tmp_path, up.port)) as relay:
        with relay.talk() as talk:
            for _ in range(2):
                talk.send(b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")
                assert talk.answer(head_only=True).header("content-length") == "1234"
    assert up.connections == 2


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_an_answer_that_ends_with_its_connection_passes_whole(version: bytes, tmp_path: Path) -> None:
    with serving(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello", b" world", CLOSE) as up, Relaying(config(tmp_path, up.port)) as relay:
        answer = relay.ask(b"GET /x HTTP/" + version + b"\r\nHost: a\r\n\r\n")
    assert (answer.body, answer.chunked) == (b"hello world", version == b"1.1")


def test_a_reset_by_the_upstream_before_its_answer_is_502(tmp_path: Path) -> None:
    with serving(RESET) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert relay.ask(CALL).status == 502
        until(lambda: not relay.worker.clients)

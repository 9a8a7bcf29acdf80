"""The relay: what passes untouched, how a cut answer looks, who is told when somebody leaves, and flat memory."""

import gc
import itertools
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.events import BeatEvent
from proxy.segments import Passed, parse, segment_names
from tests.fakes.upstream import CLOSE, LEAVE, RESET, Asked, Step, Upstream, sized
from tests.proxy.relaying import LLM, Relaying, config, until

H = b"Host: a\r\n"
GET = b"GET /x HTTP/1.1\r\n" + H + b"\r\n"
CALL = LLM + b"Content-Length: 2\r\n\r\n{}"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def serving(*steps: Step) -> Upstream:
    return Upstream(lambda asked: iter(steps))


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


# ---- what passes


def test_a_request_goes_up_as_it_came_but_for_one_hops_own_lines(tmp_path: Path) -> None:
    kept = [
        b"zeta: 1", b"ALPHA: 2", b"x-dup: a", b"X-Dup: b", b"Content-Type: application/json", b"X-Latin: caf\xe9 \xff", b"X-Empty: ",
        b"Authorization: Bearer sk-1", b"X-Stainless-Retry-Count: 0", b"Idempotency-Key: k", b"Accept-Encoding: gzip, br",
        b"Cookie: a=b; c=d", b"traceparent: 00-1-2-3",
    ]  # fmt: skip
    hop = [
        b"Connection: keep-alive, X-Named", b"X-Named: 1", b"Keep-Alive: timeout=5", b"TE: trailers", b"Proxy-Connection: close",
        b"Proxy-Authorization: Basic x", b"x-understudy-workflow: w", b"X-Understudy-Anything: z", b"Upgrade: h2c",
    ]  # fmt: skip
    lines = [line for pair in zip(kept, hop, strict=False) for line in pair] + kept[len(hop) :]
    target = b"/v1/x//%2e%2e/%7Emodel:generate;p?key=%20+&a=b&a=c|d\"'{}"
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay:
        raw = b"\r\n".join((b"PATCH " + target + b" HTTP/1.1", b"hOsT: app.example", *lines, b"Content-Length: 2", b"", b"hi"))
        assert relay.ask(raw).status == 200
        port = up.port
    (asked,) = up.asked
    assert asked.head.split(b"\r\n")[0] == b"PATCH " + target + b" HTTP/1.1"
    assert asked.lines == [b"Host: 127.0.0.1:%d" % port, *kept, b"Content-Length: 2"]
    assert asked.body == b"hi"


def test_an_answer_comes_down_as_it_came_but_for_one_hops_own_lines(tmp_path: Path) -> None:
    kept = [
        b"content-type: text/plain", b"X-Dup: a", b"x-dup: b", b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"X-Latin: caf\xe9", b"X-Empty: ",
        b"Content-Encoding: gzip", b"x-ratelimit-remaining-requests: -1", b"retry-after-ms: 20", b"Date: never", b"Server: x",
        b"X-Understudy-Other: stays", b"Trailing: a ",
    ]  # fmt: skip
    hop = [b"Connection: keep-alive, X-Named", b"X-Named: 1", b"Keep-Alive: timeout=5", b"Proxy-Authenticate: x", b"Upgrade: h2"]
    with serving(sized(b"\x1f\x8b\x00not gzip", *kept, *hop)) as up, Relaying(config(tmp_path, up.port)) as relay:
        answer = relay.ask(GET)
    assert answer.lines == [*kept, b"Content-Length: 11"]
    assert answer.body == b"\x1f\x8b\x00not gzip"


def test_a_streams_chunks_come_down_as_they_come(tmp_path: Path) -> None:
    gates = [threading.Event() for _ in range(4)]
    events = [b"data: %d\r\n\r\n: comment\n\n" % i for i in range(4)]
    steps: list[Step] = [STREAM]
    for gate, event in zip(gates, events, strict=True):
        steps += [gate, chunk(event)]
    with serving(*steps, b"0\r\n\r\n") as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(CALL)
        assert b"text/event-stream" in talk.head()  # before a byte of the body
        for gate, event in zip(gates, events, strict=True):
            gate.set()
            assert talk.wire.exactly(len(chunk(event))) == chunk(event)
        assert talk.wire.until(b"0\r\n\r\n") == b"0\r\n\r\n"
    ((event, body),) = relay.exchanges
    assert body == b"".join(events) and event.chunks == 4
    assert [size for _, size in event.marks] == [len(b"".join(events[: i + 1])) for i in range(4)]
    times = [at for at, _ in event.marks]
    assert times == sorted(times) and 0 < times[0] <= times[-1] <= event.latency_us
    assert event.first_byte_us is not None and 0 < event.first_byte_us <= times[0]
    assert max(b - a for a, b in itertools.pairwise(times)) - 1 <= event.max_gap_us <= event.latency_us
    assert event.overhead_us is not None and 0 <= event.overhead_us < event.latency_us


def test_an_upload_goes_up_as_it_comes(tmp_path: Path) -> None:
    """The answer depends on the first half: nobody waits for the whole."""
    with serving(sized(b"ok"), LEAVE) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + H + b"\r\n" + chunk(b"half"))
        until(lambda: up.asked)
        talk.send(chunk(b" and half"), b"0\r\n\r\n")
        assert talk.answer().body == b"ok"
    assert up.asked[0].body == b"half and half"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 1_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_any_size_pass_both_ways(size: int, chunked: bool, tmp_path: Path) -> None:
    def mirror(asked: Asked) -> Iterator[Step]:
        yield STREAM + (chunk(asked.body) if asked.body else b"") + b"0\r\n\r\n" if chunked else sized(asked.body)

    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    framed = (b"Transfer-Encoding: chunked\r\n\r\n" + (chunk(body) if body else b"") + b"0\r\n\r\n") if chunked else None
    with Upstream(mirror) as up, Relaying(config(tmp_path, up.port)) as relay:
        answer = relay.ask(LLM + (framed or b"Content-Length: %d\r\n\r\n%b" % (size, body)))
        assert answer.body == body and answer.chunked == chunked
        assert bool(up.asked[0].header(b"transfer-encoding")) == chunked
    assert [kept for _, kept in relay.calls + relay.exchanges] == [body, body]


def test_an_upload_larger_than_what_waits_for_a_connection_passes(tmp_path: Path) -> None:
    """The connection does not come about before the client has sent more than may wait."""
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        with Upstream() as up:
            up._listening.close()
            with Relaying(config(tmp_path, up_port := late.getsockname()[1])) as relay:
                late.listen(1)
                up._listening = late
                threading.Thread(target=up._accept, daemon=True).start()
                body = b"x" * 5_000_000
                assert relay.ask(LLM + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)).status == 200
                assert up_port and up.asked[0].body == body


# ---- what is cut


CUTS = {
    "a length not reached": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "chunks without an end": STREAM + b"3\r\nabc\r\n",
    "inside a chunk": STREAM + b"100\r\nabc",
    "after the head": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
    "a bad chunk": STREAM + b"3\r\nabc\r\nzz\r\n",
    "a chunk that is longer than it says": STREAM + b"3\r\nabcdef\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("how", [CLOSE, RESET])
@pytest.mark.parametrize("what", CUTS)
def test_a_cut_answer_is_never_ended_cleanly(what: str, how: str, version: bytes, tmp_path: Path) -> None:
    with serving(CUTS[what], how) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(CALL.replace(b"HTTP/1.1", b"HTTP/" + version))
        got, end = talk.end()
    assert end == "reset"
    assert not got.endswith(b"\r\n0\r\n\r\n")
    ((event, body),) = relay.exchanges
    assert (event.status, event.ended) == (200, "cut") and event.error
    assert body in (b"", b"abc")


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_an_answer_without_framing_that_is_reset_does_not_look_complete(version: bytes, tmp_path: Path) -> None:
    read = threading.Event()
    with (
        serving(b"HTTP/1.1 200 OK\r\n\r\nhello", read, RESET) as up,
        Relaying(config(tmp_path, up.port)) as relay,
        relay.talk() as talk,
    ):
        talk.send(CALL.replace(b"HTTP/1.1", b"HTTP/" + version))
        talk.head()
        read.set()
        got, end = talk.end()
    assert (end, b"hello" in got, got.endswith(b"\r\n0\r\n\r\n")) == ("reset", True, False)
    assert [event.ended for event, _ in relay.exchanges] == ["cut"]


def test_what_came_of_a_cut_answer_reaches_the_client_before_the_break(tmp_path: Path) -> None:
    with serving(STREAM + chunk(b"abc"), CLOSE) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(CALL)
        got, end = talk.end()
    assert (got.partition(b"\r\n\r\n")[2], end) == (b"3\r\nabc\r\n", "reset")


# ---- who leaves


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_a_client_that_leaves_takes_its_upstream_call_along(begun: bool, reset: bool, tmp_path: Path) -> None:
    steps: list[Step] = [STREAM + chunk(b"abc"), LEAVE] if begun else [LEAVE]
    with serving(*steps) as up, Relaying(config(tmp_path, up.port)) as relay:
        with relay.talk() as talk:
            talk.send(CALL)
            until(lambda: up.asked and up.asked[0].whole)
            if begun:
                assert talk.wire.until(b"abc\r\n")
            if reset:
                talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert up.gone.wait(60)
    ((event, body),) = relay.exchanges
    assert (event.ended, event.status, body) == ("client_gone", 200 if begun else 0, b"abc" if begun else b"")
    assert [(event.whole, body) for event, body in relay.calls] == [(True, b"{}")]


def test_a_client_that_leaves_inside_its_upload_leaves_no_whole_request_behind(tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay:
        with relay.talk() as talk:
            talk.send(LLM + b"Content-Length: 50\r\n\r\nabc")
            until(lambda: up.asked)
        assert up.gone.wait(60)
    assert [asked.whole for asked in up.asked] == [False]
    assert [(event.whole, event.size, body) for event, body in relay.calls] == [(False, 3, b"abc")]
    assert [event.ended for event, _ in relay.exchanges] == ["client_gone"]
    assert relay.events.index(relay.calls[0]) < relay.events.index(relay.exchanges[0])


def test_a_client_that_leaves_while_it_does_not_read_is_noticed(tmp_path: Path) -> None:
    with serving(sized(b"x" * 20_000_000), LEAVE) as up, Relaying(config(tmp_path, up.port)) as relay:
        with relay.talk() as talk:
            talk.send(CALL)
            until(lambda: any(client.full for client in relay.worker.clients))
        until(lambda: not relay.worker.clients)
        assert up.gone.wait(60)
    assert [event.ended for event, _ in relay.exchanges] == ["client_gone"]


# ---- pressure


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


SIZE, BLOCK = 200 << 20, b"x" * (1 << 20)


def test_a_huge_answer_passes_in_flat_memory(tmp_path: Path) -> None:
    blocks = [BLOCK] * (SIZE // len(BLOCK))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE
    with serving(head, *blocks) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(CALL)
        talk.head()
        until(lambda: any(client.full for client in relay.worker.clients))
        before, left = peak_mb(), SIZE - len(talk.wire.rest)
        while left:
            left -= len(talk.sock.recv(1 << 20))
    assert peak_mb() - before < 40
    ((event, body),) = relay.exchanges
    assert (event.size, body, event.ended, len(event.sha256)) == (SIZE, b"", "complete", 64)


def test_a_huge_upload_passes_in_flat_memory(tmp_path: Path) -> None:
    before = peak_mb()

    def swallow(asked: Asked) -> Iterator[Step]:
        assert asked.wire is not None
        asked.wire.swallow(SIZE)
        yield sized(b"ok")

    with Upstream(swallow, early=True) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(LLM + b"Content-Length: %d\r\n\r\n" % SIZE)
        talk.send(*[BLOCK] * (SIZE // len(BLOCK)))
        assert talk.answer().body == b"ok"
    assert peak_mb() - before < 40
    ((event, body),) = relay.calls
    assert (event.size, body, event.whole, len(event.sha256)) == (SIZE, b"", True, 64)


def test_a_client_that_does_not_read_does_not_hold_the_next_one_that_gets_its_connection(tmp_path: Path) -> None:
    """The defect of a pooled connection that stays paused: the answer's end was read while its client was full."""
    big = sized(b"x" * 20_000_000)

    def answer(asked: Asked) -> Iterator[Step]:
        yield big if asked.target == b"/big" else sized(b"small")

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as slow:
        for _ in range(3):
            slow.send(b"GET /big HTTP/1.1\r\n" + H + b"\r\n" + GET + b"GET /big HTTP/1.1\r\n" + H + b"\r\n")
            until(lambda: any(client.full for client in relay.worker.clients))
            assert relay.ask(GET).body == b"small"
            assert [len(slow.answer().body) for _ in range(3)] == [20_000_000, 5, 20_000_000]
    assert up.connections <= 3


# ---- ending


def test_on_ending_idle_connections_may_ask_once_more_and_calls_finish(tmp_path: Path) -> None:
    go = threading.Event()

    def answer(asked: Asked) -> Iterator[Step]:
        if asked.target != b"/first":
            yield go
        yield sized(b"done")

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as idle, relay.talk() as busy:
        with relay.talk() as fresh:
            idle.send(b"GET /first HTTP/1.1\r\n" + H + b"\r\n")
            assert idle.answer().status == 200
            busy.send(CALL)
            until(lambda: len(up.asked) == 2 and len(relay.worker.clients) == 3)
            relay.begin_to_end()
            until(lambda: relay.worker.draining)
            for each in (idle, fresh):
                each.send(b"GET /first HTTP/1.1\r\n" + H + b"\r\n")
                assert (each.answer().header("connection"), each.end()) == ("close", (b"", "eof"))
        with pytest.raises(ConnectionRefusedError):
            relay.talk()
        go.set()
        last = busy.answer()
        assert (last.body, last.header("connection"), busy.end()) == (b"done", "close", (b"", "eof"))
    assert [event.ended for event, _ in relay.exchanges] == ["complete"]


def test_what_does_not_finish_in_time_is_broken_off(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        if asked.target.endswith(b"?begun"):
            yield STREAM + chunk(b"abc")
        yield LEAVE

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port), drain_s=0.2) as relay, relay.talk() as begun, relay.talk() as silent:
        begun.send(CALL.replace(b"completions ", b"completions?begun "))
        begun.wire.until(b"abc\r\n")
        silent.send(CALL)
        until(lambda: len(up.asked) == 2)
        relay.begin_to_end()
        assert begun.end()[1] == "reset"
        assert silent.answer().status == 503
    assert sorted((event.status, event.ended) for event, _ in relay.exchanges) == [(0, "cut"), (200, "cut")]


def beats(relay: Relaying) -> list[BeatEvent]:
    """As they are on disk by now."""
    folder = relay.config.journal_folder
    passed = [each for name in segment_names(folder) for each in parse(name, (folder / name).read_bytes()) if isinstance(each, Passed)]
    return [each.event for each in passed if isinstance(each.event, BeatEvent)]


def test_beats_say_how_it_is(tmp_path: Path) -> None:
    with serving(LEAVE) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(CALL)
        relay.ask(GET.replace(b"GET /x", b"BAD"))
        until(lambda: up.asked)
        until(lambda: any(beat.in_flight == 1 for beat in beats(relay)))
        seen = relay.worker
        assert (seen.calls, seen.refused) == (1, {"malformed": 1})
        talk.sock.close()
        until(lambda: not seen.clients)
    assert any(beat.in_flight == 1 and beat.connections == 1 and beat.calls == 1 for beat in beats(relay))
    assert (relay.last_beat.in_flight, relay.last_beat.connections, relay.last_beat.process) == (0, 0, "worker-0")


def test_no_call_and_no_connection_waits_for_the_garbage_collector(tmp_path: Path) -> None:
    """A cycle per call once cost 55 MB: answered, cut, refused and left calls must all die by themselves."""

    def answer(asked: Asked) -> Iterator[Step]:
        if asked.target.endswith(b"?cut"):
            yield STREAM + chunk(b"abc")
            yield CLOSE
        yield LEAVE if asked.target.endswith(b"?leave") else sized(b"ok")

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port)) as relay:
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for query in (b"", b"?cut", b"?leave", b" bad") * 10:
                with relay.talk() as talk:
                    talk.send(CALL.replace(b"completions ", b"completions" + query + b" "))
                    if query == b"?leave":
                        until(lambda: up.asked[-1].target.endswith(b"?leave"))
                    else:
                        talk.end() if query else talk.answer()
            until(lambda: not relay.worker.clients)
            time.sleep(0.1)  # the last events are built within 10 ms; until then they hold their calls
            gc.collect()
            kept = [type(each).__name__ for each in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not {"Call", "Client", "Upstream", "Request", "Capture"} & set(kept), kept

"""Overload and faults: what is given up first, that it is counted and visible, and that one bug of ours stops nothing else."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from proxy.events import BeatEvent
from proxy.overload import Overload
from tests.fakes.upstream import Asked, Step, Upstream, sized
from tests.proxy.relaying import LLM, Relaying, config, until

CALL = LLM + b"Content-Length: 2\r\n\r\n{}"
MESSAGES = CALL.replace(b"/v1/chat/completions", b"/v1/messages")


# ---- the order of what is given up


def told(*rounds: tuple[float, float]) -> list[str]:
    overload = Overload()
    said = list[str]()
    for late_s, share in rounds:
        overload.note(late_s, share)
        said.append(overload.shedding)
    return said


def test_one_late_round_changes_nothing() -> None:
    assert told((0, 0), (100, 0), (0, 0), (100, 0), (100, 0), (0, 0)) == [""] * 6


def test_bodies_go_before_calls_and_both_come_back() -> None:
    assert told(*[(0.2, 0)] * 3, (2, 0), (2, 0), (2, 0), (0.2, 0), (0, 0)) == ["", "", "bodies", "bodies", "bodies", "calls", "bodies", ""]


def test_a_full_queue_sheds_bodies_until_it_is_well_empty() -> None:
    assert told((0, 0.4), (0, 0.6), (0, 0.4), (0, 0.3), (0, 0.2)) == ["", "bodies", "bodies", "bodies", ""]


# ---- in a worker


def test_calls_over_the_limit_hear_503_in_their_dialects_shape_and_when_to_come_back(tmp_path: Path) -> None:
    go = threading.Event()

    def answer(asked: Asked) -> Iterator[Step]:
        yield go
        yield sized(b"ok")

    with Upstream(answer) as up, Relaying(config(tmp_path, up.port, server="calls_max = 2")) as relay:
        with relay.talk() as first, relay.talk() as second, relay.talk() as third:
            first.send(CALL)
            second.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: len(up.asked) == 2)
            refused = relay.ask(MESSAGES)
            assert (refused.status, refused.header("retry-after")) == (503, "1")
            assert b'"type":"error"' in refused.body and b"2 calls" in refused.body
            go.set()
            assert [first.answer().body, second.answer().body] == [b"ok"] * 2
            third.send(MESSAGES)
            assert third.answer().body == b"ok"
        assert relay.worker.under_way == 0
    assert relay.last_beat.refused == {"calls_max": 1}
    assert len(relay.calls) == len(relay.exchanges) == 2


@pytest.mark.parametrize("how", [b"?complete", b"?cut", b"?leave", b"?silent", b"?tunnel"])
def test_what_is_under_way_is_counted_back_however_it_ends(how: bytes, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        if how == b"?complete":
            yield sized(b"ok")
        elif how == b"?cut":
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"
            yield "close"
        elif how == b"?tunnel":
            yield b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        yield "leave"

    offer = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
    with Upstream(answer) as up, Relaying(config(tmp_path, up.port, server="silence_timeout_s = 0.3")) as relay:
        with relay.talk() as talk:
            talk.send(offer if how == b"?tunnel" else CALL)
            until(lambda: up.asked)
            if how != b"?leave":
                until(lambda: relay.worker.under_way == 0)
        until(lambda: not relay.worker.clients)
        assert relay.worker.under_way == 0


def test_when_the_loop_is_late_bodies_are_no_longer_kept_then_new_calls_no_longer_taken_and_all_comes_back(tmp_path: Path) -> None:
    """The loop is held up for real, in every round of its sweep."""
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="tunnel_idle_s = 0.2")) as relay, relay.talk() as kept:
        held = [0.0]

        def hold_up() -> None:
            time.sleep(held[0])
            if held[0]:
                relay.loop.call_later(0.001, hold_up)

        def late(seconds: float) -> None:
            held[0] = seconds
            relay.loop.call_soon_threadsafe(hold_up)

        assert relay.ask(CALL).status == 200
        late(0.3)
        until(lambda: relay.worker.overload.shedding == "bodies")
        kept.send(CALL)
        assert kept.answer().status == 200
        held[0] = 1.2
        until(lambda: relay.worker.overload.shedding == "calls")
        kept.send(CALL)
        assert kept.answer().status == 503
        held[0] = 0.0
        until(lambda: relay.worker.overload.shedding == "")
        assert relay.ask(CALL).status == 200
    assert [(event.size, body) for event, body in relay.calls] == [(2, b"{}"), (2, b""), (2, b"{}")]
    assert [(event.status, event.ended, bool(body)) for event, body in relay.exchanges] == [
        (200, "complete", True), (200, "complete", False), (200, "complete", True),
    ]  # fmt: skip
    beat = relay.last_beat
    assert (beat.refused, beat.dropped) == ({"loop_lag": 1}, {"body_shed": 2})
    assert {event.shedding for event, _ in relay.events if isinstance(event, BeatEvent)} >= {""}


def test_bodies_that_hold_half_the_journals_room_keep_the_next_ones_out_before_it_is_full(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Iterator[Step]:
        assert asked.wire is not None
        asked.wire.swallow(int(asked.header(b"content-length")[0]))
        yield sized(b"ok")

    room = "queue_max_bytes = 2000000"
    with Upstream(answer, early=True) as up, Relaying(config(tmp_path, up.port, journal=room)) as relay, relay.talk() as big:
        big.send(LLM + b"Content-Length: 1500001\r\n\r\n" + b"x" * 1_500_000)
        until(lambda: relay.worker.overload.shedding == "bodies")
        assert relay.ask(CALL).status == 200
        big.send(b"x")
        assert big.answer().status == 200
        until(lambda: relay.worker.overload.shedding == "")
    assert {event.size: len(body) for event, body in relay.calls} == {2: 0, 1_500_001: 1_500_001}
    assert relay.last_beat.dropped == {"body_shed": 2}


# ---- faults of ours


def test_a_bug_in_a_callback_is_counted_and_told_once_and_other_calls_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay:
        relay.loop.call_soon_threadsafe(relay.loop.set_exception_handler, relay.worker.fault)
        with structlog.testing.capture_logs() as told:
            with monkeypatch.context() as broken:
                broken.setattr(relay.worker, "call_for", None)
                for _ in range(3):
                    with relay.talk() as talk:
                        talk.send(CALL.replace(b"{}", b"{1"))
                        assert talk.end()[1] == "eof"
            assert relay.ask(CALL).status == 200
        until(lambda: not relay.worker.clients)
        until(lambda: relay.worker.faults == 3)
    assert [(line["event"], line["place"].split(":")[0]) for line in told] == [("worker.failed", "TypeError at _begin")]
    assert "{1" not in str(told)
    assert relay.last_beat.faults == 3


def test_a_bug_in_one_connections_deadline_keeps_no_other_from_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="head_timeout_s = 0.3")) as relay:
        relay.loop.call_soon_threadsafe(relay.loop.set_exception_handler, relay.worker.fault)
        with relay.talk() as bad:
            until(lambda: relay.worker.clients)
            (client,) = relay.worker.clients
            real = type(client).sweep

            def sweep(self: Any, now: int) -> None:
                if self is client:
                    raise ZeroDivisionError
                real(self, now)

            monkeypatch.setattr(type(client), "sweep", sweep)
            with structlog.testing.capture_logs(), relay.talk() as slow:
                slow.send(b"GET /x HT")
                assert slow.answer().status == 408
            assert bad.sock.fileno() >= 0
    assert relay.last_beat.faults >= 1

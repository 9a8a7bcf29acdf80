"""What a relayed call leaves in the journal, and what it must never leave there."""

import hashlib
import threading
import time
import uuid
from pathlib import Path

import pytest

from tests.fakes.upstream import LEAVE, Upstream, sized
from tests.proxy.relaying import LLM, Relaying, config, until

CALL = LLM + b"Content-Length: 2\r\n\r\n{}"
SECRETS = (b"sk-bearer-1", b"sk-api-2", b"cookie-3", b"key-4", b"sig-5", b"google-6")


def test_a_call_and_its_exchange_say_what_passed(tmp_path: Path) -> None:
    lines = (b"Content-Type: application/json", b"x-request-id: req_1", b"X-Ratelimit-Limit-Requests: 10", b"Set-Cookie: a=b")
    raw = LLM + b"User-Agent: app/1\r\nX-Stainless-Lang: python\r\nAccept: a\r\nAccept: b\r\nContent-Length: 9\r\n\r\n" + b'{"m":"g"}'
    with Upstream(lambda asked: iter([sized(b"answer", *lines)])) as up, Relaying(config(tmp_path, up.port)) as relay:
        began = time.time_ns() // 1000
        relay.ask(raw)
        ended = time.time_ns() // 1000
        hash_ = relay.config.hash
    ((call, request),) = relay.calls
    ((exchange, answer),) = relay.exchanges
    assert (request, answer) == (b'{"m":"g"}', b"answer")
    assert uuid.UUID(call.id).version == 8 and uuid.UUID(call.id).variant == uuid.RFC_4122 and call.id == exchange.id
    assert (call.route, call.dialect, call.method, call.path) == ("main", "openai.chat", "POST", "/v1/chat/completions")
    assert call.headers == {"content-type": "application/json", "user-agent": "app/1", "x-stainless-lang": "python", "accept": "a, b"}
    assert (call.size, call.sha256, call.whole, call.config, call.hints) == (9, "", True, hash_, {})
    assert (exchange.target, exchange.role, exchange.seen, exchange.status, exchange.ended) == ("gpt", "incumbent", True, 200, "complete")
    assert exchange.headers == {"content-type": "application/json", "x-request-id": "req_1", "x-ratelimit-limit-requests": "10"}
    assert (exchange.size, exchange.chunks, exchange.sha256, exchange.config) == (6, 1, "", hash_)
    assert began - 2 <= call.at == exchange.at <= ended + 2 and exchange.latency_us <= ended - began + 2
    assert relay.last_beat.calls == 1 and relay.last_beat.dropped == {} and relay.worker.journal.held == 0


def test_ids_differ_between_calls_and_workers_and_go_out_where_asked(tmp_path: Path) -> None:
    ids: list[str | None] = []
    for folder in ("a", "b"):
        with Upstream() as up, Relaying(config(tmp_path / folder, up.port, server="call_id_header = true")) as relay:
            answers = [relay.ask(CALL) for _ in range(3)]
            assert relay.ask(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").header("x-understudy-call-id") is None
        told = [answer.header("x-understudy-call-id") for answer in answers]
        assert told == [event.id for event, _ in relay.calls]
        ids += told
    assert len(set(ids)) == 6


def test_hints_are_read_and_stripped(tmp_path: Path) -> None:
    hints = (b"workflow: \xc3\xa9tude", b"conversation: c", b"user: u", b"prompt-version: 3", b"run: r", b"case: 7", b"unknown: x")
    raw = LLM + b"".join(b"X-Understudy-" + hint + b"\r\n" for hint in hints) + b"Content-Length: 2\r\n\r\n{}"
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay:
        relay.ask(raw)
    expected = {"workflow": "étude", "conversation": "c", "user": "u", "prompt_version": "3", "run": "r", "case": "7"}
    assert [event.hints for event, _ in relay.calls] == [expected]
    assert b"understudy" not in up.asked[0].head.lower()


def test_no_credential_reaches_the_journal(tmp_path: Path) -> None:
    target = b"/v1beta/models/m:generateContent?key=key-4&alt=sse&sig=sig-5"
    lines = (b"Authorization: Bearer sk-bearer-1", b"x-api-key: sk-api-2", b"Cookie: s=cookie-3", b"x-goog-api-key: google-6")
    raw = b"\r\n".join((b"POST " + target + b" HTTP/1.1", b"Host: a", *lines, b"Content-Length: 2", b"", b"{}"))
    answer = sized(b"{}", b"Set-Cookie: s=cookie-3", b"Authorization: sk-bearer-1")
    with Upstream(lambda asked: iter([answer])) as up, Relaying(config(tmp_path, up.port)) as relay:
        assert relay.ask(raw).status == 200
    assert up.asked[0].target == target and all(secret in up.asked[0].head for secret in SECRETS)
    assert [event.path for event, _ in relay.calls] == ["/v1beta/models/m:generateContent?key=***&alt=sse&sig=***"]
    written = b"".join(path.read_bytes() for path in relay.config.journal_folder.iterdir())
    assert written and not any(secret in written for secret in SECRETS)


def test_what_is_not_recognised_passes_and_is_only_counted(tmp_path: Path) -> None:
    with Upstream() as up, Relaying(config(tmp_path, up.port)) as relay:
        for line in (b"GET /v1/chat/completions", b"POST /v1/files", b"DELETE /v1/chat/completions", b"HEAD /x"):
            assert relay.ask(line + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 200
        relay.ask(CALL)
    assert len(relay.calls) == len(relay.exchanges) == 1
    assert (relay.last_beat.passthrough, relay.last_beat.calls) == ({"main": 4}, 1)


@pytest.mark.parametrize("cap", [0, 5, 6])
def test_a_body_over_the_cap_is_kept_as_size_and_hash(cap: int, tmp_path: Path) -> None:
    gate = threading.Event()
    stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    server = f"capture_max_bytes = {cap}"
    steps = (stream, gate, b"3\r\ndef\r\n", b"0\r\n\r\n")
    with Upstream(lambda asked: iter(steps)) as up, Relaying(config(tmp_path, up.port, server=server)) as relay, relay.talk() as talk:
        talk.send(LLM + b"Content-Length: 6\r\n\r\nghi")
        until(lambda: up.asked)
        talk.send(b"jkl")
        talk.wire.until(b"abc\r\n")
        gate.set()
        assert talk.wire.until(b"0\r\n\r\n")
    for ((event, body),), sent in ((relay.calls, b"ghijkl"), (relay.exchanges, b"abcdef")):
        assert (event.size, body, event.sha256) == ((6, sent, "") if cap == 6 else (6, b"", hashlib.sha256(sent).hexdigest()))


def test_a_capture_that_finds_no_room_is_given_up_counted_and_given_back(tmp_path: Path) -> None:
    """1 MB of room for all: growing bodies that exceed it pass, without a copy."""
    body = b"x" * 1_500_000
    journal = "queue_max_bytes = 1_048_576"
    with Upstream(lambda asked: iter([sized(body)])) as up, Relaying(config(tmp_path, up.port, journal=journal)) as relay:
        for _ in range(2):
            assert relay.ask(LLM + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)).body == body
        assert relay.ask(LLM.replace(b"chat/completions", b"x/chat/completions") + b"Content-Length: 2\r\n\r\n{}").body == body
        until(lambda: relay.worker.journal.held == 0)
    digest = hashlib.sha256(body).hexdigest()
    assert [(event.size, event.sha256, kept) for event, kept in relay.calls] == [(len(body), digest, b"")] * 2 + [(2, "", b"{}")]
    assert [(event.size, event.sha256, kept) for event, kept in relay.exchanges] == [(len(body), digest, b"")] * 3
    assert relay.last_beat.dropped == {"capture_no_room": 5}


def test_a_disk_that_refuses_never_shows_on_the_wire(tmp_path: Path) -> None:
    journal = "disk_max_bytes = 1_048_576\ndisk_reserve_bytes = 65_536"
    body = b"y" * 300_000
    with Upstream(lambda asked: iter([sized(body)])) as up, Relaying(config(tmp_path, up.port, journal=journal)) as relay:
        for _ in range(8):
            assert relay.ask(CALL).body == body
    assert relay.last_beat.dropped["disk_cap"] > 0
    assert len(relay.calls) + len(relay.exchanges) + relay.last_beat.dropped["disk_cap"] == 16


def test_at_most_the_first_256_chunks_are_marked(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    read = [threading.Event() for _ in range(300)]
    steps = [head, *(step for gate in read for step in (b"1\r\nx\r\n", gate)), b"0\r\n\r\n", LEAVE]
    with Upstream(lambda asked: iter(steps)) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        talk.send(CALL)
        talk.head()
        for gate in read:
            assert talk.wire.exactly(6) == b"1\r\nx\r\n"
            gate.set()
        assert talk.wire.exactly(5) == b"0\r\n\r\n"
    ((event, body),) = relay.exchanges
    assert (event.chunks, len(event.marks), event.marks[-1][1], len(body)) == (300, 256, 256, 300)

"""Calls on a switched route that mean harm, or candidates that do: what must not get through to the other side."""

import gzip
import json
import threading
from pathlib import Path

import pytest

from proxy.events import Drawn
from tests.fakes.upstream import CLOSE, Step, sized
from tests.proxy.relaying import LLM, until
from tests.proxy.switching import switching
from tests.proxy.test_canary import BODY, KEYED, call, drawn_of, named, told

HEAD_ALONE = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"


def test_nothing_of_a_head_that_came_to_nothing_is_left_in_the_incumbents(tmp_path: Path) -> None:
    with switching(tmp_path, named(b"gpt"), named(b"small", HEAD_ALONE, CLOSE)) as relay:
        answer = relay.ask(call())
        old = relay.ask(call(head=KEYED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Connection: keep-alive\r\n"))
    assert answer.lines == [b"X-From: gpt", b"Content-Length: 15"] and answer.body == b'{"from": "gpt"}'
    assert old.lines == [b"X-From: gpt", b"Content-Length: 15", b"Connection: keep-alive"]


@pytest.mark.parametrize(
    "steps",
    [(sized(b""),), (b"HTTP/1.0 200 OK\r\n\r\n", CLOSE), (b"HTTP/1.1 204 No\r\n\r\n",), (HEAD_ALONE + b"0\r\n\r\n",)],
    ids=["sized", "until the end", "204", "chunked"],
)
def test_an_answer_without_a_byte_is_none(tmp_path: Path, steps: tuple[Step, ...]) -> None:
    with switching(tmp_path, named(b"gpt"), named(b"small", *steps)) as relay:
        assert relay.ask(call()).body == b'{"from": "gpt"}'
    assert told(relay)[0][:3] == ("small", "candidate", False)
    assert [each and each.fallback for each in drawn_of(relay)] == ["cut"]


def test_no_other_origin_hears_a_key_of_the_caller_whatever_it_is_called(tmp_path: Path) -> None:
    names = (
        "AUTHORIZATION", "Proxy-Auth", "X-Auth-Token", "X-Amz-Security-Token", "Helicone-Auth", "cf-aig-authorization", "X-Portkey-Api-Key",
        "X-LiteLLM-Key", "x-functions-key", "Ocp-Apim-Subscription-Key", "X-Session-Id", "COOKIE", "x_api_key", "ApiKey", "X-Client-Secret",
    )  # fmt: skip
    head = LLM.replace(b"completions", b"completions?key=caller&%6bEy=caller&k%65y=caller&beta=1&access%5Ftoken=caller")
    head += b"".join(f"{name}: caller\r\n".encode() for name in names) + b"X-Custom: caller\r\nTraceparent: 00-1\r\n"
    small = named(b"small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OURS", "ours")
        with switching(tmp_path, named(b"gpt"), small, target='headers_env = { X-Custom = "OURS" }') as relay:
            assert relay.ask(call(head=head)).body == b'{"from": "small"}'
    assert b"caller" not in small.asked[0].head
    assert small.asked[0].header(b"x-custom") == [b"ours"] and small.asked[0].header(b"traceparent") == [b"00-1"]
    assert small.asked[0].target == b"/v1/chat/completions?beta=1"
    assert "caller" not in relay.calls[0][0].path


def test_a_request_that_unfolds_to_more_than_is_kept_is_not_read(tmp_path: Path) -> None:
    bomb = gzip.compress(json.dumps(BODY | {"messages": [{"role": "user", "content": "x" * 2_000_000}]}).encode())
    gpt = named(b"gpt")
    with switching(tmp_path, gpt, named(b"small"), server="capture_max_bytes = 1_000_000") as relay:
        assert relay.ask(call(bomb, KEYED + b"Content-Encoding: gzip\r\n")).body == b'{"from": "gpt"}'
    assert gpt.asked[0].body == bomb
    assert drawn_of(relay) == [Drawn(rollout="try", stayed="too_large")]


def test_a_held_body_is_still_on_record_when_the_journals_room_holds_it_just_once(tmp_path: Path) -> None:
    raw = json.dumps(BODY | {"messages": [{"role": "user", "content": "x" * 700_000}]}).encode()
    with switching(tmp_path, named(b"gpt"), named(b"small"), journal="queue_max_bytes = 1_048_576") as relay:
        assert relay.ask(call(raw)).body == b'{"from": "small"}'
    assert [body for _, body in relay.calls] == [raw]


@pytest.mark.parametrize("held", [False, True], ids=["tried", "held"])
def test_a_worker_that_ends_leaves_the_incumbent_time_to_answer(tmp_path: Path, held: bool) -> None:
    never, whole = threading.Event(), call()
    small = named(b"small", never)
    with switching(tmp_path, named(b"gpt"), small, server="drain_s = 6") as relay, relay.talk() as talk:
        talk.send(whole[:-9] if held else whole)
        until(lambda: relay.worker.under_way == 1 if held else small.asked)
        relay.drain_s = 6.0
        relay.begin_to_end()
        if held:
            until(lambda: relay.worker.draining)
            talk.send(whole[-9:])
        assert talk.answer().body == b'{"from": "gpt"}'
        never.set()
    assert [each and each.fallback for each in drawn_of(relay)] == ["silent"]
    assert relay.exchanges[0][0].error == "interrupted: the worker is ending"  # no evidence to the guard

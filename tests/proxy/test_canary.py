"""Calls on a route that is being switched: what the candidate is sent, whose bytes the client gets, and what is told of it."""

import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from proxy.events import Drawn
from proxy.rollout.change import change
from proxy.rollout.state import Asked as Change
from proxy.rollout.state_file import files_of
from tests.fakes.upstream import CLOSE, LEAVE, RESET, Asked, Step, Upstream, sized
from tests.proxy.relaying import LLM, Answer, Relaying, until
from tests.proxy.switching import at_share, rollout_of, switched, switching

BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "héllo"}], "temperature": 0.25}
KEYED = LLM + b"Authorization: Bearer sk-caller\r\nCookie: a=b\r\nX-App: 1\r\nOpenAI-Organization: org-1\r\n"


def call(body: object = BODY, head: bytes = KEYED) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(raw), raw)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def named(name: bytes, *steps: Step) -> Upstream:
    """Answers with its name, or does these steps."""

    def answer(asked: Asked) -> Iterable[Step]:
        yield from steps or (sized(b'{"from": "%b"}' % name, b"X-From: " + name),)

    return Upstream(answer)


def told(relay: Relaying) -> list[tuple[str, str, bool, int, str]]:
    """(target, role, seen, status, ended) of each exchange."""
    return [(event.target, event.role, event.seen, event.status, event.ended) for event, _ in relay.exchanges]


def drawn_of(relay: Relaying) -> list[Drawn | None]:
    return [event.drawn for event, _ in relay.calls]


# ---- the candidate answers


def test_the_candidate_gets_the_clients_request_with_its_own_model_and_without_the_callers_keys(tmp_path: Path) -> None:
    small, gpt = named(b"small"), named(b"gpt")
    more = 'api_key_env = "SMALL_KEY"\nset = { top_p = 0.5 }\ndrop = ["temperature"]'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_KEY", "sk-ours")
        with switching(tmp_path, gpt, small, target=more) as relay:
            answer = relay.ask(call())
    (asked,) = small.asked
    assert answer.body == b'{"from": "small"}' and answer.header("X-From") == "small"
    assert json.loads(asked.body) == {"model": "small-2", "messages": BODY["messages"], "top_p": 0.5}
    assert asked.header(b"authorization") == [b"Bearer sk-ours"]
    assert not asked.header(b"cookie") and not asked.header(b"openai-organization")
    assert asked.header(b"x-app") == [b"1"]
    assert gpt.asked == []
    assert told(relay) == [("small", "candidate", True, 200, "complete")]
    assert drawn_of(relay) == [Drawn(rollout="try", share=1.0, target="small")]
    ((event, body),) = relay.calls
    assert json.loads(body) == BODY and event.whole
    assert relay.exchanges[0][0].model == "small-2"
    assert set(relay.exchanges[0][0].rewrites) == {"model gpt-4o → small-2", "set top_p", "dropped temperature"}


def test_a_body_that_needs_no_change_goes_to_the_candidate_byte_for_byte(tmp_path: Path) -> None:
    small = named(b"small")
    raw = b'{ "model":"small-2",\n "messages":[{"role":"user","content":"h\xc3\xa9"}] }'
    with switching(tmp_path, named(b"gpt"), small) as relay:
        relay.ask(call(raw))
    assert small.asked[0].body == raw


def test_the_callers_key_opens_the_incumbents_own_door_and_no_other(tmp_path: Path) -> None:
    with Upstream() as up:
        configured = switched(tmp_path, up.port, up.port)
        at_share(configured, 1.0)
        with Relaying(configured) as relay:
            relay.ask(call())
    assert up.asked[0].header(b"authorization") == [b"Bearer sk-caller"]
    assert json.loads(up.asked[0].body)["model"] == "small-2"
    small = named(b"small")
    with switching(tmp_path / "other", named(b"gpt"), small) as relay:
        relay.ask(call())
    assert small.asked[0].header(b"authorization") == []


def test_a_candidates_stream_comes_down_as_it_comes(tmp_path: Path) -> None:
    gates = [threading.Event() for _ in range(3)]
    steps: list[Step] = [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"]
    for number, gate in enumerate(gates):
        steps += [gate, chunk(b"data: %d\n\n" % number)]
    with switching(tmp_path, named(b"gpt"), named(b"small", *steps, b"0\r\n\r\n")) as relay, relay.talk() as talk:
        talk.send(call())
        for number, gate in enumerate(gates):
            gate.set()
            if not number:
                assert b"text/event-stream" in talk.head()
            assert talk.wire.exactly(len(chunk(b"data: 0\n\n"))) == chunk(b"data: %d\n\n" % number)
    assert told(relay)[0][:3] == ("small", "candidate", True)


def test_a_candidates_cut_stream_never_ends_like_a_whole_one(tmp_path: Path) -> None:
    steps = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"data: 1\n\n"), RESET)
    with switching(tmp_path, named(b"gpt"), named(b"small", *steps)) as relay, relay.talk() as talk:
        talk.send(call())
        rest, end = talk.end()
    assert end == "reset" and not rest.endswith(b"\r\n0\r\n\r\n")
    assert told(relay) == [("small", "candidate", True, 200, "cut")]


@pytest.mark.parametrize("how", ["pieces", "chunked", "expect", "gzip"])
def test_a_request_is_drawn_however_it_comes(tmp_path: Path, how: str) -> None:
    import gzip

    raw = json.dumps(BODY).encode()
    small = named(b"small")
    with switching(tmp_path, named(b"gpt"), small) as relay, relay.talk() as talk:
        if how == "pieces":
            for byte in (call()[start : start + 17] for start in range(0, len(call()), 17)):
                talk.send(byte)
        elif how == "chunked":
            talk.send(KEYED + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(raw[:9]))
            talk.send(chunk(raw[9:]) + b"0\r\n\r\n")
        elif how == "gzip":
            talk.send(call(gzip.compress(raw), KEYED + b"Content-Encoding: gzip\r\n"))
        else:
            talk.send(KEYED + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(raw))
            assert talk.wire.exactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            talk.send(raw)
        assert talk.answer().body == b'{"from": "small"}'
    assert json.loads(small.asked[0].body)["model"] == "small-2"
    assert not small.asked[0].header(b"expect") and not small.asked[0].header(b"content-encoding")


def test_several_calls_of_one_connection_are_each_drawn(tmp_path: Path) -> None:
    with switching(tmp_path, named(b"gpt"), named(b"small"), share=0.5) as relay, relay.talk() as talk:
        found = []
        for number in range(60):
            talk.send(call(BODY | {"messages": [{"role": "user", "content": f"conversation {number}"}]}))
            found.append(json.loads(talk.answer().body)["from"])
        again = []
        for number in range(60):
            talk.send(call(BODY | {"messages": [{"role": "user", "content": f"conversation {number}"}]}))
            again.append(json.loads(talk.answer().body)["from"])
    assert found == again and 12 < found.count("small") < 48
    assert [bool(each and each.target) for each in drawn_of(relay)] == [name == "small" for name in found + again]
    assert {each and each.share for each in drawn_of(relay)} == {0.5}


def test_calls_that_come_in_one_read_are_answered_in_their_order(tmp_path: Path) -> None:
    with switching(tmp_path, named(b"gpt"), named(b"small"), share=0.5) as relay, relay.talk() as talk:
        calls = [call(BODY | {"messages": [{"role": "user", "content": f"conversation {number}"}]}) for number in range(12)]
        alone = [json.loads(relay.ask(each).body)["from"] for each in calls]
        talk.send(b"".join(calls))
        assert [json.loads(talk.answer().body)["from"] for _ in calls] == alone
    assert set(alone) == {"small", "gpt"}


# ---- the incumbent answers in its place

FAULTS: dict[str, tuple[Step, ...]] = {
    "status_500": (sized(b"{}", status=b"500 Oh"),),
    "status_429": (sized(b"{}", b"Retry-After: 9", status=b"429 Slow"),),
    "status_400": (sized(b"{}", status=b"400 Bad"),),
    "status_302": (sized(b"", b"Location: /x", status=b"302 Found"),),
    "head only": (b"HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\n", CLOSE),
    "closed": (CLOSE,),
    "reset": (RESET,),
    "garbage": (b"SSH-2.0-x\r\n\r\n",),
    "head, then closed": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", CLOSE),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_before_the_first_byte_the_incumbent_answers(tmp_path: Path, fault: str) -> None:
    gpt, small = named(b"gpt"), named(b"small", *FAULTS[fault])
    with switching(tmp_path, gpt, small) as relay, relay.talk() as talk:
        for _ in range(2):  # the connection goes on
            talk.send(call())
            answer: Answer = talk.answer()
            assert answer.body == b'{"from": "gpt"}' and answer.status == 200
    assert [json.loads(asked.body) for asked in gpt.asked] == [BODY, BODY]
    assert gpt.asked[0].header(b"authorization") == [b"Bearer sk-caller"]
    first, second = told(relay)[:2]
    assert first[:3] == ("small", "candidate", False) and second == ("gpt", "incumbent", True, 200, "complete")
    (drawn, _) = drawn_of(relay)
    assert drawn is not None and drawn.target == "small" and drawn.fallback and drawn.served == ""
    if fault.startswith("status_"):
        assert drawn.fallback == fault and first[3] == int(fault[7:])


def test_a_candidate_that_is_not_there_costs_the_client_nothing(tmp_path: Path) -> None:
    import socket

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with switching(tmp_path, named(b"gpt"), closed.getsockname()[1]) as relay:
            assert relay.ask(call()).body == b'{"from": "gpt"}'
    assert told(relay)[0] == ("small", "candidate", False, 0, "unreachable")
    assert [each and each.fallback for each in drawn_of(relay)] == ["unreachable"]


@pytest.mark.parametrize("steps", [(), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",)], ids=["nothing", "a head alone"])
def test_silence_before_the_first_byte_ends_with_the_incumbent(tmp_path: Path, steps: tuple[Step, ...]) -> None:
    never = threading.Event()

    def hang() -> None:
        never.wait(60)

    with switching(tmp_path, named(b"gpt"), named(b"small", *steps, hang), rollout="fallback_after_s = 0.2") as relay:
        assert relay.ask(call()).body == b'{"from": "gpt"}'
        never.set()
    (candidate, _), (incumbent, _) = relay.exchanges
    assert candidate.ended == "timed_out" and candidate.latency_us >= 200_000
    assert incumbent.at > candidate.at and incumbent.latency_us < candidate.latency_us + 5_000_000
    assert [each and each.fallback for each in drawn_of(relay)] == ["silent"]


def test_a_client_that_leaves_while_the_candidate_is_asked_is_told_as_gone(tmp_path: Path) -> None:
    small = named(b"small", LEAVE)
    with switching(tmp_path, named(b"gpt"), small) as relay:
        with relay.talk() as talk:
            talk.send(call())
            until(lambda: small.asked)
        until(lambda: relay.worker.under_way == 0)
    assert told(relay) == [("small", "candidate", True, 0, "client_gone")]
    assert [each and each.served for each in drawn_of(relay)] == ["small"]


# ---- what stays with the incumbent


@pytest.mark.parametrize(
    ("body", "head", "why"),
    [
        (b"not json", KEYED, "unreadable"),
        (b'{"messages": [], "store": true}', KEYED, "creates_state"),
        (json.dumps(BODY | {"tools": [{"type": "mcp"}]}).encode(), KEYED, "side_effects"),
        (json.dumps(BODY | {"messages": [{"role": "user", "content": "x" * 9000}]}).encode(), KEYED, "too_large"),
        (b'{"model": "m", "input": "x"}', KEYED.replace(b"chat/completions", b"responses"), "creates_state"),
        (b'{"model": "m", "input": "x", "store": false, "previous_response_id": "r"}', KEYED.replace(b"chat/completions", b"responses"), "side_effects"),
    ],
)  # fmt: skip
def test_what_can_only_be_the_incumbents_stays_with_it_and_is_counted(tmp_path: Path, body: bytes, head: bytes, why: str) -> None:
    gpt, small = named(b"gpt"), named(b"small")
    with switching(tmp_path, gpt, small, server="capture_max_bytes = 8000") as relay:
        assert relay.ask(call(body, head)).body == b'{"from": "gpt"}'
    assert small.asked == [] and gpt.asked[0].body == body
    assert drawn_of(relay) == [Drawn(rollout="try", stayed=why)]


def test_a_route_without_an_active_rollout_is_relayed_as_ever(tmp_path: Path) -> None:
    gpt, small = named(b"gpt"), named(b"small")
    with switching(tmp_path, gpt, small, share=0.0) as relay:
        assert relay.ask(call()).body == b'{"from": "gpt"}'
    assert drawn_of(relay) == [None] and small.asked == []


def test_without_a_fresh_word_of_the_guard_the_incumbent_answers(tmp_path: Path) -> None:
    gpt, small = named(b"gpt"), named(b"small")
    with switching(tmp_path, gpt, small) as relay:
        assert relay.ask(call()).body == b'{"from": "small"}'
        files_of(relay.config, rollout_of(relay.config)).guard.unlink()
        assert relay.ask(call()).body == b'{"from": "gpt"}'
    assert drawn_of(relay)[1] == Drawn(rollout="try", stayed="no_guard")


def test_a_rollback_takes_effect_on_the_next_call(tmp_path: Path) -> None:
    with switching(tmp_path, named(b"gpt"), named(b"small")) as relay:
        for _ in range(20):
            assert relay.ask(call()).body == b'{"from": "small"}'
            change(relay.config, rollout_of(relay.config), Change(action="rollback", actor="test", why="enough"))
            assert relay.ask(call()).body == b'{"from": "gpt"}'
            at_share(relay.config, 1.0)


def test_a_lost_or_torn_state_means_the_incumbent(tmp_path: Path) -> None:
    with switching(tmp_path, named(b"gpt"), named(b"small")) as relay:
        path = files_of(relay.config, rollout_of(relay.config)).state
        whole = path.read_bytes()
        assert relay.ask(call()).body == b'{"from": "small"}'
        path.write_bytes(whole[: len(whole) // 2])
        assert relay.ask(call()).body == b'{"from": "gpt"}'
        path.unlink()
        assert relay.ask(call()).body == b'{"from": "gpt"}'
        path.write_bytes(whole)
        assert relay.ask(call()).body == b'{"from": "small"}'


def test_a_finished_rollout_needs_no_guard(tmp_path: Path) -> None:
    with switching(tmp_path, named(b"gpt"), named(b"small")) as relay:
        change(relay.config, rollout_of(relay.config), Change(action="finish", actor="test"))
        files_of(relay.config, rollout_of(relay.config)).guard.unlink()
        assert relay.ask(call()).body == b'{"from": "small"}'


def test_what_was_journaled_of_a_canary_holds_no_key(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_KEY", "sk-ours")
        with switching(tmp_path, named(b"gpt"), named(b"small"), target='api_key_env = "SMALL_KEY"') as relay:
            relay.ask(call())
            time.sleep(0.05)
    journaled = b"".join(path.read_bytes() for path in relay.config.journal_folder.iterdir() if path.is_file())
    assert b"sk-ours" not in journaled and b"sk-caller" not in journaled


# ---- all at once


def test_many_connections_and_every_kind_of_trouble_leave_each_client_with_one_whole_answer(tmp_path: Path) -> None:
    import random
    from concurrent.futures import ThreadPoolExecutor

    def moody(asked: Asked) -> Iterable[Step]:
        number = json.loads(asked.body)["n"]
        fault = random.Random(number).choice([*FAULTS, "", "", "", "late", "stream"])
        if fault == "late":
            yield lambda: time.sleep(0.4)
        if fault == "stream":
            yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            yield from (chunk(piece) for piece in (b'{"from"', b': "small"', b', "n": %d}' % number))
            yield b"0\r\n\r\n"
        else:
            yield from FAULTS.get(fault, (sized(b'{"from": "small", "n": %d}' % number),))

    def steady(asked: Asked) -> Iterable[Step]:
        yield sized(b'{"from": "gpt", "n": %d}' % json.loads(asked.body)["n"])

    def person(first: int) -> list[tuple[int, object, int]]:
        found: list[tuple[int, object, int]] = []
        with relay.talk() as talk:
            for number in range(first, first + 25):
                padding = "x" * random.Random(-number).choice([1, 100, 70_000, 400_000])
                talk.send(call(BODY | {"n": number, "messages": [{"role": "user", "content": f"{number} {padding}"}]}))
                answer = talk.answer()
                found.append((number, json.loads(answer.body), answer.status))
        return found

    more = {"rollout": "fallback_after_s = 0.2"}
    with switching(tmp_path, Upstream(steady), Upstream(moody), share=0.7, **more) as relay, ThreadPoolExecutor(12) as pool:
        answers = [each for found in pool.map(person, range(0, 300, 25)) for each in found]
    assert all(status == 200 and body["n"] == number for number, body, status in answers)  # type: ignore[index]
    by_call = {event.id: event.drawn for event, _ in relay.calls}
    assert len(by_call) == 300 and all(drawn is not None and not drawn.stayed for drawn in by_call.values())
    seen = [event for event, _ in relay.exchanges if event.seen]
    assert sorted(event.id for event in seen) == sorted(by_call)
    for event in seen:
        drawn = by_call[event.id]
        assert drawn is not None and (drawn.served == "small") == (event.target == "small") and event.ended == "complete"
    unseen = [event for event, _ in relay.exchanges if not event.seen]
    assert {event.id for event in unseen} == {name for name, drawn in by_call.items() if drawn and drawn.fallback}
    assert len({drawn.fallback for drawn in by_call.values() if drawn}) >= 6


def test_what_is_held_has_one_bound_for_all_calls_and_is_given_back(tmp_path: Path) -> None:
    raw = json.dumps(BODY | {"messages": [{"role": "user", "content": "x" * 700_000}]}).encode()
    gpt, small = named(b"gpt"), named(b"small")
    with switching(tmp_path, gpt, small, journal="queue_max_bytes = 1_048_576") as relay:
        with relay.talk() as first, relay.talk() as second, relay.talk() as leaver:
            first.send(call(raw)[:-9])
            until(lambda: relay.worker.journal.held > 690_000)
            second.send(call(raw))
            assert second.answer().body == b'{"from": "gpt"}'
            first.send(call(raw)[-9:])
            assert first.answer().body == b'{"from": "small"}'
            leaver.send(call(raw)[:-9])
            until(lambda: relay.worker.under_way == 1)
        until(lambda: relay.worker.under_way == 0 and relay.worker.journal.held == 0)
    assert Drawn(rollout="try", stayed="overload") in drawn_of(relay)

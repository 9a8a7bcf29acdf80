"""Runs against real servers: who is asked what, how refusals and outages are borne, what limits hold, what a second life takes up."""

import asyncio
import contextlib
import itertools
import socket
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from aiohttp import web

from replay.archive.reader import Archive
from replay.archive.record import Fitness, Record
from replay.faults import Wrong
from tests.replay.archive.made import START, a_request, an_id
from tests.replay.kit import ANSWER, model
from tests.replay.run.kit import (
    PRICE,
    a_call,
    an_answer_of,
    an_archive,
    answered,
    asked_of,
    configured,
    decided_once,
    last_text,
    refused,
    run,
    store_of,
    target,
    text_of,
)  # fmt: skip

OURS = "seen = false AND run_id = 'night'"


def test_several_targets_answer_the_same_calls_and_every_sample_is_a_pair(tmp_path: Path) -> None:
    async def go() -> None:
        async with model() as small, model() as other:
            file = configured(tmp_path, small.url, target=target("second", other.url))
            played = await run(file, an_archive(tmp_path, 12), to=("small", "second"), samples=3)
            assert played.outcome.state == "finished" and played.stored
            assert asked_of(small) == asked_of(other) == {text_of(number): 3 for number in range(12)}
            rows = store_of(file)("SELECT target, sample, count(*), count(DISTINCT call_id) FROM pairs WHERE run_id = 'night' GROUP BY ALL")
            assert sorted(rows) == [(name, sample, 12, 12) for name in ("second", "small") for sample in range(3)]
            assert decided_once(file)
            assert {body["model"] for _, _, body in small.seen} == {"small-2"}
            told = played.figures.told()
            assert told["calls"] == 12 and told["targets"]["small"]["answered"] == 36
            assert told["wanted_per_s"] == pytest.approx(100, rel=0.01), "a rate is one of calls, however often each is asked"

    asyncio.run(go())


def test_against_again_asks_the_incumbent_in_the_same_run_and_pairs_with_that_answer(tmp_path: Path) -> None:
    async def go() -> None:
        async def now(request: web.Request, body: bytes) -> web.StreamResponse:
            return an_answer_of("said now")

        async with model() as small, model(now) as big:
            file = configured(tmp_path, small.url, incumbent=big.url)
            await run(file, an_archive(tmp_path, 6), against="again")
            assert asked_of(small) == asked_of(big) == {text_of(number): 1 for number in range(6)}
            pairs = store_of(file)("SELECT incumbent_text, incumbent_run_id, candidate_text, incumbent_latency_s FROM pairs")
            assert len(pairs) == 6 and {row[:3] for row in pairs} == {("said now", "night", "Paris.")}
            assert all(row[3] != 0.5 for row in pairs), "that is the recorded latency"
            await run(file, tmp_path / "june.jsonl.zst", run="then")
            then = store_of(file)("SELECT DISTINCT incumbent_text, incumbent_latency_s FROM pairs WHERE run_id = 'then'")
            assert then == [("Paris.", 0.5)]

    asyncio.run(go())


@pytest.mark.parametrize("said", [{"retry_after": "1"}, {"retry_after_ms": "700"}])
def test_nothing_leaves_before_the_time_a_429_asks_for_and_every_call_is_answered_in_the_end(tmp_path: Path, said: dict[str, str]) -> None:
    wait_s = 1.0 if "retry_after" in said else 0.7
    refusals: list[float] = []

    async def go() -> None:
        async def limited(request: web.Request, body: bytes) -> web.StreamResponse:
            if len(small.seen) in (4, 5):
                refusals.append(time.time())
                return refused(**said)
            return web.json_response(ANSWER)

        async with model(limited) as small:
            file = configured(tmp_path, small.url, target="max_in_flight = 2")
            played = await run(file, an_archive(tmp_path, 20), pace="x5")
            assert not [at for at in small.at if refusals[-1] < at < refusals[-1] + wait_s], "it was asked while it had said wait"
            assert answered(file) == {an_id(number): 1 for number in range(20)}
            rows = store_of(file)(f"SELECT status, attempt, count(*) FROM exchanges WHERE {OURS} GROUP BY ALL ORDER BY ALL")
            assert sum(count for status, _, count in rows if status == 429) == len(refusals)
            pairs = store_of(file)("SELECT count(*), count(DISTINCT call_id) FROM pairs WHERE candidate_outcome = 'answered'")
            assert pairs == [(20, 20)] and decided_once(file)
            assert played.figures.targets["small"].retries == len(refusals)
            assert played.figures.targets["small"].latency.n == 20, "how quickly it says no is no latency of an answer"

    asyncio.run(go())


def test_a_quota_that_is_used_up_is_not_asked_again_and_stops_the_run(tmp_path: Path) -> None:
    async def go() -> None:
        gone = True

        async def empty(request: web.Request, body: bytes) -> web.StreamResponse:
            return refused(code="insufficient_quota") if gone else web.json_response(ANSWER)

        async with model(empty) as small:
            file, archive = configured(tmp_path, small.url, target="max_in_flight = 2"), an_archive(tmp_path, 30)
            played = await run(file, archive)
            assert played.outcome.why == "target" and "no quota is left" in played.outcome.reason
            assert 5 <= len(small.seen) <= 7 and set(asked_of(small).values()) == {1}
            gone = False
            await run(file, archive, resume=True)
            assert answered(file) == {an_id(number): 1 for number in range(30)}

    asyncio.run(go())


def test_a_call_that_is_always_refused_ends_with_its_refusals_told(tmp_path: Path) -> None:
    async def go() -> None:
        async def never(request: web.Request, body: bytes) -> web.StreamResponse:
            return refused(retry_after_ms="1") if last_text(body) == text_of(1) else web.json_response(ANSWER)

        async with model(never) as small:
            file = configured(tmp_path, small.url)
            played = await run(file, an_archive(tmp_path, 3))
            assert played.outcome.state == "finished" and asked_of(small)[text_of(1)] == 8
            rows = store_of(file)(f"SELECT status, attempt FROM exchanges WHERE {OURS} AND call_id = $1 ORDER BY 2", an_id(1))
            assert rows == [(429, attempt) for attempt in range(1, 9)]

    asyncio.run(go())


def test_a_target_that_is_down_for_a_while_loses_no_call(tmp_path: Path) -> None:
    async def go() -> None:
        with nobody_yet() as door:
            file = configured(tmp_path, url_of(door))
            running = asyncio.ensure_future(run(file, an_archive(tmp_path, 15)))
            await asyncio.sleep(0.8)
            runner, seen = await _at(door)
            try:
                played = await running
            finally:
                await runner.cleanup()
        assert played.outcome.state == "finished"
        assert Counter(seen) == {text_of(number): 1 for number in range(15)} and answered(file) == {
            an_id(number): 1 for number in range(15)
        }
        assert store_of(file)(f"SELECT count(*) FROM exchanges WHERE {OURS} AND status IS NULL") == [(0,)]

    asyncio.run(go())


def nobody_yet() -> socket.socket:
    """An address that refuses every connection, and that nobody else on this machine can be given in the meantime."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    return door


def url_of(door: socket.socket) -> str:
    return f"http://127.0.0.1:{door.getsockname()[1]}"


async def _at(door: socket.socket) -> tuple[web.AppRunner, list[str]]:
    """A model at this very address."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(last_text(await request.read()))
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, door).start()
    return runner, seen


def test_a_target_that_stays_down_stops_the_run_which_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async def go() -> None:
        with nobody_yet() as door:
            file, archive = configured(tmp_path, url_of(door)), an_archive(tmp_path, 8)
            played = await run(file, archive, outage_s=0.5)
            assert played.outcome.state == "stopped" and played.outcome.why == "target" and "small was not reached" in played.outcome.reason
            runner, seen = await _at(door)
            try:
                played = await run(file, archive, resume=True)
            finally:
                await runner.cleanup()
        assert played.outcome.state == "finished" and played.resumed
        assert Counter(seen) == {text_of(number): 1 for number in range(8)} and answered(file) == {an_id(number): 1 for number in range(8)}
        assert decided_once(file)

    asyncio.run(go())


def test_a_key_that_is_refused_stops_the_run_and_nobody_shut_out_is_lost_to_it(tmp_path: Path) -> None:
    async def go() -> None:
        closed = True

        async def door(request: web.Request, body: bytes) -> web.StreamResponse:
            return refused(401, "invalid_api_key") if closed else web.json_response(ANSWER)

        async with model(door) as small:
            file, archive = configured(tmp_path, small.url, target="max_in_flight = 3"), an_archive(tmp_path, 30)
            played = await run(file, archive)
            assert played.outcome.why == "target" and "401 to our key" in played.outcome.reason
            assert 5 <= len(small.seen) <= 8, "it went on asking"
            closed = False
            played = await run(file, archive, resume=True)
            assert played.outcome.state == "finished" and answered(file) == {an_id(number): 1 for number in range(30)}
            assert store_of(file)("SELECT count(*) FROM pairs WHERE candidate_outcome = 'answered'") == [(30,)]

    asyncio.run(go())


def test_a_single_403_is_an_answer_for_good(tmp_path: Path) -> None:
    async def go() -> None:
        async def door(request: web.Request, body: bytes) -> web.StreamResponse:
            return refused(403, "not_for_you") if last_text(body) == text_of(2) else web.json_response(ANSWER)

        async with model(door) as small:
            file, archive = configured(tmp_path, small.url), an_archive(tmp_path, 6)
            await run(file, archive)
            played = await run(file, archive, resume=True)
            assert played.outcome.state == "finished" and set(asked_of(small).values()) == {1}

    asyncio.run(go())


def test_what_cannot_be_sent_gets_its_decision_and_is_not_sent(tmp_path: Path) -> None:
    async def go() -> None:
        bound = {"model": "m", "input": "and now?", "previous_response_id": "resp_1"}
        records = [
            a_call(0),
            a_call(1, request=bound, call={"dialect": "openai.responses", "path": "/v1/responses"}),
            a_call(2, fitness=Fitness(verdict="not_replayable", reason="the log cut the request off")),
            a_call(3, request=b"no JSON at all"),
            a_call(4, request=b""),
        ]
        async with model() as small:
            file, archive = configured(tmp_path, small.url), an_archive(tmp_path, records)
            played = await run(file, archive)
            assert asked_of(small) == {text_of(0): 1} and played.outcome.state == "finished"
            found = dict(store_of(file)("SELECT call_id::VARCHAR, decision || ': ' || reason FROM mirror_decisions"))
            assert found.keys() == {an_id(number) for number in range(5)} and found[an_id(0)].startswith("sent")
            assert found[an_id(2)] == "unreadable: not replayable: the log cut the request off"
            assert found[an_id(1)].startswith("ineligible_state") or "previous_response_id" in found[an_id(1)]
            await run(file, archive, resume=True)
            assert len(small.seen) == 1 and decided_once(file)

    asyncio.run(go())


def test_texts_of_an_anonymized_archive_are_marked_on_the_side_that_saw_them(tmp_path: Path) -> None:
    async def go() -> None:
        async with model() as small:
            file = configured(tmp_path, small.url)
            await run(file, an_archive(tmp_path, 2, anonymized=True), run="hidden")
            await run(file, an_archive(tmp_path, 2, "raw"), run="plain")
            rows = store_of(file)("SELECT run_id, candidate_saw, incumbent_saw, count(*) FROM pairs GROUP BY ALL ORDER BY 1")
            assert rows == [("hidden", "anonymized", "raw", 2), ("plain", "raw", "raw", 2)]
            detail = store_of(file)("SELECT detail->>'texts' FROM run_events WHERE run_id = 'hidden' AND state = 'started'")
            assert detail == [("pseudonymised",)]

    asyncio.run(go())


def test_first_turns_and_later_turns_stay_apart(tmp_path: Path) -> None:
    async def go() -> None:
        records = [a_call(number, request=a_request(text_of(number), turns=1 + number % 2 * 2)) for number in range(6)]
        async with model() as small:
            file = configured(tmp_path, small.url)
            await run(file, an_archive(tmp_path, records))
            assert store_of(file)("SELECT turn > 1, count(*) FROM calls GROUP BY ALL ORDER BY 1") == [(False, 3), (True, 3)]

    asyncio.run(go())


def test_two_hundred_under_way_never_pass_the_limit_and_a_higher_one_finishes_the_run(tmp_path: Path) -> None:
    """Every answer costs 0.0012 USD and is held to cost a little more until it is there."""
    calls, each, limit = 400, 1000 * 1e-6 + 20 * 10e-6, 0.3

    async def go() -> None:
        under_way, most, crowd = 0, 0, asyncio.Event()

        async def dear(request: web.Request, body: bytes) -> web.StreamResponse:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way >= 180:
                crowd.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(crowd.wait(), 60)
            under_way -= 1
            return web.json_response({**ANSWER, "model": "small-2", "usage": {"prompt_tokens": 1000, "completion_tokens": 20}})

        async with model(dear) as small:
            file, archive = configured(tmp_path, small.url, target=f"max_in_flight = 200\n{PRICE}"), an_archive(tmp_path, calls)
            played = await run(file, archive, pace="burst:400/1s", limit_usd=limit)
            assert played.outcome.why == "limit" and played.outcome.state == "stopped"
            assert most >= 180, "so many were never under way"
            assert limit * 0.9 < len(small.seen) * each <= limit and played.spent_usd <= limit
            before = len(small.seen)
            played = await run(file, archive, pace="burst:400/1s", limit_usd=limit, resume=True)
            assert played.outcome.why == "limit" and len(small.seen) * each <= limit, "a second life has no purse of its own"
            assert len(small.seen) - before <= 3
            played = await run(file, archive, pace="burst:400/1s", limit_usd=1.0, resume=True)
            assert played.outcome.state == "finished" and played.spent_usd == pytest.approx(calls * each)
            assert answered(file) == {an_id(number): 1 for number in range(calls)}
            assert float(store_of(file)(f"SELECT sum(cost_usd) FROM exchanges WHERE {OURS}")[0][0]) == pytest.approx(calls * each)

    asyncio.run(go())


def test_a_limit_that_has_room_for_one_of_two_targets_ends_the_run(tmp_path: Path) -> None:
    async def go() -> None:
        async with model() as small, model() as other:
            file = configured(tmp_path, small.url, target=f"{PRICE}\n{target('second', other.url, PRICE)}")
            async with asyncio.timeout(60):
                played = await run(file, an_archive(tmp_path, 100), to=("small", "second"), pace="x10", limit_usd=0.004)
            assert played.outcome.why == "limit" and 0 < len(small.seen) == len(other.seen) and played.spent_usd <= 0.004

    asyncio.run(go())


def test_bodies_that_fill_the_memory_hold_the_clock_and_end_it_not(tmp_path: Path) -> None:
    async def go() -> None:
        records = [a_call(number, request=a_request(text_of(number), system="word " * 20_000)) for number in range(40)]
        async with model() as small:
            file = configured(tmp_path, small.url, top="[shadow]\nqueue_max_bytes = 1_048_576")
            async with asyncio.timeout(60):
                played = await run(file, an_archive(tmp_path, records), pace="burst:40/1s")
            assert played.outcome.state == "finished" and len(small.seen) == 40

    asyncio.run(go())


def test_shards_together_answer_everything_once(tmp_path: Path) -> None:
    async def go() -> None:
        async with model() as small:
            file, archive = configured(tmp_path, small.url), an_archive(tmp_path, 30)
            first = await run(file, archive, shard="1/2", pace="x10")
            assert 5 < first.figures.calls < 25
            second = await run(file, archive, shard="2/2", pace="x10")
            assert first.figures.calls + second.figures.calls == 30
            assert asked_of(small) == {text_of(number): 1 for number in range(30)} and answered(file) == {an_id(n): 1 for n in range(30)}

    asyncio.run(go())


def test_a_decided_target_ends_its_leg_and_with_the_last_one_the_run_ends(tmp_path: Path) -> None:
    async def go() -> None:
        async def known() -> dict[str, str]:
            return {"small": "regressed"} if len(small.seen) > 20 else {}

        async with model() as small, model() as big:
            file = configured(tmp_path, small.url, incumbent=big.url)
            played = await run(file, an_archive(tmp_path, 3000), decided=known, against="again", pace="40/s", gaps="even")
            assert played.outcome.state == "finished" and played.figures.targets["small"].decided == "regressed"
            assert 50 < len(small.seen) < 300 and len(big.seen) == len(small.seen), "the incumbent went on alone"
            assert store_of(file)("SELECT state, detail->'targets'->'small'->>'decided' FROM runs") == [("finished", "regressed")]
            assert store_of(file)("SELECT count(*) FROM mirror_decisions WHERE decision = 'sent'") == [(2 * len(small.seen),)]

    asyncio.run(go())


def test_a_server_that_stalls_does_not_move_the_arrivals(tmp_path: Path) -> None:
    """100 calls a second. From the 100th on nothing is answered until 150 more have come: whoever waits for answers never sends them."""

    async def go() -> None:
        came = asyncio.Event()

        async def stalls(request: web.Request, body: bytes) -> web.StreamResponse:
            if len(small.seen) >= 250:
                came.set()
            if len(small.seen) >= 100:
                await asyncio.wait_for(came.wait(), 60)
            return web.json_response(ANSWER)

        async with model(stalls) as small:
            file = configured(tmp_path, small.url, target="max_in_flight = 300")
            began = time.time()
            played = await run(file, an_archive(tmp_path, 350), pace="100/s", gaps="even")
            assert came.is_set() and played.figures.targets["small"].answered == len(small.at) == 350, "it waited for answers"
            early = [number for number, at in enumerate(sorted(small.at)) if at < began + number * 0.01]
            assert not early, "it caught up by sending more than 100 calls a second"

    asyncio.run(go())


def test_what_was_refused_and_then_put_back_is_asked_under_a_new_number(tmp_path: Path) -> None:
    """A stored attempt is never written over: an answer that came under its number would be lost."""

    async def go() -> None:
        free = False

        async def limited(request: web.Request, body: bytes) -> web.StreamResponse:
            if free:
                return web.json_response(ANSWER)
            return refused(401, "no") if len(small.seen) > 6 else refused(retry_after_ms="5")

        async with model(limited) as small:
            file, archive = configured(tmp_path, small.url, target="max_in_flight = 1"), an_archive(tmp_path, 8)
            played = await run(file, archive)
            assert played.outcome.why == "target"
            free = True
            await run(file, archive, resume=True)
            assert answered(file) == {an_id(number): 1 for number in range(8)}
            assert store_of(file)("SELECT count(*) FROM pairs WHERE candidate_outcome = 'answered'") == [(8,)]
            lives = store_of(file)(f"SELECT list(status ORDER BY attempt) FROM exchanges WHERE {OURS} GROUP BY call_id")
            assert sum(len(statuses) for (statuses,) in lives) == len(small.seen), "every question asked is a row of its own"
            assert all(statuses[-1] == 200 for (statuses,) in lives)
            assert any(401 in statuses[:-1] for (statuses,) in lives), "the refused call was asked again"

    asyncio.run(go())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "which is there already"),
        ({"resume": True, "samples": 2}, "--samples"),
        ({"resume": True, "to": ("second",)}, "--to"),
        ({"resume": True, "run": ""}, "--run NAME"),
        ({"run": "../up"}, "a name of letters"),
    ],
)
def test_a_run_goes_on_only_as_it_began(tmp_path: Path, more: dict[str, object], said: str) -> None:
    async def go() -> None:
        async with model() as small:
            file, archive = configured(tmp_path, small.url, target=target("second", small.url)), an_archive(tmp_path, 1)
            await run(file, archive)
            with pytest.raises(Wrong, match=said):
                await run(file, archive, **more)  # type: ignore[arg-type]
            assert len(small.seen) == 1

    asyncio.run(go())


def test_another_archive_is_another_run(tmp_path: Path) -> None:
    async def go() -> None:
        async with model() as small:
            file = configured(tmp_path, small.url)
            await run(file, an_archive(tmp_path, 1))
            with pytest.raises(Wrong, match="the archive"):
                await run(file, an_archive(tmp_path, 2, "july"), resume=True)

    asyncio.run(go())


def test_calls_with_odd_facts_are_asked_or_decided_and_stored(tmp_path: Path) -> None:
    """Times without a zone or beyond every calendar, words that nobody knows: one such call must not cost the others."""
    late, early = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))), datetime(1, 1, 1)  # noqa: DTZ001
    facts: list[dict[str, object]] = [
        {}, {"arrived_at": early}, {"arrived_at": START.replace(tzinfo=None)}, {"arrived_at": late}, {"dialect": "martian"}, {"path": "/nobody/knows"},
        {"method": "GET"}, {"turn": -5}, {"workflow": "\U0001f600" * 50, "conversation": "x" * 5000, "route": "nobody's"}, {},
    ]  # fmt: skip

    async def go() -> None:
        async with model() as small:
            file = configured(tmp_path, small.url)
            archive = an_archive(tmp_path, [a_call(number, call=each) for number, each in enumerate(facts)])
            played = await run(file, archive, pace="100/s")
            assert played.outcome.state == "finished" and played.stored
            assert store_of(file)("SELECT count(*) FROM calls") == [(len(facts),)]
            assert store_of(file)("SELECT decision, count(*) FROM mirror_decisions GROUP BY ALL ORDER BY 1") == [
                ("sent", 8),
                ("side_effects", 1),
                ("unreadable", 1),
            ]
            played = await run(file, archive, run="again", pace="x999999999999")
            assert played.outcome.state == "finished" and len(small.seen) == 16

    asyncio.run(go())


def test_an_archive_whose_ids_no_store_could_keep_is_not_played(tmp_path: Path) -> None:
    async def go() -> None:
        async with model() as small:
            for name, id in (("words", "not-a-uuid"), ("capitals", an_id(171).upper())):
                with pytest.raises(Wrong, match="a UUID in lower case"):
                    await run(configured(tmp_path, small.url), an_archive(tmp_path, [a_call(0), a_call(1, call={"id": id})], name))
            assert small.seen == []

    asyncio.run(go())


class Torn(Archive):
    """One whose disk fails after 20 calls."""

    def records(self) -> Iterator[Record]:
        yield from itertools.islice(super().records(), 20)
        raise Wrong(self.path, "Input/output error", "a file that can be read")


def test_an_archive_that_cannot_be_read_on_stops_the_run_and_what_was_answered_is_kept(tmp_path: Path) -> None:
    async def go() -> None:
        async with model() as small:
            file, archive = configured(tmp_path, small.url), an_archive(tmp_path, 30)
            played = await run(file, archive, torn=Torn(archive))
            assert played.outcome.why == "ledger" and "the archive cannot be read on" in played.outcome.reason and played.stored
            assert len(answered(file)) == len(small.seen) <= 20
            played = await run(file, archive, resume=True)
            assert played.outcome.state == "finished" and len(answered(file)) == 30 and set(asked_of(small).values()) == {1}

    asyncio.run(go())

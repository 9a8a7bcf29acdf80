"""A canary seen from the shadow: who answered is served, the incumbent is asked in reverse, and decisions add up to calls in a real store."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from msgspec.structs import replace

from proxy.config import Config, Price
from proxy.events import AuditEvent, BeatEvent, CallEvent, Drawn, ExchangeEvent
from proxy.exchange import DecisionName, Role
from proxy.rollout.change import change
from proxy.rollout.state import Action, Asked
from proxy.store import Store
from replay.cast import asked_targets, stage
from replay.drawn import Reverse
from replay.room import Room
from tests.proxy.journaled import record
from tests.replay.kit import ANSWER, Handler, Worker, chat, config, decisions, events_of, exchanges, model, until
from tests.replay.test_shadow import shadowing

ROLLOUT = '[[rollouts]]\nname = "try"\nroute = "main"\ncandidate = "small"\nsteps = [0.5, 1.0]\n'
BARE = "shadow = []"
SERVED = Drawn(rollout="try", share=0.5, target="small")
FELL_BACK = Drawn(rollout="try", share=0.5, target="small", fallback="status_500")
MISSED = Drawn(rollout="try", share=0.5)
STAYED = Drawn(rollout="try", stayed="side_effects")


def canary(folder: Path, url: str, *, route: str = "", rollout: str = "", **more: str) -> Config:
    return config(folder, url + "/small", incumbent=url + "/big", route=(route or BARE) + "\n" + ROLLOUT + rollout, **more)


def move(settings: Config, *actions: Action) -> None:
    for action in actions:
        change(settings, settings.rollouts[0], Asked(action=action, actor="test", share=1.0 if action == "start" else None))


def answered(worker: Worker, drawn: Drawn | None, **more: object) -> str:
    """A call as a worker journals it: when it is known who answers, with what was answered."""
    at = time.time_ns() // 1000
    call = worker.call(chat(str(more.pop("text", "hello"))), at=at, drawn=drawn, **more)
    said = orjson.dumps(ANSWER)
    if drawn is not None and drawn.fallback:
        worker.journal.put(an_answer(call, "small", "candidate", seen=False, status=500), b"{}")
    served = drawn.served if drawn else ""
    worker.journal.put(an_answer(call, served or "big", "candidate" if served else "incumbent"), said)
    return call.id


def an_answer(call: CallEvent, target: str, role: Role, *, seen: bool = True, status: int = 200) -> ExchangeEvent:
    return ExchangeEvent(
        at=call.at + 1, id=call.id, route=call.route, dialect=call.dialect, target=target, role=role, seen=seen, status=status,
        ended="complete", headers={"content-type": "application/json"}, latency_us=9, first_byte_us=5,
    )  # fmt: skip


async def played(settings: Config, calls: list[Drawn | None], rows: int, **environ: str) -> list[str]:
    """These calls before a shadow until it has decided `rows` times; their ids."""
    worker = Worker(settings.journal_folder)
    async with shadowing(settings, **environ):
        found = [answered(worker, drawn, text=f"question {number}") for number, drawn in enumerate(calls)]
        await until(lambda: len(decisions(settings.journal_folder)) >= rows)
    await worker.close()
    return found


def told(settings: Config, call: str) -> dict[tuple[str, str], tuple[str, str]]:
    rows = [each for each in decisions(settings.journal_folder) if each.id == call]
    found = {(each.target, each.role): (str(each.decision), each.reason) for each in rows}
    assert len(rows) == len(found), "a leg has two decisions"
    return found


async def refusing(request: web.Request, body: bytes) -> web.Response:
    return web.Response(status=401)


def test_decisions_add_up_and_a_canary_pairs_with_the_incumbent_asked_in_reverse(tmp_path: Path) -> None:
    async def story() -> tuple[Config, list[str], list[str]]:
        async with model() as upstream:
            legs = 'shadow = [{ target = "small" }, { target = "third" }]\nrepeat = 1.0'
            settings = canary(tmp_path, upstream.url, route=legs, target=f'[targets.third]\nurl = "{upstream.url}/third"')
            calls = await played(settings, [None, MISSED, STAYED, SERVED, FELL_BACK], 4 * 3 + 4)
            return settings, calls, sorted(path.split("/")[1] for path, _, _ in upstream.seen)

    settings, [plain, missed, stayed, served, fell_back], asked = asyncio.run(story())
    for call in (plain, missed, stayed):
        assert told(settings, call) == {
            ("small", "candidate"): ("sent", "no price is known: no budget holds it"),
            ("third", "candidate"): ("sent", "no price is known: no budget holds it"),
            ("big", "repeat"): ("sent", "no price is known: no budget holds it"),
        }
    assert {leg: decision for leg, (decision, _) in told(settings, served).items()} == {
        ("small", "candidate"): "served", ("third", "candidate"): "sent", ("big", "repeat"): "sampled_out", ("big", "incumbent"): "sent",
    }  # fmt: skip
    assert told(settings, served)["small", "candidate"][1] == "canary try at 50 %"
    assert told(settings, fell_back) == {
        **told(settings, plain), ("small", "candidate"): ("sent", "canary: fell back: status_500"),
    }  # fmt: skip
    assert Counter(asked) == {"small": 3, "third": 5, "big": 4 + 1}
    [reverse] = [each for each in exchanges(settings.journal_folder) if each.role == "incumbent"]
    assert (reverse.id, reverse.target, reverse.seen) == (served, "big", False)
    record(settings)
    store = Store(settings.store_path)
    seen = store.query("SELECT call_id::VARCHAR, target, incumbent_seen, candidate_seen FROM pairs WHERE role = 'candidate'").rows
    assert Counter(seen)[served, "small", False, True] == 1 and Counter(seen)[served, "third", False, False] == 1
    assert Counter(seen)[fell_back, "small", True, False] == 1 and len(seen) == 10
    checks = [check.name for check in store.verify() if not check.ok]
    with store.writing() as connection:  # old enough to be held to it
        connection.execute("UPDATE calls SET arrived_at = arrived_at - INTERVAL 1 HOUR")
    assert checks + [check.name for check in store.verify() if not check.ok] == []


def test_a_candidate_without_a_leg_of_its_own_is_decided_about_all_the_same(tmp_path: Path) -> None:
    async def story() -> tuple[Config, list[str]]:
        async with model() as upstream:
            settings = canary(tmp_path, upstream.url)
            return settings, await played(settings, [SERVED, FELL_BACK, MISSED], 4)

    settings, [served, fell_back, missed] = asyncio.run(story())
    assert {leg: decision for leg, (decision, _) in told(settings, served).items()} == {
        ("small", "candidate"): "served",
        ("big", "incumbent"): "sent",
    }
    assert told(settings, fell_back) == {("small", "candidate"): ("sent", "canary: fell back: status_500")}
    assert told(settings, missed) == {("", "candidate"): ("no_candidate", "the route has no candidate")}
    record(settings)
    store = Store(settings.store_path)
    with store.writing() as connection:
        connection.execute("UPDATE calls SET arrived_at = arrived_at - INTERVAL 1 HOUR")
    assert [check.name for check in store.verify() if not check.ok] == []


def test_a_late_call_that_a_canary_answered_is_served_and_its_reverse_is_stale(tmp_path: Path) -> None:
    async def story() -> tuple[Config, str]:
        async with model() as upstream:
            settings = canary(tmp_path, upstream.url)
            worker = Worker(settings.journal_folder)
            async with shadowing(settings):
                call = worker.call(at=1_000_000, drawn=SERVED).id
                await until(lambda: len(decisions(settings.journal_folder)) == 2)
            await worker.close()
            return settings, call

    settings, call = asyncio.run(story())
    assert [decision for decision, _ in told(settings, call).values()] == ["served", "stale"]


@pytest.mark.parametrize(
    ("headers", "body", "decision"),
    [
        ({"x-stainless-retry-count": "1"}, chat(), "retry_of"),
        ({}, chat(tools=[{"type": "code_interpreter"}]), "side_effects"),
        ({}, b"not json", "unreadable"),
    ],
)
def test_what_may_not_be_asked_again_is_not_asked_in_reverse(
    tmp_path: Path, headers: dict[str, str], body: object, decision: DecisionName
) -> None:
    async def story() -> tuple[Config, str]:
        async with model() as upstream:
            settings = canary(tmp_path, upstream.url)
            worker = Worker(settings.journal_folder)
            async with shadowing(settings):
                call = worker.call(body, headers=headers, drawn=SERVED).id
                await until(lambda: len(decisions(settings.journal_folder)) == 2)
            await worker.close()
            assert upstream.seen == []
            return settings, call

    settings, call = asyncio.run(story())
    found = told(settings, call)
    assert (found["small", "candidate"][0], found["big", "incumbent"][0]) == ("served", decision)


def test_the_reverse_takes_its_share_of_a_canarys_calls_and_says_so(tmp_path: Path) -> None:
    async def story() -> Config:
        async with model() as upstream:
            settings = canary(tmp_path, upstream.url, rollout="reverse_shadow = 0.3")
            await played(settings, [SERVED] * 200, 400)
            return settings

    settings = asyncio.run(story())
    how = Counter((each.decision, each.reason) for each in decisions(settings.journal_folder) if each.role == "incumbent")
    assert how["sampled_out", "share 0.3"] + how["sent", "no price is known: no budget holds it"] == 200
    assert 35 <= how["sent", "no price is known: no budget holds it"] <= 85  # 0.3 of 200, five standard errors


def test_a_finished_rollout_falls_to_the_share_of_the_repeat(tmp_path: Path) -> None:
    settings = canary(tmp_path, "http://127.0.0.1:9", route="shadow = []\nrepeat = 0.25", rollout="reverse_shadow = 0.8")
    now = [0.0]
    reverse = Reverse(settings, lambda: now[0])
    assert (reverse.share("main"), reverse.share("another")) == (0.8, None)
    move(settings, "start", "finish")
    assert reverse.share("main") == 0.8
    now[0] = 1.0
    assert reverse.share("main") == 0.25
    move(settings, "rollback")
    now[0] = 2.0
    assert reverse.share("main") == 0.8


def test_the_incumbents_budget_holds_the_reverse(tmp_path: Path) -> None:
    """A worst case is some cents of one dollar; every answer costs a tenth of a cent."""

    async def story() -> Config:
        async with model() as upstream:
            settings = canary(tmp_path, upstream.url)
            dear = replace(settings.targets["big"], price=Price(input=100, output=0), budget_usd_per_day=1.0)
            settings = replace(settings, targets={**settings.targets, "big": dear})
            await played(settings, [SERVED] * 40, 80)
            return settings

    settings = asyncio.run(story())
    how = Counter(each.decision for each in decisions(settings.journal_folder) if each.role == "incumbent")
    assert how["sent"] > 0 and how["over_budget"] > 0 and how.total() == 40
    assert events_of(settings.journal_folder, BeatEvent)[-1].budget_usd == {"big": 1.0}


def test_a_closed_door_turns_the_reverse_off_and_says_so(tmp_path: Path) -> None:
    async def story(handler: Handler) -> Config:
        async with model(handler) as upstream:
            settings = canary(tmp_path, upstream.url)
            worker = Worker(settings.journal_folder)
            async with shadowing(settings):
                answered(worker, SERVED)
                await until(lambda: len(events_of(settings.journal_folder, AuditEvent)) == 1)
                answered(worker, SERVED)
                await until(lambda: len(decisions(settings.journal_folder)) == 4)
            await worker.close()
            assert len(upstream.seen) == 1
            return settings

    settings = asyncio.run(story(refusing))
    [audit] = events_of(settings.journal_folder, AuditEvent)
    assert (audit.action, audit.detail["target"], audit.detail["role"]) == ("reverse_shadow.turned_off", "big", "incumbent")
    assert Counter(each.decision for each in decisions(settings.journal_folder)) == {"served": 2, "sent": 1, "breaker_open": 1}


def test_a_restart_says_the_same_again_and_sends_nothing_twice(tmp_path: Path) -> None:
    """The journal of the first life is lost, as by a kill before it was written; its ledger is not."""

    async def story() -> tuple[Config, list[str]]:
        async with model() as upstream:
            settings = canary(tmp_path, upstream.url)
            calls = await played(settings, [SERVED, FELL_BACK], 3)
            before = {call: told(settings, call) for call in calls}
            for path in settings.journal_folder.glob("*-shadow-*"):
                path.unlink()
            (settings.journal_folder / "shadow.cursor").unlink(missing_ok=True)
            async with shadowing(settings):
                await until(lambda: len(decisions(settings.journal_folder)) == 3)
            assert {call: told(settings, call) for call in calls} == before
            assert exchanges(settings.journal_folder) == []  # nobody is told to be interrupted: what fell back was the worker's
            return settings, [path for path, _, _ in upstream.seen]

    _, asked = asyncio.run(story())
    assert asked == ["/big/v1/chat/completions"]


def test_keys_are_looked_up_for_both_sides_of_a_rollout_and_not_for_runs(tmp_path: Path) -> None:
    settings = canary(tmp_path, "http://127.0.0.1:9", rollout="reverse_shadow = 0.5")
    assert asked_targets(settings) == ["big", "small"]
    [leg] = stage(settings, b"key", {}, Room(1 << 20))["main"]
    assert (leg.name, leg.role, leg.share, leg.reach) == ("big", "incumbent", 0.5, "model")

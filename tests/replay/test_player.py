"""One decision per call and leg, whatever the candidates do; caps, breakers, budgets and the order of ledger, journal and wire."""

import asyncio
import contextvars
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from proxy.config import Price, ShadowSection, Target
from proxy.events import AuditEvent, DecisionEvent
from proxy.exchange import Role
from proxy.journal import Journal
from replay.account import day_of
from replay.asked import Asked, ask
from replay.breaker import FAILURES, Breaker
from replay.budget import Budget
from replay.cost import pricer
from replay.ledger import Ledger
from replay.leg import Door, Leg
from replay.legs import TOO_LONG, Answered, Question
from replay.player import Player
from replay.quota import Governor
from replay.room import Room
from replay.settling import flushed
from tests.replay.kit import ANSWER, an_event, chat, decisions, events_of, exchanges

OK = Answered(ended="complete", status=200, headers={"content-type": "application/json"}, body=orjson.dumps(ANSWER), latency_us=5)
PRICE = Price(input=100, output=0)
"""A hundredth of a cent per input token: about 11 cents for a call's worst case, a tenth of a cent for ANSWER's ten tokens."""


@dataclass(eq=False)
class Scripted:
    """A backend that answers by a function; `held` calls wait until `go` is set."""

    answer: Callable[[Question], Answered] = lambda question: OK
    go: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list[str])
    under_way: int = 0
    most: int = 0
    context: list[str] = field(default_factory=list[str])

    async def ask(self, question: Question) -> Answered:
        self.asked.append(question.call_id)
        self.context.append(AMBIENT.get("nothing"))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if self.go is not None:
                await self.go.wait()
            return self.answer(question)
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        return None


AMBIENT: contextvars.ContextVar[str] = contextvars.ContextVar("ambient")


def a_leg(backend: Scripted, *, name: str = "small", role: Role = "candidate", share: float = 1.0, **more: Any) -> Leg:
    target = Target(url="https://api.example.com", **more)
    return Leg(
        name=name, role=role, target=target, share=share, reach="model" if role == "repeat" else "elsewhere", backend=backend,
        pricer=pricer(target), breaker=Breaker(), door=Door(target.max_in_flight, 1 << 20),
    )  # fmt: skip


def a_call(number: int = 0, body: object = None, **more: Any) -> Asked:
    event = an_event(id=f"call-{number}", **more)
    return ask(
        event, body if isinstance(body, bytes) else orjson.dumps(chat(f"question {number}") if body is None else body), segment="seg"
    )


@dataclass(eq=False)
class Stand:
    """A player between a real journal and a real ledger."""

    folder: Path
    player: Player
    journal: Journal
    budget: Budget

    async def done(self) -> None:
        await self.player.idle()
        await self.player.drain(5)
        await flushed(self.journal)

    def told(self) -> Counter[tuple[str, str]]:
        return Counter((each.target, each.decision) for each in decisions(self.folder))


def play(folder: Path, legs: Sequence[Leg], story: Callable[[Stand], Awaitable[None]], **more: Any) -> Stand:
    async def staged() -> Stand:
        journal = Journal(folder, "shadow", "test")
        journal.start(asyncio.get_running_loop())
        limits = {leg.name: more.get("limit") for leg in legs}
        budget = Budget(limits)
        room = more.get("room") or Room(1 << 20)
        bounds = ShadowSection(**more.get("bounds", {}))
        ledger = more.get("ledger") or Ledger(folder / "ledger")
        player = Player(
            legs={"main": legs}, ledger=ledger, budget=budget, journal=journal, room=room, bounds=bounds, governor=more.get("governor")
        )  # fmt: skip
        stand = Stand(folder, player, journal, budget)
        await story(stand)
        await stand.done()
        assert (room.taken, player.in_flight, player.undecided, player.open_in["seg"]) == (0, 0, {}, 0)
        await asyncio.to_thread(journal.close)
        ledger.close()
        return stand

    return asyncio.run(staged())


def everything(calls: Sequence[Asked]) -> Callable[[Stand], Awaitable[None]]:
    async def story(stand: Stand) -> None:
        for call in calls:
            stand.player.take(call)

    return story


def test_every_call_gets_one_decision_per_leg_and_every_sent_one_an_exchange(tmp_path: Path) -> None:
    one, two, again = Scripted(), Scripted(), Scripted()
    legs = [a_leg(one, name="one"), a_leg(two, name="two", share=0.3), a_leg(again, name="big", role="repeat", share=0.1)]
    bodies = [None, chat(n=2), {**chat(), "background": True}, b"not json", b""]
    calls = [a_call(number, bodies[number % 5]) for number in range(500)]
    stand = play(tmp_path, legs, everything(calls), bounds={"in_flight_max": 1000})
    found = decisions(tmp_path)
    assert Counter((each.id, each.target) for each in found) == Counter(
        (f"call-{number}", leg.name) for number in range(500) for leg in legs
    )
    told = stand.told()
    assert (told["one", "sent"], told["one", "not_comparable"], told["one", "side_effects"], told["one", "unreadable"]) == (
        100,
        100,
        100,
        200,
    )
    assert told["two", "sent"] + told["two", "sampled_out"] == 100
    assert Counter((each.id, each.target) for each in exchanges(tmp_path)) == Counter(
        (e.id, e.target) for e in found if e.decision == "sent"
    )
    assert set(again.asked) <= set(two.asked) <= set(one.asked)


def test_a_route_without_a_leg_has_one_decision(tmp_path: Path) -> None:
    play(tmp_path, [], everything([a_call()]))
    [found] = decisions(tmp_path)
    assert (found.target, found.role, found.decision) == ("", "candidate", "no_candidate")


def test_a_hanging_target_keeps_its_own_bounds_and_nobody_elses(tmp_path: Path) -> None:
    slow, quick = Scripted(), Scripted()

    async def story(stand: Stand) -> None:
        slow.go = asyncio.Event()
        for number in range(2000):
            stand.player.take(a_call(number))
        await asyncio.wait_for(_until(lambda: len(quick.asked) == 2000), 60)
        assert slow.under_way == 4
        slow.go.set()

    legs = [a_leg(slow, name="slow", max_in_flight=4), a_leg(quick, name="quick", max_in_flight=3000)]
    stand = play(tmp_path, legs, story, bounds={"in_flight_max": 5000})
    told = stand.told()
    assert (told["slow", "sent"], told["slow", "shed"]) == (1004, 996)
    assert (told["quick", "sent"], slow.most) == (2000, 4)


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def test_calls_that_find_no_room_in_memory_are_shed(tmp_path: Path) -> None:
    backend = Scripted()
    big = [a_call(number, chat("x" * 40_000)) for number in range(10)]
    stand = play(tmp_path, [a_leg(backend)], everything(big), room=Room(100_000))
    assert stand.told() == {("small", "sent"): 2, ("small", "shed"): 8}
    assert all("queue_max_bytes" in each.reason for each in decisions(tmp_path) if each.decision == "shed")


def test_what_waited_too_long_is_stale(tmp_path: Path) -> None:
    backend = Scripted()
    stand = play(tmp_path, [a_leg(backend)], everything([a_call(1), a_call(2, at=1_000_000)]))
    assert stand.told() == {("small", "sent"): 1, ("small", "stale"): 1}


def test_a_budget_is_reserved_at_the_worst_case_and_settled_at_the_cost(tmp_path: Path) -> None:
    backend = Scripted()

    async def story(stand: Stand) -> None:
        backend.go = asyncio.Event()
        for number in range(20):
            stand.player.take(a_call(number))
        await asyncio.wait_for(_until(lambda: len(backend.asked) > 0), 60)
        assert stand.budget.committed("small") <= 1
        backend.go.set()
        await stand.player.idle()
        sent = len(backend.asked)
        assert 3 <= sent < 20
        await asyncio.wait_for(_until(lambda: stand.budget.committed("small") == Decimal("0.001") * sent), 60)  # free once it is written

    stand = play(tmp_path, [a_leg(backend, price=PRICE)], story, limit=Decimal(1))
    told = stand.told()
    assert told["small", "sent"] + told["small", "over_budget"] == 20
    account = Ledger(tmp_path / "ledger").load()
    assert account.open == {}
    assert account.committed(max(day for day, _ in account.spent)) == {"small": Decimal("0.001") * told["small", "sent"]}


@pytest.mark.parametrize(
    ("answered", "cost"),
    [
        (Answered(ended="complete", status=429, body=b"{}"), "nothing"),
        (Answered(ended="unreachable"), "nothing"),
        (Answered(ended="timed_out"), "worst"),
        (Answered(ended="cut", status=200, body=OK.body[:40]), "worst"),
        (Answered(ended="complete", status=200, body=b"<html>"), "worst"),
        (OK, "exact"),
    ],
)
def test_what_nobody_can_say_is_settled_at_the_worst_case(tmp_path: Path, answered: Answered, cost: str) -> None:
    stand = play(tmp_path, [a_leg(Scripted(lambda _: answered), price=PRICE)], everything([a_call()]), limit=Decimal(5))
    [found] = decisions(tmp_path)
    assert found.reserved_usd is not None and found.reserved_usd > 0.05
    expected = {"nothing": 0.0, "worst": found.reserved_usd, "exact": 0.001}[cost]
    assert float(stand.budget.committed("small")) == pytest.approx(expected)


def test_a_target_without_a_price_is_allowed_and_says_so(tmp_path: Path) -> None:
    play(tmp_path, [a_leg(Scripted())], everything([a_call()]), limit=Decimal("0.01"))
    [found] = decisions(tmp_path)
    assert (found.decision, found.reserved_usd, found.reason) == ("sent", None, "no price is known: no budget holds it")


def test_the_ledger_and_the_journal_have_it_in_the_order_that_survives_a_crash(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def look(question: Question) -> Answered:
        account = Ledger(tmp_path / "ledger").load()
        seen.append((len(account.open), len(account.decided)))
        return OK

    play(tmp_path, [a_leg(Scripted(look))], everything([a_call()]))
    assert seen == [(1, 1)]
    assert Ledger(tmp_path / "ledger").load().open == {}


def test_when_the_ledger_cannot_write_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_bytes(b"in the way")
    backend = Scripted()
    stand = play(tmp_path, [a_leg(backend, price=PRICE)], everything([a_call()]), limit=Decimal(5))
    [found] = decisions(tmp_path)
    assert (found.decision, found.reason, backend.asked) == ("shed", "ledger", [])
    assert stand.budget.committed("small") == 0


def test_a_target_that_does_not_answer_is_left_alone(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        for number in range(30):
            stand.player.take(a_call(number))
            await stand.player.idle()

    stand = play(tmp_path, [a_leg(Scripted(lambda _: Answered(ended="unreachable", error="nobody there")))], story)
    assert stand.told() == {("small", "sent"): FAILURES, ("small", "breaker_open"): 30 - FAILURES}


def test_a_repeat_whose_key_is_refused_is_turned_off_loudly(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        for number in range(10):
            stand.player.take(a_call(number))
            await stand.player.idle()

    refusing = Scripted(lambda _: Answered(ended="complete", status=401, body=b"{}"))
    legs = [a_leg(refusing, name="big", role="repeat"), a_leg(Scripted(), name="small")]
    stand = play(tmp_path, legs, story)
    assert stand.told() == {("big", "sent"): 1, ("big", "breaker_open"): 9, ("small", "sent"): 10}
    [audit] = events_of(tmp_path, AuditEvent)
    assert (audit.action, audit.detail["target"]) == ("repeat.turned_off", "big")
    assert "401" in next(each.reason for each in decisions(tmp_path) if each.decision == "breaker_open")


def test_a_target_that_asks_for_a_pause_gets_it(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        for number in range(3):
            stand.player.take(a_call(number))
            await stand.player.idle()

    limiting = Scripted(lambda _: Answered(ended="complete", status=429, headers={"retry-after": "30"}, body=b"{}"))
    assert play(tmp_path, [a_leg(limiting)], story).told() == {("small", "sent"): 1, ("small", "rate_limited"): 2}


def test_nothing_ambient_travels_with_a_mirrored_call(tmp_path: Path) -> None:
    backend = Scripted()

    async def story(stand: Stand) -> None:
        AMBIENT.set("the caller's trace")
        stand.player.take(a_call())

    play(tmp_path, [a_leg(backend)], story)
    assert backend.context == ["nothing"]


def test_what_is_under_way_at_the_end_is_interrupted_and_settled(tmp_path: Path) -> None:
    backend = Scripted()

    async def story(stand: Stand) -> None:
        backend.go = asyncio.Event()
        stand.player.take(a_call())
        await asyncio.wait_for(_until(lambda: backend.under_way == 1), 60)
        await stand.player.drain(0.05)

    stand = play(tmp_path, [a_leg(backend, price=PRICE)], story, limit=Decimal(5))
    [found] = exchanges(tmp_path)
    assert (found.ended, found.status) == ("interrupted", 0)
    account = Ledger(tmp_path / "ledger").load()
    assert (account.open, account.committed(day_of(found.at))["small"]) == ({}, stand.budget.committed("small"))


def test_a_fault_of_ours_is_an_exchange_and_not_a_lost_call(tmp_path: Path) -> None:
    def fail(question: Question) -> Answered:
        raise KeyError("oops")

    play(tmp_path, [a_leg(Scripted(fail))], everything([a_call()]))
    [found] = exchanges(tmp_path)
    assert (found.ended, found.error) == ("unreachable", "our own fault: KeyError")


def test_an_answer_too_large_to_keep_is_kept_as_size_and_hash(tmp_path: Path) -> None:
    large = Answered(ended="complete", status=200, body=b"x" * 5_000_000)
    play(tmp_path, [a_leg(Scripted(lambda _: large))], everything([a_call()]))
    [found] = exchanges(tmp_path)
    assert (found.size, len(found.sha256), found.body) == (5_000_000, 64, 0)


def test_an_archive_is_played_without_shedding(tmp_path: Path) -> None:
    backend = Scripted()

    async def archive() -> AsyncIterator[Asked]:
        for number in range(3000):
            yield a_call(number)

    async def story(stand: Stand) -> None:
        await stand.player.play(archive(), patient=True)

    stand = play(tmp_path, [a_leg(backend, max_in_flight=8)], story)
    assert stand.told() == {("small", "sent"): 3000}
    assert backend.most <= 8


def test_the_run_a_call_names_is_kept_on_its_decision_and_answer(tmp_path: Path) -> None:
    play(tmp_path, [a_leg(Scripted())], everything([a_call(hints={"run": "nightly"})]))
    assert [each.run for each in events_of(tmp_path, DecisionEvent)] == ["nightly"]
    assert [each.run for each in exchanges(tmp_path)] == ["nightly"]


def test_a_breaker_tries_one_call_after_its_pause_and_closes_when_it_answers() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.refusal(0.0) is None
        breaker.sent()
        breaker.answered(0, True, 0, 0.0)
    assert breaker.refusal(4.9) is not None
    assert breaker.refusal(5.0) is None
    breaker.sent()
    assert breaker.refusal(5.0) is not None
    breaker.answered(0, True, 0, 5.0)
    assert (breaker.refusal(9.0) is not None, breaker.pause_s) == (True, 10.0)
    assert breaker.refusal(10.0) is None
    breaker.sent()
    breaker.answered(500, False, 0, 10.0)
    assert (breaker.refusal(10.0), breaker.pause_s) == (None, 5.0)


def unsupported(question: Question) -> Answered:
    body = {"error": {"message": "Unsupported parameter: 'max_tokens'", "param": "max_tokens", "code": "unsupported_parameter"}}
    return Answered(ended="complete", status=400, body=orjson.dumps(body))


def test_a_candidate_that_refuses_a_parameter_again_and_again_is_asked_no_more_and_that_is_told(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        for number in range(20):
            stand.player.take(a_call(number))
            await stand.player.idle()

    stand = play(tmp_path, [a_leg(Scripted(unsupported))], story)
    assert stand.told() == {("small", "sent"): FAILURES, ("small", "breaker_open"): 20 - FAILURES}
    assert {each.reason for each in decisions(tmp_path)} == {
        "no price is known: no budget holds it",
        "adapter: rejects max_tokens, 5 times in a row",
    }
    [audit] = events_of(tmp_path, AuditEvent)
    assert audit.action == "shadow.adapter_fault"
    assert audit.detail == {"target": "small", "role": "candidate", "why": "adapter: rejects max_tokens, 5 times in a row"}


def test_a_candidate_whose_answers_do_not_end_is_left_alone_after_five(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        for number in range(8):
            stand.player.take(a_call(number))
            await stand.player.idle()

    endless = Answered(ended="cut", status=200, error=f"{TOO_LONG} = 4000")
    stand = play(tmp_path, [a_leg(Scripted(lambda _: endless))], story)
    assert stand.told() == {("small", "sent"): FAILURES, ("small", "breaker_open"): 8 - FAILURES}
    [audit] = events_of(tmp_path, AuditEvent)
    assert audit.action == "shadow.flooded" and "longer than shadow.answer_max_bytes, 5 times in a row" in str(audit.detail["why"])


def test_calls_that_a_candidate_takes_in_between_keep_it_playing(tmp_path: Path) -> None:
    async def story(stand: Stand) -> None:
        for number in range(30):
            stand.player.take(a_call(number))
            await stand.player.idle()

    mixed = Scripted(lambda question: OK if question.call_id[-1] in "036" else unsupported(question))
    assert play(tmp_path, [a_leg(mixed)], story).told() == {("small", "sent"): 30}


def test_a_rate_caps_what_a_candidate_is_sent_and_the_slower_sees_a_part(tmp_path: Path) -> None:
    quick, slow, free = Scripted(), Scripted(), Scripted()
    legs = [a_leg(free, name="free"), a_leg(slow, name="slow"), a_leg(quick, name="quick")]
    legs[1].rate, legs[2].rate = 20.0, 50.0
    stand = play(tmp_path, legs, everything([a_call(number) for number in range(200)]), bounds={"in_flight_max": 1000})
    told = stand.told()
    assert told["free", "sent"] == 200
    assert 20 <= told["slow", "sent"] < told["quick", "sent"] < 200
    assert set(slow.asked) <= set(quick.asked)
    assert told["slow", "sampled_out"] == 200 - told["slow", "sent"]
    assert "rate 20/s" in {each.reason for each in decisions(tmp_path)}


def test_a_candidate_that_hangs_does_not_change_which_calls_another_of_its_rate_gets(tmp_path: Path) -> None:
    dead, alive = Scripted(lambda _: Answered(ended="unreachable")), Scripted()
    legs = [a_leg(dead, name="dead"), a_leg(alive, name="alive")]
    legs[0].rate = legs[1].rate = 30.0
    play(tmp_path, legs, everything([a_call(number) for number in range(100)]), bounds={"in_flight_max": 1000})
    found = decisions(tmp_path)
    paced = {leg: {each.id for each in found if each.target == leg and each.decision == "sampled_out"} for leg in ("dead", "alive")}
    assert paced["dead"] == paced["alive"] != set()


def test_legs_on_productions_account_leave_it_its_reserve(tmp_path: Path) -> None:
    """A provider that counts: every call of ours takes one of ten that production left."""
    left = [40]

    def counted(question: Question) -> Answered:
        left[0] -= 1
        limits = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": str(left[0]), "x-ratelimit-reset-requests": "6m0s"}
        return Answered(ended="complete", status=200, headers=limits, body=OK.body)

    backend = Scripted(counted)
    target = Target(url="https://api.example.com", max_in_flight=8)
    governor = Governor({"small": target}, ["small"], 0.3)
    governor.heard("small", 200, counted(cast(Question, None)).headers, time.time(), production=True)

    stand = play(tmp_path, [a_leg(backend, max_in_flight=8)], everything([a_call(number) for number in range(100)]), governor=governor)
    told = stand.told()
    assert (told["small", "sent"], told["small", "rate_limited"], left[0]) == (9, 91, 30)
    assert all("30% kept for production" in each.reason for each in decisions(tmp_path) if each.decision == "rate_limited")

"""Calls in, answers out, one engine for the live shadow and for archives: they differ only in where calls come from and how fast.

Law: every call gets exactly one decision per leg, and a decision to send is in the ledger before a byte leaves. Nothing here waits for a
candidate: what finds no room is shed and counted, what waits too long is stale, what answers too long is cut. An answer is in the journal
before its reservation is settled.
"""

import asyncio
import collections
import contextvars
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from msgspec.structs import replace

from proxy.config import ShadowSection
from proxy.exchange import DecisionName, Unreadable
from proxy.journal import Journal
from proxy.logs import log
from proxy.rollout.decided import of_candidate
from replay.account import Kept, Key, Settled, day_of
from replay.asked import Asked
from replay.budget import Budget
from replay.drawn import NOBODY, Absent, Reverse, plays, without_leg
from replay.journaled import decision_event, exchange_event
from replay.ledger import Ledger
from replay.leg import Leg
from replay.legs import Answered, Question
from replay.policy import Policy, Refusal
from replay.quota import Governor
from replay.room import Room
from replay.settling import Settling

STOPPED = Answered(ended="interrupted", error="interrupted: the shadow was stopped while asking")


class Player:
    """Takes calls on one loop. `take` never waits; `drain` lets what is under way finish."""

    def __init__(
        self,
        *,
        legs: Mapping[str, Sequence[Leg]],
        ledger: Ledger,
        budget: Budget,
        journal: Journal,
        room: Room,
        bounds: ShadowSection,
        config_hash: str = "",
        capture_max_bytes: int = 4_000_000,
        decided: Mapping[Key, Kept] | None = None,
        governor: Governor | None = None,
        reverse: Reverse | None = None,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ):
        self.legs, self.ledger, self.budget, self.journal, self.room, self.bounds = legs, ledger, budget, journal, room, bounds
        self.config_hash, self.capture_max_bytes, self.now_us = config_hash, capture_max_bytes, now_us
        self.policy = Policy(legs, bounds, governor or Governor({}, ()), now_us, reverse)
        self.decided = dict(decided or {})
        """Decisions of a former life of this shadow; emptied when no segment of that time is left."""
        self.undecided: dict[tuple[str, str, str], int] = {}
        """(call, target, role) → when the call arrived."""
        self.open_in: collections.Counter[str] = collections.Counter()
        """Decisions still to be made, by segment."""
        self.in_flight = 0
        self.unpriced: collections.Counter[str] = collections.Counter()
        """Calls sent without a reservation, by target."""
        self._everyone = [leg for each in legs.values() for leg in each]
        self._doors = list({id(leg.door): leg.door for leg in self._everyone}.values())
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling, self._freed = Settling(journal, ledger), asyncio.Event()
        self._stopping = False

    # ---- decide

    def take(self, asked: Asked) -> None:
        """Decide for every leg of the call's route; what is to be sent is on its way, or waits for its turn."""
        drawn = asked.event.drawn
        legs = [leg for leg in self.legs.get(asked.event.route, ()) if plays(leg, drawn)]
        if drawn and (absent := without_leg(drawn, legs)):
            self._alone(asked, absent, *of_candidate(drawn))
        elif not legs:
            self._alone(asked, NOBODY, "no_candidate", "the route has no candidate")
        for leg in legs:
            self._open(asked, leg.name, leg.role)
        left = [leg for leg in legs if not self._decided_before(asked, leg.name, leg.role)]
        refusals = self.policy.of_the_call(asked, left)
        for place, leg in enumerate(left):
            if refused := refusals.get(place) or self.policy.of_the_moment(asked, leg):
                self._decide(asked, leg, *refused)
            else:
                self._admit(asked, leg)

    def _alone(self, asked: Asked, absent: Absent, decision: DecisionName, reason: str) -> None:
        self._open(asked, absent.name, absent.role)
        if not self._decided_before(asked, absent.name, absent.role):
            self._decide(asked, absent, decision, reason)

    def _open(self, asked: Asked, target: str, role: str) -> None:
        self.undecided[asked.event.id, target, role] = asked.event.at
        self.open_in[asked.segment] += 1

    def _close(self, asked: Asked, target: str, role: str) -> None:
        self.undecided.pop((asked.event.id, target, role), None)
        self.open_in[asked.segment] -= 1

    def _decided_before(self, asked: Asked, target: str, role: str) -> bool:
        """Decided by a shadow that died: said again (the recorder knows it by its key), never done again."""
        kept = self.decided.get((asked.event.id, target, cast(Any, role), asked.event.hints.get("run"), 0)) if self.decided else None
        if kept is not None:
            self.journal.put(decision_event(kept), reserved=True)
            self._close(asked, target, role)
        return kept is not None

    def _admit(self, asked: Asked, leg: Leg) -> None:
        door = leg.door
        full = door.full or self.in_flight >= self.bounds.in_flight_max
        if full and door.crowded:
            return self._decide(asked, leg, "shed", f"{door.in_flight} under way and {len(door.waiting)} waiting")
        if not self.room.take(len(asked.body)):
            return self._decide(asked, leg, "shed", f"shadow.queue_max_bytes = {self.room.size} are taken")
        if full:
            door.wait(asked, leg)
        else:
            self._start(asked, leg)

    def _start(self, asked: Asked, leg: Leg) -> None:
        """The last decisions, all in one step of the loop; then the call is a task. Its body's room is taken."""
        question = leg.question(asked)
        refused = ("unportable", question.reason) if isinstance(question, Unreadable) else None
        usd = None
        if not isinstance(question, Unreadable):
            usd = leg.worst_case(asked, question, self.now_us())
            if usd is not None and not self.budget.reserve(leg.name, day_of(self.now_us()), usd):
                refused = ("over_budget", f"{usd:.4f} USD on top of {self.budget.committed(leg.name):.4f}")
        if refused or isinstance(question, Unreadable):
            self.room.give_back(len(asked.body))
            return self._decide(asked, leg, *cast(Refusal, refused))
        leg.door.in_flight += 1
        self.in_flight += 1
        weight = self.policy.sent(asked, leg)
        kept = self._kept(asked, leg, "sent", "" if usd is not None else leg.unpriced, usd)
        self._spawn(self._send(asked, leg, question, kept, weight))

    def _decide(self, asked: Asked, leg: Leg | Absent, decision: DecisionName, reason: str) -> None:
        """A decision that sends nothing: written down, then journaled. One that says `sent` all the same is of a call the worker sent."""
        kept = replace(self._kept(asked, leg, decision, reason[:300], None), by_worker=decision == "sent")
        self.ledger.keep((kept,)).add_done_callback(lambda _: self._journal(asked, kept))

    def _kept(self, asked: Asked, leg: Leg | Absent, decision: DecisionName, reason: str, usd: Decimal | None) -> Kept:
        event = asked.event
        return Kept(
            at=self.now_us(), id=event.id, target=leg.name, role=leg.role, run=event.hints.get("run"),
            decision=decision, reason=reason, usd=usd, route=event.route, dialect=event.dialect,
        )  # fmt: skip

    def _journal(self, asked: Asked, kept: Kept) -> None:
        self.journal.put(decision_event(kept), reserved=True)
        self._close(asked, kept.target, kept.role)

    # ---- do

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """In an empty context: nothing ambient of whoever called us travels with a mirrored call."""
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, asked: Asked, leg: Leg, question: Question, kept: Kept, weight: int) -> None:
        try:
            if await self.ledger.keep((kept,)):
                self._journal(asked, kept)
                await self._ask(asked, leg, question, kept)
            else:
                self.budget.settle(leg.name, day_of(kept.at), kept.usd or Decimal(0), Decimal(0))
                leg.breaker.trying = False
                self._journal(asked, self._kept(asked, leg, "shed", "ledger", None))
        finally:
            self.room.give_back(len(asked.body))
            self.policy.governor.ended(leg.name, weight)
            leg.door.in_flight -= 1
            self.in_flight -= 1
            self._next()

    async def _ask(self, asked: Asked, leg: Leg, question: Question, kept: Kept) -> None:
        at = self.now_us()
        try:
            answered = await leg.backend.ask(question)
        except asyncio.CancelledError:
            answered = STOPPED
        except Exception as error:
            log.exception("shadow.leg_failed", target=leg.name, call=asked.event.id)
            answered = Answered(ended="unreachable", error=f"our own fault: {type(error).__name__}")
        if answered is not STOPPED and (told := self.policy.answered(leg, answered, at)):
            self.journal.put(told, reserved=True)
        event, body = exchange_event(kept, question, answered, at, self.config_hash, self.capture_max_bytes)
        if not self.journal.put(event, body) and body:
            event, _ = exchange_event(kept, question, answered, at, self.config_hash, 0)
            self.journal.put(event, reserved=True)
        self._settle(asked, leg, question, kept, answered)

    def _next(self) -> None:
        """Whoever waits takes the place that became free; each target in turn."""
        for door in self._doors:
            while door.waiting and not door.full and not self._stopping and self.in_flight < self.bounds.in_flight_max:
                asked, leg = door.next()
                if refused := self.policy.of_the_moment(asked, leg):
                    self.room.give_back(len(asked.body))
                    self._decide(asked, leg, *refused)
                else:
                    self._start(asked, leg)
        self._freed.set()

    # ---- settle

    def _settle(self, asked: Asked, leg: Leg, question: Question, kept: Kept, answered: Answered) -> None:
        reserved, day = kept.usd or Decimal(0), day_of(kept.at)
        cost = leg.pricer.settled(asked, question, answered, reserved, kept.at) if leg.pricer and kept.usd is not None else Decimal(0)
        self._settling.later(settlement(kept, cost, self.now_us()), lambda: self.budget.settle(leg.name, day, reserved, cost))

    # ---- the flow

    async def play(self, calls: AsyncIterator[Asked], *, patient: bool = False) -> None:
        """Take every call of the source. Patient (archives): wait while a leg's turn is far; else (live): never."""
        async for asked in calls:
            while patient and any(door.crowded for door in self._doors):
                self._freed.clear()
                await self._freed.wait()
            self.take(asked)

    async def idle(self) -> None:
        """Until nothing is waiting, undecided or under way."""
        while self._tasks or self.undecided:
            if self._tasks:
                await asyncio.wait(self._tasks)
            await self.ledger.keep(())

    async def drain(self, wait_s: float) -> None:
        """No new turns; what is under way may finish for so long, then it is interrupted; everything is settled."""
        self._stopping = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=wait_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self.ledger.keep(())
        await self._settling.end()
        for leg in self._everyone:
            await leg.backend.close()


def settlement(kept: Kept, usd: Decimal, at_us: int) -> Settled:
    return Settled(at=at_us, id=kept.id, target=kept.target, role=kept.role, run=kept.run, sample=kept.sample, day=day_of(kept.at), usd=usd)

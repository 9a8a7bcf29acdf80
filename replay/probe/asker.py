"""Asks over a line as a patient client would: waits out a limit, gives up after a deadline, stops when money or time is used up.

Law: an ask that the target refused for load is no evidence of anything else, so probes that do not measure load never see one unless the
retries are spent. Every wait has an end: of one answer, of one pause, of the whole run.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from replay.probe.line import Line, Plan, Reply

WAIT_S = 1.0
"""Before an ask is repeated when the target does not say how long; doubled each time."""
Messages = list[dict[str, Any]]
Clock = Callable[[], float]
"""Seconds of a clock that never goes back; the event loop's own must go with it."""


class Halted(Exception):
    """No more asks for this probe; its text says why: budget, time, no answers."""


class Asker:
    """The line of one run, with its account."""

    def __init__(self, line: Line, plan: Plan, tell: Callable[[str], None], clock: Clock = time.monotonic):
        self.line, self.plan, self.tell, self.clock = line, plan, tell, clock
        self.asks = 0
        self.unpriced = 0
        self.cost_usd = Decimal(0)
        self.without_temperature = False
        """The target does not take one; said once."""
        self.started_s = clock()

    async def ask(self, messages: Messages, *, tag: str, max_tokens: int, stream: bool = False, temperature: float | None = 0.0) -> Reply:
        """One ask, sent now, whatever comes back. Raises `Halted` when there is no time for it; `over_budget` is the caller's to see."""
        left_s = self.started_s + self.plan.seconds - self.clock()
        if left_s <= 0:
            raise Halted("time")
        temperature = None if self.without_temperature else temperature
        sent_at_s = self.clock()
        try:
            async with asyncio.timeout(min(self.plan.answer_s, left_s)):
                reply = await self.line.ask(
                    messages, tag=tag, max_tokens=max_tokens + self.plan.thinking_tokens, stream=stream, temperature=temperature
                )
        except TimeoutError:
            reply = _unanswered(sent_at_s, self.clock() - sent_at_s)
        self._count(reply)
        return reply

    async def patiently(
        self, messages: Messages, *, tag: str, max_tokens: int, stream: bool = False, temperature: float | None = 0.0
    ) -> Reply:
        """The reply to an ask that was let through; the last refusal when the retries are spent. Raises `Halted` on an empty budget."""
        wait_s, left = WAIT_S, self.plan.retries
        while True:
            reply = await self.ask(messages, tag=tag, max_tokens=max_tokens, stream=stream, temperature=temperature)
            if reply.over_budget:
                raise Halted("budget")
            if _wants_no_temperature(reply) and not self.without_temperature:
                self.without_temperature = True
                self.tell("the target takes no temperature: asking without one")
            elif not reply.limited or not left:
                return reply
            else:
                await self.sleep(min(wait_s if reply.retry_after_s is None else reply.retry_after_s, self.plan.retry_wait_max_s))
                wait_s, left = wait_s * 2, left - 1

    async def warmed(self, tag: str) -> None:
        """A short ask that takes a cold start upon itself; a target that does not answer even this is not asked for more."""
        reply = await self.patiently(short(tag), tag=f"{tag} warm", max_tokens=16)
        if not reply.answered:
            raise Halted(f"asks are not answered ({trouble(reply)})")

    async def sleep(self, seconds: float) -> None:
        left_s = self.started_s + self.plan.seconds - self.clock()
        await asyncio.sleep(max(min(seconds, left_s), 0.0))

    async def until_halted(self, work: Awaitable[None]) -> str:
        """Do the work; why it was halted, "" when it was not."""
        try:
            await work
        except Halted as halted:
            return str(halted)
        return ""

    def _count(self, reply: Reply) -> None:
        if reply.over_budget:
            return
        self.asks += 1
        self.unpriced += reply.cost_usd is None
        self.cost_usd += reply.cost_usd or Decimal(0)


def short(nonce: str) -> Messages:
    """Different each time, so that no cache of answers makes a target look fast."""
    return [{"role": "user", "content": f"Note {nonce}. Reply with the single word: ready"}]


def trouble(reply: Reply) -> str:
    """Why this reply is no evidence, in a few words."""
    if reply.status == 0:
        return reply.error or reply.ended
    if not 200 <= reply.status < 300:
        return f"HTTP {reply.status}"
    if reply.outcome in ("answered", "truncated") and reply.ended == "complete":
        return "ended with nothing said: a model that reasons needs a higher thinking_tokens"
    return f"{reply.outcome}: {reply.error or reply.ended}"


def _wants_no_temperature(reply: Reply) -> bool:
    return reply.status in (400, 422) and "temperature" in f"{reply.error} {reply.text}".lower()


def _unanswered(sent_at_s: float, latency_s: float) -> Reply:
    return Reply(
        status=0, ended="timed_out", error="no answer within the plan's deadline", text="", outcome="timed_out", input_tokens=None,
        output_tokens=None, latency_s=latency_s, ttft_s=None, retry_after_s=None, model_served=None, fingerprint=None,
        sent_at_s=sent_at_s, cost_usd=None,
    )  # fmt: skip

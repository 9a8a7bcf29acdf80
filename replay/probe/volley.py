"""Asks sent by the clock: at their times, whatever has become of those before.

Law: open loop. A slow answer never delays the next send; an ask that finds the bound of what may be under way reached is skipped and
counted, never sent late. How late our own sends left is reported beside every figure that rests on them.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from replay.probe.asker import Asker, Halted, short
from replay.probe.figures import quantile
from replay.probe.line import Reply

STEP_MAX = 20_000
"""Asks in one step, however high its rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    at_s: float
    """When it was to leave, by the asker's clock."""
    reply: Reply

    @property
    def done_s(self) -> float:
        return self.reply.sent_at_s + self.reply.latency_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of asks at one rate, or of so many at once."""

    wanted_per_s: float | None
    """None: all at once."""
    planned: int
    sent: int
    answered: int
    limited: int
    """Refused for load."""
    failed: int
    skipped: int
    """Not sent: as many as may be were under way."""
    over_budget: int
    codes: tuple[tuple[str, int], ...]
    """Status or transport error, and how often; most frequent first."""
    p50_s: float | None
    p95_s: float | None
    """Of answered asks."""
    sent_per_s: float | None
    answers_per_s: float | None
    """Between the first answer and the last."""
    let_through_per_s: float | None
    """Answered asks a second among those sent after the first refusal; None: nothing was refused, or it was refused too late to tell."""
    retry_after_s: tuple[float, ...]
    lag_p99_s: float | None
    """How late our own sends left."""


def at_rate(rate_per_s: float, seconds: float) -> list[float]:
    """Evenly, beginning at 0; two at least."""
    return [number / rate_per_s for number in range(min(max(round(rate_per_s * seconds), 2), STEP_MAX))]


async def fired(asker: Asker, times_s: Sequence[float], *, tag: str, max_tokens: int = 16) -> tuple[list[Shot], int]:
    """Every ask that was sent, with its reply, and how many were skipped. Ends when the last answer is in or its deadline is over."""
    shots: list[Shot] = []
    skipped = under_way = 0
    start_s = asker.clock() + 0.01

    async def one(at_s: float, number: int) -> None:
        nonlocal under_way
        try:
            shots.append(Shot(at_s=at_s, reply=await asker.ask(short(f"{tag} {number}"), tag=tag, max_tokens=max_tokens)))
        except Halted:
            return  # the run's time is over: what was sent until then stands
        finally:
            under_way -= 1

    async with asyncio.TaskGroup() as group:
        for number, time_s in enumerate(times_s):
            if (wait_s := start_s + time_s - asker.clock()) > 0:
                await asyncio.sleep(wait_s)
            if under_way >= asker.plan.in_flight_max:
                skipped += 1
                continue
            under_way += 1
            group.create_task(one(start_s + time_s, number))
    return shots, skipped


def step_of(shots: Sequence[Shot], *, wanted_per_s: float | None, planned: int, skipped: int) -> Step:
    sent = sorted((shot for shot in shots if not shot.reply.over_budget), key=lambda shot: shot.reply.sent_at_s)
    answered = [shot for shot in sent if shot.reply.answered]
    limited = [shot for shot in sent if shot.reply.limited]
    latencies = [shot.reply.latency_s for shot in answered]
    return Step(
        wanted_per_s=wanted_per_s,
        planned=planned,
        sent=len(sent),
        answered=len(answered),
        limited=len(limited),
        failed=len(sent) - len(answered) - len(limited),
        skipped=skipped,
        over_budget=len(shots) - len(sent),
        codes=tuple(Counter(_code(shot.reply) for shot in sent).most_common(8)),
        p50_s=quantile(latencies, 0.5),
        p95_s=quantile(latencies, 0.95),
        sent_per_s=_rate([shot.reply.sent_at_s for shot in sent]),
        answers_per_s=_rate(sorted(shot.done_s for shot in answered)),
        let_through_per_s=_let_through(sent, limited),
        retry_after_s=tuple(shot.reply.retry_after_s for shot in limited if shot.reply.retry_after_s is not None),
        lag_p99_s=quantile([shot.reply.sent_at_s - shot.at_s for shot in sent], 0.99),
    )


def _code(reply: Reply) -> str:
    return str(reply.status) if reply.status else reply.ended


def _rate(moments: Sequence[float]) -> float | None:
    """Per second, of sorted moments."""
    return (len(moments) - 1) / (moments[-1] - moments[0]) if len(moments) > 1 and moments[-1] > moments[0] else None


def _let_through(sent: Sequence[Shot], limited: Sequence[Shot]) -> float | None:
    """Over whole seconds where there are some: a limit that counts by the second then gives the same figure wherever its seconds begin."""
    if not limited:
        return None
    begin_s = limited[0].reply.sent_at_s
    length_s = sent[-1].reply.sent_at_s - begin_s
    if length_s < 0.5:
        return None
    length_s = float(int(length_s)) if length_s >= 1 else length_s
    through = [shot for shot in sent if shot.reply.answered and begin_s < shot.reply.sent_at_s <= begin_s + length_s]
    return len(through) / length_s


async def volley(asker: Asker, times_s: Sequence[float], *, tag: str, rate_per_s: float | None = None) -> tuple[Step, list[Shot]]:
    shots, skipped = await fired(asker, times_s, tag=tag)
    return step_of(shots, wanted_per_s=rate_per_s, planned=len(times_s), skipped=skipped), shots

"""All probes of one target, in a fixed order, on one account.

Law: the order is that of the damage: what leaves the target as it was comes first, what exhausts it last. A probe that runs out of budget
or time ends alone; what it has is reported, and the next one tries.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from replay.faults import Wrong
from replay.probe.asker import Asker, Clock
from replay.probe.burst import Burst, burst
from replay.probe.cold import ColdStart, cold
from replay.probe.context import ContextSweep, context
from replay.probe.determinism import Determinism, determinism
from replay.probe.finding import Finding
from replay.probe.line import Line, Plan
from replay.probe.ruler import Ruler, calibrated
from replay.probe.stream import Streaming, stream
from replay.probe.truncation import Truncation, truncation

ORDER = ("determinism", "stream", "truncation", "context", "cold", "burst")
ALL = frozenset(ORDER)


class Result(Protocol):
    @property
    def findings(self) -> tuple[Finding, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What was found, probe by probe; None: that probe was not asked for."""

    determinism: Determinism | None = None
    stream: Streaming | None = None
    truncation: Truncation | None = None
    context: ContextSweep | None = None
    cold: ColdStart | None = None
    burst: Burst | None = None
    asks: int
    cost_usd: Decimal
    """Of the priced asks."""
    unpriced: int
    """Asks whose cost is not known."""
    seconds: float

    @property
    def sections(self) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
        """(probe, findings), in the order in which they ran."""
        results: list[tuple[str, Result | None]] = [(name, getattr(self, name)) for name in ORDER]
        return tuple((name, result.findings) for name, result in results if result is not None)

    @property
    def alarms(self) -> tuple[tuple[str, Finding], ...]:
        return tuple((name, each) for name, findings in self.sections for each in findings if each.alarm)


async def probe(
    line: Line, plan: Plan, only: frozenset[str] = ALL, tell: Callable[[str], None] = lambda _: None, clock: Clock = time.monotonic
) -> ProbeReport:
    """Measure what `only` names. The sweep needs the window: unless the plan gives it, it is looked for as by `truncation`."""
    if unknown := only - ALL:
        raise Wrong("probe", ", ".join(sorted(unknown)), f"any of {', '.join(ORDER)}")
    asker = Asker(line, plan, tell, clock)
    same = await determinism(asker, plan) if "determinism" in only else None
    streamed = await stream(asker, plan) if "stream" in only else None
    truncated, swept = await _lengths(asker, plan, only)
    started = await cold(asker, plan) if "cold" in only else None
    loaded = await burst(asker, plan) if "burst" in only else None
    return ProbeReport(
        determinism=same, stream=streamed, truncation=truncated, context=swept, cold=started, burst=loaded, asks=asker.asks,
        cost_usd=asker.cost_usd, unpriced=asker.unpriced, seconds=clock() - asker.started_s,
    )  # fmt: skip


async def _lengths(asker: Asker, plan: Plan, only: frozenset[str]) -> tuple[Truncation | None, ContextSweep | None]:
    if not only & {"truncation", "context"}:
        return None, None
    ruler, halted = await calibrated(asker, plan)
    if halted:
        ruler = Ruler(reason=halted)
    looked_for = "truncation" in only or (plan.window_tokens is None and not plan.lengths)
    truncated = await truncation(asker, plan, ruler) if looked_for else None
    if "context" not in only:
        return truncated, None
    longest = truncated.longest_tokens if truncated is not None else None
    cut = truncated.limit_tokens if truncated is not None else None
    return truncated, await context(asker, plan, ruler, top_tokens=longest or plan.length_top_tokens, cut_tokens=cut)

"""What one answer means for a rollout: a small value that needs no text any more. Pure.

Law: what nobody can be blamed for is no evidence: a worker of ours that died, a shadow of ours that stopped. A client that left says
nothing of the answer; only whether more of them leave unanswered is asked. Which arm an answer belongs to is said by the draw, never by it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from proxy.config import SegmentLimits
from proxy.exchange import Call, Exchange, OutcomeName
from proxy.rollout.state import one_line
from scoring.guard.strata import Stratum, stratum_of

Leg = Literal["candidate", "incumbent", "fallback", "reverse", "stayed"]
"""`candidate`: of a call drawn to it, seen or not; `incumbent`: of one that was not; `fallback`: the incumbent's in its place; `reverse`:
the incumbent's that nobody saw; `stayed`: of a call that was not drawn at all."""
ERRORS: frozenset[OutcomeName] = frozenset(("errored", "timed_out"))
REFUSALS: frozenset[OutcomeName] = frozenset(("refused", "filtered"))
TOLD: frozenset[OutcomeName] = frozenset((*ERRORS, "truncated", "malformed"))
REASON_MAX = 80
NOT_THE_CLIENTS = frozenset((401, 403, 404, 408, 429))
"""Error statuses from 400 to 499 that speak of the target and not of the request."""
_OURS = ("worker died", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Times in seconds since the epoch."""

    call_id: str
    leg: Leg
    drawn: bool
    """To the candidate."""
    share: float
    conversation: int
    """64 bits of a hash."""
    workflow: str
    segments: tuple[str, ...]
    """Names of those of the rollout that the call is in."""
    stratum: Stratum
    arrived_s: float
    ended_s: float
    outcome: OutcomeName
    silent: bool
    """It failed and looks like an answer."""
    status: int
    latency_s: float | None
    ttft_s: float | None
    cost_usd: float | None
    stayed: str = ""
    fallback: str = ""
    marks: Mapping[str, float] | None = None
    """Scores by guard dimension, of those that apply; None: there was no time to ask."""
    reason: str = ""
    """Why it failed, in words; nothing that a model said, and nothing of an answer that did not fail."""

    @property
    def gone(self) -> bool:
        """Its client left, and there is no whole answer to judge."""
        return self.outcome == "client_gone"

    @property
    def errored(self) -> bool:
        """A client got no answer of it; an answer that came too late for it is none."""
        return self.outcome in ERRORS or (self.leg == "candidate" and bool(self.fallback) and self.outcome not in REFUSALS)

    @property
    def turned_away(self) -> bool:
        """At the door, before anything of an answer was made."""
        return self.outcome == "errored" and not 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        return self.outcome in REFUSALS

    @property
    def blames_client(self) -> bool:
        """An error status that may be the request's own fault."""
        return 400 <= self.status < 500 and self.status not in NOT_THE_CLIENTS


def fact_of(row: Exchange, call: Call, segments: Sequence[SegmentLimits], marks: Mapping[str, float] | None = None) -> Fact | None:
    """None for what says nothing about either arm."""
    leg = leg_of(row, call)
    if leg is None:
        return None
    began, took = row.started_at.timestamp(), row.latency_s
    return Fact(
        call_id=call.call_id, leg=leg, drawn=call.rollout_target is not None, share=call.rollout_share or 0.0,
        conversation=key_of(call.conversation or call.call_id), workflow=call.workflow,
        segments=tuple(each.name for each in segments if _in(each, call)), stratum=stratum_of(call),
        arrived_s=call.arrived_at.timestamp(), ended_s=began + (took or 0.0),
        outcome=row.outcome, silent=row.failure_class == "silent", status=row.status or 0, latency_s=took, ttft_s=row.ttft_s,
        cost_usd=None if row.cost_usd is None else float(row.cost_usd), stayed=call.rollout_stayed or "",
        fallback=call.rollout_fallback or "", marks=marks, reason=one_line(row.outcome_reason)[:REASON_MAX] if row.outcome in TOLD else "",
    )  # fmt: skip


def commonest(reasons: Iterable[str]) -> str:
    """What most of these failed for, if it is most; empty where nothing is known."""
    counted = Counter(reasons)
    reason, count = counted.most_common(1)[0] if counted else ("", 0)
    return reason if 2 * count > counted.total() else ""


def leg_of(row: Exchange, call: Call) -> Leg | None:
    if row.run_id is not None or row.attempt > 1 or row.outcome_reason.startswith(_OURS) or (row.error or "").startswith("interrupted"):
        return None
    target = call.rollout_target
    if row.role == "candidate":
        return "candidate" if target is not None and row.target == target else None
    if row.role != "incumbent":
        return None
    if target is not None:
        return "fallback" if row.seen else "reverse"
    if not row.seen:
        return None
    return "stayed" if call.rollout_stayed else "incumbent"


def key_of(conversation: str) -> int:
    return int.from_bytes(hashlib.blake2b(conversation.encode("utf-8", "replace"), digest_size=8).digest())


def _in(segment: SegmentLimits, call: Call) -> bool:
    """Whether every condition that is given holds; what is not known holds none."""
    turn = "" if call.turn is None else "first" if call.turn <= 1 else "later"
    long_enough = not segment.input_chars_min or (call.input_chars or 0) >= segment.input_chars_min
    same_stream = segment.stream is None or segment.stream == call.stream
    return segment.workflow in ("", call.workflow) and segment.turns in ("", turn) and same_stream and long_enough

"""Why a call is not sent to a leg, and what an answer teaches: the refusals of the call, of the moment, and who listens to answers.

Law: what the call itself decides (kind, share, rate) is decided first and without a look at any candidate's state, so that all candidates
see the same calls; breaker, quota and age come after. Nothing here sends, waits or counts money.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from proxy.adapter_fault import OWN_LEGS, STATUSES, adapter_fault
from proxy.config import ShadowSection
from proxy.encoding import decode
from proxy.events import AuditEvent
from proxy.exchange import DecisionName, Unreadable
from proxy.logs import log
from proxy.sampling import takes
from replay.asked import Asked
from replay.breaker import CLOSED_DOORS, retry_after_s
from replay.drawn import Reverse, decided_by_draw
from replay.leg import Leg
from replay.legs import TOO_LONG, Answered
from replay.media import tokens_likely
from replay.quota import Governor
from replay.rate import Rates

Refusal = tuple[DecisionName, str]
UNLIMITED_ANSWER_TOKENS = 1000
"""A guess at the answer of a call without a limit, for the provider's count of tokens a minute."""
ERROR_MAX_BYTES = 256 << 10


class Policy:
    def __init__(
        self, legs: Mapping[str, Sequence[Leg]], bounds: ShadowSection, governor: Governor, now_us: Callable[[], int],
        reverse: Reverse | None = None,
    ):  # fmt: skip
        self.bounds, self.governor, self.now_us, self.reverse = bounds, governor, now_us, reverse
        self._rates = {route: Rates({leg.name: leg.rate for leg in each if leg.role != "repeat"}) for route, each in legs.items()}

    # ---- refusals

    def of_the_call(self, asked: Asked, legs: Sequence[Leg]) -> dict[int, Refusal]:
        """What the call itself decides for these legs of its route, by their position."""
        found: dict[int, Refusal] = {}
        for place, leg in enumerate(legs):
            if drawn := decided_by_draw(asked.event.drawn, leg):
                found[place] = drawn
            elif refused := asked.refused[leg.reach]:
                found[place] = refused.decision, refused.reason
            elif not takes(asked.bucket, share := self._share(asked, leg)):
                found[place] = "sampled_out", f"share {share:g}"
        rates = self._rates.get(asked.event.route)
        wanting = {leg.name: place for place, leg in enumerate(legs) if place not in found and leg.role != "repeat"}
        for name, reason in rates.refused(wanting, time.monotonic()).items() if rates and wanting else ():
            found[wanting[name]] = "sampled_out", reason
        return found

    def _share(self, asked: Asked, leg: Leg) -> float:
        now = self.reverse.share(asked.event.route) if self.reverse and leg.role == "incumbent" else None
        return leg.share if now is None else now

    def of_the_moment(self, asked: Asked, leg: Leg) -> Refusal | None:
        now_us = self.now_us()
        age_s = (now_us - asked.event.at) / 1e6
        if age_s > self.bounds.stale_s:
            return "stale", f"{age_s:.0f} s old"
        refused = cast("Refusal | None", leg.breaker.refusal(time.monotonic()))
        return refused or self.governor.refusal(leg.name, self.weight(asked, leg), now_us / 1e6)

    def weight(self, asked: Asked, leg: Leg) -> int:
        """The tokens a provider may count for it; 0 where nobody counts."""
        if not self.governor.counts(leg.name):
            return 0
        output = asked.max_output_tokens
        return tokens_likely(asked.family, asked.body) + (UNLIMITED_ANSWER_TOKENS if output is None else output)

    # ---- what answers teach

    def sent(self, asked: Asked, leg: Leg) -> int:
        leg.breaker.sent()
        weight = self.weight(asked, leg)
        self.governor.sent(leg.name, weight)
        return weight

    def answered(self, leg: Leg, answered: Answered, at_us: int) -> AuditEvent | None:
        """The event to be told, when this answer ended something."""
        head_us = at_us + (answered.first_byte_us or answered.latency_us)
        self.governor.heard(leg.name, answered.status, answered.headers, head_us / 1e6, production=False)
        failed = answered.ended in ("unreachable", "timed_out") and answered.status == 0
        fault = _fault(leg, answered)
        opened = leg.breaker.answered(answered.status, failed, retry_after_s(answered.headers), time.monotonic(), fault)
        if leg.role in ("repeat", "incumbent") and answered.status in CLOSED_DOORS and not leg.breaker.off:
            leg.breaker.off = f"turned off: {leg.name} answered {answered.status} to our own key"
            what = "repeat" if leg.role == "repeat" else "reverse_shadow"
            log.error(f"shadow.{what}_turned_off", target=leg.name, status=answered.status)
            return self._told(f"{what}.turned_off", leg, leg.breaker.off)
        if opened and fault:
            action = "shadow.adapter_fault" if fault.startswith("adapter: ") else "shadow.flooded"
            log.error(action, target=leg.name, role=leg.role, why=leg.breaker.why)
            return self._told(action, leg, leg.breaker.why)
        return None

    def _told(self, action: str, leg: Leg, why: str) -> AuditEvent:
        return AuditEvent(at=self.now_us(), actor="shadow", action=action, detail={"target": leg.name, "role": leg.role, "why": why})


def _fault(leg: Leg, answered: Answered) -> str:
    """What more calls would only repeat, in words; "" for an answer, however bad."""
    if answered.ended == "cut" and answered.error.startswith(TOO_LONG):
        return "an answer longer than shadow.answer_max_bytes"
    if answered.status not in STATUSES or leg.role not in (*OWN_LEGS, "incumbent") or answered.ended != "complete":
        return ""
    found = decode(answered.body, answered.headers.get("content-encoding", ""), ERROR_MAX_BYTES)
    fault = "" if isinstance(found, Unreadable) else adapter_fault(answered.status, found.body)
    return f"adapter: {fault}" if fault else ""

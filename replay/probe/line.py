"""The seam between the probes and whatever asks a target: one question, one reply, and the plan of what is to be measured.

Law: a probe knows a target by its replies alone. Who reserves, journals and settles an ask, and in which dialect it is written, is the
line's business; what an ask says, when it goes and what its reply means is the probe's.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from proxy.exchange import Ended
from replay.probe.plan import Plan

__all__ = ["Line", "Plan", "Reply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    """0: no answer came."""
    ended: Ended
    error: str
    text: str
    """The answer's text, read by the dialect."""
    outcome: str
    """Outcome name as in proxy.outcome."""
    input_tokens: int | None
    """Provider's count, cached included."""
    output_tokens: int | None
    latency_s: float
    ttft_s: float | None
    retry_after_s: float | None
    model_served: str | None
    fingerprint: str | None
    sent_at_s: float
    """When it left, by the asker's clock: `time.monotonic()`."""
    cost_usd: Decimal | None
    over_budget: bool = False
    """Not sent: the budget has no room for it."""

    @property
    def answered(self) -> bool:
        """There is an answer to look at, good or bad; an answer cut at its token limit is one too."""
        return 200 <= self.status < 300 and self.ended == "complete" and self.outcome not in ("errored", "timed_out", "malformed")

    @property
    def says_something(self) -> bool:
        """Its text is evidence of what was read: neither a refusal nor an answer that ended before its first word."""
        return self.answered and self.outcome in ("answered", "truncated") and bool(self.text.strip())

    @property
    def limited(self) -> bool:
        """The target refuses for load: try later."""
        return self.status in (429, 529) or (self.status == 503 and self.retry_after_s is not None)


class Line(Protocol):
    """Asks the target; each ask is reserved, ledgered, journaled with `tag` and settled, also one that is cancelled at its deadline."""

    async def ask(
        self, messages: list[dict[str, Any]], *, tag: str, max_tokens: int, stream: bool = False, temperature: float | None = 0.0
    ) -> Reply: ...

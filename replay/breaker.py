"""Leaves a target alone that does not answer: opens after failures in a row, tries one call after a pause, and may be turned off for good.

Law: a candidate that answers, however badly, is evidence and keeps the breaker closed; silence, broken connections and closed doors open
it.
The time is an argument.
"""

from dataclasses import dataclass

FAILURES = 5
PAUSE_S = 5.0
PAUSE_MAX_S = 300.0
RETRY_AFTER_MAX_S = 300.0
CLOSED_DOORS = (401, 403)


@dataclass(slots=True)
class Breaker:
    failures: int = 0
    open_until: float = 0.0
    pause_s: float = PAUSE_S
    trying: bool = False
    """One call is under way to see whether it answers again."""
    off: str = ""
    """Why it is turned off until a restart."""
    limited_until: float = 0.0

    def refusal(self, now: float) -> tuple[str, str] | None:
        """(decision, reason) while it is open."""
        if self.off:
            return "breaker_open", self.off
        if now < self.limited_until:
            return "rate_limited", f"429 with {self.limited_until - now:.0f} s to wait"
        if self.failures >= FAILURES and (self.trying or now < self.open_until):
            return "breaker_open", f"{self.failures} calls in a row without an answer"
        return None

    def sent(self) -> None:
        self.trying = self.failures >= FAILURES

    def answered(self, status: int, transport_failed: bool, retry_after_s: float, now: float) -> None:
        if transport_failed or status in CLOSED_DOORS:
            self.failures += 1
            if self.failures >= FAILURES:
                self.open_until = now + self.pause_s
                self.pause_s = min(2 * self.pause_s, PAUSE_MAX_S) if self.trying else self.pause_s
        else:
            self.failures, self.pause_s = 0, PAUSE_S
        self.trying = False
        if status == 429 and retry_after_s > 0:
            self.limited_until = now + min(retry_after_s, RETRY_AFTER_MAX_S)


def retry_after_s(headers: dict[str, str]) -> float:
    """Seconds the provider asks for; 0 when it does not say, or says a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(float(headers[name]) / unit, 0.0)
        except (KeyError, ValueError):
            continue
    return 0.0

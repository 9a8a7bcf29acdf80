"""Leaves a target alone that does not answer: opens after failures in a row, tries one call after a pause, and may be turned off for good.

Law: a candidate that answers, however badly, is evidence and keeps the breaker closed; silence, broken connections and closed doors open
it, and so does one fault of our adapter again and again, or answers without end: more of the same would cost and teach nothing. The time
is an argument.
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
    fault: str = ""
    """In words, when the failures are the same one each time: of our adapter (`adapter_fault.py`), or an answer without end."""
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
            return "breaker_open", self.why
        return None

    @property
    def why(self) -> str:
        return f"{self.fault}, {self.failures} times in a row" if self.fault else f"{self.failures} calls in a row without an answer"

    def sent(self) -> None:
        self.trying = self.failures >= FAILURES

    def answered(self, status: int, transport_failed: bool, retry_after_s: float, now: float, fault: str = "") -> bool:
        """True: this answer opened it."""
        was_open = self.failures >= FAILURES
        if transport_failed or status in CLOSED_DOORS or fault:
            # a fault is counted as long as it is the same; silence in between is a failure like any other
            self.failures = self.failures + 1 if fault == self.fault or not fault or was_open else 1
            self.fault = fault
            if self.failures >= FAILURES:
                self.open_until = now + self.pause_s
                self.pause_s = min(2 * self.pause_s, PAUSE_MAX_S) if self.trying else self.pause_s
        else:
            self.failures, self.pause_s, self.fault = 0, PAUSE_S, ""
        self.trying = False
        if status == 429 and retry_after_s > 0:
            self.limited_until = now + min(retry_after_s, RETRY_AFTER_MAX_S)
        return self.failures >= FAILURES and not was_open


def retry_after_s(headers: dict[str, str]) -> float:
    """Seconds the provider asks for; 0 when it does not say, or says a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(float(headers[name]) / unit, 0.0)
        except (KeyError, ValueError):
            continue
    return 0.0

"""The governor: keeps mirrored calls from spending the quota that production lives on, by what the providers' own headers say.

Law: what is left of an account that the incumbent uses is production's; below the reserve no leg touches it until the provider has refilled
it, and a 429 to production stops every leg at that host. Two targets share an account when host and source of credentials agree. Unknown is
no limit: a header that says nothing sure (Azure's -1 and 0) is as good as none. Nothing raises on any header; the time is an argument
(seconds since the epoch).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from proxy.config import Target
from replay.breaker import retry_after_s

OWN_RESERVE = 0.02
"""Of a candidate's own account: enough not to run into its 429."""
PAUSE_S, PAUSE_MAX_S = 30.0, 3600.0
"""After a 429 that does not say how long."""
RESET_UNKNOWN_S, RESET_MAX_S = 60.0, 86_400.0
WINDOWS_MAX = 32
LIMITED = (429, 529)
_OPENAI = re.compile(r"(?:x-)?ratelimit-(limit|remaining|reset)(?:-([a-z0-9-]{1,40}))?\Z")
_ANTHROPIC = re.compile(r"anthropic-ratelimit-([a-z0-9-]{1,40})-(limit|remaining|reset)\Z")
_UNITS = {"ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "h": 3600.0, "m": 60.0, "s": 1.0, "d": 86_400.0}
_SPAN = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|us|µs|ns|h|m|s|d)")
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,12})?\Z")
Told = dict[str, dict[str, str]]
"""What is limited → (limit | remaining | reset) → the header's value."""


@dataclass(frozen=True, slots=True)
class Window:
    """So many of so many are left of `what` (`requests`, `input-tokens`) until `reset_at`."""

    what: str
    limit: int
    remaining: int
    reset_at: float
    heard_at: float = 0.0


def windows(headers: Mapping[str, str], at: float) -> list[Window]:
    """What an answer's headers (names in lower case), heard at this time, say of the account's quota."""
    told: Told = {}
    for name, value in headers.items():
        if "ratelimit" in name:
            if found := _OPENAI.match(name):
                told.setdefault(found[2] or "requests", {})[found[1]] = value
            elif found := _ANTHROPIC.match(name):
                told.setdefault(found[1], {})[found[2]] = value
    # Azure alone counts in milliseconds, and alone names its period
    unit = 0.001 if any(what.startswith("x-ratelimit-renewalperiod") for what in headers) else 1.0
    found = [_window(what, values, at, unit) for what, values in told.items()]
    return [window for window in found if window is not None]


def _window(what: str, values: Mapping[str, str], at: float, unit: float) -> Window | None:
    limit, remaining = _whole(values.get("limit", "")), _whole(values.get("remaining", ""))
    if limit is None or remaining is None or limit <= 0:
        return None
    return Window(what, limit, min(remaining, limit), reset_time(values.get("reset", ""), at, unit), at)


def _whole(text: str) -> int | None:
    """The first of values that a gateway joined; None for what is no count, negative ones included."""
    text = text.partition(",")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def reset_time(text: str, at: float, unit: float = 1.0) -> float:
    """`1s`, `6m0s`, `500` (in `unit` seconds), an RFC 3339 time or seconds or milliseconds since the epoch, as seconds since the epoch.

    A minute where it does not say, a day at most."""
    text = text.partition(", ")[0].strip()
    spans = _SPAN.findall(text)
    if spans and _SPAN.sub("", text) == "":
        until = at + sum(float(number) * _UNITS[name] for number, name in spans)
    elif _NUMBER.match(text):
        number = float(text)
        until = number / 1000 if number > 1e11 else number if number > 1e9 else at + number * unit
    else:
        until = _moment(text) or at + RESET_UNKNOWN_S
    return min(max(until, at), at + RESET_MAX_S)


def _moment(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo else None


def pause_s(status: int, headers: Mapping[str, str], at: float) -> float:
    """How long an account is left alone after this answer; 0: not at all. An answer may say `retry-after` without being a refusal."""
    asked = retry_after_s(dict(headers))
    if status not in LIMITED and not (status == 503 and asked > 0):
        return 0.0
    used_up = max((each.reset_at - at for each in windows(headers, at) if each.remaining == 0), default=0.0)
    return min(asked or used_up or PAUSE_S, PAUSE_MAX_S)


@dataclass(slots=True)
class Account:
    """What is known of one account, and what of ours is under way on it."""

    host: str
    reserve: float
    of: str
    """Whom the reserve is kept for, in words."""
    limits: dict[tuple[str, int], Window] = field(default_factory=dict[tuple[str, int], Window])
    """By name and limit: two models with limits of their own have windows of their own."""
    requests: int = 0
    tokens: int = 0
    paused_until: float = 0.0
    paused_by: str = ""

    def hear(self, headers: Mapping[str, str], at: float) -> None:
        for window in windows(headers, at):
            key = window.what, window.limit
            if key in self.limits and self.limits[key].heard_at > at:
                continue
            self.limits.pop(key, None)
            self.limits[key] = window
            if len(self.limits) > WINDOWS_MAX:
                del self.limits[next(iter(self.limits))]

    def pause(self, until: float, why: str) -> None:
        if until > self.paused_until:
            self.paused_until, self.paused_by = until, why

    def short(self, tokens: int, now: float) -> str:
        """Which window has no room for a call of so many tokens on top of ours under way."""
        for window in self.limits.values():
            if window.reset_at > now:
                ours = self.tokens + tokens if "token" in window.what else self.requests + 1
                if window.remaining - ours < self.reserve * window.limit:
                    return (
                        f"{window.what}: {window.remaining} of {window.limit} left, {self.reserve:.0%} kept for {self.of}, "
                        f"{window.reset_at - now:.0f} s to wait"
                    )
        return ""


class Governor:
    """All accounts, by target. Only the loop touches it."""

    def __init__(self, targets: Mapping[str, Target], incumbents: Iterable[str], reserve: float = 0.3):
        production = {account_of(targets[name]) for name in incumbents if name in targets}
        accounts: dict[str, Account] = {}
        self._of: dict[str, Account] = {}
        for name, target in targets.items():
            if target.url:
                key, host = account_of(target), urlsplit(target.url).netloc.rpartition("@")[2].lower()
                shared = key in production
                made = Account(host, reserve if shared else OWN_RESERVE, "production" if shared else "its own next calls")
                self._of[name] = accounts.setdefault(key, made)
        self._by_host: dict[str, list[Account]] = {}
        for account in accounts.values():
            self._by_host.setdefault(account.host, []).append(account)

    def refusal(self, target: str, tokens: int, now: float) -> tuple[Literal["rate_limited"], str] | None:
        account = self._of.get(target)
        if account is None:
            return None
        if now < account.paused_until:
            return "rate_limited", f"{account.paused_by}, {account.paused_until - now:.0f} s to wait"
        short = account.short(tokens, now) if account.limits else ""
        return ("rate_limited", short) if short else None

    def counts(self, target: str) -> bool:
        """Whether anything is known of its account: else nobody need count tokens."""
        account = self._of.get(target)
        return account is not None and bool(account.limits)

    def sent(self, target: str, tokens: int) -> None:
        if account := self._of.get(target):
            account.requests, account.tokens = account.requests + 1, account.tokens + tokens

    def ended(self, target: str, tokens: int) -> None:
        """However it ended: what it spent is in the provider's next count."""
        if account := self._of.get(target):
            account.requests, account.tokens = account.requests - 1, account.tokens - tokens

    def heard(self, target: str, status: int, headers: Mapping[str, str], at: float, *, production: bool) -> None:
        """An answer, to a leg of ours or to production; `at` is when its head came."""
        account = self._of.get(target)
        if account is None:
            return
        account.hear(headers, at)
        if wait_s := pause_s(status, headers, at):
            who = "production" if production else "us"
            for each in self._by_host[account.host] if production else [account]:
                each.pause(at + wait_s, f"{status} to {who} at {account.host}")


def account_of(target: Target) -> str:
    """Host and source of credentials; without any of its own, a leg is counted with everyone at that host who has none."""
    keys = (target.api_key_env, target.api_key_file, sorted(target.headers_env.items()))
    return f"{urlsplit(target.url).netloc.lower()} {keys}"

"""What the shadow overhears of production: turns that later calls continue, first attempts that clients repeat, quotas that it lives on.

Law: it only listens. Everything is bounded, in memory alone, and gone with the process; what was not heard is said not to be known. A
batch of the journal is heard before any of its calls is decided, so that an answer which another worker journaled a few milliseconds ago
is not missed.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Collection

from proxy.eligibility import Ineligible
from proxy.events import AnyEvent, CallEvent, ExchangeEvent
from proxy.segments import Passed
from replay.chain import DIALECT, KEY, Chains, Expanded
from replay.quota import Governor

ATTEMPTS_MAX = 20_000
ATTEMPT_AGE_US = 10 * 60 * 1_000_000
RETRY_COUNT = "x-stainless-retry-count"
_EDGE_BYTES = 65_536


class Attempts:
    """First attempts of the last minutes, by what was asked."""

    def __init__(self) -> None:
        self._first: OrderedDict[bytes, tuple[str, int]] = OrderedDict()

    def heard(self, event: CallEvent, body: bytes) -> None:
        key = _same(event, body)
        self._first.pop(key, None)
        self._first[key] = event.id, event.at
        if len(self._first) > ATTEMPTS_MAX:
            self._first.popitem(last=False)

    def first_of(self, event: CallEvent, body: bytes) -> str | None:
        found = self._first.get(_same(event, body))
        return found[0] if found and found[0] != event.id and abs(event.at - found[1]) <= ATTEMPT_AGE_US else None


def _same(event: CallEvent, body: bytes) -> bytes:
    """SDKs repeat a call byte for byte. Of a large body both ends and the size tell enough."""
    what = f"{event.route}\0{event.path}\0{event.hints.get('conversation', '')}\0{event.size or len(body)}\0{event.sha256}"
    text = body if len(body) <= 2 * _EDGE_BYTES else body[:_EDGE_BYTES] + body[-_EDGE_BYTES:]
    return hashlib.blake2b(text, digest_size=16, key=hashlib.blake2b(what.encode("utf-8", "replace"), digest_size=16).digest()).digest()


class Production:
    def __init__(self, governor: Governor, routes: Collection[str], chain_max_bytes: int):
        self.governor, self.routes = governor, frozenset(routes)
        """Routes whose calls are mirrored: of the others only the quotas matter."""
        self.chains, self.attempts = Chains(chain_max_bytes), Attempts()

    def hear(self, passed: Passed) -> None:
        event: AnyEvent = passed.event
        if isinstance(event, CallEvent):
            if event.route in self.routes:
                if event.headers.get(RETRY_COUNT, "0") in ("", "0"):
                    self.attempts.heard(event, passed.body)
                self.chains.asked(event, passed.body)
        elif isinstance(event, ExchangeEvent) and (event.seen or event.role == "candidate"):  # unseen: a canary that fell back
            at = event.at + (event.latency_us if event.first_byte_us is None else event.first_byte_us)
            self.governor.heard(event.target, event.status, event.headers, at / 1e6, production=True)
            if event.dialect == DIALECT and event.seen:
                self.chains.answered(event, passed.body)

    def continued(self, event: CallEvent, body: bytes) -> Expanded | str | None:
        """The call with its chain as input, or why not; None: it continues nothing. `body` has lost its content-encoding."""
        if event.dialect != DIALECT or f'"{KEY}"'.encode() not in body:
            return None
        return self.chains.expand(body, event.at)

    def told(self, refused: Ineligible, event: CallEvent, body: bytes, why: str = "") -> Ineligible:
        """A refusal in fuller words: whose retry it is, and why a chain cannot be followed. `body` is as it passed."""
        if refused.decision == "retry_of":
            first = self.attempts.first_of(event, body)
            return Ineligible(decision="retry_of", reason=f"retry of {first}" if first else "a retry; its first attempt is not in memory")
        if refused.decision == "side_effects" and refused.reason == KEY and why:
            return Ineligible(decision="side_effects", reason=f"{KEY}: {why}")
        if refused.decision == "side_effects" and refused.reason == "conversation":
            return Ineligible(decision="side_effects", reason="conversation: what it holds is known to the provider alone")
        return refused

"""The journal's lines: facts as they were seen, before anyone gave them meaning.

One struct per kind of event writes the line and reads it back; the raw body, when there is one, follows the line (`body` bytes of it).
No field here can hold a credential: headers pass `recorded_headers`, targets pass `redacted_path`, and nothing else of a request is kept.
"""

from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from proxy.exchange import DecisionName, Ended, Role

RECORDED_HEADERS = frozenset(
    (
        b"content-type", b"content-encoding", b"accept", b"user-agent", b"anthropic-version", b"anthropic-beta", b"openai-beta",
        b"x-stainless-retry-count", b"x-stainless-lang", b"x-stainless-package-version", b"retry-after", b"retry-after-ms",
        b"x-understudy-shadow", b"x-request-id", b"request-id", b"x-amzn-requestid", b"openai-processing-ms", b"openai-version",
        b"x-should-retry", b"x-amz-date",
    )
)  # fmt: skip
RECORDED_PREFIXES = (b"x-ratelimit-", b"anthropic-ratelimit-", b"ratelimit-")
HINT_HEADERS = {
    b"x-understudy-workflow": "workflow",
    b"x-understudy-conversation": "conversation",
    b"x-understudy-user": "user",
    b"x-understudy-prompt-version": "prompt_version",
    b"x-understudy-run": "run",
    b"x-understudy-case": "case",
}
SECRET_QUERY = (b"key=", b"api_key=", b"apikey=", b"token=", b"access_token=", b"sig=", b"signature=", b"x-amz-")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    seq: int = 0
    """Counts a writer's events; the journal sets it, and a gap is a lost event."""
    at: int
    """Microseconds since the epoch, UTC."""
    body: int = 0
    """Bytes of raw body that follow this line."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rollout made of a call of its route."""

    rollout: str
    share: float = 0.0
    """The chance with which it was drawn; 0: it was not, see `stayed`."""
    target: str = ""
    """The candidate, when it was drawn; empty: the incumbent was."""
    stayed: str = ""
    """Why it was not drawn at all: it can only be the incumbent's."""
    fallback: str = ""
    """Why the incumbent answered in the candidate's place."""

    @property
    def served(self) -> str:
        """The candidate, when the client got its answer."""
        return "" if self.fallback else self.target


class CallEvent(Event, frozen=True, kw_only=True, tag="call"):
    """A request whose last byte has passed (or whose upload broke off: `whole` is False). `at` is its first byte."""

    id: str
    route: str
    dialect: str
    method: str = "POST"
    path: str
    """The target as received, with the values of secret query parameters replaced."""
    headers: dict[str, str] = {}
    hints: dict[str, str] = {}
    config: str = ""
    size: int = 0
    sha256: str = ""
    """Of a body larger than the capture bound; such a body is not kept."""
    whole: bool = True
    workflow: str = ""
    """Known already, of an archived call; else found from its hints."""
    expected: str = ""
    """What people say the answer should be, as JSON; of an archived call."""
    tags: list[str] = []
    drawn: Drawn | None = None
    """On a route with a rollout under way. Such a call is journaled when it is known who answers it."""


class ExchangeEvent(Event, frozen=True, kw_only=True, tag="exchange"):
    """One answer, at its end. `at` is when the request left (its first byte, for the incumbent)."""

    id: str
    route: str
    dialect: str
    target: str
    role: Role
    seen: bool
    run: str | None = None
    sample: int = 0
    attempt: int = 1
    model: str | None = None
    """The model asked for on this leg, when we set it; None: the call's own."""
    config: str = ""
    status: int = 0
    """0: no answer came."""
    ended: Ended
    error: str = ""
    headers: dict[str, str] = {}
    latency_us: int = 0
    first_byte_us: int | None = None
    overhead_us: int | None = None
    chunks: int = 0
    marks: list[tuple[int, int]] = []
    """(µs since `at`, bytes of body received by then) of the first 256 chunks."""
    max_gap_us: int = 0
    size: int = 0
    sha256: str = ""
    rewrites: list[str] = []
    saw: Literal["raw", "anonymized"] = "raw"


class DecisionEvent(Event, frozen=True, kw_only=True, tag="decision"):
    id: str
    """The call's."""
    route: str
    target: str
    role: Role
    decision: DecisionName
    reason: str = ""
    run: str | None = None
    sample: int = 0
    reserved_usd: float | None = None


class RecordedEvent(Event, frozen=True, kw_only=True, tag="recorded"):
    """An answer out of an archive, which a run compares with: its body is a `RecordedAnswer`, meaning instead of bytes."""

    id: str
    run: str


class RunEvent(Event, frozen=True, kw_only=True, tag="run"):
    """What became of a run, each time that changes."""

    run: str
    kind: Literal["replay", "probe"]
    state: Literal["started", "resumed", "finished", "stopped"]
    """`stopped`: before its end; `reason` says why, and it can be resumed."""
    reason: str = ""
    source: str = ""
    """The archive's name, without its folder."""
    source_sha256: str = ""
    targets: list[str] = []
    config: str = ""
    """Hash of the configuration."""
    config_text: str = ""
    """That configuration, resolved, as JSON, without passwords."""
    detail: dict[str, Any] = {}
    """Options at its start, figures at its end."""


class BeatEvent(Event, frozen=True, kw_only=True, tag="beat"):
    """Gauges and counters of one process; counters run since its start."""

    process: str
    """`worker-0`, `shadow`, `recorder`."""
    in_flight: int = 0
    connections: int = 0
    calls: int = 0
    passthrough: dict[str, int] = {}
    """By route."""
    refused: dict[str, int] = {}
    """Requests we answered ourselves with 4xx or 503, by reason."""
    dropped: dict[str, int] = {}
    """Journal events or bodies lost, by reason."""
    journal_queue_bytes: int = 0
    loop_lag_us: int = 0
    ids: str = ""
    """Worker: what the ids of its calls begin with."""
    tunnels: int = 0
    """WebSockets that are open."""
    tunnel_bytes: int = 0
    """What passed through them, both ways."""
    shedding: Literal["", "bodies", "calls"] = ""
    """What a worker gives up just now because there is more to do than it can."""
    faults: int = 0
    """Exceptions of our own that nobody expected."""
    lag_us: int = 0
    """Shadow: age of the oldest call not yet decided."""
    spent_usd: dict[str, float] = {}
    """Shadow: today's spend by target, reservations included."""
    budget_usd: dict[str, float] = {}


class AuditEvent(Event, frozen=True, kw_only=True, tag="audit"):
    actor: str
    action: str
    detail: dict[str, str] = {}


class RolloutEvent(Event, frozen=True, kw_only=True, tag="rollout"):
    """A rollout's state changed."""

    rollout: str
    route: str
    target: str
    action: str
    state: str
    share: float
    actor: str
    why: str = ""
    version: int = 0
    call_ids: list[str] = []
    """Calls to look at."""
    evidence: dict[str, Any] = {}
    """What the guard saw when it decided."""


class SegmentEvent(Event, frozen=True, kw_only=True, tag="segment"):
    """The first line of every segment: who wrote it."""

    process: str
    pid: int
    writer: str
    config: str = ""
    """Hash of the writer's configuration."""


AnyEvent = CallEvent | ExchangeEvent | DecisionEvent | RecordedEvent | RunEvent | BeatEvent | AuditEvent | RolloutEvent | SegmentEvent


def recorded_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers worth keeping, by an allow-list; repeated names are joined with a comma. Credentials are on no list."""
    kept: dict[str, str] = {}
    for name, value in headers:
        low = name.lower()
        if low in RECORDED_HEADERS or low.startswith(RECORDED_PREFIXES):
            key, text = low.decode("latin-1"), value.decode("latin-1")
            kept[key] = f"{kept[key]}, {text}" if key in kept else text
    return kept


def _is_secret(parameter: bytes) -> bool:
    """`k%65y=` is `key=` to whoever gets it."""
    return (unquote_to_bytes(parameter) if b"%" in parameter else parameter).lower().startswith(SECRET_QUERY)


def redacted_path(target: bytes) -> str:
    """A request target fit for a record: values of query parameters that carry keys or signatures become `***`."""
    path, mark, query = target.partition(b"?")
    if mark:
        parts = [part.partition(b"=")[0] + b"=***" if _is_secret(part) else part for part in query.split(b"&")]
        path = path + b"?" + b"&".join(parts)
    return path.decode("latin-1")

"""The words of the program as values: what was asked, what was answered, what became of it.

Pure data. Nothing here reads a socket, a file or a clock. `Call`, `Exchange` and `Decision` are rows of the store: their
fields are the tables' columns, and a test holds them against the schema. Unknown is None, never 0 and never "".
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

Role = Literal["incumbent", "candidate", "repeat", "baseline"]
OutcomeName = Literal["answered", "refused", "filtered", "truncated", "malformed", "errored", "timed_out", "client_gone"]
FailureClass = Literal["ok", "loud", "silent"]
DecisionName = Literal[
    "sent", "served", "sampled_out", "side_effects", "not_comparable", "unportable", "too_large", "over_budget",
    "rate_limited", "shed", "stale", "breaker_open", "retry_of", "unreadable", "no_candidate",
]  # fmt: skip
UsageSource = Literal["provider", "estimated", "partial"]
RefusalKind = Literal["structured", "filtered_input", "filtered_output", "textual"]
FinishClass = Literal["stop", "tool", "truncated", "refused", "filtered_input", "filtered_output", "paused", "malformed", "error"]
Ended = Literal["complete", "cut", "client_gone", "unreachable", "timed_out", "interrupted", "worker_died"]
"""How an exchange's transport ended. `complete`: the upstream said its last byte; `cut`: it broke off; `client_gone`: the
client left first; `unreachable`: no connection or no answer at all; `interrupted`: our own shadow died while asking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What a reader returns instead of raising: these bytes are not what their dialect promises."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    id: str | None
    name: str
    arguments: str
    """The arguments as the model wrote them, as JSON text; not necessarily valid JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens in disjoint classes: their sum is what was processed, no token is in two of them."""

    input_tokens: int | None = None
    """Input neither read from nor written to a cache."""
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    """Output the client can see; reasoning is apart."""
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    kind: RefusalKind
    reason: str
    """The provider's own category or words, or the sentence that refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a dialect reader got out of one answer's bytes."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str | None = None
    """The provider's own word for why it stopped."""
    finish_class: FinishClass | None = None
    usage: Usage | None = None
    refusal: Refusal | None = None
    model_served: str | None = None
    fingerprint: str | None = None
    response_id: str | None = None
    error: str | None = None
    """The provider's error message, whether it came as a status or inside a 200 stream."""
    whole: bool = True
    """False: the bytes end before the dialect's own end (`[DONE]`, `message_stop`, a closed JSON document)."""
    content_at: int | None = None
    """Offset in the decoded body just past the event that held the first content (text, tool call or refusal); None: none seen."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect reader got out of one call's body. A struct, since it is made eight times as fast: a worker makes one a call."""

    model: str | None = None
    stream: bool = False
    system_text: str = ""
    first_user_text: str = ""
    prompt_text: str = ""
    """Every text of the request in order, one message after another; the system text first."""
    source_text: str = ""
    """The texts an answer can be checked against: user turns and tool results."""
    conversation: str | None = None
    """The body's own key for it (`prompt_cache_key`, `conversation`), when it has one."""
    user: str | None = None
    turn: int = 1
    """1 for a first turn; counts the user's messages."""
    tools: tuple[str, ...] = ()
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one exchange, in one word, in words, and in how easily anyone notices."""

    outcome: OutcomeName
    reason: str
    failure_class: FailureClass
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One recognised request: a row of `calls`."""

    call_id: str
    route: str
    workflow: str
    dialect: str
    conversation: str | None
    turn: int | None
    prompt_version: str | None
    case_id: str | None
    path: str
    model_requested: str | None
    arrived_at: datetime
    """UTC, the request's first byte."""
    stream: bool
    request: str | None
    """The body as JSON text, anonymized unless the store keeps bodies in full; None when bodies are not kept."""
    prefix_hash: str | None
    """Content hash of the system text, which `prefixes` keeps once."""
    prompt_text: str | None
    source_text: str | None
    input_chars: int | None
    request_bytes: int
    expected: str | None = None
    tags: tuple[str, ...] = ()
    run_id: str | None = None
    lineage_id: str | None = None
    notes: str | None = None
    """What had to be repaired or could not be read, in words."""
    rollout: str | None = None
    """The rollout under way on its route; what it made of this call stands in the four below."""
    rollout_share: float | None = None
    rollout_target: str | None = None
    """The candidate, when it was drawn."""
    rollout_stayed: str | None = None
    rollout_fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call answered by one target: a row of `exchanges`."""

    call_id: str
    target: str
    role: Role
    seen: bool
    """Whether the client got this answer."""
    run_id: str | None = None
    sample: int = 0
    attempt: int = 1
    started_at: datetime
    status: int | None
    """HTTP status; None when no answer came."""
    outcome: OutcomeName
    outcome_reason: str
    failure_class: FailureClass
    text: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str | None = None
    refusal_kind: RefusalKind | None = None
    refusal_reason: str | None = None
    model_requested: str | None = None
    model_served: str | None = None
    fingerprint: str | None = None
    response_id: str | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    usage_source: UsageSource | None = None
    cost_usd: Decimal | None = None
    price_date: str | None = None
    """The date of the price list, or `config` for the target's own price."""
    ttft_s: float | None = None
    """From the request's first byte to the chunk that held the first content."""
    latency_s: float | None = None
    chunks: int | None = None
    max_gap_s: float | None = None
    overhead_s: float | None = None
    """What the proxy itself added."""
    response_bytes: int | None = None
    rewrites: tuple[str, ...] = field(default=())
    saw: Literal["raw", "anonymized"] = "raw"
    """Which text this target was sent."""
    error: str | None = None
    raw: bytes | None = None
    """The answer's bytes; only kept with `bodies = "full"`."""
    lineage_id: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of mirroring one call to one target: a row of `mirror_decisions`."""

    call_id: str
    target: str
    """Empty for a route without candidates."""
    role: Role
    decision: DecisionName
    reason: str
    decided_at: datetime
    run_id: str | None = None
    sample: int = 0

"""Who answers a call of a route with a rollout. Pure.

Law: chance decides, once per conversation: its bucket is its own from one start of a rollout to the next, and a share takes the buckets
below it, so whoever was taken at 1 % is taken at 10 %. Before chance is asked, what can only stay with the incumbent is set apart, by the
call alone, so that both sides of the draw are calls of the same kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.conversation import conversation_of
from proxy.dialects.reading import Document
from proxy.eligibility import eligibility
from proxy.exchange import Prompt
from proxy.sampling import bucket_of, takes

STORING = frozenset(("openai.responses", "gemini.interactions"))
"""Dialects whose answers the provider keeps, for later calls to continue, unless the call says `store: false`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a worker follows just now."""

    rollout: str
    target: str
    """The candidate."""
    share: float
    fallback_after_s: float
    allow_stored: bool = False
    starts: int = 0
    """How often the rollout was started by now: each start draws anew."""


def key_of(hints: Mapping[str, str], prompt: Prompt | None, call_id: str) -> str:
    """What stays together: the conversation, else the user, else the call."""
    conversation = conversation_of(hints.get("conversation"), prompt, "")
    return conversation or hints.get("user") or (prompt.user if prompt else None) or call_id


def drawn(plan: Plan, key: str) -> bool:
    """Whether the candidate answers this conversation.

    The rollout's name and the number of its start salt the bucket: no two rollouts try the same people first, and whoever met a candidate
    that was taken back is no likelier than anybody to meet the next.
    """
    salt = f"{plan.rollout}\0{plan.starts}" if plan.starts else plan.rollout
    return takes(bucket_of(f"{salt}\0{key}"), plan.share)


def stays(plan: Plan, dialect: str, method: str, body: Document, headers: Mapping[str, str]) -> str:
    """Why this call can only be the incumbent's; "" when it may be drawn.

    It continues or creates what lives at the incumbent, or has it run something. What merely cannot be compared may be drawn.
    """
    if dialect in STORING and body.get("store") is not False and not plan.allow_stored:
        return "creates_state"
    if dialect == "openai.chat" and body.get("store") is True and not plan.allow_stored:
        return "creates_state"
    if _RETRY in headers:
        headers = {name: value for name, value in headers.items() if name != _RETRY}
    found = eligibility(dialect, method, body, headers, reach="elsewhere")
    return found.decision if found is not None and found.decision in ("side_effects", "unportable") else ""


_RETRY = "x-stainless-retry-count"
"""A retry goes where its first attempt went, and is no reason to stay."""

"""Whether a call may be asked again elsewhere, unseen. The classes of wire.md 1.3, as pure functions over a parsed body.

Law: what is not known to be harmless is not mirrored. A tool the provider runs, and every tool we have never heard of, counts as a side
effect; state and files of one account or model go nowhere else; what cannot be compared is not paid for. Nothing here raises on any JSON.
"""

from collections.abc import Callable, Mapping
from itertools import chain

from proxy.dialects.reading import Document
from proxy.eligibility import anthropic, gemini, openai, others
from proxy.eligibility.marks import Found, Ineligible, Reach, effect, incomparable
from proxy.exchange import DecisionName, Prompt, Unreadable

__all__ = ["Ineligible", "Reach", "eligibility", "unreadable"]
_RETRY = "x-stainless-retry-count"
_STATE = ("previous_response_id", "conversation", "container", "mcp_servers", "fallback_credit_token", "thread_id")
"""Top-level keys that continue, create or redeem something at the provider, in whatever dialect they come."""
_STATE_KEYS = frozenset(_STATE)
_ORDER: tuple[DecisionName, ...] = ("side_effects", "unportable", "not_comparable")


def eligibility(dialect: str, method: str, body: Document, headers: Mapping[str, str], *, reach: Reach = "elsewhere") -> Ineligible | None:
    """None: it may be mirrored. Of several causes the gravest is told."""
    if method != "POST":
        return Ineligible(decision="side_effects", reason=f"method {method[:20]}")
    retry = headers.get(_RETRY, "0").strip()
    if retry not in ("", "0"):
        return Ineligible(decision="retry_of", reason=f"{_RETRY} {retry[:20]}")
    if signed := _signed(headers):
        return signed
    look = _LOOKS.get(dialect)
    if look is None:
        return Ineligible(decision="not_comparable", reason=f"dialect {dialect}")
    gravest = None
    for each in chain(_anywhere(body), look(body, reach)):
        if each.decision == _ORDER[0]:
            return each
        if gravest is None or _ORDER.index(each.decision) < _ORDER.index(gravest.decision):
            gravest = each
    return gravest


def _signed(headers: Mapping[str, str]) -> Ineligible | None:
    """AWS's signature covers host and body: nobody else can send this call, and its credentials never left the worker."""
    found = "x-amz-date" in headers or "x-amz-content-sha256" in headers
    return Ineligible(decision="unportable", reason="signed with SigV4: own legs need a bearer key") if found else None


def unreadable(size: int, whole: bool, prompt: Prompt | Unreadable | None) -> Ineligible | None:
    """What the record of the call itself forbids: a body that was too large to keep, broke off, or is not what its dialect promises."""
    if not whole:
        return Ineligible(decision="unreadable", reason="the upload broke off")
    if prompt is None:
        return Ineligible(decision="too_large", reason=f"{size} bytes") if size else Ineligible(decision="unreadable", reason="no body")
    return Ineligible(decision="unreadable", reason=prompt.reason) if isinstance(prompt, Unreadable) else None


def _anywhere(body: Document) -> Found:
    if not _STATE_KEYS.isdisjoint(body):
        yield from (effect(key) for key in _STATE if body.get(key))
    if body.get("background") is True:
        yield effect("background")
    count = body.get("n")
    if isinstance(count, (int, float)) and count > 1:
        yield incomparable(f"n={count}")


_LOOKS: Mapping[str, Callable[[Document, Reach], Found]] = {
    "openai.chat": openai.chat,
    "openai.responses": openai.responses,
    "openai.completions": openai.completions,
    "openai.moderations": openai.moderations,
    "openai.embeddings": openai.embeddings,
    "anthropic.messages": anthropic.messages,
    "gemini.generate": gemini.generate,
    "gemini.interactions": gemini.interactions,
    "bedrock.converse": others.converse,
    "bedrock.invoke": others.invoke,
    "cohere.chat": others.cohere,
    "ollama": others.ollama,
    "rerank": others.rerank,
}

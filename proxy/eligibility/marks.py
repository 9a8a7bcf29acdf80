"""What makes a call ineligible, as values: side effects, what is bound to one account or model, what cannot be compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from proxy.dialects.reading import as_text
from proxy.exchange import DecisionName

Reach = Literal["elsewhere", "account", "model"]
"""How near a leg is to the incumbent: another provider, the same account there, or the very same model (the repeat)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ineligible:
    decision: DecisionName
    reason: str
    """What in the call is the cause: `previous_response_id`, `tool web_search`, `n=3`."""


Found = Iterator[Ineligible]


def effect(reason: str) -> Ineligible:
    return Ineligible(decision="side_effects", reason=reason)


def bound(reason: str) -> Ineligible:
    return Ineligible(decision="unportable", reason=reason)


def incomparable(reason: str) -> Ineligible:
    return Ineligible(decision="not_comparable", reason=reason)


def tool_of(kind: str, client: tuple[str, ...], search: tuple[str, ...], at_home: tuple[str, ...] = ()) -> Ineligible | None:
    """A tool by its type: the application's own, the provider's search, bound to the account, or the unknown."""
    if kind in client or kind == "":
        return None
    if kind.startswith(search):
        return incomparable(f"tool {kind}")
    return bound(f"tool {kind}") if kind in at_home else effect(f"tool {kind[:60]}")


def by_url(address: object, what: str) -> Found:
    """An address would be fetched again, by someone else and later; data: carries what it means."""
    text = as_text(address)
    if text and text[:5].lower() != "data:":
        yield bound(f"{what} by URL")

"""What every dialect offers: pure functions over bytes, gathered in one value. No reader raises on any input."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from proxy.exchange import Answer, Prompt, Unreadable

Family = Literal["openai", "anthropic", "gemini"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    name: str
    """`openai.chat`, `anthropic.messages`, ..."""
    family: Family
    """Decides the error shape, the credential's header and, failing better knowledge, the price list."""
    recognises: Callable[[str], bool]
    """Whether a path (no query, route prefix removed) is this dialect's answering endpoint."""
    read_prompt: Callable[[str, bytes], Prompt | Unreadable]
    """(path with query, decoded request body)"""
    read_answer: Callable[[int, str, bytes], Answer | Unreadable]
    """(HTTP status, content-type, decoded answer body); works on a body that breaks off (`whole` is then False)."""


def error_body(family: Family, status: int, message: str) -> bytes:
    """An error of ours in the shape the call's SDK expects. Sources: the vendors' API references, errors section."""
    raise NotImplementedError

"""One promise of the self-check and what became of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    promise: str
    """transparent, harmless, bounded, accounted, private"""
    what: str
    ok: bool
    found: str
    """Figures, or what went wrong."""


def row(promise: str, what: str, wrong: list[str], found: str) -> Row:
    """Fails when anything is wrong; then that is what is told."""
    return Row(promise=promise, what=what, ok=not wrong, found="; ".join(wrong[:3]) if wrong else found)

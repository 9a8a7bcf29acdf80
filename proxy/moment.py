"""A moment as people write it at a command line: a span counted back, or a time.

Law: pure; every time is naive UTC, as the store keeps it, and what is counted back from is given, never a clock's.
"""

import re
from datetime import UTC, datetime, timedelta
from math import isfinite

from proxy.faults import Wrong

SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([mhdw])")
UNIT_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
LONGEST_DAYS = 3_650.0
EXPECTED = "a span such as 12h, 7d or 4w, or a time such as 2026-11-01T12:00"


def moment(where: str, text: str, before: datetime) -> datetime:
    """A span counted back from `before`, or a time of its own. Raises Wrong."""
    if found := SPAN.fullmatch(text.strip()):
        seconds = float(found[1]) * UNIT_S[found[2]]
        if not (isfinite(seconds) and 0.0 < seconds <= LONGEST_DAYS * UNIT_S["d"]):
            raise Wrong(where, repr(text), f"more than 0 and at most {LONGEST_DAYS:g}d")
        try:
            return before - timedelta(seconds=seconds)
        except OverflowError:
            raise Wrong(where, repr(text), EXPECTED) from None
    try:
        return naive(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        raise Wrong(where, repr(text), EXPECTED) from None


def naive(at: datetime) -> datetime:
    """UTC without a zone; a time without a zone is UTC already."""
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at

"""Recorded material that is not part of the repository: found beside the checkout, and its absence skips a test, saying so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The records of one JSONL file, such as `bad_inputs/sse_wpt.jsonl`."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"recorded material is absent: {path}")
    with path.open("rb") as lines:
        yield from (orjson.loads(line) for line in lines)

"""JSON as a model writes it: strict, but for one code fence around it.

Law: what a parser of the user's would refuse is refused here: NaN, a name twice in one object, anything after the end. Never raises.
"""

import json
import re
from typing import Any

import msgspec
import orjson

_LANGUAGE = re.compile(r"[A-Za-z0-9]*[ \t]*")
MOST_CHARS = 4_000_000
"""Of one text; a longer one is not read."""


class Json(msgspec.Struct, frozen=True):
    """`fault` is empty when `value` is what the text says."""

    value: Any
    fault: str = ""
    fenced: bool = False

    @property
    def ok(self) -> bool:
        return not self.fault


class _Twice(ValueError):
    pass


def json_of(text: str) -> Json:
    """Reads a text; the fault says where and why it is no JSON."""
    if len(text) > MOST_CHARS:
        return Json(None, f"longer than {MOST_CHARS} characters")
    inside = unfenced(text)
    fence, bare = inside is not None, text if inside is None else inside
    try:
        value = orjson.loads(bare)
    except ValueError as wrong:
        return Json(None, str(wrong)[:200] if bare.strip() else "empty", fence)
    if isinstance(value, dict | list) and _may_repeat(value, bare):
        return Json(value, _twice(bare), fence)
    return Json(value, "", fence)


def unfenced(text: str) -> str | None:
    """What stands in a fence that is all of the text. No expression: a megabyte of blanks would cost one its square."""
    bare = text.strip()
    if not (bare.startswith("```") and bare.endswith("```")):
        return None
    head, newline, inside = bare[3:-3].partition("\n")
    return inside.rstrip() if newline and _LANGUAGE.fullmatch(head) else None


def _may_repeat(value: Any, text: str) -> bool:
    """Whether a name may stand twice: a dropped member takes its colon along. Escaped colons and what is too deep to write may."""
    if "\\u003" in text:
        return True
    try:
        return orjson.dumps(value).count(b":") < text.count(":")
    except TypeError:
        return True


def _twice(text: str) -> str:
    """orjson keeps the last of two members with one name; the slow parser tells."""

    def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) != len(members):
            names = [name for name, _ in members]
            raise _Twice(next(name for name in names if names.count(name) > 1))
        return found

    try:
        json.loads(text, object_pairs_hook=once)
    except _Twice as twice:
        return f"the name {str(twice)[:80]!r} stands twice in one object"
    except (ValueError, RecursionError) as wrong:
        return str(wrong)[:200]
    return ""

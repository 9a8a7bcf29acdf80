"""Function call arguments that Gemini streams as paths and values, put together again.

A piece names a place (`$.recipe.steps[1]`) and a value; strings come in several pieces for one place. Places that make no sense are
passed over. Source: Vertex AI reference, streaming function call arguments (`partialArgs`).
"""

import re

from proxy.dialects.reading import Document, as_json, as_text, is_document, is_list

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\[['\"]([^'\"\]]*)['\"]\]")
MAX_STEPS = 100


class Arguments:
    def __init__(self) -> None:
        self._values: dict[str, list[str] | object] = {}
        """By place: the pieces of a string, or another value."""

    def take(self, partial: list[Document]) -> None:
        for piece in partial:
            place = as_text(piece.get("jsonPath"))
            if "stringValue" in piece:
                pieces = self._values.setdefault(place, [])
                if is_list(pieces):
                    pieces.append(as_text(piece["stringValue"]))
            elif "numberValue" in piece or "boolValue" in piece or "nullValue" in piece:
                self._values[place] = piece.get("numberValue", piece.get("boolValue"))

    def text(self) -> str:
        root: Document = {}
        for place, found in self._values.items():
            value = "".join(map(as_text, found)) if is_list(found) else found
            _set(root, [field or quoted or int(index) for field, index, quoted in _STEP.findall(place)], value)
        return as_json(root)


def _set(root: Document, steps: list[str | int], value: object) -> None:
    """Walks from object to object, making what is missing. A list grows by one at a time: a wild index makes nothing."""
    here: object = root
    if len(steps) > MAX_STEPS:
        return
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        empty: object = value if after is None else [] if isinstance(after, int) else {}
        if is_document(here) and isinstance(step, str):
            here = here.setdefault(step, empty)
        elif is_list(here) and isinstance(step, int) and step <= len(here):
            if step == len(here):
                here.append(empty)
            here = here[step]
        else:
            return

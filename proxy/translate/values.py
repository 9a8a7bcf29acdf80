"""What all readers of requests share: values narrowed, and those of another form told or refused. Pure."""

import base64
import binascii
import json
import re

import orjson

from proxy.dialects.reading import Document, as_count, as_document, is_document, is_list
from proxy.translate.form import Bound, Losses, Media, Text

NUMBER_MAX = 1e9
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[^,;]*)*;base64,(.*)\Z", re.DOTALL | re.IGNORECASE)


def number(losses: Losses, name: str, value: object) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < NUMBER_MAX:
        return float(value)
    if value is not None:
        losses.lose(name)
    return None


def count(losses: Losses, name: str, value: object) -> int | None:
    found = as_count(value)
    if found is None and value is not None:
        losses.lose(name)
    return found


def flag(losses: Losses, name: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    losses.lose(name)
    return None


def texts(losses: Losses, name: str, value: object) -> tuple[str, ...]:
    """One text or a list of them."""
    found = value if is_list(value) else [] if value is None else [value]
    kept = tuple(each for each in found if isinstance(each, str) and each)
    if len(kept) < len(found):
        losses.lose(name)
    return kept


def said(value: object, what: str) -> str:
    """A text; nothing where there is none."""
    if value is None or isinstance(value, str):
        return value or ""
    raise Bound(f"{what} of another form")


def documents(value: object, what: str) -> list[Document]:
    """A list of objects; nothing where there is none."""
    found = value if is_list(value) else [] if value is None else [value]
    kept = [each for each in found if is_document(each)]
    if len(kept) < len(found) or (found and not is_list(value)):
        raise Bound(f"{what} of another form")
    return kept


def document(value: object, what: str) -> Document:
    if value is None or is_document(value):
        return as_document(value)
    raise Bound(f"{what} of another form")


def arguments_of(value: object, losses: Losses) -> Document:
    """What a model wrote as a call's arguments; what is no JSON object stays readable under one key."""
    if is_document(value) or value is None or value == "":
        return as_document(value)
    text = said(value, "tool arguments")
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if is_document(found):
        return found
    losses.note("tool arguments that are no JSON object sent as a text")
    return {"arguments": text}


def json_text(value: object) -> str:
    """Numbers that are no JSON would become nulls without a word."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as wrong:
        raise Bound("numbers that are no JSON") from wrong


def media_at(what: str, address: str, losses: Losses, name: str = "") -> Media | Text:
    """What a data: URL carries. Any other address would be fetched by someone else, or not at all."""
    found = _DATA.match(address)
    if found is None:
        raise Bound(f"{what} not inlined as base64" if address[:5].lower() == "data:" else f"{what} by URL")
    return media(found[1] or ("image/png" if what == "image" else "application/pdf"), found[2], losses, name)


def media(mime: str, data: str, losses: Losses, name: str = "") -> Media | Text:
    """An image, a PDF, or a text, which every dialect takes as one."""
    kind = mime.lower().replace("image/jpg", "image/jpeg")
    if kind.startswith("image/"):
        return Media(kind="image", mime=kind, data=data, name=name)
    if kind == "application/pdf":
        return Media(kind="document", mime=kind, data=data, name=name)
    if not kind.startswith("text/"):
        raise Bound(f"content {kind[:60] or 'without a type'}")
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError) as wrong:
        raise Bound(f"content {kind[:60]} that is no text") from wrong
    losses.note("a document of text sent as text")
    return Text(text=text)

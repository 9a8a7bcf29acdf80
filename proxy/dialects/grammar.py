"""The way every answer is read: as a failure, a stream (of events, frames, lines, or one long array), or one document. Dialects fill in
the words.

Here is decided what is whole, what is unreadable and what merely broke off; a dialect only says what its fields mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.dialects.draft import Draft, message_of
from proxy.dialects.reading import Document, as_text, elements, is_array, is_document, is_list, is_stream, read_cut, read_json
from proxy.eventstream import frames, is_framed
from proxy.exchange import Answer, FinishClass, Unreadable, Usage
from proxy.sse import events, unfinished

ERROR_CHARS = 500
DONE = (b"data: [DONE]", b"data:[DONE]")


def _no_code(_draft: Draft, _error: object) -> None:
    """Most vendors' error codes tell nothing about refusals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    document: Callable[[Draft, Document, int], None]
    """Takes a plain answer's document into a draft; the number is its end."""
    event: Callable[[Draft, str, Document, int], None]
    """Takes one event of a stream; the string is its name."""
    classes: Mapping[str, FinishClass]
    usage: Callable[[Document], Usage | None]
    refused_by: Callable[[Draft, object], None] = _no_code
    """Finds a refusal in an error that came with a status."""
    skips: frozenset[str] = frozenset()
    """Names of events that repeat others or carry nothing: not worth parsing."""
    arrays: bool = False
    """Whether a stream may be one long JSON array."""
    lines: bool = False
    """Whether a stream is one JSON document a line."""
    framed: bool = False
    """Whether a stream comes in AWS's binary frames."""


def read(grammar: Grammar, status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    draft = Draft()
    if status >= 400:
        _failure(grammar, draft, status, body)
        wrong = None
    elif grammar.framed and ("eventstream" in content_type or is_framed(body)):
        wrong = _frames(grammar, draft, body)
    elif grammar.lines and ("ndjson" in content_type or b"\n{" in body.rstrip()):
        wrong = _lines(grammar, draft, body)
    elif is_stream(content_type, body):
        wrong = _stream(grammar, draft, body)
    elif grammar.arrays and is_array(body):
        wrong = _array(grammar, draft, body)
    else:
        wrong = _plain(grammar, draft, body)
    return Unreadable(reason=wrong) if wrong else draft.answer(grammar.classes, grammar.usage(draft.usage) if draft.usage else None)


def _stream(grammar: Grammar, draft: Draft, body: bytes) -> str | None:
    strange = False
    take, skips = grammar.event, grammar.skips
    for name, data, _, end in events(body):
        if name in skips:
            draft.known = True
            continue
        document = read_json(data)
        if is_document(document):
            take(draft, name, document, end)
        elif data.startswith("[DONE]"):
            draft.ended = True
            break
        elif data.startswith("{") and draft.error is None:
            draft.error = f"an event of the stream is not JSON: {data[:ERROR_CHARS]}"
        strange = True
    if not draft.ended:
        draft.ended = unfinished(body).strip() in DONE  # some servers stop before the last blank line
    return "an event stream, but of another dialect" if strange and not draft.known else None


def _frames(grammar: Grammar, draft: Draft, body: bytes) -> str | None:
    """A frame that is no event is an exception inside a 200: AWS names it in a header and words it in the payload."""
    for frame in frames(body):
        document = read_json(frame.payload) if frame.payload else None
        if frame.failed:
            words = message_of(document) if is_document(document) else frame.headers.get(":error-message", "")
            draft.fail(f"{frame.name}: {words}" if words else frame.name)
            draft.ended = True
        elif is_document(document):
            grammar.event(draft, frame.name, document, frame.end)
    return None if draft.known or not body else "no frames of this dialect"


def _lines(grammar: Grammar, draft: Draft, body: bytes) -> str | None:
    end = 0
    for line in body.split(b"\n"):
        end += len(line) + 1
        document = read_json(line) if line.strip() else None
        if is_document(document):
            grammar.event(draft, "", document, min(end, len(body)))
    return None if draft.known else "JSON lines, but of another dialect"


def _array(grammar: Grammar, draft: Draft, body: bytes) -> str | None:
    end = 0
    for element, end in elements(body):
        document = read_json(element)
        if is_document(document):
            grammar.event(draft, "", document, end)
    rest = body[end:].strip()
    draft.ended = rest in (b"]", b"[]")
    if draft.ended:
        return None if draft.known else "a JSON array, but not of this dialect's chunks"
    started = read_cut(rest.lstrip(b"[, \t\r\n"))
    if is_document(started):
        draft.cut = True
        grammar.event(draft, "", started, len(body))
        draft.ended = False
    elif not draft.known and rest != b"[":
        return "a JSON array, but not of this dialect's chunks"
    return None


def _plain(grammar: Grammar, draft: Draft, body: bytes) -> str | None:
    document = read_json(body)
    if isinstance(document, Unreadable):
        if not body.strip():
            return None
        reason = document.reason
        document, draft.cut = read_cut(body), True
        if isinstance(document, Unreadable):
            return reason
    if not is_document(document):
        return f"a JSON {type(document).__name__} where an object belongs"
    grammar.document(draft, document, len(body))
    draft.ended = not draft.cut
    return None if draft.known or draft.cut else "JSON, but not an answer of this dialect"


def _failure(grammar: Grammar, draft: Draft, status: int, body: bytes) -> None:
    """Providers answer in their own shape, gateways in HTML, plain text or any JSON they please."""
    draft.ended = True
    value = read_json(body)
    if is_list(value) and value:
        value = value[0]
    if not is_document(value):
        value = next((found for event in events(body) if is_document(found := read_json(event.data))), None)
    if value is None:
        draft.fail(body.decode("utf-8", "replace").strip()[:ERROR_CHARS] or f"HTTP {status}")
        return
    error = value.get("error") or as_text(value.get("detail")) or value
    draft.fail(message_of(error))
    grammar.refused_by(draft, error)

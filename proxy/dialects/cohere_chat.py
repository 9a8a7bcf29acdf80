"""Cohere chat: messages in, one message of parts and tool calls out; a stream of typed events. Answers of its first version are read too.

`tokens` counts what the model saw, what came from the cache included. Source: Cohere API reference (v2/chat, streaming, errors).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.reading import Document, as_count, as_document, as_documents, as_json, as_list, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Unreadable, Usage

CLASSES: dict[str, FinishClass] = {
    "COMPLETE": "stop", "STOP_SEQUENCE": "stop", "TOOL_CALL": "tool", "MAX_TOKENS": "truncated", "ERROR_LIMIT": "truncated",
    "ERROR_TOXIC": "filtered_output", "ERROR": "error", "TIMEOUT": "error", "USER_CANCEL": "error",
}  # fmt: skip
ROLES = {"system": "system", "developer": "system", "user": "user", "tool": "tool"}


def recognises(path: str) -> bool:
    return path.endswith("/v2/chat")


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    for turn in as_documents(request.get("chat_history")):
        script.add(ROLES.get(as_text(turn.get("role")).lower(), "assistant"), as_text(turn.get("message")))
    for message in as_documents(request.get("messages")):
        script.add(ROLES.get(as_text(message.get("role")), "assistant"), _texts(message.get("content")))
    if text := as_text(request.get("message")):
        script.add("user", text)
    tools = as_documents(request.get("tools"))
    return script.prompt(
        model=as_text(request.get("model")),
        stream=request.get("stream") is True,
        tools=tuple(name for tool in tools if (name := as_text(as_document(tool.get("function")).get("name") or tool.get("name")))),
        max_output_tokens=as_count(request.get("max_tokens")),
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _texts(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(text for part in as_list(content) if (text := _part_text(as_document(part))))


def _part_text(part: Document) -> str:
    document = part.get("document")
    return as_text(part.get("text")) or (as_json(as_document(document).get("data") or document) if document else "")


def _document(draft: Draft, document: Document, at: int) -> None:
    message = document.get("message")
    if isinstance(message, str) and "text" not in document:
        return draft.fail(document)  # an error under 200
    if message is not None or "text" in document or "finish_reason" in document:
        draft.known = True
    draft.head(document, "model", "id" if "id" in document else "response_id")
    if text := as_text(document.get("text")):  # version 1
        draft.say(text, at)
    inner = as_document(message)
    for part in as_documents(inner.get("content")):
        if part.get("type", "text") == "text" and (text := as_text(part.get("text"))):
            draft.say(text, at)
    for place, call in enumerate(as_documents(inner.get("tool_calls") or document.get("tool_calls"))):
        function = as_document(call.get("function")) or call
        arguments = function.get("arguments", function.get("parameters"))
        draft.whole_call(place, at, call.get("id"), function.get("name"), as_json(arguments))
    _end(draft, document)


def _end(draft: Draft, said: Document) -> None:
    draft.finish = as_text(said.get("finish_reason")) or draft.finish
    draft.count(said.get("usage") or said.get("meta"))
    if said.get("error"):
        draft.fail(said["error"])


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    kind = as_text(document.get("type")) or name
    delta = as_document(document.get("delta"))
    message = as_document(delta.get("message"))
    if kind == "content-delta":
        if text := as_text(as_document(message.get("content")).get("text")):
            draft.say(text, at)
    elif kind in ("tool-call-start", "tool-call-delta"):
        _call(draft, document.get("index"), as_document(message.get("tool_calls")), at)
    elif kind == "message-start":
        draft.known = True
        draft.head(document, "model", "id")
    elif kind == "message-end":
        draft.known = draft.ended = True
        _end(draft, delta)
    elif kind == "error" or "error" in document:
        draft.fail(document.get("error") or document)
        draft.ended = True


def _call(draft: Draft, index: object, call: Document, at: int) -> None:
    function = as_document(call.get("function"))
    made = draft.call(index if isinstance(index, int) else 0, at)
    made.id = made.id or as_text(call.get("id")) or None
    made.name = made.name or as_text(function.get("name"))
    if piece := function.get("arguments"):
        made.pieces.append(as_json(piece))


def _usage(found: Document) -> Usage | None:
    tokens = as_document(found.get("tokens")) or as_document(found.get("billed_units"))
    taken, given = as_count(tokens.get("input_tokens")), as_count(tokens.get("output_tokens"))
    cached = as_count(found.get("cached_tokens"))
    if taken is None and given is None:
        return None
    fresh = taken if taken is None or cached is None or cached > taken else taken - cached
    return Usage(input_tokens=fresh, cached_input_tokens=cached, output_tokens=given)


SKIPS = frozenset(("content-start", "content-end", "tool-call-end", "tool-plan-delta", "citation-start", "citation-end"))
GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=_usage, skips=SKIPS)
DIALECT = Dialect(name="cohere.chat", family="cohere", recognises=recognises, read_request=read_request, read_answer=read_answer)

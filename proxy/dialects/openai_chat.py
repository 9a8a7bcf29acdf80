"""OpenAI Chat Completions, and the many servers that speak it: vLLM, Groq, OpenRouter, Mistral, Azure deployments, ...

Choice 0 is the answer. `reasoning_content` and thinking parts are not text. Sources: OpenAI API reference (chat object, chunk object);
OpenRouter (errors in chunks), Mistral (content as parts), Groq (`x_groq`, `event: error`), Azure (content_filter_results).
"""

from collections.abc import Hashable

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.openai_common import chat_usage, fail, filtered_categories, refused_by, user_of
from proxy.dialects.reading import (
    Document,
    as_count,
    as_document,
    as_documents,
    as_json,
    as_list,
    as_text,
    is_document,
    is_list,
)  # fmt: skip
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, Unreadable

CLASSES: dict[str, FinishClass] = {
    "stop": "stop", "eos": "stop", "end_turn": "stop", "stop_sequence": "stop", "complete": "stop", "tool_calls": "tool",
    "function_call": "tool", "tool_use": "tool", "length": "truncated", "max_tokens": "truncated", "model_length": "truncated",
    "content_filter": "filtered_output", "error": "error",
}  # fmt: skip
ROLES = {"system": "system", "developer": "system", "user": "user", "tool": "tool", "function": "tool"}


def recognises(path: str) -> bool:
    return path.endswith("/chat/completions")


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    for message in as_documents(request.get("messages")):
        script.add(ROLES.get(as_text(message.get("role")), "assistant"), _text(message.get("content")))
    limit = as_count(request.get("max_completion_tokens"))
    return script.prompt(
        model=as_text(request.get("model")),
        stream=request.get("stream") is True,
        tools=_tool_names(request),
        conversation=as_text(request.get("prompt_cache_key")),
        user=user_of(request),
        max_output_tokens=limit if limit is not None else as_count(request.get("max_tokens")),
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _text(content: object) -> str:
    """A string, parts of which only text counts, or (Cohere on Cortex) one part without its list."""
    if isinstance(content, str):
        return content
    if is_list(content):
        return "".join(part if isinstance(part, str) else as_text(as_document(part).get("text")) for part in content)
    return as_text(as_document(content).get("text"))


def _tool_names(request: Document) -> tuple[str, ...]:
    if "tools" not in request and "functions" not in request:
        return ()
    found = [
        as_text(as_document(tool.get("function") or tool.get("custom")).get("name")) or as_text(tool.get("name") or tool.get("type"))
        for tool in as_documents(request.get("tools"))
    ]
    found += [as_text(function.get("name")) for function in as_documents(request.get("functions"))]
    return tuple(name for name in found if name)


def _document(draft: Draft, document: Document, at: int) -> None:
    choices = as_documents(document.get("choices"))
    chosen = next((choice for choice in choices if choice.get("index") in (0, None)), choices[0] if choices else None)
    if chosen is not None:
        _choice(draft, chosen, chosen.get("message"), at)
    _around(draft, document)


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    for choice in as_list(document.get("choices")):
        if is_document(choice) and choice.get("index") in (0, None):
            _choice(draft, choice, choice.get("delta"), at)
    _around(draft, document)


def _around(draft: Draft, document: Document) -> None:
    if "choices" in document:
        draft.known = True
    if draft.response_id is None or draft.model is None:
        draft.head(document, "model", "id")
    if draft.fingerprint is None:
        draft.fingerprint = as_text(document.get("system_fingerprint")) or None
    usage = document.get("usage") or ("x_groq" in document and as_document(document["x_groq"]).get("usage"))
    if usage:
        draft.count(usage)
    if draft.finish and draft.usage:
        # Hugging Face's router and Writer send no [DONE]: after the finish and the bill nothing of the answer can be missing.
        draft.ended = True
    if document.get("error"):
        fail(draft, document["error"])
        draft.ended = True


def _choice(draft: Draft, choice: Document, message: object, at: int) -> None:
    """A message and a delta have the same fields: a message is one big delta."""
    if is_document(message):
        content = message.get("content")
        if content and (text := content if isinstance(content, str) else _text(content)):
            draft.say(text, at)
        if len(message) > 1 or not content:  # nearly every delta has nothing but content
            _besides(draft, message, at)
    if choice.get("finish_reason") or "error" in choice:
        _finish(draft, choice)


def _besides(draft: Draft, message: Document, at: int) -> None:
    if refusal := as_text(message.get("refusal")):
        draft.refuse(refusal, at)
    for place, call in enumerate(as_list(message.get("tool_calls"))):
        _call(draft, as_document(call), place, at)
    if legacy := as_document(message.get("function_call")):
        _piece(draft, "function_call", None, legacy, at)


def _finish(draft: Draft, choice: Document) -> None:
    draft.finish = as_text(choice.get("finish_reason")) or draft.finish
    if draft.finish == "content_filter":
        reason = filtered_categories(choice.get("content_filter_results")) or draft.finish
        draft.filtered = Refusal(kind="filtered_output", reason=reason)
    if choice.get("error"):
        fail(draft, choice["error"])


def _call(draft: Draft, call: Document, place: int, at: int) -> None:
    index = call.get("index")
    slot = index if isinstance(index, int) else place
    id = as_text(call.get("id")) or None
    key = draft.latest.get(slot)
    # Gemini's OpenAI endpoint numbers every parallel call 0: another id is another call.
    if key is None or (id and (known := draft.calls.get(key)) and known.id not in (None, id)):
        key = draft.latest[slot] = (slot, id)
    _piece(draft, key, id, as_document(call.get("function") or call.get("custom")), at)


def _piece(draft: Draft, key: Hashable, id: str | None, found: Document, at: int) -> None:
    """A call's first piece brings id and name, every piece may bring arguments. A call of nothing (Snowflake) is none."""
    name, arguments = as_text(found.get("name")), found.get("arguments", found.get("input"))
    if not (id or name or arguments):
        return
    call = draft.call(key, at)
    call.id, call.name = call.id or id, call.name or name
    if arguments:
        call.pieces.append(as_json(arguments))


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=chat_usage, refused_by=refused_by)
DIALECT = Dialect(name="openai.chat", family="openai", recognises=recognises, read_request=read_request, read_answer=read_answer)

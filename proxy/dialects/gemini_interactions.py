"""Gemini Interactions: steps (thoughts, function calls, model output) instead of candidates; a stream starts and fills them by index.

Thoughts are not text. Source: Gemini API reference (interactions, streaming events).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.reading import Document, as_count, as_document, as_documents, as_json, as_list, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Unreadable, Usage

CLASSES: dict[str, FinishClass] = {
    "completed": "stop", "requires_action": "tool", "incomplete": "truncated", "failed": "error", "cancelled": "error",
}  # fmt: skip


def recognises(path: str) -> bool:
    return path.endswith("/interactions")


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    script.add("system", _texts(request.get("system_instruction")))
    asked = request.get("input")
    for turn in as_documents(asked):
        _turn(script, turn)
    if isinstance(asked, str):
        script.add("user", asked)
    settings = as_document(request.get("generation_config"))
    tools = as_documents(request.get("tools"))
    return script.prompt(
        model=as_text(request.get("model")) or as_text(request.get("agent")),
        stream=request.get("stream") is True,
        tools=tuple(name for tool in tools if (name := as_text(tool.get("name") or tool.get("type")))),
        max_output_tokens=as_count(settings.get("max_output_tokens")),
    )


def _turn(script: Script, turn: Document) -> None:
    kind = as_text(turn.get("type"))
    if kind == "function_result":
        script.add("tool", as_json(turn.get("result")))
    elif kind == "text":
        script.add("user", as_text(turn.get("text")))
    elif kind not in ("thought", "function_call"):
        ours = as_text(turn.get("role")) in ("", "user") and kind != "model_output"
        script.add("user" if ours else "assistant", _texts(turn.get("content")))


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _texts(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(text for part in as_list(content) if (text := as_text(as_document(part).get("text"))))


def _document(draft: Draft, document: Document, at: int) -> None:
    if document.get("object") == "interaction" or "steps" in document:
        draft.known = True
    draft.head(document, "model", "id")
    for place, step in enumerate(as_documents(document.get("steps"))):
        if step.get("type") == "function_call":
            draft.whole_call(place, at, step.get("id"), step.get("name"), as_json(step.get("arguments")))
        elif step.get("type") == "model_output" and (text := _texts(step.get("content"))):
            draft.say(text, at)
    draft.finish = as_text(document.get("status")) or draft.finish
    draft.count(document.get("usage"))
    if document.get("error"):
        draft.fail(document["error"])


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    kind = as_text(document.get("event_type")) or name
    place = document.get("index")
    if kind == "step.delta":
        _delta(draft, place, as_document(document.get("delta")), at)
    elif kind == "step.start":
        step = as_document(document.get("step"))
        if step.get("type") == "function_call":
            call = draft.call(place if isinstance(place, int) else 0, at)
            call.id, call.name = as_text(step.get("id")) or None, as_text(step.get("name"))
            call.given = as_json(step.get("arguments"))
    elif kind.startswith("interaction."):
        draft.known = True
        _document(draft, as_document(document.get("interaction")), at)
        draft.ended = draft.ended or kind not in ("interaction.created", "interaction.status_update", "interaction.start")
    elif kind == "error" or "error" in document:
        draft.fail(document.get("error") or document)
        draft.ended = True


def _delta(draft: Draft, place: object, delta: Document, at: int) -> None:
    draft.known = True
    if delta.get("type") == "text":
        if text := as_text(delta.get("text")):
            draft.say(text, at)
    elif delta.get("type") == "arguments_delta":
        draft.call(place if isinstance(place, int) else 0, at).pieces.append(as_text(delta.get("arguments")))


def _usage(found: Document) -> Usage | None:
    """`total_input_tokens` holds what was cached; thoughts are counted apart."""
    taken, cached = as_count(found.get("total_input_tokens")), as_count(found.get("total_cached_tokens"))
    usage = Usage(
        input_tokens=taken if taken is None or cached is None or cached > taken else taken - cached,
        cached_input_tokens=cached,
        output_tokens=as_count(found.get("total_output_tokens")),
        reasoning_tokens=as_count(found.get("total_thought_tokens")),
    )
    return usage if usage != Usage() else None


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=_usage)
DIALECT = Dialect(name="gemini.interactions", family="gemini", recognises=recognises, read_request=read_request, read_answer=read_answer)

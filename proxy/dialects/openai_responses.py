"""OpenAI Responses: an answer is a list of items, and its stream ends with the whole answer once more.

That last event is believed when it came; deltas count only for a stream that broke off, and for when the first content was seen.
Source: OpenAI API reference (response object, streaming events).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.openai_common import fail, refused_by, responses_usage, user_of
from proxy.dialects.reading import (
    Document,
    as_count,
    as_document,
    as_documents,
    as_list,
    as_text,
    is_list,
)  # fmt: skip
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, Unreadable

CLASSES: dict[str, FinishClass] = {
    "completed": "stop", "complete": "stop", "max_output_tokens": "truncated", "max_tokens": "truncated", "incomplete": "truncated",
    "content_filter": "filtered_output", "failed": "error", "cancelled": "error", "queued": "paused", "in_progress": "paused",
}  # fmt: skip
ENDS = frozenset(("response.completed", "response.incomplete", "response.failed", "response.cancelled"))
# The client is to run these; web_search_call, mcp_call and their like ran at the provider and are no calls of ours.
CLIENT_CALLS = {
    "local_shell_call": "action", "shell_call": "action", "computer_call": "action", "apply_patch_call": "operation",
    "tool_search_call": "arguments",
}  # fmt: skip
SKIPS = frozenset(
    ("response.in_progress", "response.output_text.done", "response.content_part.added", "response.content_part.done",
     "response.output_text.annotation.added", "response.reasoning_text.delta", "response.reasoning_summary_text.delta")
)  # fmt: skip
ROLES = {"system": "system", "developer": "system", "user": "user"}


def recognises(path: str) -> bool:
    return path.endswith("/responses")


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    script.add("system", as_text(request.get("instructions")))
    asked = request.get("input")
    if isinstance(asked, str):
        script.add("user", asked)
    for item in as_documents(asked):
        if as_text(item.get("type")).endswith("_call_output"):
            script.add("tool", _texts(item.get("output")))
        elif "role" in item:
            script.add(ROLES.get(as_text(item.get("role")), "assistant"), _texts(item.get("content")))
    held = request.get("conversation")
    return script.prompt(
        model=as_text(request.get("model")),
        stream=request.get("stream") is True,
        tools=tuple(name for tool in as_documents(request.get("tools")) if (name := as_text(tool.get("name") or tool.get("type")))),
        conversation=as_text(request.get("prompt_cache_key")) or as_text(held) or as_text(as_document(held).get("id")),
        user=user_of(request),
        max_output_tokens=as_count(request.get("max_output_tokens")),
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _texts(content: object) -> str:
    if is_list(content):
        return "".join(part if isinstance(part, str) else as_text(as_document(part).get("text")) for part in content)
    return as_text(content)


def _document(draft: Draft, document: Document, at: int) -> None:
    if "output" in document or document.get("object") == "response":
        draft.known = True
    draft.head(document, "model", "id")
    for place, item in enumerate(as_list(document.get("output"))):
        _item(draft, place, as_document(item), at)
    draft.count(document.get("usage"))
    why = as_text(as_document(document.get("incomplete_details")).get("reason"))
    draft.finish = why or as_text(document.get("status")) or None
    if why == "content_filter":
        draft.filtered = Refusal(kind="filtered_output", reason=why)
    if document.get("error"):
        fail(draft, document["error"])


def _item(draft: Draft, place: int, item: Document, at: int) -> None:
    kind = as_text(item.get("type"))
    if kind == "message":
        for part in as_documents(item.get("content")):
            if text := as_text(part.get("text")):
                draft.say(text, at)
            if refusal := as_text(part.get("refusal")):
                draft.refuse(refusal, at)
    elif kind in ("function_call", "custom_tool_call"):
        draft.whole_call(place, at, item.get("call_id"), item.get("name"), item.get("arguments", item.get("input")))
    elif kind == "image_generation_call" and item.get("result"):
        draft.say("[image]", at)  # an answer, if no text: not to be taken for an empty one
    elif kind in CLIENT_CALLS and item.get("execution") != "server":
        draft.whole_call(place, at, item.get("call_id"), kind.removesuffix("_call"), item.get(CLIENT_CALLS[kind]))


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    kind = as_text(document.get("type")) or name
    if not kind.startswith(("response.", "error")):
        return
    draft.known = True
    if kind == "response.output_text.delta":
        if text := as_text(document.get("delta")):
            draft.say(text, at)
    elif kind == "response.refusal.delta":
        if text := as_text(document.get("delta")):
            draft.refuse(text, at)
    elif kind in ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"):
        draft.call(_place(document), at).pieces.append(as_text(document.get("delta")))
    elif kind in ("response.output_item.added", "response.output_item.done"):
        _streamed_item(draft, document, at)
    elif kind in ENDS:
        _end(draft, as_document(document.get("response")), at)
    elif kind == "error":
        fail(draft, document.get("error") or document)
        draft.ended = True
    elif kind == "response.created":
        draft.head(as_document(document.get("response")), "model", "id")


def _place(document: Document) -> int | str:
    """Items are numbered; their ids change from event to event at some gateways (GitHub Copilot)."""
    index = document.get("output_index")
    return index if isinstance(index, int) else as_text(document.get("item_id"))


def _streamed_item(draft: Draft, document: Document, at: int) -> None:
    item = as_document(document.get("item"))
    kind = as_text(item.get("type"))
    if kind in ("function_call", "custom_tool_call"):
        call = draft.call(_place(document), at)
        call.id, call.name = as_text(item.get("call_id")) or call.id, as_text(item.get("name")) or call.name
        call.given = as_text(item.get("arguments", item.get("input"))) or call.given
    elif kind in CLIENT_CALLS and item.get("execution") != "server":
        draft.whole_call(_place(document), at, item.get("call_id"), kind.removesuffix("_call"), item.get(CLIENT_CALLS[kind]))


def _end(draft: Draft, response: Document, at: int) -> None:
    if as_list(response.get("output")):
        draft.forget_content()
    _document(draft, response, at)
    draft.ended = True


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=responses_usage, refused_by=refused_by, skips=SKIPS)
DIALECT = Dialect(name="openai.responses", family="openai", recognises=recognises, read_request=read_request, read_answer=read_answer)

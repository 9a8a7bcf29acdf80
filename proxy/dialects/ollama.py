"""Ollama's own API: chat and generate; a stream, which is the default, is one JSON document a line. Thinking is not text.

Source: Ollama API documentation (generate, chat).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.reading import Document, as_count, as_document, as_documents, as_json, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Unreadable, Usage

CLASSES: dict[str, FinishClass] = {"stop": "stop", "length": "truncated", "load": "stop", "unload": "stop"}
ROLES = {"system": "system", "user": "user", "tool": "tool"}


def recognises(path: str) -> bool:
    return path.endswith(("/api/chat", "/api/generate"))


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    script.add("system", as_text(request.get("system")))
    for message in as_documents(request.get("messages")):
        script.add(ROLES.get(as_text(message.get("role")), "assistant"), as_text(message.get("content")))
    if text := as_text(request.get("prompt")):
        script.add("user", text)
    limit = as_count(as_document(request.get("options")).get("num_predict"))
    tools = (as_text(as_document(tool.get("function")).get("name")) for tool in as_documents(request.get("tools")))
    return script.prompt(
        model=as_text(request.get("model")),
        stream=request.get("stream") is not False,
        tools=tuple(name for name in tools if name),
        max_output_tokens=limit,
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _document(draft: Draft, document: Document, at: int) -> None:
    """A whole answer is one line of a stream that says it all."""
    if "done" in document or "response" in document or "message" in document:
        draft.known = True
    if draft.model is None:
        draft.model = as_text(document.get("model")) or None
    message = as_document(document.get("message"))
    if text := as_text(message.get("content")) or as_text(document.get("response")):
        draft.say(text, at)
    for call in as_documents(message.get("tool_calls")):
        function = as_document(call.get("function"))
        draft.whole_call(len(draft.calls), at, call.get("id"), function.get("name"), as_json(function.get("arguments")))
    if document.get("error"):
        draft.fail(document["error"])
        draft.ended = True
    if document.get("done") is True:
        draft.ended = True
        draft.finish = as_text(document.get("done_reason")) or draft.finish
        draft.count({name: document[name] for name in ("prompt_eval_count", "eval_count") if name in document})


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    _document(draft, document, at)


def _usage(found: Document) -> Usage | None:
    usage = Usage(input_tokens=as_count(found.get("prompt_eval_count")), output_tokens=as_count(found.get("eval_count")))
    return usage if usage != Usage() else None


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=_usage, lines=True)
DIALECT = Dialect(name="ollama", family="ollama", recognises=recognises, read_request=read_request, read_answer=read_answer)

"""Gemini generateContent, at Google AI and at Vertex: the model is in the path, a stream is SSE or one long JSON array.

Nothing ends such a stream but the connection: it is whole when a finish or block reason was seen. Sources: Gemini API reference
(GenerateContentResponse, FinishReason, BlockReason, UsageMetadata), Vertex AI reference (streamed function call arguments).
"""

import re
from urllib.parse import unquote

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.gemini_arguments import Arguments
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.reading import (
    Document,
    as_count,
    as_document,
    as_documents,
    as_json,
    as_list,
    as_text,
    is_document,
)  # fmt: skip
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, Unreadable, Usage

PATH = re.compile(r"/(?:models|tunedModels|endpoints)/([^/:?]+)(?::|%3[aA])(generateContent|streamGenerateContent)$")
FILTERS = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR", "JAILBREAK", "IMAGE_SAFETY",
           "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER")  # fmt: skip
MALFORMED = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE")
CLASSES: dict[str, FinishClass] = {
    "STOP": "stop", "MAX_TOKENS": "truncated", "OTHER": "error", "NO_IMAGE": "error",
    **dict.fromkeys(MALFORMED, "malformed"),
}  # fmt: skip


def recognises(path: str) -> bool:
    return PATH.search(path) is not None


def read_request(path: str, request: Document) -> Prompt:
    found = PATH.search(path.partition("?")[0])
    script = Script()
    system = request.get("systemInstruction") or request.get("system_instruction")
    script.add("system", as_text(system) or _texts(as_document(system)))
    contents = request.get("contents")
    for content in [contents] if is_document(contents) else as_documents(contents):
        _content(script, content)
    config = as_document(request.get("generationConfig") or request.get("generation_config"))
    limit = as_count(config.get("maxOutputTokens"))
    return script.prompt(
        model=unquote(found[1]) if found else as_text(request.get("model")),
        stream=bool(found and found[2] == "streamGenerateContent"),
        tools=tuple(name for tool in as_documents(request.get("tools")) for name in _tool_names(tool) if name),
        max_output_tokens=limit if limit is not None else as_count(config.get("max_output_tokens")),
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _texts(content: Document) -> str:
    parts = content.get("parts")
    found = [parts] if is_document(parts) else as_documents(parts)
    return "".join(as_text(part.get("text")) for part in found if part.get("thought") is not True)


def _content(script: Script, content: Document) -> None:
    """Tool results come in contents of the user (or `function`), but are no turn of theirs."""
    role = as_text(content.get("role")) or "user"
    parts = as_documents(content.get("parts"))
    results = [as_document(found) for part in parts if (found := part.get("functionResponse") or part.get("function_response"))]
    for result in results:
        script.add("tool", as_json(result.get("response")))
    if not results or len(results) < len(parts):
        script.add(role if role in ("system", "user") else "assistant", _texts(content))


def _tool_names(tool: Document) -> list[str]:
    declared = tool.get("functionDeclarations") or tool.get("function_declarations")
    return [as_text(function.get("name")) for function in as_documents(declared)] if declared else list(tool)


def _document(draft: Draft, document: Document, at: int) -> None:
    if draft.response_id is None or draft.model is None:
        draft.head(document, "modelVersion", "responseId")
    if "candidates" in document or "promptFeedback" in document or "usageMetadata" in document:
        draft.known = True
    for candidate in as_list(document.get("candidates")):
        if is_document(candidate) and candidate.get("index") in (0, None):
            _candidate(draft, candidate, at)
            break
    if "promptFeedback" in document:
        _blocked(draft, as_document(document["promptFeedback"]))
    draft.count(document.get("usageMetadata"))
    if document.get("error"):
        draft.fail(document["error"])
        draft.ended = True


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    _document(draft, document, at)


def _candidate(draft: Draft, candidate: Document, at: int) -> None:
    parts = as_list(as_document(candidate.get("content")).get("parts"))
    if draft.cut and "finishReason" not in candidate:
        parts = parts[:-1]  # the mark that makes a text a thought may come after the text
    for part in parts:
        if not is_document(part) or part.get("thought") is True:
            continue
        if text := as_text(part.get("text")):
            draft.say(text, at)
        if "functionCall" in part:
            _call(draft, as_document(part.get("functionCall")), at)
    if finish := as_text(candidate.get("finishReason")):
        draft.finish, draft.ended = finish, True
        if finish in FILTERS:
            reason = _reason(finish, candidate, "finishMessage")
            draft.filtered = Refusal(kind="filtered_output", reason=reason)


def _blocked(draft: Draft, feedback: Document) -> None:
    if finish := as_text(feedback.get("blockReason")):
        draft.finish, draft.ended = finish, True
        draft.filtered = Refusal(kind="filtered_input", reason=_reason(finish, feedback, "blockReasonMessage"))


def _reason(word: str, said: Document, message: str) -> str:
    blocked = [as_text(rating.get("category")) for rating in as_documents(said.get("safetyRatings")) if rating.get("blocked") is True]
    details = as_text(said.get(message)) or ", ".join(name for name in blocked if name)
    return f"{word}: {details}" if details else word


def _call(draft: Draft, found: Document, at: int) -> None:
    """A call comes whole, or begins with its name and goes on in nameless parts until one says nothing (`willContinue`)."""
    name = as_text(found.get("name"))
    if name:
        call = draft.call(len(draft.calls), at)
        call.id, call.name = as_text(found.get("id")) or None, name
        call.given = as_json(found.get("args")) or "{}"
    partial = as_documents(found.get("partialArgs"))
    if partial and draft.calls:
        call = draft.calls[len(draft.calls) - 1]
        call.later = call.later or Arguments()
        call.later.take(partial)


def _usage(found: Document) -> Usage | None:
    """The prompt holds what was cached, candidates leave thoughts out, and what tools brought in is counted apart."""
    prompt, cached = as_count(found.get("promptTokenCount")), as_count(found.get("cachedContentTokenCount"))
    brought = as_count(found.get("toolUsePromptTokenCount"))
    usage = Usage(
        input_tokens=None if prompt is None and brought is None else max((prompt or 0) - (cached or 0), 0) + (brought or 0),
        cached_input_tokens=cached,
        output_tokens=as_count(found.get("candidatesTokenCount")),
        reasoning_tokens=as_count(found.get("thoughtsTokenCount")),
    )
    return usage if usage != Usage() else None


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=_usage, arrays=True)
DIALECT = Dialect(name="gemini.generate", family="gemini", recognises=recognises, read_request=read_request, read_answer=read_answer)

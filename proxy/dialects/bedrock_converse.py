"""Amazon Bedrock Converse: one shape for all its models; the model is in the path, a stream comes in AWS's binary frames.

`inputTokens` leaves the cache out already. Sources: Bedrock API reference (Converse, ConverseStream, TokenUsage, GuardrailTrace).
"""

from urllib.parse import unquote

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.reading import NOTHING, Document, as_count, as_document, as_documents, as_json, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, Unreadable, Usage

CLASSES: dict[str, FinishClass] = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool", "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated", "guardrail_intervened": "filtered_output", "content_filtered": "filtered_output",
    "malformed_model_output": "malformed", "malformed_tool_use": "malformed",
}  # fmt: skip
EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")


def recognises(path: str) -> bool:
    return "/model/" in path and path.endswith(("/converse", "/converse-stream"))


def model_in(path: str) -> str:
    """The model's id as it stands in `/model/ID/verb`, percent-decoded."""
    return unquote(path.partition("?")[0].rpartition("/model/")[2].rpartition("/")[0])


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    script.add("system", _texts(request.get("system")))
    for message in as_documents(request.get("messages")):
        _message(script, as_text(message.get("role")), as_documents(message.get("content")))
    tools = as_documents(as_document(request.get("toolConfig")).get("tools"))
    return script.prompt(
        model=model_in(path),
        stream=path.partition("?")[0].endswith("-stream"),
        tools=tuple(name for tool in tools if (name := as_text(as_document(tool.get("toolSpec")).get("name")) or next(iter(tool), ""))),
        max_output_tokens=as_count(as_document(request.get("inferenceConfig")).get("maxTokens")),
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _message(script: Script, role: str, blocks: list[Document]) -> None:
    """Tool results come in messages of the user, but are no turn of theirs."""
    results = [as_document(block["toolResult"]) for block in blocks if "toolResult" in block]
    for result in results:
        script.add("tool", _texts(result.get("content")))
    if len(results) < len(blocks) or not blocks:
        script.add("user" if role == "user" else "assistant", _texts(blocks))


def _texts(content: object) -> str:
    return "\n".join(text for block in as_documents(content) if (text := _block_text(block)))


def _block_text(block: Document) -> str:
    guarded = as_document(as_document(block.get("guardContent")).get("text"))
    return as_text(block.get("text")) or as_text(guarded.get("text")) or (as_json(block["json"]) if "json" in block else "")


def take_document(draft: Draft, document: Document, at: int) -> None:
    message = as_document(as_document(document.get("output")).get("message"))
    if "output" in document or "stopReason" in document:
        draft.known = True
    for place, block in enumerate(as_documents(message.get("content"))):
        if text := as_text(block.get("text")):
            draft.say(text, at)
        if call := as_document(block.get("toolUse")):
            draft.whole_call(place, at, call.get("toolUseId"), call.get("name"), as_json(call.get("input")))
    draft.count(document.get("usage"))
    _stop(draft, document)
    _trace(draft, document)
    if "output" not in document and as_text(document.get("message")):
        draft.fail(document)


def take_event(draft: Draft, name: str, document: Document, at: int) -> None:
    """By its frame's name; where the frames are gone (Nova's own stream, recordings) the event is its document's one key."""
    if name not in EVENTS:
        name = next((each for each in EVENTS if each in document), "")
        document = as_document(document.get(name)) if name else NOTHING
    if not name:
        return
    draft.known = True
    place = document.get("contentBlockIndex")
    if name == "contentBlockDelta":
        _delta(draft, place, as_document(document.get("delta")), at)
    elif name == "contentBlockStart":
        if call := as_document(as_document(document.get("start")).get("toolUse")):
            made = draft.call(_place(place), at)
            made.id, made.name = as_text(call.get("toolUseId")) or None, as_text(call.get("name"))
    elif name == "messageStop":
        _stop(draft, document)
        draft.ended = True
    elif name == "metadata":
        draft.count(document.get("usage"))
        _trace(draft, document)


def _delta(draft: Draft, place: object, delta: Document, at: int) -> None:
    if text := as_text(delta.get("text")):
        draft.say(text, at)
    piece = as_document(delta.get("toolUse")).get("input")
    if piece is not None:
        draft.call(_place(place), at).pieces.append(as_json(piece))


def _place(index: object) -> int:
    return index if isinstance(index, int) else 0


def _stop(draft: Draft, said: Document) -> None:
    draft.finish = as_text(said.get("stopReason")) or draft.finish
    if draft.finish in ("guardrail_intervened", "content_filtered") and draft.filtered is None:
        draft.filtered = Refusal(kind="filtered_output", reason=draft.finish)


def _trace(draft: Draft, said: Document) -> None:
    """With a trace it is known whether the guardrail stopped what was asked (the model never ran) or what was answered."""
    trace = as_document(as_document(said.get("trace")).get("guardrail"))
    if draft.filtered is None or not trace:
        return
    reason = as_text(trace.get("actionReason")) or draft.filtered.reason
    asked = "inputAssessment" in trace and not trace.get("modelOutput") and not trace.get("outputAssessments")
    draft.filtered = Refusal(kind="filtered_input" if asked else "filtered_output", reason=reason)


def usage_of(found: Document) -> Usage | None:
    usage = Usage(
        input_tokens=as_count(found.get("inputTokens")),
        cached_input_tokens=as_count(found.get("cacheReadInputTokens")),
        cache_write_tokens=as_count(found.get("cacheWriteInputTokens")),
        output_tokens=as_count(found.get("outputTokens")),
    )
    return usage if usage != Usage() else None


GRAMMAR = Grammar(document=take_document, event=take_event, classes=CLASSES, usage=usage_of, framed=True)
DIALECT = Dialect(name="bedrock.converse", family="bedrock", recognises=recognises, read_request=read_request, read_answer=read_answer)

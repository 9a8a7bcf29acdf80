"""Anthropic Messages: an answer is a list of blocks, streamed one block after another; usage counts up while it streams.

Source: Anthropic API reference (messages, streaming, stop reasons, errors).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.reading import (
    Document,
    as_count,
    as_document,
    as_documents,
    as_json,
    as_list,
    as_text,
    is_list,
)  # fmt: skip
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, Unreadable, Usage

CLASSES: dict[str, FinishClass] = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool", "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated", "pause_turn": "paused", "compaction": "paused", "refusal": "refused",
}  # fmt: skip
# Other APIs have messages below something of theirs: threads, stored completions, batches, sessions.
ELSEWHERE = frozenset(("threads", "completions", "conversations", "sessions", "batches"))


def recognises(path: str) -> bool:
    return path.endswith("/messages") and ELSEWHERE.isdisjoint(path.split("/"))


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    script.add("system", _texts(request.get("system")))
    for message in as_documents(request.get("messages")):
        _message(script, as_text(message.get("role")), message.get("content"))
    return script.prompt(
        model=as_text(request.get("model")),
        stream=request.get("stream") is True,
        tools=tuple(name for tool in as_documents(request.get("tools")) if (name := as_text(tool.get("name") or tool.get("type")))),
        user=as_text(as_document(request.get("metadata")).get("user_id")),
        max_output_tokens=as_count(request.get("max_tokens")),
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _message(script: Script, role: str, content: object) -> None:
    """Tool results come in messages of the user, but are no turn of theirs."""
    results = [block for block in as_documents(content) if as_text(block.get("type")).endswith("tool_result")]
    for block in results:
        script.add("tool", _texts(block.get("content")))
    if not results or len(results) < len(as_list(content)):
        script.add(role if role in ("system", "user") else "assistant", _texts(content))


def _texts(content: object) -> str:
    if not is_list(content):
        return as_text(content)
    return "\n".join(text for block in as_documents(content) if (text := _block_text(block)))


def _block_text(block: Document) -> str:
    kind = block.get("type")
    if kind == "document":  # a document may be given as text
        source = as_document(block.get("source"))
        return as_text(source.get("data")) if source.get("type") == "text" else _texts(source.get("content"))
    if kind == "search_result":
        return _texts(block.get("content"))
    return as_text(block.get("text"))


def _document(draft: Draft, document: Document, at: int) -> None:
    if document.get("type") == "error" or "error" in document:
        draft.fail(document.get("error") or document)
        return
    if "content" in document or document.get("type") == "message":
        draft.known = True
    draft.head(document, "model", "id")
    for place, block in enumerate(as_documents(document.get("content"))):
        _block(draft, place, block, at)
    _stop(draft, document)
    draft.count(document.get("usage"))


def _block(draft: Draft, place: object, block: Document, at: int) -> None:
    kind = block.get("type")
    if kind == "text":
        if text := as_text(block.get("text")):
            draft.say(text, at)
    elif kind == "tool_use":
        draft.whole_call(_place(place), at, block.get("id"), block.get("name"), as_json(block.get("input")))
    elif kind == "fallback":
        # The model asked for refused and another answered: the stream's head still names the first.
        draft.model = as_text(as_document(block.get("to")).get("model")) or draft.model


def _place(index: object) -> int:
    return index if isinstance(index, int) else 0


def _stop(draft: Draft, said: Document) -> None:
    draft.finish = as_text(said.get("stop_reason")) or draft.finish
    if draft.finish == "refusal":
        details = as_document(said.get("stop_details"))
        words = [as_text(details.get(key)) for key in ("category", "explanation")]
        draft.filtered = Refusal(kind="structured", reason=": ".join(word for word in words if word) or "refusal")


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    kind = as_text(document.get("type")) or name
    if kind == "content_block_delta":
        _delta(draft, document.get("index"), as_document(document.get("delta")), at)
    elif kind == "content_block_start":
        _block(draft, document.get("index"), as_document(document.get("content_block")), at)
    elif kind == "message_delta":
        _stop(draft, as_document(document.get("delta")))
        draft.count(document.get("usage"))
    elif kind == "message_start":
        draft.known = True
        message = as_document(document.get("message"))
        draft.head(message, "model", "id")
        draft.count(message.get("usage"))
    elif kind == "message_stop":
        draft.known = draft.ended = True
    elif kind == "error":
        draft.fail(document.get("error") or document)
        draft.ended = True


def _delta(draft: Draft, index: object, delta: Document, at: int) -> None:
    draft.known = True
    kind = delta.get("type")
    if kind == "text_delta":
        if text := as_text(delta.get("text")):
            draft.say(text, at)
    elif kind == "input_json_delta":
        call = draft.calls.get(_place(index))  # none: a tool that runs at the provider
        if call is not None:
            call.pieces.append(as_text(delta.get("partial_json")))


def _usage(found: Document) -> Usage | None:
    """`input_tokens` leaves the cache out already; thinking is within `output_tokens` and, where said, said apart."""
    thought = as_count(as_document(found.get("output_tokens_details")).get("thinking_tokens"))
    output = as_count(found.get("output_tokens"))
    usage = Usage(
        input_tokens=as_count(found.get("input_tokens")),
        cached_input_tokens=as_count(found.get("cache_read_input_tokens")),
        cache_write_tokens=as_count(found.get("cache_creation_input_tokens")),
        output_tokens=output if output is None or thought is None or thought > output else output - thought,
        reasoning_tokens=thought,
    )
    return usage if usage != Usage() else None


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=_usage, skips=frozenset(("ping", "content_block_stop")))
DIALECT = Dialect(
    name="anthropic.messages", family="anthropic", recognises=recognises, read_request=read_request, read_answer=read_answer
)  # fmt: skip

"""OpenAI's first API, still served by vLLM and others: a prompt in, its continuation out.

Choice 0 is the answer. Source: OpenAI API reference (completion object).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.openai_chat import CLASSES
from proxy.dialects.openai_common import chat_usage, fail, refused_by, user_of
from proxy.dialects.reading import Document, as_count, as_documents, as_list, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, Prompt, Unreadable


def recognises(path: str) -> bool:
    return path.endswith("/completions") and not path.endswith("/chat/completions")


def read_request(path: str, request: Document) -> Prompt:
    asked = request.get("prompt")
    texts = [asked] if isinstance(asked, str) else [text for text in as_list(asked) if isinstance(text, str)]
    script = Script()
    script.add("user", "\n".join(texts))
    return script.prompt(
        model=as_text(request.get("model")),
        stream=request.get("stream") is True,
        user=user_of(request),
        max_output_tokens=as_count(request.get("max_tokens")),
    )


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _document(draft: Draft, document: Document, at: int) -> None:
    """A whole answer and a chunk of a stream have the same fields."""
    if "choices" in document:
        draft.known = True
    draft.head(document, "model", "id")
    draft.fingerprint = draft.fingerprint or as_text(document.get("system_fingerprint")) or None
    for choice in as_documents(document.get("choices")):
        if choice.get("index") in (0, None):
            if text := as_text(choice.get("text")):
                draft.say(text, at)
            draft.finish = as_text(choice.get("finish_reason")) or draft.finish
    draft.count(document.get("usage"))
    if document.get("error"):
        fail(draft, document["error"])
        draft.ended = True


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    _document(draft, document, at)


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=chat_usage, refused_by=refused_by)
DIALECT = Dialect(name="openai.completions", family="openai", recognises=recognises, read_request=read_request, read_answer=read_answer)

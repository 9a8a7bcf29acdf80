"""OpenAI embeddings: texts in, vectors out. The vectors of two models cannot be compared, so the answer holds cost and identity only.

Source: OpenAI API reference (embedding object).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.openai_common import chat_usage, fail, refused_by, user_of
from proxy.dialects.reading import Document, as_list, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, Prompt, Unreadable


def recognises(path: str) -> bool:
    return path.endswith("/embeddings")


def read_request(path: str, request: Document) -> Prompt:
    asked = request.get("input")
    texts = [asked] if isinstance(asked, str) else [text for text in as_list(asked) if isinstance(text, str)]
    script = Script()
    script.add("user", "\n".join(texts))
    return script.prompt(model=as_text(request.get("model")), stream=False, user=user_of(request))


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _document(draft: Draft, document: Document, at: int) -> None:
    if as_list(document.get("data")):
        draft.known, draft.content_at, draft.finish = True, at, "stop"
    draft.head(document, "model", "id")
    draft.count(document.get("usage"))
    if document.get("error"):
        fail(draft, document["error"])


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    """Nobody streams vectors; what comes as a stream is an error."""
    if document.get("error"):
        fail(draft, document["error"])


GRAMMAR = Grammar(document=_document, event=_event, classes={"stop": "stop"}, usage=chat_usage, refused_by=refused_by)
DIALECT = Dialect(name="openai.embeddings", family="openai", recognises=recognises, read_request=read_request, read_answer=read_answer)

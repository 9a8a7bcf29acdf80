"""Reranking as Cohere defined it and Jina, Voyage, vLLM and others speak it: a query and documents in, their order out.

The answer's text is that order, so that two models' rankings can be compared. Source: Cohere API reference (v2/rerank).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.openai_common import chat_usage
from proxy.dialects.reading import Document, as_document, as_documents, as_list, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, Prompt, Unreadable


def recognises(path: str) -> bool:
    return path.endswith("/rerank")


def read_request(path: str, request: Document) -> Prompt:
    script = Script()
    for document in as_list(request.get("documents")):
        script.add("tool", document if isinstance(document, str) else as_text(as_document(document).get("text")))
    script.add("user", as_text(request.get("query")))
    return script.prompt(model=as_text(request.get("model")), stream=False)


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _document(draft: Draft, document: Document, at: int) -> None:
    draft.head(document, "model", "id")
    results = as_documents(document.get("results") or document.get("data"))
    order = [str(each["index"]) for each in results if isinstance(each.get("index"), int)]
    if order:
        draft.known, draft.finish = True, "stop"
        draft.say(", ".join(order), at)
    draft.count(document.get("usage"))
    if document.get("error"):
        draft.fail(document["error"])


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    """Nobody streams a ranking; what comes as a stream is an error."""
    if document.get("error"):
        draft.fail(document["error"])


GRAMMAR = Grammar(document=_document, event=_event, classes={"stop": "stop"}, usage=chat_usage)
DIALECT = Dialect(name="rerank", family="cohere", recognises=recognises, read_request=read_request, read_answer=read_answer)

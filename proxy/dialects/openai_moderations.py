"""OpenAI moderations: texts in, flags out. The answer's text is what was flagged, in words, so that two models' verdicts can be compared.

Source: OpenAI API reference (moderation object).
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.openai_common import chat_usage, fail, refused_by
from proxy.dialects.reading import Document, as_document, as_documents, as_list, as_text
from proxy.dialects.script import Script
from proxy.exchange import Answer, Prompt, Unreadable


def recognises(path: str) -> bool:
    return path.endswith("/moderations")


def read_request(path: str, request: Document) -> Prompt:
    asked = request.get("input")
    parts = [asked] if isinstance(asked, str) else as_list(asked)
    texts = [part if isinstance(part, str) else as_text(as_document(part).get("text")) for part in parts]
    script = Script()
    script.add("user", "\n".join(text for text in texts if text))
    return script.prompt(model=as_text(request.get("model")) or "omni-moderation-latest", stream=False)


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _document(draft: Draft, document: Document, at: int) -> None:
    draft.head(document, "model", "id")
    results = as_documents(document.get("results"))
    if results:
        draft.known, draft.finish = True, "stop"
        draft.say("\n".join(_words(result) for result in results), at)
    draft.count(document.get("usage"))
    if document.get("error"):
        fail(draft, document["error"])


def _words(result: Document) -> str:
    """`flagged: harassment, violence`"""
    named = sorted(name for name, value in as_document(result.get("categories")).items() if value is True)
    return f"flagged: {', '.join(named) or 'no category named'}" if result.get("flagged") is True else "not flagged"


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    """Nobody streams flags; what comes as a stream is an error."""
    if document.get("error"):
        fail(draft, document["error"])


GRAMMAR = Grammar(document=_document, event=_event, classes={"stop": "stop"}, usage=chat_usage, refused_by=refused_by)
DIALECT = Dialect(name="openai.moderations", family="openai", recognises=recognises, read_request=read_request, read_answer=read_answer)

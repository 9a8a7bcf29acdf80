"""The dialect of our own baselines: `{"text": "..."}`. Not in the list of dialects: nobody can call us in it, it is only read.

A baseline's exchange says `understudy.baseline` and carries this body with the content-type below; it costs nothing and uses no tokens.
"""

from proxy.dialects.dialect import Dialect
from proxy.dialects.reading import Document, as_text, read_document
from proxy.exchange import Answer, Prompt, Unreadable, Usage

NAME = "understudy.baseline"
CONTENT_TYPE = "application/x-understudy-baseline"


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    found = read_document(body)
    if isinstance(found, Unreadable):
        return found
    if not isinstance(found.get("text"), str):
        return Unreadable(reason='a baseline answers {"text": "..."}')
    free = Usage(input_tokens=0, output_tokens=0)
    return Answer(
        text=as_text(found["text"]), finish="stop", finish_class="stop", usage=free, model_served="baseline", content_at=len(body)
    )


def _read_request(path: str, request: Document) -> Prompt | Unreadable:
    return Unreadable(reason="a baseline is not called in a dialect of its own")


DIALECT = Dialect(name=NAME, family="openai", recognises=lambda path: False, read_request=_read_request, read_answer=read_answer)

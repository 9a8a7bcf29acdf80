"""An answer in the making: readers say what they find, piece by piece, and `answer` freezes it.

Plain and streamed bodies end in the same draft, so that one dialect has one way of understanding its fields. `at` is always the
end offset of the event that a piece came with, which is how the first content gets its place.
"""

from collections.abc import Hashable, Mapping

from proxy.dialects.gemini_arguments import Arguments
from proxy.dialects.reading import Document, as_document, as_json, as_text
from proxy.exchange import Answer, FinishClass, Refusal, ToolCall, Usage


class CallDraft:
    __slots__ = ("given", "id", "later", "name", "pieces")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.pieces: list[str] = []
        self.given: str | None = None
        """Arguments said in one go; they count when no pieces came."""
        self.later: Arguments | None = None
        """Arguments said by place; they go before the other two."""


class Draft:
    __slots__ = (
        "calls", "content_at", "cut", "ended", "error", "filtered", "fingerprint", "finish", "known", "latest", "model", "refusals",
        "response_id", "texts", "usage",
    )  # fmt: skip

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.calls: dict[Hashable, CallDraft] = {}
        self.latest: dict[int, Hashable] = {}
        """The key of the call that a piece with only an index belongs to."""
        self.refusals: list[str] = []
        """Words in which the model declines, in the field made for it."""
        self.filtered: Refusal | None = None
        """A refusal by the provider and not in the model's words."""
        self.finish: str | None = None
        self.model: str | None = None
        self.fingerprint: str | None = None
        self.response_id: str | None = None
        self.error: str | None = None
        self.usage: Document = {}
        """The provider's own figures, later ones over earlier ones."""
        self.content_at: int | None = None
        self.ended = False
        """The dialect's own end was seen."""
        self.cut = False
        """What is being taken is a document that broke off: its last object may lack fields."""
        self.known = False
        """Something of this dialect was seen."""

    def say(self, text: str, at: int) -> None:
        self.texts.append(text)
        if self.content_at is None:
            self.content_at = at

    def refuse(self, text: str, at: int) -> None:
        self.refusals.append(text)
        if self.content_at is None:
            self.content_at = at

    def call(self, key: Hashable, at: int) -> CallDraft:
        if self.content_at is None:
            self.content_at = at
        found = self.calls.get(key)
        if found is None:
            found = self.calls[key] = CallDraft()
        return found

    def whole_call(self, key: Hashable, at: int, id: object, name: object, arguments: object) -> None:
        call = self.call(key, at)
        call.id, call.name, call.given = as_text(id) or None, as_text(name), as_json(arguments)

    def head(self, document: Document, model: str, response_id: str) -> None:
        """Identity as the first event that has it says it; an empty string says nothing."""
        if self.model is None:
            self.model = as_text(document.get(model)) or None
        if self.response_id is None:
            self.response_id = as_text(document.get(response_id)) or None

    def count(self, usage: object) -> None:
        """Later figures over earlier ones; a figure that is no longer said stands."""
        found = as_document(usage)
        if found.keys() >= self.usage.keys() and None not in found.values():
            self.usage = found
        else:
            self.usage = {**self.usage, **{key: value for key, value in found.items() if value is not None}}

    def fail(self, error: object) -> None:
        """The first error is the one that matters; what follows is its echo."""
        self.known = True
        if self.error is None:
            self.error = message_of(error)

    def forget_content(self) -> None:
        """A complete answer follows that repeats what was streamed."""
        self.texts, self.refusals, self.calls = [], [], {}

    def answer(self, classes: Mapping[str, FinishClass], usage: Usage | None) -> Answer:
        calls = tuple(_tool_call(call) for call in self.calls.values() if call.name or call.pieces or call.given)
        words = "".join(self.refusals)
        refusal = self.filtered or (Refusal(kind="structured", reason=words) if words else None)
        return Answer(
            text="".join(self.texts),
            tool_calls=calls,
            finish=self.finish,
            finish_class=self._finish_class(classes, refusal, bool(calls)),
            usage=usage,
            refusal=refusal,
            model_served=self.model,
            fingerprint=self.fingerprint,
            response_id=self.response_id,
            error=self.error,
            whole=self.ended,
            content_at=self.content_at,
        )

    def _finish_class(self, classes: Mapping[str, FinishClass], refusal: Refusal | None, calls: bool) -> FinishClass | None:
        if refusal is not None:
            return _REFUSED[refusal.kind]
        if self.error is not None:
            return "error"
        found = classes.get(self.finish) if self.finish else None
        # Some servers say `stop` after tool calls, or nothing at all: the calls tell.
        return "tool" if calls and self.ended and found in ("stop", None) else found


_REFUSED: dict[str, FinishClass] = {
    "structured": "refused",
    "filtered_input": "filtered_input",
    "filtered_output": "filtered_output",
}


def _tool_call(call: CallDraft) -> ToolCall:
    said = call.later.text() if call.later else "".join(call.pieces)
    return ToolCall(id=call.id, name=call.name, arguments=said or call.given or "")


def message_of(error: object) -> str:
    """An error's own message wherever it stands, else the error as it is."""
    found = as_document(error)
    return as_text(found.get("message")) or as_text(error) or as_json(error) or "an error without words"

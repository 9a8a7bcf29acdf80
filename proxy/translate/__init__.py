"""Calls put in another dialect for a candidate that speaks only that: OpenAI chat, Anthropic Messages, Gemini generateContent.

One way only: no client reads a candidate's answer. Pure.

Law: every loss is told as a rewrite; what cannot be carried over without changing the question is unportable. n readers and n writers
around one form, never a converter per pair.
"""

from dataclasses import dataclass

from proxy.dialects.reading import Document
from proxy.exchange import Unreadable
from proxy.translate import from_anthropic, from_gemini, from_openai, to_anthropic, to_gemini, to_openai
from proxy.translate.form import Bound, Form, Losses

DIALECTS = {"openai": "openai.chat", "anthropic": "anthropic.messages", "gemini": "gemini.generate"}
"""What a target's `dialect` means, by its family."""
SOURCES = frozenset(DIALECTS.values())
_WRITERS = {"openai.chat": to_openai.request_of, "anthropic.messages": to_anthropic.request_of, "gemini.generate": to_gemini.request_of}


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    dialect: str
    path: str
    body: Document
    rewrites: tuple[str, ...]


def needed(dialect: str, wanted: str) -> bool:
    """Whether a call of this dialect has to be translated for a target that speaks `wanted`."""
    return bool(wanted) and wanted.partition(".")[0] != dialect.partition(".")[0]


def translated(dialect: str, path: str, body: Document, wanted: str, model: str) -> Translated | Unreadable:
    """`model`: what the target is asked for; the call's own model means nothing to another vendor."""
    goal = DIALECTS.get(wanted.partition(".")[0])
    if goal is None or dialect not in SOURCES:
        return Unreadable(reason=f"{dialect} cannot be translated to {wanted}")
    if not model:
        return Unreadable(reason=f"translated to {wanted} without a model to ask for")
    try:
        form = _form(dialect, path, body)
        losses = Losses(list(form.lost))
        new_path, new_body = _WRITERS[goal](form, model, losses)
    except Bound as bound:
        return Unreadable(reason=f"cannot be translated: {bound}")
    told = (f"translated {dialect} → {goal}", *(f"lost: {name}" for name in losses.told))
    return Translated(dialect=goal, path=new_path, body=new_body, rewrites=told)


def _form(dialect: str, path: str, body: Document) -> Form:
    form = (
        from_openai.form_of(body)
        if dialect == "openai.chat"
        else from_anthropic.form_of(body)
        if dialect == "anthropic.messages"
        else from_gemini.form_of(body, stream=":stream" in path)
    )
    if not form.turns:
        raise Bound("nobody says anything")
    return form

"""Calls put in another dialect for a candidate that speaks only that: OpenAI chat, OpenAI Responses, Anthropic Messages and Gemini
generateContent, into chat, Messages and generateContent.

One way only: no client reads a candidate's answer. Pure; no bytes make it raise.

Law: every loss is told as a rewrite; what cannot be carried over without changing the question is unportable. n readers and n writers
around one form, never a converter per pair.
"""

from dataclasses import dataclass

from proxy.dialects.reading import Document
from proxy.exchange import Unreadable
from proxy.translate import from_anthropic, from_gemini, from_openai, from_responses, to_anthropic, to_gemini, to_openai
from proxy.translate.form import Bound, Form, Losses

DIALECTS = {"openai": "openai.chat", "anthropic": "anthropic.messages", "gemini": "gemini.generate"}
"""What a target's `dialect` is translated to, by its family. A family takes all its own dialects; one named in full takes only itself."""
SPOKEN = (*DIALECTS, *DIALECTS.values())
"""What a target's `dialect` may say."""
SOURCES = frozenset((*DIALECTS.values(), "openai.responses"))
_WRITERS = {"openai.chat": to_openai.request_of, "anthropic.messages": to_anthropic.request_of, "gemini.generate": to_gemini.request_of}


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    dialect: str
    path: str
    body: Document
    rewrites: tuple[str, ...]


def needed(dialect: str, wanted: str) -> bool:
    """Whether a call of this dialect has to be translated for a target that speaks `wanted`."""
    return bool(wanted) and dialect != wanted and dialect.partition(".")[0] != wanted


def translated(dialect: str, path: str, body: Document, wanted: str, model: str) -> Translated | Unreadable:
    """`model`: what the target is asked for; the call's own model means nothing to another vendor."""
    goal = DIALECTS.get(wanted, wanted)
    if goal not in _WRITERS or dialect not in SOURCES:
        return Unreadable(reason=f"{dialect} cannot be translated to {wanted}")
    if not model:
        return Unreadable(reason=f"translated to {wanted} without a model to ask for")
    losses = Losses()
    try:
        new_path, new_body = _WRITERS[goal](_form(dialect, path, body, losses), model, losses)
    except Bound as bound:
        return Unreadable(reason=f"cannot be translated: {bound}")
    except RecursionError:
        return Unreadable(reason="cannot be translated: nested too deeply")
    return Translated(dialect=goal, path=new_path, body=new_body, rewrites=(f"translated {dialect} → {goal}", *losses.told))


def _form(dialect: str, path: str, body: Document, losses: Losses) -> Form:
    match dialect:
        case "openai.chat":
            form = from_openai.form_of(body, losses)
        case "openai.responses":
            form = from_responses.form_of(body, losses)
        case "anthropic.messages":
            form = from_anthropic.form_of(body, losses)
        case _:
            form = from_gemini.form_of(body, losses, stream=":stream" in path)
    if not form.turns:
        raise Bound("nobody says anything")
    if form.turns[-1].role == "assistant":
        raise Bound("the answer is begun already")
    if form.choice is not None and not form.tools:
        losses.lose("tool_choice")
    return form

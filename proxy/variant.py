"""A prompt variant: the same call under another system text, or with its last user text wrapped. Pure, for every dialect with messages.

Law: a call that has no place for the variant is said to be unportable; it is never sent without it. The body given is changed in place:
it is a leg's own copy.
"""

from proxy.dialects.reading import Document, as_document, as_documents, as_text, is_list
from proxy.exchange import Unreadable

_SYSTEM = ("system", "developer")
_PLAIN = {"openai.responses": "input", "gemini.interactions": "input", "openai.completions": "prompt", "ollama": "prompt"}
"""Where a dialect has, or may have, the user's text as one string."""


def with_system(dialect: str, body: Document, text: str) -> Unreadable | None:
    """Replace the system text, or add it where there is none."""
    if dialect in ("openai.chat", "cohere.chat") or (dialect == "ollama" and "messages" in body):
        messages = [message for message in as_documents(body.get("messages")) if message.get("role") not in _SYSTEM]
        body["messages"] = [{"role": "system", "content": text}, *messages]
    elif dialect == "openai.responses":
        body["instructions"] = text
    elif dialect in ("anthropic.messages", "ollama"):
        body["system"] = text
    elif dialect == "gemini.generate":
        body.pop("system_instruction", None)
        body["systemInstruction"] = {"parts": [{"text": text}]}
    elif dialect == "gemini.interactions":
        body["system_instruction"] = text
    elif dialect == "bedrock.converse":
        body["system"] = [{"text": text}]
    else:
        return Unreadable(reason=f"{dialect} has no system text to replace")
    return None


def last_user_text(dialect: str, body: Document) -> str | None:
    """The text of the last thing a user said; None when nobody said anything."""
    place = _place(dialect, body)
    return as_text(place[0].get(place[1])) if place else None


def with_user(dialect: str, body: Document, template: str) -> Unreadable | None:
    """Wrap the last user text in the template."""
    place = _place(dialect, body)
    if place is None:
        return Unreadable(reason="no user text to wrap")
    holder, key = place
    holder[key] = template.replace("{user}", as_text(holder[key]))
    return None


def _place(dialect: str, body: Document) -> tuple[Document, str] | None:
    """(document, key) that hold the last user text."""
    plain = _PLAIN.get(dialect)
    if plain and isinstance(body.get(plain), str):
        return body, plain
    turns = {
        "openai.chat": "messages", "anthropic.messages": "messages", "openai.responses": "input", "gemini.generate": "contents",
        "bedrock.converse": "messages", "cohere.chat": "messages", "ollama": "messages",
    }  # fmt: skip
    texts = "parts" if dialect == "gemini.generate" else "content"
    said = [turn for turn in as_documents(body.get(turns.get(dialect, ""))) if turn.get("role", "user") == "user"]
    found = (_text_of(turn, texts) for turn in reversed(said))
    return next((place for place in found if place), None)


def _text_of(turn: Document, key: str) -> tuple[Document, str] | None:
    content = turn.get(key)
    if isinstance(content, str):
        return turn, key
    parts = content if is_list(content) else []
    return next(((as_document(part), "text") for part in reversed(parts) if isinstance(as_document(part).get("text"), str)), None)

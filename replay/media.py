"""How many tokens a request's body may come to at most: a token per byte of text, a generous fixed sum per image and per page.

Law: an upper bound, for money is reserved by it; but an image of 4 MB is not four million tokens. What is inlined and is neither an image
nor a document whose pages can be counted stays at a token per byte, and so does what looks like an image inside a text or a tool's
arguments; what is only named (a file's id) may be as long as any context. Pure.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from proxy.dialects.reading import Document, as_document, as_text, is_document, is_list, read_document
from proxy.exchange import Unreadable

IMAGE_TOKENS = {"anthropic": 8_000, "gemini": 16_000}
OTHER_IMAGE_TOKENS = 50_000
"""gpt-4o-mini asks 2,833 + 5,667 per tile for at most eight tiles; nobody known asks more."""
PAGE_TOKENS = 10_000
"""A page is read as text and as an image."""
HIDDEN_TOKENS, TOOLS_TOKENS = 1_000, 1_000
"""What providers put before a call, unseen: Cohere about 500, xAI and Snowflake about 650; more of it when the call brings tools."""
NAMED_TOKENS = 1_050_000
"""The longest context there is: what a file id, a prompt id or a cache stands for lies at the provider."""
_WORTH_A_LOOK = re.compile(
    rb'base64|"data"|inline_?[dD]ata|"bytes"|"images"|file_?(?:id|[uU]ri|[dD]ata|_search)|cached_?[cC]ontent|"prompt"\s*:\s*\{'
)
_TOOLS = re.compile(rb'"tools"\s*:\s*\[')
_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_IMAGES = ("image", "png", "jpg", "jpeg", "gif", "webp", "heic", "heif")
_DOCUMENTS = ("application/pdf", "pdf")
_NAMES = ("file_id", "fileUri", "file_uri", "cachedContent", "cached_content")
_URLS = ("url", "image_url", "file_data", "data")
_TEXTS = frozenset(("args", "arguments", "response", "json", "schema", "json_schema", "input_schema", "parameters", "parametersJsonSchema"))
"""Objects that the model reads as text, whatever is in them."""
_LOOKS_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]{200}")


def tokens_at_most(family: str, body: bytes) -> int:
    hidden = HIDDEN_TOKENS + (TOOLS_TOKENS if _TOOLS.search(body) else 0)
    if not _WORTH_A_LOOK.search(body):
        return len(body) + hidden
    found = read_document(body)
    if isinstance(found, Unreadable):
        return len(body) + hidden
    image = IMAGE_TOKENS.get(family, OTHER_IMAGE_TOKENS)
    named = NAMED_TOKENS if is_document(found.get("prompt")) else 0
    saved = sum(_difference(piece, image) for piece in _pieces(found))
    return max(len(body) + hidden + named + saved, 0)


def tokens_likely(family: str, body: bytes) -> int:
    """For a provider's count of tokens a minute: four bytes of text a token, media at a quarter of their bound."""
    return tokens_at_most(family, body) // 4


def _difference(piece: "int | tuple[str, str]", image: int) -> int:
    """By how much a piece's bound differs from a token for each of its bytes."""
    if isinstance(piece, int):
        return piece
    kind, data = piece
    if kind.startswith(_IMAGES):
        return image - len(data)
    if kind.startswith(_DOCUMENTS) and (pages := _pages(data)):
        return pages * PAGE_TOKENS - len(data)
    return 0


def _pages(data: str) -> int:
    """0: they cannot be counted (no PDF, or one that packs its objects)."""
    try:
        raw = base64.b64decode(data.partition("base64,")[2] or data)
    except (binascii.Error, ValueError):
        return 0
    return 0 if b"/ObjStm" in raw else len(_PAGE.findall(raw))


def _pieces(value: object) -> "Iterator[int | tuple[str, str]]":
    """Inlined media as (kind, data), names of what lies elsewhere as the tokens they may stand for; in any dialect, at any depth."""
    waiting: list[object] = [value]
    while waiting:
        here = waiting.pop()
        if is_list(here):
            waiting += here
        elif is_document(here):
            found = _inlined(here)
            if found is not None:
                yield found
            elif any(as_text(here.get(name)) for name in _NAMES) or here.get("type") == "file_search":
                yield NAMED_TOKENS
            skipped = _TEXTS | {"input"} if "tool_use" in as_text(here.get("type")) or "toolUseId" in here else _TEXTS
            waiting += [each for key, each in here.items() if key not in skipped and (is_list(each) or is_document(each))]
            yield from (("image", each) for each in _texts(here.get("images")) if _LOOKS_BASE64.match(each))
            yield from (_data_url(each) for key in _URLS if (each := as_text(here.get(key)))[:5].lower() == "data:")


def _inlined(here: Document) -> tuple[str, str] | None:
    """Anthropic's `source`, Gemini's `inlineData`, Converse's `image` and `document` with `bytes`."""
    data = here.get("data")
    if isinstance(data, str) and data[:5].lower() != "data:":
        kind = as_text(here.get("media_type") or here.get("mimeType") or here.get("mime_type"))
        return (kind.lower(), data) if kind else None
    packed = as_document(here.get("source")).get("bytes")
    return (as_text(here.get("format")).lower(), packed) if isinstance(packed, str) else None


def _data_url(text: str) -> tuple[str, str]:
    return text[5:].partition(";")[0].lower() if ";base64," in text[:200] else "text/plain", text


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if is_list(value) else []

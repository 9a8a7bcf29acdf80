"""Whether a call may be asked again elsewhere, unseen. The classes of wire.md 1.3, as pure functions over a parsed body.

Law: what is not known to be harmless is not mirrored. A tool the provider runs, and every tool we have never heard of, counts as a side
effect; state and files of one account or model go nowhere else; what cannot be compared is not paid for. Nothing here raises on any JSON.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from proxy.dialects.reading import Document, as_document, as_documents, as_list, as_text
from proxy.exchange import DecisionName, Prompt, Unreadable

Reach = Literal["elsewhere", "account", "model"]
"""How near a leg is to the incumbent: another provider, the same account there, or the very same model (the repeat)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ineligible:
    decision: DecisionName
    reason: str
    """What in the call is the cause: `previous_response_id`, `tool web_search`, `n=3`."""


Found = Iterator[Ineligible]
_RETRY = "x-stainless-retry-count"
_STATE = ("previous_response_id", "conversation", "container", "mcp_servers", "fallback_credit_token", "thread_id")
"""Top-level keys that continue, create or redeem something at the provider, in whatever dialect they come."""
_ORDER: tuple[DecisionName, ...] = ("side_effects", "unportable", "not_comparable")


def eligibility(dialect: str, method: str, body: Document, headers: Mapping[str, str], *, reach: Reach = "elsewhere") -> Ineligible | None:
    """None: it may be mirrored. Of several causes the gravest is told."""
    if method != "POST":
        return Ineligible(decision="side_effects", reason=f"method {method[:20]}")
    retry = headers.get(_RETRY, "0").strip()
    if retry not in ("", "0"):
        return Ineligible(decision="retry_of", reason=f"{_RETRY} {retry[:20]}")
    look = _LOOKS.get(dialect)
    if look is None:
        return Ineligible(decision="not_comparable", reason=f"dialect {dialect}")
    found = [*_anywhere(body), *look(body, reach)]
    return min(found, key=lambda each: _ORDER.index(each.decision), default=None)


def unreadable(size: int, whole: bool, prompt: Prompt | Unreadable | None) -> Ineligible | None:
    """What the record of the call itself forbids: a body that was too large to keep, broke off, or is not what its dialect promises."""
    if not whole:
        return Ineligible(decision="unreadable", reason="the upload broke off")
    if prompt is None:
        return Ineligible(decision="too_large", reason=f"{size} bytes") if size else Ineligible(decision="unreadable", reason="no body")
    return Ineligible(decision="unreadable", reason=prompt.reason) if isinstance(prompt, Unreadable) else None


def _effect(reason: str) -> Ineligible:
    return Ineligible(decision="side_effects", reason=reason)


def _bound(reason: str) -> Ineligible:
    return Ineligible(decision="unportable", reason=reason)


def _incomparable(reason: str) -> Ineligible:
    return Ineligible(decision="not_comparable", reason=reason)


def _anywhere(body: Document) -> Found:
    yield from (_effect(key) for key in _STATE if body.get(key))
    if body.get("background") is True:
        yield _effect("background")
    count = body.get("n")
    if isinstance(count, (int, float)) and count > 1:
        yield _incomparable(f"n={count}")


def _tool(kind: str, client: tuple[str, ...], search: tuple[str, ...], bound: tuple[str, ...] = ()) -> Ineligible | None:
    """A tool by its type: the application's own, the provider's search, bound to the account, or the unknown."""
    if kind in client or kind == "":
        return None
    if kind.startswith(search):
        return _incomparable(f"tool {kind}")
    return _bound(f"tool {kind}") if kind in bound else _effect(f"tool {kind[:60]}")


def _by_url(address: object, what: str) -> Found:
    """An address would be fetched again, by someone else and later; data: carries what it means."""
    text = as_text(address)
    if text and text[:5].lower() != "data:":
        yield _bound(f"{what} by URL")


def _chat(body: Document, reach: Reach) -> Found:
    for tool in as_documents(body.get("tools")):
        if refused := _tool(as_text(tool.get("type")), ("function", "custom"), ("web_search", "browser_search")):
            yield refused
    yield from (_incomparable(key) for key in ("web_search_options", "search_parameters", "plugins") if body.get(key))
    model = as_text(body.get("model"))
    if "-search-" in model or "deep-research" in model:
        yield _incomparable(f"model {model[:60]} searches the web")
    if any(mode != "text" for mode in as_list(body.get("modalities"))):
        yield _incomparable("audio or image output")
    for message in as_documents(body.get("messages")):
        yield from _chat_message(message, reach)


def _chat_message(message: Document, reach: Reach) -> Found:
    if reach == "elsewhere" and as_document(message.get("audio")).get("id"):
        yield _bound("audio id")
    for part in as_documents(message.get("content")):
        image = part.get("image_url")
        yield from _by_url(as_document(image).get("url") or image, "image")
        yield from _by_url(as_text(as_document(part.get("video_url")).get("url")), "video")
        if reach == "elsewhere" and (as_document(part.get("file")).get("file_id") or part.get("file_id")):
            yield _bound("file_id")


_RESPONSE_ITEMS = ("", "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")


def _responses(body: Document, reach: Reach) -> Found:
    for tool in as_documents(body.get("tools")):
        refused = _tool(as_text(tool.get("type")), ("function", "custom"), ("web_search", "image_generation"), ("file_search",))
        if refused and not (refused.decision == "unportable" and reach != "elsewhere"):
            yield refused
    if reach == "elsewhere" and body.get("prompt"):
        yield _bound("prompt id")
    for item in as_documents(body.get("input")):
        yield from _response_item(item, reach)


def _response_item(item: Document, reach: Reach) -> Found:
    kind = as_text(item.get("type"))
    if kind not in _RESPONSE_ITEMS and reach != "model":
        yield _bound("encrypted reasoning" if kind == "reasoning" else f"input {kind[:60]}")
    for part in [*as_documents(item.get("content")), *as_documents(item.get("output"))]:
        yield from _by_url(part.get("image_url"), "image")
        yield from _by_url(part.get("file_url"), "file")
        if reach == "elsewhere" and part.get("file_id"):
            yield _bound("file_id")


_BLOCKS = ("", "text", "image", "document", "tool_use", "tool_result", "search_result")
_THINKING = ("thinking", "redacted_thinking")


def _messages(body: Document, reach: Reach) -> Found:
    for tool in as_documents(body.get("tools")):
        kind = as_text(tool.get("type"))
        if not kind.startswith("text_editor_") and (refused := _tool(kind, ("custom",), ("web_search", "web_fetch"))):
            yield refused
    for message in [*as_documents(body.get("messages")), Document(content=body.get("system"))]:
        blocks = as_documents(message.get("content"))
        results = [block for block in blocks if as_text(block.get("type")) == "tool_result"]
        for block in [*blocks, *(inner for result in results for inner in as_documents(result.get("content")))]:
            yield from _block(block, reach)


def _block(block: Document, reach: Reach) -> Found:
    kind = as_text(block.get("type"))
    if kind in _THINKING and reach != "model":
        yield _bound("thinking signature")
    elif kind not in _BLOCKS and kind not in _THINKING and reach != "model":
        yield _bound(f"content {kind[:60]}")
    source = as_document(block.get("source"))
    yield from _by_url(source.get("url"), kind or "content")
    if reach == "elsewhere" and (source.get("file_id") or block.get("file_id")):
        yield _bound("file_id")


_GEMINI_SEARCH = ("googlesearch", "googlesearchretrieval", "enterprisewebsearch", "googlemaps")
_GEMINI_BOUND = ("urlcontext", "filesearch", "retrieval")


def _generate(body: Document, reach: Reach) -> Found:
    fields = _plain(body)
    for name in (name for tool in as_documents(fields.get("tools")) for name in tool):
        refused = _tool(_squashed(name), ("functiondeclarations",), _GEMINI_SEARCH, _GEMINI_BOUND)
        if refused and not (refused.decision == "unportable" and reach != "elsewhere" and _squashed(name) != "urlcontext"):
            yield Ineligible(decision=refused.decision, reason=f"tool {name[:60]}")
    if reach == "elsewhere" and fields.get("cachedcontent"):
        yield _bound("cachedContent")
    settings = _plain(as_document(fields.get("generationconfig")))
    count = settings.get("candidatecount")
    if isinstance(count, (int, float)) and count > 1:
        yield _incomparable(f"candidateCount={count}")
    if any(as_text(mode).upper() != "TEXT" for mode in as_list(settings.get("responsemodalities"))):
        yield _incomparable("audio or image output")
    for content in as_documents(fields.get("contents")):
        for part in as_documents(content.get("parts")):
            yield from _part(_plain(part), reach)


_PARTS = (
    "text",
    "inlinedata",
    "functioncall",
    "functionresponse",
    "filedata",
    "thought",
    "thoughtsignature",
    "videometadata",
    "mediaresolution",
)


def _part(part: Document, reach: Reach) -> Found:
    if part.get("filedata") and reach == "elsewhere":
        yield _bound("file by URI")
    if part.get("thoughtsignature") and reach != "model":
        yield _bound("thinking signature")
    if reach != "model":
        yield from (_bound(f"content {name[:60]}") for name in part if name not in _PARTS)


def _squashed(name: str) -> str:
    """Gemini reads `cachedContent` and `cached_content` alike."""
    return name.replace("_", "").lower()


def _plain(document: Document) -> Document:
    return {_squashed(name): value for name, value in document.items()}


def _embeddings(body: Document, reach: Reach) -> Found:
    yield _incomparable("embeddings of two models are not comparable")


_LOOKS: Mapping[str, Callable[[Document, Reach], Found]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "openai.embeddings": _embeddings,
    "anthropic.messages": _messages,
    "gemini.generate": _generate,
}

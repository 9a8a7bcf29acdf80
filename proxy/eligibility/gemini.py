"""What in Gemini's calls must not be asked again elsewhere. It reads `cachedContent` and `cached_content` alike, and so do we."""

from proxy.dialects.reading import Document, as_document, as_documents, as_list, as_text
from proxy.eligibility.marks import Found, Ineligible, Reach, bound, effect, incomparable, tool_of

_GEMINI_SEARCH = ("googlesearch", "googlesearchretrieval", "enterprisewebsearch", "googlemaps")
_GEMINI_BOUND = ("urlcontext", "filesearch", "retrieval")


def generate(body: Document, reach: Reach) -> Found:
    fields = _plain(body)
    for name in (name for tool in as_documents(fields.get("tools")) for name in tool):
        refused = tool_of(_squashed(name), ("functiondeclarations",), _GEMINI_SEARCH, _GEMINI_BOUND)
        if refused and not (refused.decision == "unportable" and reach != "elsewhere" and _squashed(name) != "urlcontext"):
            yield Ineligible(decision=refused.decision, reason=f"tool {name[:60]}")
    if reach == "elsewhere" and fields.get("cachedcontent"):
        yield bound("cachedContent")
    settings = _plain(as_document(fields.get("generationconfig")))
    count = settings.get("candidatecount")
    if isinstance(count, (int, float)) and count > 1:
        yield incomparable(f"candidateCount={count}")
    if any(as_text(mode).upper() != "TEXT" for mode in as_list(settings.get("responsemodalities"))):
        yield incomparable("audio or image output")
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
        yield bound("file by URI")
    if part.get("thoughtsignature") and reach != "model":
        yield bound("thinking signature")
    unknown = next((name for name in part if name not in _PARTS), None)
    if unknown is not None and reach != "model":
        yield bound(f"content {unknown[:60]}")


def _squashed(name: str) -> str:
    """Gemini reads `cachedContent` and `cached_content` alike."""
    return name.replace("_", "").lower()


def _plain(document: Document) -> Document:
    return {_squashed(name): value for name, value in document.items()}


_CLIENT_TOOLS = ("function", "")
_STEPS = ("", "text", "message", "user_input", "model_output", "function_call", "function_result")


def interactions(body: Document, reach: Reach) -> Found:
    """Interactions are kept at the provider unless told otherwise, and may run an agent there."""
    if body.get("previous_interaction_id"):
        yield effect("previous_interaction_id")
    if body.get("agent"):
        yield effect("agent")
    for tool in as_documents(body.get("tools")):
        if refused := tool_of(as_text(tool.get("type")), _CLIENT_TOOLS, ("google_search", "url_context"), ("file_search",)):
            yield refused
    for step in as_documents(body.get("input")):
        kind = as_text(step.get("type"))
        if kind == "thought" and reach != "model":
            yield bound("thinking signature")
        elif kind not in _STEPS and kind != "thought" and reach != "model":
            yield bound(f"input {kind[:60]}")

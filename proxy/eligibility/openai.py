"""What in OpenAI's calls, and in those of the many who speak like it, must not be asked again elsewhere."""

from proxy.dialects.reading import Document, as_document, as_documents, as_list, as_text
from proxy.eligibility.marks import Found, Reach, bound, by_url, incomparable, tool_of

_SEARCHES = ("web_search_options", "search_parameters", "plugins")


def chat(body: Document, reach: Reach) -> Found:
    for tool in as_documents(body.get("tools")):
        if refused := tool_of(as_text(tool.get("type")), ("function", "custom"), ("web_search", "browser_search")):
            yield refused
    for key in _SEARCHES:
        if body.get(key):
            yield incomparable(key)
    model = as_text(body.get("model"))
    if "-search-" in model or "deep-research" in model:
        yield incomparable(f"model {model[:60]} searches the web")
    if "modalities" in body and any(mode != "text" for mode in as_list(body["modalities"])):
        yield incomparable("audio or image output")
    for message in as_documents(body.get("messages")):
        if "audio" in message or not isinstance(message.get("content"), str):  # nearly every message has nothing but text
            yield from _chat_message(message, reach)


def _chat_message(message: Document, reach: Reach) -> Found:
    if reach == "elsewhere" and as_document(message.get("audio")).get("id"):
        yield bound("audio id")
    for part in as_documents(message.get("content")):
        image = part.get("image_url")
        yield from by_url(as_document(image).get("url") or image, "image")
        yield from by_url(as_text(as_document(part.get("video_url")).get("url")), "video")
        if reach == "elsewhere" and (as_document(part.get("file")).get("file_id") or part.get("file_id")):
            yield bound("file_id")


_RESPONSE_ITEMS = ("", "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")


def responses(body: Document, reach: Reach) -> Found:
    for tool in as_documents(body.get("tools")):
        refused = tool_of(as_text(tool.get("type")), ("function", "custom"), ("web_search", "image_generation"), ("file_search",))
        if refused and not (refused.decision == "unportable" and reach != "elsewhere"):
            yield refused
    if reach == "elsewhere" and body.get("prompt"):
        yield bound("prompt id")
    for item in as_documents(body.get("input")):
        yield from _response_item(item, reach)


def _response_item(item: Document, reach: Reach) -> Found:
    kind = as_text(item.get("type"))
    if kind not in _RESPONSE_ITEMS and reach != "model":
        yield bound("encrypted reasoning" if kind == "reasoning" else f"input {kind[:60]}")
    for part in [*as_documents(item.get("content")), *as_documents(item.get("output"))]:
        yield from by_url(part.get("image_url"), "image")
        yield from by_url(part.get("file_url"), "file")
        if reach == "elsewhere" and part.get("file_id"):
            yield bound("file_id")


def embeddings(body: Document, reach: Reach) -> Found:
    yield incomparable("embeddings of two models are not comparable")


def completions(body: Document, reach: Reach) -> Found:
    count = body.get("best_of")
    if isinstance(count, (int, float)) and count > 1:
        yield incomparable(f"best_of={count}")
    if len(as_list(body.get("prompt"))) > 1:
        yield incomparable("several prompts in one call")


def moderations(body: Document, reach: Reach) -> Found:
    for part in as_documents(body.get("input")):
        image = part.get("image_url")
        yield from by_url(as_document(image).get("url") or image, "image")

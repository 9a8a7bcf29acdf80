"""What in Anthropic's messages must not be asked again elsewhere: its tools, its files, its signatures."""

from proxy.dialects.reading import Document, as_document, as_documents, as_text
from proxy.eligibility.marks import Found, Reach, bound, by_url, tool_of

_BLOCKS = ("", "text", "image", "document", "tool_use", "tool_result", "search_result")
_THINKING = ("thinking", "redacted_thinking")


def messages(body: Document, reach: Reach) -> Found:
    for tool in as_documents(body.get("tools")):
        kind = as_text(tool.get("type"))
        if not kind.startswith("text_editor_") and (refused := tool_of(kind, ("custom",), ("web_search", "web_fetch"))):
            yield refused
    for message in [*as_documents(body.get("messages")), Document(content=body.get("system"))]:
        blocks = as_documents(message.get("content"))
        results = [block for block in blocks if as_text(block.get("type")) == "tool_result"]
        for block in [*blocks, *(inner for result in results for inner in as_documents(result.get("content")))]:
            yield from _block(block, reach)


def _block(block: Document, reach: Reach) -> Found:
    kind = as_text(block.get("type"))
    if kind in _THINKING and reach != "model":
        yield bound("thinking signature")
    elif kind not in _BLOCKS and kind not in _THINKING and reach != "model":
        yield bound(f"content {kind[:60]}")
    source = as_document(block.get("source"))
    yield from by_url(source.get("url"), kind or "content")
    if reach == "elsewhere" and (source.get("file_id") or block.get("file_id")):
        yield bound("file_id")

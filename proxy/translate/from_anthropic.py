"""Anthropic Messages requests as forms. Source: Anthropic API reference (messages)."""

from proxy.dialects.reading import Document, as_count, as_document, as_documents, as_text, is_list
from proxy.translate.form import Bound, Choice, Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse, Turn, merged
from proxy.translate.from_openai import number, texts

KNOWN = frozenset(
    (
        "model", "system", "messages", "tools", "tool_choice", "max_tokens", "temperature", "top_p", "stop_sequences", "stream", "metadata",
        "service_tier", "output_format", "output_config", "cache_control",
    )
)  # fmt: skip


def form_of(body: Document) -> Form:
    """Raises Bound."""
    losses = Losses()
    turns = [_turn(message) for message in as_documents(body.get("messages"))]
    tools = tuple(_tool(tool) for tool in as_documents(body.get("tools")))
    losses.rest(body, KNOWN)
    choice = as_document(body.get("tool_choice"))
    wanted = as_document(body.get("output_format")) or as_document(as_document(body.get("output_config")).get("format"))
    return Form(
        system=_plain(body.get("system")),
        turns=merged(turns),
        tools=tools,
        choice=_choice(choice, tools),
        parallel=False if choice.get("disable_parallel_tool_use") is True else None,
        max_tokens=as_count(body.get("max_tokens")),
        temperature=number(body.get("temperature")),
        top_p=number(body.get("top_p")),
        stop=texts(body.get("stop_sequences")),
        stream=body.get("stream") is True,
        schema=as_document(wanted.get("schema")) if wanted else None,
        lost=tuple(losses.told),
    )


def _plain(content: object) -> str:
    return content if isinstance(content, str) else "\n\n".join(as_text(block.get("text")) for block in as_documents(content))


def _turn(message: Document) -> Turn:
    role = as_text(message.get("role"))
    return Turn(role="assistant" if role == "assistant" else "user", parts=tuple(_parts(message.get("content"))))


def _parts(content: object) -> list[Part]:
    if not is_list(content):
        return [Text(text=as_text(content))] if as_text(content) else []
    return [_part(block) for block in as_documents(content)]


def _part(block: Document) -> Part:
    kind = as_text(block.get("type"))
    if kind == "text":
        return Text(text=as_text(block.get("text")))
    if kind in ("image", "document"):
        return _media(kind, block)
    if kind == "tool_use":
        return ToolUse(id=as_text(block.get("id")), name=as_text(block.get("name")), arguments=as_document(block.get("input")))
    if kind == "tool_result":
        inner = tuple(part for part in _parts(block.get("content")) if isinstance(part, (Text, Media)))
        return ToolResult(id=as_text(block.get("tool_use_id")), name="", parts=inner, failed=block.get("is_error") is True)
    raise Bound("thinking signature" if "thinking" in kind else f"content {kind[:60]}")


def _media(kind: str, block: Document) -> Part:
    source = as_document(block.get("source"))
    if source.get("type") == "text":
        return Text(text=as_text(source.get("data")))
    if source.get("type") != "base64":
        raise Bound(f"{kind} by {as_text(source.get('type'))[:20] or 'reference'}")
    mime, data = as_text(source.get("media_type")), as_text(source.get("data"))
    return Media(kind="image" if kind == "image" else "document", mime=mime, data=data, name=as_text(block.get("title")))


def _tool(tool: Document) -> Tool:
    if tool.get("type", "custom") != "custom":
        raise Bound(f"tool {as_text(tool.get('type'))[:60]}")
    schema = as_document(tool.get("input_schema"))
    return Tool(name=as_text(tool.get("name")), description=as_text(tool.get("description")), schema=schema)


def _choice(said: Document, tools: tuple[Tool, ...]) -> Choice | Tool | None:
    kind = as_text(said.get("type"))
    if kind == "tool":
        return next((tool for tool in tools if tool.name == said.get("name")), None)
    return kind if kind in ("auto", "any", "none") else None  # type: ignore[return-value]

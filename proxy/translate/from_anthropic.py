"""Anthropic Messages requests as forms. Source: Anthropic API reference (messages)."""

from proxy.dialects.reading import Document, as_text, is_list
from proxy.translate.form import Bound, Choice, Form, Losses, Part, Shape, Text, Tool, ToolUse, Turn, script
from proxy.translate.from_openai import result_of
from proxy.translate.values import count, document, documents, flag, media, number, said, texts

TAKEN = frozenset(
    (
        "model", "system", "messages", "tools", "tool_choice", "max_tokens", "temperature", "top_p", "stop_sequences", "stream",
        "output_format", "output_config",
    )
)  # fmt: skip
BINDING = ("mcp_servers", "container", "context_management", "fallbacks")
_CHOICES: dict[str, Choice] = {"auto": "auto", "any": "any", "none": "none"}


def form_of(body: Document, losses: Losses) -> Form:
    """Raises Bound."""
    for name in BINDING:
        if body.get(name):
            raise Bound(name)
    messages = documents(body.get("messages"), "messages")
    tools = tuple(_tool(tool, losses) for tool in documents(body.get("tools"), "tools"))
    choice = document(body.get("tool_choice"), "tool_choice")
    losses.rest(body, TAKEN)
    single = "disable_parallel_tool_use"
    losses.rest(choice, ("type", single, *(("name",) if choice.get("type") == "tool" else ())), "tool_choice ")
    return Form(
        system=_system(body.get("system"), messages, losses),
        turns=script([_turn(message, losses) for message in messages if message.get("role") != "system"], losses),
        tools=tools,
        choice=_choice(choice, tools),
        parallel=False if flag(losses, single, choice.get(single)) else None,
        max_tokens=count(losses, "max_tokens", body.get("max_tokens")),
        temperature=number(losses, "temperature", body.get("temperature")),
        top_p=number(losses, "top_p", body.get("top_p")),
        stop=texts(losses, "stop_sequences", body.get("stop_sequences")),
        stream=flag(losses, "stream", body.get("stream")) is True,
        shape=_shape(body, losses),
    )


def _system(content: object, messages: list[Document], losses: Losses) -> str:
    later = [message.get("content") for message in messages if message.get("role") == "system"]
    if later:
        losses.note("a later system message moved to the front")
    parts = [part for each in (content, *later) for part in _parts(each, losses)]
    if not all(isinstance(part, Text) for part in parts):
        raise Bound("media in a system message")
    return "\n\n".join(part.text for part in parts if isinstance(part, Text) and part.text)


def _turn(message: Document, losses: Losses) -> Turn:
    role = as_text(message.get("role"))
    losses.rest(message, ("role", "content"), "message ")
    if role not in ("user", "assistant"):
        raise Bound(f"message role {role[:40] or 'without a name'}")
    return Turn(role="assistant" if role == "assistant" else "user", parts=tuple(_parts(message.get("content"), losses)))


def _parts(content: object, losses: Losses) -> list[Part]:
    if not is_list(content):
        return [Text(text=text)] if (text := said(content, "content")) else []
    return [_part(block, losses) for block in documents(content, "content")]


def _part(block: Document, losses: Losses) -> Part:
    kind = as_text(block.get("type"))
    where = f"{kind[:40]} "
    if kind == "text":
        losses.rest(block, ("type", "text"), where)
        return Text(text=said(block.get("text"), "content text"))
    if kind in ("image", "document"):
        losses.rest(block, ("type", "source", "title"), where)
        return _media(kind, block, losses)
    if kind == "tool_use":
        losses.rest(block, ("type", "id", "name", "input"), where)
        arguments = document(block.get("input"), "tool arguments")
        return ToolUse(id=said(block.get("id"), "tool call id"), name=said(block.get("name"), "tool name"), arguments=arguments)
    if kind == "tool_result":
        losses.rest(block, ("type", "tool_use_id", "content", "is_error"), where)
        parts = _parts(block.get("content"), losses)
        return result_of(
            said(block.get("tool_use_id"), "tool_use_id"), "", parts, failed=flag(losses, "is_error", block.get("is_error")) is True
        )
    raise Bound("thinking signature" if "thinking" in kind else f"content {kind[:60] or 'without a type'}")


def _media(kind: str, block: Document, losses: Losses) -> Part:
    source, title = document(block.get("source"), "source"), said(block.get("title"), "title")
    losses.rest(source, ("type", "media_type", "data", "file_id", "url", "content"), f"{kind} ")
    if source.get("type") == "text":
        losses.note("a document of text sent as text")
        return Text(text=f"{title}\n\n{said(source.get('data'), 'document')}" if title else said(source.get("data"), "document"))
    if source.get("type") != "base64":
        raise Bound(f"{kind} by {as_text(source.get('type'))[:20] or 'reference'}")
    return media(said(source.get("media_type"), "media_type"), said(source.get("data"), "data"), losses, title)


def _tool(tool: Document, losses: Losses) -> Tool:
    if tool.get("type") not in (None, "custom"):
        raise Bound(f"tool {as_text(tool.get('type'))[:60]}")
    losses.rest(tool, ("type", "name", "description", "input_schema", "strict"), "tool ")
    name = said(tool.get("name"), "tool name")
    if not name:
        raise Bound("tool without a name")
    return Tool(
        name=name,
        description=said(tool.get("description"), "tool description"),
        schema=document(tool.get("input_schema"), "tool input_schema"),
        strict=flag(losses, "tool strict", tool.get("strict")),
    )


def _choice(wanted: Document, tools: tuple[Tool, ...]) -> Choice | Tool | None:
    kind = as_text(wanted.get("type"))
    found = next((tool for tool in tools if tool.name == wanted.get("name")), None) if kind == "tool" else _CHOICES.get(kind)
    if wanted and found is None:
        raise Bound(f"tool_choice {kind[:40] or 'of another form'}")
    return found


def _shape(body: Document, losses: Losses) -> Shape | None:
    config = document(body.get("output_config"), "output_config")
    losses.rest(config, ("format",), "output_config.")
    wanted = document(config.get("format") or body.get("output_format"), "output_format")
    if not wanted:
        return None
    if wanted.get("type") != "json_schema":
        raise Bound(f"output_format {as_text(wanted.get('type'))[:40]}")
    losses.rest(wanted, ("type", "schema"), "output_format ")
    return Shape(schema=document(wanted.get("schema"), "output_format schema"))

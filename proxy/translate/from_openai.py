"""OpenAI chat requests as forms, the old `functions` among them. Source: OpenAI API reference (create chat completion)."""

from proxy.dialects.reading import Document, as_document, as_text, is_document, is_list
from proxy.translate.form import Bound, Choice, Form, Losses, Media, Part, Shape, Text, Tool, ToolResult, ToolUse, Turn, script
from proxy.translate.values import arguments_of, count, document, documents, flag, media_at, number, said, texts

TAKEN = frozenset(
    (
        "model", "messages", "tools", "functions", "tool_choice", "function_call", "parallel_tool_calls", "max_tokens",
        "max_completion_tokens", "temperature", "top_p", "stop", "stream", "stream_options", "response_format", "n", "modalities",
    )
)  # fmt: skip
BINDING = ("audio", "web_search_options", "search_parameters", "plugins", "conversation", "prompt", "documents", "extra_body")
"""Without it the question is another one."""
_CHOICES: dict[str, Choice] = {"auto": "auto", "required": "any", "none": "none"}
_SYSTEM = ("system", "developer")


def form_of(body: Document, losses: Losses) -> Form:
    """Raises Bound."""
    bind(body, BINDING)
    messages = documents(body.get("messages"), "messages")
    tools = tuple(tool_of(tool, losses) for tool in documents(body.get("tools"), "tools"))
    tools += tuple(_function(each, losses) for each in documents(body.get("functions"), "functions"))
    losses.rest(body, TAKEN if body.get("store") else TAKEN | {"store"})
    limit = count(losses, "max_completion_tokens", body.get("max_completion_tokens"))
    shape = document(body.get("response_format"), "response_format")
    named = as_document(shape.get("json_schema"))
    return Form(
        system=system_of(messages, losses),
        turns=script([_turn(message, losses) for message in messages if message.get("role") not in _SYSTEM], losses),
        tools=tools,
        choice=choice_of(body.get("tool_choice") or body.get("function_call"), tools, losses),
        parallel=flag(losses, "parallel_tool_calls", body.get("parallel_tool_calls")),
        max_tokens=count(losses, "max_tokens", body.get("max_tokens")) if limit is None else limit,
        temperature=number(losses, "temperature", body.get("temperature")),
        top_p=number(losses, "top_p", body.get("top_p")),
        stop=texts(losses, "stop", body.get("stop")),
        stream=flag(losses, "stream", body.get("stream")) is True,
        shape=shape_of(as_text(shape.get("type")), named, losses),
    )


def bind(body: Document, names: tuple[str, ...]) -> None:
    for name in names:
        if body.get(name):
            raise Bound(name)
    wanted = body.get("n")
    if isinstance(wanted, (int, float)) and wanted > 1:
        raise Bound(f"n={wanted}")
    if body.get("modalities") not in (None, [], ["text"]):
        raise Bound("audio or image output")


def system_of(messages: list[Document], losses: Losses) -> str:
    """What the system says, all of it in front, where the others have it."""
    found: list[str] = []
    talked = False
    for message in messages:
        if message.get("role") not in _SYSTEM:
            talked = True
            continue
        if talked:
            losses.note("a later system message moved to the front")
        losses.rest(message, ("role", "content", "type"), "message ")
        parts = parts_of(message.get("content"), losses)
        if not all(isinstance(part, Text) for part in parts):
            raise Bound("media in a system message")
        found.append("\n".join(part.text for part in parts if isinstance(part, Text)))
    return "\n\n".join(text for text in found if text)


def _turn(message: Document, losses: Losses) -> Turn:
    role = as_text(message.get("role"))
    taken = ("role", "content", "refusal", "tool_calls", "tool_call_id", "function_call", "audio")
    losses.rest(message, (*taken, "name") if role in ("tool", "function") else taken, "message ")
    if message.get("audio"):
        raise Bound("audio of an earlier answer")
    parts = parts_of(message.get("content"), losses)
    if role in ("tool", "function"):
        return Turn(role="user", parts=(result_of(said(message.get("tool_call_id"), "tool_call_id"), as_text(message.get("name")), parts),))
    if role not in ("user", "assistant"):
        raise Bound(f"message role {role[:40] or 'without a name'}")
    if refusal := said(message.get("refusal"), "refusal"):
        losses.note("an earlier refusal sent as a text")
        parts.append(Text(text=refusal))
    parts += [_use(call, losses) for call in documents(message.get("tool_calls"), "tool_calls")]
    if legacy := document(message.get("function_call"), "function_call"):
        parts.append(_called("", legacy, losses))
    return Turn(role="assistant" if role == "assistant" else "user", parts=tuple(parts))


def result_of(id: str, name: str, parts: list[Part], *, failed: bool = False) -> ToolResult:
    kept = tuple(part for part in parts if isinstance(part, (Text, Media)))
    if len(kept) < len(parts):
        raise Bound("a tool result of another form")
    return ToolResult(id=id, name=name, parts=kept, failed=failed)


def parts_of(content: object, losses: Losses) -> list[Part]:
    if content is None or isinstance(content, str):
        return [Text(text=content)] if content else []
    found = content if is_list(content) else [content]
    return [Text(text=part) if isinstance(part, str) else _part(document(part, "content"), losses) for part in found]


def _part(part: Document, losses: Losses) -> Part:
    """A part of chat's or of Responses'."""
    kind = as_text(part.get("type"))
    where = f"{kind[:40]} "
    if kind in ("text", "input_text", "output_text", "refusal"):
        key = "refusal" if kind == "refusal" else "text"
        losses.rest(part, ("type", key), where)
        return Text(text=said(part.get(key), "content text"))
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        held = as_document(image) if is_document(image) else part
        for each in [part] if held is part else [part, held]:
            losses.rest(each, ("type", "image_url", "url", *(("detail",) if each.get("detail") == "auto" else ())), where)
        return media_at("image", as_text(held.get("url")) or as_text(image), losses)
    if kind in ("file", "input_file"):
        held = as_document(part.get("file")) or part
        if data := as_text(held.get("file_data")):
            losses.rest(held, ("type", "file_data", "filename"), where)
            return media_at("file", data, losses, as_text(held.get("filename")))
        raise Bound("file by reference")
    raise Bound(f"content {kind[:60] or 'without a type'}")


def _use(call: Document, losses: Losses) -> ToolUse:
    losses.rest(call, ("id", "type", "function", "custom", "index"), "tool call ")
    function = as_document(call.get("function"))
    if not function:
        raise Bound(f"tool call {as_text(call.get('type'))[:60]}")
    return _called(said(call.get("id"), "tool call id"), function, losses)


def _called(id: str, function: Document, losses: Losses) -> ToolUse:
    losses.rest(function, ("name", "arguments"), "tool call ")
    return ToolUse(id=id, name=said(function.get("name"), "tool name"), arguments=arguments_of(function.get("arguments"), losses))


def tool_of(tool: Document, losses: Losses) -> Tool:
    """Chat has a function inside, Responses has it flat."""
    if tool.get("type", "function") != "function":
        raise Bound(f"tool {as_text(tool.get('type'))[:60]}")
    if not is_document(tool.get("function")):
        return _function(tool, losses)
    losses.rest(tool, ("type", "function"), "tool ")
    return _function(as_document(tool.get("function")), losses)


def _function(found: Document, losses: Losses) -> Tool:
    losses.rest(found, ("type", "name", "description", "parameters", "strict"), "tool ")
    name = said(found.get("name"), "tool name")
    if not name:
        raise Bound("tool without a name")
    return Tool(
        name=name,
        description=said(found.get("description"), "tool description"),
        schema=document(found.get("parameters"), "tool parameters"),
        strict=flag(losses, "tool strict", found.get("strict")),
    )


def choice_of(wanted: object, tools: tuple[Tool, ...], losses: Losses) -> Choice | Tool | None:
    if is_document(wanted):
        name = as_text(as_document(wanted.get("function")).get("name")) or as_text(wanted.get("name"))
        found = next((tool for tool in tools if tool.name == name), None)
        if found is None:
            raise Bound(f"tool_choice {as_text(wanted.get('type'))[:40] or 'of another form'}")
        return found
    choice = _CHOICES.get(as_text(wanted))
    if wanted is not None and choice is None:
        losses.lose("tool_choice")
    return choice


def shape_of(kind: str, found: Document, losses: Losses) -> Shape | None:
    """`found` is what names the schema: `json_schema` in chat, `text.format` in Responses."""
    if kind in ("", "text"):
        return None
    if kind == "json_object":
        return Shape(schema={})
    if kind != "json_schema":
        raise Bound(f"response_format {kind[:40]}")
    losses.rest(found, ("type", "name", "schema", "strict"), "response_format ")
    return Shape(
        schema=document(found.get("schema"), "response_format schema"),
        name=as_text(found.get("name")) or "answer",
        strict=flag(losses, "response_format strict", found.get("strict")),
    )

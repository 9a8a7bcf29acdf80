"""OpenAI chat requests as forms. Source: OpenAI API reference (create chat completion)."""

import re

from proxy.dialects.reading import Document, as_count, as_document, as_documents, as_list, as_text, is_document, is_list, read_document
from proxy.exchange import Unreadable
from proxy.translate.form import Bound, Choice, Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse, Turn, merged

KNOWN = frozenset(
    (
        "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "temperature", "top_p",
        "stop", "stream", "stream_options", "response_format", "n", "store", "metadata", "user", "safety_identifier", "prompt_cache_key",
        "service_tier", "modalities",
    )
)  # fmt: skip
"""Taken, or of no meaning for another provider."""
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[^,;]*)*;base64,(.*)\Z", re.DOTALL)


def form_of(body: Document) -> Form:
    """Raises Bound."""
    losses, system = Losses(), list[str]()
    turns = [turn for message in as_documents(body.get("messages")) if (turn := _turn(message, system, losses)) is not None]
    tools = tuple(_tool(tool) for tool in as_documents(body.get("tools")))
    losses.rest(body, KNOWN)
    limit = as_count(body.get("max_completion_tokens"))
    return Form(
        system="\n\n".join(text for text in system if text),
        turns=merged(turns),
        tools=tools,
        choice=_choice(body.get("tool_choice"), tools),
        parallel=body["parallel_tool_calls"] is True if isinstance(body.get("parallel_tool_calls"), bool) else None,
        max_tokens=limit if limit is not None else as_count(body.get("max_tokens")),
        temperature=number(body.get("temperature")),
        top_p=number(body.get("top_p")),
        stop=texts(body.get("stop")),
        stream=body.get("stream") is True,
        schema=_schema(as_document(body.get("response_format"))),
        lost=tuple(losses.told),
    )


def number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def texts(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(each for each in as_list(value) if isinstance(each, str))


def arguments_of(text: object) -> dict[str, object]:
    """What a model wrote as arguments; anything but an object stays readable under one key."""
    if is_document(text):
        return text
    found = read_document(as_text(text).encode("utf-8", "replace")) if as_text(text).strip() else {}
    return {"arguments": as_text(text)} if isinstance(found, Unreadable) else found


def _turn(message: Document, system: list[str], losses: Losses) -> Turn | None:
    role, content = as_text(message.get("role")), message.get("content")
    losses.rest(message, frozenset(("role", "content", "tool_calls", "tool_call_id", "refusal", "function_call")), "message ")
    if role in ("system", "developer"):
        system.append("\n".join(part.text for part in _parts(content) if isinstance(part, Text)))
        return None
    if role in ("tool", "function"):
        parts = tuple(part for part in _parts(content) if isinstance(part, (Text, Media)))
        result = ToolResult(id=as_text(message.get("tool_call_id")), name=as_text(message.get("name")), parts=parts)
        return Turn(role="user", parts=(result,))
    parts = [*_parts(content)]
    if role == "assistant":
        parts += [Text(text=refusal)] if (refusal := as_text(message.get("refusal"))) else []
        parts += [_use(call) for call in as_documents(message.get("tool_calls"))]
        if message.get("function_call"):
            raise Bound("message function_call")
    return Turn(role="assistant" if role == "assistant" else "user", parts=tuple(parts))


def _parts(content: object) -> list[Part]:
    if isinstance(content, str):
        return [Text(text=content)] if content else []
    found = content if is_list(content) else []
    return [_part(part if is_document(part) else {"type": "text", "text": part}) for part in found]


def _part(part: Document) -> Part:
    kind = as_text(part.get("type"))
    if kind in ("text", "input_text", "output_text", "refusal"):
        return Text(text=as_text(part.get("text")) or as_text(part.get("refusal")))
    if kind == "image_url":
        image = part.get("image_url")
        return media("image", as_text(as_document(image).get("url")) or as_text(image))
    if kind == "file" and (data := as_text(as_document(part.get("file")).get("file_data"))):
        return media("document", data, as_text(as_document(part.get("file")).get("filename")))
    raise Bound(f"content {kind[:60] or 'without a type'}")


def media(kind: str, address: str, name: str = "") -> Media:
    """What a data: URL carries. Any other address would be fetched by someone else."""
    found = _DATA.match(address)
    if found is None:
        raise Bound(f"{kind} by URL")
    if kind == "image":
        return Media(kind="image", mime=found[1] or "image/png", data=found[2])
    return Media(kind="document", mime=found[1] or "application/pdf", data=found[2], name=name)


def _use(call: Document) -> ToolUse:
    function = as_document(call.get("function"))
    if not function:
        raise Bound(f"tool call {as_text(call.get('type'))[:60]}")
    name = as_text(function.get("name"))
    return ToolUse(id=as_text(call.get("id")) or name, name=name, arguments=arguments_of(function.get("arguments")))


def _tool(tool: Document) -> Tool:
    function = as_document(tool.get("function"))
    if tool.get("type", "function") != "function" or not function:
        raise Bound(f"tool {as_text(tool.get('type'))[:60]}")
    return Tool(
        name=as_text(function.get("name")), description=as_text(function.get("description")), schema=as_document(function.get("parameters"))
    )


def _choice(said: object, tools: tuple[Tool, ...]) -> Choice | Tool | None:
    if is_document(said):
        name = as_text(as_document(said.get("function")).get("name"))
        found = next((tool for tool in tools if tool.name == name), None)
        if found is None:
            raise Bound("tool_choice of another kind")
        return found
    return {"auto": "auto", "required": "any", "none": "none"}.get(as_text(said))  # type: ignore[return-value]


def _schema(said: Document) -> dict[str, object] | None:
    kind = as_text(said.get("type"))
    if kind == "json_schema":
        return as_document(as_document(said.get("json_schema")).get("schema"))
    return {} if kind == "json_object" else None

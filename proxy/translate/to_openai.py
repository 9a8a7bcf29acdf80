"""Forms as OpenAI chat requests. Source: OpenAI API reference (create chat completion)."""

from proxy.dialects.reading import Document, as_json
from proxy.translate.form import Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse, Turn


def request_of(form: Form, model: str, losses: Losses) -> tuple[str, Document]:
    """(path, body)"""
    messages: list[object] = [{"role": "system", "content": form.system}] if form.system else []
    for turn in form.turns:
        messages += _messages(turn, losses)
    body: Document = {"model": model, "messages": messages}
    if form.tools:
        body["tools"] = [{"type": "function", "function": _function(tool)} for tool in form.tools]
    if form.choice is not None and form.tools:
        named = {"type": "function", "function": {"name": form.choice.name}} if isinstance(form.choice, Tool) else ""
        body["tool_choice"] = named or {"auto": "auto", "any": "required", "none": "none"}[str(form.choice)]
    if form.parallel is not None and form.tools:
        body["parallel_tool_calls"] = form.parallel
    body |= {
        name: value
        for name, value in (("max_tokens", form.max_tokens), ("temperature", form.temperature), ("top_p", form.top_p))
        if value is not None
    }
    if form.stop:
        body["stop"] = list(form.stop)
    if form.schema is not None:
        shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": form.schema}}
        body["response_format"] = shape if form.schema else {"type": "json_object"}
    if form.stream:
        body["stream"] = True
    return "/v1/chat/completions", body


def _function(tool: Tool) -> Document:
    return {"name": tool.name, "description": tool.description, "parameters": tool.schema or {"type": "object", "properties": {}}}


def _messages(turn: Turn, losses: Losses) -> list[object]:
    """Tool results are messages of their own and come first: they answer the calls just before them."""
    made: list[object] = []
    media: list[Part] = []
    for result in (part for part in turn.parts if isinstance(part, ToolResult)):
        text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
        media += [part for part in result.parts if isinstance(part, Media)]
        made.append({"role": "tool", "tool_call_id": result.id, "content": f"Error: {text}" if result.failed else text})
    if media:
        losses.key("images of tool results follow in a user's message")
    rest = [*(part for part in turn.parts if not isinstance(part, ToolResult)), *media]
    if turn.role == "assistant":
        made.append(_assistant(rest))
    elif rest:
        made.append({"role": "user", "content": _content(rest)})
    return made


def _assistant(parts: list[Part]) -> Document:
    text = "".join(part.text for part in parts if isinstance(part, Text))
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": as_json(part.arguments) or "{}"}}
        for part in parts
        if isinstance(part, ToolUse)
    ]
    made: Document = {"role": "assistant", "content": text or None}
    return made | {"tool_calls": calls} if calls else made


def _content(parts: list[Part]) -> object:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_shown(part) for part in parts]


def _shown(part: Part) -> Document:
    if isinstance(part, Media):
        address = f"data:{part.mime};base64,{part.data}"
        if part.kind == "image":
            return {"type": "image_url", "image_url": {"url": address}}
        return {"type": "file", "file": {"filename": part.name or "document", "file_data": address}}
    return {"type": "text", "text": part.text if isinstance(part, Text) else ""}

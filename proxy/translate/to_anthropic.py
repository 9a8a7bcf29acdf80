"""Forms as Anthropic Messages requests. Source: Anthropic API reference (messages, structured outputs)."""

from proxy.dialects.reading import Document
from proxy.translate.form import Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse

MAX_TOKENS = 4096
"""Anthropic wants a limit; a call that set none gets this one, and its rewrites say so."""


def request_of(form: Form, model: str, losses: Losses) -> tuple[str, Document]:
    """(path, body)"""
    messages = [{"role": turn.role, "content": [_block(part) for part in turn.parts]} for turn in form.turns]
    body: Document = {"model": model, "max_tokens": MAX_TOKENS if form.max_tokens is None else form.max_tokens, "messages": messages}
    if form.max_tokens is None:
        losses.key(f"no limit of tokens: {MAX_TOKENS} set")
    if form.system:
        body["system"] = form.system
    if form.tools:
        body["tools"] = [_tool(tool) for tool in form.tools]
        choice = _choice(form)
        if choice:
            body["tool_choice"] = choice
    if form.temperature is not None:
        body["temperature"] = min(form.temperature, 1.0)
        if form.temperature > 1:
            losses.key(f"temperature {form.temperature:g} became 1")
    if form.top_p is not None:
        body["top_p"] = form.top_p
    if form.stop:
        body["stop_sequences"] = list(form.stop)
    if form.schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": form.schema}}
    elif form.schema is not None:
        losses.key("response_format json_object")
    if form.stream:
        body["stream"] = True
    return "/v1/messages", body


def _tool(tool: Tool) -> Document:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.schema or {"type": "object", "properties": {}}}


def _choice(form: Form) -> Document:
    made: Document = {}
    if form.choice is not None:
        made = {"type": "tool", "name": form.choice.name} if isinstance(form.choice, Tool) else {"type": form.choice}
    if form.parallel is False and form.choice != "none":
        made = {"type": "auto", **made, "disable_parallel_tool_use": True}
    return made


def _block(part: Part) -> Document:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Media):
        return {"type": part.kind, "source": {"type": "base64", "media_type": part.mime, "data": part.data}}
    if isinstance(part, ToolUse):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}
    return _result(part)


def _result(part: ToolResult) -> Document:
    made: Document = {"type": "tool_result", "tool_use_id": part.id, "content": [_block(each) for each in part.parts]}
    return made | ({"is_error": True} if part.failed else {})

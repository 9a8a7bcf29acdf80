"""Forms as Anthropic Messages requests. Source: Anthropic API reference (messages, vision, structured outputs)."""

from proxy.dialects.reading import Document, is_document, is_list
from proxy.translate.form import Bound, Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse, Turn

MAX_TOKENS = 8192
"""Anthropic wants a limit; a call that set none gets this one, every model takes it, and the rewrites say so."""
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_NO_KEYWORDS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip
"""Of JSON Schema what structured outputs refuse."""


def request_of(form: Form, model: str, losses: Losses) -> tuple[str, Document]:
    """(path, body)"""
    messages = [{"role": turn.role, "content": [_block(part, turn, losses) for part in _results_first(turn)]} for turn in form.turns]
    body: Document = {"model": model, "max_tokens": MAX_TOKENS if form.max_tokens is None else form.max_tokens, "messages": messages}
    if form.max_tokens is None:
        losses.note(f"max_tokens {MAX_TOKENS}: the call set none")
    if form.system:
        body["system"] = form.system
    _settings(form, body, losses)
    if form.tools:
        body["tools"] = [_tool(tool, losses) for tool in form.tools]
        if choice := _choice(form):
            body["tool_choice"] = choice
    if form.stream:
        body["stream"] = True
    return "/v1/messages", body


def _results_first(turn: Turn) -> list[Part]:
    """Anthropic refuses a text before the results that answer the turn before."""
    return sorted(turn.parts, key=lambda part: not isinstance(part, ToolResult))


def _settings(form: Form, body: Document, losses: Losses) -> None:
    if form.temperature is not None:
        body["temperature"] = min(form.temperature, 1.0)
        if form.temperature > 1:
            losses.note(f"temperature {form.temperature:g} → 1")
    if form.top_p is not None:
        body["top_p"] = form.top_p
    stop = [text for text in form.stop if text.strip()]
    if len(stop) < len(form.stop):
        losses.lose("stop sequences of blanks")
    if stop:
        body["stop_sequences"] = stop
    if form.shape is None:
        return
    schema = _closed(form.shape.schema, losses) if form.shape.schema else None
    if schema is None:
        losses.lose("response_format json_object" if not form.shape.schema else "response_format: Anthropic takes no open schema")
    else:
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}


def _closed(schema: Document, losses: Losses) -> Document | None:
    """The schema as structured outputs take it: every object closed. None: it is meant to be open."""
    made: Document = {}
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties", False) is not False:
            return None
        made["additionalProperties"] = False
    for name, value in schema.items():
        if name in _NO_KEYWORDS and not is_document(value):
            losses.lose(f"schema {name}")
            continue
        inner = _closed_all(value, losses) if name in ("properties", "$defs", "definitions") else _closed_any(value, losses)
        if inner is None and value is not None:
            return None
        made[name] = inner
    return made


def _closed_all(value: object, losses: Losses) -> object:
    """Names → schemas."""
    found = {name: _closed_any(each, losses) for name, each in value.items()} if is_document(value) else value
    return None if is_document(found) and None in found.values() else found


def _closed_any(value: object, losses: Losses) -> object:
    if is_document(value):
        return _closed(value, losses)
    if not is_list(value):
        return value
    found = [_closed(each, losses) if is_document(each) else each for each in value]
    return None if any(each is None and had is not None for each, had in zip(found, value, strict=True)) else found


def _tool(tool: Tool, losses: Losses) -> Document:
    if tool.strict:
        losses.lose("tool strict")
    made: Document = {"name": tool.name, "description": tool.description} if tool.description else {"name": tool.name}
    return made | {"input_schema": {"type": "object", **(tool.schema or {"properties": {}})}}


def _choice(form: Form) -> Document:
    made: Document = {}
    if form.choice is not None:
        made = {"type": "tool", "name": form.choice.name} if isinstance(form.choice, Tool) else {"type": form.choice}
    if form.parallel is False and form.choice != "none":
        made = {"type": "auto", **made, "disable_parallel_tool_use": True}
    return made


def _block(part: Part, turn: Turn, losses: Losses) -> Document:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, ToolUse):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}
    if isinstance(part, ToolResult):
        return _result(part, turn, losses)
    if turn.role == "assistant":
        raise Bound("media in an answer")
    if part.kind == "image" and part.mime not in IMAGES:
        raise Bound(f"content {part.mime[:60]}")
    made: Document = {"type": part.kind, "source": {"type": "base64", "media_type": part.mime, "data": part.data}}
    if part.name and part.kind == "image":
        losses.lose("name of an image")
    return made | {"title": part.name} if part.name and part.kind == "document" else made


def _result(part: ToolResult, turn: Turn, losses: Losses) -> Document:
    inner = [_block(each, turn, losses) for each in part.parts if isinstance(each, Media) or each.text]
    made: Document = {"type": "tool_result", "tool_use_id": part.id, "content": inner}
    return made | ({"is_error": True} if part.failed else {})

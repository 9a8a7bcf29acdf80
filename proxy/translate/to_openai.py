"""Forms as OpenAI chat requests. Source: OpenAI API reference (create chat completion)."""

import re

from proxy.dialects.reading import Document
from proxy.translate.form import Bound, Choice, Form, Losses, Media, Part, Shape, Text, Tool, ToolResult, ToolUse, Turn
from proxy.translate.values import json_text

IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
STOP_MAX = 4
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_NEW_LIMIT = re.compile(r"(?:.*/)?(?:o\d|gpt-[5-9]|chatgpt-)")
"""OpenAI's reasoning models refuse `max_tokens`; many who speak like OpenAI refuse `max_completion_tokens`."""


def request_of(form: Form, model: str, losses: Losses) -> tuple[str, Document]:
    """(path, body)"""
    messages: list[object] = [{"role": "system", "content": form.system}] if form.system else []
    for turn in form.turns:
        messages += _messages(turn, losses)
    body: Document = {"model": model, "messages": messages}
    if form.tools:
        body["tools"] = [{"type": "function", "function": _function(tool)} for tool in form.tools]
        if form.choice is not None:
            body["tool_choice"] = _choice(form.choice)
        if form.parallel is not None:
            body["parallel_tool_calls"] = form.parallel
    limit = "max_completion_tokens" if _NEW_LIMIT.match(model) else "max_tokens"
    settings = ((limit, form.max_tokens), ("temperature", form.temperature), ("top_p", form.top_p))
    body |= {name: value for name, value in settings if value is not None}
    if form.stop:
        body["stop"] = list(form.stop[:STOP_MAX])
        if len(form.stop) > STOP_MAX:
            losses.lose(f"stop sequences beyond {STOP_MAX}")
    if form.shape is not None:
        body["response_format"] = _format(form.shape)
    if form.stream:
        body["stream"] = True
    return "/v1/chat/completions", body


def _choice(choice: Choice | Tool) -> object:
    return {"type": "function", "function": {"name": choice.name}} if isinstance(choice, Tool) else _CHOICES[choice]


def _function(tool: Tool) -> Document:
    made: Document = {"name": tool.name}
    if tool.description:
        made["description"] = tool.description
    made["parameters"] = tool.schema or {"type": "object", "properties": {}}
    return made | ({} if tool.strict is None else {"strict": tool.strict})


def _format(shape: Shape) -> Document:
    if not shape.schema:
        return {"type": "json_object"}
    made: Document = {"name": shape.name, "schema": shape.schema}
    return {"type": "json_schema", "json_schema": made | ({} if shape.strict is None else {"strict": shape.strict})}


def _messages(turn: Turn, losses: Losses) -> list[object]:
    """Tool results are messages of their own and come first: they answer the calls just before them."""
    if turn.role == "assistant":
        return [_assistant(turn)]
    made: list[object] = []
    media: list[Part] = []
    for result in (part for part in turn.parts if isinstance(part, ToolResult)):
        text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
        media += [part for part in result.parts if isinstance(part, Media)]
        made.append({"role": "tool", "tool_call_id": result.id, "content": f"Error: {text}" if result.failed else text})
        if result.failed:
            losses.note("a failed tool result told as a text")
    if media:
        losses.note("media of tool results sent beside them")
    rest = [*media, *(part for part in turn.parts if not isinstance(part, ToolResult))]
    if rest:
        made.append({"role": "user", "content": _content(rest, losses)})
    return made


def _assistant(turn: Turn) -> Document:
    if any(isinstance(part, Media) for part in turn.parts):
        raise Bound("media in an answer")
    text = "".join(part.text for part in turn.parts if isinstance(part, Text))
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": json_text(part.arguments)}}
        for part in turn.parts
        if isinstance(part, ToolUse)
    ]
    made: Document = {"role": "assistant", "content": text or None}
    return made | {"tool_calls": calls} if calls else made


def _content(parts: list[Part], losses: Losses) -> object:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_shown(part, losses) for part in parts]


def _shown(part: Part, losses: Losses) -> Document:
    if not isinstance(part, Media):
        return {"type": "text", "text": part.text if isinstance(part, Text) else ""}
    address = f"data:{part.mime};base64,{part.data}"
    if part.kind == "document":
        return {"type": "file", "file": {"filename": part.name or "document.pdf", "file_data": address}}
    if part.mime not in IMAGES:
        raise Bound(f"content {part.mime[:60]}")
    if part.name:
        losses.lose("name of an image")
    return {"type": "image_url", "image_url": {"url": address}}

"""Forms as Gemini generateContent requests.

Source: Gemini API reference (models.generateContent, function calling, thought signatures).
"""

import re
from urllib.parse import quote

import orjson

from proxy.dialects.reading import Document, is_document
from proxy.translate.form import Bound, Choice, Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse

IMAGES = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif")
STOP_MAX = 5
UNSIGNED = "skip_thought_signature_validator"
"""Google's documented word for calls that another model made: since Gemini 3 a call in the history without a signature is refused."""
_WANTS_SIGNATURES = re.compile(r"gemini-(?:[3-9]|\d\d)")


def request_of(form: Form, model: str, losses: Losses) -> tuple[str, Document]:
    """(path, body)"""
    signed = _WANTS_SIGNATURES.search(model) is not None
    contents = [
        {
            "role": "model" if turn.role == "assistant" else "user",
            "parts": [each for part in turn.parts for each in _parts(part, losses, signed=signed)],
        }
        for turn in form.turns
    ]
    body: Document = {"contents": contents}
    if form.system:
        body["systemInstruction"] = {"parts": [{"text": form.system}]}
    if form.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool, losses) for tool in form.tools]}]
        if form.choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _choice(form.choice)}
    if form.parallel is False:
        losses.lose("one tool call at a time")
    if settings := _settings(form, losses):
        body["generationConfig"] = settings
    verb = "streamGenerateContent?alt=sse" if form.stream else "generateContent"
    return f"/v1beta/models/{quote(model, safe='')}:{verb}", body


def _settings(form: Form, losses: Losses) -> Document:
    named = (("maxOutputTokens", form.max_tokens), ("temperature", form.temperature), ("topP", form.top_p))
    made: Document = {name: value for name, value in named if value is not None}
    if form.stop:
        made["stopSequences"] = list(form.stop[:STOP_MAX])
        if len(form.stop) > STOP_MAX:
            losses.lose(f"stop sequences beyond {STOP_MAX}")
    if form.shape is not None:
        made["responseMimeType"] = "application/json"
        if form.shape.schema:
            made["responseJsonSchema"] = form.shape.schema
    return made


def _tool(tool: Tool, losses: Losses) -> Document:
    if tool.strict:
        losses.lose("tool strict")
    made: Document = {"name": tool.name}
    if tool.description:
        made["description"] = tool.description
    return made | ({"parametersJsonSchema": tool.schema} if tool.schema else {})


def _choice(choice: Choice | Tool) -> Document:
    if isinstance(choice, Tool):
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    return {"mode": choice.upper()}


def _parts(part: Part, losses: Losses, *, signed: bool) -> list[Document]:
    if isinstance(part, Text):
        return [{"text": part.text}]
    if isinstance(part, Media):
        return [_media(part, losses)]
    if isinstance(part, ToolUse):
        call: Document = {"functionCall": {"name": part.name, "args": part.arguments}}
        if signed:
            losses.note("tool calls of another model sent unsigned")
        return [call | {"thoughtSignature": UNSIGNED} if signed else call]
    shown = [_media(each, losses) for each in part.parts if isinstance(each, Media)]
    if shown:
        losses.note("media of tool results sent beside them")
    return [_response(part), *shown]


def _media(part: Media, losses: Losses) -> Document:
    if part.kind == "image" and part.mime not in IMAGES:
        raise Bound(f"content {part.mime[:60]}")
    if part.name:
        losses.lose("name of a file")
    return {"inlineData": {"mimeType": part.mime, "data": part.data}}


def _response(part: ToolResult) -> Document:
    """Gemini knows calls by name, and wants an object for an answer."""
    text = "\n".join(each.text for each in part.parts if isinstance(each, Text))
    said: Document = {"error": text} if part.failed else _object(text) or {"result": text}
    return {"functionResponse": {"name": part.name, "response": said}}


def _object(text: str) -> Document | None:
    try:
        found: object = orjson.loads(text) if text.startswith("{") else None
    except orjson.JSONDecodeError:
        return None
    return found if is_document(found) and orjson.dumps(found) == text.encode() else None

"""Forms as Gemini generateContent requests. Source: Gemini API reference (models.generateContent, function calling)."""

from urllib.parse import quote

from proxy.dialects.reading import Document, read_document
from proxy.exchange import Unreadable
from proxy.translate.form import Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse


def request_of(form: Form, model: str, losses: Losses) -> tuple[str, Document]:
    """(path, body)"""
    names = {part.id: part.name for turn in form.turns for part in turn.parts if isinstance(part, ToolUse)}
    contents = [
        {"role": "model" if turn.role == "assistant" else "user", "parts": [each for part in turn.parts for each in _parts(part, names)]}
        for turn in form.turns
    ]
    body: Document = {"contents": contents}
    if form.system:
        body["systemInstruction"] = {"parts": [{"text": form.system}]}
    if form.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in form.tools]}]
        if form.choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _choice(form.choice)}
    if form.parallel is False:
        losses.key("parallel_tool_calls: false")
    settings = _settings(form)
    if settings:
        body["generationConfig"] = settings
    verb = "streamGenerateContent?alt=sse" if form.stream else "generateContent"
    return f"/v1beta/models/{quote(model, safe='')}:{verb}", body


def _settings(form: Form) -> Document:
    made: Document = {
        name: value
        for name, value in (("maxOutputTokens", form.max_tokens), ("temperature", form.temperature), ("topP", form.top_p))
        if value is not None
    }
    if form.stop:
        made["stopSequences"] = list(form.stop)
    if form.schema is not None:
        made["responseMimeType"] = "application/json"
        if form.schema:
            made["responseJsonSchema"] = form.schema
    return made


def _tool(tool: Tool) -> Document:
    made: Document = {"name": tool.name, "description": tool.description}
    return made | ({"parametersJsonSchema": tool.schema} if tool.schema else {})


def _choice(choice: object) -> Document:
    if isinstance(choice, Tool):
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    return {"mode": str(choice).upper()}


def _parts(part: Part, names: dict[str, str]) -> list[Document]:
    if isinstance(part, Text):
        return [{"text": part.text}]
    if isinstance(part, Media):
        return [{"inlineData": {"mimeType": part.mime, "data": part.data}}]
    if isinstance(part, ToolUse):
        return [{"functionCall": {"name": part.name, "args": part.arguments}}]
    return [_response(part, names), *(each for inner in part.parts if isinstance(inner, Media) for each in _parts(inner, names))]


def _response(part: ToolResult, names: dict[str, str]) -> Document:
    """Gemini knows calls by name, and wants an object for an answer."""
    text = "\n".join(each.text for each in part.parts if isinstance(each, Text))
    found = read_document(text.encode("utf-8", "replace")) if text.startswith("{") else None
    said: Document = {"error" if part.failed else "result": text} if found is None or isinstance(found, Unreadable) else found
    return {"functionResponse": {"name": part.name or names.get(part.id, part.id), "response": said}}

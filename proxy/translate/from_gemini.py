"""Gemini generateContent requests as forms; it reads camelCase and snake_case alike.

Source: Gemini API reference (models.generateContent, Content, Schema).
"""

from proxy.dialects.reading import Document, as_count, as_document, as_documents, as_json, as_text
from proxy.translate.form import Bound, Choice, Form, Losses, Media, Part, Text, Tool, ToolResult, ToolUse, Turn, merged
from proxy.translate.from_openai import number, texts

KNOWN = frozenset(("contents", "systeminstruction", "tools", "toolconfig", "generationconfig", "labels", "model"))
SETTINGS = frozenset(
    (
        "maxoutputtokens", "temperature", "topp", "stopsequences", "responsemimetype", "responseschema", "responsejsonschema",
        "candidatecount", "responsemodalities",
    )
)  # fmt: skip


def plain(found: Document) -> Document:
    """Keys without case and underscores."""
    return {name.replace("_", "").lower(): value for name, value in found.items()}


def form_of(body: Document, *, stream: bool) -> Form:
    """Raises Bound. Whether it streams is said by the path."""
    losses, said = Losses(), plain(body)
    settings = plain(as_document(said.get("generationconfig")))
    losses.rest(said, KNOWN)
    losses.rest(settings, SETTINGS, "generationConfig.")
    turns = [_turn(plain(content)) for content in as_documents(said.get("contents"))]
    tools = tuple(tool for each in as_documents(said.get("tools")) for tool in _tools(plain(each)))
    system = plain(as_document(said.get("systeminstruction")))
    return Form(
        system="\n".join(as_text(part.get("text")) for part in as_documents(system.get("parts"))),
        turns=merged(turns),
        tools=tools,
        choice=_choice(plain(as_document(plain(as_document(said.get("toolconfig"))).get("functioncallingconfig"))), tools),
        max_tokens=as_count(settings.get("maxoutputtokens")),
        temperature=number(settings.get("temperature")),
        top_p=number(settings.get("topp")),
        stop=texts(settings.get("stopsequences")),
        stream=stream,
        schema=_schema(settings),
        lost=tuple(losses.told),
    )


def _turn(content: Document) -> Turn:
    parts = tuple(_part(plain(part)) for part in as_documents(content.get("parts")))
    return Turn(role="assistant" if content.get("role") == "model" else "user", parts=parts)


def _part(part: Document) -> Part:
    if part.get("thoughtsignature") or part.get("thought") is True:
        raise Bound("thinking signature")
    if isinstance(part.get("text"), str):
        return Text(text=as_text(part["text"]))
    if inline := plain(as_document(part.get("inlinedata"))):
        mime = as_text(inline.get("mimetype"))
        if not mime.startswith(("image/", "application/pdf")):
            raise Bound(f"content {mime[:60]}")
        return Media(kind="image" if mime.startswith("image/") else "document", mime=mime, data=as_text(inline.get("data")))
    if call := as_document(part.get("functioncall")):
        name = as_text(call.get("name"))
        return ToolUse(id=as_text(call.get("id")) or name, name=name, arguments=as_document(call.get("args")))
    if answer := as_document(part.get("functionresponse")):
        name = as_text(answer.get("name"))
        return ToolResult(id=as_text(answer.get("id")) or name, name=name, parts=(Text(text=as_json(answer.get("response"))),))
    raise Bound(f"content {next(iter(part), 'without a kind')[:60]}")


def _tools(tool: Document) -> list[Tool]:
    for name, value in tool.items():
        if name != "functiondeclarations" and value is not None:
            raise Bound(f"tool {name[:60]}")
    made: list[Tool] = []
    for each in map(plain, as_documents(tool.get("functiondeclarations"))):
        schema = as_document(each.get("parametersjsonschema")) or lower_types(as_document(each.get("parameters")))
        made.append(Tool(name=as_text(each.get("name")), description=as_text(each.get("description")), schema=schema))
    return made


def lower_types(schema: Document) -> Document:
    """Gemini writes `STRING` where JSON Schema has `string`."""
    made: Document = {}
    for name, value in schema.items():
        if name == "type" and isinstance(value, str):
            made[name] = value.lower()
        elif name == "properties":
            made[name] = {key: lower_types(as_document(inner)) for key, inner in as_document(value).items()}
        else:
            made[name] = lower_types(as_document(value)) if name == "items" else value
    return made


def _choice(said: Document, tools: tuple[Tool, ...]) -> Choice | Tool | None:
    mode = as_text(said.get("mode")).lower()
    allowed = texts(said.get("allowedfunctionnames"))
    if mode == "any" and len(allowed) == 1:
        return next((tool for tool in tools if tool.name == allowed[0]), None)
    return mode if mode in ("auto", "any", "none") else None  # type: ignore[return-value]


def _schema(settings: Document) -> dict[str, object] | None:
    if "json" not in as_text(settings.get("responsemimetype")):
        return None
    return as_document(settings.get("responsejsonschema")) or lower_types(as_document(settings.get("responseschema")))

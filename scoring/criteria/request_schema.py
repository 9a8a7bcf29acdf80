"""The schemas that a request itself demands: of the answer's text, and of each tool's arguments.

Law: read out of the request's document in whatever dialect it is; what is not there or not understood is no schema, and nothing raises.
Sources: OpenAI structured outputs and function calling; Anthropic tools and structured outputs; Gemini Schema; Bedrock ToolSpecification;
Cohere and Ollama chat.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from proxy.dialects.reading import Document, as_document, as_documents, as_text
from proxy.translate.from_gemini import plain_schema

Schema = Mapping[str, Any]


Demanded = tuple[Schema | None, dict[str, Schema]]
_last: tuple[object, Demanded] = None, (None, {})
"""The request that was asked about last, with what it demands: all answers to a call are scored one after another."""


def demanded(request: Mapping[str, Any] | None) -> Demanded:
    """The schema that the answer's text must satisfy, None where none was demanded (JSON without a schema is none); and each declared
    tool's name with what its arguments must satisfy, an empty schema where it declares none."""
    global _last
    if request is not _last[0]:
        found = cast(Document, request or {})
        _last = request, (next((each for each in _text_schemas(found) if each), None), _tool_schemas(found))
    return _last[1]


def text_schema(request: Mapping[str, Any] | None) -> Schema | None:
    return demanded(request)[0]


def tool_schemas(request: Mapping[str, Any] | None) -> dict[str, Schema]:
    return demanded(request)[1]


def _tool_schemas(found: Document) -> dict[str, Schema]:
    made: dict[str, Schema] = {}
    listed = found.get("tools") or as_document(found.get("toolConfig")).get("tools")
    for tool in as_documents(listed):
        made.update(_declared(tool))
    for function in as_documents(found.get("functions")):
        made.update(_named(function, function.get("parameters")))
    return made


def demands_json(request: Mapping[str, Any] | None) -> bool:
    """Whether the answer's text must be JSON, with or without a schema."""
    found = cast(Document, request or {})
    kind = as_text(as_document(found.get("response_format") or as_document(found.get("text")).get("format")).get("type"))
    mime = as_text(_either(_settings(found), "responseMimeType", "response_mime_type"))
    return text_schema(request) is not None or kind == "json_object" or mime == "application/json" or found.get("format") == "json"


def _text_schemas(found: Document) -> Iterator[Document]:
    shape = as_document(found.get("response_format"))
    yield as_document(as_document(shape.get("json_schema")).get("schema"))  # OpenAI chat
    if as_text(shape.get("type")) in ("json_object", "json_schema"):  # Cohere and others
        yield as_document(shape.get("schema"))
        yield _bare(as_document(shape.get("json_schema")))
    yield as_document(as_document(as_document(found.get("text")).get("format")).get("schema"))  # OpenAI Responses
    yield as_document(as_document(as_document(found.get("output_config")).get("format")).get("schema"))  # Anthropic
    yield as_document(as_document(found.get("output_format")).get("schema"))
    settings = _settings(found)
    yield as_document(_either(settings, "responseJsonSchema", "response_json_schema"))
    yield _gemini(_either(settings, "responseSchema", "response_schema"))
    yield as_document(found.get("format"))  # Ollama


def _bare(found: Document) -> Document:
    """A schema that stands without its wrapper."""
    return found if any(name in found for name in ("type", "properties", "$ref", "anyOf", "$schema")) and "schema" not in found else {}


def _settings(found: Document) -> Document:
    return as_document(_either(found, "generationConfig", "generation_config"))


def _declared(tool: Document) -> dict[str, Schema]:
    """One entry of `tools`: a function, or in Gemini's dialect several."""
    declared = as_documents(_either(tool, "functionDeclarations", "function_declarations"))
    if declared:
        return {name: schema for each in declared for name, schema in _gemini_tool(each).items()}
    specified = as_document(tool.get("toolSpec"))
    if specified:
        return _named(specified, as_document(specified.get("inputSchema")).get("json"))
    function = as_document(tool.get("function"))
    if function:
        return _named(function, function.get("parameters"))
    return _named(tool, tool.get("input_schema") or tool.get("parameters"))


def _gemini_tool(declared: Document) -> dict[str, Schema]:
    plain = as_document(_either(declared, "parametersJsonSchema", "parameters_json_schema"))
    return _named(declared, plain or _gemini(declared.get("parameters")))


def _gemini(value: object) -> Document:
    try:
        return plain_schema(value) if value else {}
    except Exception:  # not of the form that Gemini documents
        return {}


def _named(holder: Document, schema: object) -> dict[str, Schema]:
    name = as_text(holder.get("name"))
    return {name: as_document(schema)} if name else {}


def _either(found: Document, one: str, other: str) -> object:
    value = found.get(one)
    return found.get(other) if value is None else value

"""Whether an answer satisfies the schema that its request demanded, or that the rubric names.

Law: nothing is fetched, ever; a schema that cannot be used (a reference leads out of it, it is none, too large, too costly) leaves the
answer unscored, because that says nothing about the answer. The first fault and where it is are the evidence.
"""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from scoring.criteria.compiled_schema import Compiled, of_schema
from scoring.criteria.request_schema import Demanded, Schema, demanded, tool_schemas
from scoring.criterion import Criterion, Score, Unscored, failed, share
from scoring.json_text import MOST_CHARS
from scoring.task import Answer, Task

_VALID, _FENCED, _NO_CALL = share(1.0), share(1.0, "fenced"), share(1.0, "no_call")


class JsonSchema(Criterion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """1: the text satisfies the schema, and each tool call its tool's. A tool call without text owes the text's schema nothing."""

    TYPE: ClassVar[str] = "json_schema"
    ALIASES: ClassVar[tuple[str, ...]] = ("schema", "is-valid-function-call", "is-valid-openai-function-call", "is-valid-openai-tools-call")

    schema: Annotated[str | dict[str, Any], Meta(description="`request`, `file:...` beside the rubric, or the schema itself")] = "request"
    what: Annotated[Literal["text", "tools", "both"], Meta(description="what is validated")] = "both"

    def applies(self, task: Task) -> str:
        if self.schema != "request" or task.request is None:
            return ""
        text, tools = demanded(task.document)
        asks = (self.what != "tools" and text is not None) or (self.what != "text" and tools)
        return "" if asks else "the request demands no schema"

    def score(self, task: Task, answer: Answer, reference: Answer | None) -> Score:
        del reference
        text, tools = self._demanded(task)
        if self.what != "text" and answer.tools and (fault := calls_fault(tools, answer)):
            return fault
        if self.what == "tools" or text is None or (answer.tools and not answer.said.strip()):
            return _VALID if answer.tools else _NO_CALL
        return text_fault(of_schema(text), answer) or (_FENCED if answer.json.fenced else _VALID)

    def _demanded(self, task: Task) -> Demanded:
        if isinstance(self.schema, dict):
            return self.schema, tool_schemas(task.document)
        if self.schema != "request":
            raise Unscored(f"the schema was not read: {self.schema[:100]}")
        if task.document is None:
            raise Unscored("the request was not kept: its schema is unknown")
        return demanded(task.document)


def text_fault(schema: Compiled, answer: Answer) -> Score | None:
    """How the text violates its schema; None when it does not."""
    found = answer.json
    if schema.fault:
        raise Unscored(schema.fault)
    if found.fault and len(answer.said) > MOST_CHARS:
        raise Unscored(found.fault)
    if found.fault:
        return failed("refused" if answer.refusal_kind else "empty" if found.fault == "empty" else "not_json", found.fault)
    problem = schema.problem(found.value, len(answer.said))
    return failed("schema", f"{problem[0]}: {problem[1]}") if problem else None


def calls_fault(schemas: dict[str, Schema], answer: Answer) -> Score | None:
    """How a tool call violates its tool's schema; None when none does. Without declared tools there is nothing to violate."""
    for tool, said in zip(answer.tools, answer.arguments, strict=True):
        if not schemas:
            return None
        if tool.name not in schemas:
            return failed("unknown_tool", tool.name)
        if said.fault and len(tool.arguments) > MOST_CHARS:
            raise Unscored(said.fault)
        if said.fault:
            return failed("tool_arguments", f"{tool.name}: {said.fault}")
        if (schema := schemas[tool.name]) and (problem := of_schema(schema).problem(said.value, len(tool.arguments))):
            return failed("tool_schema", f"{tool.name}{problem[0]}: {problem[1]}")
    return None

"""What a criterion is given: what was asked, and what one side answered.

Law: pure values out of the store or out of the recorder, unknown is None. Whatever several criteria read out of the same text (the
request's document, the answer's JSON) is read once and kept here, and reading never raises.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec
import orjson

from proxy.exchange import Call, Exchange, ToolCall
from scoring.json_text import Json, json_of

if TYPE_CHECKING:
    from functools import cached_property as once
else:

    class once:
        """`functools.cached_property` without the lock that Python 3.11 takes for it: a third of what reading a short answer costs."""

        def __init__(self, read):
            self.read = read

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, found, owner=None):
            if found is None:
                return self
            value = found.__dict__[self.name] = self.read(found)
            return value


LOUD = frozenset(("errored", "timed_out"))
LEFT = "client_gone"


class Task(msgspec.Struct, frozen=True, dict=True):
    """One call. `request`: the body as JSON text in its dialect's form, None when bodies are not kept."""

    call_id: str
    workflow: str = ""
    dialect: str = ""
    request: str | None = None
    prompt_text: str | None = None
    source_text: str | None = None
    """The texts an answer can be checked against: user turns and tool results."""
    expected: str | None = None
    """JSON of an archive: one of text, json, label, tool_call, behaviour."""
    conversation: str | None = None
    turn: int | None = None
    prompt_version: str | None = None
    tags: tuple[str, ...] = ()
    run_id: str | None = None
    feedback: float | None = None
    """What people made of the answer they saw, in [0, 1]; the mean where several said."""

    @once
    def document(self) -> Mapping[str, Any] | None:
        """The request; None when it was not kept or is no JSON object."""
        return _object(self.request)

    @once
    def label(self) -> Mapping[str, Any] | None:
        """`expected` read; None when nobody said what is right."""
        return _object(self.expected)

    @property
    def behaviour(self) -> str | None:
        """`answer`, `refuse` or `escalate`, where that is what was expected."""
        said = (self.label or {}).get("behaviour")
        return said if isinstance(said, str) else None


class Answer(msgspec.Struct, frozen=True, dict=True):
    """One exchange: the last attempt's answer, with the cost of all attempts."""

    target: str = ""
    role: str = "incumbent"
    sample: int = 0
    outcome: str = "answered"
    outcome_reason: str = ""
    failure_class: str = "ok"
    status: int | None = 200
    text: str | None = None
    tools: tuple[ToolCall, ...] = ()
    finish: str | None = None
    refusal_kind: str | None = None
    refusal_reason: str | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    usage_source: str | None = None
    cost_usd: float | None = None
    ttft_s: float | None = None
    latency_s: float | None = None
    max_gap_s: float | None = None
    attempts: int = 1
    error: str | None = None
    saw: str = "raw"
    model_served: str | None = None
    seen: bool | None = None
    """Whether the client got this answer; None: not known."""
    raw: bytes | None = None
    """Kept only with `bodies = "full"`."""

    @property
    def absent(self) -> bool:
        """There is nothing to read: an error, a timeout, and nothing that came before it."""
        return self.outcome in LOUD and not self.text and not self.tools

    @property
    def said(self) -> str:
        """The text; empty when there is none."""
        return self.text or ""

    @once
    def json(self) -> Json:
        """The text read as JSON, strictly, after at most one code fence."""
        return json_of(self.said)

    @once
    def arguments(self) -> tuple[Json, ...]:
        """The arguments of each tool call, in order."""
        return tuple(json_of(tool.arguments or "{}") for tool in self.tools)


def task_of(call: Call) -> Task:
    """A call on its way into the store."""
    return Task(
        call_id=call.call_id, workflow=call.workflow, dialect=call.dialect, request=call.request, prompt_text=call.prompt_text,
        source_text=call.source_text, expected=call.expected, conversation=call.conversation, turn=call.turn,
        prompt_version=call.prompt_version, tags=call.tags, run_id=call.run_id,
    )  # fmt: skip


def answer_of(exchange: Exchange) -> Answer:
    """An exchange on its way into the store."""
    return Answer(
        target=exchange.target, role=exchange.role, sample=exchange.sample, outcome=exchange.outcome,
        outcome_reason=exchange.outcome_reason,
        failure_class=exchange.failure_class, status=exchange.status, text=exchange.text, tools=exchange.tool_calls, finish=exchange.finish,
        refusal_kind=exchange.refusal_kind, refusal_reason=exchange.refusal_reason, input_tokens=exchange.input_tokens,
        cached_input_tokens=exchange.cached_input_tokens, cache_write_tokens=exchange.cache_write_tokens,
        output_tokens=exchange.output_tokens, reasoning_tokens=exchange.reasoning_tokens, usage_source=exchange.usage_source,
        cost_usd=None if exchange.cost_usd is None else float(exchange.cost_usd), ttft_s=exchange.ttft_s, latency_s=exchange.latency_s,
        max_gap_s=exchange.max_gap_s, attempts=exchange.attempt, error=exchange.error, saw=exchange.saw, model_served=exchange.model_served,
        seen=exchange.seen, raw=exchange.raw,
    )  # fmt: skip


def _object(text: str | None) -> Mapping[str, Any] | None:
    if not text:
        return None
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return cast(Mapping[str, Any], found) if isinstance(found, dict) else None

"""OpenAI Responses requests as forms. Source: OpenAI API reference (create a model response).

Law: what lies at OpenAI (an earlier response, a conversation, a stored prompt, encrypted reasoning) is bound to it.
"""

from proxy.dialects.reading import Document, as_document, as_text, is_document
from proxy.translate.form import Bound, Form, Losses, Part, ToolUse, Turn, script
from proxy.translate.from_openai import bind, choice_of, parts_of, result_of, shape_of, system_of, tool_of
from proxy.translate.values import arguments_of, count, document, documents, flag, number, said

TAKEN = frozenset(
    (
        "model", "instructions", "input", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens", "temperature", "top_p",
        "stream", "stream_options", "text",
    )
)  # fmt: skip
BINDING = ("previous_response_id", "conversation", "prompt", "background", "context_management", "modalities")
_SYSTEM = ("system", "developer")


def form_of(body: Document, losses: Losses) -> Form:
    """Raises Bound."""
    bind(body, BINDING)
    asked = body.get("input")
    items = [Document(role="user", content=asked)] if isinstance(asked, str) else documents(asked, "input")
    tools = tuple(tool_of(tool, losses) for tool in documents(body.get("tools"), "tools"))
    losses.rest(body, TAKEN if body.get("store") else TAKEN | {"store"})
    text = document(body.get("text"), "text")
    losses.rest(text, ("format",), "text.")
    shape = as_document(text.get("format"))
    system = [said(body.get("instructions"), "instructions"), system_of(items, losses)]
    return Form(
        system="\n\n".join(each for each in system if each),
        turns=script([_turn(item, losses) for item in items if item.get("role") not in _SYSTEM], losses),
        tools=tools,
        choice=choice_of(body.get("tool_choice"), tools, losses),
        parallel=flag(losses, "parallel_tool_calls", body.get("parallel_tool_calls")),
        max_tokens=count(losses, "max_output_tokens", body.get("max_output_tokens")),
        temperature=number(losses, "temperature", body.get("temperature")),
        top_p=number(losses, "top_p", body.get("top_p")),
        stream=flag(losses, "stream", body.get("stream")) is True,
        shape=shape_of(as_text(shape.get("type")), shape, losses),
    )


def _turn(item: Document, losses: Losses) -> Turn:
    """An item: a message, a call, or a call's result."""
    kind, role = as_text(item.get("type")) or "message", as_text(item.get("role"))
    if kind == "message" and role in ("user", "assistant"):
        losses.rest(item, ("type", "role", "content", "id", "status"), "message ")
        return Turn(role="assistant" if role == "assistant" else "user", parts=tuple(parts_of(item.get("content"), losses)))
    id = said(item.get("call_id"), "call_id")
    if kind == "function_call":
        losses.rest(item, ("type", "call_id", "name", "arguments", "id", "status"), "tool call ")
        call = ToolUse(id=id, name=said(item.get("name"), "tool name"), arguments=arguments_of(item.get("arguments"), losses))
        return Turn(role="assistant", parts=(call,))
    if kind == "function_call_output":
        losses.rest(item, ("type", "call_id", "output", "id", "status"), "tool result ")
        return Turn(role="user", parts=(result_of(id, "", _output(item.get("output"), losses)),))
    raise Bound("encrypted reasoning" if kind == "reasoning" else f"input {(role or kind)[:60]}")


def _output(value: object, losses: Losses) -> list[Part]:
    if is_document(value):
        raise Bound("a tool result of another form")
    return parts_of(value, losses)

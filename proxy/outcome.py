"""What became of one exchange: one outcome, its reason in words, and whether anyone would have noticed.

The rules decide in their order: how the transport ended, what the provider said, what the answer looks like. Loud is what an application
sees without reading the text; silent looks like an answer and is not one. Pure; no rule raises on any input.
"""

from collections.abc import Callable

import orjson

from proxy.events import ExchangeEvent
from proxy.exchange import Answer, FailureClass, OutcomeName, Refusal, Unreadable, Verdict
from proxy.refusal import declined

TEXTLESS = ("embed", "moderation", "count", "rerank")
"""Dialects whose answers carry no text."""
NOT_JSON = "JSON was asked for and this is not JSON"
_CLOSERS = {"{": "}", "[": "]"}
_PROBE = 64_000
"""Above this many characters only the last one is looked at: a verdict is not worth parsing megabytes."""
_NO_ANSWER = {
    "unreachable": "no answer came",
    "interrupted": "interrupted: our shadow stopped while asking",
    "worker_died": "worker died",
}


def verdict_of(
    event: ExchangeEvent, answer: Answer | Unreadable | None, *, wants_json: bool = False, max_output_tokens: int | None = None
) -> Verdict:
    """`answer` is None when there is nothing to read: no answer came, or its body was too large to keep."""
    ended = _ended_badly(event, answer)
    if ended is not None:
        return ended
    if answer is None:
        return _ok("not read: the body was not kept")
    if isinstance(answer, Unreadable):
        return _loud("malformed", f"unreadable: {answer.reason}")
    return _said(answer) or _looks(answer, event.dialect, wants_json, max_output_tokens) or _ok("answered")


def _ended_badly(event: ExchangeEvent, answer: Answer | Unreadable | None) -> Verdict | None:
    """What the transport and the status decide."""
    if event.ended == "client_gone" and not _had_everything(answer):
        # Not a failure of the model: nobody waited for the rest.
        return Verdict(outcome="client_gone", reason="the client left before the answer's end", failure_class="ok")
    if event.ended == "timed_out":
        return _loud("timed_out", event.error or "no answer within the deadline")
    if event.ended in _NO_ANSWER:
        return _loud("errored", _with(_NO_ANSWER[event.ended], event.error))
    if event.status >= 400 or event.status == 0:
        return _error_status(event, answer)
    if event.status in (204, 205) or 300 <= event.status < 400:
        return _loud("errored", f"status {event.status}: no answer in it")
    return _loud("errored", _with("the answer was cut off", event.error)) if event.ended == "cut" else None


def _had_everything(answer: Answer | Unreadable | None) -> bool:
    """SDKs close the connection on the stream's end mark, so a client may leave with a complete answer in its hands."""
    return isinstance(answer, Answer) and answer.whole and answer.finish is not None


def _error_status(event: ExchangeEvent, answer: Answer | Unreadable | None) -> Verdict:
    """A refusal that comes as an error status is a refusal."""
    what = f"status {event.status}" if event.status else "no answer came"
    if not isinstance(answer, Answer):
        return _loud("errored", _with(what, event.error))
    return _refused(answer.refusal) if answer.refusal else _loud("errored", _with(what, answer.error or event.error))


def _said(answer: Answer) -> Verdict | None:
    """What the provider itself says about this answer."""
    if answer.refusal is not None:
        return _refused(answer.refusal)
    if answer.error is not None:
        return _loud("errored", _with("error inside the answer", answer.error))
    rule = _FINISHED.get(answer.finish_class or "stop")
    return rule(answer.finish or "") if rule else None


_FINISHED: dict[str, Callable[[str], Verdict]] = {
    "error": lambda finish: _loud("errored", _with("error inside the answer", finish)),
    "refused": lambda finish: _refused(Refusal(kind="structured", reason=finish or "refused")),
    "filtered_input": lambda finish: _refused(Refusal(kind="filtered_input", reason=finish or "input filter")),
    "filtered_output": lambda finish: _refused(Refusal(kind="filtered_output", reason=finish or "output filter")),
    "truncated": lambda finish: _loud("truncated", _with("stopped at its limit", finish)),
    "paused": lambda finish: _loud("truncated", _with("paused, not finished", finish)),
    "malformed": lambda finish: _loud("malformed", _with("the model's call could not be read", finish)),
}


def _looks(answer: Answer, dialect: str, wants_json: bool, limit: int | None) -> Verdict | None:
    """What only a reader of the answer sees."""
    if not answer.whole:
        return _silent("truncated", "the answer ends without its end mark")
    if answer.finish_class == "tool" and not answer.tool_calls:
        return _silent("malformed", "it says that it calls a tool and calls none")
    broken = next((call for call in answer.tool_calls if not _is_json(call.arguments)), None)
    if broken is not None:
        return _silent("malformed", f"the arguments of {broken.name or 'a tool call'} are not JSON")
    if limit is not None and _spent(answer) == limit:
        return _silent("truncated", f"used all of its {limit} output tokens but says it was done")
    if answer.tool_calls or any(word in dialect for word in TEXTLESS):
        return None
    return _reads(answer.text, wants_json)


def _reads(text: str, wants_json: bool) -> Verdict | None:
    body = text.strip()
    if not body:
        return _silent("truncated", "empty answer")
    midway = _stops_midway(body)
    if midway is not None:  # its provider says that it was done, so a reader who was promised JSON has broken JSON and no limit to raise
        return _loud("malformed", f"{NOT_JSON}: it {midway}") if wants_json else _silent("truncated", midway)
    refused = declined(text)
    if refused is not None:
        return _refused(refused.refusal)
    return _loud("malformed", NOT_JSON) if wants_json and not _is_json(_unfenced(body)) else None


def _stops_midway(body: str) -> str | None:
    """A model that ends on its own closes what it opened: its code fences, its JSON."""
    if sum(1 for line in body.split("\n") if line.lstrip().startswith("```")) % 2:
        return "ends inside a code fence"
    closer = _CLOSERS.get(body[0])
    if closer is None or not _opens_json(body) or body[-1] == closer or (len(body) < _PROBE and _is_json(body)):
        return None
    return "ends inside its JSON"


def _opens_json(body: str) -> bool:
    """`{` and `[` also open prose, templates and citations; only these beginnings are JSON's."""
    rest = body[1:200].lstrip()
    key, quote, after = rest[1:].partition('"')
    if body[0] == "{":
        return rest[:1] == '"' and "\n" not in key and (not quote or after.lstrip()[:1] in (":", ""))
    return rest[:1] == "{" or (rest[:1] == '"' and (not quote or after.lstrip()[:1] in (",", "]", "")))


def _unfenced(body: str) -> str:
    return body[3:-3].partition("\n")[2] if body.startswith("```") and body.endswith("```") else body


def _is_json(text: str) -> bool:
    """Arguments may be missing altogether: a tool without parameters."""
    if not text:
        return True
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _spent(answer: Answer) -> int | None:
    usage = answer.usage
    return None if usage is None or usage.output_tokens is None else usage.output_tokens + (usage.reasoning_tokens or 0)


def _refused(refusal: Refusal) -> Verdict:
    outcome: OutcomeName = "filtered" if refusal.kind in ("filtered_input", "filtered_output") else "refused"
    seen: FailureClass = "silent" if refusal.kind == "textual" else "loud"
    return Verdict(outcome=outcome, reason=refusal.reason, failure_class=seen, refusal=refusal)


def _loud(outcome: OutcomeName, reason: str) -> Verdict:
    return Verdict(outcome=outcome, reason=reason, failure_class="loud")


def _silent(outcome: OutcomeName, reason: str) -> Verdict:
    return Verdict(outcome=outcome, reason=reason, failure_class="silent")


def _ok(reason: str) -> Verdict:
    return Verdict(outcome="answered", reason=reason, failure_class="ok")


def _with(what: str, detail: str) -> str:
    return f"{what}: {detail}" if detail else what

"""Bytes become meaning, once: one event and its body (and what is known of its call) in, one row out.

Law: pure, and total: no event can stop the recorder. What cannot be read is said in `notes`, what is unknown is None, never 0. Every text
leaves through `Redaction`, and a call and all its answers share one scope, so that their pseudonyms agree.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from proxy.adapter_fault import OWN_LEGS, adapter_fault
from proxy.anonymize import Scope
from proxy.conversation import DEFAULT_WORKFLOW, conversation_of, workflow_of
from proxy.dialects.reading import as_document, as_text, read_document
from proxy.encoding import Decoded, decode
from proxy.events import CallEvent, DecisionEvent, Drawn, ExchangeEvent
from proxy.exchange import Answer, Call, Decision, Exchange, Prompt, Unreadable, Usage, UsageSource, Verdict
from proxy.frame import Frame, Redaction
from proxy.outcome import verdict_of
from proxy.pricing import estimate_tokens
from proxy.rows import content_hash
from proxy.spending import cost_at

DECODED_MAX_BYTES = 64 << 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS_US = -62_000_000_000_000_000, 253_000_000_000_000_000  # from 5 to 9987: beyond is a mistake, and stops no reader
_JSON_FORMATS = ("json_object", "json_schema")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the answers of a call need of it; `call` is its row without the texts."""

    call: Call
    scope: Scope
    prompt_tokens: int | None = None
    """Estimated from the prompt's texts; for answers that report no usage."""
    wants_json: bool = False
    max_output_tokens: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCall:
    call: Call
    known: Known
    prefix: tuple[str, str] | None
    """(content hash, system text as stored)"""


# ---- calls


def call_row(event: CallEvent, body: bytes, frame: Frame) -> ReadCall:
    try:
        return _call(event, body, frame)
    except Exception as wrong:  # one bad event never stops the recorder
        scope = frame.anonymizer.scope(event.id)
        call = _row(event, Redaction(frame.bodies, scope), frame, workflow=DEFAULT_WORKFLOW, notes=[f"not read: {type(wrong).__name__}"])
        return ReadCall(call=call, known=Known(call=call, scope=scope), prefix=None)


def _call(event: CallEvent, body: bytes, frame: Frame) -> ReadCall:
    notes: list[str] = []
    decoded = _decoded_request(event, body, notes)
    prompt = _prompt(event, decoded, frame, notes)
    key = conversation_of(event.hints.get("conversation"), prompt, event.id)
    redaction = Redaction(frame.bodies, frame.anonymizer.scope(key))
    workflow = event.workflow or workflow_of(frame.config.workflows, event.hints.get("workflow"), _path_below(event, frame), prompt)
    shown, request = _redacted(event, decoded, prompt, redaction, frame, notes)
    system = shown.system_text if shown else ""
    prefix = (content_hash(system), system) if system else None
    named = event.hints.get("conversation") or (prompt and prompt.conversation)
    call = _row(
        event, redaction, frame, workflow=workflow, conversation=redaction.name(key) if named else key, prompt=prompt,
        shown=shown, request=request, prefix_hash=prefix[0] if prefix else None, notes=notes,
    )  # fmt: skip
    return ReadCall(call=call, known=_known(call, prompt, decoded, redaction.scope), prefix=prefix)


def _known(call: Call, prompt: Prompt | None, body: bytes, scope: Scope) -> Known:
    light = call if call.request is None else replace(call, request=None, prompt_text=None, source_text=None)
    if prompt is None:
        return Known(call=light, scope=scope)
    return Known(
        call=light,
        scope=scope,
        prompt_tokens=estimate_tokens(prompt.prompt_text),
        wants_json=wants_json(body),
        max_output_tokens=prompt.max_output_tokens,
        model=prompt.model,
    )


def _row(
    event: CallEvent, redaction: Redaction, frame: Frame, *, workflow: str, conversation: str | None = None, prompt: Prompt | None = None,
    shown: Prompt | None = None, request: str | None = None, prefix_hash: str | None = None, notes: list[str],
) -> Call:  # fmt: skip
    """`prompt` gives the figures, `shown` what may be seen of it."""
    hints, drawn = event.hints, event.drawn or Drawn(rollout="")
    path, mark, query = event.path.partition("?")
    return Call(
        call_id=event.id, route=event.route, workflow=workflow, dialect=event.dialect, conversation=conversation,
        turn=prompt.turn if prompt else None, prompt_version=redaction.name(hints.get("prompt_version")),
        case_id=redaction.name(hints.get("case")), path=f"{path}?{redaction.name(query)}" if mark else path,
        model_requested=prompt.model if prompt else None, arrived_at=when(event.at), stream=bool(prompt and prompt.stream),
        request=request, prefix_hash=prefix_hash, prompt_text=shown.prompt_text if shown else None,
        source_text=shown.source_text if shown else None, input_chars=len(prompt.prompt_text) if prompt else None,
        request_bytes=event.size or event.body, expected=redaction.name(event.expected or None), tags=tuple(event.tags),
        run_id=run_of(hints.get("run"), frame), lineage_id=frame.lineage(event.config),
        notes=redaction.name("; ".join(notes)) or None, rollout=drawn.rollout or None, rollout_share=drawn.share or None,
        rollout_target=drawn.target or None, rollout_stayed=drawn.stayed or None, rollout_fallback=drawn.fallback or None,
    )  # fmt: skip


def run_of(name: str | None, frame: Frame) -> str | None:
    """Several conversations share a run, so it has a scope of its own."""
    if name is None:
        return None
    return Redaction(frame.bodies, frame.anonymizer.scope("run")).name(name)


def _decoded_request(event: CallEvent, body: bytes, notes: list[str]) -> bytes:
    if not event.whole:
        notes.append("the upload broke off")
    if not body and event.size:
        notes.append(f"a body of {event.size} bytes was not kept")
    decoded = decode(body, event.headers.get("content-encoding", ""), DECODED_MAX_BYTES)
    if isinstance(decoded, Unreadable) or decoded.fault:
        notes.append(decoded.reason if isinstance(decoded, Unreadable) else decoded.fault or "")
    return b"" if isinstance(decoded, Unreadable) else decoded.body


def _prompt(event: CallEvent, body: bytes, frame: Frame, notes: list[str]) -> Prompt | None:
    reader = frame.readers.get(event.dialect)
    if reader is None or not body:
        return None
    prompt = reader.read_prompt(_path_below(event, frame), body)
    if isinstance(prompt, Unreadable):
        notes.append(f"unreadable: {prompt.reason}")
        return None
    return prompt


def _redacted(
    event: CallEvent, body: bytes, prompt: Prompt | None, redaction: Redaction, frame: Frame, notes: list[str]
) -> tuple[Prompt | None, str | None]:
    """The prompt and the request as they are stored. Redacting the body and reading it again is cheaper than redacting its every text."""
    if prompt is None or redaction.bodies == "none":
        return None, None
    kept = body if redaction.bodies == "full" else redaction.scope.body(body)
    shown = prompt if kept == body else _prompt(event, kept, frame, notes)
    try:
        return shown, kept.decode()
    except UnicodeDecodeError:
        notes.append("the request held invalid UTF-8")
        return shown, kept.decode("utf-8", "replace")


def _path_below(event: CallEvent, frame: Frame) -> str:
    """The path as the incumbent sees it: without the route's prefix."""
    route = frame.routes.get(event.route)
    prefix = route.path.rstrip("/") if route else ""
    below = event.path.removeprefix(prefix)
    return below if below[:1] == "/" else event.path


def wants_json(body: bytes) -> bool:
    if b"json" not in body:
        return False
    request = as_document(read_document(body))
    said = (as_document(request.get("response_format")), as_document(as_document(request.get("text")).get("format")))
    settings = as_document(request.get("generationConfig"))
    return any(as_text(each.get("type")) in _JSON_FORMATS for each in said) or settings.get("responseMimeType") == "application/json"


# ---- exchanges


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """An answer's bytes, read."""

    answer: Answer | Unreadable | None
    verdict: Verdict
    ttft_s: float | None
    notes: tuple[str, ...] = ()


def exchange_row(event: ExchangeEvent, body: bytes, known: Known | None, frame: Frame) -> Exchange:
    try:
        return _exchange(event, _read(event, body, known, frame), body, known, frame)
    except Exception as wrong:  # one bad event never stops the recorder
        verdict = Verdict(outcome="malformed", reason="not read", failure_class="loud")
        reading = _Reading(answer=None, verdict=verdict, ttft_s=None, notes=(f"not read: {type(wrong).__name__}",))
        return _exchange(event, reading, b"", known, frame)


def worker_died(call: CallEvent, known: Known | None, target: str, frame: Frame) -> Exchange:
    """Closes a call whose worker is gone without having told how the answer ended: the canary that was answering, or the incumbent."""
    served = call.drawn.served if call.drawn else ""
    event = ExchangeEvent(
        at=call.at, id=call.id, route=call.route, dialect=call.dialect, target=served or target,
        role="candidate" if served else "incumbent", seen=True, config=call.config, ended="worker_died",
    )  # fmt: skip
    return replace(exchange_row(event, b"", known, frame), latency_s=None, chunks=None)


def _read(event: ExchangeEvent, body: bytes, known: Known | None, frame: Frame) -> _Reading:
    reader = frame.readers.get(event.dialect)
    if reader is None:
        return _unread(event, known, f"no reader for {event.dialect}")
    if event.status == 0 or (not body and event.size):
        return _unread(event, known, f"a body of {event.size} bytes was not kept" if event.size else None)
    decoded = decode(body, event.headers.get("content-encoding", ""), DECODED_MAX_BYTES, event.marks)
    if isinstance(decoded, Unreadable):
        return _unread(event, known, decoded.reason, decoded)
    answer = reader.read_answer(event.status, event.headers.get("content-type", ""), decoded.body)
    ttft_s = _ttft(answer.content_at, decoded) if isinstance(answer, Answer) else None
    notes = tuple(note for note in (decoded.fault, _repair(answer, decoded.body)) if note)
    return _Reading(answer=answer, verdict=_of_the_form(event, decoded.body, _verdict(event, answer, known)), ttft_s=ttft_s, notes=notes)


def _of_the_form(event: ExchangeEvent, body: bytes, verdict: Verdict) -> Verdict:
    """A candidate that refuses a call's form is our adapter's fault and says so: it is no loss of quality."""
    ours = event.role in OWN_LEGS or (event.role == "incumbent" and not event.seen)
    fault = adapter_fault(event.status, body) if ours and verdict.outcome == "errored" else ""
    return replace(verdict, reason=f"adapter: {fault}: {verdict.reason}") if fault else verdict


def _repair(answer: Answer | Unreadable, body: bytes) -> str | None:
    """A mark for texts that readers had to repair: they hold a replacement character that nobody sent."""
    if not isinstance(answer, Answer) or "\ufffd" not in answer.text:
        return None
    return None if b"\xef\xbf\xbd" in body or b"\\ufffd" in body.lower() else "the text was repaired: it was no valid Unicode"


def _unread(event: ExchangeEvent, known: Known | None, note: str | None, answer: Unreadable | None = None) -> _Reading:
    return _Reading(answer=answer, verdict=_verdict(event, answer, known), ttft_s=None, notes=(note,) if note else ())


def _verdict(event: ExchangeEvent, answer: Answer | Unreadable | None, known: Known | None) -> Verdict:
    asked = (known.wants_json, known.max_output_tokens) if known else (False, None)
    return verdict_of(event, answer, wants_json=asked[0], max_output_tokens=asked[1])


def _ttft(content_at: int | None, decoded: Decoded) -> float | None:
    """The time of the chunk that completed the first content; None when it lies beyond the marks we have."""
    if content_at is None:
        return None
    return next((at / 1e6 for at, offset in decoded.marks if offset >= content_at), None)


def _exchange(event: ExchangeEvent, reading: _Reading, body: bytes, known: Known | None, frame: Frame) -> Exchange:
    answer = reading.answer if isinstance(reading.answer, Answer) else None
    redaction = Redaction(frame.bodies, known.scope if known else frame.anonymizer.scope(event.id))
    usage, source = _usage(event, answer, known)
    model = event.model or (known.model if known else None)
    cost = cost_at(event.target, event.dialect, usage, (answer.model_served if answer else None, model), when(event.at), frame)
    refusal = reading.verdict.refusal
    run = run_of(event.run, frame) or (known.call.run_id if known else None)  # workers do not repeat the call's
    notes = reading.notes if known else (*reading.notes, "its call is not known")
    return Exchange(
        call_id=event.id, target=event.target, role=event.role, seen=event.seen, run_id=run, sample=event.sample,
        attempt=event.attempt, started_at=when(event.at), status=event.status or None, outcome=reading.verdict.outcome,
        outcome_reason=redaction.reason(reading.verdict), failure_class=reading.verdict.failure_class,
        text=redaction.text(answer.text) if answer else None, tool_calls=redaction.calls(answer.tool_calls) if answer else (),
        finish=answer.finish if answer else None, refusal_kind=refusal.kind if refusal else None,
        refusal_reason=redaction.text(refusal.reason) if refusal else None, model_requested=model or None,
        model_served=answer.model_served if answer else None, fingerprint=answer.fingerprint if answer else None,
        response_id=answer.response_id if answer else None, input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens, cache_write_tokens=usage.cache_write_tokens, output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens, usage_source=source, cost_usd=cost.usd, price_date=cost.price_date,
        ttft_s=reading.ttft_s, latency_s=event.latency_us / 1e6, chunks=event.chunks,
        max_gap_s=event.max_gap_us / 1e6 if event.chunks > 1 else None,
        overhead_s=None if event.overhead_us is None else event.overhead_us / 1e6, response_bytes=event.size or event.body,
        rewrites=tuple(event.rewrites), saw=event.saw, error=redaction.text((answer.error if answer else None) or event.error or None),
        raw=body if frame.bodies == "full" and body else None, lineage_id=frame.lineage(event.config), notes="; ".join(notes) or None,
    )  # fmt: skip


def _usage(event: ExchangeEvent, answer: Answer | None, known: Known | None) -> tuple[Usage, UsageSource | None]:
    """The provider's count; what a stream did not say is estimated from the texts; what broke off is partial, whoever counted."""
    if answer is None:
        return Usage(), None
    reported = answer.usage
    if answer.whole and reported is not None and reported.input_tokens is not None:
        return reported, "provider"
    if reported is None and (event.status >= 400 or not _said_anything(answer)):
        return Usage(), None
    return _estimated(answer, reported or Usage(), known), "estimated" if answer.whole else "partial"


def _estimated(answer: Answer, reported: Usage, known: Known | None) -> Usage:
    """Counts that were reported stand; Anthropic's first word on output is 1, so a cut answer counts at least what arrived."""
    arrived = estimate_tokens("".join((answer.text, *(call.arguments for call in answer.tool_calls))))
    prompt = known.prompt_tokens if known else None
    return replace(
        reported,
        input_tokens=prompt if reported.input_tokens is None else reported.input_tokens,
        output_tokens=max(arrived, reported.output_tokens or 0),
    )


def _said_anything(answer: Answer) -> bool:
    return bool(answer.text or answer.tool_calls)


def decision_row(event: DecisionEvent, frame: Frame) -> Decision:
    return Decision(
        call_id=event.id, target=event.target, role=event.role, decision=event.decision, reason=event.reason, decided_at=when(event.at),
        run_id=run_of(event.run, frame), sample=event.sample,
    )  # fmt: skip


def when(at_us: int) -> datetime:
    """Integers, because a float of microseconds since 1970 rounds."""
    return EPOCH + timedelta(microseconds=min(max(at_us, YEARS_US[0]), YEARS_US[1]))

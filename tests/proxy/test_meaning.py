"""Events and bodies become rows: what is read, what is counted, what is kept."""

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.anonymize import Anonymizer
from proxy.events import CallEvent, Drawn, ExchangeEvent
from proxy.exchange import Call, Exchange
from proxy.frame import Frame, frame_of, lineage_of
from proxy.meaning import Known, call_row, decision_row, exchange_row, worker_died
from proxy.recall import drawn_of
from proxy.store import Round, Store
from tests.corpus import rows as corpus
from tests.proxy.journaled import KEY, Made, a_call, a_config, a_decision, an_answer, new_id

MAIL = "mary.jones@example.org"
CALL = "0b54a1a4-5f0c-4d5e-9b86-3c4c5b3a4d11"


def a_frame(bodies: str = "anonymized", **more: Any) -> Frame:
    return frame_of(a_config(Path("nowhere"), bodies=bodies, **more), Anonymizer(KEY), version="1", price_date="list 1")


def called(made: Made, frame: Frame) -> tuple[Call, Known]:
    event, body = made
    assert isinstance(event, CallEvent)
    read = call_row(event, body, frame)
    return read.call, read.known


def answered(made: Made, frame: Frame, known: Known | None = None) -> Exchange:
    event, body = made
    assert isinstance(event, ExchangeEvent)
    return exchange_row(event, body, known, frame)


def a_stream(*texts: str, usage: bool = False, end: bool = True) -> bytes:
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}] if end else []
    chunks += [{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}] if usage else []
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks) + (b"data: [DONE]\n\n" if end else b"")


STREAM: dict[str, Any] = {"headers": {"content-type": "text/event-stream"}}


def test_a_call_and_its_answers_share_their_pseudonyms() -> None:
    frame = a_frame()
    hints = {"conversation": f"chat of {MAIL}", "prompt_version": f"v2 {MAIL}", "case": f"case {MAIL}"}
    call, known = called(a_call(CALL, f"write to {MAIL}", system=f"You serve {MAIL}", hints=hints), frame)
    tool = {"id": "t", "type": "function", "function": {"name": "send", "arguments": orjson.dumps({"to": MAIL}).decode()}}
    message = {"role": "assistant", "content": f"sent to {MAIL}", "tool_calls": [tool]}
    body = orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    row = answered(an_answer(CALL, body=body), frame, known)
    failed = answered(an_answer(CALL, body=orjson.dumps({"error": {"message": f"no user {MAIL}"}}), status=400), frame, known)
    refused = answered(an_answer(CALL, f"I'm sorry, but I can't help with contacting {MAIL}."), frame, known)
    texts = [
        call.request, call.prompt_text, call.source_text, call.conversation, call.prompt_version, call.case_id, row.text,
        row.tool_calls[0].arguments, failed.error, failed.outcome_reason, refused.refusal_reason, refused.outcome_reason,
    ]  # fmt: skip
    pseudonym = frame.anonymizer.scope(f"chat of {MAIL}").text(MAIL)
    assert all(text is not None and pseudonym in text and MAIL not in text for text in texts), texts
    assert refused.outcome == "refused"


def test_two_conversations_do_not_share_pseudonyms() -> None:
    frame = a_frame()
    first, _ = called(a_call(new_id(), MAIL, hints={"conversation": "a"}), frame)
    second, _ = called(a_call(new_id(), MAIL, hints={"conversation": "b"}), frame)
    assert first.prompt_text != second.prompt_text


def test_without_bodies_no_text_is_kept_and_every_figure_is() -> None:
    frame = a_frame("none")
    call, known = called(a_call(CALL, f"write to {MAIL}", system="Be brief.", hints={"conversation": MAIL}), frame)
    row = answered(an_answer(CALL, f"I'm sorry, but I can't help with {MAIL}."), frame, known)
    failed = answered(an_answer(CALL, body=orjson.dumps({"error": {"message": f"no user {MAIL}"}}), status=400), frame, known)
    assert (call.request, call.prompt_text, call.source_text, call.prefix_hash) == (None, None, None, None)
    assert (row.text, row.tool_calls, row.refusal_reason, row.raw, failed.error) == (None, (), None, None, None)
    assert (call.input_chars, call.turn, row.input_tokens, row.output_tokens, row.refusal_kind) == (41, 1, 10, 5, "textual")
    assert MAIL not in repr(call) + repr(row) + repr(failed)
    assert (row.outcome_reason, failed.outcome_reason) == ("textual", "status 400")


def test_with_full_bodies_everything_is_raw_and_the_answers_bytes_are_kept() -> None:
    frame = a_frame("full")
    made = a_call(CALL, f"write to {MAIL}")
    call, known = called(made, frame)
    answer = an_answer(CALL, f"wrote to {MAIL}")
    row = answered(answer, frame, known)
    assert (call.request, call.prompt_text) == (made[1].decode(), f"write to {MAIL}")
    assert (row.text, row.raw) == (f"wrote to {MAIL}", answer[1])


def test_a_system_text_is_kept_once_by_the_hash_of_what_is_stored() -> None:
    frame = a_frame()
    reads = [call_row(*a_call(new_id(), text, system="You are brief."), frame) for text in ("one", "two")]  # type: ignore[arg-type]
    assert reads[0].prefix == reads[1].prefix
    assert reads[0].prefix is not None
    assert (reads[0].prefix[1], reads[0].call.prefix_hash) == ("You are brief.", reads[0].prefix[0])


def test_the_provider_counts_its_tokens_and_the_targets_own_price_holds() -> None:
    _, known = called(a_call(CALL), a_frame())
    row = answered(an_answer(CALL), a_frame(), known)
    assert (row.usage_source, row.input_tokens, row.output_tokens) == ("provider", 10, 5)
    assert (row.cost_usd, row.price_date) == (Decimal("0.00002"), "config")


def test_a_stream_without_usage_is_estimated_and_says_so() -> None:
    frame = a_frame()
    _, known = called(a_call(CALL, "x" * 400), frame)
    row = answered(an_answer(CALL, body=a_stream("y" * 40), **STREAM), frame, known)
    assert (row.usage_source, row.input_tokens, row.output_tokens, row.cost_usd) == ("estimated", 100, 10, Decimal("0.00012"))


@pytest.mark.parametrize("ended", ["client_gone", "cut"])
def test_an_answer_that_breaks_off_has_partial_usage(ended: str) -> None:
    frame = a_frame()
    _, known = called(a_call(CALL, "x" * 400), frame)
    row = answered(an_answer(CALL, body=a_stream("y" * 40, end=False), ended=ended, **STREAM), frame, known)
    assert (row.usage_source, row.output_tokens) == ("partial", 10)


def test_an_estimate_without_its_call_has_no_cost() -> None:
    row = answered(an_answer(CALL, body=a_stream("y" * 40), **STREAM), a_frame())
    assert (row.input_tokens, row.cost_usd, row.notes) == (None, None, "its call is not known")


def test_an_unknown_price_is_none_and_never_nothing() -> None:
    frame = a_frame()
    unpriced = frame_of(a_config(Path("nowhere")), frame.anonymizer)
    object.__setattr__(unpriced, "prices", {"gpt": None, "small": None})
    body = orjson.dumps({"model": "never-heard-of", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    assert answered(an_answer(CALL, body=body, target="small"), unpriced).cost_usd is None


def test_the_first_content_is_timed_by_the_chunk_that_completed_it() -> None:
    head = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
    body = head + a_stream("Hello", " you")
    first = len(head) + body[len(head) :].index(b"\n\n") + 2
    marks = [(100_000, len(head)), (350_000, first - 1), (400_000, first), (900_000, len(body))]
    assert answered(an_answer(CALL, body=body, marks=marks, **STREAM), a_frame()).ttft_s == 0.4


def test_the_first_content_is_timed_in_a_compressed_stream_too() -> None:
    body = a_stream("Hello", " you", usage=True)
    packed = gzip.compress(body)
    headers = STREAM["headers"] | {"content-encoding": "gzip"}
    marks = [(100_000, 10), (700_000, len(packed))]
    row = answered(an_answer(CALL, body=packed, marks=marks, headers=headers), a_frame())
    assert (row.text, row.ttft_s, row.usage_source) == ("Hello you", 0.7, "provider")


def test_a_first_content_beyond_the_marks_has_no_time() -> None:
    assert answered(an_answer(CALL, body=a_stream("Hello"), marks=[(5, 3)], **STREAM), a_frame()).ttft_s is None


def test_a_body_that_was_not_kept_is_said_to_be_missing() -> None:
    call, _ = called(a_call(CALL, body=b"", size=9_000_000, sha256="ab"), a_frame())
    row = answered(an_answer(CALL, body=b"", size=9_000_000, sha256="ab"), a_frame())
    assert (call.notes, call.request_bytes, call.workflow) == ("a body of 9000000 bytes was not kept", 9_000_000, "default")
    assert (row.outcome, row.cost_usd, row.text) == ("answered", None, None)


def test_an_upload_that_broke_off_is_a_call_all_the_same() -> None:
    call, _ = called(a_call(CALL, body=b'{"model": "gpt-4o", "messages": [{"ro', whole=False), a_frame())
    assert call.notes is not None
    assert call.notes.startswith("the upload broke off; unreadable")


def test_a_dialect_nobody_reads_is_kept_with_a_note() -> None:
    call, _ = called(a_call(CALL, dialect="klingon"), a_frame())
    row = answered(an_answer(CALL, dialect="klingon"), a_frame())
    assert (call.prompt_text, call.dialect) == (None, "klingon")
    assert row.notes is not None and row.notes.startswith("no reader for klingon")


def test_a_worker_that_died_leaves_an_errored_answer() -> None:
    event, body = a_call(CALL)
    assert isinstance(event, CallEvent)
    row = worker_died(event, call_row(event, body, a_frame()).known, "gpt", a_frame())
    assert (row.role, row.seen, row.status, row.outcome, row.outcome_reason) == ("incumbent", True, None, "errored", "worker died")
    assert (row.latency_s, row.cost_usd, row.usage_source) == (None, None, None)


@pytest.mark.parametrize(
    ("drawn", "who"),
    [
        (Drawn(rollout="r", share=0.1, target="small"), ("small", "candidate")),
        (Drawn(rollout="r", share=0.1, target="small", fallback="silent"), ("gpt", "incumbent")),
        (Drawn(rollout="r", stayed="too_large"), ("gpt", "incumbent")),
    ],
)
def test_a_worker_that_died_in_a_canary_leaves_the_answer_of_whoever_was_answering(drawn: Drawn, who: tuple[str, str]) -> None:
    """Also when the call was read back from the store."""
    call, known = called(a_call(CALL, drawn=drawn), a_frame())
    assert drawn_of(call) == drawn
    event, _ = a_call(CALL, drawn=drawn_of(call))
    assert isinstance(event, CallEvent)
    row = worker_died(event, known, "gpt", a_frame())
    assert (row.target, row.role, row.seen, row.outcome) == (*who, True, "errored")


@pytest.mark.parametrize(("seen", "ours"), [(True, False), (False, True)])
def test_an_incumbent_asked_in_reverse_may_refuse_our_form_and_that_is_no_loss_of_quality(seen: bool, ours: bool) -> None:
    body = b'{"error": {"message": "Unknown name \\"store\\": Cannot find field.", "code": 400}}'
    row = answered(an_answer(CALL, body=body, status=400, seen=seen), a_frame())
    assert (row.outcome, row.outcome_reason.startswith("adapter: ")) == ("errored", ours)


def test_an_answer_belongs_to_the_run_its_call_names() -> None:
    frame = a_frame()
    _, known = called(a_call(CALL, hints={"run": "nightly-3"}), frame)
    assert (known.call.run_id, answered(an_answer(CALL), frame, known).run_id) == ("nightly-3", "nightly-3")


def test_a_decision_is_told_as_it_was_made() -> None:
    event, _ = a_decision(CALL, "side_effects", reason="previous_response_id")
    row = decision_row(event, a_frame())  # type: ignore[arg-type]
    assert (row.target, row.decision, row.reason) == ("small", "side_effects", "previous_response_id")


def test_the_lineage_names_configuration_version_and_prices_and_holds_no_password() -> None:
    config = a_config(Path("nowhere"))
    secret = msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, outgoing_proxy="http://me:pass@proxy:1"))
    frame = frame_of(secret, Anonymizer(KEY), version="1", price_date="list 1")
    found = lineage_of(frame)
    assert (found.config_hash, found.version, found.price_date) == (secret.hash, "1", "list 1")
    assert "pass" not in found.config.replace("passthrough", "") and "nowhere" not in found.config
    assert found.lineage_id != lineage_of(frame_of(secret, Anonymizer(KEY), version="2", price_date="list 1")).lineage_id


BAD_TEXTS = ["\ud800 lone", "nul \0 inside", "\udfff", "high \ud83d"]


@pytest.mark.parametrize("bodies", ["full", "anonymized", "none"])
@pytest.mark.parametrize("text", BAD_TEXTS)
def test_texts_no_database_takes_are_stored_repaired(bodies: str, text: str, tmp_path: Path) -> None:
    frame = a_frame(bodies)
    escaped = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})
    said = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})
    call, known = called(a_call(CALL, body=escaped.encode()), frame)
    row = answered(an_answer(CALL, body=said.encode()), frame, known)
    store = Store(str(tmp_path / "s.duckdb"))
    store.prepare()
    committed = store.commit(Round(calls=(call,), exchanges=(row,)))
    assert (committed.calls, committed.exchanges, committed.quarantined) == (1, 1, ())


def test_a_request_with_invalid_utf8_is_stored_and_says_so(tmp_path: Path) -> None:
    call, _ = called(a_call(CALL, body=b'{"model":"m","messages":[{"role":"user","content":"caf\xe9"}]}'), a_frame())
    store = Store(str(tmp_path / "s.duckdb"))
    store.prepare()
    assert store.commit(Round(calls=(call,))).calls == 1
    assert call.notes is not None and "invalid UTF-8" in call.notes
    assert call.prompt_text == "caf\ufffd"


@given(body=st.binary(max_size=300), status=st.integers(0, 999), encoding=st.sampled_from(["", "gzip", "br", "zstd", "deflate", "x"]))
@pytest.mark.parametrize("bodies", ["full", "anonymized", "none"])
def test_no_bytes_stop_the_recorder(bodies: str, body: bytes, status: int, encoding: str) -> None:
    frame = a_frame(bodies)
    headers = {"content-encoding": encoding, "content-type": "text/event-stream"}
    for dialect in frame.readers:
        call, known = called(a_call(CALL, body=body, dialect=dialect, headers=headers), frame)
        row = answered(an_answer(CALL, body=body, dialect=dialect, status=status, headers=headers), frame, known)
        assert "not read: " not in f"{call.notes}{row.notes}"


def test_a_fault_of_a_reader_is_a_note_and_not_an_exception() -> None:
    frame = a_frame()
    object.__setattr__(frame, "readers", {"openai.chat": None.__class__})
    assert called(a_call(CALL), frame)[0].notes == "not read: AttributeError"
    assert answered(an_answer(CALL), frame).notes is not None


def test_every_recorded_exchange_becomes_two_rows_and_nearly_all_have_their_usage() -> None:
    frame = a_frame()
    found: Counter[str] = Counter()
    for record in corpus("exchanges/exchanges.jsonl"):
        if record["dialect"] in frame.readers:
            call, row = both(record, frame)
            assert "not read" not in f"{call.notes}{row.notes}"
            found[row.outcome] += 1
            found[str(row.usage_source)] += 1
    assert found["answered"] > 700
    assert found["provider"] > 0.9 * found["answered"]
    assert found["errored"] >= 34


def both(record: dict[str, Any], frame: Frame) -> tuple[Call, Exchange]:
    said = record["response"]["body"]
    body = said.encode() if isinstance(said, str) else orjson.dumps(said)
    kind = {"content-type": "text/event-stream" if record["response"]["sse"] else "application/json"}
    path = urlsplit(str(record["request"]["url"])).path
    call, known = called(a_call(CALL, body=orjson.dumps(record["request"]["body"]), dialect=record["dialect"], path=path), frame)
    row = answered(an_answer(CALL, body=body, status=record["response"]["status"], headers=kind, dialect=record["dialect"]), frame, known)
    return call, row

"""Batches of OpenAI and Anthropic: requests and answers find each other whatever their order, and nobody is lost who finds nobody."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.importers import ImportOptions
from tests.replay.importers.kit import ASKED, brought, chat_answer, fitness, lines_in, raw, request


def asked(id: str, **more: object) -> dict[str, object]:
    return {"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o", "messages": ASKED, **more}}


def answered(id: str, text: str = "Paris.", status: int = 200) -> dict[str, object]:
    body = (
        chat_answer(text) if status == 200 else {"error": {"message": "bad", "type": "invalid_request_error", "param": None, "code": None}}
    )
    return {"id": f"batch_req_{id}", "custom_id": id, "response": {"status_code": status, "request_id": "r", "body": body}, "error": None}


EXPIRED = {"id": "batch_req_9", "custom_id": "d", "response": None, "error": {"code": "batch_expired", "message": "not executed in time"}}


def test_openai_files_are_joined_in_whatever_order_they_come(tmp_path: Path) -> None:
    inputs = lines_in(tmp_path / "in.jsonl", asked("a"), asked("b"), asked("c"), asked("d"), asked("e"))
    outputs = lines_in(tmp_path / "out.jsonl", answered("c", "C"), answered("a", "A"))
    errors = lines_in(tmp_path / "err.jsonl", EXPIRED, answered("b", status=400))
    for files in ([inputs, outputs, errors], [errors, outputs, inputs]):
        records, malformed = brought("openai-batch", *files)
        assert malformed == []
        found = {record.call.case_id: record for record in records}
        told = {id: each.incumbent and (each.incumbent.outcome, each.incumbent.text, each.incumbent.status) for id, each in found.items()}
        assert told["a"] == ("answered", "A", 200) and told["c"] == ("answered", "C", 200)
        assert told["b"] == ("errored", "", 400) and told["e"] is None
        expired = found["d"].incumbent
        assert (
            expired and expired.outcome == "errored" and expired.error == "batch_expired: not executed in time" and expired.status is None
        )
        assert all(fitness(each) == ("replayable", "") and request(each)["messages"] == ASKED for each in records)
        assert raw(found["a"])["answer"]["custom_id"] == raw(found["a"])["request"]["custom_id"] == "a"


def test_every_endpoint_of_a_batch_has_its_dialect(tmp_path: Path) -> None:
    bodies = [
        ("/v1/responses", {"model": "m", "input": "hi"}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hi"}),
        ("/v1/completions", {"model": "m", "prompt": "hi"}),
        ("/v1/moderations", {"input": "hi"}),
        ("/v1/videos", {"prompt_": "hi"}),
    ]
    path = lines_in(
        tmp_path / "in.jsonl",
        *({"custom_id": str(place), "method": "POST", "url": url, "body": body} for place, (url, body) in enumerate(bodies)),
    )
    records, malformed = brought("openai-batch", path)
    assert [record.call.dialect for record in records] == [
        "openai.responses",
        "openai.embeddings",
        "openai.completions",
        "openai.moderations",
    ]
    assert [record.call.path for record in records] == [url for url, _ in bodies[:4]]
    assert fitness(records[1])[0] == "not_replayable" and str(malformed[0]) == "in.jsonl:5: no dialect answers /v1/videos"


def test_requests_keep_every_byte_of_their_body(tmp_path: Path) -> None:
    body = '{"model" : "m","messages":[{"role":"user","content":"\\u00e9"}],"temperature":1.0, "seed":12345678901234567890123}'
    (record,), _ = brought(
        "openai-batch", lines_in(tmp_path / "in.jsonl", f'{{"custom_id":"a","url":"/v1/chat/completions","body":{body}}}')
    )
    assert bytes(record.call.request).decode() == body


def test_an_answer_that_nobody_asked_for_is_a_record_and_counted(tmp_path: Path) -> None:
    options = ImportOptions()
    (record,), malformed = brought(
        "openai-batch", lines_in(tmp_path / "out.jsonl", answered("a"), {"custom_id": 5, "response": {}}), options=options
    )
    assert fitness(record) == ("not_replayable", "no request: only its answer") and record.incumbent and record.incumbent.text == "Paris."
    assert options.counts["answers without a request"] == 1 and [str(each) for each in malformed] == ["out.jsonl:2: no custom_id"]


def test_the_same_id_twice_takes_the_answers_in_their_order(tmp_path: Path) -> None:
    options = ImportOptions()
    path = lines_in(tmp_path / "all.jsonl", asked("a"), answered("a", "first"), asked("a"), answered("a", "second"), answered("a", "third"))
    records, _ = brought("openai-batch", path, options=options)
    assert [record.incumbent.text for record in records if record.incumbent] == ["first", "second", "third"]
    assert len({record.call.id for record in records}) == 3 and options.counts == {"duplicate ids": 2, "answers without a request": 1}


def test_ids_of_two_batches_that_count_alike_differ(tmp_path: Path) -> None:
    (one,), _ = brought("openai-batch", lines_in(tmp_path / "x", asked("request-1")))
    (other,), _ = brought("openai-batch", lines_in(tmp_path / "y", asked("request-1", temperature=1)))
    assert one.call.id != other.call.id and one.call.case_id == other.call.case_id == "request-1"


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x-1",
    "content": [{"type": "text", "text": "Paris."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 11, "output_tokens": 3},
}


@pytest.mark.parametrize(
    ("result", "outcome", "status", "text"),
    [
        ({"type": "succeeded", "message": MESSAGE}, "answered", 200, "Paris."),
        ({"type": "succeeded", "message": {**MESSAGE, "stop_reason": "refusal", "content": []}}, "refused", 200, ""),
        ({"type": "errored", "error": {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}}, "errored", 529, ""),
        ({"type": "errored", "error": {"type": "invalid_request_error", "message": "no"}}, "errored", 400, ""),
        ({"type": "expired"}, "errored", None, None),
        ({"type": "canceled"}, "errored", None, None),
    ],
)
def test_anthropic_results(tmp_path: Path, result: dict[str, object], outcome: str, status: int | None, text: str | None) -> None:
    params = {"model": "claude-x", "max_tokens": 100, "messages": [{"role": "user", "content": "The capital of France?"}]}
    results = lines_in(tmp_path / "results.jsonl", {"custom_id": "a", "result": result})
    (record,), malformed = brought("anthropic-batch", results, lines_in(tmp_path / "in.jsonl", {"custom_id": "a", "params": params}))
    assert (
        malformed == [] and request(record) == params and (record.call.dialect, record.call.path) == ("anthropic.messages", "/v1/messages")
    )
    answer = record.incumbent
    assert answer and (answer.outcome, answer.status, answer.text) == (outcome, status, text)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.integers(0, 6), max_size=12), st.lists(st.integers(0, 6), max_size=12), st.integers(0, 9), st.integers())
def test_requests_and_answers_add_up(tmp_path: Path, asking: list[int], answering: list[int], bad: int, seed: int) -> None:
    rows: list[object] = [asked(str(id)) for id in asking] + [answered(str(id)) for id in answering] + ["{"] * bad
    rows.append(asked("alone"))
    random.Random(seed).shuffle(rows)
    options = ImportOptions()
    records, malformed = brought("openai-batch", lines_in(tmp_path / "all.jsonl", *rows), options=options)
    joined = sum(1 for record in records if record.incumbent and bytes(record.call.request))
    assert len(records) + joined + len(malformed) == len(rows) and len(malformed) == bad
    assert joined == sum(min(asking.count(id), answering.count(id)) for id in set(asking))
    assert len({record.call.id for record in records}) == len(records)
    assert options.counts["answers without a request"] == len(answering) - joined

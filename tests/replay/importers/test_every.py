"""What holds for every importer: its format is recognised, all rows are accounted for, no bytes make it raise anything but Wrong."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.archive.reader import Archive
from replay.archive.record import Header, Record, decode_record, encode
from replay.archive.writer import ArchiveWriter
from replay.faults import Wrong
from replay.importers import FORMATS, ImportOptions, guess
from tests.replay.importers.kit import brought, document_in, lines_in
from tests.replay.importers.test_batches import MESSAGE, answered, asked
from tests.replay.importers.test_har import entry, har
from tests.replay.importers.test_logs import OBSERVED, PAYLOAD
from tests.replay.importers.test_otel import NEW, OLD, console, flat, otlp, otlp_span

ROWS: dict[str, list[Any]] = {
    "jsonl": [
        {"prompt": "a", "expected": "b"},
        {"messages": [{"role": "user", "content": "x"}], "response": {"role": "assistant", "content": "y"}},
    ],
    "openai-batch": [asked("a"), answered("a"), answered("b", status=400)],
    "anthropic-batch": [
        {"custom_id": "a", "params": {"model": "c", "max_tokens": 1, "messages": []}},
        {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}},
    ],
    "litellm": [PAYLOAD],
    "langfuse": [OBSERVED, {**OBSERVED, "type": "SPAN"}],
    "otel": [flat(NEW), flat(OLD), otlp_span(NEW)],
    "azure-trace": [{"t": 0, "in_tok": 5, "out_tok": 1}],
    "mooncake": [
        {"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [1]},
        {"t": 0, "in_tok": 5, "out_tok": 1, "blocks": 1, "prefix_blocks": 0},
    ],
    "burstgpt": [{"Timestamp": 1, "Request tokens": 5, "Response tokens": 3, "Model": "m"}],
}
TABLES = {
    "csv": "id,question,label\n1,x,y\n",
    "azure-trace": "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n",
    "burstgpt": "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n",
    "langfuse": "id,trace_id,type,input,output\n1,t,GENERATION,hi,ho\n",
}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["{", "[]", "user", "***", "1e400", "2026-01-01", "\ud800", "image_url"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.sampled_from(["role", "content", "type", "tool_calls", "parts"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def test_every_importer_is_named_as_promised() -> None:
    assert list(FORMATS) == [
        "jsonl",
        "csv",
        "openai-batch",
        "anthropic-batch",
        "litellm",
        "langfuse",
        "otel",
        "har",
        "azure-trace",
        "mooncake",
        "burstgpt",
        "archive",
    ]
    assert all(importer.name == name and 20 < len(importer.about) < 130 for name, importer in FORMATS.items())


@pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, found in ROWS.items() if name != "burstgpt" for place in range(len(found))]
)
def test_a_format_is_guessed_by_its_rows(tmp_path: Path, name: str, place: int) -> None:
    row = ROWS[name][place]
    for file in (lines_in(tmp_path / "x", row, row), document_in(tmp_path / "y", [row, row]), document_in(tmp_path / "z", row)):
        assert guess(file) == name


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_guessed_by_its_header_and_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_text(TABLES[name])
    records, malformed = brought(name, tmp_path / "x")
    assert guess(tmp_path / "x") == name and len(records) == 1 and malformed == []


@pytest.mark.parametrize("name", [*ROWS, "har", "csv"])
def test_what_comes_in_is_an_archive_whatever_it_came_from(tmp_path: Path, name: str) -> None:
    source = document_in(tmp_path / "x", har(entry(), entry())) if name == "har" else tmp_path / "x"
    if name == "csv":
        source.write_text(TABLES["csv"])
    elif name != "har":
        lines_in(source, *ROWS[name])
    head = Header(format="understudy-archive", version=1, created_at=datetime(2026, 1, 1, tzinfo=UTC), by="test", anonymized=False)
    with ArchiveWriter(tmp_path / "a.zst", head) as out:
        for found in FORMATS[name].read([source], ImportOptions(source_name="old")):
            if isinstance(found, Record):
                out.add(found)
    assert Archive(tmp_path / "a.zst").verified().calls == out.calls > 0
    answers = [record.incumbent for record in Archive(tmp_path / "a.zst").records()]
    assert {answer.target for answer in answers if answer} <= {"old"}


def test_a_format_is_guessed_behind_broken_lines(tmp_path: Path) -> None:
    assert (
        guess(lines_in(tmp_path / "a", "oops", "{", PAYLOAD)) == "litellm"
        and guess(lines_in(tmp_path / "b", "", {}, OBSERVED)) == "langfuse"
    )


def test_documents_are_guessed_and_strangers_are_not(tmp_path: Path) -> None:
    long = entry(text="x" * 100_000)
    assert guess(document_in(tmp_path / "a", har(long, long))) == "har" and guess(lines_in(tmp_path / "b", har(long))) == "har"
    assert guess(document_in(tmp_path / "c", otlp(otlp_span(NEW)))) == "otel" and guess(document_in(tmp_path / "d", console(OLD))) == "otel"
    assert guess(lines_in(tmp_path / "e", {"colour": "red"})) is None and guess(lines_in(tmp_path / "f", "a b c")) is None


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_rows_of_any_sort_are_all_accounted_for(tmp_path: Path, data: st.DataObject) -> None:
    """Mutated rows: fields dropped, or replaced by anything. Each is a record that an archive takes, or named by its line."""
    name = data.draw(st.sampled_from([name for name in ROWS if not name.endswith("-batch")]))
    rows: list[Any] = []
    for _ in range(data.draw(st.integers(1, 4))):
        row = json.loads(json.dumps(data.draw(st.sampled_from(ROWS[name]))))
        for key in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
            row[key] = data.draw(values)
        for inner in [each for each in row.values() if isinstance(each, dict) and each]:
            if data.draw(st.booleans()):
                inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(values)
        rows.append(data.draw(st.just("{") | st.just("null") | values.map(json.dumps)) if data.draw(st.integers(0, 4)) == 0 else row)
    told = [each if isinstance(each, str) else json.dumps(each) for each in [*rows, ROWS[name][0]]]
    records, malformed = brought(name, lines_in(tmp_path / "x.jsonl", *told))
    assert len(records) + len(malformed) == len(told)
    assert len({record.call.id for record in records}) == len(records)
    assert all(record.fitness and (record.fitness.verdict == "replayable") == (record.fitness.reason == "") for record in records)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=300), st.sampled_from([name for name in FORMATS if name != "archive"]))
def test_no_bytes_raise_anything_but_wrong(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    try:
        guess(path)
        for each in FORMATS[name].read([path], ImportOptions()):
            assert not isinstance(each, Record) or decode_record(encode(each))
    except Wrong as wrong:
        assert "\n" not in str(wrong)


@pytest.mark.parametrize("levels", [150, 500, 5_000, 100_000])
def test_deep_nesting_spoils_one_row_at_most(tmp_path: Path, levels: int) -> None:
    deep = "[" * levels + "]" * levels
    path = lines_in(tmp_path / "x.jsonl", {"prompt": "a"}, f'{{"prompt": {deep}}}', {"prompt": deep}, {"prompt": "c"})
    records, malformed = brought("jsonl", path)
    assert len(records) + len(malformed) == 4 and len(records) >= 2


def test_an_archive_passes_through_and_a_second_one_of_it_is_told_apart(tmp_path: Path) -> None:
    records, _ = brought("jsonl", lines_in(tmp_path / "x.jsonl", {"prompt": "a"}, {"prompt": "b"}))
    head = Header(format="understudy-archive", version=1, created_at=datetime(2026, 1, 1, tzinfo=UTC), by="test", anonymized=False)
    path = tmp_path / "a.jsonl.zst"
    with ArchiveWriter(path, head) as out:
        for record in records:
            out.add(record)
    options = ImportOptions()
    found, malformed = brought("archive", path, path, options=options)
    assert guess(path) == "archive" and malformed == [] and found[:2] == list(Archive(path).records())
    assert len({uuid.UUID(record.call.id) for record in found}) == 4 and options.counts == {"duplicate ids": 2}

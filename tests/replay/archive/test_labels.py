"""Labels find their calls by id, case or text, all of them, or nothing is written."""

import csv
from pathlib import Path

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.archive.labels import hash_of, label, labels_from, text_hash
from replay.archive.reader import Archive
from replay.archive.record import Expected, ExpectedTool
from replay.archive.writer import part_of
from replay.faults import Wrong
from tests.replay.archive.made import a_record, a_request, an_id, read, written


def calls(folder: Path, **header: object) -> Path:
    records = [
        a_record(1, a_request("What is  the capital\nof France?", system="Be brief.")),
        a_record(2, a_request("two"), call={"case_id": "case-2"}, tags=["old"]),
        a_record(3, a_request("two"), call={"case_id": "case-2"}),
        a_record(4, a_request("four"), expected=Expected(text="former"), why="former"),
        a_record(5, b"no json"),
    ]
    return written(folder / "calls.jsonl.zst", records, **header)  # type: ignore[arg-type]


def a_file(folder: Path, text: str | bytes, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_labels_come_by_call_case_and_text(tmp_path: Path) -> None:
    by_text = hash_of("be brief. what is the capital of france?")
    text = (
        f'call_id,case_id,text_hash,expected,tags,why\n{an_id(4)},,,new,,\n,case-2,,zwei,"edge, hard",seen\n,,{by_text.upper()},Paris,,\n'
    )
    out = tmp_path / "out.jsonl.zst"
    report = label(calls(tmp_path), a_file(tmp_path, text), out)
    one, two, three, four, five = read(out)
    assert (one.expected, four.expected, five.expected) == (Expected(text="Paris"), Expected(text="new"), None)
    assert two.expected == three.expected == Expected(text="zwei") and (two.tags, three.tags) == (["old", "edge", "hard"], ["edge", "hard"])
    assert (two.why, four.why) == ("seen", "former")
    assert (report.labels, report.labelled, report.replaced, report.by) == (3, 4, 1, {"call_id": 1, "case_id": 2, "text_hash": 1})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"text": "a"}, Expected(text="a")),
        ({"label": "spam"}, Expected(label="spam")),
        ({"behaviour": "refuse"}, Expected(behaviour="refuse")),
        ({"json": {"a": 1}}, Expected(json=msgspec.Raw(b'{"a":1}'))),
        ({"json": '{"a":1}'}, Expected(json=msgspec.Raw(b'{"a":1}'))),
        ({"tool_call": {"name": "f", "arguments": {"x": 2}}}, Expected(tool_call=ExpectedTool(name="f", arguments={"x": 2}))),
        ({"expected": {"label": "spam"}}, Expected(label="spam")),
        ({"expected": '{"label":"spam"}'}, Expected(label="spam")),
        ({"expected": "{curly text"}, Expected(text="{curly text")),
        ({"expected": "plain"}, Expected(text="plain")),
        ({"tags": ["a", "b"]}, None),
        ({"why": "seen"}, None),
    ],
)
def test_a_row_says_one_thing_of_five(tmp_path: Path, row: dict[str, object], expected: Expected | None) -> None:
    lines = a_file(tmp_path, b"\n" + orjson.dumps({"call_id": "x", **row}) + b"\n\n", "labels.jsonl")
    (found,) = labels_from(lines).by.values()
    assert found.expected == expected and found.where.endswith(":2")
    if all(isinstance(value, str) for value in row.values()):
        with (tmp_path / "same.csv").open("w", newline="") as file:
            csv.writer(file, delimiter=";").writerows([["call_id", *row], ["x", *row.values()]])
        assert next(iter(labels_from(tmp_path / "same.csv").by.values())).expected == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("call_id,expected\nabsent-1,x\nabsent-2,x\nabsent-3,x\nabsent-4,x\n", "4 labels for calls that"),
        (f"call_id,expected\n{an_id(1)},a\n{an_id(1)},b\n", "another label"),
        (f"call_id,case_id,expected\n{an_id(2)},,a\n,case-2,b\n", "another label"),
        (f"call_id,expected,label\n{an_id(1)},a,b\n", "label and expected"),
        (f"call_id,expected\n{an_id(1)}\n", "1 fields"),
        (f"call_id,colour,expected\n{an_id(1)},red,x\n", "colour"),
        ("name,expected\nx,y\n", "columns name, expected"),
        ("call_id,call_id\nx,y\n", "columns"),
        ("call_id,expected\n,y\n", "without a call"),
        (f"call_id,expected\n{an_id(1)},\n", "nothing said"),
        ("call_id,expected\n", "no label"),
        ('call_id,expected\n"a\nb\x1b[31m",\n', "nothing said about call_id a\ufffdb\ufffd"),
        ("", "columns|no label"),
        (f'call_id,json\n{an_id(1)},"{{no"\n', "no JSON"),
        (f"call_id,behaviour\n{an_id(1)},dance\n", "dance"),
        (f'{{"call_id":"{an_id(1)}","text":"a"}}\nnot json\n', ":2: found no JSON"),
        (f'{{"call_id":"{an_id(1)}","text":"a"}}\n[1]\n', ":2: found a JSON list"),
        (f'{{"call_id":"{an_id(1)}","expected":{{"a":1}}}}\n', "expected with a"),
        (f'{{"call_id":"{an_id(1)}","text":3}}\n', "text"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'call_id,expected\n"x,y\n', "CSV|fields|columns"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(tmp_path: Path, text: str | bytes, words: str) -> None:
    out = tmp_path / "out.jsonl.zst"
    with pytest.raises(Wrong, match=words) as wrong:
        label(calls(tmp_path), a_file(tmp_path, text), out)
    assert "\n" not in str(wrong.value) and not out.exists() and not part_of(out).exists()


def test_of_unknown_calls_the_first_three_are_named(tmp_path: Path) -> None:
    rows = "".join(f"absent-{number},x\n" for number in range(1, 6))
    with pytest.raises(Wrong, match=r"5 labels .*absent-1, absent-2, absent-3 and 2 more"):
        label(calls(tmp_path), a_file(tmp_path, f"call_id,expected\n{rows}"), tmp_path / "out.jsonl.zst")


def test_labels_make_the_next_version_of_a_set(tmp_path: Path) -> None:
    path = calls(tmp_path, frozen=True, set_version=2)
    out = tmp_path / "out.jsonl.zst"
    label(path, a_file(tmp_path, f"call_id,label\n{an_id(1)},a\n"), out)
    found = Archive(out).verified().header
    assert found.set_version == 3 and found.selection["history"][0]["labelled"] == 1 and Archive(path).header().set_version == 2


def test_the_same_label_twice_is_one(tmp_path: Path) -> None:
    assert len(labels_from(a_file(tmp_path, f"call_id,label\n{an_id(1)},a\n{an_id(1)},a\n")).by) == 1


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip() != ""))
def test_a_text_has_the_hash_of_its_normal_form(text: str) -> None:
    found = text_hash(a_record(1, a_request(text)))
    assert found == hash_of(f"  {text.lower()}\n") and len(found) == 64


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    data=st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: ("call_id,expected\n" + text).encode())
    | st.text(max_size=100).map(lambda text: ("{" + text).encode())
)
def test_no_file_is_more_than_a_fault(tmp_path: Path, data: bytes) -> None:
    path = a_file(tmp_path, data)
    try:
        assert labels_from(path).by
    except Wrong as wrong:
        assert "\n" not in str(wrong)

"""An archive's file: whole or not there, checked line by line, one clear sentence for whatever is wrong with it."""

import random
import shutil
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.archive.reader import Archive
from replay.archive.record import Expected, Header, Record, RecordedCall, as_request, body_of, decode_record, encode
from replay.archive.writer import ArchiveWriter, part_of
from replay.faults import Wrong

HEAD = Header(format="understudy-archive", version=1, created_at=datetime(2026, 11, 1, tzinfo=UTC), by="test", anonymized=True)


def a_record(text: str = "hello", number: int = 0) -> Record:
    request, words = as_request(msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": text}]}))
    call = RecordedCall(
        id=str(uuid.UUID(int=number)), dialect="openai.chat", path="/v1/chat/completions", request=request, request_text=words
    )
    return Record(call=call)


def an_archive(path: Path, count: int = 3, size: int = 10) -> Path:
    made = random.Random(1)
    with ArchiveWriter(path, HEAD) as out:
        for number in range(count):
            out.add(a_record(made.randbytes(size).hex(), number))
    return path


def fault_of(path: Path, **options: int) -> str:
    with pytest.raises(Wrong) as wrong:
        Archive(path, **options).verified()
    line = str(wrong.value)
    assert "\n" not in line and str(path) in line
    return line


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "a.jsonl.zst", 2500, 600)
    found = Archive(path).verified()
    assert found.calls == 2500 and found.header == HEAD
    assert [record.call.id for record in Archive(path).records()] == [str(uuid.UUID(int=number)) for number in range(2500)]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd command here")
def test_zstd_and_any_json_tool_read_it(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "a.jsonl.zst", 2500, 600)
    text = subprocess.run(["zstd", "-dc", str(path)], check=True, capture_output=True).stdout
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    assert lines[0]["format"] == "understudy-archive" and lines[-1]["calls"] == 2500
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(text)
    assert Archive(plain).verified().calls == 2500


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(
        msgspec.json.encode
    )
)
def test_a_body_survives_the_archive(body: bytes) -> None:
    request, text = as_request(body)
    line = encode(Record(call=RecordedCall(id="x", dialect="d", path="/", request=request, request_text=text)))
    assert b"\n" not in line
    again = body_of(decode_record(line).call)
    assert again == (body.strip() if bytes(request) else body.decode("utf-8", "replace").encode())


def test_a_request_over_several_lines_keeps_its_numbers_and_its_order() -> None:
    body = b'{\n "b": 12345678901234567890123, "a": 1.0e2,\r\n "a": 2}'
    request, _ = as_request(body)
    line = encode(Record(call=RecordedCall(id="x", dialect="d", path="/", request=request)))
    assert body_of(decode_record(line).call) == body.replace(b"\n", b" ").replace(b"\r", b" ")


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        ({"text": "a"}, True),
        ({"behaviour": "refuse"}, True),
        ({"json": {"a": 1}}, True),
        ({"tool_call": {"name": "f"}}, True),
        ({}, False),
        ({"text": "a", "label": "b"}, False),
        ({"behaviour": "dance"}, False),
        ({"words": "a"}, False),
    ],
)
def test_what_is_expected_is_one_thing_of_five(said: dict[str, object], fine: bool) -> None:
    line = msgspec.json.encode({"call": {"id": "x", "dialect": "d", "path": "/"}, "expected": said})
    if fine:
        found = decode_record(line).expected
        assert isinstance(found, Expected) and msgspec.json.decode(msgspec.json.encode(found)) == (
            said if "tool_call" not in said else {"tool_call": {"name": "f", "arguments": None}}
        )
    else:
        with pytest.raises(msgspec.ValidationError):
            decode_record(line)


# ---- what is wrong with a file


def test_a_cut_file_is_not_whole(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "a.jsonl.zst", 3000, 600)
    data = path.read_bytes()
    for size in (len(data) - 10, len(data) - 40, len(data) // 2, 5, 1):
        path.write_bytes(data[:size])
        fault_of(path)


def test_an_archive_without_its_last_line_says_so(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "a.jsonl.zst")
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    path.write_bytes(zstandard.compress(b"\n".join(text.split(b"\n")[:-2]) + b"\n"))
    assert "no trailer after line 4" in fault_of(path)


def test_an_edited_line_is_noticed(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "a.jsonl.zst")
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    path.write_bytes(zstandard.compress(text.replace(b'"role":"user"', b'"role":"usEr"', 1)))
    assert "a line was edited" in fault_of(path)
    path.write_bytes(zstandard.compress(text.replace(b'"dialect":', b'"dialect"', 1)))
    assert f"{path}:2" in fault_of(path)


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard.compress(b'{"format":"understudy-archive","version":2}\n{"end":true,"calls":0,"sha256":""}\n'))
    assert "version 2" in fault_of(path) and "version 1" in fault_of(path)


def test_an_endless_line_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as out:
        out.write(encode(HEAD) + b"\n")
        for _ in range(64):
            out.write(b"x" * (1 << 20))
    assert f"{path}:2: found a line of more than" in fault_of(path, line_max_bytes=4 << 20)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01\x02\x03" * 100,
        b"hello\n",
        b"{}\n",
        b"[1]\n",
        b"\x28\xb5\x2f\xfd",
        b"\x28\xb5\x2f\xfd" + b"\xff" * 40,
        b"\n\n",
        b"\x1f\x8b\x08",
    ],
)
def test_what_is_no_archive_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(data)
    fault_of(path)


def test_no_file_and_a_folder_are_named(tmp_path: Path) -> None:
    fault_of(tmp_path / "none")
    fault_of(tmp_path)


def test_the_same_id_twice_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    with ArchiveWriter(path, HEAD) as out:
        out.add(a_record("a", 7))
        out.add(a_record("b", 7))
    assert f"{path}:3" in fault_of(path) and "a second time" in fault_of(path)


# ---- writing


def test_nothing_stands_under_the_name_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    with pytest.raises(RuntimeError), ArchiveWriter(path, HEAD) as out:
        out.add(a_record())
        assert not path.exists()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "a.jsonl.zst")
    with pytest.raises(Wrong, match="there already"):
        ArchiveWriter(path, HEAD)
    with pytest.raises(Wrong, match="No such file"):
        ArchiveWriter(tmp_path / "none" / "a", HEAD)


@pytest.mark.parametrize("cut", [0, 1, 1000, -1, 20])
def test_an_interrupted_writing_goes_on_where_it_was(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl.zst"
    made = random.Random(2)
    records = [a_record(made.randbytes(600).hex(), number) for number in range(4000)]
    with pytest.raises(KeyboardInterrupt), ArchiveWriter(path, HEAD, keep_part=True) as out:
        for record in records[:3000]:
            out.add(record)
        raise KeyboardInterrupt
    part = part_of(path)
    part.write_bytes(part.read_bytes()[: cut or None] if cut >= 0 else part.read_bytes()[:cut])
    with ArchiveWriter(path, HEAD, resume=True) as out:
        taken = set(out.taken)
        for record in records:
            if record.call.id not in taken:
                out.add(record)
    assert len(taken) > 1000 or cut in (1, 20, 1000)
    assert Archive(path).verified().calls == 4000
    assert [record.call.id for record in Archive(path).records()] == [record.call.id for record in records]

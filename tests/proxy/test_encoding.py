"""Content-Encoding undone: every coding, cut at every byte, bombs, and the clock carried over."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from proxy.encoding import Decoded, decode
from proxy.exchange import Unreadable

PLAIN = b"".join(b'data: {"n": %d, "words": "of an answer"}\n\n' % n for n in range(40))
LIMIT = 1_000_000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstandard.compress),
    ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    ("deflate,identity , ZSTD", lambda data: zstandard.compress(zlib.compress(data))),
    ("identity", bytes),
    ("", bytes),
]
each_coding = pytest.mark.parametrize(("name", "pack"), CODINGS)


def decoded(body: bytes, name: str, limit: int = LIMIT, marks: list[tuple[int, int]] | None = None) -> Decoded:
    found = decode(body, name, limit, marks or [])
    assert isinstance(found, Decoded), found
    return found


@each_coding
def test_what_was_packed_comes_out(name: str, pack: Callable[[bytes], bytes]) -> None:
    assert decoded(pack(PLAIN), name) == Decoded(body=PLAIN)
    assert decoded(b"", name) == Decoded(body=b"")


@each_coding
def test_a_body_as_long_as_the_bound_is_whole_and_one_byte_more_is_not(name: str, pack: Callable[[bytes], bytes]) -> None:
    assert decoded(pack(PLAIN), name, len(PLAIN)).fault is None
    short = decoded(pack(PLAIN), name, len(PLAIN) - 1)
    assert short.body == PLAIN[:-1]
    assert short.fault is not None and "longer than" in short.fault


@each_coding
def test_a_body_that_breaks_off_gives_its_beginning_and_says_so(name: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(PLAIN)
    for cut in range(1, len(packed)):
        part = decoded(packed[:cut], name)
        assert PLAIN.startswith(part.body)
        assert part.fault or packed is PLAIN or name in ("", "identity")


@each_coding
def test_marks_follow_the_bytes(name: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(PLAIN)
    marks = [(n * 10, n) for n in range(1, len(packed) + 1)]
    found = decoded(packed, name, marks=marks)
    assert found.body == PLAIN
    assert [at for at, _ in found.marks] == [at for at, _ in marks]
    assert found.marks[-1][1] == len(PLAIN)
    assert list(found.marks) == sorted(found.marks)


def test_the_first_event_of_a_flushed_stream_has_its_own_mark() -> None:
    packer, packed, marks = zlib.compressobj(wbits=zlib.MAX_WBITS | 16), b"", list[tuple[int, int]]()
    for n, event in enumerate((b"data: 1\n\n", b"data: 22\n\n", b"data: 333\n\n")):
        packed += packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)
        marks.append((n, len(packed)))
    assert decoded(packed + packer.flush(), "gzip", marks=marks).marks == ((0, 9), (1, 19), (2, 30))


def test_several_gzip_members_and_zstd_frames_are_one_body() -> None:
    assert decoded(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip").body == b"one two"
    assert decoded(zstandard.compress(b"one ") + zstandard.compress(b"two"), "zstd").body == b"one two"
    assert decoded(gzip.compress(b"one") + b"\0\0\0", "gzip") == Decoded(body=b"one")


@pytest.mark.parametrize("name", ["foo", "gzip, foo", "gzip,gzip,gzip,gzip,gzip"])
def test_a_coding_nobody_knows_is_unreadable(name: str) -> None:
    assert isinstance(decode(b"x", name, LIMIT), Unreadable)


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_a_plain_body_labelled_as_packed_is_unreadable(name: str) -> None:
    assert isinstance(decode(b'{"a": "plain body, mislabelled"}' * 9, name, LIMIT), Unreadable)


@pytest.mark.parametrize(("name", "pack"), [CODINGS[0], CODINGS[5], CODINGS[6]])
def test_a_bomb_is_defused(name: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(100_000_000))
    tracemalloc.start()
    found = decoded(bomb, name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.body) == LIMIT and found.fault
    assert peak < 20_000_000


@given(st.binary(max_size=200), st.sampled_from([name for name, _ in CODINGS]), st.lists(st.integers(0, 300)))
def test_garbage_is_decoded_or_unreadable(body: bytes, name: str, offsets: list[int]) -> None:
    found = decode(body, name, 1000, [(1, offset) for offset in sorted(offsets)])
    assert isinstance(found, Unreadable) or len(found.marks) == len(offsets)


@given(st.sampled_from(CODINGS), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_body_is_decoded_or_unreadable(coding: tuple[str, Callable[[bytes], bytes]], place: int, byte: int) -> None:
    packed = bytearray(coding[1](PLAIN))
    packed[place % len(packed)] = byte
    assert isinstance(decode(bytes(packed), coding[0], LIMIT), Decoded | Unreadable)

"""AWS's frames: what is whole is read, what does not agree with its checksums ends the reading, and nothing raises."""

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from proxy.eventstream import frames, is_framed


def framed(payload: bytes, **headers: str) -> bytes:
    """A frame as AWS writes it; `_` in a name stands for `-`."""
    packed = b"".join(
        bytes([len(name) + 1]) + b":" + name.replace("_", "-").encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 12 + len(packed) + len(payload) + 4, len(packed))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return head + struct.pack(">I", zlib.crc32(head))


ONE = framed(b'{"role":"assistant"}', event_type="messageStart", content_type="application/json", message_type="event")
TWO = framed(b'{"message":"slow down"}', exception_type="throttlingException", message_type="exception")


def test_frames_come_with_their_names_payloads_and_ends() -> None:
    first, second = frames(ONE + TWO)
    assert (first.name, first.payload, first.end, first.failed) == ("messageStart", b'{"role":"assistant"}', len(ONE), False)
    assert (second.name, second.end, second.failed) == ("throttlingException", len(ONE + TWO), True)
    assert is_framed(ONE) and not is_framed(b'{"message":"a plain error"}')


@given(st.integers(0, len(ONE + TWO)))
def test_a_stream_that_breaks_off_gives_its_whole_frames(cut: int) -> None:
    assert len(list(frames((ONE + TWO)[:cut]))) == (cut >= len(ONE)) + (cut == len(ONE + TWO))


@given(st.integers(0, len(ONE) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_never_taken_for_truth(place: int, flip: int) -> None:
    broken = bytearray(ONE)
    broken[place] ^= flip
    assert list(frames(bytes(broken) + TWO)) == []


@given(st.binary(max_size=200))
def test_any_bytes_end(data: bytes) -> None:
    assert sum(1 for _ in frames(data)) <= len(data) // 16
    for payload in frames(framed(data)):
        assert payload.payload == data


@given(st.binary(max_size=60))
def test_any_header_bytes_are_read_as_far_as_they_go(data: bytes) -> None:
    prelude = struct.pack(">II", 16 + len(data), len(data))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + data
    [frame] = frames(head + struct.pack(">I", zlib.crc32(head)))
    assert frame.payload == b"" and all(isinstance(value, str) for value in frame.headers.values())

"""Every recorded exchange, served again: byte for byte, plain, compressed and in chunks split anywhere."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.dialects import dialect_of
from tests.corpus import rows
from tests.fakes.upstream import Asked, Step, Upstream
from tests.proxy.relaying import Relaying, config
from tests.recorded import FRAMINGS, Framing, body_of, encoded, lines_of, request_bytes, response_bytes, split, target_of


@pytest.mark.parametrize("framing", FRAMINGS, ids=lambda framing: framing.__name__)
def test_every_recorded_exchange_comes_through_byte_for_byte(framing: Framing, tmp_path: Path) -> None:
    dice = random.Random(framing.__name__)
    recorded = list(rows("exchanges/exchanges.jsonl"))
    now: dict[str, Any] = {}

    def serve(asked: Asked) -> Iterator[Step]:
        yield from split(response_bytes(now, framing, dice), dice)  # torn anywhere, the head as well

    served = []
    with Upstream(serve) as up, Relaying(config(tmp_path, up.port)) as relay, relay.talk() as talk:
        for row in recorded:
            now, request, response = row, row["request"], row["response"]
            talk.send(*split(request_bytes(row, framing, dice), dice))
            answer = talk.answer()
            sent, got = encoded(framing, body_of(request)), encoded(framing, body_of(response))
            assert (answer.status, answer.reason) == (response["status"], b"Recorded"), row["id"]
            assert answer.body == got, row["id"]
            assert answer.lines == [*lines_of(response), *framing(body_of(response), random.Random(0))[0].split(b"\r\n")], row["id"]
            asked = up.asked[-1]
            assert (asked.target, asked.body) == (target_of(row), sent)
            assert asked.lines[1:] == [*lines_of(request), *framing(body_of(request), random.Random(0))[0].split(b"\r\n")], row["id"]
            if (dialect := dialect_of("POST", target_of(row).decode())) is not None:  # the others passed, and are only counted
                served.append((dialect.name, sent, got, response["status"]))
    assert len(recorded) == 1014 and len(served) > 700
    assert relay.last_beat.passthrough.get("main", 0) == len(recorded) - len(served)
    assert [event.dialect for event, _ in relay.calls] == [dialect for dialect, *_ in served]
    assert [body for _, body in relay.calls] == [sent for _, sent, _, _ in served]
    assert [(event.dialect, body, event.status) for event, body in relay.exchanges] == [
        (dialect, got, status) for dialect, _, got, status in served
    ]
    assert [event.id for event, _ in relay.calls] == [event.id for event, _ in relay.exchanges]

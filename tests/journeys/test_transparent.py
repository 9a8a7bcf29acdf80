"""Transparent, whatever becomes of the mirror: the same bytes in both directions with it off, on, failing and hanging."""

import itertools
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import rows
from tests.fakes.models import Models
from tests.fakes.upstream import Asked, Step, Upstream
from tests.harness import Serve, config, until
from tests.proxy.relaying import Talk
from tests.recorded import FRAMINGS, body_of, encoded, lines_of, request_bytes, response_bytes, split, target_of
from tests.uploads import uploads

TARGETS = '[targets.inc]\nurl = "http://127.0.0.1:{port}"\n[targets.cand]\nurl = "{candidate}"\ndeadline_s = 5\nmax_in_flight = 8\n'
ROUTE = '[[routes]]\nname = "main"\nincumbent = "inc"\n'


def talk_to(serve: Serve) -> Talk:
    assert serve.where is not None
    host, _, port = serve.where.listen.rpartition(":")
    return Talk(socket.create_connection((host, int(port)), 20))


@pytest.mark.parametrize("mirror", ["off", "on", "status:500", "hang"])
def test_all_recorded_exchanges_and_uploads_pass_unchanged_with_the_mirror(mirror: str, tmp_path: Path) -> None:
    recorded, dice = list(rows("exchanges/exchanges.jsonl")), random.Random(mirror)
    now: dict[str, Any] = {}

    def answer(asked: Asked) -> Iterator[Step]:
        if "row" in now:
            yield from split(response_bytes(now["row"], now["framing"], dice), dice)
        else:
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    shadow = "" if mirror == "off" else 'shadow = [ { target = "cand" } ]\n'
    with Upstream(answer) as up, Models("cand", fault="" if mirror in ("off", "on") else mirror) as candidate:
        text = config(TARGETS.format(port=up.port, candidate=candidate.url) + ROUTE + shadow)
        with Serve(tmp_path, text) as serve, talk_to(serve) as talk:
            for row, framing in itertools.product(recorded, FRAMINGS):
                now = {"row": row, "framing": framing}
                talk.send(*split(request_bytes(row, framing, dice), dice))
                got, asked = talk.answer(), up.asked[-1]
                assert got.status == row["response"]["status"], row["id"]
                assert got.body == encoded(framing, body_of(row["response"])), row["id"]
                assert got.lines[: len(lines_of(row["response"]))] == lines_of(row["response"]), row["id"]
                assert (asked.target, asked.body) == (target_of(row), encoded(framing, body_of(row["request"]))), row["id"]
            now = {}
            for upload in uploads(random.Random(mirror)):
                talk.send(*upload.parts)
                assert talk.answer().body == b"ok", upload.name
                assert up.asked[-1].body == upload.body, upload.name
            if mirror != "off":
                until(lambda: serve.metric("understudy_mirror_total", target="cand", decision="sent") > 0)
                assert len(candidate.seen) > 0

"""Transparent: what the upstream sent is what the client got, shown by a hop that saw both ends of the proxy."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from replay.selfcheck.asking import Question
from replay.selfcheck.hop import Hop
from replay.selfcheck.place import private_serve
from replay.selfcheck.row import Row, row
from replay.selfcheck.wire import differences, message

WAIT_S = 120.0


async def transparent(hop: Hop, questions: Iterable[Question], limit_usd: Decimal) -> tuple[list[Row], Decimal]:
    """A row per question, and what was spent at most (USD)."""
    rows: list[Row] = []
    spent = Decimal(0)
    async with hop, private_serve(f"http://127.0.0.1:{hop.port}") as serve:
        for question in questions:
            cost = question.usd or Decimal(0)
            if spent + cost > limit_usd:
                rows.append(row("transparent", question.name, [f"not asked: {cost:.4f} USD more than --limit-usd allows"], ""))
                continue
            spent += cost
            rows.append(await _asked(hop, serve.port, question))
    return rows, spent


async def _asked(hop: Hop, port: int, question: Question) -> Row:
    before = hop.seen()
    try:
        async with asyncio.timeout(WAIT_S):
            got = await _answer(port, question.raw)
    except (OSError, TimeoutError) as error:
        return row("transparent", question.name, [f"no answer: {type(error).__name__}"], "")
    up, down = (now[size:] for now, size in zip(hop.copies(), before, strict=True))
    wrong = differences(question.raw, up, "request") + differences(down, got, "answer")
    said = message(got)
    status = said.first.split(b" ")[1].decode() if said else "?"
    size = len(said.body) if said else 0
    note = "" if status.startswith("2") else ", not a 2xx but the same at both ends"
    return row("transparent", question.name, wrong, f"status {status}, {size:,} bytes of body identical{note}")


async def _answer(port: int, raw: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    try:
        return await reader.read(-1)  # the request says `Connection: close`
    finally:
        writer.close()

"""The day's budget against a model that really counts: a thousand calls at once, the shadow killed in between, and not a cent too much."""

import asyncio
import random
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from proxy.config_file import load
from replay.account import day_of
from replay.ledger import Ledger
from tests.harness import same_day
from tests.replay.kit import ANSWER, Worker, chat, config_text, decisions, model, until
from tests.replay.test_shadow_killed import ended, launched

CALLS, KILLS, LIMIT = 1000, 3, Decimal(1)
TARGET = "price = { input = 3, output = 12 }\nbudget_usd_per_day = 1\nmax_in_flight = 1000"
IMAGE = "data:image/png;base64," + "A" * 40_000


def a_body(number: int) -> dict[str, Any]:
    """Dear ones: some with an image, some without a limit, all different."""
    if number % 50 == 7:
        return chat([{"type": "text", "text": f"case {number}"}, {"type": "image_url", "image_url": {"url": IMAGE}}])  # type: ignore[arg-type]
    return chat(f"case {number} " + "word " * 40, max_tokens=None if number % 20 == 3 else 100)


def test_a_thousand_dear_calls_and_three_kills_cost_no_more_than_the_budget(tmp_path: Path) -> None:
    same_day()
    dice = random.Random(7)
    file, log = tmp_path / "understudy.toml", tmp_path / "log"
    bill: list[Decimal] = []

    async def counted(request: web.Request, body: bytes) -> web.StreamResponse:
        """Bills whatever it has read, whether or not anyone hears the answer; only an error of its own is free."""
        asked, image = orjson.loads(body), b"data:image" in body
        fate = dice.random()
        written = dice.randint(50, min(asked.get("max_tokens") or 16_000, 16_000))
        usage = {"prompt_tokens": 45_000 if image else len(body) // 5 + 600, "completion_tokens": written}
        if fate < 0.05:
            return web.json_response({"error": {"message": "scripted"}}, status=500)
        bill.append((3 * Decimal(usage["prompt_tokens"]) + 12 * Decimal(written)) / 1_000_000)
        await asyncio.sleep(dice.uniform(0, 0.4))
        if fate < 0.1 and request.transport is not None:
            request.transport.abort()
        return web.json_response({**ANSWER, "usage": usage})

    async def story() -> None:
        async with model(counted) as small:
            file.write_text(config_text(small.url, target=TARGET, top="[shadow]\nin_flight_max = 1000"), "utf-8")
            folder = load(file).journal_folder
            worker = Worker(folder)
            for life in range(KILLS + 1):
                process, before = await launched(file, log), len(small.seen)
                for number in range(life * CALLS // (KILLS + 1), (life + 1) * CALLS // (KILLS + 1)):
                    worker.call(a_body(number))
                if life < KILLS:
                    await until(lambda before=before, due=number + 1: len(small.seen) > before or len(decided(folder)) == due)
                    await asyncio.sleep(dice.uniform(0, 0.2))
                    await ended(process, signal.SIGKILL)
            await until(lambda: len(decided(folder)) == CALLS)
            await asyncio.sleep(0.5)
            assert await ended(process, signal.SIGTERM) == 0
            await worker.close()
            spent = sum(bill, Decimal(0))
            told = decided(folder)
            print(f"{len(bill)} of {CALLS} served for {spent:.4f} USD; {sum(each == 'over_budget' for each in told.values())} over budget")
            assert Decimal("0.2") < spent <= LIMIT
            assert set(told.values()) == {"sent", "over_budget"}
            account = Ledger(folder / "ledger").load()
            committed = account.committed(day_of(decisions(folder)[-1].at))["small"]
            assert account.open == {}
            assert spent <= committed <= LIMIT

    asyncio.run(story())
    assert b"Traceback" not in log.read_bytes(), log.read_text("utf-8")


def decided(folder: Path) -> dict[str, str]:
    return {each.id: each.decision for each in decisions(folder)}

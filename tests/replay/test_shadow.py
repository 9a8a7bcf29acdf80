"""The whole shadow: a worker's journal in, a model on loopback, a shadow's journal out."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

from proxy.config import Config
from replay.cast import stage
from replay.room import Room
from replay.shadow import Shadow
from tests.replay.kit import Worker, config, decisions, exchanges, journaled, model, until


@contextlib.asynccontextmanager
async def shadowing(settings: Config) -> AsyncGenerator[Shadow]:
    stop, room = asyncio.Event(), Room(settings.shadow.queue_max_bytes)
    shadow = Shadow(settings, stage(settings, b"key", {}, room), room, "shadow", stop)
    task = asyncio.get_running_loop().create_task(shadow.live())
    try:
        yield shadow
    finally:
        stop.set()
        await task


def test_a_chat_call_is_mirrored_end_to_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with model() as small:
            settings = config(tmp_path, small.url)
            worker = Worker(settings.journal_folder)
            async with shadowing(settings):
                call = worker.call()
                await until(lambda: len(exchanges(settings.journal_folder)) == 1)
            await worker.close()
            path, headers, body = small.seen[0]
            assert path == "/v1/chat/completions"
            assert body == {"model": "small-2", "messages": body["messages"], "max_tokens": 50, "store": False}
            assert headers["x-understudy-shadow"] == "1" and "Authorization" not in headers
            [decision] = decisions(settings.journal_folder)
            assert (decision.id, decision.target, decision.role, decision.decision) == (call.id, "small", "candidate", "sent")
            [passed] = [each for each in journaled(settings.journal_folder) if each.event in exchanges(settings.journal_folder)]
            [exchange] = exchanges(settings.journal_folder)
            assert (exchange.id, exchange.status, exchange.ended, exchange.seen) == (call.id, 200, "complete", False)
            assert exchange.rewrites == ["model big-1 → small-2", "store: false"]
            assert b"Paris." in passed.body

    asyncio.run(story())

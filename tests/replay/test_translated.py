"""A candidate that speaks another dialect: asked in its own words with its own key, reserved by what is sent, read in its own dialect."""

# pyright: standard

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from proxy.config import Price, Target
from proxy.dialects import BY_NAME
from proxy.events import CallEvent
from proxy.exchange import Answer
from replay.asked import ask
from replay.cost import pricer
from replay.leg import Leg
from replay.legs import Question
from tests.replay.kit import Worker, an_event, chat, config, decisions, exchanges, journaled, model, until
from tests.replay.test_shadow import shadowing

STREAM = (
    ("message_start", {"message": {"id": "m1", "model": "small-2-0601", "usage": {"input_tokens": 12, "output_tokens": 1}}}),
    ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Par"}}),
    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "is."}}),
    ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
    ("message_stop", {}),
)


async def claude(request: web.Request, body: bytes) -> web.StreamResponse:
    events = b"".join(b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps({"type": kind, **data})) for kind, data in STREAM)
    return web.Response(body=events, content_type="text/event-stream")


def test_a_streamed_chat_call_is_answered_by_a_candidate_of_another_dialect(tmp_path: Path) -> None:
    async def story() -> None:
        async with model(claude) as small:
            target = 'dialect = "anthropic"\napi_key_env = "KEY"\nprice = { input = 1.0, output = 2.0 }\nbudget_usd_per_day = 1'
            settings = config(tmp_path, small.url, target=target)
            worker = Worker(settings.journal_folder)
            async with shadowing(settings, KEY="sk-own"):
                worker.call(chat(stream=True, seed=1))
                await until(lambda: len(exchanges(settings.journal_folder)) == 1)
                worker.call(chat([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]))  # type: ignore[arg-type]
                worker.call(chat([{"type": "input_audio", "input_audio": {"data": "AAAA"}}]))  # type: ignore[arg-type]
                await until(lambda: len(decisions(settings.journal_folder)) == 3)
            await worker.close()
            [(path, headers, body)] = small.seen
            assert path == "/v1/messages" and headers["x-api-key"] == "sk-own" and "anthropic-version" in headers
            assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "What is the capital of France?"}]}]
            [exchange] = exchanges(settings.journal_folder)
            assert exchange.dialect == "anthropic.messages" and exchange.model == "small-2" and "lost: seed" in exchange.rewrites
            [answered] = [each for each in journaled(settings.journal_folder) if each.event == exchange]
            answer = BY_NAME[exchange.dialect].read_answer(exchange.status, exchange.headers["content-type"], answered.body)
            assert isinstance(answer, Answer) and answer.usage is not None
            assert (answer.text, answer.usage.input_tokens, answer.usage.output_tokens) == ("Paris.", 12, 5)
            assert [(each.decision, each.reason) for each in decisions(settings.journal_folder)[1:]] == [
                ("unportable", "image by URL"),
                ("unportable", "cannot be translated: content input_audio"),
            ]

    asyncio.run(story())


def question(body: dict[str, Any], **target: Any) -> tuple[Target, CallEvent, Question]:
    to = Target(url="http://127.0.0.1:9", model="m", dialect="anthropic", price=Price(input=0, output=1), **target)
    event = an_event()
    leg = Leg(
        name="small", role="candidate", target=to, share=1.0, reach="elsewhere", backend=None, pricer=None, breaker=None, door=None,  # type: ignore[arg-type]
    )  # fmt: skip
    found = leg.question(ask(event, orjson.dumps(body)))
    assert isinstance(found, Question)
    return to, event, found


def test_the_worst_case_is_of_what_is_sent_and_not_of_what_was_asked() -> None:
    body = {"model": "big-1", "messages": [{"role": "user", "content": "hi"}]}
    to, event, found = question(body)
    assert pricer(to).worst_case(ask(event, orjson.dumps(body)), found, 0) == Decimal(8192) / 1_000_000
    assert (found.family, found.dialect) == ("anthropic", "anthropic.messages")

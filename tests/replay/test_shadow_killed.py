"""A shadow as a process of its own, killed with -9 again and again: nothing is sent twice, nothing is forgotten, no dollar is lost."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import orjson
from aiohttp import web

from proxy.config_file import load
from proxy.events import BeatEvent, Drawn
from replay.account import day_of
from replay.ledger import Ledger
from tests.harness import same_day
from tests.replay.kit import ANSWER, Worker, chat, config_text, decisions, events_of, exchanges, model, until

LAUNCH = Path(__file__).with_name("launch_shadow.py")
KILLS = 12
CALLS = 20
"""In each life."""


async def launched(file: Path, log: Path, **environ: str) -> asyncio.subprocess.Process:
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", str(LAUNCH), str(file), stderr=out, stdout=out, env=os.environ | environ
        )


async def ended(process: asyncio.subprocess.Process, how: signal.Signals) -> int:
    with suppress(ProcessLookupError):
        process.send_signal(how)
    return await asyncio.wait_for(process.wait(), 60)


def all_told(folder: Path, target: str, calls: Collection[str]) -> bool:
    """Every call's question to a target has an end; those that a kill lost on the way never come there."""
    return {each.id for each in exchanges(folder) if each.target == target} >= set(calls)


def test_twelve_kills_send_nothing_twice_and_forget_nothing(tmp_path: Path) -> None:
    same_day()
    dice = random.Random(11)
    file, log = tmp_path / "understudy.toml", tmp_path / "log"

    async def slow(request: web.Request, body: bytes) -> web.Response:
        await asyncio.sleep(dice.uniform(0, 0.05))
        return web.json_response(ANSWER)

    async def story() -> None:
        async with model(slow) as small, model(slow) as again:
            target = "price = { input = 1000, output = 1000 }\nbudget_usd_per_day = 1000"
            legs = 'shadow = [{ target = "small" }]\nrepeat = 0.5'
            file.write_text(config_text(small.url, target=target, route=legs, incumbent=again.url), "utf-8")
            settings = load(file)
            folder = settings.journal_folder
            worker = Worker(folder, segment_age_s=0.2)
            calls: list[str] = []
            for _ in range(KILLS):
                process = await launched(file, log)
                calls += [worker.call(chat(f"case-{len(calls) + number:04}")).id for number in range(CALLS)]
                enough = min(len(small.seen) + dice.randint(1, CALLS), len(calls) - 1)
                await until(lambda enough=enough, asked=tuple(calls): len(small.seen) > enough or all_told(folder, "small", asked))
                await asyncio.sleep(dice.uniform(0, 0.1))  # so that kills hit every step between asking and settling
                assert await ended(process, signal.SIGKILL) == -signal.SIGKILL
            process = await launched(file, log)
            keys = {(call, target) for call in calls for target in ("small", "big")}
            sent = lambda: {(each.id, each.target) for each in decisions(folder) if each.decision == "sent"}  # noqa: E731
            await until(lambda: {(each.id, each.target) for each in decisions(folder)} == keys)
            await until(lambda: {(each.id, each.target) for each in exchanges(folder)} == sent())
            assert await ended(process, signal.SIGTERM) == 0
            await worker.close()

            for seen in (small.seen, again.seen):
                texts = Counter(body["messages"][0]["content"] for _, _, body in seen)
                assert texts.most_common(1)[0][1] == 1, "a call was sent twice"
            told = {(each.id, each.target, each.decision) for each in decisions(folder)}
            assert len(told) == len(keys), "a call has two different decisions"
            assert {(id, target) for id, target, decision in told if target == "small" and decision == "sent"} == {
                (call, "small") for call in calls
            }
            how = Counter((each.id, each.target, each.ended) for each in exchanges(folder))
            complete = {(id, target) for id, target, ending in how if ending == "complete"}
            lost = {(id, target) for id, target, ending in how if ending == "interrupted"}
            print(f"{len(complete)} answered, {len(lost)} interrupted by {KILLS} kills")
            assert complete | lost == sent() and not complete & lost
            # what was answered is settled at 12 tokens, what was lost at its worst case
            worst = {each.id: each.reserved_usd or 0.0 for each in decisions(folder) if each.target == "small"}
            account = Ledger(folder / "ledger").load()
            spent = float(account.committed(day_of(exchanges(folder)[-1].at))["small"])
            at_least = sum(0.012 if (id, "small") in complete else worst[id] for id in calls)
            assert account.open == {}
            assert at_least - 1e-6 <= spent <= sum(worst.values()) + 1e-6
            beat = events_of(folder, BeatEvent)[-1]
            assert abs(beat.spent_usd["small"] - spent) < 1e-6

    asyncio.run(story())
    assert b"Traceback" not in log.read_bytes(), log.read_text("utf-8")


def test_kills_beside_a_canary_ask_the_incumbent_once_and_decide_every_leg_once(tmp_path: Path) -> None:
    """Of each three calls one was the canary's, one fell back and one was the incumbent's."""
    dice = random.Random(5)
    file, log = tmp_path / "understudy.toml", tmp_path / "log"
    rollout = 'shadow = []\n[[rollouts]]\nname = "try"\nroute = "main"\ncandidate = "small"'
    kinds = [Drawn(rollout="try", share=0.5, target="small", fallback=fallback) for fallback in ("", "silent")] + [Drawn(rollout="try")]

    async def slow(request: web.Request, body: bytes) -> web.Response:
        await asyncio.sleep(dice.uniform(0, 0.05))
        return web.json_response(ANSWER)

    async def story() -> None:
        async with model(slow) as big:
            file.write_text(config_text("http://127.0.0.1:9", route=rollout, incumbent=big.url), "utf-8")
            folder = load(file).journal_folder
            worker = Worker(folder, segment_age_s=0.2)
            calls: list[list[str]] = [[], [], []]
            for _ in range(4):
                process = await launched(file, log)
                for _ in range(8):
                    for kind, drawn in zip(calls, kinds, strict=True):
                        kind.append(worker.call(chat(f"case-{drawn.fallback}-{len(kind):04}"), drawn=drawn).id)
                enough = min(len(big.seen) + dice.randint(1, 7), len(calls[0]) - 1)
                await until(lambda enough=enough, asked=tuple(calls[0]): len(big.seen) > enough or all_told(folder, "big", asked))
                assert await ended(process, signal.SIGKILL) == -signal.SIGKILL
            served, fell_back, missed = calls
            wanted = {(id, "small", "served") for id in served} | {(id, "big", "sent") for id in served}
            wanted |= {(id, "small", "sent") for id in fell_back} | {(id, "", "no_candidate") for id in missed}
            process = await launched(file, log)
            told = lambda: {(each.id, each.target, each.decision) for each in decisions(folder)}  # noqa: E731
            await until(lambda: told() == wanted)
            await until(lambda: {each.id for each in exchanges(folder)} == set(served))
            assert await ended(process, signal.SIGTERM) == 0
            await worker.close()
            texts = Counter(body["messages"][0]["content"] for _, _, body in big.seen)
            assert texts.most_common(1)[0][1] == 1, "a call was sent twice"
            assert {(each.target, each.role, each.seen) for each in exchanges(folder)} == {("big", "incumbent", False)}
            assert Ledger(folder / "ledger").load().open == {}

    asyncio.run(story())
    assert b"Traceback" not in log.read_bytes(), log.read_text("utf-8")


def test_a_budget_that_is_used_up_stays_used_up_through_kills(tmp_path: Path) -> None:
    same_day()
    file, log = tmp_path / "understudy.toml", tmp_path / "log"

    async def mute(request: web.Request, body: bytes) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def story() -> None:
        async with model(mute) as small:
            file.write_text(config_text(small.url, target="price = { input = 1000, output = 0 }\nbudget_usd_per_day = 5"), "utf-8")
            folder = load(file).journal_folder
            worker = Worker(folder)
            for life in range(1, 4):
                process = await launched(file, log)
                for _ in range(10):
                    worker.call()
                await until(lambda life=life: len({each.id for each in decisions(folder)}) == 10 * life)
                await ended(process, signal.SIGKILL)
            await worker.close()
            reserved = [each for each in {each.id: each for each in decisions(folder)}.values() if each.decision == "sent"]
            assert 0 < sum(each.reserved_usd or 0 for each in reserved) <= 5
            assert len(small.seen) <= len(reserved) < 10

    asyncio.run(story())


def test_a_missing_key_ends_it_with_two_and_a_line(tmp_path: Path) -> None:
    file, log = tmp_path / "understudy.toml", tmp_path / "log"
    file.write_text(config_text("https://api.example.com", target='api_key_env = "NO_SUCH_KEY"'), "utf-8")

    async def story() -> int:
        return await asyncio.wait_for((await launched(file, log)).wait(), 60)

    assert asyncio.run(story()) == 2
    [line] = log.read_text("utf-8").splitlines()
    assert line.startswith("understudy.toml: targets.small.api_key_env: found no variable NO_SUCH_KEY")


def test_sigterm_lets_answers_under_way_arrive(tmp_path: Path) -> None:
    file, log = tmp_path / "understudy.toml", tmp_path / "log"
    stopped = asyncio.Event()

    async def late(request: web.Request, body: bytes) -> web.Response:
        await stopped.wait()
        return web.json_response(ANSWER)

    async def story() -> None:
        async with model(late) as small:
            file.write_text(config_text(small.url), "utf-8")
            folder = load(file).journal_folder
            worker = Worker(folder)
            process = await launched(file, log)
            worker.call()
            await until(lambda: len(small.seen) == 1)
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            stopped.set()
            assert await asyncio.wait_for(process.wait(), 60) == 0
            await worker.close()
            [found] = exchanges(folder)
            assert (found.ended, found.status) == ("complete", 200)

    asyncio.run(story())
    assert all(orjson.loads(line)["event"].startswith("shadow.") for line in log.read_bytes().splitlines() if line.startswith(b"{"))

"""How many calls and answers one core reads, classifies, prices, redacts and stores in a second, and where the time goes.

Run: python -m tests.bench.bench_recorder [--pairs N] [--profile]. Prints machine, versions and figures; asserts nothing.
`--soak CALLS`: another process feeds a running recorder as fast as it reads; its memory over time should end in a plateau.
"""

import argparse
import asyncio
import cProfile
import os
import platform
import pstats
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from proxy.others import resident_bytes
from proxy.recorder import Recorder
from proxy.segments import read_segment, segment_names
from tests.proxy.journaled import KEY, QUICK, Made, a_call, a_config, an_answer, new_id, passed, record, rows, write

WORDS = [
    "the",
    "invoice",
    "total",
    "amount",
    "due",
    "date",
    "customer",
    "order",
    "shipping",
    "address",
    "please",
    "extract",
    "value",
    "number",
    "line",
    "item",
    "tax",
    "net",
    "gross",
    "currency",
]
SYSTEM = "You extract fields of invoices and answer in JSON. " * 8


def a_text(seed: random.Random, size: int) -> str:
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(seed.choice(WORDS))
    return " ".join(words)


def streamed(text: str, seed: random.Random) -> bytes:
    """The same answer as a stream of about one event per word, usage last."""
    head = {"id": "c-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06"}
    deltas: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]} for word in text.split(" ")
    ]
    last: list[dict[str, Any]] = [{**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    usage: list[dict[str, Any]] = [{**head, "choices": [], "usage": {"prompt_tokens": 500, "completion_tokens": len(deltas)}}]
    return b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in [*deltas, *last, *usage]) + b"data: [DONE]\n\n"


def pairs(count: int, *, stream: float) -> list[Made]:
    """2 kB requests, 1 kB answers, one in ten with an address; `stream` is the share of streamed answers."""
    seed = random.Random(7)
    made: list[Made] = []
    for number in range(count):
        call = new_id()
        text = a_text(seed, 1500) + (f" write to mary.{number}@example.org or +1 415 555 0{number % 900 + 100}" if number % 10 == 0 else "")
        answer = a_text(seed, 1000)
        made.append(a_call(call, text, system=SYSTEM))
        is_stream = seed.random() < stream
        body = streamed(answer, seed) if is_stream else None
        headers = {"content-type": "text/event-stream" if is_stream else "application/json"}
        made.append(an_answer(call, answer, body=body, headers=headers))
        made.append(an_answer(call, answer, target="small", role="candidate", seen=False))
    return made


def measure(folder: Path, made: list[Made], bodies: str, profile: bool) -> tuple[float, float, float]:
    """Seconds on the CPU: reading alone, everything; and of the clock."""
    config = a_config(folder, bodies=bodies, shadow=False)
    write(config.journal_folder, [made[i : i + 1500] for i in range(0, len(made), 1500)])
    profiler = cProfile.Profile()
    recorder = Recorder(config, KEY, pace=QUICK)
    began = time.process_time()
    if profile:
        profiler.enable()
    for name in segment_names(config.journal_folder):
        contents = read_segment(config.journal_folder / name)
        assert contents is not None
        recorder.intake.take(contents, time.time())
    if profile:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    read = time.process_time() - began
    began, clock = time.process_time(), time.monotonic()
    record(config, pace=QUICK)
    assert rows(config, "SELECT count(*) FROM exchanges") == [(len(made) // 3 * 2,)]
    return read, time.process_time() - began, time.monotonic() - clock


def feed(folder: Path, calls: int) -> None:
    """Segments of 1,000 calls, a few ahead of the recorder; the shadow is said to have passed them all."""
    config = a_config(folder, shadow=False)
    for _ in range(0, calls, 1000):
        write(config.journal_folder, [pairs(1000, stream=0.5)])
        passed(config, segment_names(config.journal_folder))
        while len(segment_names(config.journal_folder)) > 4:
            time.sleep(0.02)


def soak(calls: int) -> None:
    folder = Path(tempfile.mkdtemp())
    config = a_config(folder, shadow=False)
    config.journal_folder.mkdir(parents=True)
    recorder, stop = Recorder(config, KEY), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(recorder.run(stop),))
    thread.start()
    feeder = subprocess.Popen([sys.executable, "-m", "tests.bench.bench_recorder", "--feed", str(folder), "--soak", str(calls)])
    step = calls // 20
    while feeder.poll() is None or recorder.tally.calls < calls:
        time.sleep(0.1)
        if recorder.tally.calls >= step:
            print(f"{recorder.tally.calls:>9,} calls: {(resident_bytes() or 0) / 1e6:6.0f} MB", flush=True)
            step += calls // 20
    print(orjson.dumps(recorder.status()["memory"]).decode())
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--feed", type=Path)
    given = parser.parse_args()
    if given.feed:
        return feed(given.feed, given.soak)
    if given.soak:
        return soak(given.soak)
    os.sched_setaffinity(0, {0})
    print(f"{platform.machine()}, one core, Python {platform.python_version()}, duckdb {version('duckdb')}, load {os.getloadavg()[0]:.1f}")
    for stream in (0.0, 1.0):
        made = pairs(given.pairs, stream=stream)
        for bodies in ("none", "anonymized", "full"):
            folder = Path(tempfile.mkdtemp())
            read, total, clock = measure(folder, made, bodies, given.profile)
            shutil.rmtree(folder)
            exchanges = given.pairs * 2
            print(
                f"bodies={bodies:<10} streamed={stream:.0%}: {exchanges / read:>7,.0f} exchanges/s read and observed, "
                f"{exchanges / total:>7,.0f}/s with the store (CPU), {exchanges / clock:>7,.0f}/s by the clock"
            )


if __name__ == "__main__":
    main()

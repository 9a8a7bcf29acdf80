"""What a rollout costs a call: `python tests/bench/bench_canary.py`. The worker's CPU on a route that is being switched, and on its twin.

Both routes are in one worker and in one run, asked in turn: the ratio is what to read. With a rollout the worker holds the request, parses
it and draws; without one it forwards what it has not looked at. Calls are of conversations of their own, so a share is a share of them.
"""

import asyncio
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import orjson
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from proxy.config_file import parse
from proxy.events import CallEvent
from proxy.rollout.change import change
from proxy.rollout.state import Asked
from proxy.rollout.state_file import beat, files_of
from proxy.segments import read_segment, segment_names
from tests.bench.bench_relay import Rig, cpu_s, under_way, unlink_sealed

SECONDS, ROUNDS, CONNECTIONS, BODIES = 2.0, 3, 8, 500
TEXT = """
[store]
journal = "{folder}/journal"
rollouts = "{folder}/rollouts"
[targets.inc]
url = "http://127.0.0.1:{port}"
[targets.cand]
url = "http://127.0.0.1:{port}"
model = "next"
[[routes]]
name = "plain"
incumbent = "inc"
path = "/plain"
[[routes]]
name = "switched"
incumbent = "inc"
path = "/switched"
[[rollouts]]
name = "try"
route = "switched"
candidate = "cand"
guard_fresh_s = 3600
"""


def requests(path: str, chars: int) -> list[bytes]:
    """As many conversations, about `chars` long."""
    made = []
    for number in range(BODIES):
        messages = [{"role": "user", "content": f"{number} " + "word " * (chars // 5)}]
        body = orjson.dumps({"model": "m", "stream": False, "messages": messages})
        head = (
            f"POST {path}/v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def asking(port: int, raws: list[bytes], until: float) -> int:
    """Calls one connection makes, one after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    calls = 0
    while time.perf_counter() < until:
        writer.write(raws[calls % len(raws)])
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        calls += 1
    writer.close()
    return calls


async def load(port: int, raws: list[bytes]) -> int:
    until = time.perf_counter() + SECONDS
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asking(port, raws[number::CONNECTIONS], until)) for number in range(CONNECTIONS)]
    return sum(task.result() for task in tasks)


def us_per_call(rig: Rig, raws: list[bytes]) -> float:
    before = cpu_s(rig.pid)
    calls = asyncio.run(load(rig.port, raws))
    unlink_sealed(rig.folder / "journal")
    return (cpu_s(rig.pid) - before) / calls * 1e6


def at_share(text: str, share: float) -> None:
    config = parse(text)
    rollout = config.rollouts[0]
    for action, to in (("rollback", None), ("start", share)):
        change(config, rollout, Asked(action=action, actor="bench", why="", share=to))  # type: ignore[arg-type]
    beat(files_of(config, rollout), b"{}")


def taken(folder: Path) -> float:
    """The part of the last drawn calls that the candidate answered: that the rollout was followed at all."""
    found = [read_segment(folder / name) for name in list(segment_names(folder))[-1:]]
    calls = [each.event for contents in found if contents is not None for each in contents.events if isinstance(each.event, CallEvent)]
    hits = [bool(call.drawn.target) for call in calls if call.drawn is not None]
    return sum(hits) / len(hits) if hits else float("nan")


def measure(rig: Rig, chars: int, share: float) -> None:
    ways = [requests("/plain", chars), requests("/switched", chars)]
    for raws in ways:
        us_per_call(rig, raws)
    seen = [[us_per_call(rig, raws) for raws in ways] for _ in range(ROUNDS)]
    plain, switched = (statistics.median(each) for each in zip(*seen, strict=True))
    ratio = statistics.median(with_ / without for without, with_ in seen)
    print(f"{chars / 1000:5g} kB, share {share:4g}: {plain:7.1f} us without, {switched:7.1f} us with a rollout: {ratio:.2f} times", end="")
    print(f" (the candidate answered {taken(rig.folder / 'journal'):.1%})", flush=True)


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with under_way(TEXT) as rig:
        for chars in (1000, 100_000):
            for share in (0.01, 1.0):
                at_share(rig.text, share)
                measure(rig, chars, share)


@pytest.mark.bench
def test_print_what_a_rollout_costs() -> None:
    main()


if __name__ == "__main__":
    main()

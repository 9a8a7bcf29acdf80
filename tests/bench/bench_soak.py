"""Bounded, over time: `python tests/bench/bench_soak.py [--seconds 600] [--rate 300]`. What grows while nothing should.

A real `understudy serve` with two candidates under a constant rate. Every ten seconds: memory, descriptors and sockets of each process,
files and bytes of the journal, metric series. After the first third the slopes are fitted; at the end stands what a pair cost in CPU.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from replay.selfcheck.clients import Clients
from tests.bench.bench_harmless import a_model
from tests.bench.bench_relay import cpu_s, rss_mb
from tests.harness import Serve, config, until

BODY = """
[targets.inc]
url = "http://127.0.0.1:{incumbent}"
price = {{ input = 2.5, output = 10.0 }}
[targets.one]
url = "http://127.0.0.1:{one}"
price = {{ input = 0.15, output = 0.6 }}
[targets.two]
url = "http://127.0.0.1:{two}"
price = {{ input = 0.15, output = 0.6 }}
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "one" }}, {{ target = "two" }} ]
"""
SENT = "SELECT count(*) FROM mirror_decisions WHERE decision = 'sent'"
PROCESSES = ("worker-0", "shadow", "recorder")


@dataclass
class Samples:
    """One figure over time."""

    at_s: list[float] = field(default_factory=list[float])
    values: list[float] = field(default_factory=list[float])

    def add(self, at_s: float, value: float) -> None:
        self.at_s.append(at_s)
        self.values.append(value)

    def slope_per_min(self) -> float:
        """Least squares over the last two thirds."""
        skip = len(self.at_s) // 3
        at, values = self.at_s[skip:], self.values[skip:]
        if len(at) < 2:
            return float("nan")
        mean_at, mean = sum(at) / len(at), sum(values) / len(values)
        spread = sum((each - mean_at) ** 2 for each in at)
        return 60 * sum((x - mean_at) * (y - mean) for x, y in zip(at, values, strict=True)) / spread


def descriptors(pid: int) -> tuple[int, int]:
    """All, and sockets among them."""
    names: list[str] = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            names.append(str(each.readlink()))
    return len(names), sum(name.startswith("socket:") for name in names)


def look(serve: Serve, found: dict[str, Samples], at_s: float) -> None:
    for name in PROCESSES:
        pid = serve.pid_of(name)
        every, sockets = descriptors(pid)
        for what, value in (("RSS MB", rss_mb(pid)), ("descriptors", every), ("sockets", sockets)):
            found.setdefault(f"{name} {what}", Samples()).add(at_s, value)
    files = [each.stat().st_size for each in serve.journal.glob("*.seg") if each.exists()]
    found.setdefault("journal files", Samples()).add(at_s, len(files))
    found.setdefault("journal MB", Samples()).add(at_s, sum(files) / 1e6)
    series = sum(1 for line in serve.get("/metrics")[1].splitlines() if line and not line.startswith(b"#"))
    found.setdefault("metric series", Samples()).add(at_s, series)


async def soak(serve: Serve, seconds: float, rate: float) -> tuple[dict[str, Samples], int, int]:
    found: dict[str, Samples] = {}
    clients = Clients(int(serve.url.rpartition(":")[2]))
    begun = time.monotonic()

    async def watch() -> None:
        while True:
            await asyncio.sleep(min(10.0, seconds / 12))
            await asyncio.to_thread(look, serve, found, time.monotonic() - begun)

    task = asyncio.get_running_loop().create_task(watch())
    seen = await clients.phase(seconds, rate)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task  # raises what it died of: figures that end midway are none
    clients.close()
    return found, seen.calls, len(seen.failed) + seen.changed


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--seconds", type=float, default=600.0)
    asked.add_argument("--rate", type=float, default=300.0)
    options = asked.parse_args()
    shm = "/dev/shm" if Path("/dev/shm").is_dir() else None
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {options.rate:g} calls/s, half of them streams"
    )
    with contextlib.ExitStack() as stack:
        folder, disk = (Path(stack.enter_context(tempfile.TemporaryDirectory(dir=where))) for where in (None, shm))
        ports = {name: stack.enter_context(a_model()) for name in ("incumbent", "one", "two")}
        text = config(BODY.format(**ports), store=f'journal = "{disk / "journal"}"')
        serve = stack.enter_context(Serve(folder, text, disk=disk / "journal"))
        before = {name: cpu_s(serve.pid_of(name)) for name in PROCESSES}
        found, calls, wrong = asyncio.run(soak(serve, options.seconds, options.rate))
        settle_s = 120 + options.seconds  # on a busy machine the recorder is behind
        until(lambda: serve.one("SELECT count(*) FROM mirror_decisions") == 2 * calls, settle_s, "every call is decided for both")
        until(lambda: serve.one(SENT) == serve.one("SELECT count(*) FROM pairs"), settle_s, "every pair is stored")
        pairs = serve.one("SELECT count(*) FROM pairs")
        cost = {name: 1e6 * (cpu_s(serve.pid_of(name)) - before[name]) / pairs for name in PROCESSES}
        return told(found, calls, wrong, pairs, cost)


def told(found: dict[str, Samples], calls: int, wrong: int, pairs: int, cost: dict[str, float]) -> int:
    print(f"{'':24} {'first':>9} {'a third in':>10} {'last':>9} {'most':>9} {'slope a minute':>15}")
    for name, each in found.items():
        third = each.values[len(each.values) // 3]
        print(f"{name:24} {each.values[0]:9.1f} {third:10.1f} {each.values[-1]:9.1f} {max(each.values):9.1f} {each.slope_per_min():15.3f}")
    print(f"{calls:,} calls, {wrong} failed or changed, {pairs:,} pairs stored, {2 * calls - pairs:,} not sent")
    print("CPU us per pair: " + ", ".join(f"{name} {us:.0f}" for name, us in cost.items()) + f", together {sum(cost.values()):.0f}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

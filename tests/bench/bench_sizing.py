"""How large a machine has to be: `python -m tests.bench.bench_sizing` prints the table of deploy/README.md, `--write` puts it there (about a minute, on a quiet machine).

For requests of three sizes, each answered with 1.4 kB and mirrored to one candidate: CPU per call of each process (which is what a core
allows: 1 s / CPU per call), resident memory, bytes in the journal and in the store. Texts are made of 4,000 words drawn as languages draw
theirs, so that they compress about as prose does.
"""

import asyncio
import itertools
import os
import platform
import random
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from proxy.merging import MERGE_AFTER_ROUNDS
from proxy.rows import AuditRow, Round
from proxy.store import Store
from proxy.supervisor import serving
from tests.bench.bench_relay import ANSWER, WORKER, cpu_s, rss_mb, start
from tests.bench.bench_relay import __file__ as relay
from tests.harness import ROOT, Serve, config, until

SIZES = {"1 kB": (1_000, 100.0), "10 kB": (10_000, 100.0), "100 kB": (100_000, 20.0)}
"""Name: bytes of a request, calls a second of the second part."""
SECONDS, CONNECTIONS = 4.0, 8
ALONE = '[store]\njournal = "{folder}"\n[targets.gpt]\nurl = "http://127.0.0.1:{port}"\n[[routes]]\nname = "main"\nincumbent = "gpt"\n'
BODY = """
[targets.gpt]
url = "http://127.0.0.1:{port}"
[targets.small]
url = "http://127.0.0.1:{port}"
model = "small"
[[routes]]
name = "main"
incumbent = "gpt"
shadow = [{{ target = "small" }}]
"""
README = ROOT / "deploy" / "README.md"
ROLES = ("worker-0", "shadow", "recorder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """Of one size of request. CPU in µs per call, memory in MB, bytes per call."""

    name: str
    worker_us: float
    journal_bytes: float
    cpu_us: dict[str, float]
    rss_mb: dict[str, float]
    store_bytes: float
    kept_up: bool


def texts(size: int, count: int) -> list[bytes]:
    """Requests that differ, ready to send."""
    draw = random.Random(size)
    words = ["".join(draw.choices("etaoinshrdlucmfwyp", k=draw.randint(2, 10))) for _ in range(4_000)]
    weights = [1 / (place + 3) for place in range(len(words))]
    made = []
    for _ in range(count):
        text = " ".join(draw.choices(words, weights, k=size // 5))[: size - 80]
        body = orjson.dumps({"model": "m", "stream": False, "messages": [{"role": "user", "content": text}]})
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        made.append(head + body)
    return made


async def asked(port: int, raws: Iterator[bytes], seconds: float, rate: float | None) -> int:
    """Calls over a few connections, at a rate or as fast as answers come; how many were answered."""
    until_s, count = time.perf_counter() + seconds, 0
    gap = CONNECTIONS / rate if rate else 0.0

    async def one(place: int) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due = time.perf_counter() + gap * place / CONNECTIONS
        while time.perf_counter() < until_s:
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            due += gap
            writer.write(next(raws))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(len(ANSWER))
            count += 1
        writer.close()

    async with asyncio.TaskGroup() as group:
        for place in range(CONNECTIONS):
            group.create_task(one(place))
    return count


def worker_alone(upstream: int, raws: Iterator[bytes], rate: float, folder: Path) -> tuple[float, float]:
    """CPU of a worker that is always busy, µs per call; bytes of its journal per call at this rate (a busy one may leave bodies out)."""
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        ours.listen(1024)
        port = ours.getsockname()[1]
        worker = start(["-c", WORKER, str(ours.fileno()), ALONE.format(folder=folder, port=upstream)], ours)
        try:
            warm = asyncio.run(asked(port, raws, 2.0, rate))
            time.sleep(1.5)  # longer than a segment is open
            journaled = sum(file.stat().st_size for file in folder.glob("*.seg*")) / warm
            before = cpu_s(worker.pid)
            calls = asyncio.run(asked(port, raws, SECONDS, None))
            us = 1e6 * (cpu_s(worker.pid) - before) / calls
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(40)
    return us, journaled


def all_of_it(upstream: int, raws: Iterator[bytes], rate: float, folder: Path) -> tuple[dict[str, float], dict[str, float], float, bool]:
    """CPU (µs per call) and memory (MB) of each process at this rate, bytes of the store per call, whether the store followed in time."""
    text = config(BODY.format(port=upstream), server="workers = 1")
    with Serve(folder, text, env={"UNDERSTUDY_ANONYMIZE_KEY": "bench"}) as serve:
        assert serve.where is not None
        port = int(serve.url.rpartition(":")[2])
        warm = asyncio.run(asked(port, raws, 2.0, rate))
        followed(serve, warm)
        pids = serving(serve.journal)
        assert pids is not None
        before = {name: cpu_s(pids.children[name]) for name in ROLES}
        began = time.monotonic()
        calls = asyncio.run(asked(port, raws, 2 * SECONDS, rate))
        followed(serve, warm + calls)
        late = time.monotonic() - began - 2 * SECONDS
        cpu = {name: 1e6 * (cpu_s(pids.children[name]) - before[name]) / calls for name in ROLES}
        memory = {name: rss_mb(pids.children[name]) for name in ROLES} | {"supervisor": rss_mb(pids.pid)}
    return cpu, memory, merged_bytes(folder / "understudy.duckdb") / (warm + calls), late < 5.0


def merged_bytes(file: Path) -> int:
    """What the rows weigh once the small rounds are merged and compressed, as serving does every 32 rounds."""
    store = Store(str(file))
    for number in range(MERGE_AFTER_ROUNDS):
        store.commit(Round(audits=(AuditRow(at=datetime.now(UTC), actor="bench", action="merge", detail=str(number)),)))
    return store.query("SELECT used_blocks * block_size FROM pragma_database_size()").rows[0][0]


def followed(serve: Serve, calls: int) -> None:
    until(lambda: serve.one("SELECT count(*) FROM exchanges") >= 2 * calls, 60, "the recorder has everything")


def sized(name: str, size: int, rate: float, upstream: int, disk: Path) -> Sized:
    made = texts(size, int(rate * 3 * SECONDS))
    folder = disk / name.replace(" ", "")
    (folder / "alone").mkdir(parents=True)
    worker_us, journal_bytes = worker_alone(upstream, itertools.cycle(made), rate, folder / "alone")
    cpu, memory, store_bytes, kept_up = all_of_it(upstream, iter(made), rate, folder / "serve")
    return Sized(
        name=name, worker_us=worker_us, journal_bytes=journal_bytes, cpu_us=cpu, rss_mb=memory, store_bytes=store_bytes, kept_up=kept_up
    )  # fmt: skip


def table(found: list[Sized]) -> str:
    lines = [
        "| request | calls/s of a worker's core | calls/s of the recorder's core | shadow, CPU per call | journal per call | at 100 calls/s | store per call | a million calls | memory: worker, shadow, recorder, supervisor |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in found:
        memory = ", ".join(f"{each.rss_mb[role]:.0f}" for role in (*ROLES, "supervisor"))
        lines.append(
            f"| {each.name} | {1e6 / each.worker_us:,.0f} | {1e6 / each.cpu_us['recorder']:,.0f}{'' if each.kept_up else ' (fell behind here)'} | "
            f"{each.cpu_us['shadow'] / 1000:.1f} ms | {each.journal_bytes / 1000:.1f} kB | {each.journal_bytes / 1e4:.1f} MB/s | "
            f"{each.store_bytes / 1000:.1f} kB | {each.store_bytes / 1000:.1f} GB | {memory} MB |"
        )
    return "\n".join(lines)


def measured() -> str:
    where = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f} when it began), "
    where += (
        f"Python {platform.python_version()}, {time.strftime('%F')}; answers of 1.4 kB, one candidate; CPU is what counts, not the clock."
    )
    shm = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with socket.socket() as upstream, tempfile.TemporaryDirectory(dir=shm) as disk:
        upstream.bind(("127.0.0.1", 0))
        upstream.listen(1024)
        scripted = start([relay, "model", str(upstream.fileno())], upstream)
        try:
            found = [sized(name, size, rate, upstream.getsockname()[1], Path(disk)) for name, (size, rate) in SIZES.items()]
        finally:
            scripted.send_signal(signal.SIGTERM)
            scripted.wait(10)
    return f"{where}\n\n{table(found)}"


def main(write: bool = False) -> None:
    text = measured()
    print(text)
    if write:
        README.write_text(
            re.sub(r"(<!-- sizing -->\n).*?(<!-- /sizing -->)", rf"\g<1>{text}\n\g<2>", README.read_text("utf-8"), flags=re.DOTALL), "utf-8"
        )


@pytest.mark.bench
def test_print_how_large_a_machine_has_to_be() -> None:
    main()


if __name__ == "__main__":
    main(write="--write" in sys.argv)

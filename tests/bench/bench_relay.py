"""What the relay costs: `python tests/bench/bench_relay.py`. A worker beside direct calls, CPU per call and per chunk, latency.

Everything runs on loopback in processes of its own: a scripted upstream, the worker with its journal on (in /dev/shm where there is one),
and a load generator. The figure to trust is the worker's CPU time per call: it survives a busy machine far better than latency does.
"""

import asyncio
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS, CONNECTIONS, STREAMS, GAP_S, SLOW_GAP_S = 3.0, 16, 100, 0.02, 0.2
TEXT = '[store]\njournal = "{folder}"\n[targets.gpt]\nurl = "http://127.0.0.1:{port}"\n[[routes]]\nname = "main"\nincumbent = "gpt"\n'
WORKER = """
import socket, sys
from proxy import worker
from proxy.config_file import parse
worker.run(parse(sys.argv[2]), socket.socket(fileno=int(sys.argv[1])), "bench")
"""
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "67108864", "MALLOC_TRIM_THRESHOLD_": "536870912", "MALLOC_TOP_PAD_": "16777216"}
ANSWER = b'{"choices":[{"message":{"content":"' + b"word " * 280 + b'"}}]}'
EVENT = b"data: " + b"x" * 262 + b"\n\n"


def request(chars: int, *, stream: bool = False, model: str = "m") -> bytes:
    body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": "word " * (chars // 5)}]}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


class Model(asyncio.Protocol):
    """Answers after the announced bytes came: whole, or as an endless stream of events when the body asks for one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.got, self.streaming = transport, b"", None

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, mark, body = self.got.partition(b"\r\n\r\n")
        if not mark or len(body) < int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            return
        self.got = b""
        if b'"stream": true' in body[:100]:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.gap_s = SLOW_GAP_S if b'"slow"' in body[:100] else GAP_S
            self.tick()
        else:
            lines = b"Content-Type: application/json\r\nx-request-id: req_1\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
            self.transport.write(b"HTTP/1.1 200 OK\r\n" + lines + ANSWER)

    def tick(self) -> None:
        self.transport.write(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        self.streaming = asyncio.get_running_loop().call_later(self.gap_s, self.tick)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.streaming is not None:
            self.streaming.cancel()


async def model(listening: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(Model, sock=listening)
    await server.serve_forever()


@dataclass
class Load:
    """What one run of the load saw."""

    calls: int
    chunks: int
    p50_us: float
    p99_us: float


async def one(port: int, raw: bytes, until: float, took: list[float], *, stream: bool) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    size = 0
    while time.perf_counter() < until:
        begun = time.perf_counter()
        writer.write(raw)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        while stream and time.perf_counter() < until:
            size += len(await reader.read(65_536))
        if not stream:
            await reader.readexactly(len(ANSWER))
        took.append(time.perf_counter() - begun)
    writer.close()
    return size


async def load(port: int, raw: bytes, seconds: float, connections: int, *, stream: bool) -> Load:
    took: list[float] = []
    until = time.perf_counter() + seconds
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(port, raw, until, took, stream=stream)) for _ in range(connections)]
    cuts = statistics.quantiles(took, n=100) if len(took) > 1 else [0.0] * 99
    return Load(len(took), sum(task.result() for task in tasks) // len(EVENT), cuts[49] * 1e6, cuts[98] * 1e6)


async def paced(port: int, raw: bytes, seconds: float, rate: float) -> Load:
    """Calls at a constant rate, each timed from the moment it was due."""
    took: list[float] = []
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]

    async def ask(due: float) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(ANSWER))
        took.append(time.perf_counter() - due)
        idle.append((reader, writer))

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * rate)):
            due = begun + number / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            group.create_task(ask(due))
    for _, writer in idle:
        writer.close()
    cuts = statistics.quantiles(took, n=100)
    return Load(len(took), 0, cuts[49] * 1e6, cuts[98] * 1e6)


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(pid: int) -> float:
    """User and system time of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(line: list[str], listening: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *line], cwd=ROOT, pass_fds=[listening.fileno()], env=os.environ | MALLOC)


@dataclass(frozen=True)
class Rig:
    """A scripted model and a worker before it, each in a process of its own."""

    model_port: int
    port: int
    pid: int
    """The worker's."""
    folder: Path
    text: str
    """The worker's configuration."""


@contextmanager
def under_way(text: str) -> Generator[Rig]:
    """`text`: the configuration, with `{folder}` and `{port}` to be filled in."""
    shm = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with socket.socket() as upstream, socket.socket() as ours, tempfile.TemporaryDirectory(dir=shm) as folder:
        for sock in (upstream, ours):
            sock.bind(("127.0.0.1", 0))
            sock.listen(1024)
        port = upstream.getsockname()[1]
        filled = text.format(folder=folder, port=port)
        scripted = start([__file__, "model", str(upstream.fileno())], upstream)
        worker = start(["-c", WORKER, str(ours.fileno()), filled], ours)
        try:
            yield Rig(port, ours.getsockname()[1], worker.pid, Path(folder), filled)
        finally:
            for process in (worker, scripted):
                process.send_signal(signal.SIGTERM)
                process.wait(40)


def unlink_sealed(folder: Path) -> None:
    """What the recorder would do; between the runs is enough for a bench."""
    for path in sorted(folder.glob("*.seg"))[:-1]:
        path.unlink()


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", end=", ")
    print(", ".join(f"{name} {version(name)}" for name in ("uvloop", "httptools")))
    with under_way(TEXT) as rig:
        port, at, pid, folder = rig.model_port, rig.port, rig.pid, rig.folder
        measure_open_streams(at, pid)
        measure_added(port, at, folder)
        measure("2 kB call", request(2000), port, at, pid, folder)
        measure("400 kB call", request(400_000), port, at, pid, folder, connections=4)
        measure("chunk", request(2000, stream=True), port, at, pid, folder, connections=STREAMS, stream=True)


def measure_open_streams(port: int, pid: int, streams: int = 500) -> None:
    """Resident memory with so many answers under way, against an idle worker's; first a few, so that code and pools are warm."""
    asyncio.run(load(port, request(2000, stream=True, model="slow"), 1.0, 8, stream=True))
    idle = rss_mb(pid)

    async def most() -> float:
        task = asyncio.get_running_loop().create_task(load(port, request(2000, stream=True, model="slow"), 4.0, streams, stream=True))
        seen = [idle]
        while not task.done():
            await asyncio.sleep(0.2)
            seen.append(rss_mb(pid))
        return max(seen)

    print(f"{streams} open streams, {1 / SLOW_GAP_S:g} chunks/s each: {asyncio.run(most()) - idle:6.1f} MB over idle ({idle:.1f} MB)")


def measure_added(direct: int, ours: int, folder: Path, rate: float = 200.0) -> None:
    """What a call takes longer through the worker, at a rate that loads nobody; direct before and after, against drift."""
    raw = request(2000)
    asyncio.run(paced(ours, raw, 1.0, rate))
    runs = [asyncio.run(paced(port, raw, SECONDS, rate)) for port in (direct, ours, direct, ours)]
    p50, p99 = ([run.p50_us for run in runs], [run.p99_us for run in runs])
    added = (p50[1] + p50[3] - p50[0] - p50[2]) / 2, (p99[1] + p99[3] - p99[0] - p99[2]) / 2
    print(f"2 kB call at {rate:g}/s: added p50 {added[0]:.0f} us, p99 {added[1]:.0f} us", end="")
    print(f" (direct p50 {p50[0]:.0f}/{p50[2]:.0f}, p99 {p99[0]:.0f}/{p99[2]:.0f})")
    unlink_sealed(folder)


def measure(
    what: str, raw: bytes, direct: int, ours: int, pid: int, folder: Path, *, connections: int = CONNECTIONS, stream: bool = False
) -> None:
    asyncio.run(load(ours, raw, 0.5, connections, stream=stream))
    bare = asyncio.run(load(direct, raw, SECONDS, connections, stream=stream))
    before = cpu_s(pid)
    through = asyncio.run(load(ours, raw, SECONDS, connections, stream=stream))
    count = through.chunks if stream else through.calls
    print(f"{what:12s} {1e6 * (cpu_s(pid) - before) / max(count, 1):7.1f} us of the worker's CPU each, n = {count}", end="")
    print("" if stream else f"; p50 {through.p50_us:.0f} us, p99 {through.p99_us:.0f} us (direct {bare.p50_us:.0f}, {bare.p99_us:.0f})")
    unlink_sealed(folder)


@pytest.mark.bench
def test_print_what_the_relay_costs() -> None:
    main()


if __name__ == "__main__":
    if sys.argv[1:2] == ["model"]:
        asyncio.run(model(socket.socket(fileno=int(sys.argv[2]))))
    else:
        main()

"""No harm, in one table: `python tests/bench/bench_harmless.py [--seconds 8] [--rate 60] [--only WORD]`.

A real `understudy serve` per line, with one candidate. First everything is calm, then the fault holds for as long; the client must see the
same bytes, no failure, and a p50 within 10 % + 0.2 ms of the calm one. Faults of disks need root (a small mounted file, frozen or full).
"""

import argparse
import asyncio
import contextlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from replay.selfcheck.clients import Clients, Seen
from tests.harness import ROOT, Serve, config, until

BODY = """
[targets.inc]
url = "http://127.0.0.1:{incumbent}"
[targets.cand]
url = "{scheme}://127.0.0.1:{candidate}"
deadline_s = 20
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
[journal]
disk_reserve_bytes = 1_000_000
[shadow]
answer_max_bytes = 4_000_000
"""
READER = (
    "import sys; from proxy.store import Store; store = Store(sys.argv[1])\n"
    'while True: store.query("SELECT count(*) FROM calls a, calls b, range(300) WHERE a.path > b.call_id::VARCHAR")'
)


@contextlib.contextmanager
def a_model() -> Iterator[int]:
    words = [sys.executable, "-m", "replay.selfcheck.model"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def a_small_disk(folder: Path) -> Iterator[Path]:
    """An ext4 of 64 MB in a file, mounted: it can be frozen and filled like a real one."""
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir()
    image.write_bytes(b"\0" * (64 << 20))
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@dataclass
class Scene:
    serve: Serve
    candidate: int
    disk: Path
    phase_s: float

    def mode(self, word: str) -> None:
        urllib.request.urlopen(f"http://127.0.0.1:{self.candidate}/mode/{word}", timeout=5).close()


@contextlib.asynccontextmanager
async def mode(scene: Scene, word: str) -> AsyncIterator[None]:
    scene.mode(word)
    yield


@contextlib.asynccontextmanager
async def repeated(act: Callable[[], None], every_s: float = 1.0) -> AsyncIterator[None]:
    async def go_on() -> None:
        while True:
            await asyncio.to_thread(act)
            await asyncio.sleep(every_s)

    task = asyncio.get_running_loop().create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def killed(scene: Scene, name: str) -> Callable[[], None]:
    def kill() -> None:
        with contextlib.suppress(KeyError, ProcessLookupError):
            os.kill(scene.serve.pid_of(name), signal.SIGKILL)

    return kill


def asynchronous(make: Callable[[Scene], Iterator[None]]) -> Callable[[Scene], contextlib.AbstractAsyncContextManager[None]]:
    """What blocks for a moment only, as an asynchronous context."""

    @contextlib.asynccontextmanager
    async def made(scene: Scene) -> AsyncIterator[None]:
        with contextlib.contextmanager(make)(scene):
            yield

    return made


@asynchronous
def readers(scene: Scene) -> Iterator[None]:
    words = ["nice", sys.executable, "-c", READER, str(scene.serve.folder / "understudy.duckdb")]
    started = [subprocess.Popen(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL) for _ in range(3)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()


@asynchronous
def holder(scene: Scene) -> Iterator[None]:
    words = [
        sys.executable,
        "-c",
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1], read_only=True); print(1, flush=True); time.sleep(600)",
    ]
    with subprocess.Popen([*words, str(scene.serve.folder / "understudy.duckdb")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@asynchronous
def frozen(scene: Scene) -> Iterator[None]:
    subprocess.run(["fsfreeze", "-f", str(scene.disk)], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", str(scene.disk)], check=True)


@asynchronous
def full(scene: Scene) -> Iterator[None]:
    ballast = scene.disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65_536)
    try:
        yield
    finally:
        ballast.unlink()


def refused_tls(scene: Scene) -> contextlib.AbstractAsyncContextManager[None]:
    """The candidate's address becomes one that speaks no TLS, by the user's own means: file and SIGHUP."""
    serve = scene.serve
    serve.file.write_text(serve.text.replace(f'"http://127.0.0.1:{scene.candidate}"', f'"https://127.0.0.1:{scene.candidate}"'))
    return hung_up(scene)


@contextlib.asynccontextmanager
async def hung_up(scene: Scene) -> AsyncIterator[None]:
    assert scene.serve.process is not None
    scene.serve.process.send_signal(signal.SIGHUP)
    yield


SCENES: dict[str, Callable[[Scene], contextlib.AbstractAsyncContextManager[None]]] = {
    "candidate calm": lambda scene: mode(scene, "calm"),
    "candidate hung": lambda scene: mode(scene, "hang"),
    "candidate 10x slow": lambda scene: mode(scene, "slow"),
    "candidate answers 500": lambda scene: mode(scene, "fail"),
    "candidate streams endlessly": lambda scene: mode(scene, "endless"),
    "candidate answers 1 GB": lambda scene: mode(scene, "gigabyte"),
    "candidate speaks no TLS": refused_tls,
    "recorder killed each second": lambda scene: repeated(killed(scene, "recorder")),
    "shadow killed each second": lambda scene: repeated(killed(scene, "shadow")),
    "three greedy readers": readers,
    "store held by another program": holder,
    "disk stalled": frozen,
    "disk full": full,
    "SIGHUP, workers replaced": lambda scene: repeated(lambda: hang_up(scene), 2.0),
}


def hang_up(scene: Scene) -> None:
    assert scene.serve.process is not None
    scene.serve.process.send_signal(signal.SIGHUP)


async def scene_of(name: str, seconds: float, rate: float) -> tuple[Seen, Seen]:
    on_disk = name.startswith("disk")
    with tempfile.TemporaryDirectory() as place, a_model() as incumbent, a_model() as candidate, contextlib.ExitStack() as stack:
        folder = Path(place)
        disk = stack.enter_context(a_small_disk(folder)) / "journal" if on_disk else None
        text = config(
            BODY.format(incumbent=incumbent, candidate=candidate, scheme="http"),
            store=f'journal = "{disk}"' if disk else "",
            server="drain_s = 10",
        )
        with Serve(folder, text, disk=disk) as serve:
            scene = Scene(serve, candidate, folder / "disk", seconds)
            clients = Clients(int(serve.url.rpartition(":")[2]))
            await clients.phase(1.0, rate)
            calm = await clients.phase(seconds, rate)
            async with SCENES[name](scene):
                await asyncio.sleep(0.2)
                faulty = await clients.phase(seconds, rate)
            clients.close()
    return calm, faulty


async def ended(seconds: float, rate: float) -> tuple[Seen, Seen]:
    """SIGTERM under load: every call that was asked before it is answered whole."""
    with tempfile.TemporaryDirectory() as place, a_model() as incumbent, a_model() as candidate:
        text = config(BODY.format(incumbent=incumbent, candidate=candidate, scheme="http"), server="drain_s = 10")
        with Serve(Path(place), text) as serve:
            assert serve.process is not None
            clients = Clients(int(serve.url.rpartition(":")[2]))
            await clients.phase(1.0, rate)
            calm = await clients.phase(seconds, rate)
            until_s = time.monotonic() + 1.0
            asyncio.get_running_loop().call_later(1.0, serve.process.send_signal, signal.SIGTERM)
            last = await clients.phase(1.5, rate, until_s - 0.003)
            clients.close()
            await asyncio.to_thread(until, lambda: serve.process is not None and serve.process.poll() is not None, 30)
    return calm, last


def told(name: str, calm: Seen, faulty: Seen) -> bool:
    bar = calm.p50_ms * 1.1 + 0.2
    kept = not faulty.failed and not faulty.changed and not calm.failed and faulty.p50_ms <= bar
    words = "" if kept else "  <- " + "; ".join(sorted({*faulty.failed, *calm.failed})[:2] or [f"bar {bar:.2f} ms"])
    print(
        f"{name:32} {calm.p50_ms:8.2f} {calm.p99_ms:8.1f} {faulty.p50_ms:8.2f} {faulty.p99_ms:8.1f} "
        f"{faulty.calls:6} {len(faulty.failed):7} {faulty.changed:8}{words}",
        flush=True,
    )
    return kept


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--seconds", type=float, default=8.0)
    asked.add_argument("--rate", type=float, default=60.0)
    asked.add_argument("--only", default="")
    options = asked.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {options.rate:g} calls/s, half of them streams"
    )
    print(
        f"{'':32} {'calm':>8} {'ms':>8} {'faulty':>8} {'ms':>8}\n{'':32} {'p50':>8} {'p99':>8} {'p50':>8} {'p99':>8} {'calls':>6} {'failed':>7} {'changed':>8}"
    )
    kept = True
    for name in (each for each in SCENES if options.only in each):
        if name.startswith("disk") and os.geteuid() != 0:
            print(f"{name:32} needs root")
            continue
        seconds = max(options.seconds, 60.0) if name.startswith("store held") and not options.only else options.seconds
        kept = told(name, *asyncio.run(scene_of(name, seconds, options.rate))) and kept
    if options.only in "SIGTERM under load":
        kept = told("SIGTERM under load", *asyncio.run(ended(options.seconds, options.rate))) and kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""Harmless and bounded: what a bad candidate or a killed process does to the client and to memory. Scripted models on loopback."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from replay.private import PrivateServe
from replay.selfcheck.clients import Clients, Seen
from replay.selfcheck.place import ScriptedModel
from replay.selfcheck.row import Row, row

RATE_PER_S = 50.0
FAULTS = {
    "hang": "candidate hangs", "fail": "candidate answers 500", "slow": "candidate 10x slow",
    "gigabyte": "candidate answers 1 GB", "endless": "candidate never ends",
}  # fmt: skip
PROCESSES = ("worker-0", "shadow", "recorder")
GROWTH_MAX_MB = 64.0
"""A process that grows by more than this over the check's few thousand calls has no bound worth the name."""


async def harmless(serve: PrivateServe, candidate: ScriptedModel, clients: Clients, phase_s: float) -> list[Row]:
    """The calm p50 is measured before each fault, so that a machine's drift is not taken for harm."""
    rows: list[Row] = []
    await clients.phase(0.5, RATE_PER_S)
    for mode, what in FAULTS.items():
        calm = await clients.phase(phase_s, RATE_PER_S)
        await asyncio.to_thread(candidate.be, mode)
        rows.append(judged(what, calm, await clients.phase(phase_s, RATE_PER_S)))
        await asyncio.to_thread(candidate.be, "calm")
    for name in ("shadow", "recorder"):
        calm = await clients.phase(phase_s, RATE_PER_S)
        async with killed(serve, name):
            rows.append(judged(f"{name} killed each second", calm, await clients.phase(phase_s, RATE_PER_S)))
    return rows


def judged(what: str, calm: Seen, faulty: Seen) -> Row:
    bar = calm.p50_ms * 1.1 + 0.2
    wrong = [f"{len(faulty.failed)} failed: {faulty.failed[0]}"] if faulty.failed else []
    wrong += [f"{faulty.changed} answers with other bytes"] if faulty.changed else []
    figures = f"{faulty.calls} calls, 0 failed, p50 {calm.p50_ms:.2f} -> {faulty.p50_ms:.2f} ms"
    wrong += (
        [f"p50 {calm.p50_ms:.2f} -> {faulty.p50_ms:.2f} ms, bar {bar:.2f}: on a busy machine try again"] if not faulty.p50_ms <= bar else []
    )
    return row("harmless", what, wrong, figures)


@contextlib.asynccontextmanager
async def killed(serve: PrivateServe, name: str, every_s: float = 1.0) -> AsyncGenerator[None]:
    async def go_on() -> None:
        while True:
            with contextlib.suppress(ProcessLookupError):
                serve.kill(name)
            await asyncio.sleep(every_s)

    task = asyncio.get_running_loop().create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ended(serve: PrivateServe, clients: Clients) -> Row:
    """SIGTERM under load: what was asked before it is answered whole."""
    until_s = time.monotonic() + 1.0
    asyncio.get_running_loop().call_later(1.0, serve.process.send_signal, signal.SIGTERM)
    seen = await clients.phase(1.3, RATE_PER_S, until_s - 0.005)
    clients.close()
    code = await serve.end()
    wrong = [f"{len(seen.failed)} failed: {seen.failed[0]}"] if seen.failed else []
    wrong += [f"serve ended with {code}"] if code else []
    return row("harmless", "SIGTERM under load", wrong, f"{seen.calls} calls, 0 failed, ended with 0")


Weights = dict[str, tuple[float, int]]
"""Resident memory (MB) and open descriptors, by process."""


def weigh(serve: PrivateServe) -> Weights:
    found: Weights = {}
    for name in PROCESSES:
        pid = serve.pid_of(name)
        with contextlib.suppress(OSError, ValueError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            found[name] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return found


def bounded(before: Weights, after: Weights, calls: int, drained: Callable[[], int]) -> list[Row]:
    rows: list[Row] = []
    for name in PROCESSES:
        if name in before and name in after:
            grown = after[name][0] - before[name][0]
            wrong = [f"grew by {grown:.0f} MB over {calls:,} calls"] if grown > GROWTH_MAX_MB else []
            found = f"{before[name][0]:.0f} -> {after[name][0]:.0f} MB over {calls:,} calls, {after[name][1]} descriptors"
            rows.append(row("bounded", name, wrong, found))
    left = drained()
    rows.append(row("bounded", "journal", [f"{left:,} bytes left after the end"] if left else [], "drained: no segment left"))
    return rows

"""The recorder's process: recorder, admin port and the minute lines of `serve`, put together. No logic of its own."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence

from aiohttp import web

from proxy.admin import Pages, application
from proxy.config import Config
from proxy.inheritance import Inherited
from proxy.logs import log
from proxy.metrics import Meters
from proxy.pages.routes import add_pages
from proxy.recorder import Observer, Recorder

MINUTE_S = 60.0
GC_AFTER = (50_000, 20, 20)
"""Rows are many and make no cycles: looking through them as often as Python does by itself costs 4 %."""


Observing = Callable[[Config, str, Meters], Sequence[Observer]]
"""Who looks at answers beside us: made from the configuration, its file and the metrics."""


async def run(
    inherited: Inherited, listening: socket.socket, observing: Observing | None = None, *, pages: Pages | None = add_pages,
    minute_s: float = MINUTE_S,
) -> None:  # fmt: skip
    """Record until SIGTERM, then store what the journal still holds and return."""
    stop = _stop()
    recorder = Recorder(inherited.config, inherited.key, again=inherited.again)
    if observing is not None:
        recorder.observe(observing(inherited.config, inherited.config_file, recorder.meters))
    runner = web.AppRunner(application(recorder, inherited.config, pages), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    minutes = asyncio.get_running_loop().create_task(_say_minutes(recorder, minute_s))
    gc.freeze()
    gc.set_threshold(*GC_AFTER)
    try:
        await recorder.run(stop)
    finally:
        minutes.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await minutes
        await runner.cleanup()


async def keep(inherited: Inherited) -> None:
    """Record without an admin port, for a run that has no `serve` beside it: until standard input ends, as it does with our parent."""
    stop, loop = _stop(), asyncio.get_running_loop()
    threading.Thread(target=_until_closed, args=(loop, stop), name="parent", daemon=True).start()
    await Recorder(inherited.config, inherited.key).run(stop)


def _stop() -> asyncio.Event:
    """Set by SIGTERM; by one, too, that came while we started."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return stop


def _until_closed(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


async def _say_minutes(recorder: Recorder, minute_s: float) -> None:
    """What a person wants to know, once a minute, when it changed."""
    while True:
        await asyncio.sleep(minute_s)
        try:
            line = recorder.summary_line()
        except Exception:  # a line less; the recorder goes on
            log.exception("summary.failed")
            continue
        if line is not None:
            print(line, flush=True)  # noqa: T201 (the minute lines are what `serve` prints)

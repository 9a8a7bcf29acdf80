"""The whole pipeline on loopback, with scripted models and traffic of our own making: nothing of it is simulated but the models.

Law: the demo is a user. It writes a configuration, starts `understudy serve` as anyone would, sends its calls through the proxy's address
and looks only at what a user can look at: the status page and the store.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from proxy.serve_file import Serving
from proxy.store import Store
from replay.demo_models import ANOTHER, CANDIDATE, INCUMBENT, Model, application
from replay.demo_traffic import DemoCall, call
from replay.private import PrivateServe

RATE_PER_S = 12.0
SETTLE_WAIT_S = 15.0
CONFIG = """\
# Written by `understudy demo`; the same file with your own URLs and keys is all a real set-up needs.
[server]
listen = "127.0.0.1:0"
admin  = "127.0.0.1:0"

[store]
path = "understudy.duckdb"

[targets.director]
url   = "http://127.0.0.1:{incumbent}"
price = {{ input = 2.50, cached_input = 1.25, output = 10.00 }}

[targets.mini]
url   = "http://127.0.0.1:{candidate}"
model = "understudy-mini-2"
price = {{ input = 0.15, cached_input = 0.075, output = 0.60 }}

[targets.micro]                        # not shadowed: for `understudy replay`, while the demo runs
url   = "http://127.0.0.1:{another}"
model = "understudy-micro-1"
price = {{ input = 0.10, output = 0.40 }}

[[routes]]
name      = "main"
path      = "/"
incumbent = "director"
shadow    = [ {{ target = "mini", share = 1.0 }} ]
repeat    = 0.2

[[workflows]]
name  = "invoice-extraction"
match = {{ header = "invoice-extraction" }}
[[workflows]]
name  = "ticket-triage"
match = {{ header = "ticket-triage" }}
[[workflows]]
name  = "customer-letter"
match = {{ header = "customer-letter" }}
"""

NOT_SENT = """
SELECT target, n, total, decision, reason
FROM (
    SELECT target, decision, reason, count(*) AS n, sum(count(*)) OVER (PARTITION BY target) AS total
    FROM mirror_decisions
    GROUP BY target, decision, reason
)
WHERE decision <> 'sent'
ORDER BY target, n DESC
"""

Summarise = Callable[[Path], RenderableType]
"""The first table out of a store; handed in, since scoring and replay do not know each other."""


@dataclass(slots=True)
class Demo:
    """One run. `seconds` None: until Ctrl-C."""

    seconds: float | None
    summarise: Summarise
    console: Console = field(default_factory=lambda: a_console())
    sent: int = 0
    answered: int = 0
    failed: int = 0
    first_pair_s: float | None = None
    _calls: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def run(self) -> int:
        """0 when pairs were stored, else 1."""
        folder = Path(tempfile.mkdtemp(prefix="understudy-demo-"))
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with contextlib.AsyncExitStack() as stack:
            ports = [await _serve_model(stack, model) for model in (INCUMBENT, CANDIDATE, ANOTHER)]
            (folder / "understudy.toml").write_text(CONFIG.format(incumbent=ports[0], candidate=ports[1], another=ports[2]), "utf-8")
            started = time.monotonic()
            serve = await PrivateServe.started(folder)
            try:
                self._open_what(folder, serve.where)
                await self._traffic(serve.where, folder, started, stop)
            finally:
                await serve.end()
        return self._last_words(folder)

    # ---- the traffic

    async def _traffic(self, where: Serving, folder: Path, started: float, stop: asyncio.Event) -> None:
        deadline = None if self.seconds is None else time.monotonic() + self.seconds
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            show = asyncio.get_running_loop().create_task(self._show(session, where, folder, started))
            number = 0
            while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
                task = asyncio.get_running_loop().create_task(self._send(session, where.listen, call(number)))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
                number += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1 / RATE_PER_S)
            if self._calls:
                await asyncio.wait(self._calls, timeout=10)
            await self._settle(session, where)
            show.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await show

    async def _send(self, session: aiohttp.ClientSession, address: str, each: DemoCall) -> None:
        self.sent += 1
        headers = {"x-understudy-workflow": each.workflow, "authorization": "Bearer demo-key-of-the-app"}
        try:
            async with session.post(f"http://{address}{each.path}", json=each.body, headers=headers) as answer:
                await answer.read()
                self.answered += answer.status == 200
                self.failed += answer.status != 200
        except aiohttp.ClientError:
            self.failed += 1

    async def _settle(self, session: aiohttp.ClientSession, where: Serving) -> None:
        """Wait until the last pairs are stored, so that the table below counts them."""
        deadline = time.monotonic() + SETTLE_WAIT_S
        while time.monotonic() < deadline:
            status = await _status(session, where)
            if _figure(status, "calls") >= self.sent and not _figure(status, "in_flight"):
                break
            await asyncio.sleep(0.2)

    # ---- what a person sees

    async def _show(self, session: aiohttp.ClientSession, where: Serving, folder: Path, started: float) -> None:
        """A table that lives on a terminal, a plain line every five seconds elsewhere."""
        live = Live(console=self.console, refresh_per_second=4, transient=True) if self.console.is_terminal else None
        with live or contextlib.nullcontext():
            last = time.monotonic()
            while True:
                status = await _status(session, where)
                await self._look_for_first_pair(folder, started)
                if live is not None:
                    live.update(self._table(status))
                elif time.monotonic() - last >= 5:
                    last = time.monotonic()
                    self.console.print(self._line(status), highlight=False)
                await asyncio.sleep(0.25)

    async def _look_for_first_pair(self, folder: Path, started: float) -> None:
        if self.first_pair_s is None and await asyncio.to_thread(_pairs_in, folder):
            self.first_pair_s = time.monotonic() - started
            self.console.print(f"first pair stored {self.first_pair_s:.1f} s after `serve` was started", highlight=False)

    def _line(self, status: dict[str, object]) -> str:
        return f"{self.sent} calls sent, {self.answered} answered, {self.failed} failed; {_figure(status, 'pairs')} pairs"

    def _table(self, status: dict[str, object]) -> RenderableType:
        table = Table(title="Ctrl-C ends it", title_justify="left", show_header=False)
        for name, value in (("calls sent", self.sent), ("answered", self.answered), ("failed", self.failed)):
            table.add_row(name, str(value))
        for name in ("calls", "pairs"):
            table.add_row(name + " recorded", str(_figure(status, name)))
        return table

    def _open_what(self, folder: Path, where: Serving) -> None:
        until = "Ctrl-C" if self.seconds is None else f"{self.seconds:g} s"
        self.console.print(
            f"the proxy       http://{where.listen}/v1\n"
            f"metrics         http://{where.admin}/metrics\n"
            f"status          http://{where.admin}/api/status\n"
            f"configuration   {folder / 'understudy.toml'}\n"
            f"pairs, live     {_command()} pairs --follow --config {folder / 'understudy.toml'}\n"
            f"a replay        {_command()} archive export --config {folder / 'understudy.toml'} --out demo.jsonl.zst\n"
            f"                {_command()} replay demo.jsonl.zst --to micro --pace 20/s --gate --config {folder / 'understudy.toml'}\n"
            f"sending {RATE_PER_S:g} calls a second until {until}",
            highlight=False,
            soft_wrap=True,
        )

    def _last_words(self, folder: Path) -> int:
        config = folder / "understudy.toml"
        pairs = _pairs_in(folder)
        self.console.print(
            f"\n{self.sent} calls, {self.failed} failed, {pairs} pairs in {folder / 'understudy.duckdb'}\n", highlight=False, soft_wrap=True
        )
        if not pairs:
            self.console.print(f"no pair was stored: {folder / 'serve.log'} has what `serve` said", highlight=False, soft_wrap=True)
        if pairs:
            self.console.print(self.summarise(folder / "understudy.duckdb"))
            for target, count, total, decision, reason in Store(str(folder / "understudy.duckdb")).query(NOT_SENT).rows:
                self.console.print(f"{count} of {total} calls not mirrored to {target}: {decision} {reason}".rstrip(), highlight=False)
        self.console.print(
            f"\nlook closer:\n"
            f"  {_command()} pairs --differs --config {config}\n"
            f'  {_command()} store query --config {config} "SELECT target, decision, reason, count(*) FROM mirror_decisions GROUP BY ALL"\n'
            f"  rm -r {folder}   # all of it is there, and nothing elsewhere\n"
            f"\nyour own app, in three lines:\n"
            f"  {_command()} init && {_command()} check\n"
            f"  {_command()} serve\n"
            f"  export OPENAI_BASE_URL=http://127.0.0.1:8080/v1",
            highlight=False,
            soft_wrap=True,
        )
        return 0 if pairs and not self.failed else 1


def a_console() -> Console:
    """As wide as the terminal; elsewhere as wide as the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=110)


def _command() -> str:
    """How to type the command here: by its name where the shell finds it, else by its path."""
    return "understudy" if shutil.which("understudy") else os.path.relpath(sys.argv[0])


async def _serve_model(stack: contextlib.AsyncExitStack, model: Model) -> int:
    runner = web.AppRunner(application(model), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return int(runner.addresses[0][1])


async def _status(session: aiohttp.ClientSession, where: Serving) -> dict[str, object]:
    try:
        async with session.get(f"http://{where.admin}/api/status", timeout=aiohttp.ClientTimeout(total=5)) as answer:
            return await answer.json() if answer.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError):
        return {}


def _figure(status: dict[str, object], name: str) -> int:
    value = status.get(name)
    return value if isinstance(value, int) else 0


def _pairs_in(folder: Path) -> int:
    path = folder / "understudy.duckdb"
    if not path.exists():
        return 0
    return int(Store(str(path)).query("SELECT count(*) FROM pairs WHERE incumbent_outcome IS NOT NULL").rows[0][0])

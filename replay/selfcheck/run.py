"""`understudy selfcheck`: the promises, one after another, each shown and none assumed. Read this file first.

Law: nothing of the user's is touched but his upstream, and that only within the budget; load, faults and kills meet scripted models on
loopback and a private `serve`. A promise that could not be checked has failed.
"""

import asyncio
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from proxy.config import Config, Target
from proxy.config_file import load
from proxy.keys import credentials
from proxy.store import Store
from replay.private import PrivateServe
from replay.selfcheck.asking import Question, questions
from replay.selfcheck.clients import Clients
from replay.selfcheck.harmless import RATE_PER_S, bounded, ended, harmless, weigh
from replay.selfcheck.hop import Hop
from replay.selfcheck.kept import accounted, private
from replay.selfcheck.model import request_of
from replay.selfcheck.place import private_serve, scripted_model
from replay.selfcheck.row import Row
from replay.selfcheck.transparent import transparent

METRICS_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user asked for."""

    config: Config | None
    """None: offline, everything against scripted models."""
    file: str
    route: str
    model: str
    limit_usd: Decimal
    phase_s: float
    """How long each fault lasts."""


def wanted(file: Path | None, *, route: str, model: str, limit_usd: float, phase_s: float) -> Wanted:
    """`file` None: offline. Raises ConfigError."""
    config = load(file) if file is not None else None
    return Wanted(config=config, file=str(file or ""), route=route, model=model, limit_usd=Decimal(str(limit_usd)), phase_s=phase_s)


async def selfcheck(wanted: Wanted, environ: dict[str, str], say: Callable[[str], None]) -> list[Row]:
    """All rows. Raises ConfigError for what the user must fix first."""
    rows, spent = await _transparent(wanted, environ, say)
    if wanted.config is not None:
        say(f"the upstream was asked for at most {spent:.4f} USD")
    return rows + await _promises(wanted.phase_s, say)


async def _transparent(wanted: Wanted, environ: dict[str, str], say: Callable[[str], None]) -> tuple[list[Row], Decimal]:
    if wanted.config is None:
        say("transparent: through a hop to a scripted model ...")
        async with scripted_model() as model:
            hop = Hop.to(Config(), Target(url=model.url))
            asked = [_offline("plain call", 1, stream=False), _offline("streamed call", 2, stream=True)]
            return await transparent(hop, asked, wanted.limit_usd)
    config = wanted.config
    route = next((each for each in config.routes if each.name == wanted.route), config.routes[0])
    target = config.targets[route.incumbent]
    say(f"transparent: through a hop to {target.url} ...")
    keys = credentials(config, [route.incumbent], environ, wanted.file)
    asked = questions(config, route.incumbent, wanted.model, keys[route.incumbent], wanted.file)
    base = Hop.to(config, target)
    return await transparent(base, asked, wanted.limit_usd)


def _offline(name: str, number: int, *, stream: bool) -> Question:
    raw = request_of(number, stream=stream).replace(b"Host: a\r\n", b"Host: selfcheck\r\nConnection: close\r\n")
    return Question(name=name, raw=raw, usd=Decimal(0))


async def _promises(phase_s: float, say: Callable[[str], None]) -> list[Row]:
    """Harmless, bounded, accounted and private, all of one private `serve`."""
    secret = b"sk-selfcheck-" + secrets.token_hex(12).encode()
    async with scripted_model() as incumbent, scripted_model() as candidate, private_serve(incumbent.url, candidate.url) as serve:
        clients = Clients(serve.port, secret)
        await clients.phase(1.0, RATE_PER_S)
        before = weigh(serve)
        say(f"harmless: {RATE_PER_S:g} calls a second, faults of {phase_s:g} s each ...")
        rows = await harmless(serve, candidate, clients, phase_s)
        after, metrics = weigh(serve), await asyncio.to_thread(_metrics, serve)
        rows.append(await ended(serve, clients))
        say("bounded, accounted, private: looking at what is left ...")
        rows += bounded(before, after, clients.number, lambda: _left(serve))
        store = Store(str(serve.folder / "understudy.duckdb"))
        rows += accounted(store, clients.number)
        planted = {"the caller's key, cookie and ?key=": secret}
        rows.append(private(store, (serve.folder, serve.journal), metrics, planted))
    return rows


def _metrics(serve: PrivateServe) -> bytes:
    """The recorder was killed a moment ago: until the next one is there, its port says 503."""
    until_s = time.monotonic() + METRICS_S
    while True:
        try:
            with urllib.request.urlopen(f"http://{serve.where.admin}/metrics", timeout=10) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            if time.monotonic() > until_s:
                raise
        time.sleep(0.1)


def _left(serve: PrivateServe) -> int:
    return sum(path.stat().st_size for path in Path(serve.journal).glob("*.seg"))


def show(rows: list[Row], *, as_json: bool, console: Console | None = None) -> None:
    if as_json:
        sound = all(each.ok for each in rows)
        print(json.dumps({"sound": sound, "rows": [asdict(each) for each in rows]}), flush=True)  # noqa: T201 (a command prints)
        return
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=140)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "promise", "what", "found"):
        table.add_column(name, overflow="fold")
    for each in rows:
        table.add_row("[green]pass[/]" if each.ok else "[red]FAIL[/]", each.promise, each.what, each.found.replace("[", r"\["))
    console.print(table)
    failed = sum(not each.ok for each in rows)
    console.print(f"{len(rows) - failed} of {len(rows)} hold" + (f"; {failed} do not" if failed else ""))

"""`understudy check`: the plan of a configuration and whether its targets are there, for a person or for a machine."""

import asyncio
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from proxy.commands.canary_plan import CALLS_MAX, DAY_SQL, STAYS_SQL, USD_A_DAY, WEEKS, Recorded
from proxy.commands.canary_state import states
from proxy.commands.plan import Line, asked_by_us, plan
from proxy.commands.reach import Reached, reach
from proxy.commands.serve import Rehearse, checked
from proxy.config import Config, Rollout
from proxy.dialects.dialect import Family
from proxy.keys import credentials
from proxy.store import Store, StoreError
from proxy.terminal import harmless

SPEND_SQL = f"SELECT target, {USD_A_DAY} FROM exchanges WHERE NOT seen GROUP BY target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    file: str
    lines: tuple[Line, ...]
    reached: tuple[Reached, ...]

    @property
    def sound(self) -> bool:
        return all(each.ok for each in self.reached)


def check(file: Path, rehearse: Rehearse) -> Checked:
    """Raises ConfigError with every fault of the file, the files it names and the environment."""
    config = checked(file, rehearse)
    keys = credentials(config, asked_by_us(config), os.environ, str(file))
    headers = {name: key.headers(_family(config, name)) for name, key in keys.items()}
    reached = asyncio.run(reach(config, headers))
    lines = plan(config, mean_spend(config), recorded(config))
    lines += [Line(topic="rollout", text=text, warns=warns) for text, warns in states(config, time.time())]
    return Checked(file=str(file), lines=tuple(lines), reached=tuple(reached))


def _family(config: Config, name: str) -> Family:
    host = config.targets[name].url
    return "anthropic" if "anthropic." in host else "gemini" if "googleapis." in host else "openai"


def mean_spend(config: Config) -> dict[str, float | None] | None:
    """Mean USD per day of our own legs, from what is stored; None when nothing is, or less than a day of it."""
    if not Path(config.store_path).exists():
        return None
    try:
        return {str(target): None if usd is None else float(str(usd)) for target, usd in Store(config.store_path).query(SPEND_SQL).rows}
    except StoreError:
        return None


def recorded(config: Config) -> dict[str, Recorded]:
    """By rollout, what the store knows of its route; a store that cannot be read says nothing."""
    if not config.rollouts or not Path(config.store_path).exists():
        return {}
    try:
        return {rollout.name: _recorded_of(config, rollout) for rollout in config.rollouts}
    except StoreError:
        return {}


def _recorded_of(config: Config, rollout: Rollout) -> Recorded:
    store = Store(config.store_path)
    incumbent = next(route.incumbent for route in config.routes if route.name == rollout.route)
    rows = store.query(STAYS_SQL, [rollout.route, WEEKS, CALLS_MAX, rollout.allow_stored]).rows
    counts = {str(why): int(str(count)) for why, count in rows if why is not None}
    [(usd,)] = store.query(DAY_SQL, [incumbent, rollout.route, WEEKS]).rows
    calls = sum(int(str(count)) for _, count in rows)
    return Recorded(calls=calls, stays=counts, usd_per_day=None if usd is None else float(str(usd)))


def show(result: Checked, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        plan_lines = [{"topic": line.topic, "text": line.text, "warns": line.warns} for line in result.lines]
        targets = [{"target": each.target, "ok": each.ok, "found": each.found} for each in result.reached]
        return tell(json.dumps({"file": result.file, "sound": result.sound, "plan": plan_lines, "targets": targets}))
    console = Console(highlight=False, soft_wrap=True)
    for line in () if quiet else result.lines:
        console.print(f"[bold]{line.topic:9}[/] {'[yellow]![/] ' if line.warns else ''}{plain(line.text)}")
    for each in result.reached:
        if not quiet or not each.ok:
            console.print(f"[bold]{'target':9}[/] {'[green]✓[/]' if each.ok else '[red]✗[/]'} {each.target}: {plain(each.found)}")
    if not quiet:
        console.print("sound" if result.sound else "not sound: see ✗ above")


def plain(text: str) -> str:
    """A text as it is, where a console reads markup and a terminal obeys."""
    return escape(harmless(text))


def tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (a command prints)

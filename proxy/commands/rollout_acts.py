"""What the `rollout` commands share: the change itself, and what is said of it."""

import os
import pwd
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from proxy.commands.canary_state import serves
from proxy.commands.check import tell
from proxy.config import Config, Rollout
from proxy.config_file import load
from proxy.faults import Wrong
from proxy.logs import configure
from proxy.rollout.change import change, rollout_named
from proxy.rollout.finish import beside_it, change_to_make
from proxy.rollout.report import Report
from proxy.rollout.standing import Standing, guard_words, one_line, shown, standing_of, waits_of
from proxy.rollout.state import Asked, State, next_step, percent

NONE_YET = "no rollout is configured: add [[rollouts]] with name, route and candidate to {file}; see `understudy check`"
POLL_S = 0.5
WORDS_S = 10.0
"""Figures change every second; while nothing happens they are printed so seldom."""
FlightLog = Callable[[Report | None, State, float, float], list[str]]
"""(the guard's last word, the state, seconds since the epoch, how old a fresh word may be) → lines. Handed in: we know no guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """One change, done."""

    asked: Asked
    standing: Standing
    missing: tuple[str, ...] = ()
    """What the guard would have waited for."""
    warnings: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    """To be made in the configuration, after `finish`."""
    beside: tuple[str, ...] = ()

    def machine(self) -> dict[str, Any]:
        more = {"configuration_change": "\n".join(self.change), "notes": self.beside} if self.change else {}
        return {"action": self.asked.action, **shown(self.standing), "missing": self.missing, "warnings": self.warnings, **more}

    def lines(self) -> list[str]:
        state = self.standing.state
        lines = [one_line(self.standing)]
        if self.asked.action in ("start", "promote"):
            after = next_step(self.standing.rollout, state.share)
            lines.append(
                f"  next step: {percent(after)}" if after is not None else "  this is the last step: finish it when you are content"
            )
        lines += [f"  done without waiting for: {each}" for each in self.missing]
        lines += ["", "before the configuration is changed:", *(f"- {each}" for each in self.beside)] if self.beside else []
        lines += ["", "the change to make in the configuration, then SIGHUP or a restart:", "", *self.change] if self.change else []
        return lines


def act(file: Path, name: str, asked: Asked) -> Did:
    """Raises Wrong when it is refused, ConfigError for the file."""
    if asked.action == "rollback" and not asked.why.strip():
        raise Wrong("rollout rollback: --why", "nothing", "the reason, for the record")
    configure("rollout")
    config = load(file)
    rollout = rollout_named(config, name, str(file))
    before = standing_of(config, rollout, time.time())
    state = change(config, rollout, asked)
    standing = standing_of(config, rollout, time.time())
    finished = state.state == "finished" and asked.action == "finish"
    return Did(
        asked=asked, standing=standing, missing=tuple(waits_of(before)) if asked.action == "promote" else (),
        warnings=tuple(_warnings(config, standing)) if state.takes > 0.0 else (),
        change=tuple(change_to_make(file.read_text("utf-8"), str(file), config, rollout)) if finished else (),
        beside=tuple(beside_it(config, rollout)) if finished else (),
    )  # fmt: skip


def wanted(config: Config, name: str | None, file: Path) -> Sequence[Rollout]:
    return config.rollouts if name is None else [rollout_named(config, name, str(file))]


def actor() -> str:
    """The OS user at this machine: by the process, not by a variable that anybody may set."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's number without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def flight_lines(standings: Sequence[Standing], now_s: float, flight_log: FlightLog) -> list[str]:
    """As the guard's own flight log tells it."""
    lines: list[str] = []
    for each in standings:
        stands, *more = flight_log(each.report, each.state, now_s, each.rollout.guard_fresh_s)
        lines += [stands, *([f"  {each.lost}"] if each.lost else []), *more]
    return lines


def follow(standings: Callable[[], Sequence[Standing]], say: Callable[[Sequence[Standing]], None]) -> None:
    """Say them whenever something happens, and every `WORDS_S` when only figures moved; until Ctrl-C."""
    happened: object = None
    at_s = float("-inf")
    while True:
        found = standings()
        seen = [_happening(each) for each in found]
        if seen != happened or time.monotonic() - at_s > WORDS_S:
            say(found)
            happened, at_s = seen, time.monotonic()
        time.sleep(POLL_S)


def _happening(standing: Standing) -> object:
    report = standing.report
    named = [(each.name, each.segment) for each in report.limits if each.broken] if report is not None else []
    fired = [each.name for each in report.tests if each.fired] if report is not None else []
    return standing.state.version, standing.watched, standing.lost, len(waits_of(standing)), named, fired


class News:
    """Prints lines that were not among those printed last."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            if line not in self.said:
                tell(line)
        self.said = list(lines)


def tell_json(standings: Sequence[Standing], *, one: bool) -> None:
    machine = [shown(each) for each in standings]
    tell(orjson.dumps(machine[0] if one else {"rollouts": machine}).decode())


def warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (a command prints)


def _warnings(config: Config, standing: Standing) -> list[str]:
    lines: list[str] = []
    if not serves(config):
        lines.append(f"no `understudy serve` runs on {config.journal_folder}: nothing is answered until one does")
    if not standing.watched and standing.state.state != "finished":
        lines.append(f"{guard_words(standing)}; nobody is watching until it speaks")
    return lines

"""The `understudy rollout` commands: where a canary stands, and a person's word on it. Loaded only when one of them is used.

Law: they change the state file and nothing else, so they work beside a dead recorder and without `serve`; who changed what is in the audit
under the name of the OS user.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import App, Parameter

from proxy.commands import rollout_acts as acts
from proxy.commands.check import tell
from proxy.config_file import load
from proxy.rollout.standing import Standing, standing_of
from proxy.rollout.state import Asked

app = App(name="rollout", help="The canary: where it stands, start it, promote it, take it back.", help_format="plaintext")
ConfigFile = Annotated[Path, Parameter(name="--config", help="the configuration")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="print machine output")]
Share = Annotated[float | None, Parameter(help="part of the route's calls, as 0.05")]
Why = Annotated[str, Parameter(help="the reason, for the record")]
CONFIG = Path("understudy.toml")
FINE = 0


@app.command
def status(
    name: str | None = None, *, flight_log: Annotated[acts.FlightLog, Parameter(parse=False)], config: ConfigFile = CONFIG,
    follow: Annotated[bool, Parameter(negative=())] = False, as_json: Json = False,
) -> int:  # fmt: skip
    """The flight log: state, share, evidence, what it waits for, what happened.

    Example: understudy rollout status small-canary --follow

    Parameters
    ----------
    name
        One rollout; all without.
    follow
        Go on printing it as it changes.
    """
    found = load(config)
    rollouts, news = acts.wanted(found, name, config), acts.News()

    def standings() -> list[Standing]:
        return [standing_of(found, each, time.time()) for each in rollouts]

    def say(each: Sequence[Standing]) -> None:
        if as_json:
            acts.tell_json(each, one=name is not None)
        else:
            news.tell(acts.flight_lines(each, time.time(), flight_log))

    if not rollouts and not as_json:
        tell(acts.NONE_YET.format(file=config))
    elif follow and rollouts:
        acts.follow(standings, say)
    else:
        say(standings())
    return FINE


@app.command
def start(name: str, *, share: Share = None, why: Why = "", config: ConfigFile = CONFIG, as_json: Json = False) -> int:
    """Let the candidate answer the first step's share of the route's calls.

    Example: understudy rollout start small-canary --share 0.01
    """
    return _ask(config, name, Asked(action="start", actor=acts.actor(), why=why, share=share), as_json=as_json)


@app.command
def promote(name: str, *, share: Share = None, why: Why = "", config: ConfigFile = CONFIG, as_json: Json = False) -> int:
    """Take the next step at once; hours and coverage are yours to judge, and what is missing is said.

    Example: understudy rollout promote small-canary
    """
    return _ask(config, name, Asked(action="promote", actor=acts.actor(), why=why, share=share), as_json=as_json)


@app.command
def pause(name: str, *, why: Why = "", config: ConfigFile = CONFIG, as_json: Json = False) -> int:
    """Hold the share: nobody promotes it, and the guard still takes it back.

    Example: understudy rollout pause small-canary
    """
    return _ask(config, name, Asked(action="pause", actor=acts.actor(), why=why), as_json=as_json)


@app.command
def resume(name: str, *, why: Why = "", config: ConfigFile = CONFIG, as_json: Json = False) -> int:
    """Go on after a pause, at the same share.

    Example: understudy rollout resume small-canary
    """
    return _ask(config, name, Asked(action="resume", actor=acts.actor(), why=why), as_json=as_json)


@app.command
def rollback(name: str, *, why: Why, config: ConfigFile = CONFIG, as_json: Json = False) -> int:
    """The incumbent answers from the next call on; works with everything else dead.

    Example: understudy rollout rollback small-canary --why "customers complain"
    """
    return _ask(config, name, Asked(action="rollback", actor=acts.actor(), why=why), as_json=as_json)


@app.command
def finish(name: str, *, why: Why = "", config: ConfigFile = CONFIG, as_json: Json = False) -> int:
    """Make the candidate the incumbent, and print the change of configuration to make.

    Example: understudy rollout finish small-canary
    """
    return _ask(config, name, Asked(action="finish", actor=acts.actor(), why=why), as_json=as_json)


def _ask(file: Path, name: str, asked: Asked, *, as_json: bool) -> int:
    did = acts.act(file, name, asked)
    tell(orjson.dumps(did.machine(), default=str).decode() if as_json else "\n".join(did.lines()))
    for line in did.warnings:
        acts.warn(line)
    return FINE

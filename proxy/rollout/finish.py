"""The change of configuration that a finished rollout asks for, as a diff of the user's own file. Pure.

Law: the diff is printed, never applied, and only when the text it leads to was read back and says what it should; otherwise the change is
said in words. What a diff cannot say (whose key, whose model name) is said beside it.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from proxy.config import Config, Rollout
from proxy.keys import has_own

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?\Z")
_NAME = re.compile(r"\s*name\s*=\s*([\"'])(?P<name>[^\"']*)\1")


def change_to_make(text: str, file: str, config: Config, rollout: Rollout) -> list[str]:
    """Lines: a unified diff, or the same in words."""
    old = next(route.incumbent for route in config.routes if route.name == rollout.route)
    made = "".join(_edited(text, rollout, old))
    if _says(made, rollout):
        return [line.rstrip("\n") for line in difflib.unified_diff(text.splitlines(True), made.splitlines(True), file, file)]
    return [
        f'in {file}: routes {rollout.route!r}: incumbent = "{rollout.candidate}"', "and its shadow without that target",
        f"and [[rollouts]] {rollout.name!r} removed",
    ]  # fmt: skip


def beside_it(config: Config, rollout: Rollout) -> list[str]:
    """What else changes with it, in words."""
    route = next(route for route in config.routes if route.name == rollout.route)
    target, lines = config.targets[rollout.candidate], list[str]()
    lines.append(
        f"until the file is changed the candidate answers every call by this state; reverse shadow falls to repeat = {route.repeat:g}"
    )
    if has_own(target):
        lines.append(f"as incumbent {rollout.candidate} gets the app's own credentials, no longer ours: give the app a key of it first")
    changed = [key for key in ("model", "set", "drop", "system_file", "user_template", "drop_path") if getattr(target, key)]
    if changed:
        lines.append(f"an incumbent gets the app's bytes untouched: make {', '.join(changed)} of {rollout.candidate} part of the app first")
    return lines


def _edited(text: str, rollout: Rollout, old: str) -> Iterator[str]:
    for path, lines in _tables(text):
        name = next((found["name"] for line in lines if (found := _NAME.match(line))), None)
        if path == "rollouts" and name == rollout.name:
            continue
        yield from (_route_line(line, rollout.candidate, old) for line in lines) if path == "routes" and name == rollout.route else lines


def _tables(text: str) -> Iterator[tuple[str, list[str]]]:
    """Top-level tables with those below them, in order; comments right above a header go with it."""
    path, lines = "", list[str]()
    for line in text.splitlines(True):
        header = _HEADER.match(line)
        if header and not (path and header[1].startswith(f"{path}.")):
            above = _comments_at_end(lines)
            yield path, lines[: len(lines) - above]
            path, lines = header[1], [*lines[len(lines) - above :], line]
        else:
            lines.append(line)
    yield path, lines


def _comments_at_end(lines: list[str]) -> int:
    count = 0
    while count < len(lines) and lines[-1 - count].lstrip().startswith("#"):
        count += 1
    return count


def _route_line(line: str, candidate: str, old: str) -> str:
    """The candidate becomes the incumbent, and the old one takes its place in the shadow."""
    if re.match(r"\s*incumbent\s*=", line):
        return re.sub(rf"=\s*([\"']){re.escape(old)}\1", lambda found: f"= {found[1]}{candidate}{found[1]}", line, count=1)
    pattern = rf"(\btarget\s*=\s*)([\"']){re.escape(candidate)}\2"
    return re.sub(pattern, lambda found: f"{found[1]}{found[2]}{old}{found[2]}", line)


def _says(text: str, rollout: Rollout) -> bool:
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    routes: list[dict[str, Any]] = table.get("routes", [])
    rollouts: list[dict[str, Any]] = table.get("rollouts", [])
    route = next((each for each in routes if each.get("name") == rollout.route), dict[str, Any]())
    legs: list[str] = [leg["target"] for leg in route.get("shadow", [])]
    gone = all(each.get("name") != rollout.name for each in rollouts)
    return gone and route.get("incumbent") == rollout.candidate and rollout.candidate not in legs and len(set(legs)) == len(legs)

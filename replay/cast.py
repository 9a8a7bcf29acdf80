"""Who plays: the legs of every route out of the configuration, with their keys, prices, files and bounds. All faults are told at once."""

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from proxy.anonymize import Anonymizer
from proxy.config import Config, ConfigError, Fault, Rollout, Route, ShadowLeg, Target
from proxy.dialects import BY_NAME
from proxy.exchange import Prompt, Role
from proxy.keys import Credential, credentials
from proxy.tls import trust_of
from replay.baseline import CommandLeg, RulesLeg, rules_from
from replay.breaker import Breaker
from replay.cost import pricer
from replay.leg import Door, Leg
from replay.legs import Backend, HttpLeg, Question
from replay.room import Room

Stage = Mapping[str, tuple[Leg, ...]]
"""Legs by route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Props:
    """What the legs of one target share."""

    target: Target
    backend: Backend
    door: Door
    breaker: Breaker
    system_text: str | None


def asked_targets(config: Config) -> list[str]:
    """Every target that is sent calls of our own."""
    found = {leg.target for route in config.routes for leg in route.shadow}
    for route in config.routes:
        rollout = rollout_of(config, route)
        found |= {route.incumbent} if route.repeat > 0 or rollout else set[str]()
        found |= {rollout.candidate} if rollout else set[str]()
    return sorted(found)


def rollout_of(config: Config, route: Route) -> Rollout | None:
    return next((rollout for rollout in config.rollouts if rollout.route == route.name), None)


def stage(config: Config, key: bytes, environ: Mapping[str, str], room: Room, file: str = "understudy.toml") -> Stage:
    """Raises ConfigError with all faults."""
    names = asked_targets(config)
    faults: list[Fault] = []
    try:
        keys = credentials(config, names, environ, file)
    except ConfigError as error:
        keys, faults = {}, error.faults
    props: dict[str, Props] = {}
    for name in names:
        made = _props(config, name, keys.get(name, Credential(None, {}, "")), room, len(names), file)
        if isinstance(made, Props):
            props[name] = made
        else:
            faults += made
    if faults:
        raise ConfigError(sorted(faults))
    anonymizer = Anonymizer(key, company=config.company_patterns) if key else None
    return {route.name: tuple(_legs(config, route, props, anonymizer)) for route in config.routes}


def _props(config: Config, name: str, credential: Credential, room: Room, doors: int, file: str) -> Props | list[Fault]:
    target = config.targets[name]
    backend = _backend(config, name, credential, room, file)
    system = _text_of(config, target.system_file, f"targets.{name}.system_file", file) if target.system_file else None
    faults = [*(backend if isinstance(backend, list) else []), *([system] if isinstance(system, Fault) else [])]
    if faults or isinstance(backend, list) or isinstance(system, Fault):
        return faults
    return Props(
        target=target, backend=backend, door=Door(target.max_in_flight, room.size // (2 * doors)), breaker=Breaker(), system_text=system
    )


def _backend(config: Config, name: str, credential: Credential, room: Room, file: str) -> Backend | list[Fault]:
    target = config.targets[name]
    if target.baseline:
        rules = rules_from(config.path_of(target.baseline))
        return rules if isinstance(rules, list) else RulesLeg(rules, prompt_text)
    if target.command:
        if not is_program(target.command[0], config.path_of(".")):
            found = f"{target.command[0]!r}: no such program"
            return [
                Fault(
                    file=file, key=f"targets.{name}.command", found=found, expected="a program that can be run, seen from the file's folder"
                )
            ]
        return CommandLeg(target.command, config.path_of("."), target.deadline_s, prompt_text)
    return HttpLeg(
        target, credential, room, answer_max_bytes=config.shadow.answer_max_bytes, connect_timeout_s=config.server.connect_timeout_s,
        proxy=config.server.outgoing_proxy, trust=trust_of(config, target),
    )  # fmt: skip


def is_program(name: str, folder: Path) -> bool:
    """Whether a baseline's first word can be started: by its path as seen from the configuration's folder, or found on PATH."""
    return os.access(folder / name, os.X_OK) and (folder / name).is_file() if "/" in name else shutil.which(name) is not None


def _text_of(config: Config, name: str, key: str, file: str) -> str | Fault:
    try:
        return config.path_of(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Fault(file=file, key=key, found=f"{name!r}: {getattr(error, 'strerror', 'not UTF-8')}", expected="a readable UTF-8 file")


def _legs(config: Config, route: Route, props: Mapping[str, Props], anonymizer: Anonymizer | None) -> list[Leg]:
    legs = [_leg(config, route, props[each.target], each.target, each.share, anonymizer, rate=each.rate) for each in route.shadow]
    if route.repeat > 0:
        legs.append(_leg(config, route, props[route.incumbent], route.incumbent, route.repeat, anonymizer, again="repeat"))
    if rollout := rollout_of(config, route):
        legs.append(_leg(config, route, props[route.incumbent], route.incumbent, rollout.reverse_shadow, anonymizer, again="incumbent"))
    return legs


def _leg(
    config: Config, route: Route, props: Props, name: str, share: float, anonymizer: Anonymizer | None, *, rate: float | None = None,
    again: Literal["repeat", "incumbent"] | None = None,
) -> Leg:  # fmt: skip
    """`again`: the incumbent once more, beside its own answer (`repeat`) or, in reverse, beside a canary's (`incumbent`)."""
    target = props.target
    role: Role = again or ("candidate" if target.url else "baseline")
    near: Literal["account", "elsewhere"] = "account" if same_account(target, config.targets[route.incumbent]) else "elsewhere"
    return Leg(
        name=name, role=role, target=target, share=share, rate=rate, reach="model" if again else near, backend=props.backend,
        door=props.door,
        pricer=pricer(target) if target.url else None, breaker=Breaker() if again else props.breaker,
        anonymize=partial(_hidden, anonymizer) if anonymizer else None, system_text=props.system_text,
    )  # fmt: skip


def run_legs(
    config: Config, names: Sequence[str], again: str, key: bytes, environ: Mapping[str, str], room: Room, file: str
) -> tuple[Leg, ...]:
    """A run's: these targets, and with `again` that target as the incumbent, asked in the same run. Raises ConfigError with all faults."""
    home = again or config.routes[0].incumbent
    legs = [ShadowLeg(target=name) for name in names]
    route = Route(name="", incumbent=home, shadow=legs, repeat=1.0 if again else 0.0)
    found = stage(replace(config, routes=[route]), key, environ, room, file)[""]
    return tuple(dataclasses.replace(leg, role="incumbent") if leg.role == "repeat" else leg for leg in found)


def _hidden(anonymizer: Anonymizer, conversation: str, body: bytes) -> bytes:
    return anonymizer.scope(conversation).body(body)


def same_account(one: Target, other: Target) -> bool:
    """The same host by the same key: what one has stored there, the other may name."""
    keys = [(each.api_key_env, each.api_key_file, sorted(each.headers_env.items())) for each in (one, other)]
    return keys[0] == keys[1] != ("", "", []) and urlsplit(one.url).netloc == urlsplit(other.url).netloc


def prompt_text(question: Question) -> str:
    dialect = BY_NAME.get(question.dialect)
    found = dialect.read_prompt(question.sent.path, question.sent.body) if dialect else None
    return found.prompt_text if isinstance(found, Prompt) else ""

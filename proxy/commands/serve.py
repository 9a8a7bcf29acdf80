"""`understudy serve`: load, look for what is missing, say what will happen, hand over to the supervisor."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from proxy.addresses import is_loopback_address
from proxy.admin import TOKEN_VARIABLE
from proxy.commands.plan import budgeted
from proxy.config import Config, ConfigError, Fault
from proxy.config_file import load
from proxy.inheritance import KEY_VARIABLE, Key, key_from_environment
from proxy.logs import configure
from proxy.outgoing import faults_of_outgoing
from proxy.places import faults_of_places
from proxy.rollout.standing import one_line, standing_of
from proxy.store import Store, StoreError
from proxy.supervisor import Supervisor
from proxy.tls import faults_of_tls

Rehearse = Callable[[Config, str], None]
"""(configuration, its file): looks for all that the shadow will need; raises ConfigError. Handed in, since this package knows no shadow."""


def serve(file: Path, say: Callable[[str], None], rehearse: Rehearse) -> int:
    """Run until SIGTERM. Raises ConfigError or StoreError for what the user must fix, before anything is bound."""
    config = checked(file, rehearse)
    try:
        Store(config.store_path).prepare()
    except StoreError as error:
        raise ConfigError([Fault(file=str(file), key="store.path", found=str(error), expected="a store of ours, or no file yet")]) from None
    configure("supervisor")
    key = key_from_environment()
    for line in opening_lines(config, key):
        say(line)
    return asyncio.run(Supervisor(config, file, key, reread=lambda: checked(file, rehearse), say=say).run())


def checked(file: Path, rehearse: Rehearse) -> Config:
    """The configuration, with everything that sending needs: keys, the files it names, its folders, a token for an open admin port."""
    config = load(file)
    faults = faults_of_places(config, str(file)) + faults_of_tls(config, str(file)) + faults_of_outgoing(config, str(file))
    try:
        rehearse(config, str(file))
    except ConfigError as error:
        faults += error.faults
    if not is_loopback_address(config.server.admin) and not os.environ.get(TOKEN_VARIABLE):
        faults.append(
            Fault(
                file=str(file),
                key="server.admin",
                found=f"{config.server.admin} without {TOKEN_VARIABLE}",
                expected="a token in the environment, or a loopback address",
            )
        )
    if faults:
        raise ConfigError(faults)
    return config


def opening_lines(config: Config, key: Key) -> list[str]:
    """What a person should know before the first call."""
    scheme = "https" if config.server.tls_cert else "http"
    lines = [f"listening on {scheme}://{config.server.listen}, admin on http://{config.server.admin} (metrics, readyz, api/status)"]
    for route in config.routes:
        legs = ", ".join(f"{leg.target} ({leg.share:.0%})" for leg in route.shadow) or "nobody yet"
        lines.append(f"route {route.name}: {route.path} → {route.incumbent} ({config.targets[route.incumbent].url}); shadowed by {legs}")
    lines += [f"rollout {one_line(standing_of(config, rollout, time.time()))}" for rollout in config.rollouts]
    for name in budgeted(config):
        target = config.targets[name]
        if target.budget_usd_per_day is None and target.limit_usd_per_day is not None:
            lines.append(f"budget of {name}: {target.limit_usd_per_day:g} USD a day if it is priced (the default; set budget_usd_per_day)")
    if not key.repeatable and config.store.bodies == "anonymized":
        lines.append(f"pseudonyms of this run will not be repeated by the next: set {KEY_VARIABLE} to keep them")
    lines.append(f"raw bodies stay in {config.journal_folder} for seconds (0600); the store keeps bodies: {config.store.bodies}")
    return lines

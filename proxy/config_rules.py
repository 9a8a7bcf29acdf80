"""What a configuration must also fulfil beyond the shape of its tables: names that exist, addresses that parse, legs that make sense.

Pure: one small function per rule, each yields its faults.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from proxy import outgoing
from proxy.addresses import host_port
from proxy.config import Config, Fault, Rollout, Route, Target
from proxy.conversation import DEFAULT_WORKFLOW
from proxy.personal import company
from proxy.translate import SPOKEN

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
ROUTE_PATH = re.compile(r'/(?!.*(?:^|/)\.\.?(?:/|\Z))[!-"$->@-~]*\Z')
RESERVED = frozenset(("incumbent", "candidate", "repeat", "baseline", "other", "none"))


def faults_of(config: Config, file: str) -> list[Fault]:
    rules = (_addresses, _not_yet, _patterns, _targets, _routes, _workflows, _rollouts)
    return [Fault(file=file, key=key, found=found, expected=expected) for rule in rules for key, found, expected in rule(config)]


Found = Iterator[tuple[str, str, str]]
"""key, found, expected"""


def _addresses(config: Config) -> Found:
    for key in ("listen", "admin"):
        address = getattr(config.server, key)
        if host_port(address) is None:
            yield f"server.{key}", repr(address), 'host:port, as in "127.0.0.1:8080"'
    if bool(config.server.tls_cert) != bool(config.server.tls_key):
        yield f"server.{'tls_key' if config.server.tls_cert else 'tls_cert'}", "nothing", "both tls_cert and tls_key, or neither"
    proxy = config.server.outgoing_proxy
    if proxy not in ("", "env") and outgoing.parse(proxy) is None:
        yield "server.outgoing_proxy", "another kind of URL", outgoing.EXPECTED  # not shown: it may hold a password
    if config.server.listen == config.server.admin and not config.server.listen.endswith(":0"):
        yield "server.admin", repr(config.server.admin), "another address than server.listen"


def _not_yet(config: Config) -> Found:
    """Keys of the contract that this release reads but does not fulfil: said, never ignored."""

    if config.store.path.startswith("ducklake:"):
        yield "store.path", repr(config.store.path), "a DuckDB file: this release knows no DuckLake"


def _patterns(config: Config) -> Found:
    for number, pattern in enumerate(config.anonymize.patterns):
        where = f"anonymize.patterns[{number}]"
        if not NAME.match(pattern.name):
            yield f"{where}.name", repr(pattern.name), "letters, digits, - _ ."
        if fault := company.fault_of(pattern.match):
            yield f"{where}.match", fault, company.EXPECTED


def _targets(config: Config) -> Found:
    for name, target in config.targets.items():
        where = f"targets.{name}"
        if not NAME.match(name) or name in RESERVED:
            yield where, repr(name), "a name of letters, digits, - _ . that is not one of " + ", ".join(sorted(RESERVED))
        yield from _kind_of_target(where, target)
        if target.url:
            yield from _url(where, target.url)
        yield from _trust(where, target)
        if target.dialect and target.dialect not in SPOKEN:
            yield f"{where}.dialect", repr(target.dialect), " | ".join(map(repr, SPOKEN))
        elif target.dialect and not target.model:
            yield f"{where}.model", "nothing", "the model to ask for: a translated call's own means nothing to another vendor"
        if target.drop_path and not ROUTE_PATH.match(target.drop_path):
            yield f"{where}.drop_path", repr(target.drop_path), 'a path that begins with "/", as in "/v1"'
        if target.user_template and "{user}" not in target.user_template:
            yield f"{where}.user_template", repr(target.user_template), "a text with {user} in it"
        if sum((bool(target.api_key_env), bool(target.api_key_file), bool(target.headers_env))) > 1:
            yield f"{where}.api_key_env", "more than one source of credentials", "one of api_key_env, api_key_file, headers_env"


def _kind_of_target(where: str, target: Target) -> Found:
    kinds = [key for key in ("url", "baseline", "command") if getattr(target, key)]
    if len(kinds) != 1:
        yield where, " and ".join(kinds) or "nothing", "exactly one of url, baseline, command"


def _url(where: str, url: str) -> Found:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound, parts = False, None
    if not sound or parts is None:
        yield f"{where}.url", repr(url), 'http:// or https:// and a host, as in "https://api.openai.com"'
    elif parts.username or parts.password:
        yield f"{where}.url", "a URL with a password in it", "no credentials in the URL: use api_key_env"
    elif parts.query or parts.fragment:
        yield f"{where}.url", repr(url), "no ? and no # in the URL"


def _trust(where: str, target: Target) -> Found:
    set_ = [key for key in ("ca_file", "client_cert", "client_key", "server_name") if getattr(target, key)]
    if set_ and not target.url.startswith("https:"):
        yield f"{where}.{set_[0]}", repr(getattr(target, set_[0])), "a target with an https:// url"
    if target.client_key and not target.client_cert:
        yield f"{where}.client_cert", "nothing", "the certificate that client_key belongs to"


def _known(where: str, name: str, names: Iterable[str], what: str) -> Found:
    known = list(names)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        yield (
            where,
            repr(name),
            repr(close[0]) if close else f"the name of a {what}" + (f": {', '.join(known)}" if known else "; none is defined"),
        )


def _routes(config: Config) -> Found:
    if not config.routes:
        yield "routes", "nothing", "at least one [[routes]] with name and incumbent"
    seen: dict[object, str] = {}
    for number, route in enumerate(config.routes):
        where = f"routes[{number}]"
        yield from _route(where, route, config)
        for mark in (route.name, (route.host.lower(), route.path.rstrip("/"))):
            if mark in seen:
                yield where, repr(route.name), f"a name, and a host and path, that {seen[mark]} does not have"
            seen.setdefault(mark, where)


def _route(where: str, route: Route, config: Config) -> Found:
    if not NAME.match(route.name):
        yield f"{where}.name", repr(route.name), "letters, digits, - _ ."
    if not ROUTE_PATH.match(route.path):
        yield f"{where}.path", repr(route.path), 'a path that begins with "/", without ?, #, spaces and dot segments'
    yield from _known(f"{where}.incumbent", route.incumbent, config.targets, "target")
    incumbent = config.targets.get(route.incumbent)
    if incumbent is not None and not incumbent.url:
        yield f"{where}.incumbent", repr(route.incumbent), "a target with a url"
    targets = [leg.target for leg in route.shadow]
    for position, target in enumerate(targets):
        yield from _known(f"{where}.shadow[{position}].target", target, config.targets, "target")
        if target == route.incumbent:
            yield f"{where}.shadow[{position}].target", repr(target), "another target than the incumbent (to ask it again, set repeat)"
        if target in targets[:position]:
            yield f"{where}.shadow[{position}].target", repr(target), "each target once"


def _workflows(config: Config) -> Found:
    seen: set[str] = set()
    for number, workflow in enumerate(config.workflows):
        if not NAME.match(workflow.name) or workflow.name in ("other",):
            yield f"workflows[{number}].name", repr(workflow.name), "letters, digits, - _ ."
        if workflow.name in seen:
            yield f"workflows[{number}].name", repr(workflow.name), "a name used once"
        seen.add(workflow.name)


def _rollouts(config: Config) -> Found:
    routes = {route.name: route for route in config.routes}
    seen: dict[str, str] = {}
    for number, rollout in enumerate(config.rollouts):
        where = f"rollouts[{number}]"
        if not NAME.match(rollout.name) or rollout.name in RESERVED or rollout.name.endswith(".guard"):
            yield f"{where}.name", repr(rollout.name), "letters, digits, - _ . and not .guard at the end (the guard's file of another)"
        for mark in (f"name {rollout.name!r}", f"route {rollout.route!r}"):
            if mark in seen:
                yield where, mark, f"another one than {seen[mark]} has: a route is switched to one candidate at a time"
            seen.setdefault(mark, where)
        yield from _known(f"{where}.route", rollout.route, routes, "route")
        yield from _known(f"{where}.candidate", rollout.candidate, config.targets, "target")
        if (candidate := config.targets.get(rollout.candidate)) is not None:
            yield from _canary(where, rollout, candidate, routes.get(rollout.route))
        if rollout.steps != sorted(set(rollout.steps)) or not rollout.steps or rollout.steps[0] <= 0.0:
            yield f"{where}.steps", repr(rollout.steps), "rising shares, the first above 0"
        workflows = [workflow.name for workflow in config.workflows]
        for place, segment in enumerate(rollout.segments):
            if segment.workflow and segment.workflow != DEFAULT_WORKFLOW:
                yield from _known(f"{where}.segments[{place}].workflow", segment.workflow, workflows, "workflow")


def _canary(where: str, rollout: Rollout, candidate: Target, route: Route | None) -> Found:
    """A client gets a canary's answer as it comes: in its own dialect, about its own words, over a connection of ours."""
    if not candidate.url:
        yield f"{where}.candidate", repr(rollout.candidate), "a target with a url"
    if route is not None and route.incumbent == rollout.candidate:
        yield f"{where}.candidate", repr(rollout.candidate), "another target than the route's incumbent"
    if candidate.dialect:
        yield (
            f"{where}.candidate",
            f"dialect = {candidate.dialect!r}",
            "a target that speaks the route's dialect: answers are not translated back",
        )
    if candidate.system_file or candidate.user_template:
        yield (
            f"{where}.candidate",
            "a prompt variant",
            "a target without system_file and user_template: change the prompt in the application",
        )
    if candidate.send != "raw":
        yield f"{where}.candidate", f"send = {candidate.send!r}", 'send = "raw": a client would get pseudonyms for an answer'

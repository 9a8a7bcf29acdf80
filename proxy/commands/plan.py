"""What a configuration means, in words: the plan that `understudy check` prints.

Pure: reads the configuration and, when there is one, yesterday's traffic; reaching the targets is `reach.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from proxy.addresses import is_loopback_url
from proxy.commands.canary_plan import Recorded, facts
from proxy.config import Config, Rollout, Route, Target

VERSIONED = ("/v1", "/v1beta", "/v1alpha")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One fact of the plan. `warns`: a person should look at it."""

    topic: str
    text: str
    warns: bool = False


def plan(
    config: Config, mean_usd_per_day: Mapping[str, float | None] | None = None, recorded: Mapping[str, Recorded] | None = None
) -> list[Line]:
    """The plan's lines. `mean_usd_per_day`: by target, from recorded traffic; None: no traffic recorded yet. `recorded`: by rollout."""
    lines: list[Line] = []
    for route in config.routes:
        lines += _base_urls(config, route)
        lines += _legs(config, route)
    for name, target in config.targets.items():
        lines += _target(name, target, config)
        lines += _spend(name, target, config, mean_usd_per_day)
    for rollout in config.rollouts:
        found = facts(config, rollout, (recorded or {}).get(rollout.name))
        lines += [Line(topic="canary", text=text, warns=warns) for text, warns in found]
    return lines


def base(config: Config, route: Route) -> str:
    """The address the application is pointed at, without a version: `http://127.0.0.1:8080/prefix`."""
    host = route.host or config.server.listen
    if route.host and ":" not in route.host:
        host = f"{route.host}:{config.server.listen.rpartition(':')[2]}"
    return f"{'https' if config.server.tls_cert else 'http'}://{host}{route.path.rstrip('/')}"


def _base_urls(config: Config, route: Route) -> list[Line]:
    where = base(config, route)
    path = urlsplit(config.targets[route.incumbent].url).path.rstrip("/")
    version = "" if path.endswith(VERSIONED) else "/v1"
    words = {
        "openai": f"OPENAI_BASE_URL={where}{version}",
        "anthropic": f"ANTHROPIC_BASE_URL={where}",
        "gemini": f"GOOGLE_GEMINI_BASE_URL={where}",
    }
    family = _family(config.targets[route.incumbent])
    shown = [words[family]] if family else list(words.values())
    lines = [Line(topic="base_url", text=f"route {route.name}: {text}") for text in shown]
    if family == "anthropic":
        lines.append(Line(topic="base_url", text=f"route {route.name}: @ai-sdk/anthropic wants baseURL {where}/v1"))
    if path.endswith(VERSIONED):
        text = f"route {route.name}: the target's URL ends in {path!r}; a client that sends {path}/... reaches {path}{path}/..."
        lines.append(Line(topic="base_url", text=text, warns=True))
    return lines


def _family(target: Target) -> str:
    """Whose SDK this host serves; empty when the host does not tell."""
    host = urlsplit(target.url).hostname or ""
    known = {"anthropic.com": "anthropic", "googleapis.com": "gemini", "openai.com": "openai", "azure.com": "openai"}
    return next((family for ending, family in known.items() if host == ending or host.endswith("." + ending)), "")


def _legs(config: Config, route: Route) -> list[Line]:
    incumbent = config.targets[route.incumbent]
    lines = [Line(topic="route", text=f"{route.name}: {route.path} → {route.incumbent} ({incumbent.url}), the caller's own text and key")]
    for leg in route.shadow:
        target = config.targets[leg.target]
        where = target.url or target.baseline or " ".join(target.command)
        lines.append(
            Line(
                topic="text",
                text=f"{route.name}: {leg.share:.0%} of the calls also to {leg.target} ({where}), {target.send} text",
                warns=_leaves(target),
            )
        )
    if route.repeat:
        lines.append(
            Line(topic="text", text=f"{route.name}: {route.repeat:.0%} of the calls once more to {route.incumbent}, {incumbent.send} text")
        )
    lines += [_switched(route, rollout, config) for rollout in config.rollouts if rollout.route == route.name]
    if len(lines) == 1:
        lines.append(Line(topic="text", text=f"{route.name}: recorded only; no candidate yet"))
    return lines


def _switched(route: Route, rollout: Rollout, config: Config) -> Line:
    """A canary is sent what the client wrote, whatever else is."""
    candidate = config.targets[rollout.candidate]
    where = f"{rollout.candidate} ({candidate.url})"
    text = f"{route.name}: once {rollout.name} is started, its share of the calls to {where} instead, the caller's own text"
    return Line(topic="text", text=text, warns=_leaves(candidate))


def _leaves(target: Target) -> bool:
    """Raw text goes to somebody else's machine."""
    return bool(target.url) and target.send == "raw" and not is_loopback_url(target.url)


def _target(name: str, target: Target, config: Config) -> list[Line]:
    if not any(name == leg.target for route in config.routes for leg in route.shadow):
        return []
    reasons: list[str] = []
    if not target.url:
        reasons.append("it is a baseline, not a model behind a URL")
    if target.dialect:
        reasons.append("it speaks another dialect than its callers")
    if target.system_file or target.user_template:
        reasons.append("it is a prompt variant: change the prompt in the application instead")
    if target.url and target.send != "raw":
        reasons.append("it is sent pseudonyms, and a client would get them for an answer")
    if reasons:
        return [Line(topic="canary", text=f"{name} cannot be canaried: {'; '.join(reasons)}", warns=True)]
    return [Line(topic="canary", text=f"{name} can be canaried")]


def _spend(name: str, target: Target, config: Config, mean: Mapping[str, float | None] | None) -> list[Line]:
    if not target.url or not _asked_by_us(name, config):
        return []
    expected = (
        "unknown until a day of traffic is recorded" if mean is None or mean.get(name) is None else f"about {mean[name]:.2f} USD a day"
    )
    limit = target.limit_usd_per_day
    cap = "no cap (loopback)" if limit is None else f"at most {limit:g} USD a day"
    cap += " (the default), if it is priced" if limit is not None and target.budget_usd_per_day is None else ""
    return [Line(topic="spend", text=f"{name}: {expected}, {cap}")]


def _asked_by_us(name: str, config: Config) -> bool:
    """Whether any leg of ours goes there, unseen."""
    reversed_ = {rollout.route for rollout in config.rollouts}
    return any(
        name in [leg.target for leg in route.shadow] or (route.incumbent == name and (route.repeat > 0 or route.name in reversed_))
        for route in config.routes
    )


def budgeted(config: Config) -> Sequence[str]:
    """Targets whose budget holds calls of ours; those of clients are held by none."""
    return [name for name, target in config.targets.items() if target.url and _asked_by_us(name, config)]


def asked_by_us(config: Config) -> Sequence[str]:
    """Targets that need credentials of our own: those, and what a rollout may send clients to."""
    candidates = {rollout.candidate for rollout in config.rollouts}
    return [name for name, target in config.targets.items() if target.url and (name in candidates or _asked_by_us(name, config))]

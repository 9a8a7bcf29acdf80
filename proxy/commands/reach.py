"""Asks every target of a configuration for one byte: is somebody there, and do they know our key?

Law: one GET of the model list per target, nothing else; no call is made that a vendor would bill. It goes the way that calls will go:
through the outgoing proxy, trusting whom the target's section says.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from proxy.config import Config, Target
from proxy.outgoing import outgoing, way_for
from proxy.tls import context_for, trust_of

WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    target: str
    ok: bool
    found: str


async def reach(config: Config, headers: Mapping[str, Mapping[str, str]]) -> list[Reached]:
    """One result per target with a URL, in the configuration's order. `headers`: our own credentials by target."""
    targets = {name: target for name, target in config.targets.items() if target.url}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S), cookie_jar=aiohttp.DummyCookieJar()) as session:
        tasks: list[asyncio.Task[Reached]] = []
        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(_reach(session, config, name, target, headers.get(name, {}))) for name, target in targets.items()]
    return [task.result() for task in tasks]


async def _reach(session: aiohttp.ClientSession, config: Config, name: str, target: Target, headers: Mapping[str, str]) -> Reached:
    secure, trust, proxy = target.url.startswith("https:"), trust_of(config, target), outgoing(config.server.outgoing_proxy, target.url)
    told = proxy.headers if proxy is not None and not secure else {}
    url = target.url.rstrip("/") + ("" if urlsplit(target.url).path.rstrip("/").endswith("/v1") else "/v1") + "/models"
    try:
        way = way_for(proxy, trust, secure=secure)
        context = context_for(trust) if secure else True
        async with session.get(url, headers={**headers, **told}, allow_redirects=False, ssl=context, **way) as answer:
            await answer.content.read(1)
    except TimeoutError:
        return Reached(target=name, ok=False, found=f"no answer within {WAIT_S:g} s")
    except aiohttp.ClientHttpProxyError as error:
        return Reached(target=name, ok=False, found=f"the outgoing proxy refused: {error.status} {error.message}")
    except aiohttp.ClientConnectorError as error:  # its own words name a Python object
        why = error.os_error.strerror or str(error.os_error)
        return Reached(target=name, ok=False, found=f"cannot connect to {error.host}:{error.port}: {why}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Reached(target=name, ok=False, found=str(error) or type(error).__name__)
    if answer.status in (401, 403) and headers:
        return Reached(target=name, ok=False, found=f"reached, but it does not take our key ({answer.status})")
    said = "no key of ours to try" if answer.status in (401, 403) else f"status {answer.status}"
    return Reached(target=name, ok=True, found=f"reached, {said}")

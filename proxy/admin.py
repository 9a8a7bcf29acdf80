"""The admin port: metrics, health, status, rollouts and, handed in, pages. On loopback by default; elsewhere only with a token.

Law: this server reads what the recorder knows and changes nothing of it; what it does change (a rollout) is a file, under its lock, as the
command does. `admin_guard.py` says who is let in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from proxy.admin_guard import TOKEN_VARIABLE, answered, guarding, token_of_environment
from proxy.admin_rollout import add_rollouts, briefly
from proxy.config import Config
from proxy.health import Health

__all__ = ["TOKEN_VARIABLE", "Known", "Pages", "application"]
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Known(Protocol):
    """What the recorder offers to look at."""

    def status(self) -> dict[str, object]: ...
    def health(self) -> Health: ...
    def exposition(self) -> bytes: ...


Pages = Callable[[web.Application, Known, Config], None]
"""Adds routes of its own; may set `admin_guard.LETS_IN` for browsers, who send no bearer token."""


def application(known: Known, config: Config, pages: Pages | None = None) -> web.Application:
    app = web.Application(middlewares=[guarding(token_of_environment())], client_max_size=1 << 20)
    app.router.add_get("/metrics", _of(_metrics, known))
    app.router.add_get("/healthz", _of(_json, {"alive": True}))
    app.router.add_get("/readyz", _of(_ready, known))
    app.router.add_get("/api/status", _of(_status, known, config))
    add_rollouts(app, config)
    if pages is not None:
        pages(app, known, config)
    return app


def _of(answer: Callable[..., Awaitable[web.Response]], *known: object) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return await answer(*known)

    return handle


async def _metrics(known: Known) -> web.Response:
    return web.Response(body=known.exposition(), headers={"Content-Type": EXPOSITION})


async def _status(known: Known, config: Config) -> web.Response:
    rollouts = await asyncio.to_thread(briefly, config) if config.rollouts else []
    return answered(known.status() | {"config": config.hash, "rollouts": rollouts})


async def _ready(known: Known) -> web.Response:
    health = known.health()
    return answered({"ready": health.ready, "reasons": list(health.reasons)}, 200 if health.ready else 503)


async def _json(value: object) -> web.Response:
    return answered(value)

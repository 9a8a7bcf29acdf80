"""The admin port: metrics, health, status. On loopback by default; elsewhere only with a token.

Law: this server reads what the recorder knows and changes nothing. Without a token it answers only requests that name a loopback host,
so that no web page can read it through a rebound name; with one, everything but the two probes asks for it.
"""

import hmac
import os
from typing import Protocol
from urllib.parse import urlsplit

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from proxy.addresses import is_loopback_host
from proxy.config import Config
from proxy.health import Health

TOKEN_VARIABLE = "UNDERSTUDY_ADMIN_TOKEN"
PROBES = frozenset(("/healthz", "/readyz"))
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Known(Protocol):
    """What the recorder offers to look at."""

    def status(self) -> dict[str, object]: ...
    def health(self) -> Health: ...
    def exposition(self) -> bytes: ...


def application(known: Known, config: Config) -> web.Application:
    token = os.environ.get(TOKEN_VARIABLE, "")
    app = web.Application(middlewares=[_guard(token)], client_max_size=1 << 20)
    app.router.add_get("/metrics", lambda request: _metrics(known))
    app.router.add_get("/healthz", lambda request: _json({"alive": True}))
    app.router.add_get("/readyz", lambda request: _ready(known))
    app.router.add_get("/api/status", lambda request: _json(known.status() | {"config": config.hash}))
    return app


async def _metrics(known: Known) -> web.Response:
    return web.Response(body=known.exposition(), headers={"Content-Type": EXPOSITION})


async def _ready(known: Known) -> web.Response:
    health = known.health()
    return await _json({"ready": health.ready, "reasons": list(health.reasons)}, 200 if health.ready else 503)


async def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value, default=str), status=status, content_type="application/json")


def _guard(token: str) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in PROBES:
            if token and not _token_agrees(request, token):
                return await _json({"error": f"a bearer token is needed: the value of {TOKEN_VARIABLE}"}, 401)
            if not token and not _names_loopback(request.host):
                return await _json({"error": f"this Host is not a loopback one (127.0.0.1, ::1, localhost); set {TOKEN_VARIABLE}"}, 403)
        try:
            return await handler(request)
        except web.HTTPException as error:
            return await _json({"error": error.reason}, error.status)

    return guard


def _token_agrees(request: web.Request, token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode())


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback_host(name)

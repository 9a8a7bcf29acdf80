"""Who may ask the admin port, and who may change something there.

Law: without a token only requests that name a loopback host are answered, so that no web page can read through a rebound name; with one,
everything but the two probes asks for it. What changes something is refused as forged unless it is such as no foreign web page can send,
token or not: a browser on this machine is on loopback too.
"""

import hmac
import os
from collections.abc import Callable
from urllib.parse import urlsplit

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from proxy.addresses import is_loopback_host
from proxy.rollout.state import one_line

TOKEN_VARIABLE = "UNDERSTUDY_ADMIN_TOKEN"
PROBES = frozenset(("/healthz", "/readyz"))
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
ACTOR_MAX = 80
LETS_IN: web.AppKey[Callable[[web.Request], bool]] = web.AppKey("lets_in")
"""Set by pages: whether a request without the bearer token is theirs to answer (a signed-in browser, the page to sign in at)."""


def token_of_environment() -> str:
    return os.environ.get(TOKEN_VARIABLE, "")


def guarding(token: str) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = _refused(request, token) if request.path not in PROBES else None
        if refused is not None:
            return refused
        if request.path.startswith("/api/") and (why := forged(request)):
            return answered({"error": why}, 403)
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return answered({"error": error.reason}, error.status)

    return guard


def answered(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value, default=str), status=status, content_type="application/json")


def forged(request: web.Request) -> str | None:
    """Why this request may be a foreign page's; None when it is not, or changes nothing.

    A form of another site can be sent without asking, but not as application/json.
    """
    if request.method in SAFE:
        return None
    if request.content_type != "application/json":
        return f"content type {request.content_type!r}: a change is asked for as application/json"
    return from_elsewhere(request)


def from_elsewhere(request: web.Request) -> str | None:
    """Why a browser says that a page of another origin sent this; None when it does not say so. For forms too."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return "sent by a page of another site"
    origin = request.headers.get("Origin")
    return None if origin is None or _netloc(origin) == request.host.lower() else "sent by a page of another origin"


def actor_of(request: web.Request, way: str = "api") -> str:
    """For the record: the peer, and what it calls itself, which proves nothing."""
    named = one_line(request.headers.get("x-understudy-actor", ""))
    return f"{way}@{request.remote or 'unknown'}" + (f" ({named[:ACTOR_MAX]})" if named else "")


def _refused(request: web.Request, token: str) -> web.Response | None:
    if not token:
        if _names_loopback(request.host):
            return None
        return answered({"error": f"this Host is not a loopback one (127.0.0.1, ::1, localhost); set {TOKEN_VARIABLE}"}, 403)
    if _token_agrees(request, token) or (LETS_IN in request.app and request.app[LETS_IN](request)):
        return None
    return answered({"error": f"a bearer token is needed: the value of {TOKEN_VARIABLE}"}, 401)


def _token_agrees(request: web.Request, token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode())


def _names_loopback(host: str) -> bool:
    return is_loopback_host(_hostname(host))


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _netloc(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""

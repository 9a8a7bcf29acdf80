"""Who may see the pages and who may change something by them: cookies, the token typed once, and forms that are ours.

Law: with a token nobody sees a page without it; without one the port is loopback's. A form counts only from a page of ours: from the same
origin, and with the mark of the session it was made for.
"""

import hmac
import re
import secrets
import time
from dataclasses import dataclass
from urllib.parse import quote, unquote

from aiohttp import web

from proxy.logs import log
from proxy.pages.sessions import SESSION_S, Session, Sessions, short

NEXT = re.compile(r"/(rollout/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/[a-z]{1,10})?\Z")
"""Where signing in may lead: pages of ours and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    id: str
    """Names the cookie's session; empty: a program with the token, who has no forms."""
    name: str
    peer: str
    form: str
    """What this visitor's forms carry."""
    signed_in: bool
    fresh: bool = False
    """The cookie is still to be given."""

    def actor(self, name: str = "") -> str:
        called = self.name or short(name)
        return f"page@{self.peer}" + (f" ({called})" if called else "")


class Door:
    def __init__(self, token: str):
        self.token, self.sessions = token, Sessions(token)

    def visitor(self, request: web.Request) -> Visitor | None:
        """None: who must sign in."""
        id, peer = request.cookies.get(_cookie(request), ""), request.remote or "unknown"
        if self.token:
            session = self.sessions.find(id, time.monotonic())
            if session is not None:
                return Visitor(id=id, name=session.name, peer=peer, form=self.sessions.mark(id), signed_in=True)
            return Visitor(id="", name="", peer=peer, form="", signed_in=False) if self._bears(request) else None
        fresh = not 20 <= len(id) <= 100
        id = secrets.token_urlsafe(32) if fresh else id
        name = short(unquote(request.cookies.get(_cookie(request, "name"), "")))
        return Visitor(id=id, name=name, peer=peer, form=self.sessions.mark(id), signed_in=False, fresh=fresh)

    def _bears(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self.token}".encode())

    def sign_in(self, request: web.Request, given: str, name: str) -> Session | float | None:
        peer = request.remote or "unknown"
        made = self.sessions.sign_in(given, name, peer, time.monotonic())
        if isinstance(made, Session):
            log.info("page.signed_in", peer=peer, name=made.name)
        else:
            log.warning("page.not_signed_in", peer=peer, reason="wrong token" if made is None else "too many tries")
        return made


def give_cookie(request: web.Request, response: web.StreamResponse, id: str, *, name: str | None = None) -> None:
    """`name` is kept beside it where nobody signs in."""
    kept = {_cookie(request): id} | ({_cookie(request, "name"): quote(name)} if name is not None else {})
    for key, value in kept.items():
        response.set_cookie(key, value, max_age=int(SESSION_S), path="/", httponly=True, samesite="Strict", secure=_https(request))


def take_cookie(request: web.Request, response: web.StreamResponse) -> None:
    response.del_cookie(_cookie(request), path="/", httponly=True, samesite="Strict", secure=_https(request))


def _https(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto", "") == "https"


def _cookie(request: web.Request, what: str = "page") -> str:
    """Cookies know no ports, so its name does: two of us on one machine do not sign each other out."""
    port = request.host.rpartition(":")[2]
    return f"understudy_{what}_{port if port.isascii() and port.isdigit() else 'default'}"

"""The pages' addresses and what each does: `/` shows, `/rollout/NAME/ACTION` asks and then acts, `/login` and `/logout` are the door.

Law: a GET changes nothing; a POST changes something only when `door.py` says that it is a form of ours. Files are read and written in a
thread, and a change goes the one way that all changes go: `proxy.rollout.change`.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

from aiohttp import web

from proxy.admin_guard import LETS_IN, from_elsewhere, token_of_environment
from proxy.config import Config, Rollout
from proxy.faults import Wrong
from proxy.health import Health
from proxy.pages import asking
from proxy.pages.card import card
from proxy.pages.door import NEXT, Door, Visitor, give_cookie, take_cookie
from proxy.pages.now import now
from proxy.pages.render import add_headers, icon, page, stylesheet
from proxy.pages.sessions import Session, short
from proxy.pages.words import exactly
from proxy.rollout.change import change
from proxy.rollout.standing import Standing, standing_of
from proxy.rollout.state import ACTIONS, Action, Asked

OPEN = "open:"
"""Routes whose name begins so ask for no bearer token: they have a door of their own."""
REFRESH_S = 10
FORM_S = 10.0
NOTHING = {"why": "", "name": "", "share": ""}
"""What a form held, before anybody wrote in it."""
TOO_OLD = "This form was too old, so nothing was changed. Look once more, and send it again."
Handler = Callable[[web.Request, Visitor], Awaitable[web.Response]]


class Known(Protocol):
    """What the recorder offers to look at."""

    def status(self) -> dict[str, object]: ...
    def health(self) -> Health: ...


def add_pages(app: web.Application, known: Known, config: Config) -> None:
    pages, add = Pages(known, config, Door(token_of_environment())), app.router
    app[LETS_IN] = _has_own_door
    app.on_response_prepare.append(add_headers)
    add.add_get("/static/page.css", stylesheet, name=OPEN + "style")
    add.add_get("/favicon.ico", icon, name=OPEN + "icon")
    add.add_get("/", pages.known_only(pages.first), name=OPEN + "first")
    act = app.router.add_resource("/rollout/{name}/{action}", name=OPEN + "act")
    act.add_route("GET", pages.known_only(pages.ask))
    act.add_route("POST", pages.known_only(pages.act))
    login = app.router.add_resource("/login", name=OPEN + "login")
    login.add_route("GET", pages.login)
    login.add_route("POST", pages.sign_in)
    add.add_post("/logout", pages.known_only(pages.sign_out), name=OPEN + "logout")


class Pages:
    def __init__(self, known: Known, config: Config, door: Door):
        self.known, self.config, self.door = known, config, door

    # ---- the door

    def known_only(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            visitor = self.door.visitor(request)
            if visitor is None:
                if request.method == "POST":
                    return self._login(request.path, "You are not signed in any more. Nothing was changed.", 401)
                return _see(f"/login?next={request.path}" if NEXT.match(request.path) and request.path != "/" else "/login")
            response = await handler(request, visitor)
            if visitor.fresh:
                give_cookie(request, response, visitor.id)
            return response

        return handle

    async def login(self, request: web.Request) -> web.Response:
        return self._login(request.query.get("next", "")) if self.door.token else _see("/")

    def _login(self, onward: str, wrong: str = "", status: int = 200, name: str = "") -> web.Response:
        return page("login.html", status, wrong=wrong, name=name, next=onward if NEXT.match(onward) else "/", visitor=None, refresh=None)

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if (why := from_elsewhere(request)) is not None:
            return _told("Not signed in", f"This form is not ours: it was {why}.", 403)
        made, onward = self.door.sign_in(request, form.get("token", ""), form.get("name", "")), form.get("next", "")
        if isinstance(made, Session):
            response = _see(onward if NEXT.match(onward) else "/")
            give_cookie(request, response, made.id)
            return response
        if made is None:
            wrong = "This is not the token. It is the value of UNDERSTUDY_ADMIN_TOKEN."
            return self._login(onward, wrong, 401, form.get("name", ""))
        response = self._login(onward, f"Too many wrong tokens from here. Try again in {math.ceil(made)} s.", 429, form.get("name", ""))
        response.headers["Retry-After"] = str(math.ceil(made))
        return response

    async def sign_out(self, request: web.Request, visitor: Visitor) -> web.Response:
        form = await _form(request)
        if from_elsewhere(request) is not None or not self.door.sessions.marked(visitor.id, form.get("mark", "")):
            return _told("Still signed in", "This form is not ours, or it is too old.", 403)
        self.door.sessions.sign_out(visitor.id)
        response = _see("/login")
        take_cookie(request, response)
        return response

    # ---- pages

    async def first(self, request: web.Request, visitor: Visitor) -> web.Response:
        now_s = time.time()
        facts = await asyncio.to_thread(self._standings, now_s)
        done = next((each for each in facts if each.rollout.name == request.query.get("done")), None)
        still = "still" in request.query
        return page(
            "now.html", visitor=visitor, now=now(self.known.health(), cast(dict[str, Any], self.known.status())),
            cards=[card(each, now_s) for each in facts], done=done and asking.done(done.state), still=still,
            refresh=None if still else f"{REFRESH_S}; url=/" if done else str(REFRESH_S), refresh_s=REFRESH_S, at=exactly(now_s),
        )  # fmt: skip

    def _standings(self, now_s: float) -> list[Standing]:
        return [standing_of(self.config, each, now_s) for each in self.config.rollouts]

    async def ask(self, request: web.Request, visitor: Visitor) -> web.Response:
        found = self._asked_for(request)
        if found is None:
            return _told("Nothing here", "There is no such rollout, or no such thing to do with it.", 404)
        return await self._ask(visitor, *found)

    async def _ask(
        self, visitor: Visitor, rollout: Rollout, action: Action, wrong: str = "", status: int = 200, form: Mapping[str, str] | None = None
    ) -> web.Response:
        now_s = time.time()
        facts = await asyncio.to_thread(standing_of, self.config, rollout, now_s)
        question = asking.question(self.config, facts, action, now_s)
        status = 409 if status == 200 and question.refused else status
        return page("act.html", status, visitor=visitor, ask=question, wrong=wrong, given=NOTHING | dict(form or {}), refresh=None)

    async def act(self, request: web.Request, visitor: Visitor) -> web.Response:
        found = self._asked_for(request)
        if found is None:
            return _told("Nothing here", "There is no such rollout, or no such thing to do with it.", 404)
        form = await _form(request)
        if (why := from_elsewhere(request)) is not None:
            return _told("Nothing was changed", f"This form is not ours: it was {why}.", 403)
        if not self.door.sessions.marked(visitor.id, form.get("mark", "")):
            return await self._ask(visitor, *found, TOO_OLD, 403, form)
        rollout, action = found
        asked = asking.asked(rollout, action, form, visitor.actor(form.get("name", "")))
        if not isinstance(asked, Asked):
            return await self._ask(visitor, rollout, action, asked, 400, form)
        try:
            await asyncio.to_thread(change, self.config, rollout, asked)
        except Wrong as refused:
            wrong = f"Nothing was changed: found {refused.found}, expected {refused.expected}."
            return await self._ask(visitor, rollout, action, wrong, 409, form)
        response = _see(f"/?done={rollout.name}")
        if not visitor.signed_in:
            give_cookie(request, response, visitor.id, name=short(form.get("name", "")))
        return response

    def _asked_for(self, request: web.Request) -> tuple[Rollout, Action] | None:
        name, action = request.match_info["name"], request.match_info["action"]
        rollout = next((each for each in self.config.rollouts if each.name == name), None)
        return (rollout, action) if rollout is not None and action in ACTIONS else None


def _has_own_door(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    return resource is not None and (resource.name or "").startswith(OPEN)


async def _form(request: web.Request) -> dict[str, str]:
    """What a form of ours sends; anything else is an empty one."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        async with asyncio.timeout(FORM_S):
            return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    except (ValueError, LookupError, TimeoutError):  # not UTF-8, a charset that nobody has, or a form that does not end
        return {}


def _see(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where})


def _told(title: str, words: str, status: int) -> web.Response:
    return page("told.html", status, title=title, words=words, visitor=None, refresh=None)

"""`/api/rollout`: where the rollouts stand, and the same changes that the command makes, with the same words.

Law: a change takes a file's lock, so it runs beside the loop; it waits for no store and no recorder's thread. GETs change nothing. Whoever
may ask is `admin_guard.py`'s; who asked is in the audit.
"""

import asyncio
import time
from typing import Any

import msgspec
from aiohttp import web

from proxy.admin_guard import actor_of, answered
from proxy.config import Config, Rollout
from proxy.faults import Wrong
from proxy.rollout.change import change, rollout_named
from proxy.rollout.finish import beside_it, change_to_make
from proxy.rollout.standing import brief, shown, standing_of, waits_of
from proxy.rollout.state import ACTIONS, Action, Asked


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a POST's body says."""

    rollout: str
    why: str = ""
    share: float | None = None
    version: int | None = None
    """Of the state that was decided on: the change is refused when it is another by now."""


_decode = msgspec.json.Decoder(Wanted).decode


def add_rollouts(app: web.Application, config: Config) -> None:
    async def every(request: web.Request) -> web.Response:
        return answered({"rollouts": await asyncio.to_thread(standings, config)})

    app.router.add_get("/api/rollout", every)
    for action in ACTIONS:
        app.router.add_post(f"/api/rollout/{action}", _handler(config, action))


def standings(config: Config) -> list[dict[str, Any]]:
    return [shown(standing_of(config, each, time.time())) for each in config.rollouts]


def briefly(config: Config) -> list[dict[str, Any]]:
    """The rows of `/api/status`."""
    return [brief(standing_of(config, each, time.time())) for each in config.rollouts]


def _handler(config: Config, action: Action) -> Any:
    async def handle(request: web.Request) -> web.Response:
        try:
            wanted = _decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return answered({"error": f"body: {error}"}, 400)
        if action == "rollback" and not wanted.why.strip():
            return answered({"error": "body: found no why, expected the reason, for the record"}, 400)
        try:
            rollout = rollout_named(config, wanted.rollout)
        except Wrong as error:
            return answered({"error": str(error)}, 404)
        asked = Asked(action=action, actor=actor_of(request), why=wanted.why, share=wanted.share, version=wanted.version)
        try:
            return answered(await asyncio.to_thread(_change, config, rollout, asked))
        except Wrong as error:
            return answered({"error": str(error)}, 409)

    return handle


def _change(config: Config, rollout: Rollout, asked: Asked) -> dict[str, Any]:
    before = standing_of(config, rollout, time.time())
    state = change(config, rollout, asked)
    told = {"action": asked.action, **shown(standing_of(config, rollout, time.time()))}
    if asked.action == "promote":
        told["missing"] = waits_of(before)
    if state.state == "finished":
        told["configuration_change"] = "\n".join(change_to_make("", "the configuration", config, rollout))
        told["notes"] = beside_it(config, rollout)
    return told

"""What a rollout makes of a call's legs: who was asked by the worker already, and how often the incumbent is asked in reverse.

Law: the candidate that was drawn is never asked again; the incumbent is asked in reverse only where its answer is missing, and once a
person has finished the rollout no oftener than a repeat would be. Only the call decides, and the state file, read once a second at most.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.config import Config
from proxy.events import Drawn
from proxy.exchange import DecisionName, Role
from proxy.rollout.change import state_of
from proxy.rollout.decided import NO_REPEAT, of_candidate
from replay.leg import Leg

READ_S = 1.0


@dataclass(frozen=True, slots=True)
class Absent:
    """Who is decided about without having a leg."""

    name: str
    role: Role = "candidate"


NOBODY = Absent("")


class Reverse:
    """The share of canary calls that the incumbent answers unseen, by route."""

    def __init__(self, config: Config, now_s: Callable[[], float] = time.monotonic):
        self.config, self.now_s = config, now_s
        self._rollouts = {rollout.route: rollout for rollout in config.rollouts}
        self._repeat = {route.name: route.repeat for route in config.routes}
        self._known: dict[str, tuple[float, float]] = {}
        """By route: the share, and until when it holds."""

    def share(self, route: str) -> float | None:
        """None: no rollout is defined there."""
        if route not in self._rollouts:
            return None
        known, now = self._known.get(route), self.now_s()
        if known is None or now >= known[1]:
            rollout = self._rollouts[route]
            finished = state_of(self.config, rollout).state == "finished"
            known = self._known[route] = (self._repeat.get(route, 0.0) if finished else rollout.reverse_shadow), now + READ_S
        return known[0]


def plays(leg: Leg, drawn: Drawn | None) -> bool:
    """Whether this leg of the route is one of this call's: the incumbent in reverse only where the client did not get its answer."""
    return leg.role != "incumbent" or bool(drawn and drawn.served)


def without_leg(drawn: Drawn | None, legs: Sequence[Leg]) -> Absent | None:
    """The candidate that was drawn, where the shadow has no leg to it: it is decided about all the same."""
    if drawn is None or not drawn.target or any(leg.role == "candidate" and leg.name == drawn.target for leg in legs):
        return None
    return Absent(drawn.target)


def decided_by_draw(drawn: Drawn | None, leg: Leg) -> tuple[DecisionName, str] | None:
    """What the draw alone decides for a leg."""
    if drawn is None or not drawn.target:
        return None
    if leg.role == "candidate" and leg.name == drawn.target:
        return of_candidate(drawn)
    return ("sampled_out", NO_REPEAT) if leg.role == "repeat" and drawn.served else None

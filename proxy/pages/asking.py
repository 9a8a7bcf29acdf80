"""The page before a change: what it will do, what is missing, what must be said; and the form's answer as a request for a change. Pure.

Law: what was decided on is what is changed: every form but a rollback's names the version of the state it showed. A way back is never too
old.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.config import Config, Rollout
from proxy.pages.card import Waiting, allowed, card, shares
from proxy.pages.words import percent
from proxy.rollout.finish import beside_it
from proxy.rollout.standing import Standing
from proxy.rollout.state import TOLD_MAX, Action, Asked, Refused, State, after

TITLES = {
    "start": "Start", "promote": "Promote", "pause": "Pause", "resume": "Resume", "rollback": "Roll back", "finish": "Finish",
}  # fmt: skip
REASONS = ("It refuses too much", "It answers wrongly", "It is too slow", "It costs too much", "A user complained", "To be safe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    name: str
    action: Action
    title: str
    says: str
    """How it stands."""
    will: tuple[str, ...]
    """What follows from pressing the button, one sentence each."""
    missing: tuple[Waiting, ...]
    button: str
    shares: tuple[tuple[str, str], ...]
    """(value, words) to choose from."""
    version: str
    why_needed: bool
    reasons: tuple[str, ...]
    refused: str
    """Why it cannot be done now; empty: it can."""


def question(config: Config, facts: Standing, action: Action, now_s: float) -> Question:
    rollout, state = facts.rollout, facts.state
    shown = card(facts, now_s)
    onward = action in ("start", "promote")
    return Question(
        name=rollout.name, action=action, title=f"{TITLES[action]} {rollout.name}", says=shown.says, will=_will(config, facts, action),
        missing=tuple(wait for wait in shown.waits if not wait.done) if onward else (), button=f"{TITLES[action]} now",
        shares=tuple((repr(share), percent(share)) for share in shares(rollout, state, action)),
        version="" if action == "rollback" else str(state.version), why_needed=action == "rollback",
        reasons=REASONS if action == "rollback" else (), refused=_refused(facts, action, now_s),
    )  # fmt: skip


def _refused(facts: Standing, action: Action, now_s: float) -> str:
    if action in allowed(facts, now_s):
        return ""
    made = after(facts.state, Asked(action=action, actor="page"), facts.rollout, int(now_s * 1e6))
    if isinstance(made, Refused):
        return f"This cannot be done now: found {made.found}, expected {made.expected}."
    return "There is nothing to do: it is so already."


def _will(config: Config, facts: Standing, action: Action) -> tuple[str, ...]:
    rollout, share = facts.rollout, percent(facts.state.share)
    incumbent, candidate, route = facts.incumbent, rollout.candidate, rollout.route
    falls_back = f"What {candidate} fails, {incumbent} answers in its place; the guard takes it back when a limit is broken."
    match action:
        case "rollback":
            return (f"From the next call on {incumbent} answers every call of route {route}.", "Answers under way are finished.")
        case "start":
            return (f"From the next call on {candidate} answers the chosen share of the conversations on route {route}.", falls_back)
        case "promote":
            return (f"{candidate} answers {share} now, and the chosen share from the next call on.", falls_back)
        case "pause":
            return (f"{candidate} goes on answering {share}; nobody promotes it.", "The guard goes on watching and may roll it back.")
        case "resume":
            return (f"{candidate} goes on answering {share}, and may be promoted again.",)
        case "finish":
            return (
                f"{candidate} takes every call of route {route}, and no guard is needed for it any more.",
                f"Then make {candidate} the incumbent in understudy.toml: `understudy rollout finish {rollout.name}` prints the change.",
                *(f"{each[:1].upper()}{each[1:]}." for each in beside_it(config, rollout)),
            )


def asked(rollout: Rollout, action: Action, form: Mapping[str, str], actor: str) -> Asked | str:
    """The change a form asks for, or what is wrong with the form."""
    why = " ".join(form.get("why", "").split())[:TOLD_MAX]
    if action == "rollback" and not why:
        return "Say why, in a word or two: whoever looks at it tomorrow wants to know. Nothing was changed."
    share, chosen = None, form.get("share", "")
    if action in ("start", "promote") and chosen:
        share = next((step for step in rollout.steps if repr(step) == chosen), None)
        if share is None:
            return "This share is not one of the steps. Nothing was changed."
    version = form.get("version", "")
    if action != "rollback" and not (version.isascii() and version.isdigit() and len(version) < 20):
        return "The form does not say which state it was made for. Nothing was changed."
    return Asked(action=action, actor=actor, why=why, share=share, version=None if action == "rollback" else int(version))


def done(state: State) -> str:
    """After a change, in a line."""
    said = {
        "running": f"running at {percent(state.share)}", "paused": f"paused at {percent(state.share)}", "finished": "finished",
        "rolled_back": "rolled back: from the next call on the incumbent answers", "idle": "not started",
    }  # fmt: skip
    return f"Done. {state.rollout} is {said[state.state]}."

"""A rollout as its card shows it: where it stands, what it waits for, both arms side by side, what happened. Pure.

Law: a card says what holds for the next call, not what the file wishes: a share that nobody guards is said to be nobody's. Figures are the
guard's own and carry how old they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

from proxy.config import Rollout
from proxy.pages.words import ago, count, duration, exactly, limit_name, limit_value, number, percent, usd
from proxy.rollout.report import Limit, Report, Test, Wait
from proxy.rollout.standing import Standing
from proxy.rollout.state import ACTIONS, GUARD, Action, Asked, Moment, Refused, State, after, next_step

TITLES = {"idle": "Not started", "running": "Running", "paused": "Paused", "rolled_back": "Rolled back", "finished": "Finished"}
TONES = {"idle": "plain", "running": "good", "paused": "open", "rolled_back": "bad", "finished": "good"}
DONE = {
    "start": "Started", "promote": "Promoted", "pause": "Paused", "resume": "Resumed", "rollback": "Rolled back", "finish": "Finished",
}  # fmt: skip
COUNTED = {
    "candidate": "answered by the candidate", "incumbent": "answered by the incumbent", "fallback": "fallen back to the incumbent",
    "stayed": "stayed with the incumbent without a draw", "reverse": "answered again by the incumbent, unseen",
}  # fmt: skip
ALARMING_S = 24 * 3600.0
"""So long a rollback by the guard stands at the top of the page."""
SHOWN = 8
"""Moments before the rest is folded away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One limit or one test, both arms beside each other, as text."""

    name: str
    candidate: str
    incumbent: str
    bound: str
    n: str
    tone: str
    """"" | bad | open"""
    said: str
    filled: float | None = None
    """0 to 1: how far it is to the bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    words: str
    name: str
    filled: float | None
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    words: str
    where: str
    """done | here | ahead"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    when: str
    exact: str
    what: str
    share: str
    who: str
    why: str
    call_ids: tuple[str, ...]
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    name: str
    title: str
    tone: str
    says: str
    alarms: tuple[str, ...]
    """What a person should look at first."""
    guard: str
    guard_tone: str
    guarded: bool
    steps: tuple[Step, ...]
    actions: tuple[tuple[str, str], ...]
    """(action, words of its button), the way back first."""
    left: str
    ripe: bool
    """Running, and the guard waits for nothing."""
    waits: tuple[Waiting, ...]
    limits: tuple[Row, ...]
    tests: tuple[Row, ...]
    counts: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    """The flight log."""
    call_ids: tuple[str, ...]
    events: tuple[Happened, ...]
    earlier: tuple[Happened, ...]


def card(facts: Standing, now_s: float) -> Card:
    rollout, state, report = facts.rollout, facts.state, facts.report
    events = tuple(_happened(moment, now_s) for moment in reversed(state.log))
    fresh = report if report is not None and report.version == state.version else None
    guard, guard_tone = _guard(facts)
    return Card(
        name=rollout.name, title=TITLES[state.state], tone=TONES[state.state] if guarded(facts) else "bad", says=_says(facts),
        alarms=tuple(_alarms(facts, fresh, now_s)),
        guard=guard, guard_tone=guard_tone, guarded=guarded(facts), steps=_steps(rollout, state), actions=_buttons(facts, now_s),
        left=_left(fresh),
        ripe=_ripe(facts, fresh), waits=tuple(_waiting(wait) for wait in fresh.waits) if fresh else (),
        limits=tuple(map(_limit, fresh.limits)) if fresh else (), tests=tuple(map(_test, fresh.tests)) if fresh else (),
        counts=_counts(fresh), words=tuple(report.words) if report else (), call_ids=tuple(report.call_ids) if report else (),
        events=events[:SHOWN], earlier=events[SHOWN:],
    )  # fmt: skip


def _alarms(facts: Standing, report: Report | None, now_s: float) -> Iterator[str]:
    state = facts.state
    if facts.lost:
        yield f"{_sentence(facts.lost)}."
    if not guarded(facts):
        yield _guard(facts)[0]
    if state.state in ("running", "paused") and report is not None:
        yield from (f"{limit_name(each.name)}: beyond the limit." for each in report.limits if each.broken)
        yield from (f"{each.name}: evidence {number(each.evidence)} of {number(each.needed)}." for each in report.tests if each.fired)
    if state.state == "rolled_back" and state.actor == GUARD and now_s - state.changed_us / 1e6 < ALARMING_S:
        yield f"The guard rolled it back {ago(state.changed_us / 1e6, now_s)}: {state.why}"


def guarded(facts: Standing) -> bool:
    """Whether the share is followed just now: it takes no call, needs no guard, or the guard spoke lately."""
    return facts.effective == facts.state.takes


def allowed(facts: Standing, now_s: float) -> list[Action]:
    """What may be asked for now. A state that cannot be read may be rolled back, which leaves a whole one."""
    found: list[Action] = []
    for action in ACTIONS:
        made = after(facts.state, Asked(action=action, actor="page"), facts.rollout, int(now_s * 1e6))
        useful = made is not facts.state and not isinstance(made, Refused)
        pointless = action == "rollback" and facts.state.state == "idle" and not facts.lost
        if useful and not pointless:
            found.append(action)
    return found


def shares(rollout: Rollout, state: State, action: str) -> tuple[float, ...]:
    """What a start or a promotion may go to, the usual one first."""
    if action == "start":
        return tuple(rollout.steps)
    return tuple(step for step in rollout.steps if step > state.share + 1e-9) if action == "promote" else ()


def _buttons(facts: Standing, now_s: float) -> tuple[tuple[str, str], ...]:
    step = next_step(facts.rollout, facts.state.share)
    words = {
        "rollback": "Roll back", "pause": "Pause", "resume": "Resume", "finish": "Finish",
        "start": f"Start at {percent(facts.rollout.steps[0])}", "promote": f"Promote to {percent(step)}",
    }  # fmt: skip
    order = ("rollback", "pause", "resume", "start", "promote", "finish")
    return tuple((action, words[action]) for action in sorted(allowed(facts, now_s), key=order.index))


def _says(facts: Standing) -> str:
    rollout, state = facts.rollout, facts.state
    incumbent = facts.incumbent
    if facts.lost:
        return f"{_sentence(facts.lost)}: {incumbent} answers every call of route {rollout.route}."
    if not guarded(facts):
        return (
            f"{incumbent} answers every call of route {rollout.route}, because the guard is silent; "
            f"{rollout.candidate} gets {percent(state.share)} of the conversations when it speaks again."
        )
    match state.state:
        case "running" | "paused":
            held = " The share is held: nobody promotes it until it is resumed." if state.state == "paused" else ""
            rest = f"; {incumbent} answers the rest" if state.share < 1.0 else ""
            return f"{rollout.candidate} answers {percent(state.share)} of the conversations on route {rollout.route}{rest}.{held}"
        case "finished":
            return (
                f"{rollout.candidate} answers every call of route {rollout.route}. Now make it the incumbent in understudy.toml: "
                f"`understudy rollout finish {rollout.name}` prints the change."
            )
        case _:
            return f"{incumbent} answers every call of route {rollout.route}. {rollout.candidate} answers none that a client sees."


def _guard(facts: Standing) -> tuple[str, str]:
    """Its words and tone."""
    limit = f"limit {duration(facts.rollout.guard_fresh_s)}"
    if facts.beaten_s is None:
        return "The guard has said nothing of it yet.", "plain" if guarded(facts) else "bad"
    if not guarded(facts):
        return f"The guard has said nothing for {duration(abs(facts.beaten_s))} ({limit}).", "bad"
    if facts.beaten_s >= facts.rollout.guard_fresh_s:
        return f"The guard last spoke {duration(facts.beaten_s)} ago.", "plain"
    if facts.report is not None and facts.report.rebuilding:
        return "The guard watches; it is reading up on what happened before it was started, and promotes nobody meanwhile.", "open"
    return f"The guard watches; it spoke {ago(0.0, facts.beaten_s)}.", "good"


def _steps(rollout: Rollout, state: State) -> tuple[Step, ...]:
    here = state.takes
    known: list[float] = sorted({*map(float, rollout.steps), *([here] if here > 0 else [])})
    return tuple(
        Step(words=percent(step), where="here" if here and abs(step - here) < 1e-9 else "done" if step < here else "ahead")
        for step in known
    )


def _left(report: Report | None) -> str:
    if report is None or (report.hours_left is None and report.usd_left is None):
        return ""
    time = f"about {duration(report.hours_left * 3600)} more" if report.hours_left is not None else "an unknown time more"
    money = f"{usd(report.usd_left)} more" if report.usd_left is not None else "a cost that is not known"
    return f"This step needs {time} at the last hour's traffic, and {money}."


def _ripe(facts: Standing, report: Report | None) -> bool:
    running = facts.state.state == "running" and guarded(facts)
    return running and report is not None and not report.waits and not report.rebuilding


def _waiting(wait: Wait) -> Waiting:
    """One of one is no way to measure: it is there or it is not."""
    measured = wait.have is not None and wait.need > 0 and (wait.need != 1 or wait.unit in ("share", "pairs", "h", "s"))
    filled = min(max((wait.have or 0.0) / wait.need, 0.0), 1.0) if measured else None
    return Waiting(words=wait.words, name=wait.name.replace("_", " "), filled=filled, done=filled == 1.0)


def _limit(limit: Limit) -> Row:
    name = limit_name(limit.name) + (f" ({limit.segment})" if limit.segment else "")
    filled = None if limit.value is None or limit.limit <= 0 else min(max(limit.value / limit.limit, 0.0), 1.0)
    said, tone = _limit_words(limit)
    return Row(
        name=name, candidate=limit_value(limit.name, limit.value), incumbent=limit_value(limit.name, limit.incumbent),
        bound=limit_value(limit.name, limit.limit), n=count(limit.calls), tone=tone, said=said, filled=filled,
    )  # fmt: skip


def _limit_words(limit: Limit) -> tuple[str, str]:
    if limit.broken:
        return "beyond the limit", "bad"
    if limit.value is None:
        return "not measured", "open"
    return ("above, not certain yet", "open") if limit.value > limit.limit else ("within", "")


def _test(test: Test) -> Row:
    """Evidence multiplies, so its way to the bound is measured in logarithms."""
    way = log(max(test.evidence, 1.0)) / log(test.needed) if test.needed > 1 and test.evidence == test.evidence else 0.0
    return Row(
        name=test.name, candidate=_or_dash(test.candidate), incumbent=_or_dash(test.incumbent), bound=number(test.needed), n=count(test.n),
        tone="bad" if test.fired else "", said=f"{number(test.evidence)} of {number(test.needed)}", filled=min(max(way, 0.0), 1.0),
    )  # fmt: skip


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _or_dash(value: float | None) -> str:
    return "–" if value is None else number(value)


def _counts(report: Report | None) -> tuple[tuple[str, str], ...]:
    if report is None or not (report.calls or report.pairs):
        return ()
    known = [(COUNTED.get(name, name.replace("_", " ")), count(calls)) for name, calls in report.calls.items()]
    return (*known, ("pairs compared", count(report.pairs)))


def _happened(moment: Moment, now_s: float) -> Happened:
    at_s = moment.at_us / 1e6
    return Happened(
        when=ago(at_s, now_s), exact=exactly(at_s), what=DONE.get(moment.action, moment.action), share=percent(moment.share),
        who=moment.actor, why=moment.why, call_ids=tuple(moment.call_ids), tone="bad" if moment.action == "rollback" else "",
    )  # fmt: skip

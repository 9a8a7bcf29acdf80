"""What a criterion is: one testable question about an answer, and its score or the reason why there is none.

Law: pure, deterministic, versioned. Whether it applies is decided by the request alone; an answer that lacks what is asked for has failed,
and only what *we* could not do is `Unscored`. Higher is better, except on a log ratio scale, which keeps the quantity itself.
A criterion is at once its own configuration: the keys a rubric may set are its fields, read by msgspec.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import msgspec

from scoring.task import LOUD, Answer, Task

State = Literal["ok", "fail", "na", "error"]
Kind = Literal["absolute", "pairwise", "reference"]
"""Each answer alone; agreement with the incumbent's answer; against what people said is right."""
Scale = Literal["share", "less", "more", "watch"]
"""`share`: value in [0, 1], the difference is subtraction. `less` and `more`: a positive quantity of which less (more) is better, compared
as a clipped log ratio. `watch`: a positive quantity of which neither is better (length)."""
Cost = Literal["cheap", "heavy", "outside"]
"""Cheap ones (well under a millisecond) also run online in the recorder; `outside` ones ask a program or an endpoint, in batches."""
Reference = Literal["golden", "incumbent"]


class Unscored(Exception):
    """We could not tell; the reason in a few words. Never a verdict about the answer."""


class Score(msgspec.Struct, frozen=True, gc=False):
    """One value. `ok`: measured; `fail`: the answer has not what is asked for, `value` is the worst there is (None on a log ratio scale);
    `na`: does not apply to this call; `error`: unscored, `tag` says why. Value is None for the last two."""

    value: float | None
    state: State = "ok"
    tag: str | None = None
    """A word of a closed set: the class of what was found. Several are joined with a comma."""
    evidence: str | None = None
    """Where it shows: a path, a quote; at most 300 characters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to an outside criterion."""

    task: Task
    answer: Answer
    reference: Answer | None = None


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Subclasses add their configuration as fields and override `score`."""

    TYPE: ClassVar[str] = ""
    """Its name in a rubric."""
    ALIASES: ClassVar[tuple[str, ...]] = ()
    """promptfoo's names for the same."""
    VERSION: ClassVar[int] = 1
    """Goes up whenever the same answer may get another value."""
    KIND: ClassVar[Kind] = "absolute"
    SCALE: ClassVar[Scale] = "share"
    COST: ClassVar[Cost] = "cheap"
    READS_FAILURES: ClassVar[bool] = False
    """True: it judges errors and timeouts itself; otherwise an absent answer has failed without asking it."""

    @property
    def kind(self) -> Kind:
        """Where it depends on the configuration, a subclass says so."""
        return self.KIND

    def applies(self, task: Task) -> str:
        """Empty when it does, else why not, in a few words. Reads nothing but the request."""
        del task
        return ""

    def score(self, task: Task, answer: Answer, reference: Answer | None) -> Score:
        """`reference`: the incumbent's answer for a pairwise criterion, None otherwise. May raise `Unscored`."""
        raise NotImplementedError


class Outside(Criterion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A criterion that asks a program or an endpoint: many questions at a time, with a deadline of its own."""

    COST: ClassVar[Cost] = "outside"

    async def scores(self, asked: Sequence[Asked]) -> Sequence[Score]:
        """One score for each question, in order. What fails is `unscored`, it never raises."""
        raise NotImplementedError


EVIDENCE_CHARS = 300


def share(value: float, tag: str | None = None, evidence: str | None = None) -> Score:
    return Score(value, "ok", tag, evidence[:EVIDENCE_CHARS] if evidence else None)


def failed(tag: str, evidence: str | None = None, value: float | None = 0.0) -> Score:
    """The answer has not what is asked for."""
    return Score(value, "fail", tag, evidence[:EVIDENCE_CHARS] if evidence else None)


def not_applicable(reason: str) -> Score:
    return Score(None, "na", reason)


def unscored(reason: str) -> Score:
    return Score(None, "error", reason[:EVIDENCE_CHARS])


Ask = Callable[[Task, Answer, Answer | None], Score]


def asking(criterion: Criterion) -> Ask:
    """The one way to ask a criterion: whatever it does, a score comes out.

    A pairwise criterion without the incumbent's answer, or with an absent one, is unscored: there is nothing to agree with.
    """
    applies = None if type(criterion).applies is Criterion.applies else criterion.applies
    score, reads_failures, pairwise = criterion.score, criterion.READS_FAILURES, criterion.kind == "pairwise"
    worst = 0.0 if criterion.SCALE == "share" else None

    def ask(task: Task, answer: Answer, reference: Answer | None) -> Score:
        try:
            if applies and (reason := applies(task)):
                return not_applicable(reason)
            if answer.outcome in LOUD and answer.absent and not reads_failures:
                return failed(answer.outcome, answer.outcome_reason, worst)
            if pairwise and (reference is None or reference.absent):
                return unscored("the incumbent gave no answer to agree with")
            found = score(task, answer, reference)
            return found if found.value is None or 0.0 <= found.value <= 1.0 else _sound(criterion, found)
        except Unscored as reason:
            return unscored(str(reason))
        except RecursionError:
            return unscored("nested too deep")
        except Exception as fault:
            return unscored(f"{criterion.TYPE} failed: {type(fault).__name__}: {str(fault)[:120]}")

    return ask


def scored(criterion: Criterion, task: Task, answer: Answer, reference: Answer | None = None) -> Score:
    """One criterion asked once."""
    return asking(criterion)(task, answer, reference)


def _sound(criterion: Criterion, found: Score) -> Score:
    """What is not between 0 and 1: no NaN, no infinity and nothing outside its range goes into a mean."""
    fits = criterion.SCALE != "share" and 0.0 <= (found.value or 0.0) < float("inf")
    return found if fits else unscored(f"{criterion.TYPE} found {found.value!r}, out of its range")

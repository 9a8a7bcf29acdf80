"""What a rollout's guard knew before a restart, out of the store, in a thread of its own.

Law: the newest `CALLS` legs are counted and the pairs among the newest `PAIRS` calls are scored anew from their texts; older ones are not
pairs any more. What the guard saw live meanwhile is left out here and counted by it: each leg once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from proxy.exchange import Call, Exchange, ToolCall
from scoring.guard.evidence import Evidence, Rules
from scoring.guard.facts import Fact, fact_of
from scoring.guard.scorer import marks_of
from scoring.queries import Query, sql
from scoring.task import Answer, Task

LEGS, PAIRS, PAGE = 200_000, 5_000, 500
SETTLE_S = 60.0
Marks = Mapping[tuple[str, str], Mapping[str, float]]
"""By call and role."""


def rebuilt(query: Query, rules: Rules, started_us: int, step_s: float, met: Callable[[], Collection[tuple[str, str]]]) -> Evidence:
    """`met`: the legs seen live, by call and leg; asked after the store was."""
    since = datetime.fromtimestamp(started_us / 1e6, UTC).replace(tzinfo=None)
    marks = _marks(query, rules, since)
    rows = query(sql("guard_legs"), [rules.rollout.name, since, LEGS])
    known, evidence = met(), Evidence(rules, step_s)
    facts = sorted(filter(None, (_fact(row, rules, marks) for row in rows)), key=lambda each: each.ended_s)
    settled_s = float("-inf")
    for fact in facts:
        if (fact.call_id, fact.leg) not in known:
            evidence.take(fact, fact.ended_s)
        if fact.ended_s >= settled_s + SETTLE_S:
            settled_s = fact.ended_s
            evidence.settle(settled_s)
    return evidence


def _marks(query: Query, rules: Rules, since: datetime) -> Marks:
    found: dict[tuple[str, str], Mapping[str, float]] = {}
    for page in range(0, PAIRS, PAGE):
        rows = query(sql("guard_texts"), [rules.rollout.name, since, PAGE, page])
        for row in rows:
            task, answer = _asked(row)
            found[task.call_id, answer.role] = marks_of(rules.guards.get(task.workflow, ()), task, answer)
        if not rows:
            break
    return found


def _asked(row: Sequence[Any]) -> tuple[Task, Answer]:
    (call_id, workflow, dialect, request, prompt, source, expected, role, outcome, reason, failure, status, text, tools, finish, kind,
     refusal, output, reasoning, latency, error) = row  # fmt: skip
    task = Task(
        call_id=call_id, workflow=workflow, dialect=dialect, request=request, prompt_text=prompt, source_text=source, expected=expected
    )
    answer = Answer(
        role=role, outcome=outcome, outcome_reason=reason, failure_class=failure, status=status, text=text,
        tools=tuple(ToolCall(**each) for each in tools or ()), finish=finish, refusal_kind=kind, refusal_reason=refusal,
        output_tokens=output, reasoning_tokens=reasoning, latency_s=latency, error=error,
    )  # fmt: skip
    return task, answer


def _fact(row: Sequence[Any], rules: Rules, marks: Marks) -> Fact | None:
    (call_id, route, workflow, dialect, conversation, turn, arrived, stream, chars, share, drawn, stayed, fallback, target, role, seen,
     attempt, started, status, outcome, reason, failure, cost, ttft, latency, error) = row  # fmt: skip
    call = Call(
        call_id=call_id, route=route, workflow=workflow, dialect=dialect, conversation=conversation, turn=turn, prompt_version=None,
        case_id=None, path="", model_requested=None, arrived_at=arrived.replace(tzinfo=UTC), stream=stream, request=None, prefix_hash=None,
        prompt_text=None, source_text=None, input_chars=chars, request_bytes=0, rollout=rules.rollout.name, rollout_share=share,
        rollout_target=drawn, rollout_stayed=stayed, rollout_fallback=fallback,
    )  # fmt: skip
    exchange = Exchange(
        call_id=call_id, target=target, role=role, seen=seen, attempt=attempt, started_at=started.replace(tzinfo=UTC), status=status,
        outcome=outcome, outcome_reason=reason, failure_class=failure, text=None, cost_usd=None if cost is None else Decimal(cost),
        ttft_s=ttft, latency_s=latency, error=error,
    )  # fmt: skip
    return fact_of(exchange, call, rules.rollout.segments, marks.get((call_id, role)))

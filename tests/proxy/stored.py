"""Builders of the store's rows, so that a test says only what it is about."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from proxy.exchange import Call, Decision, Exchange
from proxy.rows import Round, SegmentRow

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def an_id(number: int) -> str:
    return str(UUID(int=number, version=4))


def a_call(number: int = 1, **said: Any) -> Call:
    usual: dict[str, Any] = dict(
        call_id=an_id(number), route="main", workflow="triage", dialect="openai", conversation=None, turn=1, prompt_version=None, case_id=None,
        path="/v1/chat/completions", model_requested="big", arrived_at=NOON, stream=False, request='{"model":"big"}', prefix_hash=None,
        prompt_text="hello", source_text="hello", input_chars=5, request_bytes=15,
    )  # fmt: skip
    return Call(**(usual | said))


def an_exchange(number: int = 1, **said: Any) -> Exchange:
    usual: dict[str, Any] = dict(
        call_id=an_id(number), target="small", role="candidate", seen=False, started_at=NOON, status=200, outcome="answered",
        outcome_reason="", failure_class="ok", text="an answer", cost_usd=Decimal("0.001"), latency_s=1.0,
    )  # fmt: skip
    return Exchange(**(usual | said))


def an_incumbent(number: int = 1, **said: Any) -> Exchange:
    return an_exchange(number, **(dict(target="big", role="incumbent", seen=True) | said))


def a_decision(number: int = 1, **said: Any) -> Decision:
    usual: dict[str, Any] = dict(call_id=an_id(number), target="small", role="candidate", decision="sent", reason="", decided_at=NOON)
    return Decision(**(usual | said))


def a_segment(name: str = "0-worker-0-1-aa-0.seg", **said: Any) -> SegmentRow:
    usual: dict[str, Any] = dict(name=name, process="worker-0", writer="aa", events=3, first_seq=0, last_seq=2, torn_bytes=0, damage=None)
    return SegmentRow(**(usual | said))


def a_round(*numbers: int) -> Round:
    """Calls with both answers and a decision each."""
    return Round(
        calls=tuple(map(a_call, numbers)),
        exchanges=tuple(made(number) for number in numbers for made in (an_incumbent, an_exchange)),
        decisions=tuple(map(a_decision, numbers)),
    )

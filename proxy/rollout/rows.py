"""A change of a rollout as a row of the store. Pure."""

import orjson

from proxy.events import RolloutEvent
from proxy.meaning import when
from proxy.rows import RolloutRow


def rollout_row(event: RolloutEvent) -> RolloutRow:
    return RolloutRow(
        happened_at=when(event.at), rollout=event.rollout, route=event.route, target=event.target, event=event.action, state=event.state,
        share=event.share, actor=event.actor, reason=event.why, version=event.version, call_ids=tuple(event.call_ids),
        evidence=orjson.dumps(event.evidence, default=str).decode(),
    )  # fmt: skip

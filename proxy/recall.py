"""A call back out of the store: what a late answer needs of its call when nobody remembers it any more, after a restart or a long wait.

Law: what was stored is what there is. Where the conversation's name held personal data, its scope cannot be had again, and the answer's
pseudonyms are its own; they are pseudonyms all the same.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from proxy.events import Drawn
from proxy.exchange import Call, Prompt
from proxy.frame import Frame
from proxy.meaning import EPOCH, Known, wants_json
from proxy.pricing import estimate_tokens
from proxy.store import Store

SQL = """
SELECT call_id::VARCHAR AS call_id, route, workflow, dialect, conversation, turn, prompt_version, case_id, path, model_requested,
       arrived_at, stream, request::VARCHAR AS request, prefix_hash, prompt_text, source_text, input_chars, request_bytes, expected,
       run_id, lineage_id, notes, rollout, rollout_share, rollout_target, rollout_stayed, rollout_fallback
FROM calls
WHERE call_id IN (SELECT unnest($1::UUID[]))
"""


def recall(store: Store, call_ids: Iterable[str], *, wait_s: float = 5.0) -> list[Call]:
    """Those of these calls that are in the store."""
    found = store.query(SQL, [[call_id for call_id in call_ids if _is_uuid(call_id)]], wait_s=wait_s)
    return [_call(dict(zip(found.columns, row, strict=True))) for row in found.rows]


def _call(row: Mapping[str, Any]) -> Call:
    return Call(**{**row, "arrived_at": row["arrived_at"].replace(tzinfo=EPOCH.tzinfo)})


def drawn_of(call: Call) -> Drawn | None:
    """What a rollout made of it."""
    if call.rollout is None:
        return None
    target, fallback = call.rollout_target or "", call.rollout_fallback or ""
    return Drawn(
        rollout=call.rollout, share=call.rollout_share or 0.0, target=target, fallback=fallback, stayed=call.rollout_stayed or ""
    )  # fmt: skip


def known_of(call: Call, frame: Frame) -> Known:
    """What `call_row` knew, read again from what was kept."""
    body = (call.request or "").encode("utf-8", "replace")
    reader = frame.readers.get(call.dialect)
    prompt = reader.read_prompt(call.path, body) if reader and body else None
    limit = prompt.max_output_tokens if isinstance(prompt, Prompt) else None
    return Known(
        call=call,
        scope=frame.anonymizer.scope(call.conversation or call.call_id),
        prompt_tokens=estimate_tokens(call.prompt_text) if call.prompt_text else call.input_chars and call.input_chars // 4,
        wants_json=wants_json(body),
        max_output_tokens=limit,
        model=call.model_requested,
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True

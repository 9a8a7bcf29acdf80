"""Chains of stored responses: `previous_response_id` becomes the full input again, from what the journal said of the turns before.

Law: raw turns are held in memory alone, bounded in bytes and age, the longest unused go first; what was never heard, is too long, or holds
what only the provider knows is not guessed but told. Ids that name things at the provider, and reasoning nobody else can read, are left out
and said to be. Nothing raises on any body.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.dialects.openai_responses import ENDS
from proxy.dialects.reading import Document, as_document, as_documents, as_json, as_list, as_text, is_stream, read_document
from proxy.encoding import decode
from proxy.events import CallEvent, ExchangeEvent
from proxy.exchange import Unreadable
from proxy.sse import events

DIALECT = "openai.responses"
KEY = "previous_response_id"
TURNS_MAX = 64
EXPANDED_MAX_BYTES = 8 << 20
AGE_MAX_S = 3600.0
_OVERHEAD_BYTES = 500
AMBIGUOUS = ""
"""In place of a call: two answers had this id."""
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]{1,200})"')
_NOT_STORED = re.compile(rb'"store"\s*:\s*false')
_KEPT = ("message", "function_call", "custom_tool_call")
_ELSEWHERE = ("conversation", "prompt")


@dataclass(slots=True)
class _Turn:
    """A call and, once it came, its answer, both as they passed."""

    at: int
    body: bytes
    headers: Mapping[str, str]
    answer: bytes = b""
    answer_headers: Mapping[str, str] | None = None
    response_id: str = ""

    @property
    def size(self) -> int:
        return len(self.body) + len(self.answer) + _OVERHEAD_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    body: bytes
    rewrites: tuple[str, ...]


class Chains:
    def __init__(self, max_bytes: int):
        self.max_bytes, self.held_bytes = max_bytes, 0
        self.expanded = self.missed = 0
        self._turns: OrderedDict[str, _Turn] = OrderedDict()
        """By call."""
        self._by_response: dict[str, str] = {}

    def asked(self, event: CallEvent, body: bytes) -> None:
        """A call that might be continued; `store: false` cannot be."""
        if event.dialect == DIALECT and body and event.whole and not _NOT_STORED.search(body):
            self._hold(event.id, _Turn(event.at, body, event.headers))

    def answered(self, event: ExchangeEvent, body: bytes) -> None:
        turn = self._turns.get(event.id)
        if turn is None or event.role != "incumbent" or not event.seen:
            return
        found = _ID.search(_decoded(body, event.headers)[:64_000]) if event.status == 200 else None
        self._drop(event.id)
        if found is not None:
            turn.answer, turn.answer_headers, turn.response_id = body, event.headers, found[1].decode("utf-8", "replace")
            self._hold(event.id, turn)

    def expand(self, body: bytes, now_us: int) -> Expanded | str:
        """The call without its chain, or why that cannot be had."""
        found = self._expanded(body, now_us)
        if isinstance(found, str):
            self.missed += 1
        else:
            self.expanded += 1
        return found

    def _expanded(self, body: bytes, now_us: int) -> Expanded | str:
        asked = as_document(read_document(body))
        items, thought, turns, wanted = _items(asked.get("input")), 0, 0, as_text(asked.get(KEY))
        while wanted:
            turn = self._find(wanted, now_us)
            if turn is None and self._by_response.get(wanted) == AMBIGUOUS:
                return "two answers before have one id"
            if turn is None:
                return "a turn before is not in memory"
            said = _turn_items(turn, wanted)
            if isinstance(said, str):
                return said
            turns += 1
            thought += said.reasoning
            items, wanted = [*said.items, *items], said.previous
            if turns > TURNS_MAX:
                return f"more than {TURNS_MAX} turns"
        whole = as_json({**{key: value for key, value in asked.items() if key != KEY}, "input": items}).encode("utf-8", "replace")
        if not turns or not whole or len(whole) > EXPANDED_MAX_BYTES:
            return f"more than {EXPANDED_MAX_BYTES} bytes" if turns else "its id is no text"
        words = [f"input expanded from {KEY}, {turns} turn{'s' if turns > 1 else ''}"]
        words += [f"left out {thought} reasoning item{'s' if thought > 1 else ''} of earlier turns"] if thought else []
        return Expanded(body=whole, rewrites=tuple(words))

    def _find(self, response_id: str, now_us: int) -> _Turn | None:
        call = self._by_response.get(response_id)
        turn = self._turns.get(call) if call else None
        if call is None or turn is None or now_us - turn.at > AGE_MAX_S * 1e6:
            return None
        self._turns.move_to_end(call)
        return turn

    def _hold(self, call: str, turn: _Turn) -> None:
        self._drop(call)
        self._turns[call] = turn
        self.held_bytes += turn.size
        if turn.response_id:
            known = self._by_response.setdefault(turn.response_id, call)
            if known != call:
                self._by_response[turn.response_id] = AMBIGUOUS
        while self.held_bytes > self.max_bytes and self._turns:
            self._drop(next(iter(self._turns)))

    def _drop(self, call: str) -> None:
        turn = self._turns.pop(call, None)
        if turn is not None:
            self.held_bytes -= turn.size
            if self._by_response.get(turn.response_id) in (call, AMBIGUOUS):
                del self._by_response[turn.response_id]


@dataclass(frozen=True, slots=True)
class _Said:
    items: list[object]
    previous: str
    reasoning: int


def _turn_items(turn: _Turn, response_id: str) -> _Said | str:
    """What one turn adds to the input of the next: its own input, then its answer."""
    asked = as_document(read_document(_decoded(turn.body, turn.headers)))
    bound = next((key for key in _ELSEWHERE if asked.get(key)), None)
    if bound:
        return f"a turn before has a {bound}"
    answer = _response(_decoded(turn.answer, turn.answer_headers or {}), (turn.answer_headers or {}).get("content-type", ""))
    if answer.get("id") != response_id or as_text(answer.get("status")) not in ("completed", "incomplete"):
        return "a turn before did not end well"
    output = as_documents(answer.get("output"))
    kinds = [as_text(item.get("type")) for item in output]
    strange = next((kind for kind in kinds if kind not in (*_KEPT, "reasoning")), None)
    if strange is not None:
        return f"{strange[:40] or 'an item without a type'} in an answer before"
    kept = [_portable(item) for item, kind in zip(output, kinds, strict=True) if kind in _KEPT]
    return _Said([*_items(asked.get("input")), *kept], as_text(asked.get(KEY)), len(output) - len(kept))


def _items(asked: object) -> list[object]:
    return [{"role": "user", "content": asked}] if isinstance(asked, str) else list(as_list(asked))


def _portable(item: Document) -> Document:
    """Without the id and the status that mean something to the provider alone."""
    return {key: value for key, value in item.items() if key not in ("id", "status")}


def _response(body: bytes, content_type: str) -> Document:
    """The whole answer; of a stream the one in its last event."""
    if not is_stream(content_type, body):
        return as_document(read_document(body))
    found: Document = {}
    for event in events(body):
        if any(end in event.data for end in ENDS):
            document = as_document(read_document(event.data))
            if as_text(document.get("type")) in ENDS:
                found = as_document(document.get("response"))
    return found


def _decoded(body: bytes, headers: Mapping[str, str]) -> bytes:
    found = decode(body, headers.get("content-encoding", ""), EXPANDED_MAX_BYTES)
    return b"" if isinstance(found, Unreadable) else found.body

"""Ready or not, and what the recorder tells about itself: figures in, words out.

Law: pure. A cause turns health red at once and it stays red until the cause is gone for a minute, so that nobody misses a short one; every
reason says what was found and what it was measured against.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from proxy.events import BeatEvent
from proxy.exchange import Decision, Exchange
from proxy.mirrored import Mirrored

LAG_MAX_S = 10.0
FULL_SHARE = 0.8
SILENT_S = 15.0
STUCK_S = 10.0
STALLED_S = 15.0
RECOVERS_S = 60.0
SIDES_MAX = 50_000
"""Calls of which both sides are waited for, to count pairs."""
NOT_MIRRORED = frozenset(
    ("side_effects", "not_comparable", "unportable", "too_large", "over_budget", "rate_limited", "shed", "stale", "breaker_open",
     "retry_of", "unreadable", "no_candidate"),
)  # fmt: skip
"""Decisions that tell why not. `sampled_out` was wished, `sent` and `served` happened."""


@dataclass(frozen=True, slots=True)
class Health:
    ready: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What health is judged by, at one moment."""

    lag_s: float = 0.0
    """Age of the oldest sealed facts that are not in the store yet."""
    journal_bytes: int = 0
    journal_max_bytes: int = 1
    journal_room_bytes: int = 1
    """What the folder's cap and its file system leave."""
    journal_reserve_bytes: int = 0
    """Of that, kept for beats and decisions."""
    dropped: int = 0
    """Events and bodies lost so far, whoever counted them."""
    store_waiting_s: float = 0.0
    """Since when a commit does not come through."""
    store_trouble: str = ""
    """Who holds the store, or what it says."""
    silent: Mapping[str, float] = field(default_factory=dict[str, float])
    """Processes that should beat, and seconds since they did."""
    reader_fault: str = ""
    faults: int = 0
    """Exceptions of the workers' own so far, by their last beats."""
    ending: Mapping[str, str] = field(default_factory=dict[str, str])
    """Processes that keep ending, and how."""


def causes(now: Figures, before: Figures) -> dict[str, str]:
    """What is wrong, by cause, in words."""
    found: dict[str, str] = {}
    if now.lag_s > LAG_MAX_S:
        found["lag"] = f"the journal is {now.lag_s:.0f} s ahead of the store (limit {LAG_MAX_S:.0f} s)"
    if now.dropped > before.dropped:
        found["dropped"] = f"the journal lost {now.dropped - before.dropped} events or bodies"
    if now.journal_bytes > FULL_SHARE * now.journal_max_bytes:
        found["full"] = f"the journal holds {now.journal_bytes:,} of {now.journal_max_bytes:,} bytes"
    if now.journal_room_bytes <= now.journal_reserve_bytes:
        found["room"] = no_room(now.journal_room_bytes, now.journal_reserve_bytes)
    if now.store_waiting_s > STUCK_S:
        found["store"] = f"the store has not taken a commit for {now.store_waiting_s:.0f} s: {now.store_trouble or 'no answer'}"
    if now.reader_fault:
        found["reader"] = f"the recorder failed: {now.reader_fault}"
    if now.faults > before.faults:
        found["faults"] = f"workers failed {now.faults - before.faults} times on their own account: see worker.failed in the log"
    for process, how in now.ending.items():
        found[f"ending {process}"] = f"{process} {how}"
    for process, seconds in now.silent.items():
        if seconds > SILENT_S:
            found[f"silent {process}"] = f"{process} has not beaten for {seconds:.0f} s (limit {SILENT_S:.0f} s)"
    return found


def no_room(room: int, reserve: int) -> str:
    return f"the journal has room for {room:,} bytes and journal.disk_reserve_bytes keeps {reserve:,} of them: no call is recorded"


class Watch:
    """Remembers causes for a minute after they are gone."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, str]] = {}
        self._before = Figures()

    def look(self, figures: Figures, now_s: float) -> Health:
        found = causes(figures, self._before)
        self._before = figures
        self._seen |= {cause: (now_s, words) for cause, words in found.items()}
        self._seen = {cause: said for cause, said in self._seen.items() if now_s - said[0] < RECOVERS_S}
        words = [text if cause in found else f"{text} (until {now_s - at:.0f} s ago)" for cause, (at, text) in self._seen.items()]
        return Health(ready=not words, reasons=tuple(words))


class Tally:
    """What happened since the start, for the status page and the minute line. Fed with what is counted for the first time only."""

    def __init__(self) -> None:
        self.calls = self.pairs = self.orphans = self.workers_died = 0
        self.exchanges: Counter[tuple[str, str, str]] = Counter()
        """By role, target, outcome."""
        self.decisions: Counter[tuple[str, str, str]] = Counter()
        """By target, decision, reason."""
        self.spent: dict[tuple[str, str], float] = {}
        self._sides: OrderedDict[int, int] = OrderedDict()
        """By hash of the call: twice the others' answers, and one more for the incumbent's."""
        self.mirrored = Mirrored()
        self._said = ""

    def call(self) -> None:
        self.calls += 1

    def exchange(self, row: Exchange) -> None:
        self.exchanges[row.role, row.target, row.outcome] += 1
        if row.cost_usd is not None:
            key = (row.role, row.target)
            self.spent[key] = self.spent.get(key, 0.0) + float(row.cost_usd)
        if row.attempt == 1 and row.run_id is None:
            self._pair(row)

    def _pair(self, row: Exchange) -> None:
        """A pair is there when both sides are: the incumbent's answer (seen or not) and another's, whichever comes first."""
        name = hash(row.call_id)
        others, incumbent = divmod(self._sides.get(name, 0), 2)
        if row.role == "incumbent":
            self.pairs += 0 if incumbent else others
            self._sides[name] = 2 * others + 1
        else:
            self.pairs += incumbent
            self._sides[name] = 2 * (others + 1) + incumbent
        if len(self._sides) > SIDES_MAX:
            self._sides.popitem(last=False)

    def decision(self, row: Decision) -> None:
        self.mirrored.count(row)
        self.decisions[row.target, row.decision, _short(row.reason)] += 1
        if len(self.decisions) > 2_000:  # reasons are our own words, but they may name a tool
            rare = min(self.decisions, key=lambda key: (not key[2], self.decisions[key]))
            self.decisions[rare[0], rare[1], ""] += self.decisions.pop(rare)

    def by_target(self) -> dict[str, list[dict[str, object]]]:
        totals = Counter[str]()
        for (target, _, _), count in self.decisions.items():
            totals[target] += count
        found: dict[str, list[dict[str, object]]] = {target: [] for target in totals}
        for (target, decision, reason), count in self.decisions.most_common():
            share = round(count / totals[target], 4)
            words = mirror_words(count, totals[target], decision, reason)
            found[target].append({"decision": decision, "reason": reason, "count": count, "share": share, "words": words})
        return found

    def spend(self) -> list[dict[str, object]]:
        return [{"role": role, "target": target, "usd": round(usd, 6)} for (role, target), usd in sorted(self.spent.items())]

    def line(self) -> str | None:
        """The minute line, or None when nothing is new."""
        said = f"{self.calls:,} calls, {self.pairs:,} pairs{_worst(self.decisions)}"
        if said == self._said or not self.calls:
            return None
        self._said = said
        return said


def mirror_words(count: int, total: int, decision: str, reason: str) -> str:
    """`398 of 412 not mirrored: previous_response_id`."""
    verb = "not mirrored" if decision in NOT_MIRRORED else decision.replace("_", " ")
    detail = reason or (decision if decision in NOT_MIRRORED else "")
    return f"{count:,} of {total:,} {verb}{f': {detail}' if detail else ''}"


def _worst(decisions: Mapping[tuple[str, str, str], int]) -> str:
    refused = [(count, *key) for key, count in decisions.items() if key[1] in NOT_MIRRORED]
    if not refused:
        return ""
    count, target, decision, reason = max(refused)
    total = sum(number for key, number in decisions.items() if key[0] == target)
    return f"; {target or 'no candidate'}: {mirror_words(count, total, decision, reason)}"


def _short(reason: str) -> str:
    return reason[:80]


def shown(beat: BeatEvent, now_s: float) -> dict[str, object]:
    """A process as the status page tells it: what it refuses, drops and sheds only where there is any."""
    said: dict[str, object] = {
        "seconds_since_beat": round(now_s - beat.at / 1e6, 1), "in_flight": beat.in_flight, "connections": beat.connections,
    }  # fmt: skip
    more = {name: getattr(beat, name) for name in ("refused", "dropped", "shedding", "faults", "tunnels", "tunnel_bytes", "loop_lag_us")}
    return said | {name: value for name, value in more.items() if value}


def silent_for(expected: Iterable[str], beats: Mapping[str, float], started_s: float, now_s: float) -> dict[str, float]:
    """Seconds without a beat, for those who should; one that never beat counts from our own start."""
    return {process: now_s - max(beats.get(process, 0.0), started_s) for process in expected}

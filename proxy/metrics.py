"""Every series of the contract, in one registry of our own: observed from rows and beats, never from a request.

Law: a label's value comes from the configuration or from our own closed words, anything else is `other`; so the number of series has a
bound that traffic cannot move. The only module that imports prometheus_client.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from proxy.config import Config
from proxy.conversation import DEFAULT_WORKFLOW
from proxy.events import BeatEvent, Drawn
from proxy.exchange import Decision, DecisionName, Exchange
from proxy.rollout.report import Report
from proxy.rollout.state import STATES
from proxy.rows import repaired

BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
OVERHEAD_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
COMMIT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
OTHER = "other"
REMEMBERED = 100_000
"""Exchanges and decisions of which we know that they were counted."""
MODELS_PER_TARGET = 4
REASONS_MAX = 32
TOKEN_KINDS = ("input", "cached_input", "cache_write", "output", "reasoning")
Parts = Mapping[str, Decimal]
NO_PARTS: Parts = {}

_EXCHANGE = ("role", "target", "workflow")
_TIMED = ("route", "role", "target", "seen")
COUNTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("calls", "Answers to recognised calls.", ("route", "workflow", "role", "target", "seen", "outcome")),
    ("passthrough", "Requests that passed without being recognised as calls.", ("route",)),
    ("tokens", "Tokens, in classes that do not overlap.", (*_EXCHANGE, "kind")),
    ("spend_usd", "Cost of answers whose price is known.", _EXCHANGE),
    ("spend_part_usd", "The spend by what it was for: the kinds of tokens, and a price of the request itself.", (*_EXCHANGE, "part")),
    ("unpriced_calls", "Answers whose price or usage is unknown; spend does not hold them.", ("role", "target")),
    ("refusals", "Answers that refuse or were filtered.", (*_EXCHANGE, "kind")),
    ("failures", "Answers that failed: loud ones can be seen, silent ones look like answers.", (*_EXCHANGE, "seen", "class")),
    ("hallucination_tags", "Tags given by scoring.", (*_EXCHANGE, "tag")),
    ("mirror", "What became of mirroring a call to a target.", ("target", "decision")),
    ("rollout_stayed", "Calls that a rollout left with the incumbent without a draw.", ("route", "reason")),
    ("rollout_fallbacks", "Calls that the incumbent answered in the candidate's place.", ("route", "target", "reason")),
    ("journal_dropped", "Journal events or bodies lost.", ("process", "reason")),
)
GAUGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("shadow_budget_usd", "Today's budget of a target and what of it is spent or reserved.", ("target", "state")),
    ("in_flight", "Calls under way.", ("process",)),
    ("journal_lag_seconds", "Age of the oldest sealed facts that are not in the store yet.", ()),
    ("journal_bytes", "Bytes of all segments.", ()),
    ("journal_room_bytes", "What the journal may still grow by: to its cap or to the end of its disk.", ()),
    ("rollout_share", "Share of a route that its canary answers.", ("route", "target")),
    ("rollout_state", "1 for the state a route's rollout is in.", ("route", "state")),
    ("rollout_reading", "A limit of a rollout and the figures it holds over its window.", ("route", "limit", "segment", "of")),
    ("rollout_evidence", "Logarithm of a test's evidence by that of what is needed: at 1 the candidate is taken back.", ("route", "test")),
    ("rollout_hours_left", "To the end of a rollout's step at the traffic of the last hour.", ("route",)),
    ("rollout_guard_at_seconds", "When the guard last said that it watches, in seconds since the epoch.", ("route",)),
    ("loop_lag_seconds", "The longest delay of a worker's loop since its last beat.", ("process",)),
    ("verdict", "1 for the verdict that holds.", ("workflow", "criterion", "target", "verdict")),
    ("score_mean", "Mean of a criterion's scores.", ("workflow", "criterion", "target", "role")),
    ("served_model_info", "Models that a target lately said it was.", ("target", "model")),
    ("build_info", "What runs here.", ("version", "config")),
)
HISTOGRAMS: tuple[tuple[str, str, tuple[str, ...], tuple[float, ...]], ...] = (
    ("latency_seconds", "From a request's first byte to its answer's last.", _TIMED, BUCKETS_S),
    ("ttft_seconds", "From a request's first byte to the first content.", _TIMED, BUCKETS_S),
    ("overhead_seconds", "What the proxy itself added.", (), OVERHEAD_BUCKETS_S),
    ("store_commit_seconds", "One commit of the recorder, waiting included.", (), COMMIT_BUCKETS_S),
)


disable_created_metrics()  # a second series for each counter and histogram, that nobody asked for


class Seen:
    """A bounded memory of keys: the oldest are forgotten first."""

    def __init__(self, bound: int = REMEMBERED):
        self._keys: OrderedDict[int, None] = OrderedDict()
        self.bound = bound

    def first(self, key: Hashable) -> bool:
        """Whether this key is new; it is known from now on."""
        name = hash(key)  # 64 bits, keyed anew in each process: 40 bytes instead of 400, and nobody can make two agree
        if name in self._keys:
            return False
        self._keys[name] = None
        while len(self._keys) > self.bound:
            self._keys.popitem(last=False)
        return True

    def __len__(self) -> int:
        return len(self._keys)


class Meters:
    """The registry and its children. One thread writes; any thread may ask for the exposition."""

    def __init__(self, config: Config, version: str = ""):
        self.registry = CollectorRegistry(auto_describe=True)
        self._children: dict[tuple[str, ...], Any] = {}
        self._totals: dict[tuple[str, ...], float] = {}
        self._models: dict[str, OrderedDict[str, None]] = {}
        self._metrics: dict[str, Any] = {name: self._make(Counter, name, text, labels) for name, text, labels in COUNTERS}
        self._metrics |= {name: self._make(Gauge, name, text, labels) for name, text, labels in GAUGES}
        self._metrics |= {name: self._make(Histogram, name, text, labels, buckets=buckets) for name, text, labels, buckets in HISTOGRAMS}
        self.routes = frozenset(route.name for route in config.routes)
        self.targets = frozenset(config.targets)
        self.workflows = frozenset((DEFAULT_WORKFLOW, *(workflow.name for workflow in config.workflows)))
        self.processes = frozenset((*(f"worker-{number}" for number in range(64)), "shadow", "recorder", "replay", "supervisor", "rollout"))
        self._reasons: set[str] = set()
        self.counted = Seen()
        self._child("build_info", version or "unknown", config.hash).set(1)

    def _make(self, kind: Any, name: str, text: str, labels: tuple[str, ...], **more: Any) -> Any:
        return kind(f"understudy_{name}", text, labels, registry=self.registry, **more)

    def _child(self, name: str, *values: str) -> Any:
        """The child of a metric, looked up once: `labels()` costs twice what a dictionary does."""
        key = (name, *values)
        child = self._children.get(key)
        if child is None:
            metric = self._metrics[name]
            child = self._children[key] = metric.labels(*values) if values else metric
        return child

    def exposition(self) -> bytes:
        return generate_latest(self.registry)

    # ---- scores

    def score_mean(self, workflow: str, criterion: str, target: str, role: str, mean: float) -> None:
        """`criterion` is a name out of a rubric."""
        self._child("score_mean", _known(workflow, self.workflows), criterion, _known(target, self.targets), role).set(mean)

    def hallucination_tag(self, role: str, target: str, workflow: str, tag: str) -> None:
        """`tag` is a word of the criterion's own."""
        self._child("hallucination_tags", role, _known(target, self.targets), _known(workflow, self.workflows), tag).inc()

    def verdict(self, workflow: str, criterion: str, target: str, verdict: str) -> None:
        """1 for the one that holds; whatever was said before of this criterion is 0."""
        place = (_known(workflow, self.workflows), criterion, _known(target, self.targets))
        for key, child in self._children.items():
            if key[0] == "verdict" and key[1:4] == place:
                child.set(0)
        self._child("verdict", *place, verdict).set(1)

    # ---- rollouts

    def rollout(self, route: str, target: str, state: str, share: float) -> None:
        """Where a route's rollout stands."""
        for known in STATES:
            self._child("rollout_state", _known(route, self.routes), known).set(known == state)
        self._child("rollout_share", _known(route, self.routes), _known(target, self.targets)).set(share)

    def rollout_report(self, route: str, report: Report, at_s: float) -> None:
        """What the guard sees; a figure it does not know is NaN and not the last one."""
        route = _known(route, self.routes)
        self._child("rollout_guard_at_seconds", route).set(at_s)
        self._child("rollout_hours_left", route).set(_number(report.hours_left))
        for limit in report.limits:
            for of, value in (("candidate", limit.value), ("incumbent", limit.incumbent), ("limit", limit.limit)):
                self._child("rollout_reading", route, limit.name, limit.segment, of).set(_number(value))
        for test in report.tests:
            self._child("rollout_evidence", route, test.name).set(math.log(max(test.evidence, 1.0)) / math.log(test.needed))

    def observe_drawn(self, route: str, drawn: Drawn) -> None:
        """What a rollout made of a call."""
        route, reason = _known(route, self.routes), self._reason
        if drawn.stayed:
            self._child("rollout_stayed", route, reason(drawn.stayed)).inc()
        if drawn.fallback:
            self._child("rollout_fallbacks", route, _known(drawn.target, self.targets), reason(drawn.fallback)).inc()

    # ---- rows

    def observe_exchange(self, row: Exchange, route: str, workflow: str | None, parts: Parts = NO_PARTS) -> bool:
        """Count one answer, once: False when this attempt was counted before. `parts` of its cost are `spending.parts_of_row`."""
        if not self.counted.first((row.call_id, row.target, row.role, row.run_id, row.sample, row.attempt)):
            return False
        route, target = _known(route, self.routes), _known(row.target, self.targets)
        about = (row.role, target, _known(workflow, self.workflows))
        seen = "true" if row.seen else "false"
        self._child("calls", route, about[2], row.role, target, seen, row.outcome).inc()
        self._time(row, (route, row.role, target, seen))
        self._spend(row, about, parts)
        if row.refusal_kind:
            self._child("refusals", *about, row.refusal_kind).inc()
        if row.failure_class != "ok":
            self._child("failures", *about, seen, row.failure_class).inc()
        if row.model_served:
            self._served(target, row.model_served)
        return True

    def observe_spend(self, row: Exchange, workflow: str | None, parts: Parts = NO_PARTS) -> None:
        """Of an answer outside of live traffic: what it cost, once, and nothing else."""
        if self.counted.first((row.call_id, row.target, row.role, row.run_id, row.sample, row.attempt)):
            self._spend(row, (row.role, _known(row.target, self.targets), _known(workflow, self.workflows)), parts)

    def _time(self, row: Exchange, labels: tuple[str, ...]) -> None:
        if row.latency_s is not None:
            self._child("latency_seconds", *labels).observe(row.latency_s)
        if row.ttft_s is not None:
            self._child("ttft_seconds", *labels).observe(row.ttft_s)
        if row.overhead_s is not None:
            self._child("overhead_seconds").observe(row.overhead_s)

    def _spend(self, row: Exchange, about: tuple[str, str, str], parts: Parts) -> None:
        counts = (row.input_tokens, row.cached_input_tokens, row.cache_write_tokens, row.output_tokens, row.reasoning_tokens)
        for kind, count in zip(TOKEN_KINDS, counts, strict=True):
            if count:
                self._child("tokens", *about, kind).inc(count)
        if row.cost_usd is not None:
            self._child("spend_usd", *about).inc(float(row.cost_usd))
            for part, usd in parts.items():
                self._child("spend_part_usd", *about, part).inc(float(usd))
        elif is_unpriced(row):
            self._child("unpriced_calls", about[0], about[1]).inc()

    def _served(self, target: str, model: str) -> None:
        """The last few models of a target; one that is forgotten leaves the registry too."""
        models = self._models.setdefault(target, OrderedDict())
        name = repaired(model)[:100]
        if name in models:
            return models.move_to_end(name)
        models[name] = None
        self._metrics["served_model_info"].labels(target, name).set(1)
        if len(models) > MODELS_PER_TARGET:
            self._metrics["served_model_info"].remove(target, models.popitem(last=False)[0])

    def observe_decision(self, row: Decision) -> bool:
        """Count one decision, once: a leg has one, whoever tells it."""
        if not self.counted.first((row.call_id, row.target, row.role, row.run_id, row.sample)):
            return False
        decision = row.decision if row.decision in get_args(DecisionName) else OTHER
        self._child("mirror", _known(row.target, self.targets | {""}), decision).inc()
        return True

    # ---- processes

    def observe_beat(self, beat: BeatEvent, writer: str = "") -> None:
        """A beat counts since its process started, we since we did: what is new is the difference; less than before is a new start."""
        process = _known(beat.process, self.processes)
        self._child("in_flight", process).set(beat.in_flight)
        if beat.loop_lag_us or beat.ids:
            self._child("loop_lag_seconds", process).set(beat.loop_lag_us / 1e6)
        for route, total in beat.passthrough.items():
            self._advance(total, (beat.process, writer, "passthrough", route), "passthrough", _known(route, self.routes))
        for reason, total in beat.dropped.items():
            self._advance(total, (beat.process, writer, "dropped", reason), "journal_dropped", process, self._reason(reason))
        for target, spent in beat.spent_usd.items():
            self._child("shadow_budget_usd", _known(target, self.targets), "spent").set(spent)
        for target, budget in beat.budget_usd.items():
            self._child("shadow_budget_usd", _known(target, self.targets), "budget").set(budget)

    def _advance(self, total: float, source: tuple[str, ...], name: str, *labels: str) -> None:
        before = self._totals.get(source, 0)
        self._totals[source] = total
        new = total - before if total >= before else total
        if new > 0:
            self._child(name, *labels).inc(new)

    def _reason(self, reason: str) -> str:
        if reason not in self._reasons and len(self._reasons) >= REASONS_MAX:
            return OTHER
        self._reasons.add(reason)
        return reason

    def observe_lost(self, process: str, reason: str, events: int) -> None:
        """Events that the reader misses: a gap in the sequence, a torn tail, a damaged segment."""
        if events > 0:
            self._child("journal_dropped", _known(process, self.processes), self._reason(reason)).inc(events)

    # ---- the recorder itself

    def observe_journal(self, lag_s: float, size: int, room: int) -> None:
        self._child("journal_lag_seconds").set(lag_s)
        self._child("journal_bytes").set(size)
        self._child("journal_room_bytes").set(room)

    def observe_commit(self, seconds: float) -> None:
        self._child("store_commit_seconds").observe(seconds)

    def series(self) -> int:
        """How many lines the exposition has, comments apart."""
        return sum(not line.startswith(b"#") for line in self.exposition().splitlines())


def is_unpriced(row: Exchange) -> bool:
    """An answer that may have cost something, nobody knows what. Errors by status and calls that reached nobody are not billed."""
    if row.cost_usd is not None or row.role == "baseline":
        return False
    return row.outcome == "timed_out" if row.status is None else row.status < 400


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _known(value: str | None, closed: frozenset[str]) -> str:
    return value if value in closed else OTHER

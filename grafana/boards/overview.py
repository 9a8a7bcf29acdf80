"""Overview: what clients get now, and the incumbent beside whoever answers the same calls."""

from grafana.board import Board, Mark, Row
from grafana.panels import COUNT, PER_S, RATE, TIME, USD, Made, figure, lines, rows
from grafana.queries import (
    FAILED,
    REFUSED,
    ROUTE,
    SEEN,
    SPOILT,
    TARGET,
    WHO,
    WORKFLOW,
    Query,
    beside,
    latest,
    per,
    per_h,
    per_s,
    quantile,
    series,
    share,
)

CALLS = "calls_total"
NO_CALLS = "No calls in this time"
NO_ANSWERS = "No answers in this time"
FROM_CLIENTS = (ROUTE, WORKFLOW, SEEN)
VERDICTS = {
    "REGRESSED": "red", "WORSE": "orange", "WORSE_WITHIN_MARGIN": "yellow", "UNDECIDED": "text", "NOT_WORSE": "green", "EQUIVALENT": "green",
    "BETTER": "blue",
}  # fmt: skip
VERDICTS_NOW = Query(f"{latest('verdict', 'workflow, criterion, target, verdict', WORKFLOW, TARGET)} == 1", instant=True, table=True)
_MODEL = series("served_model_info")
_EARLIER = f"{_MODEL} offset $__rate_interval"
NEW_MODEL = Mark(
    "A target names a new model",
    f"(count by (target, model) ({_MODEL}) unless count by (target, model) ({_EARLIER})) and on (target) count by (target) ({_EARLIER})",
    "{{target}} answers as {{model}}", "purple",
)  # fmt: skip

_AT_A_GLANCE = Row("At a glance: what clients get", [
    figure("Calls", "Recognised calls that clients got an answer to, each second.", PER_S,
           Query(per_s(series(CALLS, *FROM_CLIENTS)), "calls"), empty=NO_CALLS),
    figure("Failed at the client", "Share of the answers clients got that are an error, came too late, or broke off. Calls that clients gave up on are none.",
           RATE, Query(share(series(CALLS, *FROM_CLIENTS, FAILED), series(CALLS, *FROM_CLIENTS)), "failed"), empty=NO_CALLS,
           steps=((None, "green"), (0.01, "orange"), (0.05, "red")), decimals=2),
    figure("Refused at the client", "Share of the answers clients got that refuse, or that a provider's filter took away.", RATE,
           Query(share(series(CALLS, *FROM_CLIENTS, REFUSED), series(CALLS, *FROM_CLIENTS)), "refused"), empty=NO_CALLS, decimals=2),
    figure("Answered by a canary", "Share of the answers clients got that a candidate gave.", RATE,
           Query(share(series(CALLS, *FROM_CLIENTS, 'role="candidate"'), series(CALLS, *FROM_CLIENTS)), "canary"), empty=NO_CALLS, decimals=1),
    figure("Answered unseen", "Answers each second that no client sees: shadow, repeat and reverse shadow.", PER_S,
           Query(per_s(series(CALLS, ROUTE, WORKFLOW, 'seen="false"')), "unseen"), empty="Nothing is mirrored"),
    figure("Spend an hour", "USD an hour at the pace of now, all roles together, where the price is known.", USD,
           Query(per_h(series("spend_usd_total", WORKFLOW)), "USD an hour"), empty="No priced answer yet"),
])  # fmt: skip

_TRAFFIC = Row("Traffic", [
    lines("Answers", "Answers each second. Seen: a client got it. The unseen incumbent is a canary's reverse shadow.", PER_S,
          beside(lambda who: per_s(series(CALLS, ROUTE, WORKFLOW, who), "role, target, seen"), "{{role}} {{target}}, seen: {{seen}}"),
          empty=NO_CALLS, arms=True),
    lines("What clients got", "Answers each second that clients got, by how they ended.", PER_S,
          [Query(per_s(series(CALLS, *FROM_CLIENTS), "outcome"), "{{outcome}}")], empty=NO_CALLS, stacked=True),
])  # fmt: skip

_WRONG = Row("Failures, refusals, hallucinations: incumbent beside candidates", [
    lines("Failed", "Share of answers that are an error, broke off, or came too late.", RATE,
          beside(lambda who: share(series(CALLS, ROUTE, WORKFLOW, who, FAILED), series(CALLS, ROUTE, WORKFLOW, who), WHO)),
          empty=NO_ANSWERS, arms=True, size=(8, 8)),
    lines("Refused", "Share of answers that refuse or were filtered.", RATE,
          beside(lambda who: share(series(CALLS, ROUTE, WORKFLOW, who, REFUSED), series(CALLS, ROUTE, WORKFLOW, who), WHO)),
          empty=NO_ANSWERS, arms=True, size=(8, 8)),
    lines("Truncated or malformed", "Share of answers that stop short, or are no sound answer, say a tool's arguments that are no JSON.", RATE,
          beside(lambda who: share(series(CALLS, ROUTE, WORKFLOW, who, SPOILT), series(CALLS, ROUTE, WORKFLOW, who), WHO)),
          empty=NO_ANSWERS, arms=True, size=(8, 8)),
    lines("How it was refused", "Refusals each hour by kind: said in a field, taken by a filter, or read from the text.", COUNT,
          beside(lambda who: per_h(series("refusals_total", WORKFLOW, who), "role, target, kind"), "{{role}} {{target}}: {{kind}}"),
          empty="No refusal since the recorder started", arms=True, size=(8, 8)),
    lines("Silent failures", "Share of answers that look like an answer and are none: a refusal in prose, cut short, empty, broken JSON.", RATE,
          beside(lambda who: share(series("failures_total", WORKFLOW, who, 'class="silent"'), series(CALLS, WORKFLOW, who), WHO)),
          empty=NO_ANSWERS, arms=True, size=(8, 8)),
    lines("Hallucination tags", "Tags that scoring gave, each hour.", COUNT,
          beside(lambda who: per_h(series("hallucination_tags_total", WORKFLOW, who), "role, target, tag"), "{{role}} {{target}}: {{tag}}"),
          empty="No tag given: no rubric names such a criterion, or nothing was found", arms=True, size=(8, 8)),
])  # fmt: skip


def _timed(title: str, q: float, name: str, what: str) -> Made:
    return lines(title, what, TIME, beside(lambda who: quantile(q, name, WHO, ROUTE, who)), empty=NO_ANSWERS, arms=True, size=(8, 8))


_LATENCY = Row("Latency: incumbent beside candidates", [
    _timed("Whole answer, p50", 0.5, "latency_seconds", "Half of the answers are over by then, from the request's first byte to the answer's last."),
    _timed("Whole answer, p95", 0.95, "latency_seconds", "19 of 20 answers are over by then. Read from buckets that double: a step, not a hair."),
    _timed("Whole answer, p99", 0.99, "latency_seconds", "99 of 100 answers are over by then. Needs some hundred answers to mean something."),
    _timed("First content, p50", 0.5, "ttft_seconds", "Half of the answers have begun by then: from the request's first byte to the first content."),
    _timed("First content, p95", 0.95, "ttft_seconds", "19 of 20 answers have begun by then."),
    _timed("First content, p99", 0.99, "ttft_seconds", "99 of 100 answers have begun by then."),
])  # fmt: skip

_SPEND = Row("Spend: incumbent beside candidates", [
    lines("Spend an hour", "USD an hour at the pace of the time around each point. A replay's spend is in it.", USD,
          beside(lambda who: per_h(series("spend_usd_total", WORKFLOW, who), WHO)), empty="No priced answer yet", arms=True),
    lines("USD per answer", "Spend by the number of answers; answers without a known price count as answers. While a replay runs it reads too high.",
          USD, beside(lambda who: per(series("spend_usd_total", WORKFLOW, who), series(CALLS, WORKFLOW, who), WHO)), empty="No priced answer yet",
          arms=True),
])  # fmt: skip

_VERDICTS = Row("What scoring says", [
    rows("Verdicts", "The verdict that holds for each criterion, the worst of its parts. Until enough pairs are scored it is UNDECIDED.",
         ("workflow", "criterion", "target", "verdict"),
         VERDICTS_NOW,
         empty="Nothing is scored: no workflow has a rubric, or no pair is complete", colors=("verdict", VERDICTS)),
    lines("Mean scores", "Mean of each criterion's last scores, most of them 0 to 1. Latency, cost and length are left out: they have scales, and panels, of their own.", "none",
          beside(lambda who: latest("score_mean", "workflow, criterion, target, role", WORKFLOW, 'criterion!~"latency|cost|length"', who),
                 "{{workflow}}, {{criterion}}: {{role}} {{target}}"), empty="Nothing is scored yet", arms=True),
])  # fmt: skip

BOARD = Board(
    "overview", "Overview", "What clients get now, and the incumbent beside whoever answers the same calls.", ("route", "workflow", "target"),
    (_AT_A_GLANCE, _TRAFFIC, _WRONG, _LATENCY, _SPEND, _VERDICTS), (NEW_MODEL,),
)  # fmt: skip

"""Shadow: what became of mirroring each call, what it cost of its budget, and how much of the traffic was compared at all."""

from grafana.board import Board, Row
from grafana.panels import COUNT, PER_S, RATE, USD, Made, bars, figure, lines
from grafana.queries import FAILED, ROUTE, SEEN, TARGET, UNSEEN, WORKFLOW, Query, latest, per_h, per_s, series, share

MIRROR = "mirror_total"
NOTHING = "Nothing was decided: no route has a shadow, a repeat share or a rollout"
UNPRICED = "No target has a budget: none is priced, or no shadow runs"
SPENT, BUDGET = (latest("shadow_budget_usd", "target", TARGET, f'state="{state}"') for state in ("spent", "budget"))


def _lost(decision: str, title: str, help_text: str) -> Made:
    return figure(title, help_text, RATE, Query(share(series(MIRROR, TARGET, f'decision="{decision}"'), series(MIRROR, TARGET)), title.lower()),
                  empty=NOTHING, steps=((None, "green"), (0.01, "orange"), (0.1, "red")), decimals=2)  # fmt: skip


_GLANCE = Row("At a glance", [
    figure("Compared", "Share of decisions that sent a call, or served it in a canary: only these can become pairs.", RATE,
           Query(share(series(MIRROR, TARGET, 'decision=~"sent|served"'), series(MIRROR, TARGET)), "compared"), empty=NOTHING, decimals=1),
    _lost("shed", "Shed", "Share of decisions that gave a call up because the target was already busy to its bound."),
    _lost("stale", "Stale", "Share of decisions that came too late: the shadow was behind, or was not running."),
    _lost("over_budget", "Over budget", "Share of decisions that found today's budget spent."),
    _lost("breaker_open", "Breaker open", "Share of decisions that left a target alone because it keeps failing."),
    figure("Behind", "Age of the oldest sealed facts that are not in the store yet: pairs come so much later.", "s",
           Query(f"max({series('journal_lag_seconds')})", "behind"), empty="The recorder is not scraped", decimals=1,
           steps=((None, "green"), (30, "orange"), (120, "red"))),
])  # fmt: skip

_ACCOUNT = Row("Every call has one decision per target", [
    lines("Decisions", "Decisions each second by what became of the call. They add up: every recognised call has exactly one for each target.", PER_S,
          [Query(per_s(series(MIRROR, TARGET), "decision"), "{{decision}}")], empty=NOTHING, stacked=True),
    lines("Do they add up?", "Decisions for each target beside the calls of the chosen routes: the same height for a target on all of these routes.", PER_S,
          [Query(per_s(series("calls_total", ROUTE, WORKFLOW, SEEN)), "calls"),
           Query(per_s(series(MIRROR, TARGET), "target"), "decisions for {{target}}")], empty=NOTHING, arms=True),
    lines("Not compared, by reason", "Decisions each hour that sent nothing, by reason and target.", COUNT,
          [Query(per_h(series(MIRROR, TARGET, 'decision!~"sent|served"'), "target, decision"), "{{target}}: {{decision}}")],
          empty="Every call was sent", stacked=True),
    lines("Coverage", "Share of each target's decisions that sent the call or served it: what the verdicts rest on.", RATE,
          [Query(share(series(MIRROR, TARGET, 'decision=~"sent|served"'), series(MIRROR, TARGET), "target"), "{{target}}")], empty=NOTHING),
])  # fmt: skip

_BUDGET = Row("Budget", [
    bars("Spent of today's budget", "What of a target's budget for today is spent or reserved. At 100 % nothing more is sent to it until midnight UTC.", RATE,
         Query(f"{SPENT} / {BUDGET}", "{{target}}"), empty=UNPRICED, high=1, steps=((None, "green"), (0.8, "orange"), (1, "red"))),
    lines("Spent and budget", "USD of today, reservations included, beside the budget.", USD,
          [Query(SPENT, "{{target}}: spent"), Query(BUDGET, "{{target}}: budget")], empty=UNPRICED,
          size=(8, 8)),
    lines("Limited", "Decisions each hour that found the budget spent or a rate limit near.", COUNT,
          [Query(per_h(series(MIRROR, TARGET, 'decision=~"over_budget|rate_limited"'), "target, decision"), "{{target}}: {{decision}}")],
          empty="No call found the budget spent or a rate limit near since the recorder started", size=(8, 8)),
])  # fmt: skip

_LEGS = Row("Legs that nobody waits for", [
    lines("Answers unseen", "Answers each second that no client sees, by who gave them.", PER_S,
          [Query(per_s(series("calls_total", ROUTE, WORKFLOW, TARGET, UNSEEN), "role, target"), "{{role}} {{target}}")],
          empty="Nothing is mirrored"),
    lines("Failed unseen", "Share of the unseen answers that are an error, broke off, or came too late.", RATE,
          [Query(share(series("calls_total", ROUTE, WORKFLOW, TARGET, UNSEEN, FAILED),
                       series("calls_total", ROUTE, WORKFLOW, TARGET, UNSEEN), "role, target"), "{{role}} {{target}}")],
          empty="Nothing is mirrored"),
])  # fmt: skip

BOARD = Board(
    "shadow", "Shadow", "What became of mirroring each call, what it cost of its budget, and how much of the traffic was compared.",
    ("route", "workflow", "target"), (_GLANCE, _ACCOUNT, _BUDGET, _LEGS),
)  # fmt: skip

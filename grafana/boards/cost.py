"""Cost: a call's price taken apart into tokens in, tokens out, what was cached, what a token costs, and how often it was asked."""

from grafana.board import Board, Row
from grafana.panels import COUNT, RATE, USD, Made, figure, lines
from grafana.queries import OTHERS, ROUTE, TARGET, UNSEEN, WHO, WORKFLOW, Query, beside, per, per_h, per_s, series, share, summed

CALLS, TOKENS, SPEND = "calls_total", "tokens_total", "spend_usd_total"
IN, OUT = 'kind=~"input|cached_input|cache_write"', 'kind=~"output|reasoning"'
UNPRICED = "No priced answer yet: set `price` on the target, or a `provider` whose list is known"
NO_USAGE = "No answer said what it used"
REPLAYED = "A replay's answers are in the spend and not among the calls, so it reads too high while one runs."


def _by_call(title: str, help_text: str, unit: str, name: str, *kinds: str, size: tuple[int, int] = (8, 8)) -> Made:
    made = beside(lambda who: per(series(name, WORKFLOW, who, *kinds), series(CALLS, WORKFLOW, who), WHO))
    return lines(title, help_text, unit, made, empty=UNPRICED if name == SPEND else NO_USAGE, arms=True, size=size)


_GLANCE = Row("At a glance", [
    figure("Spend in this time", "USD in the time shown, all roles, where the price is known.", USD,
           Query(summed(f"increase({series(SPEND, WORKFLOW)}[$__range])"), "USD", instant=True), empty=UNPRICED, size=(6, 4), decimals=2),
    figure("Candidates and repeats", "USD in the time shown that went to others than the incumbent, or to asking it again: what knowing costs. A canary's answers are in it too.", USD,
           Query(summed(f"increase({series(SPEND, WORKFLOW, OTHERS)}[$__range])"), "USD", instant=True), empty=UNPRICED,
           size=(6, 4), decimals=2),
    figure("A month at this pace", "USD in 30 days at the pace of the time shown.", USD,
           Query(f"30 * 86400 * {summed(f'rate({series(SPEND, WORKFLOW)}[$__range])')}", "USD", instant=True), empty=UNPRICED, size=(6, 4), decimals=0),
    figure("Without a price", "Share of answers that may have cost something, nobody knows what: their price or usage is unknown.", RATE,
           Query(share(series("unpriced_calls_total"), series(CALLS)), "unpriced"), empty="No calls in this time", size=(6, 4), decimals=1,
           steps=((None, "green"), (0.01, "orange"))),
])  # fmt: skip

_CALL = Row("One call: incumbent beside candidates", [
    _by_call("USD per answer", f"Spend by the number of answers. It is the tokens below times the price below. {REPLAYED}", USD, SPEND, size=(12, 9)),
    lines("Effective price", "USD per million tokens of all kinds, cached and not. It moves with the price list, and with the mixture of kinds.", USD,
          beside(lambda who: f"1e6 * {per(series(SPEND, WORKFLOW, who), series(TOKENS, WORKFLOW, who), WHO)}"), empty=UNPRICED, arms=True, size=(12, 9)),
    _by_call("Tokens in, per answer", f"What was read, cached or not, by the number of answers. {REPLAYED}", COUNT, TOKENS, IN),
    _by_call("Tokens out, per answer", f"What was written, reasoning included, by the number of answers. {REPLAYED}", COUNT, TOKENS, OUT),
    _by_call("Reasoning tokens, per answer", f"What was written and not shown, by the number of answers. {REPLAYED}", COUNT, TOKENS, 'kind="reasoning"'),
    lines("Cached share of tokens in", "Share of what was read that came out of the provider's cache, at its lower price. Shadow calls warm caches of their own.", RATE,
          beside(lambda who: share(series(TOKENS, WORKFLOW, who, 'kind="cached_input"'), series(TOKENS, WORKFLOW, who, IN), WHO)), empty=NO_USAGE,
          arms=True),
    lines("Answers for each call that was sent", "1: no leg was tried twice. Above: attempts that were repeated, each of which costs.", "none",
          [Query(per(series(CALLS, ROUTE, TARGET, UNSEEN), series("mirror_total", TARGET, 'decision="sent"'), "target"), "{{target}}")],
          empty="Nothing is mirrored"),
])  # fmt: skip

_PLACES = Row("Where it goes", [
    lines("Spend an hour by workflow", "USD an hour by workflow and role, where the price is known.", USD,
          beside(lambda who: per_h(series(SPEND, WORKFLOW, who), "workflow, role, target"), "{{workflow}}: {{role}} {{target}}"),
          empty=UNPRICED, arms=True),
    lines("Tokens each second by kind", "Tokens each second in kinds that do not overlap, all roles together.", COUNT,
          [Query(per_s(series(TOKENS, WORKFLOW), "kind"), "{{kind}}")], empty=NO_USAGE, stacked=True),
    lines("Callers' retries", "Calls each hour that are a client asking again: paid again at the incumbent, not mirrored again.", COUNT,
          [Query(per_h(series("mirror_total", TARGET, 'decision="retry_of"'), "target"), "not mirrored to {{target}}")],
          empty="No caller repeated a call since the recorder started"),
    lines("Answers without a price", "Answers each hour whose price or usage is unknown; the spend does not hold them.", COUNT,
          beside(lambda who: per_h(series("unpriced_calls_total", who), WHO)), empty="Every answer so far has a price", arms=True),
])  # fmt: skip

BOARD = Board(
    "cost", "Cost", "A call's price taken apart: tokens in and out, what was cached, what a token costs, how often it was asked.",
    ("route", "workflow", "target"), (_GLANCE, _CALL, _PLACES), since="now-24h",
)  # fmt: skip

"""Cost: a call's price taken apart into tokens in, tokens out, what was cached, what a token costs, and how often it was asked."""

from grafana.board import Board, Row
from grafana.panels import COUNT, RATE, USD, Made, figure, lines
from grafana.queries import (
    INCUMBENT,
    OTHERS,
    ROUTE,
    TARGET,
    UNSEEN,
    WHO,
    WORKFLOW,
    Query,
    beside,
    per,
    per_h,
    per_of_all,
    per_s,
    series,
    share,
    summed,
)

CALLS, TOKENS, SPEND, PARTS = "calls_total", "tokens_total", "spend_usd_total", "spend_part_usd_total"
READ, WRITTEN = "input|cached_input|cache_write", "output|reasoning"
IN, OUT = f'kind=~"{READ}"', f'kind=~"{WRITTEN}"'
FOR_IN, FOR_OUT = f'part=~"{READ}"', f'part=~"{WRITTEN}"'
UNPRICED = "No priced answer yet: set `price` on the target, or a `provider` whose list is known"
NO_USAGE = "No answer said what it used"
REPLAYED = "A replay's answers are in the spend and not among the calls, so it reads too high while one runs."


def _by_call(title: str, help_text: str, unit: str, name: str, *kinds: str, size: tuple[int, int] = (8, 8)) -> Made:
    made = beside(lambda who: per(series(name, WORKFLOW, who, *kinds), series(CALLS, WORKFLOW, who), WHO))
    return lines(title, help_text, unit, made, empty=UNPRICED if name in (SPEND, PARTS) else NO_USAGE, arms=True, size=size)


def _split(title: str, help_text: str, who: str) -> Made:
    made = per_of_all(series(PARTS, WORKFLOW, who), series(CALLS, WORKFLOW, who), "part")
    return lines(title, help_text, USD, [Query(made, "{{part}}")], empty=UNPRICED, stacked=True)


def _price(title: str, help_text: str, part: str, kind: str) -> Made:
    """USD per million tokens of one kind."""
    made = beside(lambda who: f"1e6 * {per(series(PARTS, WORKFLOW, who, part), series(TOKENS, WORKFLOW, who, kind), WHO)}")
    return lines(title, help_text, USD, made, empty=UNPRICED, arms=True, size=(8, 8))


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
    _split("What an answer's USD are for: incumbent", f"USD by the number of answers, by the kind of token they pay for. The whole height is what an answer costs. {REPLAYED}",
           INCUMBENT),
    _split("What an answer's USD are for: chosen targets", "The same of the chosen targets, all together: choose one to see it alone.", OTHERS),
    _by_call("USD for tokens in, per answer", f"What was paid for reading, cached or not, by the number of answers. {REPLAYED}", USD, PARTS, FOR_IN,
             size=(12, 8)),
    _by_call("USD for tokens out, per answer", f"What was paid for writing, reasoning included, by the number of answers. {REPLAYED}", USD, PARTS, FOR_OUT,
             size=(12, 8)),
    _by_call("Tokens in, per answer", f"What was read, cached or not, by the number of answers. {REPLAYED}", COUNT, TOKENS, IN),
    _by_call("Tokens out, per answer", f"What was written, reasoning included, by the number of answers. {REPLAYED}", COUNT, TOKENS, OUT),
    _by_call("Reasoning tokens, per answer", f"What was written and not shown, by the number of answers. {REPLAYED}", COUNT, TOKENS, 'kind="reasoning"'),
    lines("Cached share of tokens in", "Share of what was read that came out of the provider's cache, at its lower price. Shadow calls warm caches of their own.", RATE,
          beside(lambda who: share(series(TOKENS, WORKFLOW, who, 'kind="cached_input"'), series(TOKENS, WORKFLOW, who, IN), WHO)), empty=NO_USAGE,
          arms=True, size=(8, 8)),
    _price("Price of tokens in", "USD per million tokens read. It falls as more of them come out of the provider's cache, and moves with the price list.", FOR_IN, IN),
    _price("Price of tokens out", "USD per million tokens written, reasoning included. It moves with the price list, and with the models that answered.", FOR_OUT, OUT),
    lines("Answers for each call that was sent", "1: no leg was tried twice. Above: attempts that were repeated, each of which costs.", "none",
          [Query(per(series(CALLS, ROUTE, TARGET, UNSEEN), series("mirror_total", TARGET, 'decision="sent"'), "target"), "{{target}}")],
          empty="Nothing is mirrored", size=(24, 6)),
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

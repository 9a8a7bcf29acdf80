"""Canary: who answers how much, what the guard sees, both arms side by side, and when somebody changed something."""

from grafana.board import Board, Mark, Row
from grafana.boards.overview import VERDICTS, VERDICTS_NOW
from grafana.panels import COUNT, RATE, TIME, USD, Made, figure, lines, readings, rows, states
from grafana.queries import (
    FAILED,
    INCUMBENT,
    REFUSED,
    ROUTE,
    SEEN,
    SPOILT,
    TARGET,
    WHO,
    Query,
    latest,
    per_h,
    per_s,
    quantile,
    series,
    share,
)

CALLS = "calls_total"
IDLE = "No rollout is configured, or the recorder is not scraped"
NO_GUARD = "The guard has said nothing yet: no rollout is under way"
NO_CALLS = "No calls in this time"
STATES = (("idle", "text"), ("running", "green"), ("paused", "yellow"), ("rolled_back", "red"), ("finished", "blue"))
CANDIDATE = f'role="candidate",{TARGET}'


def _state() -> str:
    """The number of the state that a route's rollout is in, by replica of ours."""
    named = ((number, series("rollout_state", ROUTE, f'state="{name}"')) for number, (name, _) in enumerate(STATES))
    return " or ".join(f"{number} * (max by (route, instance) ({state}) == 1)" for number, state in named)


def _entered(state: str) -> str:
    """Above 0 just after a rollout got into one of these states."""
    found = series("rollout_state", ROUTE, state)
    return f"({found} == 1) and changes({found}[$__rate_interval]) > 0"


def _reading(limits: str) -> Query:
    found = latest("rollout_reading", "route, limit, segment, of", ROUTE, f'limit=~"{limits}"')
    return Query(f'label_replace({found}, "segment", "all calls", "segment", "")', "{{route}} {{limit}}, {{segment}}: {{of}}")


def _arms(make: str, *outcome: str) -> tuple[Query, Query]:
    """Both arms as clients see them, the incumbent first."""
    arms = [(series(make, ROUTE, SEEN, who, *outcome), series(make, ROUTE, SEEN, who)) for who in (INCUMBENT, CANDIDATE)]
    incumbent, candidate = (Query(share(part, whole, WHO), "{{role}} {{target}}") for part, whole in arms)
    return incumbent, candidate


def _timed(q: float, name: str) -> tuple[Query, Query]:
    incumbent, candidate = (Query(quantile(q, name, WHO, ROUTE, SEEN, who), "{{role}} {{target}}") for who in (INCUMBENT, CANDIDATE))
    return incumbent, candidate


_STANDING = Row("Where it stands", [
    figure("Share", "Share of a route's calls that its candidate answers, as it was last set. A silent guard makes it 0 whatever this says.", RATE,
           Query(latest("rollout_share", "route, target", ROUTE, TARGET), "{{route}}: {{target}}", instant=True), empty=IDLE, names=True, size=(6, 5)),
    figure("Really answered", "Share of the calls clients got an answer to that the candidate answered.", RATE,
           Query(share(series(CALLS, ROUTE, SEEN, CANDIDATE), series(CALLS, ROUTE, SEEN), "route"), "{{route}}"), empty=NO_CALLS, names=True,
           size=(6, 5), decimals=1),
    figure("Guard heard", "Seconds since the guard last said that it watches. Past guard_fresh_s (10 s) the incumbent answers everything.", TIME,
           Query(f"time() - {latest('rollout_guard_at_seconds', 'route', ROUTE)}", "{{route}}", instant=True), empty=NO_GUARD, names=True,
           steps=((None, "green"), (5, "orange"), (10, "red")), size=(6, 5), decimals=0),
    figure("Time to decision", "Hours to the end of this step at the traffic of the last hour.", "h",
           Query(f"{latest('rollout_hours_left', 'route', ROUTE)} >= 0", "{{route}}", instant=True), empty="The guard cannot say yet, or no rollout is under way", names=True, size=(6, 5), decimals=1),
    states("State", "What each rollout was doing when. Red: taken back, all calls go to the incumbent. Blue: finished, all calls go to the candidate.",
           STATES, Query(_state(), "{{route}} at {{instance}}"), empty=IDLE, size=(12, 7)),
    lines("Share over time", "The share that was set beside the share of calls that the candidate really answered.", RATE,
          [Query(latest("rollout_share", "route, target, instance", ROUTE, TARGET), "set: {{route}} to {{target}} at {{instance}}"),
           Query(share(series(CALLS, ROUTE, SEEN, CANDIDATE), series(CALLS, ROUTE, SEEN), "route"), "answered: {{route}}")], empty=IDLE, size=(12, 7)),
])  # fmt: skip

_LIMITS = Row("The guard: limits, and evidence against the candidate", [
    readings("Limits on rates", "The candidate's rates over the guard's window beside the limit: above the dashed line it is taken back. A gap: too few calls to say.",
             RATE, _reading(".*_rate"), empty=NO_GUARD),
    readings("Limits on times", "The candidate's p95 over the guard's window beside the limit. A gap: too few calls to say.", TIME, _reading(".*_s"),
             empty=NO_GUARD),
    readings("Limits on cost", "The candidate's USD per call over the guard's window beside the limit. A gap: too few calls to say.", USD,
             _reading("usd_.*"), empty="No limit on cost is configured, or the guard has said nothing yet"),
    lines("Evidence", "How far each always-valid test is on its way to a rollback, on a logarithmic scale: at 1 the candidate is taken back. 0: nothing speaks against it.",
          "none", [Query(latest("rollout_evidence", "route, test", ROUTE), "{{route}} {{test}}")], empty=NO_GUARD, line_at=1.0,
          size=(16, 8)),
    rows("Verdicts", "What scoring says of each criterion now; the guard takes back for REGRESSED guards, and promotion waits for the rest.",
         ("workflow", "criterion", "target", "verdict"),
         VERDICTS_NOW,
         empty="Nothing is scored: no workflow has a rubric, or no pair is complete", size=(8, 8), colors=("verdict", VERDICTS)),
])  # fmt: skip


def _beside(title: str, help_text: str, unit: str, queries: tuple[Query, Query]) -> Made:
    return lines(title, help_text, unit, queries, empty=NO_CALLS, arms=True, canary=True, size=(8, 8))


_BOTH = Row("Both arms, as clients see them", [
    _beside("Failed", "Share of the answers clients got that are an error, broke off, or came too late. What the candidate failed before its first byte is a fallback, below: no client saw it.", RATE, _arms(CALLS, FAILED)),
    _beside("Refused", "Share of the answers clients got that refuse or were filtered.", RATE, _arms(CALLS, REFUSED)),
    _beside("Truncated or malformed", "Share of the answers clients got that stop short, or are no sound answer.", RATE, _arms(CALLS, SPOILT)),
    _beside("Whole answer, p95", "19 of 20 answers are over by then.", TIME, _timed(0.95, "latency_seconds")),
    _beside("First content, p95", "19 of 20 answers have begun by then.", TIME, _timed(0.95, "ttft_seconds")),
    lines("Answers each second", "How many answers each arm gives that clients get, and how many the incumbent gives unseen (reverse shadow).", "reqps",
          [Query(per_s(series(CALLS, ROUTE, SEEN, INCUMBENT), "role, target"), "{{role}} {{target}}"),
           Query(per_s(series(CALLS, ROUTE, SEEN, CANDIDATE), "role, target"), "{{role}} {{target}}"),
           Query(per_s(series(CALLS, ROUTE, 'seen="false"', INCUMBENT), "role, target"), "reverse shadow: {{target}}")],
          empty=NO_CALLS, arms=True, canary=True, size=(8, 8)),
])  # fmt: skip

_APART = Row("Calls that went to the incumbent all the same", [
    lines("Stayed", "Calls each hour that were not drawn at all, by why only the incumbent can take them.", COUNT,
          [Query(per_h(series("rollout_stayed_total", ROUTE), "route, reason"), "{{route}}: {{reason}}")],
          empty="No call stayed apart since the recorder started", stacked=True),
    lines("Fallbacks", "Calls each hour that the candidate should have answered and the incumbent did, by why. Clients saw no error.", COUNT,
          [Query(per_h(series("rollout_fallbacks_total", ROUTE, TARGET), "route, target, reason"), "{{route}} {{target}}: {{reason}}")],
          empty="No fallback since the recorder started", stacked=True),
])  # fmt: skip

BOARD = Board(
    "canary", "Canary", "Who answers how much, what the guard sees, and when somebody or something changed it.", ("route", "workflow", "target"),
    (_STANDING, _LIMITS, _BOTH, _APART),
    (
        Mark("Share changed", f"changes({series('rollout_share', ROUTE, TARGET)}[$__rate_interval]) > 0", "{{route}}: share of {{target}} changed", "blue"),
        Mark("State changed", _entered('state!="rolled_back"'), "{{route}}: {{state}}", "yellow"),
        Mark("Rolled back", _entered('state="rolled_back"'), "{{route}}: taken back", "red"),
    ),
    since="now-3h",
)  # fmt: skip

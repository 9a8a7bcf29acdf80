"""What a rollout would do, in words: who gets which calls by whose key, what stays with the incumbent, and what asking it in reverse costs.

Law: pure; what is recorded of the route's traffic is an argument, and without any it is said to be unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.addresses import is_loopback_url
from proxy.config import Config, Rollout, Target
from proxy.keys import has_own, opened_by_caller
from proxy.rollout.state import percent

CALLS_MAX = 20_000
WEEKS = 4
STAY_WARNS = 0.1
"""So large a part of a route's calls that no share can reach it should be known before the switch begins."""
REMEDY = {
    "creates_state": "the provider keeps their answers: have the application say `store: false`, or set allow_stored if it never "
    "continues or fetches them",
    "side_effects": "they continue state or have the provider run something, which only the incumbent can",
    "unportable": "they name what only the incumbent has: files, signatures, prompts by id",
    "too_large": "longer than server.capture_max_bytes (raise it), folded and over 1 MB, or of more parts than a worker reads meanwhile",
    "unreadable": "nothing can read them",
    "unknown": "their bodies are not kept, so nobody can say",
}
STAYS_SQL = """
WITH recent AS (
    SELECT call_id, dialect, request FROM calls
    WHERE run_id IS NULL AND route = $1 AND arrived_at > (now() AT TIME ZONE 'UTC') - $2 * INTERVAL 7 DAY
    ORDER BY arrived_at DESC LIMIT $3
),
mirrored AS (
    SELECT call_id, min(decision) AS decision FROM mirror_decisions
    WHERE run_id IS NULL AND call_id IN (SELECT call_id FROM recent)
      AND decision IN ('side_effects', 'unportable', 'too_large', 'unreadable')
    GROUP BY call_id
)
SELECT CASE
         WHEN decision IN ('too_large', 'unreadable') THEN decision
         WHEN $4 THEN decision
         WHEN dialect IN ('openai.responses', 'gemini.interactions') AND request IS NULL THEN 'unknown'
         WHEN dialect IN ('openai.responses', 'gemini.interactions')
              AND coalesce(json_extract_string(request, '$.store'), '') <> 'false' THEN 'creates_state'
         WHEN dialect = 'openai.chat' AND json_extract_string(request, '$.store') = 'true' THEN 'creates_state'
         ELSE decision
       END AS stays, count(*)
FROM recent LEFT JOIN mirrored USING (call_id) GROUP BY stays
"""
USD_A_DAY = """CASE WHEN max(started_at) - min(started_at) >= INTERVAL 1 DAY
     THEN CAST(sum(cost_usd) AS DOUBLE) / (epoch(max(started_at) - min(started_at)) / 86400) END"""
"""Of exchanges; NULL: there is less than a day of them, or no price."""
DAY_SQL = f"""
SELECT {USD_A_DAY}
FROM exchanges AS e JOIN calls AS c ON c.call_id = e.call_id
WHERE e.seen AND e.run_id IS NULL AND e.target = $1 AND c.route = $2
  AND c.arrived_at > (now() AT TIME ZONE 'UTC') - $3 * INTERVAL 7 DAY
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a route's traffic of the last weeks says about a switch."""

    calls: int
    stays: Mapping[str, int]
    """Calls that would stay with the incumbent, by reason."""
    usd_per_day: float | None
    """What the incumbent's answers cost; None: no price is known, or less than a day was recorded."""


Fact = tuple[str, bool]
"""A sentence, and whether a person should look at it."""


def facts(config: Config, rollout: Rollout, recorded: Recorded | None) -> list[Fact]:
    incumbent = next(route.incumbent for route in config.routes if route.name == rollout.route)
    found = [_who(config, rollout, incumbent), _what_stays(config, rollout, incumbent)]
    if recorded is not None and recorded.calls:
        found.append(_measured(rollout, incumbent, recorded))
    return [*found, _reverse(config, rollout, incumbent, recorded)]


def _who(config: Config, rollout: Rollout, incumbent: str) -> Fact:
    steps = ", ".join(f"{100 * step:.4g}" for step in rollout.steps)
    key, open_ = key_in_words(config.targets[rollout.candidate], config.targets[incumbent])
    return f"{rollout.name}: {steps} % of route {rollout.route} to {rollout.candidate}, {key}", open_


def key_in_words(candidate: Target, incumbent: Target) -> Fact:
    """By whose key a canary is asked; a door that nothing opens is worth a look, away from loopback."""
    if has_own(candidate):
        return "with its own key", False
    if opened_by_caller(candidate, incumbent):
        return "with the caller's own key (same origin)", False
    return "with no credentials: the caller's key goes to the incumbent alone", not is_loopback_url(candidate.url)


def _what_stays(config: Config, rollout: Rollout, incumbent: str) -> Fact:
    kept = [] if rollout.allow_stored else ["whose answers the provider keeps (no `store: false`)"]
    why = [*kept, "that continue state there or have it run tools", "that name its files or prompts", "that cannot be read"]
    size = f"longer than {config.server.capture_max_bytes} bytes"
    return (
        f"{rollout.name}: with {incumbent} stay calls {', '.join(why)} or are {size}; and all of them while the guard is silent for "
        f"{rollout.guard_fresh_s:g} s"
    ), False


def _measured(rollout: Rollout, incumbent: str, recorded: Recorded) -> Fact:
    total = sum(recorded.stays.values())
    head = (
        f"{rollout.name}: of the last {recorded.calls} calls within {WEEKS} weeks {total / recorded.calls:.0%} would stay with {incumbent}"
    )
    causes = sorted(recorded.stays.items(), key=lambda each: -each[1])
    told = "; ".join(f"{count / recorded.calls:.1%} {why} ({REMEDY.get(why, why)})" for why, count in causes)
    return (f"{head}: {told}" if told else head), total / recorded.calls >= STAY_WARNS


def _reverse(config: Config, rollout: Rollout, incumbent: str, recorded: Recorded | None) -> Fact:
    target = config.targets[incumbent]
    if not rollout.reverse_shadow:
        return f"{rollout.name}: {incumbent} is not asked in reverse (reverse_shadow = 0): there will be no pairs", True
    own = has_own(target)
    head = f"{rollout.name}: {rollout.reverse_shadow:.0%} of the canary's calls once more to {incumbent}, unseen, {target.send} text"
    key = "" if own else ", with no credentials"
    cap = target.limit_usd_per_day
    usd = recorded.usd_per_day if recorded else None
    if usd is None:
        return f"{head}{key}; its cost is unknown until a day of priced traffic is recorded", not own and not is_loopback_url(target.url)
    most = usd * rollout.reverse_shadow * rollout.steps[-1]
    first = usd * rollout.reverse_shadow * rollout.steps[0]
    short = cap is not None and most > cap
    held = "" if cap is None else f", held to {cap:g} by {incumbent}'s budget" + (": beyond it pairs are missing" if short else "")
    cost = f"about {first:.2f} USD a day at {percent(rollout.steps[0])}, {most:.2f} at {percent(rollout.steps[-1])}{held}"
    return f"{head}{key}; {cost}", short or (not own and not is_loopback_url(target.url))

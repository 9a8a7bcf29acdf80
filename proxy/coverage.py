"""Which family a decision's reason belongs to, so that "x % of the traffic cannot be mirrored, because ..." can be added up.

Law: the families are a closed set, whatever a call held: what no rule knows is its decision's own family. Pure, and nothing raises.
"""

import re

from proxy.exchange import DecisionName

MIRRORED = "mirrored"
_TOOLS = (
    ("code_interpreter", "code_execution", "codeexecution"),
    ("web_search", "browser_search", "googlesearch", "google_search", "googlemaps", "google_maps", "enterprise"),
    ("web_fetch", "urlcontext", "url_context"),
    ("file_search", "filesearch", "retrieval"),
    ("shell", "local_shell", "bash"),
    *((name,) for name in ("computer", "mcp", "memory", "image_generation", "apply_patch", "tool_search", "text_editor", "connectors")),
)
"""Kinds of tools that providers run or define, each under its first name; a kind may carry a date or a suffix."""
_STATE = (
    "previous_response_id",
    "previous_interaction_id",
    "agent",
    "guardrail",
    "conversation",
    "container",
    "mcp_servers",
    "fallback_credit_token",
    "thread_id",
    "background",
)
_RULES: tuple[tuple[str, str], ...] = (
    *((rf"{name}\b", name) for name in _STATE),
    (r"method ", "not a POST"),
    (r"x-understudy-shadow", "a mirrored call of our own"),
    (r"(?:n|candidateCount|best_of)=", "n>1"),
    (r"several prompts", "several prompts in one call"),
    (r"loads a model", "asks nothing"),
    (r"audio or image output", "audio or image output"),
    (r"embeddings", "embeddings"),
    (r"dialect ", "a dialect without a rule"),
    (r"model .* searches the web|web_search_options|search_parameters|plugins", "tool web_search"),
    (r".* by UR[LI]", "an input by URL"),
    (r"file_id|audio id", "file_id"),
    (r"prompt id", "prompt id"),
    (r"cachedContent", "cachedContent"),
    (r"encrypted reasoning|thinking signature", "reasoning of the incumbent"),
    (r"input |content ", "content of an unknown kind"),
    (r".*translat", "a translation that is not possible"),
    (r".*[Ss]ig[Vv]4|.*signed", "a signed request"),
    (r"the upload broke off", "the upload broke off"),
    (r"no body", "no body"),
    (r"rate ", "rate"),
    (r"share ", "share"),
    (r"journal lag", "journal lag"),
    (r"adapter: ", "the candidate rejects a parameter"),
    (r"an answer longer than", "the candidate's answers do not end"),
)
_BY_DECISION: dict[DecisionName, str] = {
    "sent": MIRRORED, "served": MIRRORED, "sampled_out": "share", "side_effects": "another side effect",
    "not_comparable": "not comparable otherwise", "unportable": "unportable otherwise", "too_large": "larger than the capture bound",
    "over_budget": "the day's budget", "rate_limited": "the provider's quota", "shed": "no room", "stale": "too late",
    "breaker_open": "the candidate does not answer", "retry_of": "a client's retry", "unreadable": "unreadable",
    "no_candidate": "no candidate",
}  # fmt: skip
_WHOLE: frozenset[str] = frozenset(("sent", "served", "too_large", "over_budget", "rate_limited", "stale", "retry_of", "no_candidate"))
"""Decisions whose reasons hold only figures."""
_MATCHERS = tuple((re.compile(pattern), family) for pattern, family in _RULES)
UNKNOWN_TOOL = "tool of another kind"
FAMILIES: frozenset[str] = frozenset(
    (*_BY_DECISION.values(), *(family for _, family in _RULES), *(f"tool {names[0]}" for names in _TOOLS), UNKNOWN_TOOL)
)


def family_of(decision: DecisionName, reason: str) -> str:
    """One of `FAMILIES`: `tool code_interpreter`, `previous_response_id`, `n>1`, `journal lag`, ..."""
    own = _BY_DECISION.get(decision, "unreadable")
    if decision in _WHOLE:
        return own
    if reason.startswith("tool "):
        return _tool(reason[5:].lower())
    return next((family for matcher, family in _MATCHERS if matcher.match(reason)), own)


def _tool(kind: str) -> str:
    return next((f"tool {names[0]}" for names in _TOOLS if kind.startswith(names)), UNKNOWN_TOOL)

"""What is decided of the legs of a drawn call before anything else is looked at. Pure.

Law: an answer that the client got is `served`, one that the worker asked for in vain is `sent`, and nobody asks for either again. Shadow
and recorder say it by the same words, so that it does not matter which of them comes first.
"""

from proxy.events import Drawn
from proxy.exchange import DecisionName
from proxy.rollout.state import percent

NO_REPEAT = "canary: the client has no answer of the incumbent's to compare a second one with"


def of_candidate(drawn: Drawn) -> tuple[DecisionName, str]:
    """The decision, and why, of the candidate's leg of a call that it was drawn for."""
    if drawn.fallback:
        return "sent", f"canary: fell back: {drawn.fallback}"
    return "served", f"canary {drawn.rollout} at {percent(drawn.share)}"

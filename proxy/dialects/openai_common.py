"""What OpenAI's dialects share: how tokens are counted, and which error codes are refusals in disguise.

Sources: OpenAI API reference (completion usage; error codes), Azure OpenAI content filtering (error `content_filter`, `innererror`).
"""

from proxy.dialects.draft import Draft
from proxy.dialects.reading import Document, as_count, as_document, as_text
from proxy.exchange import Refusal, Usage

REFUSING_CODES = frozenset(
    ("content_filter", "content_policy_violation", "bio_policy", "invalid_prompt", "image_content_policy_violation")
)  # fmt: skip


def chat_usage(found: Document) -> Usage | None:
    """`prompt_tokens` holds what was cached, `completion_tokens` holds reasoning; DeepSeek and Moonshot name the cache at the top."""
    read = as_document(found.get("prompt_tokens_details"))
    said = (read.get("cached_tokens"), found.get("prompt_cache_hit_tokens"), found.get("cached_tokens"))
    cached = next((count for count in map(as_count, said) if count is not None), None)
    return _disjoint(found, "prompt_tokens", "completion_tokens", cached, read, as_document(found.get("completion_tokens_details")))


def responses_usage(found: Document) -> Usage | None:
    read = as_document(found.get("input_tokens_details"))
    written = as_document(found.get("output_tokens_details"))
    return _disjoint(found, "input_tokens", "output_tokens", as_count(read.get("cached_tokens")), read, written)


def _disjoint(found: Document, prompt: str, completion: str, cached: int | None, read: Document, written: Document) -> Usage | None:
    taken, given = as_count(found.get(prompt)), as_count(found.get(completion))
    reasoning = as_count(written.get("reasoning_tokens"))
    if taken is None and given is None:
        return None
    stored = as_count(read.get("cache_write_tokens"))
    cache = (cached or 0) + (stored or 0)
    if given is not None and reasoning is not None and not _reasons_apart(found, taken or 0, given, reasoning):
        reasoning = min(reasoning, given)  # OpenRouter counts with two tokenizers
        given -= reasoning
    return Usage(
        # More from the cache than in all means that this server counts them apart.
        input_tokens=taken if taken is None or cache > taken else taken - cache,
        cached_input_tokens=cached,
        cache_write_tokens=stored,
        output_tokens=given,
        reasoning_tokens=reasoning,
    )


def _reasons_apart(found: Document, taken: int, given: int, reasoning: int) -> bool:
    """xAI leaves reasoning out of `completion_tokens`: the total gives it away, or, without one, more thought than was said."""
    total = as_count(found.get("total_tokens"))
    return reasoning > given if total is None else reasoning > 0 and total == taken + given + reasoning


def refused_by(draft: Draft, error: object) -> None:
    """A content policy that speaks through an error is still a refusal of the input."""
    found = as_document(error)
    code = as_text(found.get("code"))
    if code in REFUSING_CODES and draft.filtered is None:
        inner = as_document(found.get("innererror"))
        named = filtered_categories(inner.get("content_filter_result") or inner.get("content_filter_results"))
        draft.filtered = Refusal(kind="filtered_input", reason=named or code)


def filtered_categories(results: object) -> str:
    """Azure's categories that did filter, as words."""
    return ", ".join(name for name, result in as_document(results).items() if as_document(result).get("filtered") is True)


def fail(draft: Draft, error: object) -> None:
    """An error inside a 200."""
    draft.fail(error)
    refused_by(draft, error)


def user_of(request: Document) -> str | None:
    return (
        as_text(request.get("safety_identifier"))
        or as_text(request.get("user"))
        or as_text(as_document(request.get("metadata")).get("user_id"))
        or None
    )

"""Which conversation and which workflow a call belongs to. Pure: the hints of its headers, its path and its prompt decide, in this order.

Law: never a guess from an answer and never a random number: the worker's canary, the shadow's sampling and the recorder's rows must all
come to the same key for the same call.
"""

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatchcase

from proxy.config import Match, Workflow
from proxy.exchange import Prompt

DEFAULT_WORKFLOW = "default"


def conversation_of(hint: str | None, prompt: Prompt | None, call_id: str) -> str:
    """The header's word, else the body's own key, else a hash of everything through the first user message, else the call itself."""
    if hint:
        return hint
    if prompt is None:
        return call_id
    return prompt.conversation or _hash(prompt) or call_id


def _hash(prompt: Prompt) -> str | None:
    """Later turns repeat the first ones, so they hash alike. A prompt without a user's message (embeddings) is its own."""
    first = prompt.first_user_text
    if not first and not prompt.prompt_text:
        return None
    # one after the other: together they would be a copy, and these are the longest texts there are
    digest = hashlib.blake2b((f"{prompt.system_text}\0" if first else prompt.prompt_text).encode("utf-8", "replace"), digest_size=16)
    digest.update(first.encode("utf-8", "replace"))
    return digest.hexdigest()


def workflow_of(workflows: Iterable[Workflow], hint: str | None, path: str, prompt: Prompt | None) -> str:
    """The first workflow whose every condition holds; else the one that the hint names; else `default`."""
    known = list(workflows)
    found = next((each.name for each in known if _matches(each.match, hint, path, prompt)), None)
    return found or next((each.name for each in known if each.name == hint), DEFAULT_WORKFLOW)


def _matches(match: Match, hint: str | None, path: str, prompt: Prompt | None) -> bool:
    """A match without conditions holds for nothing: such a workflow is chosen by name."""
    model, system = (prompt.model or "", prompt.system_text) if prompt else ("", "")
    conditions = (
        (match.header, match.header == hint),
        (match.path, fnmatchcase(path.partition("?")[0], match.path)),
        (match.model, fnmatchcase(model, match.model)),
        (match.system_contains, match.system_contains in system),
    )
    asked = [holds for condition, holds in conditions if condition]
    return bool(asked) and all(asked)

"""The dialects we can read, in one list. A new one is a file here and a line below; order matters only where two would recognise a path."""

from proxy.dialects import (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere_chat,
    gemini_generate,
    gemini_interactions,
    ollama,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_moderations,
    openai_responses,
    rerank,
)
from proxy.dialects.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (
    openai_chat.DIALECT,
    openai_responses.DIALECT,
    openai_completions.DIALECT,
    openai_embeddings.DIALECT,
    openai_moderations.DIALECT,
    anthropic_messages.DIALECT,
    gemini_generate.DIALECT,
    gemini_interactions.DIALECT,
    bedrock_converse.DIALECT,
    bedrock_invoke.DIALECT,
    cohere_chat.DIALECT,
    ollama.DIALECT,
    rerank.DIALECT,
)
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


def dialect_of(method: str, path: str) -> Dialect | None:
    """The dialect whose answering endpoint this is, or None: such a request passes and is only counted.

    `path` is the raw target with the route's prefix removed; a query is ignored.
    """
    if method != "POST":
        return None
    bare = path.partition("?")[0]
    return next((dialect for dialect in DIALECTS if dialect.recognises(bare)), None)

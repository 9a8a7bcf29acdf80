"""What in Bedrock's, Cohere's and Ollama's calls must not be asked again elsewhere."""

from proxy.dialects.reading import Document, as_document, as_documents, as_list, as_text
from proxy.eligibility import anthropic, openai
from proxy.eligibility.marks import Found, Reach, bound, by_url, effect, incomparable

_CONVERSE = frozenset(
    ("text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint", "reasoningContent",
     "citationsContent", "searchResult", "json")
)  # fmt: skip


def converse(body: Document, reach: Reach) -> Found:
    """A guardrail, a stored prompt and what lies in S3 belong to one AWS account; system tools run at Amazon's."""
    if reach == "elsewhere":
        if as_document(body.get("guardrailConfig")):
            yield bound("guardrail")
        if as_document(body.get("promptVariables")):
            yield bound("prompt id")
    for tool in as_documents(as_document(body.get("toolConfig")).get("tools")):
        if name := as_text(as_document(tool.get("systemTool")).get("name")):
            yield effect(f"tool {name[:60]}")
    for message in [*as_documents(body.get("messages")), Document(content=body.get("system"))]:
        for block in as_documents(message.get("content")):
            yield from _block(block, reach)
            for inner in as_documents(as_document(block.get("toolResult")).get("content")):
                yield from _block(inner, reach)


def _block(block: Document, reach: Reach) -> Found:
    if "reasoningContent" in block and as_document(block["reasoningContent"]) and reach != "model":
        yield bound("thinking signature")
    for kind in ("image", "document", "video", "audio"):
        if (
            kind in block
            and reach == "elsewhere"
            and as_document(as_document(as_document(block.get(kind)).get("source")).get("s3Location"))
        ):
            yield bound(f"{kind} by URI")
    unknown = next((name for name in block if name not in _CONVERSE), None)
    if unknown is not None and reach != "model":
        yield bound(f"content {unknown[:60]}")


def invoke(body: Document, reach: Reach) -> Found:
    """The body is its maker's: Anthropic's messages are looked at as such, the small ones hold a prompt and settings."""
    if "anthropic_version" in body:
        yield from anthropic.messages(body, reach)
    elif "inferenceConfig" in body or "schemaVersion" in body:
        yield from converse(body, reach)
    elif "messages" in body:
        yield from openai.chat(body, reach)


def cohere(body: Document, reach: Reach) -> Found:
    """Connectors search at Cohere's; documents come with the call."""
    if as_list(body.get("connectors")):
        yield incomparable("tool connectors")
    if body.get("conversation_id"):
        yield effect("conversation")
    yield from openai.chat(body, reach)


def ollama(body: Document, reach: Reach) -> Found:
    """`context` is a model's own tokens; a call that only loads or unloads a model is no question."""
    if as_list(body.get("context")) and reach != "model":
        yield bound("content context")
    if not as_documents(body.get("messages")) and not as_text(body.get("prompt")):
        yield effect("loads a model")


def rerank(body: Document, reach: Reach) -> Found:
    for document in as_documents(body.get("documents")):
        yield from by_url(document.get("image") or document.get("url"), "document")

"""Amazon Bedrock InvokeModel: each model family in the shape of its maker, inside AWS's path and frames.

Which maker's shape it is, the document itself tells. Sources: Bedrock user guide, "Inference request parameters and response fields".
"""

import base64
import binascii

from msgspec.structs import replace

from proxy.dialects import anthropic_messages, bedrock_converse, openai_chat
from proxy.dialects.bedrock_converse import model_in
from proxy.dialects.dialect import Dialect
from proxy.dialects.draft import Draft
from proxy.dialects.grammar import Grammar, read
from proxy.dialects.openai_common import chat_usage
from proxy.dialects.reading import Document, as_count, as_document, as_documents, as_text, is_document, read_json
from proxy.dialects.script import Script
from proxy.exchange import Answer, FinishClass, Prompt, Refusal, Unreadable, Usage

CLASSES: dict[str, FinishClass] = {
    **openai_chat.CLASSES, **bedrock_converse.CLASSES, **anthropic_messages.CLASSES, "FINISH": "stop", "LENGTH": "truncated",
    "CONTENT_FILTERED": "filtered_output", "endoftext": "stop", "COMPLETE": "stop", "MAX_TOKENS": "truncated",
}  # fmt: skip
MAX_TOKENS = ("max_tokens", "max_gen_len", "maxTokens", "max_tokens_to_sample")


def recognises(path: str) -> bool:
    return "/model/" in path and path.endswith(("/invoke", "/invoke-with-response-stream"))


def read_request(path: str, request: Document) -> Prompt:
    stream = path.partition("?")[0].endswith("-stream")
    if "messages" in request:
        # Anthropic's and Nova's messages read alike: blocks with text in them
        nova = "inferenceConfig" in request or "schemaVersion" in request
        reader = bedrock_converse if nova else anthropic_messages
        # what the path says goes over what the body's own dialect would say
        return replace(reader.read_request(path, request), model=model_in(path), stream=stream)
    script = Script()
    script.add("user", as_text(request.get("prompt")) or as_text(request.get("inputText")) or as_text(request.get("message")))
    settings = as_document(request.get("textGenerationConfig"))
    limits = (as_count(request.get(name)) for name in MAX_TOKENS)
    limit = next((count for count in limits if count is not None), as_count(settings.get("maxTokenCount")))
    return script.prompt(model=model_in(path), stream=stream, max_output_tokens=limit)


def read_answer(status: int, content_type: str, body: bytes) -> Answer | Unreadable:
    return read(GRAMMAR, status, content_type, body)


def _document(draft: Draft, document: Document, at: int) -> None:
    if document.get("type") == "message" or "stop_sequence" in document:
        anthropic_messages.GRAMMAR.document(draft, document, at)
    elif "output" in document or "stopReason" in document:
        bedrock_converse.take_document(draft, document, at)
    elif "choices" in document:
        openai_chat.GRAMMAR.document(draft, document, at)
    else:
        _plain(draft, document, at)
    if document.get("amazon-bedrock-guardrailAction") == "INTERVENED":
        _guarded(draft, document)


def _plain(draft: Draft, document: Document, at: int) -> None:
    """Makers with one text and little else: Titan, Llama, Mistral, AI21, Cohere."""
    lists = ("results", "outputs", "completions", "generations")
    first = next((found[0] for name in lists if (found := as_documents(document.get(name)))), document)
    draft.head(document, "model", "id")
    text = next((text for name in ("outputText", "generation", "text") if (text := as_text(first.get(name)))), "")
    if text := text or as_text(as_document(first.get("data")).get("text")):
        draft.say(text, at)
    for name in ("completionReason", "stop_reason", "finish_reason"):
        draft.finish = as_text(first.get(name)) or draft.finish
    draft.finish = as_text(as_document(first.get("finishReason")).get("reason")) or draft.finish
    draft.known = draft.known or first is not document or bool(text or draft.finish)
    _count(draft, document, first)


def _count(draft: Draft, document: Document, first: Document) -> None:
    metrics = as_document(document.get("amazon-bedrock-invocationMetrics"))
    taken = (document.get("inputTextTokenCount"), document.get("prompt_token_count"), metrics.get("inputTokenCount"))
    given = (
        first.get("tokenCount"), document.get("totalOutputTextTokenCount"), document.get("generation_token_count"),
        metrics.get("outputTokenCount"),
    )  # fmt: skip
    found = {"inputTokens": _last(taken), "outputTokens": _last(given)}
    draft.count({name: count for name, count in found.items() if count is not None})


def _last(said: tuple[object, ...]) -> int | None:
    return next((count for each in reversed(said) if (count := as_count(each)) is not None), None)


def _guarded(draft: Draft, document: Document) -> None:
    trace = as_document(as_document(document.get("amazon-bedrock-trace")).get("guardrail"))
    asked = "input" in trace and "outputs" not in trace and not trace.get("modelOutput")
    reason = as_text(trace.get("actionReason")) or "guardrail intervened"
    draft.filtered = Refusal(kind="filtered_input" if asked else "filtered_output", reason=reason)


def _event(draft: Draft, name: str, document: Document, at: int) -> None:
    """A chunk frame holds the maker's own event in base64."""
    inner: object = document
    if (packed := as_text(document.get("bytes"))) and "type" not in document:
        try:
            inner = read_json(base64.b64decode(packed))
        except (binascii.Error, ValueError):
            return
    if not is_document(inner):
        return
    if "choices" in inner:
        openai_chat.GRAMMAR.event(draft, "", inner, at)
    elif "type" in inner:
        anthropic_messages.GRAMMAR.event(draft, "", inner, at)
        billed = as_document(inner.get("amazon-bedrock-invocationMetrics")).get("outputTokenCount")
        draft.count({"output_tokens": billed} if as_count(billed) is not None else None)  # AWS's own count goes over the model's
    elif any(each in inner for each in bedrock_converse.EVENTS):
        bedrock_converse.take_event(draft, "", inner, at)
    else:
        _plain(draft, inner, at)
        draft.ended = draft.ended or bool(draft.finish) or "amazon-bedrock-invocationMetrics" in inner
    if inner.get("amazon-bedrock-guardrailAction") == "INTERVENED":
        _guarded(draft, inner)
        draft.ended = True


def _usage(found: Document) -> Usage | None:
    if "inputTokens" in found or "outputTokens" in found:
        return bedrock_converse.usage_of(found)
    return chat_usage(found) if "prompt_tokens" in found else anthropic_messages.GRAMMAR.usage(found)


GRAMMAR = Grammar(document=_document, event=_event, classes=CLASSES, usage=_usage, framed=True)
DIALECT = Dialect(name="bedrock.invoke", family="bedrock", recognises=recognises, read_request=read_request, read_answer=read_answer)

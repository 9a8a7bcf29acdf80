"""Whether a candidate refused a call's form: a parameter it does not know, a value it does not take, a model or a path that is not there.

Law: such an answer says nothing about the model's quality, only that calls reach it in the wrong shape; so it is named apart, in words of a
bounded kind. What a policy, a quota, a key or the length of the text brought about is never an adapter fault. Pure; nothing raises.
"""

import re

from proxy.dialects.openai_common import REFUSING_CODES
from proxy.dialects.reading import Document, as_document, as_documents, as_list, as_text, read_document
from proxy.exchange import Role, Unreadable

STATUSES = (400, 404, 405, 415, 422)
OWN_LEGS: tuple[Role, ...] = ("candidate", "repeat")
_OTHER_CODES = REFUSING_CODES | {
    "context_length_exceeded", "string_above_max_length", "insufficient_quota", "rate_limit_exceeded", "invalid_api_key",
    "tool_use_failed", "json_validate_failed", "invalid_image_url", "billing_hard_limit_reached",
}  # fmt: skip
"""Groq's `*_failed`: the model itself wrote what cannot be read, which is its quality."""
_OTHER = re.compile(
    r"context (?:length|window)|maximum context|too long|too many (?:input )?tokens|credit balance|billing|quota|api[ _-]?key|safety|"
    r"content (?:policy|filter|management)|cannot fetch|error while downloading|moderation",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model (?:identifier )?.{0,80}(?:is invalid|not (?:found|exist|available)|does not exist|removed|deprecated)|^model: "
    r"|models?/\S{1,80} is not found|(?:unknown|invalid|no such) model|DeploymentNotFound|deployment .{0,80}does not exist",
    re.IGNORECASE,
)
_NAME = r"[\"'`\[]?([A-Za-z_][\w.\[\]-]{0,60})[\"'`\]]?"
_PARAMETER = (
    "max_tokens|max_completion_tokens|max_output_tokens|temperature|top_p|top_k|stop|logprobs|top_logprobs|seed|response_format|"
    "tool_choice|tools|parallel_tool_calls|stream_options|presence_penalty|frequency_penalty|thinking|reasoning_effort|reasoning|store|"
    "logit_bias|verbosity|text"
)
_SAID = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"unknown (?:name|field|parameter|argument|key)s?:? {_NAME}",
        rf"unrecognized (?:request )?(?:argument|parameter|key|field)s?(?: supplied)?:? {_NAME}",
        rf"unsupported (?:parameter|value|field|argument|keyword)s?:? {_NAME}",
        rf"extraneous key {_NAME}",
        rf"(?:property|parameter|field|argument|option) {_NAME} (?:is|are) (?:unsupported|not)",
        rf"(?:^|\s){_NAME}:? (?:extra inputs are not permitted|field required|range:|input should be)",
        rf"(?:^|\s){_NAME} is not (?:allowed|permitted|supported)",
        rf"{_NAME} (?:is|are) (?:not supported|unsupported|not permitted|deprecated for this model)",
        rf"\b({_PARAMETER})\b.{{0,60}}(?:must|should|invalid|at most|cannot|not supported|unsupported|too large|only)",
        rf"(?:does not|doesn't) support (?:the )?(?:parameter )?{_NAME}",
        r"(unknown variant|failed to deserialize|additional properties|malformed input request|sources are not supported)",
    )
)
_PLACES = re.compile(r"(?<=\[)\d+(?=\])|\.\d+(?=\.|\Z)")


def adapter_fault(status: int, body: bytes) -> str:
    """What the answer's sender did not take: `rejects max_tokens`, `no such model`, `no such path`; empty: it is no adapter fault."""
    if status not in STATUSES:
        return ""
    found = read_document(body[:64_000])
    if isinstance(found, Unreadable):
        return "no such path" if status in (404, 405) else ""
    error = as_document(found.get("error")) or found
    codes, said = _codes(error), _message(found, error)
    if codes & _OTHER_CODES or _OTHER.search(said):
        return ""
    if "model_not_found" in codes or _NO_MODEL.search(f"{said} {' '.join(codes)}"):
        return "no such model"
    named = as_text(error.get("param")) or _place(found) or _named(said)
    if named:
        return f"rejects {_PLACES.sub('', named)[:60]}"
    return {404: "no such path", 405: "no such path", 415: "rejects content-type"}.get(status, "")


def _codes(error: Document) -> set[str]:
    return {as_text(error.get(key)) for key in ("code", "type", "status")} - {""}


def _message(found: Document, error: Document) -> str:
    parts = (error.get("message"), found.get("message"), found.get("detail"), found.get("error"))
    return next((text[:2000] for part in parts if (text := as_text(part))), "")


def _place(found: Document) -> str:
    """FastAPI's and pydantic's way: a list of details, each with its place in the body."""
    for detail in as_documents(found.get("detail")):
        names = [part for part in as_list(detail.get("loc")) if isinstance(part, str) and part != "body"]
        if names:
            return ".".join(names)
    return ""


def _named(said: str) -> str:
    found = next((match[1] for pattern in _SAID if (match := pattern.search(said))), "")
    return found.lower() if " " in found else found if "[" in found else found.rstrip("]")

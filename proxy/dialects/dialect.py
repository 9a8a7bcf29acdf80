"""What every dialect offers: pure functions over bytes or parsed JSON, gathered in one value. No reader raises on any input."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import orjson

from proxy.dialects.reading import Document, read_document
from proxy.exchange import Answer, Prompt, Unreadable

Family = Literal["openai", "anthropic", "gemini", "bedrock", "cohere", "ollama"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    name: str
    """`openai.chat`, `anthropic.messages`, ..."""
    family: Family
    """Decides the error shape, the credential's header and, failing better knowledge, the price list."""
    recognises: Callable[[str], bool]
    """Whether a path (no query, route prefix removed) is this dialect's answering endpoint."""
    read_request: Callable[[str, Document], Prompt | Unreadable]
    """(path with query, parsed request body, which stays as it is)"""
    read_answer: Callable[[int, str, bytes], Answer | Unreadable]
    """(HTTP status, content-type, decoded answer body); works on a body that breaks off (`whole` is then False)."""

    def read_prompt(self, path: str, body: bytes) -> Prompt | Unreadable:
        """Of a path with its query and a decoded request body."""
        document = read_document(body)
        return document if isinstance(document, Unreadable) else self.read_request(path, document)


OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
ANTHROPIC_TYPES = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error",
    504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
# google.rpc.Code, by the HTTP status it travels with.
GEMINI_STATUSES = {
    401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED",
    501: "UNIMPLEMENTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip


def error_body(family: Family, status: int, message: str) -> bytes:
    """An error of ours in the shape the call's SDK expects. Sources: the vendors' API references, errors section."""
    words = message.encode("utf-8", "replace").decode()
    client = status < 500
    match family:
        case "openai":
            kind = OPENAI_TYPES.get(status, "invalid_request_error" if client else "server_error")
            shape: dict[str, object] = {"error": {"message": words, "type": kind, "param": None, "code": None}}
        case "anthropic":
            kind = ANTHROPIC_TYPES.get(status, "invalid_request_error" if client else "api_error")
            shape = {"type": "error", "error": {"type": kind, "message": words}}
        case "gemini":
            kind = GEMINI_STATUSES.get(status, "INVALID_ARGUMENT" if client else "INTERNAL")
            shape = {"error": {"code": status, "message": words, "status": kind}}
        case "bedrock" | "cohere":
            shape = {"message": words}
        case "ollama":
            shape = {"error": words}
    return orjson.dumps(shape)

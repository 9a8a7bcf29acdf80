"""What the user's own upstream is asked: a tiny call in its own dialect, with his key, within a budget. Pure but for the key.

Law: every call is reserved at its worst case before it leaves; what does not fit the budget is not sent.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

from proxy.addresses import is_loopback_url
from proxy.config import Config, ConfigError, Fault, Target
from proxy.dialects.dialect import Family
from proxy.keys import Credential
from proxy.pricing import price_of, worst_case_usd
from replay.cost import pricer

MAX_TOKENS = 16
PROMPT = "Say hello in one word."
FAMILIES: tuple[tuple[str, Family], ...] = (("anthropic.com", "anthropic"), ("googleapis.com", "gemini"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call as its bytes on the wire, without Host."""

    name: str
    raw: bytes
    usd: Decimal | None
    """At most; None: no price is known."""


def family_of(target: Target) -> Family:
    host = urlsplit(target.url).hostname or ""
    found: list[Family] = [family for ending, family in FAMILIES if host == ending or host.endswith("." + ending)]
    return found[0] if found else "openai"


def questions(config: Config, name: str, model: str, credential: Credential, file: str) -> list[Question]:
    """Plain, streamed, and one that the upstream should refuse. Raises ConfigError for what the user must say first."""
    target = config.targets[name]
    family, model = family_of(target), model or target.model
    if not model:
        found = "no model to ask for"
        raise ConfigError([Fault(file=file, key=f"targets.{name}.model", found=found, expected="a model: selfcheck --model NAME")])
    headers = credential.headers(family)
    if not headers and not is_loopback_url(target.url):
        expected = "api_key_env of this target, so that it can be asked"
        raise ConfigError([Fault(file=file, key=f"targets.{name}.api_key_env", found="nothing", expected=expected)])
    usd = _usd(target, family, model)
    shapes = [("plain", *_call(family, model, stream=False)), ("streamed", *_call(family, model, stream=True))]
    made = [Question(name=f"{kind} call", raw=_request(path, headers, body), usd=usd) for kind, path, body in shapes]
    path, _ = _call(family, model, stream=False)
    return [*made, Question(name="refused call", raw=_request(path, headers, b'{"nonsense":'), usd=Decimal(0))]


def _call(family: Family, model: str, *, stream: bool) -> tuple[str, bytes]:
    said = [{"role": "user", "content": PROMPT}]
    if family == "anthropic":
        return "/v1/messages", json.dumps({"model": model, "max_tokens": MAX_TOKENS, "stream": stream, "messages": said}).encode()
    if family == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        settings = {"maxOutputTokens": MAX_TOKENS}
        body = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}], "generationConfig": settings}
        return f"/v1beta/models/{model}:{verb}", json.dumps(body).encode()
    limit = {"max_completion_tokens": MAX_TOKENS} if model.startswith(("gpt-5", "o1", "o3", "o4")) else {"max_tokens": MAX_TOKENS}
    return "/v1/chat/completions", json.dumps({"model": model, "stream": stream, "messages": said, **limit}).encode()


def _request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    own = [("Content-Type", "application/json"), ("anthropic-version", "2023-06-01"), ("X-Selfcheck", "1"), *headers.items()]
    lines = "".join(f"{name}: {value}\r\n" for name, value in own)
    head = f"POST {path} HTTP/1.1\r\nHost: selfcheck\r\n{lines}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _usd(target: Target, family: Family, model: str) -> Decimal | None:
    known = pricer(target)
    price = price_of(known.own, known.provider(family), [model], datetime.now(UTC))
    return worst_case_usd(price, 100, MAX_TOKENS) if price is not None else None

"""How a call is rewritten for a leg of our own, and the list of every rewrite in words. Pure: bytes in, bytes out.

Law: a leg leaves no trace at the provider that the call did not ask for (`store: false`, no user, no metadata, no cache key), carries no
header that is not on a list, and never a credential: those are added at the edge. What cannot be adapted is said to be unportable.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

import orjson

from proxy.config import Target
from proxy.dialects.reading import Document, as_document, as_text, is_document, read_document
from proxy.events import SECRET_QUERY
from proxy.exchange import Role, Unreadable
from proxy.translate import Translated, needed, translated
from proxy.variant import with_system, with_user

PRIVATE = ("metadata", "user", "safety_identifier", "prompt_cache_key", "requestMetadata", "labels")
"""Dropped from every leg: they name the customer's user, by the words of OpenAI, Anthropic, Bedrock and Gemini."""
TIERS = ("service_tier", "serviceTier")
STORES = ("openai.chat", "openai.responses", "gemini.interactions")
STORELESS = ("googleapis.com", "mistral.ai", "cerebras.ai")
"""They speak OpenAI's chat, keep nothing by `store`, and refuse a call that says it (seen: 400 `Unknown name "store"`, 422)."""
SENT_HEADERS = ("content-type", "accept", "anthropic-version", "anthropic-beta", "openai-beta")
ANTHROPIC_VERSION = "2023-06-01"
ACCEPT_ENCODING = "gzip, deflate, br, zstd"
"""What `encoding.py` undoes; the answer is kept as it comes."""
GUARD_HEADER = "x-understudy-shadow"
USER_AGENT = "understudy/0.1.0"
_MODELS = (
    re.compile(r"(/(?:models|tunedModels|endpoints)/)([^/:?]+)(:|%3[aA])"),
    re.compile(r"(/deployments/)([^/?]+)(/)"),
    re.compile(r"(/model/)([^/?]+)(/(?:converse|invoke))"),
)
"""Where a path names the model: Gemini, Azure's deployments, Bedrock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """What a leg sends, all but its credentials."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    model: str | None
    """The model asked for, when we set it."""
    rewrites: tuple[str, ...] = ()
    saw: Literal["raw", "anonymized"] = "raw"
    dialect: str = ""
    """What it was translated to; empty: the call's own. The answer is read in it."""


@dataclass(slots=True)
class _Draft:
    dialect: str
    path: str
    body: Document
    rewrites: list[str] = field(default_factory=list[str])


def adapt(
    dialect: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    target: Target,
    role: Role,
    *,
    system_text: str | None = None,
    anonymize: Callable[[bytes], bytes] | None = None,
) -> Adapted | Unreadable:
    """The call as `target` is to get it. `path` has lost the route's prefix, `body` its content-encoding; `system_text` is what
    `system_file` holds. `Unreadable` says why the call cannot be sent there."""
    found = read_document(body)
    if isinstance(found, Unreadable):
        return found
    draft = _Draft(dialect, _without_secrets(path), dict(found))
    if role != "repeat" and needed(dialect, target.dialect):
        other = translated(dialect, draft.path, found, target.dialect, target.model)
        if isinstance(other, Unreadable):
            return other
        draft, headers = _translated(draft, other, headers, target.model)
    if role != "repeat" and (refused := _for_candidate(draft, target, system_text)):
        return refused
    _keep_private(draft, target)
    _cheapest(draft, role)
    if role != "repeat":
        _configured(draft, target)
    sent = _written(draft, body) if draft.rewrites else body
    if isinstance(sent, Unreadable):
        return sent
    saw: Literal["raw", "anonymized"] = "raw"
    if target.send == "anonymized":
        if anonymize is None:
            return Unreadable(reason="nothing here can anonymize it")
        sent, saw = anonymize(sent), "anonymized"
    return Adapted(
        path=draft.path,
        body=sent,
        headers=_headers(_versioned(draft.dialect, headers)),
        model=target.model or None if role != "repeat" else None,
        rewrites=tuple(draft.rewrites),
        saw=saw,
        dialect=draft.dialect if draft.dialect != dialect else "",
    )


def adapt_in_place(
    dialect: str, path: str, body: bytes, document: Document, target: Target, *, keep_query: bool
) -> Adapted | Unreadable:  # fmt: skip
    """The call as a canary gets it, whose answer a client gets: nothing but the model and the user's own `set`, `drop` and `drop_path`.

    `document` is the body, read. `keep_query`: the caller's key in the query is meant for there too.
    """
    draft = _Draft(dialect, path if keep_query else _without_secrets(path), dict(document))
    if target.model:
        _rename(draft, target.model)
    _configured(draft, target)
    try:
        sent = orjson.dumps(draft.body) if draft.rewrites else body
    except (orjson.JSONEncodeError, RecursionError):
        return Unreadable(reason="nested too deeply to be written again")
    return Adapted(path=draft.path, body=sent, headers={}, model=target.model or None, rewrites=tuple(draft.rewrites))


def _for_candidate(draft: _Draft, target: Target, system_text: str | None) -> Unreadable | None:
    if target.model:
        _rename(draft, target.model)
    if target.system_file:
        draft.rewrites.append(f"system text from {target.system_file}")
        if refused := with_system(draft.dialect, draft.body, system_text or ""):
            return refused
    if target.user_template:
        # the last user text lies deep inside what `found` shares with nobody: read_document made it for this leg
        draft.rewrites.append("last user text wrapped by user_template")
        return with_user(draft.dialect, draft.body, target.user_template)
    return None


def _translated(draft: _Draft, other: Translated, received: Mapping[str, str], model: str) -> tuple[_Draft, dict[str, str]]:
    """The draft in the other dialect, and of the headers only what every dialect has: versions are the target's own."""
    lost = [f"dropped header {name}" for name in ("anthropic-beta", "openai-beta") if received.get(name)]
    renamed = [f"model {was} → {model}"] if (was := _model(draft)) and was != model else []
    headers = {name: received[name] for name in ("accept",) if name in received}
    headers |= {"anthropic-version": ANTHROPIC_VERSION} if other.dialect == "anthropic.messages" else {}
    return _Draft(other.dialect, other.path, other.body, [other.rewrites[0], *renamed, *other.rewrites[1:], *lost]), headers


def _model(draft: _Draft) -> str:
    """What the call asked for."""
    place = next((found for pattern in _MODELS if (found := pattern.search(draft.path))), None)
    return as_text(draft.body.get("model")) or (unquote(place[2]) if place else "")


def _rename(draft: _Draft, model: str) -> None:
    """In the path where the dialect has it there (Gemini, Azure deployments), else in the body."""
    for pattern in _MODELS:
        if place := pattern.search(draft.path):
            if place[2] != quote(model, safe=""):
                draft.path = draft.path[: place.start(2)] + quote(model, safe="") + draft.path[place.end(2) :]
                draft.rewrites.append(f"model {place[2]} → {model}")
            if "model" not in draft.body:
                return
    if draft.dialect != "gemini.generate" and draft.body.get("model") != model:
        draft.rewrites.append(f"model {draft.body.get('model')} → {model}")
        draft.body["model"] = model


def _keep_private(draft: _Draft, target: Target) -> None:
    host = f".{urlsplit(target.url).hostname or ''}".lower()
    storeless = any(host.endswith(f".{name}") for name in STORELESS)
    for key in (*PRIVATE, "store") if storeless else PRIVATE:
        if key in draft.body:
            del draft.body[key]
            draft.rewrites.append(f"dropped {key}")
    if draft.dialect in STORES and not storeless and draft.body.get("store") is not False:
        draft.body["store"] = False
        draft.rewrites.append("store: false")
    options = as_document(draft.body.get("stream_options"))
    if draft.dialect == "openai.chat" and draft.body.get("stream") is True and options.get("include_usage") is not True:
        draft.body["stream_options"] = {**options, "include_usage": True}
        draft.rewrites.append("stream_options.include_usage asked")


def _cheapest(draft: _Draft, role: Role) -> None:
    """A leg never buys speed. Where nothing said means a dear tier that the account has booked, the standard one is asked for; `flex` is
    the cheapest already, but other vendors do not know the word."""
    for key in TIERS:
        said = draft.body.get(key)
        if key not in draft.body or (role == "repeat" and said == "flex"):
            continue
        standard = "standard_only" if draft.dialect == "anthropic.messages" else ""
        if role == "repeat" and draft.dialect in ("openai.chat", "openai.responses"):
            standard = "default"
        if not standard:
            del draft.body[key]
            draft.rewrites.append(f"dropped {key}")
        elif said != standard:
            draft.body[key] = standard
            draft.rewrites.append(f"{key} {as_text(said)[:40]} → {standard}")


def _configured(draft: _Draft, target: Target) -> None:
    """The user's own words come last, so that they can take back any of ours."""
    if target.drop_path and draft.path.startswith(target.drop_path.rstrip("/") + "/"):
        draft.path = draft.path[len(target.drop_path.rstrip("/")) :]
        draft.rewrites.append(f"path without {target.drop_path}")
    for key, value in target.set.items():
        if (place := _place(draft.body, key, make=True)) and place[0].get(place[1], ...) != value:
            place[0][place[1]] = value
            draft.rewrites.append(f"set {key}")
    for key in target.drop:
        if (place := _place(draft.body, key)) and place[0].pop(place[1], ...) is not ...:
            draft.rewrites.append(f"dropped {key}")


def _place(body: Document, key: str, *, make: bool = False) -> tuple[Document, str] | None:
    """Where a key of the configuration lies: `generationConfig.topK` inside what it names first. None: it lies nowhere."""
    *outer, last = key.split(".")
    for name in outer:
        inner = body.get(name, {} if make else None)
        if not is_document(inner):
            return None
        body[name] = body = dict(inner)
    return body, last


def _written(draft: _Draft, received: bytes) -> bytes | Unreadable:
    """The body as strict JSON. What only lenient parsers read is repaired and said so; a number that is none (NaN) is not sent at all."""
    try:
        orjson.loads(received)
        return orjson.dumps(draft.body)
    except (orjson.JSONEncodeError, RecursionError):
        return Unreadable(reason="nested too deeply to be written again")
    except orjson.JSONDecodeError:
        draft.rewrites.append("repaired what strict JSON parsers refuse")
    try:
        return json.dumps(draft.body, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return Unreadable(reason="numbers that are no JSON")
    except RecursionError:
        return Unreadable(reason="nested too deeply to be written again")


def _versioned(dialect: str, received: Mapping[str, str]) -> Mapping[str, str]:
    """Anthropic refuses a call that names no version, and archives hold calls whose headers nobody kept."""
    return {"anthropic-version": ANTHROPIC_VERSION, **received} if dialect == "anthropic.messages" else received


def _headers(received: Mapping[str, str]) -> dict[str, str]:
    kept = {name: received[name] for name in SENT_HEADERS if name in received}
    own = {"accept-encoding": ACCEPT_ENCODING, "user-agent": USER_AGENT, GUARD_HEADER: "1"}
    return {"content-type": "application/json", "accept": "*/*", **kept, **own}


def _without_secrets(path: str) -> str:
    """Query parameters that carried the caller's key are gone: their values were never recorded."""
    bare, mark, query = path.partition("?")
    kept = list(_public(query.split("&"))) if mark else []
    return f"{bare}?{'&'.join(kept)}" if kept else bare


def _public(parameters: list[str]) -> Iterator[str]:
    secret = tuple(name.decode() for name in SECRET_QUERY)
    return (each for each in parameters if each and not unquote(each).lower().startswith(secret))

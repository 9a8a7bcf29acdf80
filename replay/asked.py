"""A call as the player takes it: read once, reduced to what deciding and sending need. Pure.

Law: what is kept while a call waits is its body and a few words, never its parsed form: one bound in bytes must be honest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.adapt import GUARD_HEADER
from proxy.conversation import conversation_of
from proxy.dialects import BY_NAME
from proxy.dialects.dialect import Family
from proxy.dialects.reading import read_document
from proxy.eligibility import Ineligible, Reach, eligibility, unreadable
from proxy.encoding import decode
from proxy.events import CallEvent
from proxy.exchange import Prompt, Unreadable
from proxy.sampling import bucket_of
from replay.chain import Expanded
from replay.production import Production

DECODED_MAX_BYTES = 64 << 20
REACHES: tuple[Reach, ...] = ("elsewhere", "account", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    event: CallEvent
    path: str
    """Without the route's prefix."""
    body: bytes
    """Without its content-encoding."""
    conversation: str
    bucket: float
    model: str | None = None
    max_output_tokens: int | None = None
    refused: Mapping[Reach, Ineligible | None]
    segment: str = ""
    rewrites: tuple[str, ...] = ()
    """What was done to the body before any leg adapts it."""

    @property
    def family(self) -> Family:
        return BY_NAME[self.event.dialect].family if self.event.dialect in BY_NAME else "openai"


def ask(event: CallEvent, body: bytes, *, prefix: str = "/", segment: str = "", production: Production | None = None) -> Asked:
    """What the journal says of a call, made ready; with `production`, in the light of what was heard before it. Never raises."""
    path = without_prefix(event.path, prefix)
    plain = _decoded(event, body)
    prompt = _prompt(event, path, plain)
    refused = _mirrored(event) or unreadable(event.size or len(body), event.whole, prompt)
    known = prompt if isinstance(prompt, Prompt) else None
    # the call's own words decide, expanded or not: the recorder must come to the same conversation
    conversation = conversation_of(event.hints.get("conversation"), known, event.id)
    chain = production.continued(event, plain) if production and not refused and isinstance(plain, bytes) else None
    sent = chain.body if isinstance(chain, Expanded) else plain
    eligible: dict[Reach, Ineligible | None] = dict.fromkeys(REACHES, refused) if refused else _eligible(event, sent)
    if production and not refused:
        why = chain if isinstance(chain, str) else ""
        eligible = {reach: found and production.told(found, event, body, why) for reach, found in eligible.items()}
    return Asked(
        event=event,
        path=path,
        body=sent if isinstance(sent, bytes) else b"",
        conversation=conversation,
        bucket=bucket_of(conversation),
        model=known.model if known else None,
        max_output_tokens=known.max_output_tokens if known else None,
        refused=eligible,
        segment=segment,
        rewrites=chain.rewrites if isinstance(chain, Expanded) else (),
    )


def too_late(event: CallEvent, age_s: float, *, segment: str = "") -> Asked:
    """A call nobody needs to read any more."""
    return unread(event, Ineligible(decision="stale", reason=f"{age_s:.0f} s old"), segment=segment)


def behind(event: CallEvent, lag_s: float, *, segment: str = "") -> Asked:
    """A call there is no time to read: mirrors go first, so that those to come are not late too."""
    return unread(event, Ineligible(decision="shed", reason=f"journal lag {lag_s:.1f} s"), segment=segment)


def unread(event: CallEvent, refused: Ineligible, *, segment: str = "") -> Asked:
    return Asked(
        event=event, path="", body=b"", conversation=event.id, bucket=0.0, refused=dict.fromkeys(REACHES, refused), segment=segment
    )


def without_prefix(path: str, prefix: str) -> str:
    """`/team/v1/chat` of the route `/team` is `/v1/chat`; a path that does not lie below the prefix is left alone."""
    bare = prefix.rstrip("/")
    if not bare or not path.startswith(bare) or path[len(bare) : len(bare) + 1] not in ("", "/", "?"):
        return path
    rest = path[len(bare) :]
    return rest if rest.startswith("/") else "/" + rest


def _mirrored(event: CallEvent) -> Ineligible | None:
    """The recursion guard: what a shadow sent is not mirrored again, by whichever way it came back."""
    return Ineligible(decision="side_effects", reason=f"{GUARD_HEADER}: a mirrored call") if GUARD_HEADER in event.headers else None


def _decoded(event: CallEvent, body: bytes) -> bytes | Unreadable:
    found = decode(body, event.headers.get("content-encoding", ""), DECODED_MAX_BYTES)
    if isinstance(found, Unreadable):
        return found
    return Unreadable(reason=found.fault) if found.fault else found.body


def _prompt(event: CallEvent, path: str, body: bytes | Unreadable) -> Prompt | Unreadable | None:
    """None: there is no body to read."""
    if isinstance(body, Unreadable):
        return body
    if not body:
        return None
    dialect = BY_NAME.get(event.dialect)
    return dialect.read_prompt(path, body) if dialect else Unreadable(reason=f"dialect {event.dialect} has no reader")


def _eligible(event: CallEvent, body: bytes | Unreadable) -> dict[Reach, Ineligible | None]:
    found = read_document(body) if isinstance(body, bytes) else body
    if isinstance(found, Unreadable):
        return dict.fromkeys(REACHES, Ineligible(decision="unreadable", reason=found.reason))
    return {reach: eligibility(event.dialect, event.method, found, event.headers, reach=reach) for reach in REACHES}

"""What is overheard of production: first attempts by what was asked, in bounds."""

import orjson

from proxy.config import Target
from proxy.events import ExchangeEvent
from proxy.segments import Passed
from replay.asked import ask
from replay.production import ATTEMPTS_MAX, Attempts, Production
from replay.quota import Governor
from tests.replay.kit import an_event, chat

RETRY = {"x-stainless-retry-count": "1"}


def production() -> Production:
    return Production(Governor({"big": Target(url="https://api.example.com")}, ["big"], 0.3), ["main"], 1 << 20)


def test_a_retry_carries_the_id_of_its_first_attempt() -> None:
    listening, body = production(), orjson.dumps(chat())
    first, other, again = an_event(id="first"), an_event(id="other"), an_event(id="again", headers=RETRY)
    for event, said in ((first, body), (other, orjson.dumps(chat("something else"))), (again, body)):
        listening.hear(Passed("seg", event, said))
    refused = ask(again, body, production=listening).refused["elsewhere"]
    assert refused is not None and (refused.decision, refused.reason) == ("retry_of", "retry of first")
    assert ask(first, body, production=listening).refused["elsewhere"] is None


def test_a_retry_whose_first_attempt_was_not_heard_says_so() -> None:
    body = orjson.dumps(chat())
    for listening in (production(),):
        listening.hear(Passed("seg", an_event(id="elsewhere", hints={"conversation": "another"}), body))
        listening.hear(Passed("seg", an_event(id="long-ago", at=1), body))
        refused = ask(an_event(headers=RETRY), body, production=listening).refused["elsewhere"]
        assert refused is not None and refused.reason == "a retry; its first attempt is not in memory"


def test_large_bodies_are_told_apart_by_their_ends_and_size() -> None:
    attempts, body = Attempts(), b"a" * 70_000 + b"b" * 1_000_000
    attempts.heard(an_event(id="first"), body)
    assert attempts.first_of(an_event(), body) == "first"
    assert attempts.first_of(an_event(), body + b"b") is None
    attempts.heard(an_event(id="kept as hash", size=9_000_000, sha256="ab"), b"")
    assert attempts.first_of(an_event(size=9_000_000, sha256="ab"), b"") == "kept as hash"
    assert attempts.first_of(an_event(size=9_000_000, sha256="cd"), b"") is None


def test_the_memory_of_attempts_is_bounded() -> None:
    attempts = Attempts()
    for number in range(ATTEMPTS_MAX + 50):
        attempts.heard(an_event(id=str(number), at=1), b"%d" % number)
    assert len(attempts._first) == ATTEMPTS_MAX  # pyright: ignore[reportPrivateUsage]


def test_answers_to_production_reach_the_governor_and_answers_to_us_do_not() -> None:
    listening = production()
    for seen in (False, True):
        event = ExchangeEvent(
            at=1_000_000, id="x", route="any", dialect="openai.chat", target="big", role="incumbent", seen=seen, ended="complete", status=429,
            headers={"retry-after": "30"}, latency_us=500_000,
        )  # fmt: skip
        listening.hear(Passed("seg", event, b""))
        assert (listening.governor.refusal("big", 0, 31.4) is not None) == seen
    assert listening.governor.refusal("big", 0, 31.6) is None


def test_a_canary_that_was_refused_for_its_quota_is_production_too() -> None:
    listening = Production(Governor({"small": Target(url="https://api.example.com")}, ["small"], 0.3), ["main"], 1 << 20)
    event = ExchangeEvent(
        at=1_000_000, id="x", route="any", dialect="openai.chat", target="small", role="candidate", seen=False, ended="complete", status=429,
        headers={"retry-after": "30"}, latency_us=500_000,
    )  # fmt: skip
    listening.hear(Passed("seg", event, b""))
    refused = listening.governor.refusal("small", 0, 20.0)
    assert refused is not None and refused[1].startswith("429 to production at api.example.com")

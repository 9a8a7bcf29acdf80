import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events import ExchangeEvent
from proxy.exchange import Answer, Ended, Refusal, ToolCall, Unreadable, Usage
from proxy.outcome import verdict_of


def an_event(ended: Ended = "complete", status: int = 200, error: str = "", dialect: str = "openai.chat") -> ExchangeEvent:
    return ExchangeEvent(
        at=0, id="1", route="main", dialect=dialect, target="gpt", role="candidate", seen=False, ended=ended, status=status, error=error
    )


def said(text: str, finish: str = "stop", finish_class: str = "stop") -> Answer:
    return Answer(text=text, finish=finish, finish_class=finish_class)  # type: ignore[arg-type]


def a_call(arguments: str) -> Answer:
    return Answer(tool_calls=(ToolCall(id="c", name="book", arguments=arguments),), finish="tool_calls", finish_class="tool")


REFUSED = Refusal(kind="structured", reason="cyber")
FILTERED = Refusal(kind="filtered_input", reason="jailbreak")


@pytest.mark.parametrize(
    ("event", "answer", "outcome", "failure_class", "word"),
    [
        (an_event("client_gone"), None, "client_gone", "ok", "left"),
        (an_event("client_gone"), Answer(text="Hel", whole=False), "client_gone", "ok", "left"),
        (an_event("client_gone"), said("Hello."), "answered", "ok", "answered"),
        (an_event("timed_out", 0), None, "timed_out", "loud", "deadline"),
        (an_event("unreachable", 0, "refused"), None, "errored", "loud", "refused"),
        (an_event("interrupted", 0), None, "errored", "loud", "interrupted"),
        (an_event("worker_died", 0), None, "errored", "loud", "worker died"),
        (an_event("cut"), Answer(text="Hel", whole=False), "errored", "loud", "cut off"),
        (an_event(status=429), Answer(error="slow down"), "errored", "loud", "429: slow down"),
        (an_event(status=500), Unreadable(reason="html"), "errored", "loud", "500"),
        (an_event(status=204), Answer(), "errored", "loud", "204: no answer"),
        (an_event(status=304), Answer(), "errored", "loud", "304: no answer"),
        (an_event(status=400), Answer(refusal=FILTERED, error="blocked"), "filtered", "loud", "jailbreak"),
        (an_event(), Answer(text="Hel", error="overloaded"), "errored", "loud", "overloaded"),
        (an_event(), Answer(refusal=REFUSED, finish="refusal", finish_class="refused"), "refused", "loud", "cyber"),
        (an_event(), said("", "refusal", "refused"), "refused", "loud", "refusal"),
        (an_event(), said("Hel", "content_filter", "filtered_output"), "filtered", "loud", "content_filter"),
        (an_event(), said("", "SAFETY", "filtered_input"), "filtered", "loud", "SAFETY"),
        (an_event(), said("Hel", "length", "truncated"), "truncated", "loud", "length"),
        (an_event(), said("Hel", "pause_turn", "paused"), "truncated", "loud", "pause_turn"),
        (an_event(), said("", "MALFORMED_FUNCTION_CALL", "malformed"), "malformed", "loud", "MALFORMED"),
        (an_event(), Unreadable(reason="no JSON"), "malformed", "loud", "no JSON"),
        (an_event(), Answer(text="Hello", whole=False), "truncated", "silent", "end mark"),
        (an_event(), said(""), "truncated", "silent", "empty"),
        (an_event(), said(" \n"), "truncated", "silent", "empty"),
        (an_event(), said('{"total": 12, "cur'), "truncated", "silent", "JSON"),
        (an_event(), said('[{"a": 1}, {"a'), "truncated", "silent", "JSON"),
        (an_event(), said("Here:\n```python\nprint(1)\n"), "truncated", "silent", "fence"),
        (an_event(), said("I'm sorry, but I can't help with that."), "refused", "silent", "can't help"),
        (an_event(), a_call('{"day": '), "malformed", "silent", "book"),
        (an_event(), said("", "tool_calls", "tool"), "malformed", "silent", "calls none"),
        (an_event(), a_call('{"day": 1}'), "answered", "ok", "answered"),
        (an_event(), a_call(""), "answered", "ok", "answered"),
        (an_event(), said("[1] says that it rained."), "answered", "ok", "answered"),
        (an_event(), said("{name} is a template"), "answered", "ok", "answered"),
        (an_event(), said('{"total": 12}'), "answered", "ok", "answered"),
        (an_event(), said("```json\n{}\n```"), "answered", "ok", "answered"),
        (an_event(), None, "answered", "ok", "not kept"),
        (an_event(dialect="openai.embeddings"), Answer(), "answered", "ok", "answered"),
    ],
)
def test_each_end_has_one_outcome_with_its_reason(
    event: ExchangeEvent, answer: Answer | Unreadable | None, outcome: str, failure_class: str, word: str
) -> None:
    verdict = verdict_of(event, answer)
    assert (verdict.outcome, verdict.failure_class) == (outcome, failure_class)
    assert word in verdict.reason


def test_a_textual_refusal_brings_the_sentence_that_refuses() -> None:
    verdict = verdict_of(an_event(), said("I understand. I cannot provide that. Instead, ask a doctor."))
    assert verdict.refusal == Refusal(kind="textual", reason="I cannot provide that.")


def test_json_that_was_asked_for_is_missed_loudly_and_accepted_in_a_fence() -> None:
    assert verdict_of(an_event(), said("The total is 12."), wants_json=True).failure_class == "loud"
    assert verdict_of(an_event(), said('```json\n{"total": 12}\n```'), wants_json=True).outcome == "answered"


@pytest.mark.parametrize("text", ['{"total": 12, "cur', "```json\n{}"])
def test_json_that_was_asked_for_and_ends_midway_is_broken_json_unless_its_provider_says_that_it_was_cut(text: str) -> None:
    """A person who reads "truncated" would raise a limit that was never reached."""
    broken = verdict_of(an_event(), said(text), wants_json=True)
    assert (broken.outcome, broken.failure_class) == ("malformed", "loud") and ": it ends inside " in broken.reason
    assert verdict_of(an_event(), said(text, "length", "truncated"), wants_json=True).reason == "stopped at its limit: length"
    assert verdict_of(an_event(), said(text)).outcome == "truncated"


def test_an_answer_that_used_up_its_limit_was_cut_whatever_it_says() -> None:
    answer = Answer(text="The total", finish="stop", finish_class="stop", usage=Usage(input_tokens=1, output_tokens=6, reasoning_tokens=10))
    assert verdict_of(an_event(), answer, max_output_tokens=16).outcome == "truncated"
    assert verdict_of(an_event(), answer, max_output_tokens=17).outcome == "answered"


@given(st.text(), st.text(max_size=20), st.booleans(), st.booleans())
def test_no_text_makes_a_rule_raise(text: str, arguments: str, wants_json: bool, whole: bool) -> None:
    calls = (ToolCall(id=None, name="", arguments=arguments),) if arguments else ()
    assert verdict_of(an_event(), Answer(text=text, tool_calls=calls, whole=whole), wants_json=wants_json).reason

"""Answers that end where they should, and answers that do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exchange import ToolCall
from proxy.outcome import NOT_JSON
from scoring.criteria.truncation import Truncation, breaks_off
from scoring.criterion import scored
from scoring.task import Answer, Task
from tests import corpus

TASK = Task(call_id="1", prompt_text="What is the capital of France, and " + "why " * 200)
PROSE = "Paris is the capital of France. It has been so for a very long time. Most of its kings lived there, and so did "


@pytest.mark.parametrize(
    ("answer", "tag"),
    [
        (Answer(outcome="truncated", failure_class="loud", outcome_reason="stopped at its limit: length", text="Par"), "loud"),
        (Answer(outcome="truncated", failure_class="silent", outcome_reason="ends inside its JSON", text="{"), "silent"),
        (Answer(outcome="truncated", failure_class="silent", outcome_reason="empty answer", text=""), "silent"),
        (Answer(outcome="malformed", failure_class="loud", outcome_reason=f"{NOT_JSON}: it ends inside its JSON", text="{"), "silent"),
        (Answer(text="Par", finish="MAX_TOKENS"), "loud"),
        (Answer(text=PROSE + "many of its painters"), "silent"),
        (Answer(text="Paris.", output_tokens=500, reasoning_tokens=0, usage_source="provider"), "lost"),
        (Answer(text="Paris.", input_tokens=60, usage_source="provider"), "input"),
    ],
)
def test_what_is_missing_is_named(answer: Answer, tag: str) -> None:
    found = scored(Truncation(), TASK, answer)
    assert (found.value, found.state, found.tag) == (0.0, "fail", tag) and found.evidence


@pytest.mark.parametrize(
    "answer",
    [
        Answer(text="Paris"), Answer(text="Paris.", finish="stop"), Answer(text=PROSE + "many painters."), Answer(text=PROSE + "see:\n- one of its painters who lived there for very many years"),
        Answer(text="Paris.", output_tokens=500, reasoning_tokens=None, usage_source="provider"), Answer(text="Paris.", output_tokens=500, reasoning_tokens=0, usage_source="estimated"),
        Answer(text="Paris.", input_tokens=60, cached_input_tokens=150, usage_source="provider"), Answer(text="Paris.", input_tokens=60, usage_source="estimated"),
        Answer(text="", tools=(ToolCall(id="1", name="w", arguments="{}"),)), Answer(outcome="refused", text=PROSE + "many of its painters"),
    ],
)  # fmt: skip
def test_what_is_whole_passes(answer: Answer) -> None:
    assert scored(Truncation(), TASK, answer).value == 1.0


def test_the_rule_for_prose_can_be_switched_off() -> None:
    assert scored(Truncation(sentences=False), TASK, Answer(text=PROSE + "many of its painters")).value == 1.0


@given(st.text(), st.none() | st.integers(-5, 2**53), st.none() | st.integers(-5, 2**53))
def test_any_answer_gets_a_score(text: str, given_: int | None, taken: int | None) -> None:
    answer = Answer(text=text, output_tokens=given_, reasoning_tokens=given_, input_tokens=taken, usage_source="provider")
    assert scored(Truncation(), TASK, answer).value in (0.0, 1.0)


def test_whole_answers_of_real_models_are_not_taken_for_broken_ones() -> None:
    """Arena-Hard: 744 whole answers, full of lists and code; half a percent of false alarms at most."""
    texts = [str(text) for row in corpus.rows("pairs/arena_hard_v01.jsonl") for text in row["responses"].values()]
    alarms = [end for text in texts if (end := breaks_off(text))]
    cut = sum(bool(breaks_off(text[: len(text) * 3 // 4])) for text in texts)
    print(f"{len(alarms)} of {len(texts)} whole answers alarmed; {cut} of them seen when cut at three quarters")
    assert len(alarms) <= 0.005 * len(texts) < cut

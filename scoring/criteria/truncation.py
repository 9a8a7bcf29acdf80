"""Whether an answer is whole: not cut off by a limit, not breaking off midway, and given to the whole question.

Law: loud is what the provider says itself; silent is what only a reader of the answer sees. Counts are compared with bounds that hold for
any tokenizer (a word is at least one token, a token at least one byte), so that a mismatch is a fact and not an estimate.
"""

import re
from typing import Annotated, ClassVar

from msgspec import Meta

from proxy.outcome import NOT_JSON
from scoring.criterion import Criterion, Score, failed, share
from scoring.task import Answer, Task

LOUD_FINISHES = frozenset(
    ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded", "token_limit", "context_length_exceeded")
)
_WHOLE = share(1.0)
_OPEN_END = re.compile(r"(?:[a-z\u00df-\u024f\u0370-\u1fff]{2,}|,|\b(?:a|I)|[a-z]-)\Z")
"""A word in small letters, a comma, a hyphen: no sentence ends so."""
_CLOSED = (".", "}", "]", ")", '"', "!", "?")
"""Most answers; to ask this first is quicker."""
_SENTENCE = re.compile(r"[a-z\u00df-\u1fff][)\"'*]*[.!?](?:\s|\Z)")
_MARKUP = re.compile(r"^\s*(?:[-*+#>|\u2022\u2013]|(?:\d+|[A-Za-z])[.)]|```|\$|\\|</?\w)|(?:https?://|#)\S*\Z|[*_`]\Z|\|\s*\Z")
LINE_CHARS = 60
"""A last line shorter than this may be a signature, a heading or an item."""
BYTES_SLACK = 64
INPUT_SHARE = 0.9
"""Fewer input tokens than this share of the prompt's words: a part of it never reached the model."""


class Truncation(Criterion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """1: whole. Tags of a failure: `loud` (its limit), `silent` (breaks off), `lost` (text vanished after it was written), `input`."""

    TYPE: ClassVar[str] = "truncation"

    sentences: Annotated[bool, Meta(description="prose whose last line breaks off within a sentence has failed")] = True

    def score(self, task: Task, answer: Answer, reference: Answer | None) -> Score:
        del reference
        if answer.outcome == "truncated":
            return failed("silent" if answer.failure_class == "silent" else "loud", answer.outcome_reason)
        if answer.outcome_reason.startswith(f"{NOT_JSON}: "):  # it ends midway and its provider says that it was done
            return failed("silent", answer.outcome_reason)
        if (answer.finish or "").lower() in LOUD_FINISHES:
            return failed("loud", answer.finish)
        if answer.usage_source == "provider":
            if lost := _lost(answer):
                return failed("lost", lost)
            if task.prompt_text and (cut := _input_cut(task.prompt_text, answer)):
                return failed("input", cut)
        if self.sentences and answer.outcome == "answered" and not answer.tools and (end := breaks_off(answer.said)):
            return failed("silent", end)
        return _WHOLE


def breaks_off(text: str) -> str:
    """The end of prose that stops within a sentence; empty for whatever may end so: lists, code, headings, signatures, one phrase."""
    if text.endswith(_CLOSED) or not _OPEN_END.search(text, max(len(text) - 12, 0)):
        return ""
    last = text[text.rfind("\n") + 1 :]
    if len(last) < LINE_CHARS or _MARKUP.search(last) or text.count("```") % 2:
        return ""
    return last[-80:] if len(_SENTENCE.findall(text[-4000:])) >= 2 else ""


def _lost(answer: Answer) -> str:
    """More tokens than bytes: what was written did not all arrive. Only where reasoning is counted apart."""
    counted = answer.output_tokens
    if counted is None or answer.reasoning_tokens is None or counted <= BYTES_SLACK:
        return ""
    arrived = len(answer.said) + sum(len(tool.arguments) + len(tool.name) for tool in answer.tools)
    if counted <= arrived + BYTES_SLACK:
        return ""
    arrived = sum(
        len(piece.encode(errors="surrogatepass")) for piece in (answer.said, *(tool.arguments + tool.name for tool in answer.tools))
    )
    return f"{counted} output tokens, {arrived} bytes of answer" if counted > arrived + BYTES_SLACK else ""


def _input_cut(prompt: str, answer: Answer) -> str:
    """A word is at least one token for every tokenizer in use, so fewer tokens than words is a cut. Counting blanks first is quick."""
    if answer.input_tokens is None:
        return ""
    counted = answer.input_tokens + (answer.cached_input_tokens or 0) + (answer.cache_write_tokens or 0)
    if counted >= INPUT_SHARE * (prompt.count(" ") + prompt.count("\n") + prompt.count("\t") + 1):
        return ""
    words = len(prompt.split())
    return f"{counted} input tokens for {words} words" if counted < INPUT_SHARE * words else ""

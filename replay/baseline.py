"""Baselines: what regular expressions and templates, or a program of the user's, would have answered.

Law: a model that does not beat its baseline is not worth its price, so a baseline is asked the same calls and journaled like any leg, in
the dialect `understudy.baseline`. A program has one line in and one line out per call; one that dies is started again, one that is late
is killed.
"""

import asyncio
import contextlib
import re
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import orjson

from proxy.config import Fault
from proxy.dialects.baseline import CONTENT_TYPE, NAME
from proxy.dialects.reading import as_text, read_document
from proxy.exchange import Ended, Unreadable
from proxy.line_program import line_back
from proxy.variant import last_user_text
from replay.legs import Answered, Question

LINE_MAX = 4 << 20
PromptOf = Callable[[Question], str]
"""The whole prompt of a call, as text."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pattern: str
    """Searched in the last user text, or with `where = "prompt"` in the whole prompt; `(?i)` and the like work."""
    answer: str
    """`{0}` is what matched, `{1}` and `{name}` are its groups; other braces are text."""
    where: str = "user"


class RuleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule: list[Rule] = []
    default: str = ""
    """The answer when no rule matches."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule file, compiled. The first rule that matches answers."""

    rules: tuple[tuple[re.Pattern[str], Rule], ...]
    default: str

    def text(self, user: str, prompt: str) -> str:
        for pattern, rule in self.rules:
            if found := pattern.search(prompt if rule.where == "prompt" else user):
                return filled(rule.answer, found)
        return self.default


def filled(template: str, found: re.Match[str]) -> str:
    """Groups into their braces; a group that took no part is empty, braces that name no group stay."""
    groups = {str(number): found[number] or "" for number in range((found.re.groups or 0) + 1)}
    groups |= {name: value or "" for name, value in found.groupdict().items()}
    return re.sub(r"\{(\w+)\}", lambda brace: groups.get(brace[1], brace[0]), template)


def rules_from(path: Path) -> Rules | list[Fault]:
    """The file's rules, or all that is wrong with it."""

    def fault(key: str, found: str, expected: str) -> Fault:
        return Fault(file=str(path), key=key, found=found, expected=expected)

    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), RuleFile)
    except (OSError, ValueError) as error:  # TOML, UTF-8 and msgspec errors are ValueErrors
        return [fault("(file)", str(error), "[[rule]] with pattern and answer, and a default")]
    rules: list[tuple[re.Pattern[str], Rule]] = []
    faults: list[Fault] = []
    for number, rule in enumerate(file.rule):
        if rule.where not in ("user", "prompt"):
            faults.append(fault(f"rule[{number}].where", repr(rule.where), "'user' | 'prompt'"))
        try:
            rules.append((re.compile(rule.pattern), rule))
        except re.error as error:
            faults.append(fault(f"rule[{number}].pattern", f"{rule.pattern!r}: {error}", "a regular expression"))
    return faults or Rules(tuple(rules), file.default)


class RulesLeg:
    def __init__(self, rules: Rules, prompt_of: PromptOf):
        self.rules, self.prompt_of = rules, prompt_of

    async def ask(self, question: Question) -> Answered:
        started = time.perf_counter_ns()
        return _said(self.rules.text(_user_text(question), self.prompt_of(question)), started)

    async def close(self) -> None:
        return None


class CommandLeg:
    """One process, one call at a time: lines cannot be told apart otherwise. `deadline_s` includes waiting for one's turn."""

    def __init__(self, command: Sequence[str], folder: Path, deadline_s: float, prompt_of: PromptOf):
        self.command, self.folder, self.deadline_s, self.prompt_of = command, folder, deadline_s, prompt_of
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, question: Question) -> Answered:
        started = time.perf_counter_ns()
        try:
            async with asyncio.timeout(self.deadline_s), self._turn:
                return await self._exchange(question, started)
        except TimeoutError:
            return _failed("timed_out", f"no line within deadline_s = {self.deadline_s:g}", started)

    async def _exchange(self, question: Question, started: int) -> Answered:
        done = False
        try:
            answer = await line_back(await self._running(), self._written(question))
            done = True
        except (OSError, ValueError) as error:  # ValueError: a line longer than LINE_MAX
            return _failed("unreachable", f"{type(error).__name__}: {error}"[:300], started)
        finally:
            if not done:
                await self._kill()  # its next line would be taken for the answer to another call
        return self._read(answer, started)

    def _written(self, question: Question) -> bytes:
        found = read_document(question.sent.body)
        request = None if isinstance(found, Unreadable) else found
        line = {"call_id": question.call_id, "dialect": question.dialect, "prompt": self.prompt_of(question), "request": request}
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    def _read(self, line: bytes, started: int) -> Answered:
        found = read_document(line)
        if isinstance(found, Unreadable) or not isinstance(found.get("text"), str):
            return _failed("cut", 'the program did not say {"text": "..."}', started)
        return _said(as_text(found["text"]), started)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*self.command, stdin=pipe, stdout=pipe, cwd=self.folder, limit=LINE_MAX)
        return self._process

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def close(self) -> None:
        await self._kill()


def _user_text(question: Question) -> str:
    found = read_document(question.sent.body)
    return "" if isinstance(found, Unreadable) else last_user_text(question.dialect, found) or ""


def _said(text: str, started: int) -> Answered:
    body = orjson.dumps({"text": text.encode("utf-8", "replace").decode()})
    took = (time.perf_counter_ns() - started) // 1000
    return Answered(
        ended="complete", status=200, headers={"content-type": CONTENT_TYPE}, body=body, latency_us=took, first_byte_us=took, chunks=1,
        marks=((took, len(body)),), dialect=NAME,
    )  # fmt: skip


def _failed(how: Ended, why: str, started: int) -> Answered:
    return Answered(ended=how, error=why, latency_us=(time.perf_counter_ns() - started) // 1000, dialect=NAME)

"""A program of the user's that judges answers: a child with one JSON line in and one JSON line out for each.

Law: one question at a time, so that it is known of which answer it died. It sees the names of the environment that it was promised and
never ours; it is told neither who answered nor in which role. What is late, dead or garbled is unscored with the program's last words, and
the whole process group ends with us.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import orjson

from proxy.line_program import line_back
from scoring.criterion import Score, Unscored, share, unscored

LINE_MAX_BYTES = 1 << 20
"""Of an answer; one of the program's that is longer is garbage."""
LAST_WORDS_BYTES = 2000
END_WAIT_S = 2.0


class Garbled(Exception):
    """Not the line that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    command: tuple[str, ...]
    folder: str = ""
    """It is started here; a relative program is looked for here too. Empty: where we are."""
    environment: tuple[tuple[str, str], ...] = ()
    """All that it gets."""
    timeout_s: float = 30.0
    """For one answer; the first one's includes starting."""
    restarts: int = 5
    """In a row, with no usable line between them."""


def environment_of(names: Sequence[str], ours: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """PATH, and what the user named."""
    return tuple((name, ours[name]) for name in sorted({"PATH", *names}) if name in ours)


class Checker:
    def __init__(self, program: Program):
        self.program, self._ids, self._turn = program, count(1), asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._words = b""
        self._failures = 0
        self._why = ""

    async def ask(self, question: Mapping[str, Any]) -> Score:
        """Raises nothing but cancellation."""
        number = next(self._ids)
        try:
            line = orjson.dumps({"id": number, **question}, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:
            return unscored("it cannot be written as JSON: half a character, or nested too deep")
        async with self._turn:
            if self._failures > self.program.restarts:
                return unscored(f"the checker failed {self._failures} times in a row and is not started again: {self._why}")
            try:
                score = await self._judged(line, number)
            except Unscored as reason:
                self._failures, self._why = self._failures + 1, str(reason)
                return unscored(self._why)
            self._failures = 0
            return score

    async def _judged(self, line: bytes, number: int) -> Score:
        """What an old child died of, a new one is asked once more: it may have died of age."""
        try:
            async with asyncio.timeout(self.program.timeout_s):
                if self._process is not None:
                    with contextlib.suppress(OSError):
                        return _read(await line_back(await self._running(), line), number)
                    await self._end(0.0)
                return _read(await line_back(await self._running(), line), number)
        except TimeoutError:
            why = f"the checker gave no line within timeout_s = {self.program.timeout_s:g}"
        except Garbled as reason:
            why = f"the checker {reason}"
        except ValueError:
            why = f"the checker wrote a line of more than {LINE_MAX_BYTES} bytes"
        except OSError as error:
            why = "" if self._process else f"the checker did not start: {error.strerror or type(error).__name__}"
        code, words = await self._end(0.0 if why else END_WAIT_S)  # its next line would be taken for another answer's
        raise Unscored((why or _ending(code)) + (f": {words}" if words else ""))

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            pipe, wanted = asyncio.subprocess.PIPE, self.program
            process = await asyncio.create_subprocess_exec(
                *wanted.command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=wanted.folder or None, env=dict(wanted.environment),
                limit=LINE_MAX_BYTES, start_new_session=True,
            )  # fmt: skip
            self._process, self._words = process, b""
            self._listening = asyncio.get_running_loop().create_task(self._listen(process))
        return self._process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keeps the end of what it says on stderr."""
        while process.stderr is not None and (said := await process.stderr.read(1 << 16)):
            self._words = (self._words + said)[-LAST_WORDS_BYTES:]

    async def _end(self, wait_s: float) -> tuple[int | None, str]:
        """Closes its stdin, waits, kills its group. Its exit code and its last words."""
        process, self._process = self._process, None
        listening, self._listening = self._listening, None
        if process is None or listening is None:
            return None, ""
        try:
            if process.stdin is not None:
                process.stdin.close()
            await asyncio.wait((listening,), timeout=wait_s or 0.05)  # its stderr closes when it ends
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            listening.cancel()
            await asyncio.wait((listening,))
        ended = await _ended(process)
        return ended, self._words.decode("utf-8", "replace").strip().rpartition("\n")[2][:160]

    async def close(self) -> None:
        async with self._turn:
            await self._end(END_WAIT_S)


@dataclass(frozen=True, slots=True)
class Checkers:
    """Several children of one program, for checks that take long."""

    all: tuple[Checker, ...]

    async def ask(self, questions: Sequence[Mapping[str, Any]]) -> Sequence[Score]:
        found, waiting = dict[int, Score](), iter(enumerate(questions))

        async def work(checker: Checker) -> None:
            for place, question in waiting:
                found[place] = await checker.ask(question)

        async with asyncio.TaskGroup() as group:
            for checker in self.all:
                group.create_task(work(checker))
        return [found[place] for place in range(len(questions))]

    async def close(self) -> None:
        async with asyncio.TaskGroup() as group:
            for checker in self.all:
                group.create_task(checker.close())


async def _ended(process: asyncio.subprocess.Process) -> int | None:
    """Its exit code. What it still had to say is read away: a pipe that is full is never seen to close."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_WAIT_S):
            for pipe in (process.stdout, process.stderr):
                while pipe is not None and await pipe.read(1 << 16):
                    pass
            return await process.wait()
    return process.returncode


def _ending(code: int | None) -> str:
    """A kill is our own, most likely."""
    return "the checker ended" if code in (None, -signal.SIGKILL) else f"the checker ended, exit code {code}"


def _read(line: bytes, number: int) -> Score:
    """Raises `Garbled` when it is not what was asked for; a value out of range is the answer's bad luck only."""
    try:
        found = orjson.loads(line)
    except ValueError:
        raise Garbled(f"wrote no JSON: {line[:60].decode('utf-8', 'replace').strip()!r}") from None
    if not isinstance(found, dict) or cast(dict[str, Any], found).get("id") != number:
        raise Garbled(f'did not repeat "id": {number}')
    said = cast(dict[str, Any], found)
    if "unscored" in said:
        return unscored(f"the checker: {said['unscored']}")
    value, tag, evidence = said.get("value"), said.get("tag"), said.get("evidence")
    if isinstance(value, bool):
        value = float(value)
    if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        return unscored(f'the checker said "value": {str(value)[:40]}, not 0 to 1')
    return share(float(value), str(tag)[:80] if tag else None, str(evidence) if evidence else None)

"""Shows an archive in a terminal, a pipe or a pager: its calls a line each, as they are read, or one of them in full.

Law: nothing of a call reaches the terminal as a command: control characters are shown as pictures, markup as text. Pseudonyms are
underlined, so that nobody takes them for what a user wrote. A reader who closes the pipe has seen enough: no traceback.
"""

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from proxy.anonymize import pseudonyms
from proxy.dialects.reading import clean
from proxy.exchange import Prompt
from proxy.terminal import OBEYED
from replay.archive.asking import prompt_of
from replay.archive.labels import text_hash
from replay.archive.lookup import one_of
from replay.archive.messages import messages_of, settings_of, tools_of
from replay.archive.reader import Archive
from replay.archive.record import Record, RecordedAnswer, body_of, encode
from replay.faults import Wrong

COLUMNS = (("call", 36), ("arrived (UTC)", 19), ("workflow", 20), ("turn", 4), ("model", 24), ("chars", 8), ("outcome", 11))
"""Widths; the tags have what is left. An id is shown whole: those of one worker begin alike, and differ in their last figures."""
_GOOD = ("answered",)


def show(
    path: Path, console: Console, *, call: str | None = None, limit: int | None = None, workflow: str | None = None, as_json: bool = False
) -> None:
    """`call`: an id or the unique beginning of one. Raises Wrong."""
    if limit is not None and limit < 1:
        raise Wrong("--limit", str(limit), "a number of calls, 1 or more")
    with reader_may_leave(console):
        if call is not None:
            record = one_of(path, call)
            _write(console, encode(record).decode()) if as_json else _in_full(console, record)
        else:
            _list(path, console, limit, workflow, as_json)


@contextmanager
def reader_may_leave(console: Console) -> Generator[None]:
    """`| head` closes the pipe: rich turns that into an exit, which is no failure; what is written later goes nowhere."""
    try:
        yield
        console.file.flush()
    except BrokenPipeError:
        _nowhere(console)
    except SystemExit:
        if not console.quiet:
            raise


def _nowhere(console: Console) -> None:
    console.quiet = True
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), console.file.fileno())
    except (OSError, ValueError):
        return


# ---- a line for each call


def _list(path: Path, console: Console, limit: int | None, workflow: str | None, as_json: bool) -> None:
    shown = total = 0
    if not as_json:
        _line(console, Text("  ".join(name.ljust(width) for name, width in COLUMNS) + "  tags", style="bold"))
    for record in Archive(path).records():
        total += 1
        if workflow is not None and record.call.workflow != workflow:
            continue
        if limit is not None and shown >= limit:
            break  # what comes behind it was not asked for, and is not read
        shown += 1
        if as_json:
            _write(console, msgspec.json.encode(summary(record)).decode())
        else:
            _line(console, _row(record))
    if not as_json and limit is None:
        _line(console, Text(f"{shown:,} calls" if shown == total else f"{shown:,} of {total:,} calls", style="dim"))


def summary(record: Record) -> dict[str, object]:
    """What `--json` prints of each call; `text_hash` is what a label file may name it by."""
    call, prompt = record.call, prompt_of(record.call)
    read = prompt if isinstance(prompt, Prompt) else None
    return {
        "id": call.id, "arrived_at": call.arrived_at, "workflow": call.workflow, "conversation": call.conversation,
        "turn": call.turn or (read.turn if read else None), "dialect": call.dialect, "model": call.model or (read.model if read else None),
        "case_id": call.case_id, "chars": len(read.prompt_text) if read else None, "text_hash": text_hash(record) or None,
        "outcome": record.incumbent.outcome if record.incumbent else None, "expected": record.expected, "tags": record.tags,
        "why": record.why,
    }  # fmt: skip


def _row(record: Record) -> Text:
    found = summary(record)
    at = record.call.arrived_at
    outcome = str(found["outcome"] or "-")
    cells = (
        record.call.id, at.strftime("%Y-%m-%d %H:%M:%S") if at else "-", record.call.workflow, str(found["turn"] or "-"),
        str(found["model"] or "-"), "-" if found["chars"] is None else f"{found['chars']:,}", outcome,
    )  # fmt: skip
    row = Text()
    for (name, width), cell in zip(COLUMNS, cells, strict=True):
        text = safe(cell).replace("\n", " ")
        text = text if len(text) <= width else text[: width - 1] + "…"
        style = ("green" if cell in _GOOD else "dim" if cell == "-" else "red") if name == "outcome" else ""
        row.append(text.rjust(width) if name in ("turn", "chars") else text.ljust(width), style=style).append("  ")
    tags = [*record.tags, *(["expected"] if record.expected else [])]
    row.append(safe(" ".join(tags)).replace("\n", " "), style="cyan")
    row.rstrip()
    return row


# ---- one call


def _in_full(console: Console, record: Record) -> None:
    call = record.call
    _title(console, f"call {call.id}")
    facts = {
        "arrived": call.arrived_at and call.arrived_at.isoformat(), "workflow": call.workflow, "conversation": call.conversation,
        "turn": call.turn, "dialect": call.dialect, "path": call.path, "model": call.model, "stream": call.stream or None,
        "prompt version": call.prompt_version, "case": call.case_id, "source": call.source, "tags": " ".join(record.tags),
        "why": record.why, "text hash": text_hash(record),
    }  # fmt: skip
    _facts(console, facts)
    if record.fitness and record.fitness.verdict != "replayable":
        _facts(console, {record.fitness.verdict: record.fitness.reason})
    body = body_of(call)
    _facts(console, {key: text for key, text in settings_of(body).items() if key != "model"})
    for tool in tools_of(body):
        _part(console, f"tool {tool.name}", "\n".join(part for part in (tool.description, tool.parameters) if part))
    for message in messages_of(body):
        _part(console, message.role, message.text)
    if not body:
        _part(console, "request", "not in the archive")
    if record.incumbent:
        _answer(console, record.incumbent)
    if record.expected:
        _part(console, "expected", encode_expected(record))


def _answer(console: Console, answer: RecordedAnswer) -> None:
    text = "\n".join(part for part in (answer.text or "", *(f"→ {each.name}({each.arguments})" for each in answer.tool_calls)) if part)
    _part(console, f"answer of {answer.target}", text or "(no text)")
    skipped = ("target", "text", "tool_calls")
    _facts(
        console, {name: value for name in answer.__struct_fields__ if name not in skipped and (value := getattr(answer, name)) is not None}
    )


def encode_expected(record: Record) -> str:
    return msgspec.json.format(msgspec.json.encode(record.expected), indent=2).decode()


def _title(console: Console, words: str) -> None:
    _line(console, Text(safe(words), style="bold"))


def _facts(console: Console, facts: Mapping[str, object]) -> None:
    for name, value in facts.items():
        if value is not None and value != "":
            _line(console, Text(f"{safe(name):<15} ", style="dim").append_text(marked(str(value))))


def _part(console: Console, name: str, text: str) -> None:
    _line(console, Text(f"\n── {safe(name)}", style="bold cyan"))
    for line in text.split("\n"):
        _line(console, marked(line))


# ---- onto the terminal


def safe(text: str) -> str:
    """Text that a terminal only shows: `\\x1b` as ␛, what turns the direction of writing as �, lone surrogates replaced."""
    return OBEYED.sub(_picture, clean(text))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def marked(text: str) -> Text:
    """Its pseudonyms underlined."""
    shown = Text(safe(text))
    for start, end in pseudonyms(shown.plain):
        shown.stylize("underline", start, end)
    return shown


def _line(console: Console, text: Text) -> None:
    """Never wrapped by us: a pager scrolls, a terminal folds, and grep wants whole lines."""
    console.print(text, soft_wrap=True, highlight=False)


def _write(console: Console, text: str) -> None:
    console.file.write(text + "\n")

"""What the files of deploy/ say, read for the tests: YAML, commands, sizes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import understudy
from tests.harness import ROOT

DEPLOY = ROOT / "deploy"
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "": 1}
NAMES = sorted(name for name in understudy.app if not name.startswith("-"))
COMMAND = re.compile(rf"(?<![\w./-])(?:/opt/understudy/bin/)?understudy ((?:{'|'.join(NAMES)})\b[^\n;`]*)")


def documents(file: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(file.read_text("utf-8")) if each]


def bytes_of(size: str) -> int:
    """`512m`, `2Gi`."""
    found = re.fullmatch(r"(\d+)([A-Za-z]*)", size)
    assert found, size
    return int(found[1]) * UNITS[found[2]]


def commands(text: str) -> Iterator[list[str]]:
    """The words of every `understudy ...` in a script, unit or comment; what a shell would fill in is filled with a word."""
    flat = re.sub(r"\$\{last:\+([^}]*)\}", r"\1", text.replace("\\\n", " ").replace("$resume", "--resume"))
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", flat)
    filled = re.sub(r"\$\([^)]*\)|\$\{\w+\}|\$\w+", "word", filled)
    for found in COMMAND.finditer(filled):
        line = re.split(r" (?:\|\||&&|\|) | \?#", found[1])[0]
        yield shlex.split(line if line.count('"') % 2 == 0 else line.rstrip(' "'))


def parses(words: list[str]) -> None:
    """Raises what the command line raises for words it does not know."""
    understudy.app.parse_args(words, exit_on_error=False, print_error=False)

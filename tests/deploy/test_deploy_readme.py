"""deploy/README.md names every file beside it, and every command in deploy/ is one the command line takes."""

import re
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, commands, parses

README = (DEPLOY / "README.md").read_text("utf-8")
LINKS = re.findall(r"\]\(([^)#]+)\)", README)
FILES = [file for file in sorted(DEPLOY.rglob("*")) if file.is_file() and "__pycache__" not in file.parts and file.name != "README.md"]
OURS = [file for file in [*FILES, DEPLOY / "README.md"] if file.suffix in (".sh", ".yaml", ".yml", ".service", ".toml", ".md") and file.parent.name != "rubrics"]  # fmt: skip


def test_every_link_leads_somewhere() -> None:
    assert LINKS
    assert [link for link in LINKS if not (DEPLOY / link).exists()] == []


def test_every_file_is_named_or_in_a_folder_that_is() -> None:
    named = {(DEPLOY / link).resolve() for link in LINKS}
    assert [str(file) for file in FILES if named.isdisjoint((file, *file.parents))] == []


@pytest.mark.parametrize("file", OURS, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_its_commands_are_those_of_the_command_line(file: Path) -> None:
    for words in commands(file.read_text("utf-8")):
        parses(words)


def test_the_readme_shows_commands_and_the_way_out() -> None:
    assert len(list(commands(README))) >= 4
    assert "## How to take the proxy out of the path in one step" in README and "## What was not run" in README

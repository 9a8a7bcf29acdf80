"""What `check` says of a rollout's state: as its file has it, and whom it cannot be of any more."""

import dataclasses
import json
import os
import time
from pathlib import Path

import msgspec
import pytest

from proxy.commands.canary_state import STRAYS_TOLD, states
from proxy.config import Config
from proxy.config_file import parse
from proxy.rollout.change import change
from proxy.rollout.state import Asked
from proxy.rollout.state_file import beat, files_of
from tests.fakes.models import Models
from tests.harness import command, config

TEXT = """
[targets.gpt]
url = "http://127.0.0.1:9"
[targets.small]
url = "http://127.0.0.1:10"
model = "{model}"
[targets.third]
url = "http://127.0.0.1:11"
[[routes]]
name = "main"
incumbent = "gpt"
[[rollouts]]
name = "try"
route = "main"
candidate = "{candidate}"
"""
NOBODY = "guard has never spoken: the incumbent answers (no `understudy serve` runs)"


@dataclasses.dataclass
class Tried:
    folder: Path
    text: str = TEXT.format(model="small-2", candidate="small")

    @property
    def config(self) -> Config:
        return parse(self.text, folder=self.folder)

    @property
    def file(self) -> Path:
        return files_of(self.config, self.config.rollouts[0]).state

    def ask(self, *actions: str, share: float | None = None, why: str = "") -> None:
        for action in actions:
            asked = Asked(action=action, actor="ann@host", share=share if action == "start" else None, why=why)  # type: ignore[arg-type]
            change(self.config, self.config.rollouts[0], asked)

    def beat(self, ago_s: float) -> None:
        files = files_of(self.config, self.config.rollouts[0])
        beat(files, b"{}")
        os.utime(files.guard, (time.time() - ago_s, time.time() - ago_s))

    def said(self) -> list[tuple[str, bool]]:
        return states(self.config, time.time())


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    return Tried(tmp_path)


def test_none_yet_is_no_reason_to_look(tried: Tried) -> None:
    assert tried.said() == [("try: not started yet: `understudy rollout start try`", False)]


@pytest.mark.parametrize(
    ("actions", "ago_s", "begins", "ends", "warns"),
    [
        (["start"], 1.0, "try: running at 10 % of route main to small since 20", "guard spoke 1 s ago", False),
        (
            ["start"],
            60.0,
            "try: running at 10 % of route main to small since 20",
            "the incumbent answers (no `understudy serve` runs)",
            True,
        ),
        (["start"], None, "try: running at 10 % of route main to small since 20", NOBODY, True),
        (["start", "pause"], 1.0, "try: paused at 10 %", "guard spoke 1 s ago", False),
        (["start", "rollback"], None, "try: rolled back since 20", "gpt answers, and `understudy rollout start try` begins anew", False),
    ],
)
def test_a_state_is_told_with_since_when_by_whom_and_why(
    tried: Tried, actions: list[str], ago_s: float | None, begins: str, ends: str, warns: bool
) -> None:
    tried.ask(*actions, share=0.1, why="too terse [see #7]")
    if ago_s is not None:
        tried.beat(ago_s)
    [(text, found)] = tried.said()
    assert text.startswith(begins) and text.endswith(ends) and found is warns
    assert " UTC, by ann@host: too terse [see #7]; " in text


def test_a_finished_rollout_still_asks_for_its_change(tried: Tried) -> None:
    tried.ask("start", "finish", share=1.0)
    [(text, warns)] = tried.said()
    assert text.startswith("try: finished at 100 % of route main to small since ") and warns
    assert "`understudy rollout finish try` prints how" in text


def test_a_state_of_another_configuration_is_told_with_what_moved(tried: Tried) -> None:
    tried.ask("start", share=0.1)
    for text, why in (
        (TEXT.format(model="small-3", candidate="small"), "(running at 10 % then): the models behind were others; gpt answers"),
        (TEXT.format(model="small-2", candidate="third"), "(running at 10 % then): was small, is third; gpt answers"),
        (tried.text.replace('"small"', '"tiny"').replace(".small]", ".tiny]"), "then): there is no target 'small'; gpt answers"),
        (tried.text.replace('"main"', '"first"'), "then): there is no route 'main'; gpt answers"),
    ):
        [(said, warns)] = Tried(tried.folder, text).said()
        assert said.startswith("try: its state file is of another configuration ") and why in said and warns


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"null"])
def test_a_torn_state_is_told(tried: Tried, text: bytes) -> None:
    tried.ask("start")
    tried.file.write_bytes(text)
    [(said, warns)] = tried.said()
    assert said == "try: its state file cannot be read; gpt answers, and `understudy rollout start try` begins anew" and warns


def test_files_of_rollouts_that_are_no_more_are_told_and_a_few_at_most(tried: Tried) -> None:
    tried.ask("start", share=0.1, why="a test")
    tried.beat(1.0)
    for text in (tried.text.replace('"try"', '"next"'), tried.text.partition("[[rollouts]]")[0]):
        said, warns = Tried(tried.folder, text).said()[-1]
        assert said.startswith("rollouts/try.json says running at 10 % of route main to small since ") and warns
        assert said.endswith("by ann@host: a test; no rollout is called 'try': nobody follows it, remove it")
    gone = tried.text.partition("[[rollouts]]")[0].replace(".small]", ".tiny]")
    assert "no rollout is called 'try', there is no target 'small': nobody" in Tried(tried.folder, gone).said()[0][0]
    for number in range(STRAYS_TOLD + 3):
        (tried.file.parent / f"old-{number:02}.json").write_bytes(b"torn")
    said = [text for text, _ in tried.said()]
    assert said[1] == "rollouts/old-00.json is torn or another's, and no rollout is called 'old-00': nobody follows it, remove it"
    assert len(said) == 1 + STRAYS_TOLD + 1 and said[-1] == "3 more state files of rollouts that are not configured"


def test_the_state_of_a_rollout_that_was_finished_and_written_into_the_configuration_is_no_reason_to_look(tried: Tried) -> None:
    tried.ask("start", "finish", share=1.0)
    switched = tried.text.partition("[[rollouts]]")[0].replace('incumbent = "gpt"', 'incumbent = "small"')
    [(said, warns)] = Tried(tried.folder, switched).said()
    assert said.endswith(": finished, and small is the incumbent of main: it may be removed") and not warns


def test_check_prints_it_and_never_fails_for_it(tmp_path: Path) -> None:
    with Models() as models:
        text = config(TEXT.format(model="m", candidate="small").replace('127.0.0.1:9"', models.url.partition("//")[2] + '"'))
        text = text.replace("http://127.0.0.1:10", models.url).replace("http://127.0.0.1:11", models.url)
        (tmp_path / "understudy.toml").write_text(text)
        assert "not started yet" in command("check", cwd=tmp_path, env={"COLUMNS": "200"}).stdout
        started = command("rollout", "start", "try", "--why", r"it [seems] \[/red] fine", cwd=tmp_path)
        assert started.returncode == 0 and "no `understudy serve` runs" in started.stderr
        (tmp_path / "rollouts" / "old\x1b[2J.json").write_bytes(b"torn")
        done = command("check", cwd=tmp_path, env={"COLUMNS": "200"})
        lines = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("rollout ")]
        assert done.returncode == 0 and len(lines) == 2 and all(line.startswith("! ") for line in lines)
        assert (
            r": it [seems] \[/red] fine; guard has never spoken" in lines[0]
            and "rollouts/old\ufffd[2J.json is torn or another's" in lines[1]
        )
        machine = json.loads(command("check", "--json", cwd=tmp_path).stdout)
        assert [line["warns"] for line in machine["plan"] if line["topic"] == "rollout"] == [True, True]


def test_what_a_hand_wrote_into_a_state_is_told_like_any_other(tried: Tried) -> None:
    """Times and versions that no change of ours would make."""
    tried.ask("start")
    state = msgspec.json.decode(tried.file.read_bytes())
    for changed_us in (0, -(10**18), 2**62):
        tried.file.write_bytes(msgspec.json.encode({**state, "changed_us": changed_us}))
        [(said, _)] = tried.said()
        assert said.startswith("try: running at 1 % of route main to small")

"""`understudy rollout` as a person meets it, with nothing else running and beside a real `serve`."""

import json
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from proxy.config_file import load
from proxy.rollout.report import Report, Wait
from proxy.rollout.state_file import beat, files_of, read
from tests.fakes.models import Models
from tests.harness import COMMAND, Serve, command, config, until

TEXT = """
[targets.gpt]
url = "{gpt}"
[targets.small]
url = "{small}"
model = "small-2"
api_key_env = "SMALL_KEY"

[[routes]]
name = "main"
incumbent = "gpt"       # stays until we are sure
repeat = 0.05
shadow = [ {{ target = "small", share = 1.0 }} ]

# the switch
[[rollouts]]
name = "canary"
route = "main"
candidate = "small"
guard_fresh_s = 600
[rollouts.limits]
error_rate = 0.05

# kinds of calls
[[workflows]]
name = "w"
"""
USER = pwd.getpwuid(os.getuid()).pw_name
SUBCOMMANDS = ["status", "start", "promote", "pause", "resume", "rollback", "finish"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "understudy.toml").write_text(TEXT.format(gpt="http://127.0.0.1:9", small="http://127.0.0.1:10"))
    return tmp_path


def rollout(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = command("rollout", *words, cwd=folder)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done


def guard_says(folder: Path, **more: object) -> None:
    """What a guard says of the state as it is now."""
    found = load(folder / "understudy.toml")
    files = files_of(found, found.rollouts[0])
    state = read(files)
    report = Report(rollout="canary", at_us=int(time.time() * 1e6), version=state.version if state else 0, **more)  # type: ignore[arg-type]
    beat(files, msgspec.json.encode(report))


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_each_help_shows_an_example(name: str) -> None:
    done = command("rollout", name, "--help", env={"COLUMNS": "200"})
    assert done.returncode == 0 and f"Example: understudy rollout {name}" in done.stdout


def test_a_rollout_from_its_start_to_its_end_without_anything_running(folder: Path) -> None:
    assert "canary: route main, candidate small: idle" in rollout(folder, "status").stdout
    started = rollout(folder, "start", "canary", "--why", "a try")
    assert started.stdout.startswith("canary: running at 1 % of main, gpt → small") and "next step: 5 %" in started.stdout
    assert "no `understudy serve` runs" in started.stderr and "nobody is watching" in started.stderr
    assert "found running at 1 %, expected" in rollout(folder, "start", "canary", code=2).stderr
    assert "paused at 1 %" in rollout(folder, "pause", "canary").stdout
    assert "found paused, expected a rollout that is running (resume it first)" in rollout(folder, "promote", "canary", code=2).stderr
    rollout(folder, "resume", "canary")
    assert "running at 5 %" in rollout(folder, "promote", "canary").stdout
    assert "running at 100 %" in rollout(folder, "promote", "canary", "--share", "1").stdout
    rollout(folder, "finish", "canary")
    assert "found finished" in rollout(folder, "start", "canary", code=2).stderr
    told = json.loads(rollout(folder, "rollback", "canary", "--why", "no", "--json").stdout)
    assert (told["state"], told["share"], told["effective_share"], told["why"]) == ("rolled_back", 0.0, 0.0, "no")
    assert [each["action"] for each in told["log"]] == ["start", "pause", "resume", "promote", "promote", "finish", "rollback"]
    assert {each["actor"].partition("@")[0] for each in told["log"]} == {USER}
    status = rollout(folder, "status", "canary").stdout
    assert f"start by {USER}@" in status and ": running 1 %: a try" in status and ": rolled back 0 %: no" in status


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["promote", "canary"], "understudy: rollout canary: promote: found idle, expected a rollout that is running (start it first)"),
        (["pause", "canary"], "understudy: rollout canary: pause: found idle, expected a rollout that is running (start it first)"),
        (["start", "canary", "--share", "1.5"], "found share 1.5, expected more than 0 and at most 1"),
        (["start", "canary", "--share", "nan"], "found share nan, expected more than 0 and at most 1"),
        (["start", "cannary"], "no rollout 'cannary', expected one of: canary"),
        (["status", "cannary"], "no rollout 'cannary', expected one of: canary"),
        (["rollback", "canary", "--why", " "], "found nothing, expected the reason"),
        (["rollback", "canary"], "--why"),
        (["finish", "canary"], "a share of 1"),
    ],
)
def test_what_is_refused_ends_with_2_and_one_line_and_changes_nothing(folder: Path, words: list[str], said: str) -> None:
    done = rollout(folder, *words, code=2)
    assert said in done.stderr and len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert not list((folder / "rollouts").glob("*.json"))


def test_a_person_promotes_before_the_guard_would_and_reads_what_was_missing(folder: Path) -> None:
    rollout(folder, "start", "canary")
    wait = Wait(name="pairs", have=84, need=200, unit="pairs", words="84 of 200 pairs")
    guard_says(folder, state="running", share=0.01, waits=[wait], words=["84 pairs seen"])
    said = rollout(folder, "status").stdout
    assert "84 pairs seen" in said and "the guard has said nothing" not in said
    done = rollout(folder, "promote", "canary")
    assert "done without waiting for: 84 of 200 pairs" in done.stdout and "nobody is watching" not in done.stderr
    assert json.loads(rollout(folder, "promote", "canary", "--json").stdout)["missing"] == ["the guard's first word on this step"]


@pytest.mark.skipif(shutil.which("patch") is None, reason="no `patch` on this machine")
def test_finish_prints_a_diff_that_patches_the_file_into_what_it_says(folder: Path) -> None:
    rollout(folder, "start", "canary", "--share", "1")
    done = rollout(folder, "finish", "canary")
    assert "reverse shadow falls to repeat = 0.05" in done.stdout and "give the app a key of it first" in done.stdout
    assert "make model of small part of the app first" in done.stdout
    told = json.loads(rollout(folder, "finish", "canary", "--json").stdout)
    patched = subprocess.run(
        ["patch", "-p0"], input=told["configuration_change"] + "\n", text=True, cwd=folder, capture_output=True, check=False
    )
    assert patched.returncode == 0, patched.stdout
    after = load(folder / "understudy.toml")
    assert after.routes[0].incumbent == "small" and after.rollouts == [] and [leg.target for leg in after.routes[0].shadow] == ["gpt"]
    text = (folder / "understudy.toml").read_text()
    assert "# stays until we are sure" in text and "the switch" not in text and "# kinds of calls\n[[workflows]]" in text


def test_a_file_that_cannot_be_edited_line_by_line_gets_the_change_in_words(folder: Path) -> None:
    file = folder / "understudy.toml"
    inline = 'routes = [ { name = "main", incumbent = "gpt" } ]\nrollouts = [ { name = "canary", route = "main", candidate = "small" } ]\n'
    file.write_text(inline + '[targets.gpt]\nurl = "http://127.0.0.1:9"\n[targets.small]\nurl = "http://127.0.0.1:10"\n')
    rollout(folder, "start", "canary", "--share", "1")
    assert "routes 'main': incumbent = \"small\"" in rollout(folder, "finish", "canary").stdout


def test_without_a_rollout_one_line_says_how_to_have_one(tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text('[targets.a]\nurl = "http://127.0.0.1:9"\n[[routes]]\nname = "main"\nincumbent = "a"\n')
    said = rollout(tmp_path, "status").stdout
    assert "add [[rollouts]]" in said and len(said.splitlines()) == 1
    assert json.loads(rollout(tmp_path, "status", "--json").stdout) == {"rollouts": []}


def test_status_says_that_a_state_is_torn_or_of_another_configuration(folder: Path) -> None:
    rollout(folder, "start", "canary")
    state = folder / "rollouts" / "canary.json"
    whole = state.read_bytes()
    state.write_bytes(whole[:50])
    assert "idle" in (said := rollout(folder, "status").stdout.splitlines())[0] and "cannot be read" in said[1]
    state.write_bytes(whole)
    file = folder / "understudy.toml"
    file.write_text(file.read_text().replace("small-2", "small-3"))
    assert "of another configuration (running at 1 % then)" in rollout(folder, "status").stdout


def test_followed_status_prints_what_happens_as_it_happens(folder: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "rollout", "status", "--follow"], cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ
    ) as following:
        assert following.stdout is not None
        try:
            assert "idle" in following.stdout.readline()
            rollout(folder, "start", "canary", "--why", "go on")
            for line in following.stdout:
                if ": running 1 %: go on" in line:
                    break
        finally:
            following.kill()


def test_beside_a_serve_a_rollback_works_with_its_recorder_dead_and_serve_says_how_it_stands(tmp_path: Path) -> None:
    with Models("gpt") as gpt, Models("small") as small:
        text = config(TEXT.format(gpt=gpt.url, small=small.url))
        with Serve(tmp_path, text, env={"SMALL_KEY": "k"}) as serve:
            done = rollout(tmp_path, "start", "canary")
            assert "no `understudy serve`" not in done.stderr
            assert "rollout canary: idle, route main, gpt → small" in serve.log.read_text()
            row = json.loads(serve.get("/api/status")[1])["rollouts"][0]
            assert (row["rollout"], row["state"], row["share"]) == ("canary", "running", 0.01)
            os.kill(serve.pid_of("recorder"), 9)
            assert "rolled back" in rollout(tmp_path, "rollback", "canary", "--why", "recorder died").stdout
            sql = "SELECT event, reason FROM rollout_events ORDER BY happened_at"
            until(lambda: serve.query(sql) == [("start", ""), ("rollback", "recorder died")], 60, lambda: serve.query(sql))
            actors = {str(row[0]).partition("@")[0] for row in serve.query("SELECT actor FROM audit WHERE action LIKE 'rollout.%'")}
            assert actors == {USER}

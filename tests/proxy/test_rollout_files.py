"""A rollout's files under everything that happens to files: torn, lost, foreign, locked, full, raced for, killed in the middle."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from proxy.config import Config, Rollout, Route, Store, Target
from proxy.config_rules import faults_of
from proxy.faults import Wrong
from proxy.rollout.change import change, state_of
from proxy.rollout.report import Report, read_report
from proxy.rollout.state import Asked, State, fresh
from proxy.rollout.state_file import Busy, Files, beat, files_of, locked, read
from proxy.rollout.watch import NO_GUARD, Watch
from tests.harness import ROOT

CANARY = Rollout(name="canary", route="main", candidate="small", guard_fresh_s=600)
PRELUDE = """
    import os, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from tests.proxy.test_rollout_files import a_config, CANARY, change, Asked, state_of, files_of, read, beat
    config = a_config(Path(sys.argv[1]))
    files = files_of(config, CANARY)
"""


def a_config(folder: Path, *, model: str = "small-2", name: str = "canary") -> Config:
    return Config(
        targets={"gpt": Target(url="http://127.0.0.1:9"), "small": Target(url="http://127.0.0.1:10", model=model)},
        routes=[Route(name="main", incumbent="gpt")],
        rollouts=[msgspec.structs.replace(CANARY, name=name)],
        store=Store(),
        folder=str(folder),
    )


def do(config: Config, action: str, **more: object) -> State:
    return change(config, CANARY, Asked(action=action, actor="ann", **more))  # type: ignore[arg-type]


def other_process(folder: Path, text: str) -> subprocess.Popen[str]:
    """A second process with `config` and `files` at hand."""
    script = textwrap.dedent(PRELUDE) + textwrap.dedent(text)
    words = [sys.executable, "-P", "-c", script, str(folder), str(ROOT)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def another(folder: Path, text: str) -> Generator[subprocess.Popen[str]]:
    with other_process(folder, text) as process:
        try:
            yield process
        finally:
            process.kill()


def watched(config: Config, share: float = 0.25) -> Watch:
    """A started rollout with a guard that spoke just now."""
    do(config, "start", share=share)
    beat(files_of(config, CANARY), msgspec.json.encode(Report(rollout="canary", at_us=1)))
    return Watch(config, CANARY)


def test_a_change_holds_for_the_very_next_call(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    watch = watched(config)
    for _ in range(20):
        plan = watch.plan()
        assert plan is not None and not isinstance(plan, str) and plan.share == 0.25
        do(config, "rollback")
        assert watch.plan() is None
        do(config, "start", share=0.25)


@pytest.mark.parametrize("cut", [0, 1, 40, 200, -1])
def test_a_torn_state_takes_no_call_and_a_rollback_leaves_a_whole_one(tmp_path: Path, cut: int) -> None:
    config = a_config(tmp_path)
    watch, files = watched(config), files_of(config, CANARY)
    files.state.write_bytes(files.state.read_bytes()[:cut])
    assert watch.plan() is None and state_of(config, CANARY) == fresh(config, CANARY)
    assert do(config, "rollback").state == "rolled_back"
    found = read(files)
    assert found is not None and found.state == "rolled_back" and watch.plan() is None


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00", b"[]", b"null", b"{}", b'{"rollout":"other","route":"main","candidate":"small","share":1,"state":"running"}',
        b'{"rollout":"canary","route":"main","candidate":"small","share":7,"state":"running"}',
        b'{"rollout":"canary","route":"main","candidate":"small","share":1,"state":"flying"}',
        b'{"rollout":"canary","route":"main","candidate":"small","share":1,"state":"running"}', b"\x00" * 500,
    ],
)  # fmt: skip
def test_a_state_that_nobody_of_us_wrote_takes_no_call(tmp_path: Path, data: bytes) -> None:
    config = a_config(tmp_path)
    watch = watched(config)
    files_of(config, CANARY).state.write_bytes(data)
    assert watch.plan() is None


def test_a_lost_state_or_folder_takes_no_call(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    watch, files = watched(config), files_of(config, CANARY)
    files.state.unlink()
    assert watch.plan() is None
    do(config, "start")
    assert watch.plan() is not None
    files.folder.rename(tmp_path / "gone")
    assert watch.plan() is None and state_of(config, CANARY).version == 0


def test_a_state_of_another_configuration_takes_no_call(tmp_path: Path) -> None:
    watched(a_config(tmp_path))
    other = a_config(tmp_path, model="small-3")
    assert Watch(other, CANARY).plan() is None and state_of(other, CANARY).state == "idle"


def test_a_guard_that_speaks_no_more_takes_every_call_away_until_it_speaks_again(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    watch, files = watched(config), files_of(config, CANARY)
    found = files.guard.stat()
    for ago_s in (CANARY.guard_fresh_s + 1, -CANARY.guard_fresh_s - 100):  # a clock that was set back vouches for nothing either
        os.utime(files.guard, (found.st_atime, found.st_mtime - ago_s))
        assert watch.plan() == NO_GUARD
    files.guard.unlink()
    assert watch.plan() == NO_GUARD
    beat(files, b"{}")
    assert not isinstance(watch.plan(), str | None)


def test_a_torn_word_of_the_guard_is_no_report(tmp_path: Path) -> None:
    files = Files(tmp_path, "canary")
    assert read_report(files) is None
    beat(files, b'{"rollout": "cana')
    assert read_report(files) is None


def test_who_meets_a_held_lock_waits_and_then_says_so_and_a_rollback_removes_the_state(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    watch, files = watched(config), files_of(config, CANARY)
    holding = "import fcntl\nlock = open(files.lock)\nfcntl.flock(lock, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()"
    with another(tmp_path, holding) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(Busy), locked(files, 0.05):
            pass
        with pytest.raises(Wrong, match="held by another process"):
            change(config, CANARY, Asked(action="promote", actor="ann"), wait_s=0.05)
        assert watch.plan() is not None
        with pytest.raises(Wrong, match="state was removed instead: the incumbent answers"):
            change(config, CANARY, Asked(action="rollback", actor="ann"), wait_s=0.05)
        assert watch.plan() is None
    assert do(config, "rollback").state == "rolled_back"  # the lock died with its holder


FULL = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
    words = []
    for action in ("promote", "pause", "rollback"):
        try:
            words.append(change(config, CANARY, Asked(action=action, actor="ann", why="x")).state)
        except Exception as error:
            words.append(type(error).__name__)
        words.append(read(files).state if read(files) else "none")
    print(*words)
"""


def test_on_a_full_disk_nothing_rises_and_a_rollback_still_works(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    watch = watched(config)
    with other_process(tmp_path, FULL) as process:
        said = process.communicate(timeout=60)[0].splitlines()[-1].split()  # above it is the log
    assert said == ["Wrong", "running", "Wrong", "running", "rolled_back", "none"] and process.returncode == 0
    assert watch.plan() is None and not list(files_of(config, CANARY).folder.glob("*.tmp"))
    assert do(config, "rollback").state == "rolled_back"  # there is room again


def test_a_folder_that_cannot_be_written_is_said_and_changes_nothing(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    config.rollouts_folder.write_text("a file where the folder belongs")
    with pytest.raises(Wrong, match="a folder that can be written"):
        do(config, "start")


GUARD = """
    print("ready", flush=True)
    while True:
        state = state_of(config, CANARY)
        beat(files, b'{"rollout":"canary","at_us":1,"state":"running","share":1.0}')
        try:
            change(config, CANARY, Asked(action="promote", actor="guard", version=state.version))
        except Exception as error:
            assert type(error).__name__ == "Wrong", error
"""


def test_a_guard_that_beats_and_promotes_never_undoes_a_rollback(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    files = files_of(config, CANARY)
    with another(tmp_path, GUARD) as guard:
        assert guard.stdout is not None and guard.stdout.readline() == "ready\n"
        for _ in range(200):
            do(config, "start")
            made = do(config, "rollback", why="now")
            for _ in range(20):
                found = read(files)
                assert found is not None and (found.state, found.version) == ("rolled_back", made.version)
        assert guard.poll() is None
    assert files.guard.exists()


KILLED = """
    import signal
    def dying(at):
        count = 0
        def trace(frame, event, arg):
            nonlocal count
            if not frame.f_code.co_filename.endswith(("state_file.py", "rollout/change.py", "rollout/state.py")):
                return None
            if event == "line":
                count += 1
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace
        return trace
    for action, before in (("promote", "start"), ("rollback", "start")):
        at = 0
        while True:
            at += 1
            change(config, CANARY, Asked(action="rollback", actor="ann"))
            old = change(config, CANARY, Asked(action=before, actor="ann"))
            pid = os.fork()
            if pid == 0:
                sys.settrace(dying(at))
                change(config, CANARY, Asked(action=action, actor="ann"))
                os._exit(0)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            found = read(files)
            new = ("running", 0.05) if action == "promote" else ("rolled_back", 0.0)
            assert found is not None and (found == old or (found.state, found.share) == new), (at, found)
            if code == 0:
                assert (found.state, found.share) == new
                break
        print(action, at)
"""


def test_kill_9_at_every_line_of_a_change_leaves_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    with other_process(tmp_path, KILLED) as process:
        said = process.communicate(timeout=120)[0].split()
    assert process.returncode == 0 and [said[0], said[2]] == ["promote", "rollback"]
    assert min(int(said[1]), int(said[3])) > 30


def test_each_change_is_told_to_the_journal_with_who_and_why(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    do(config, "start")
    do(config, "rollback", why="it refuses", call_ids=("a", "b"))
    lines = [json.loads(line) for path in sorted(config.journal_folder.iterdir()) for line in path.read_bytes().splitlines()]
    told = [line for line in lines if line.get("rollout") == "canary"]
    assert [(each["action"], each["share"], each["actor"]) for each in told] == [("start", 0.01, "ann"), ("rollback", 0.0, "ann")]
    assert told[1]["why"] == "it refuses" and told[1]["call_ids"] == ["a", "b"]
    assert [line["action"] for line in lines if line.get("detail")] == ["rollout.start", "rollout.rollback"]


def test_the_files_are_nobody_elses(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    watched(config)
    files = files_of(config, CANARY)
    assert {path.stat().st_mode & 0o777 for path in (files.state, files.guard, files.lock)} == {0o600}
    assert files.folder.stat().st_mode & 0o777 == 0o700


def test_no_rollouts_state_is_anothers_guard() -> None:
    found = [fault.key for fault in faults_of(a_config(Path(), name="canary.guard"), "x")]
    assert "rollouts[0].name" in found and faults_of(a_config(Path()), "x") == []

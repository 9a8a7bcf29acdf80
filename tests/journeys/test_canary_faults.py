"""Rollouts in every state while the processes of `serve` are killed and files vanish: never more than the allowed share, and no client fails."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.fakes.models import Models
from tests.harness import Serve, config, until
from tests.journeys.canary_kit import GOOD, Callers, Desk, canaries_seen, may_be_taken, targets

SHARE = 0.3
ALLOWED = {"idle": 0.0, "running": SHARE, "paused": SHARE, "rolled_back": 0.0, "finished": 1.0}
RATE = 15.0
KEYS = {"steps": f"[{SHARE}, 1.0]", "guard_fresh_s": "3.0", "fallback_after_s": "5.0", "limits": "{ error_rate = 0.9 }"}


@dataclass
class Stage:
    serve: Serve
    desk: Desk
    callers: Callers
    new: dict[str, Models]
    marks: dict[str, int]

    def seen_since(self, name: str) -> int:
        """Calls of clients that the candidate got since the last time somebody asked."""
        count = len(canaries_seen(self.new[name]))
        before, self.marks[name] = self.marks.get(name, 0), count
        return count - before


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        old = stack.enter_context(Models(text=lambda asked: GOOD))
        new = {name: stack.enter_context(Models(text=lambda asked: GOOD)) for name in ALLOWED}
        body = "".join(targets(name, old, new[name], **KEYS) for name in ALLOWED)
        serve = stack.enter_context(Serve(tmp_path_factory.mktemp("faults"), config(body, server="workers = 2")))
        desk = Desk(serve)
        for name in ("running", "paused", "rolled_back"):
            desk.ask(name, "start")
        desk.ask("paused", "pause")
        desk.ask("rolled_back", "rollback", why="no reason")
        desk.ask("finished", "start", share=1.0)
        desk.ask("finished", "finish")
        callers = stack.enter_context(Callers(serve.url, dict.fromkeys(ALLOWED, RATE), conversations=400))
        yield Stage(serve, desk, callers, new, {})


def works(stage: Stage) -> None:
    """Canaries are served where they should be, and nowhere else."""
    for name in ALLOWED:
        stage.seen_since(name)
    wanted = [name for name, share in ALLOWED.items() if share]
    got: dict[str, int] = dict.fromkeys(ALLOWED, 0)

    def all_served() -> bool:
        for name in ALLOWED:
            got[name] += stage.seen_since(name)
        return all(got[name] > 3 for name in wanted)

    until(all_served, 60, lambda: got)
    sound(stage)


def quiet(stage: Stage, *names: str) -> bool:
    """For one and a half seconds, in which each rollout had some twenty calls, none went to these candidates."""
    for name in names:
        stage.seen_since(name)
    time.sleep(1.5)
    return not any(stage.seen_since(name) for name in names)


def sound(stage: Stage) -> None:
    """Whom the candidates have ever answered lies in the share they were allowed."""
    for name in ALLOWED:
        in_its_share(stage, name)
        assert stage.desk.state(name).state == name or not stage.desk.files(name).exists()


def in_its_share(stage: Stage, name: str) -> None:
    """All that its candidate got since it was started."""
    texts, starts = set(canaries_seen(stage.new[name])), stage.desk.state(name).starts
    assert all(may_be_taken(name, ALLOWED[name], starts, text) for text in texts), name


def no_client_failed(stage: Stage) -> None:
    assert stage.callers.failed == []


def test_canaries_are_served_in_the_states_that_allow_it(stage: Stage) -> None:
    works(stage)
    no_client_failed(stage)


@pytest.mark.parametrize("victim", ["recorder", "shadow"])
def test_a_killed_process_behind_the_worker_changes_nothing(stage: Stage, victim: str) -> None:
    pid = stage.serve.pid_of(victim)
    os.kill(pid, signal.SIGKILL)
    until(lambda: stage.serve.pid_of(victim) != pid)
    works(stage)
    no_client_failed(stage)


def test_while_no_guard_watches_the_incumbent_answers_and_a_rollback_works(stage: Stage) -> None:
    desk, pid = stage.desk, stage.serve.pid_of("recorder")
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: quiet(stage, "running", "paused"))
        assert stage.seen_since("finished") > 0
        desk.ask("running", "rollback", why="with the recorder dead")
    finally:
        os.kill(pid, signal.SIGCONT)
    time.sleep(2.0)
    assert stage.seen_since("running") == 0
    in_its_share(stage, "running")
    stage.new["running"].seen.clear()  # what it gets from here on is another draw's
    stage.marks["running"] = 0
    desk.ask("running", "start")
    works(stage)
    no_client_failed(stage)


def test_a_killed_worker_costs_the_calls_on_its_own_connections_at_most(stage: Stage) -> None:
    pid, at = stage.serve.pid_of("worker-1"), time.time()
    os.kill(pid, signal.SIGKILL)
    until(lambda: stage.serve.pid_of("worker-1") != pid)
    works(stage)
    failed = stage.callers.failed[:]
    stage.callers.failed.clear()
    lost = ("Disconnected", "ClientOSError", "ClientPayloadError", "reset")
    assert all(when - at < 30.0 and any(word in what for word in lost) for _, when, what in failed), failed
    assert len(failed) <= 40


def test_a_killed_supervisor_leaves_everything_as_it_is_and_a_new_one_takes_over(stage: Stage) -> None:
    process = stage.serve.process
    assert process is not None
    process.kill()
    process.wait(60)
    works(stage)
    address = stage.serve.url
    text = stage.serve.file.read_text()
    where = stage.serve.where
    assert where is not None
    stage.serve.file.write_text(
        text.replace('listen = "127.0.0.1:0"', f'listen = "{where.listen}"').replace('admin = "127.0.0.1:0"', f'admin = "{where.admin}"')
    )
    stage.serve.start()
    assert stage.serve.url == address
    works(stage)
    no_client_failed(stage)


def test_a_reload_keeps_every_state(stage: Stage) -> None:
    process = stage.serve.process
    assert process is not None
    before = stage.serve.pid_of("recorder")
    process.send_signal(signal.SIGHUP)
    until(lambda: stage.serve.pid_of("recorder") != before)
    works(stage)
    no_client_failed(stage)


def test_a_state_that_vanishes_means_the_incumbent_and_a_rollback_still_works(stage: Stage) -> None:
    for name in ALLOWED:
        stage.desk.files(name).unlink(missing_ok=True)
    until(lambda: quiet(stage, *ALLOWED))
    for name in ALLOWED:
        assert stage.desk.ask(name, "rollback", why="lost").state == "rolled_back"
    no_client_failed(stage)

"""The guard of a rollout when somebody sets the clock: back to before the start, all that comes looks as if it were before it."""

from pathlib import Path

from proxy.rollout.state_file import files_of
from tests.scoring.guard.rollouts import Watched


def test_a_guard_whose_clock_was_set_back_to_before_the_start_does_not_say_that_it_watches(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.turn()
    files = files_of(watched.config, watched.rollout)
    assert files.guard.exists()
    files.guard.unlink()
    watched.now_s -= 3600
    watched.canary(40, outcome="errored", status=500, text=None, failure_class="loud")
    watched.turn()
    assert not files.guard.exists(), "it counted none of these, so it must not vouch for them"
    watched.now_s += 3600
    watched.turn()
    assert files.guard.exists()

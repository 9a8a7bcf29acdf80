"""`understudy score` on real stores: what is missing is scored once, what is there stays, and killing it loses nothing."""

import contextlib
import random
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.faults import Wrong
from proxy.rows import Round
from proxy.store import Store
from scoring.criteria.command import Command
from scoring.rubric import Dimension, Rubric
from scoring.rubric_file import read
from scoring.run import filling
from scoring.run.filling import Done, Wanted, fill
from tests.harness import until
from tests.proxy.stored import NOON, a_call, a_decision, an_exchange, an_incumbent
from tests.scoring.stored import Ends, a_rubric, a_store, pairs

AT = NOON.replace(tzinfo=None)
SUMS = """SELECT target, role, criterion, cluster, pairs, incumbent, candidate, difference, first_incumbent, first_candidate, unscored
          FROM cluster_scores ORDER BY ALL"""


def filled(store: Store, rubric: Rubric | None = None, **more: Any) -> Done:
    return fill(store.path, rubric or a_rubric(), Wanted(**more), AT)


def marks(store: Store, criterion: str) -> list[tuple[Any, ...]]:
    return store.query("SELECT target, role, value, state, tag FROM scores WHERE criterion = $1 ORDER BY ALL", [criterion]).rows


def test_every_answer_is_scored_once_and_asking_again_does_nothing(tmp_path: Path) -> None:
    store = a_store(tmp_path, pairs(range(3), ours="yes"))
    done = filled(store)
    assert (done.pairs, done.missing) == (3, 3)
    assert marks(store, "ends") == [("big", "incumbent", 1.0, "ok", "stop")] * 3 + [("small", "candidate", 0.0, "ok", "open")] * 3
    assert marks(store, "same") == [("small", "candidate", 0.0, "ok", None)] * 3
    before = store.query("SELECT count(*) FROM scores").rows
    assert filled(store).pairs == 0 and store.query("SELECT count(*) FROM scores").rows == before


def test_sums_of_clusters_hold_both_sides_and_their_difference(tmp_path: Path) -> None:
    store = a_store(tmp_path, pairs(range(4), ours="yes", conversation="one"), pairs(range(10, 12), conversation="two"))
    filled(store)
    found = store.query("SELECT pairs, incumbent, candidate, difference FROM cluster_scores WHERE criterion = 'ends' ORDER BY pairs").rows
    assert found == [(2, 2.0, 2.0, 0.0), (4, 4.0, 0.0, -4.0)]


def test_a_later_turn_adds_to_its_conversation(tmp_path: Path) -> None:
    store = a_store(tmp_path, pairs([1], ours="yes", conversation="one"))
    filled(store)
    store.commit(pairs([2, 3], conversation="one"))
    assert filled(store).pairs == 2
    assert store.query("SELECT pairs, difference, first_candidate FROM cluster_scores WHERE criterion = 'ends'").rows == [(3, -1.0, 0.0)]


def test_agreement_counts_only_beside_the_incumbents_agreement_with_itself(tmp_path: Path) -> None:
    store = a_store(tmp_path, pairs([1], ours="no.", repeat="yes."), pairs([2], ours="no."))
    filled(store)
    found = store.query("SELECT role, pairs, incumbent, candidate, difference FROM cluster_scores WHERE criterion = 'same' ORDER BY 1").rows
    assert found == [("candidate", 1, 1.0, 0.0, -1.0), ("repeat", 1, 1.0, 1.0, 0.0)]
    assert store.query("SELECT across, first_across, incumbent, candidate FROM noise").rows == [(1.0, 1.0, 0.0, None)]


def test_a_call_whose_second_answer_is_still_to_come_waits_for_it(tmp_path: Path) -> None:
    asked = a_decision(1, target="big", role="repeat", decided_at=NOON)
    store = a_store(tmp_path, pairs([1], ours="no."), Round(decisions=(asked,)))
    assert fill(store.path, a_rubric(), Wanted(), AT + timedelta(minutes=1)).missing == 0
    store.commit(Round(exchanges=(an_exchange(1, text="yes.", target="big", role="repeat"),)))
    assert fill(store.path, a_rubric(), Wanted(), AT + timedelta(minutes=2)).pairs == 2
    assert store.query("SELECT count(*) FROM noise").rows == [(1,)]


def test_a_second_answer_that_never_comes_holds_nobody_up(tmp_path: Path) -> None:
    asked = a_decision(1, target="big", role="repeat", decided_at=NOON)
    store = a_store(tmp_path, pairs([1], ours="no."), Round(decisions=(asked,)))
    assert fill(store.path, a_rubric(), Wanted(), AT + timedelta(minutes=6)).pairs == 1


def test_another_unit_of_evidence_is_summed_anew(tmp_path: Path) -> None:
    store = a_store(tmp_path, *(pairs([number], conversation=f"c{number}") for number in range(5)))
    for unit, clusters in (("conversation", 5), ("prompt", 1)):
        (tmp_path / "a.toml").write_text(f'rubric = 1\n[defaults]\nunit = "{unit}"\n[[dimension]]\ntype = "transport"\n', "utf-8")
        rubric = read(tmp_path / "a.toml")
        filled(store, rubric)
        version = rubric.workflows["*"].dimensions[0].version
        assert store.query("SELECT count(*), sum(pairs) FROM cluster_scores WHERE version = $1", [version]).rows == [(clusters, 5)]


def test_who_was_spared_by_a_breaker_failed(tmp_path: Path) -> None:
    spared = Round(calls=(a_call(7),), exchanges=(an_incumbent(7),), decisions=(a_decision(7, decision="breaker_open"),))
    store = a_store(tmp_path, spared)
    filled(store)
    assert marks(store, "success")[-1] == ("small", "candidate", 0.0, "ok", "loud")
    assert filled(store).pairs == 0


def test_what_the_client_hung_up_on_and_what_we_broke_off_is_nobodys_fault(tmp_path: Path) -> None:
    left = Round(calls=(a_call(1),), exchanges=(an_incumbent(1, outcome="client_gone"), an_exchange(1)))
    broken = Round(
        calls=(a_call(2),), exchanges=(an_incumbent(2), an_exchange(2, outcome="errored", error="interrupted: the shadow died", text=None))
    )
    assert filled(a_store(tmp_path, left, broken)).missing == 0


def test_a_criterion_that_throws_is_unscored_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    store = a_store(tmp_path, pairs([1], ours="throw"), pairs([2]))
    done = filled(store)
    assert done.pairs == 2 and done.unscored == {("ends", "ends failed: ValueError: a fault of the criterion's own"): 1}
    found = store.query("SELECT pairs, unscored FROM cluster_scores WHERE criterion = 'ends' ORDER BY pairs").rows
    assert found == [(1, 1)]  # one prompt, one cluster


def test_a_changed_weight_reads_scores_anew_and_computes_none(tmp_path: Path) -> None:
    store = a_store(tmp_path, pairs(range(3)))
    filled(store)
    heavier = a_rubric(Dimension(name="also", criterion=Ends(), role="score", weight=3.0))
    done = filled(store, heavier)
    assert done.pairs == 3 and done.scores == 6 * 3  # `also`, `success` and `composite` of six answers; the rest was there
    assert store.query("SELECT count(*) FROM scores WHERE criterion = 'ends'").rows == [(6,)]
    assert store.query("SELECT max(pairs) FROM cluster_scores WHERE criterion = 'ends'").rows == [(3,)]


def test_a_run_is_scored_alone_when_asked(tmp_path: Path) -> None:
    of_run = Round(exchanges=(an_incumbent(1, run_id="night"), an_exchange(1, run_id="night")))
    store = a_store(tmp_path, pairs([1]), of_run)
    assert filled(store, run="night").pairs == 1
    assert store.query("SELECT DISTINCT run_id FROM scores").rows == [("night",)]
    assert filled(store).pairs == 1


def test_live_pairs_are_scored_alone_when_asked(tmp_path: Path) -> None:
    of_run = Round(exchanges=(an_incumbent(1, run_id="night"), an_exchange(1, run_id="night")))
    store = a_store(tmp_path, pairs([1]), of_run)
    assert filled(store, live=True).pairs == 1
    assert store.query("SELECT DISTINCT run_id FROM scores").rows == [(None,)]
    assert filled(store, live=True).pairs == 0 and filled(store).pairs == 1


def test_a_run_beside_live_answers_takes_the_scores_that_those_have(tmp_path: Path) -> None:
    spared = a_decision(3, run_id="night", decision="breaker_open")
    legs = tuple(an_exchange(number, run_id="night", text="yes.") for number in (1, 2))
    of_run = Round(exchanges=legs, decisions=(spared,))
    store = a_store(tmp_path, pairs(range(5)), of_run)
    assert filled(store, live=True).pairs == 5
    done = filled(store, run="night")
    assert done.pairs == 3 and done.scores == 5 * 3, "the candidate's answers alone"
    found = "SELECT sum(pairs), sum(incumbent), sum(candidate) FROM cluster_scores WHERE run_id = 'night' AND criterion = 'ends'"
    assert store.query(found).rows == [(3, 3.0, 2.0)]


def test_a_scorer_waits_for_another_as_long_as_it_is_told(tmp_path: Path) -> None:
    store, held, enough = a_store(tmp_path, pairs([1])), threading.Event(), threading.Event()

    def hold() -> None:
        with filling._alone(store.path):  # pyright: ignore[reportPrivateUsage]
            held.set()
            enough.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(60)
    threading.Timer(0.3, enough.set).start()
    assert fill(store.path, a_rubric(), Wanted(), AT, wait_s=30).pairs == 1
    other.join()


def test_two_scorers_do_not_work_on_one_store(tmp_path: Path) -> None:
    store = a_store(tmp_path, pairs([1]))
    with filling._alone(store.path), pytest.raises(Wrong, match="another `understudy score`"):  # pyright: ignore[reportPrivateUsage]
        filled(store)


def test_several_processes_find_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "RANGE_PAIRS", 10)
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    one, many = (a_store(tmp_path / name, pairs(range(40), ours="yes", conversation="c")) for name in "ab")
    fill(one.path, a_rubric(), Wanted(), AT)
    fill(many.path, a_rubric(), Wanted(), AT, jobs=3)
    assert one.query(SUMS).rows == many.query(SUMS).rows != []


class Killed(BaseException):
    """As a signal would."""


@given(
    st.lists(st.tuples(st.sampled_from(["yes.", "no", "throw"]), st.integers(0, 4)), min_size=1, max_size=25),
    st.integers(1, 7),
    st.integers(0, 9),
)
@settings(max_examples=12, deadline=None)
def test_in_whatever_pieces_and_however_often_it_is_stopped_the_sums_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, int]], size: int, seed: int
) -> None:
    calls = tuple(a_call(n, conversation=f"c{c}", arrived_at=NOON + timedelta(seconds=n)) for n, (_, c) in enumerate(said))
    legs = tuple(leg for n, (text, _) in enumerate(said) for leg in (an_incumbent(n, text="yes."), an_exchange(n, text=text)))
    whole, torn = (a_store(tmp_path_factory.mktemp("s"), Round(calls=calls, exchanges=legs)) for _ in range(2))
    filled(whole)
    random.seed(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "RANGE_PAIRS", size)

        def progress(done: Done) -> None:
            if random.random() < 0.3:
                raise Killed

        for _ in range(60):
            with contextlib.suppress(Killed):
                fill(torn.path, a_rubric(), Wanted(), AT, progress=progress)
                break
    assert torn.query(SUMS).rows == whole.query(SUMS).rows
    assert (
        torn.query("SELECT count(*), count(DISTINCT (call_id, target, criterion)) FROM scores").rows
        == whole.query("SELECT count(*), count(*) FROM scores").rows
    )


CHECKER = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    open("seen", "a").write(f"{os.getpid()}\\n")
    print(json.dumps({"id": asked["id"], "value": float("yes" in asked["answer"]["text"])}), flush=True)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_users_own_checker_serves_all_ranges_and_ends_with_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    (tmp_path / "check.py").write_text(CHECKER, "utf-8")
    own = Dimension(name="own", criterion=Command(command=(sys.executable, "check.py"), cwd=str(tmp_path)), role="gate")
    store = a_store(tmp_path, pairs(range(30), ours="no."))
    monkeypatch.setattr(filling, "RANGE_PAIRS", 10)
    done = fill(store.path, a_rubric(own), Wanted(), AT, jobs=jobs)
    assert done.pairs == 30 and not done.unscored
    assert store.query("SELECT role, avg(value), count(*) FROM scores WHERE criterion = 'own' GROUP BY 1 ORDER BY 1").rows == [
        ("candidate", 0.0, 30),
        ("incumbent", 1.0, 30),
    ]
    children = {int(line) for line in (tmp_path / "seen").read_text().split()}
    assert 1 <= len(children) <= jobs  # who is quick may do it all
    if jobs > 1:
        until(lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()], 60, "the checkers ended")

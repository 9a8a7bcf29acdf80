"""The words of a card and of its figures, case by case."""

import pytest

from proxy.config_file import parse
from proxy.pages.card import Row, Waiting, card
from proxy.pages.words import ago, duration, percent, usd, visible
from proxy.rollout.report import Limit, Report, Test, Wait
from proxy.rollout.standing import Standing
from proxy.rollout.state import State, StateName
from tests.proxy.pages.serving import ROLLOUT, TEXT


def standing(state: StateName, share: float, *, age_s: float | None = 1.0, report: Report | None = None) -> Standing:
    rollout = parse(TEXT + ROLLOUT).rollouts[0]
    made = State(rollout=rollout.name, route="main", candidate="small", version=7, state=state, share=share)
    return Standing(rollout=rollout, incumbent="gpt", state=made, report=report, beaten_s=age_s)


@pytest.mark.parametrize(
    ("state", "share", "age_s", "title", "says", "actions"),
    [
        ("idle", 0.0, None, "Not started", "gpt answers every call", ["start"]),
        ("running", 0.05, 1.0, "Running", "small answers 5 %", ["rollback", "pause", "promote"]),
        ("running", 0.05, 40.0, "Running", "because the guard is silent", ["rollback", "pause", "promote"]),
        ("running", 0.05, None, "Running", "because the guard is silent", ["rollback", "pause", "promote"]),
        ("running", 1.0, 1.0, "Running", "small answers 100 %", ["rollback", "pause", "finish"]),
        ("paused", 0.5, 1.0, "Paused", "nobody promotes it", ["rollback", "resume"]),
        ("rolled_back", 0.0, 1.0, "Rolled back", "gpt answers every call", ["start"]),
        ("finished", 1.0, 4000.0, "Finished", "small answers every call", ["rollback"]),
    ],
)
def test_a_card_says_who_answers_and_what_may_be_done(
    state: StateName, share: float, age_s: float | None, title: str, says: str, actions: list[str]
) -> None:
    made = card(standing(state, share, age_s=age_s), 100.0)
    assert made.title == title and says in made.says
    assert [action for action, _ in made.actions] == actions


def told(**report: object) -> Report:
    return Report(rollout="small-canary", at_us=0, version=7, **report)  # type: ignore[arg-type]


def row(limit: Limit) -> Row:
    return card(standing("running", 0.05, report=told(limits=[limit])), 100.0).limits[0]


def test_a_limit_is_within_above_beyond_or_not_measured() -> None:
    assert row(Limit(name="error_rate", value=0.01, limit=0.05, calls=40)).said == "within"
    assert row(Limit(name="error_rate", value=0.06, limit=0.05, calls=40)).said == "above, not certain yet"
    assert row(Limit(name="error_rate", value=0.5, limit=0.05, calls=40, broken=True)).tone == "bad"
    missing = row(Limit(name="error_rate", value=None, limit=0.05, calls=4))
    assert (missing.candidate, missing.said, missing.filled) == ("too few calls", "not measured", None)
    assert (missing.incumbent, missing.bound) == ("too few calls", "5 %")


def test_evidence_is_measured_on_its_way_in_logarithms() -> None:
    made = card(standing("running", 0.05, report=told(tests=[Test(name="t", evidence=10.0, needed=100.0, n=5)])), 100.0).tests[0]
    assert made.filled == pytest.approx(0.5) and made.said == "10 of 100"


def test_what_is_measured_has_a_bar_and_what_is_there_or_not_has_none() -> None:
    waits = [
        Wait(name="pairs", have=50, need=200, unit="pairs", words="50 of 200 pairs"),
        Wait(name="coverage", have=None, need=0.9, unit="share", words="unknown"),
        Wait(name="finish", have=0, need=1, unit="", words="a person"),
    ]
    made = card(standing("running", 1.0, report=told(waits=waits)), 100.0)
    assert [each.filled for each in made.waits] == [0.25, None, None] and not made.ripe
    assert made.waits[0] == Waiting(words="50 of 200 pairs", name="pairs", filled=0.25, done=False)
    assert card(standing("running", 0.05, report=told()), 100.0).ripe
    assert not card(standing("running", 0.05), 100.0).ripe and not card(standing("running", 0.05, age_s=40.0, report=told()), 100.0).ripe


def test_figures_read_as_a_person_writes_them() -> None:
    assert [percent(each) for each in (0.001, 0.05, 0.312, 1.0)] == ["0.1 %", "5 %", "31.2 %", "100 %"]
    assert [duration(each) for each in (0.4, 40, 90, 600, 5400, 86_400, 86_400 * 3)] == [
        "0.4 s",
        "40 s",
        "1.5 min",
        "10 min",
        "1.5 h",
        "24 h",
        "3 days",
    ]
    assert [usd(each) for each in (None, 0.0, 4.316, 0.0147, 1234.5)] == ["not known", "0.00 USD", "4.32 USD", "0.015 USD", "1,234.50 USD"]
    assert [usd(each) for each in (0.4, 8.53e-06)] == ["0.40 USD", "0.0000085 USD"]
    assert (ago(10.0, 10.2), ago(10.0, 50.0), ago(50.0, 10.0)) == ("just now", "40 s ago", "just now")
    assert visible("a\u202eb\x1b[0m\ud800") == "a\ufffdb\ufffd[0m\ufffd"

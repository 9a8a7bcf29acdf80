"""What `check` says of a rollout: whose key, what stays, what the reverse costs, out of a real store."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from proxy.commands.check import mean_spend, recorded
from proxy.commands.plan import asked_by_us, budgeted, plan
from proxy.config import Config
from proxy.config_file import parse
from proxy.exchange import Call
from proxy.rows import Round
from proxy.store import Store
from tests.proxy.stored import a_call, a_decision, an_incumbent

NOW = datetime.now(UTC)


def switched(folder: Path, *, target: str = "", rollout: str = "", small: str = "https://api.small.com", big: str = "") -> Config:
    return parse(
        f"""
        [targets.big]
        url = "https://api.big.com"
        {big}
        [targets.small]
        url = "{small}"
        {target}
        [[routes]]
        name = "main"
        incumbent = "big"
        [[rollouts]]
        name = "try"
        route = "main"
        candidate = "small"
        steps = [0.01, 1.0]
        {rollout}
        """,
        folder=folder,
    )


def said(config: Config) -> list[tuple[str, bool]]:
    lines = plan(config, None, recorded(config))
    return [(line.text, line.warns) for line in lines if line.topic == "canary" and line.text.startswith("try: ")]


@pytest.mark.parametrize(
    ("given", "words", "warns"),
    [
        ({"target": 'api_key_env = "KEY"'}, "with its own key", False),
        ({"small": "https://API.big.com/v2"}, "with the caller's own key (same origin)", False),
        ({}, "with no credentials: the caller's key goes to the incumbent alone", True),
        ({"small": "http://127.0.0.1:9"}, "with no credentials: the caller's key goes to the incumbent alone", False),
    ],
)
def test_the_plan_says_by_whose_key_a_canary_is_asked(tmp_path: Path, given: dict[str, str], words: str, warns: bool) -> None:
    assert said(switched(tmp_path, **given))[0] == (f"try: 1, 100 % of route main to small, {words}", warns)


@pytest.mark.parametrize(("small", "warns"), [("https://api.small.com", True), ("http://127.0.0.1:9", False)])
def test_the_plan_says_that_a_canary_is_sent_the_callers_own_text(tmp_path: Path, small: str, warns: bool) -> None:
    lines = [(line.text, line.warns) for line in plan(switched(tmp_path, small=small), None, {}) if line.topic == "text"]
    assert lines == [(f"main: once try is started, its share of the calls to small ({small}) instead, the caller's own text", warns)]


def test_without_traffic_the_plan_says_what_stays_and_that_costs_are_unknown(tmp_path: Path) -> None:
    _, (stays, _), (reverse, warns) = said(switched(tmp_path))
    assert "whose answers the provider keeps" in stays and "4000000 bytes" in stays and "silent for 10 s" in stays
    assert reverse.startswith(
        "try: 100% of the canary's calls once more to big, unseen, raw text, with no credentials; its cost is unknown"
    )
    assert warns
    assert "whose answers" not in said(switched(tmp_path, rollout="allow_stored = true"))[1][0]
    assert "there will be no pairs" in said(switched(tmp_path, rollout="reverse_shadow = 0"))[2][0]


def test_keys_are_wanted_of_both_sides_and_a_budget_holds_only_the_reverse(tmp_path: Path) -> None:
    config = switched(tmp_path)
    assert (list(asked_by_us(config)), list(budgeted(config))) == (["big", "small"], ["big"])


def asking(number: int, dialect: str, body: object) -> Call:
    request = None if body is None else orjson.dumps(body).decode()
    return a_call(number, dialect=dialect, request=request, arrived_at=NOW - timedelta(minutes=number))


def test_recorded_traffic_says_what_would_stay_and_what_the_reverse_costs(tmp_path: Path) -> None:
    config = switched(tmp_path, big="budget_usd_per_day = 10")
    bodies: list[tuple[str, object]] = [
        ("openai.responses", {}), ("openai.responses", {"store": True}), ("openai.responses", {"store": False}),
        ("openai.responses", None), ("openai.chat", {"store": True}), ("openai.chat", {}), ("openai.chat", {}), ("openai.chat", {}),
        ("openai.chat", None), ("openai.chat", {}),
    ]  # fmt: skip
    calls = tuple(asking(number, *each) for number, each in enumerate(bodies))
    old = a_call(99, dialect="openai.responses", request="{}", arrived_at=NOW - timedelta(days=29))
    decisions = a_decision(6, decision="side_effects"), a_decision(7, decision="over_budget"), a_decision(8, decision="too_large")
    answers = tuple(an_incumbent(number, cost_usd=Decimal(2), started_at=NOW - timedelta(minutes=160 * number)) for number in range(10))
    store = Store(config.store_path)
    store.prepare()
    store.commit(Round(calls=(*calls, old), exchanges=answers, decisions=decisions))
    found = recorded(config)["try"]
    assert (found.calls, found.usd_per_day) == (10, 20.0)
    assert found.stays == {"creates_state": 3, "unknown": 1, "side_effects": 1, "too_large": 1}
    _, _, (stays, much), (reverse, dear) = said(config)
    assert stays.startswith("try: of the last 10 calls within 4 weeks 60% would stay with big: 30.0% creates_state (the provider keeps")
    assert "`store: false`" in stays and "allow_stored" in stays and much
    assert reverse.endswith("about 0.20 USD a day at 1 %, 20.00 at 100 %, held to 10 by big's budget: beyond it pairs are missing") and dear
    allowed = switched(tmp_path, rollout="allow_stored = true")
    assert recorded(allowed)["try"].stays == {"side_effects": 1, "too_large": 1}


def test_less_than_a_day_says_nothing_of_a_day(tmp_path: Path) -> None:
    config = switched(tmp_path)
    answers = [
        an_incumbent(number, cost_usd=Decimal(2), started_at=NOW - timedelta(minutes=number), seen=number > 1) for number in range(4)
    ]
    store = Store(config.store_path)
    store.prepare()
    store.commit(Round(calls=tuple(asking(number, "openai.chat", {}) for number in range(4)), exchanges=tuple(answers)))
    assert recorded(config)["try"].usd_per_day is None
    assert "unknown until a day of priced traffic" in said(config)[-1][0] and mean_spend(config) == {"big": None}

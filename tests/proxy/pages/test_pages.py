"""The pages as HTTP: what they say of a rollout, what their forms change, and whom they refuse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.health import Health
from proxy.pages.render import HEADERS
from proxy.rollout.report import Limit, Test, Wait
from tests.proxy.pages.serving import TEXT, Desk, desk

BACK = "/rollout/small-canary/rollback"
IDS = ("0199-one", "0199-two")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def form_of(here: Desk, path: str, **given: str) -> tuple[dict[str, str], str]:
    """The fields a browser would send from this page, and its cookie."""
    page = here.ask(path)
    assert page.status == 200, page.text
    hidden = {"mark": page.mark} | ({"version": page.version} if 'name="version"' in page.text else {})
    return hidden | given, page.cookie


def test_a_rollback_by_form_is_in_the_state_with_who_and_why(here: Desk) -> None:
    here.do("start", share=0.25)
    form, cookie = form_of(here, BACK, why="it   answers\nwrongly", name="Ana")
    answer = here.ask(BACK, form, cookie=cookie, Origin=here.url)
    assert (answer.status, answer.headers["location"]) == (303, "/?done=small-canary")
    assert (here.state.state, here.state.share, here.state.actor) == ("rolled_back", 0.0, "page@127.0.0.1 (Ana)")
    assert here.state.why == "it answers wrongly"
    shown = here.ask("/?done=small-canary", cookie=cookie).text
    assert "Done. small-canary is rolled back" in shown and "page@127.0.0.1 (Ana)" in shown


def test_every_step_of_a_rollout_can_be_taken_by_forms(here: Desk) -> None:
    def press(action: str, **given: str) -> int:
        form, cookie = form_of(here, f"/rollout/small-canary/{action}", **given)
        return here.ask(f"/rollout/small-canary/{action}", form, cookie=cookie).status

    assert press("start", share="0.05") == 303 and here.state.share == 0.05
    assert press("pause") == 303 and here.state.state == "paused"
    assert press("resume") == 303 and here.state.state == "running"
    assert press("promote", share="1.0", why="all is well") == 303 and here.state.share == 1.0
    assert press("finish") == 303 and here.state.state == "finished"
    assert press("rollback", why="no") == 303 and here.state.state == "rolled_back"


@pytest.mark.parametrize(
    ("spoil", "headers"),
    [
        ({}, {"Origin": "http://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Sec_Fetch_Site": "cross-site"}),
        ({}, {"Sec_Fetch_Site": "same-site"}),
        ({"mark": ""}, {}),
        ({"mark": "0" * 64}, {}),
        ({"mark": "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")}, {}),
    ],
)
def test_a_forged_post_changes_nothing(here: Desk, spoil: dict[str, str], headers: dict[str, str]) -> None:
    here.do("start")
    form, cookie = form_of(here, BACK, why="forged")
    before = here.file.read_bytes()
    answer = here.ask(BACK, form | spoil, cookie=cookie, **headers)
    assert answer.status == 403 and "othing was changed" in answer.text
    assert here.file.read_bytes() == before


def test_a_post_without_the_cookie_its_form_was_made_for_changes_nothing(here: Desk) -> None:
    here.do("start")
    form, _ = form_of(here, BACK, why="forged")
    other = here.ask(BACK).cookie
    before = here.file.read_bytes()
    assert here.ask(BACK, form).status == 403
    assert here.ask(BACK, form, cookie=other).status == 403
    assert here.ask(BACK, b'{"why": "forged"}', cookie=other, Content_Type="application/json").status == 403
    assert here.ask(BACK, b"why=%FF&mark=\xff\xfe", cookie=other).status == 403
    assert here.ask(BACK, b"a=b", cookie=other, Content_Type="application/x-www-form-urlencoded; charset=none-such").status == 403
    assert here.file.read_bytes() == before


def test_a_page_that_rebinds_its_name_sees_no_page_and_no_form(here: Desk) -> None:
    here.do("start")
    for path in ("/", BACK, "/login", "/static/page.css"):
        answer = here.ask(path, Host="evil.example")
        assert answer.status == 403 and "small" not in answer.text


def test_a_rollback_needs_a_reason_and_keeps_what_was_typed(here: Desk) -> None:
    here.do("start")
    form, cookie = form_of(here, BACK, why="  ", name="Ana")
    answer = here.ask(BACK, form, cookie=cookie)
    assert answer.status == 400 and "Say why" in answer.text and 'value="Ana"' in answer.text
    assert here.state.state == "running"


def test_what_was_decided_on_an_older_state_is_refused_but_a_rollback_never_is(here: Desk) -> None:
    here.do("start")
    promote, cookie = form_of(here, "/rollout/small-canary/promote")
    back = here.ask(BACK, cookie=cookie).mark
    here.do("promote", actor="guard")
    answer = here.ask("/rollout/small-canary/promote", promote, cookie=cookie)
    assert answer.status == 409 and "Nothing was changed" in answer.text and here.state.share == 0.05
    assert here.ask(BACK, {"mark": back, "why": "now"}, cookie=cookie).status == 303 and here.state.state == "rolled_back"


def test_a_form_that_says_something_else_than_the_page_offers_changes_nothing(here: Desk) -> None:
    here.do("start")
    promote, cookie = form_of(here, "/rollout/small-canary/promote")
    for spoil in ({"share": "0.99"}, {"share": "nan"}, {"version": "x"}, {"version": "9" * 30}, {"version": ""}):
        assert here.ask("/rollout/small-canary/promote", promote | spoil, cookie=cookie).status == 400, spoil
    assert here.state.share == 0.01


def test_what_is_not_there_is_a_page_that_says_so(here: Desk) -> None:
    assert here.ask("/rollout/other/rollback").status == 404
    assert here.ask("/rollout/small-canary/explode").status == 404
    refused = here.ask("/rollout/small-canary/promote")
    assert refused.status == 409 and "a rollout that is running" in refused.text and 'name="mark"' not in refused.text


def test_all_that_the_admin_port_says_carries_the_policy(here: Desk) -> None:
    paths = ("/", "/login", BACK, "/rollout/x/y", "/static/page.css", "/metrics", "/api/status", "/healthz", "/nothing", "/favicon.ico")
    for path in paths:
        headers = here.ask(path).headers
        for name, value in HEADERS.items():
            assert headers[name.lower()] == value or (path.startswith("/static") and name == "Cache-Control"), (path, name)
    refused = here.ask(BACK, {"mark": "x"}, Origin="http://evil.example")
    assert refused.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' autofocus onfocus=alert(1) '", "{{ 7 * 7 }}", "a\u202eb\x00c")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_others_becomes_markup(here: Desk, text: str) -> None:
    state = here.do("start", actor=text, why=text, call_ids=(text,))
    here.well = Health(ready=False, reasons=(text,))
    here.said = a_status(text)
    here.guard(
        state="running", words=[text], waits=[Wait(name=text, have=1, need=2, unit=text, words=text)], call_ids=[text], calls={text: 1},
        limits=[Limit(name=text, segment=text, value=1, limit=2, calls=3)], tests=[Test(name=text, evidence=1, needed=2, n=3)],
    )  # fmt: skip
    form, cookie = form_of(here, BACK, why="", name=text)
    for page in (
        here.ask("/"),
        here.ask("/rollout/small-canary/promote"),
        here.ask(BACK, form, cookie=cookie),
        here.ask("/login"),
    ):
        for mark in ("<script", "<img", "' autofocus", "\u202e", "\x00"):
            assert mark not in page.text, page.text
    shown = here.ask("/").text
    assert state.version and shown.count("7 * 7" if "7" in text else "alert(1)" if "alert" in text else "a\ufffdb") >= 12


def a_status(text: str = "small") -> dict[str, Any]:
    """As `/api/status` has it."""
    return {
        "since": 1_800_000_000.0, "calls": 4120, "pairs": 4000,
        "exchanges": [{"role": "incumbent", "target": "gpt", "outcome": "answered", "count": 4000},
                      {"role": "candidate", "target": text, "outcome": text, "count": 120}],
        "decisions": {text: [{"decision": "sent", "reason": "", "count": 4000, "share": 0.97, "words": "4,000 of 4,120 sent"},
                             {"decision": "side_effects", "reason": text, "count": 120, "share": 0.03, "words": f"120 of 4,120 not mirrored: {text}"}]},
        "coverage": {"targets": {text: {"legs": 4120, "mirrored": 4000, "not_mirrored": 120}}},
        "spend": [{"role": "candidate", "target": text, "usd": 1.25}],
        "journal": {"lag_s": 1.0, "bytes": 2_000_000, "max_bytes": 4_000_000_000, "lost": 3},
        "processes": {text: {"seconds_since_beat": 1.0, "in_flight": 4}},
    }  # fmt: skip


def test_the_first_page_tells_figures_shares_and_what_is_lost(here: Desk) -> None:
    here.said = a_status()
    shown = here.ask("/").text
    for words in (
        "4,120",
        "97.1 % mirrored",
        "120 of 4,120 not mirrored: small",
        "1.25 USD",
        "3 events or bodies lost",
    ):
        assert words in shown


def test_empty_states_say_what_to_do(tmp_path: Path) -> None:
    with desk(tmp_path, TEXT) as here:
        assert "add <code>[[rollouts]]</code>" in here.ask("/").text and "has just started" in here.ask("/").text
        here.said = a_status() | {"exchanges": [], "spend": [], "decisions": {}, "coverage": {"targets": {}}}
        shown = here.ask("/").text
        assert "understudy check" in shown and "No answer with a known price yet" in shown


def test_a_card_says_who_answers_when_the_guard_is_silent(here: Desk) -> None:
    here.do("start", share=0.25)
    shown = here.ask("/").text
    assert "Look at this" in shown and "gpt answers every call of route main, because the guard is silent" in shown
    here.guard(state="running")
    shown = here.ask("/").text
    assert "All is well" in shown and "small answers 25 % of the conversations on route main; gpt answers the rest." in shown


def test_both_arms_stand_beside_each_other_with_their_limits(here: Desk) -> None:
    here.do("start")
    limits = [
        Limit(name="refusal_rate", value=0.312, limit=0.1, calls=48, incumbent=0.03, broken=True),
        Limit(name="p95_latency_s", value=None, limit=8, calls=3),
    ]
    here.guard(state="running", limits=limits, tests=[Test(name="race: errors", evidence=2.5, needed=120, n=9)])
    shown = here.ask("/").text
    for words in (
        "31.2 %",
        "beyond the limit",
        "too few calls",
        "8 s",
        "2.5 of 120",
        "Refusals: beyond the limit.",
    ):
        assert words in shown, words


def test_figures_of_an_older_step_are_not_shown_as_this_ones(here: Desk) -> None:
    here.do("start")
    here.guard(waits=[Wait(name="pairs", have=199, need=200, unit="pairs", words="199 of 200 pairs")])
    assert "199 of 200" in here.ask("/").text and "199 of 200" in here.ask("/rollout/small-canary/promote").text
    here.do("promote")
    assert "199 of 200" not in here.ask("/").text


@pytest.mark.parametrize("torn", [b"", b"{", b"\xff\xfe", b"[]", b'{"rollout": "small-canary", "share": 7}'])
def test_a_state_that_cannot_be_read_is_told_and_can_be_rolled_back(here: Desk, torn: bytes) -> None:
    here.do("start")
    here.file.write_bytes(torn)
    shown = here.ask("/").text
    assert "state file cannot be read" in shown and BACK in shown
    form, cookie = form_of(here, BACK, why="torn")
    assert here.ask(BACK, form, cookie=cookie).status == 303 and here.state.state == "rolled_back"


def test_a_rollback_by_the_guard_stands_first_with_its_calls(here: Desk) -> None:
    here.do("start")
    here.do("rollback", actor="guard", why="refusals 31.2 % of 48 answers", call_ids=IDS)
    shown = here.ask("/").text
    assert "Look at this" in shown and shown.index("The guard rolled it back") < shown.index("<h2>Rollouts")
    assert all(id in shown for id in IDS)


def test_any_report_of_the_guard_makes_a_page(here: Desk) -> None:
    here.do("start")
    odd = [float("1e308"), -1.0, 0.0, 5e-324]
    for value in odd:
        here.guard(
            hours_left=value, usd_left=value, waits=[Wait(name="x", have=value, need=value, unit="", words="")],
            limits=[Limit(name=name, value=value, limit=value, calls=0, incumbent=value) for name in ("error_rate", "usd_per_call", "p95_latency_s", "new")],
            tests=[Test(name="t", evidence=value, needed=value, n=0, incumbent=value)],
        )  # fmt: skip
        assert here.ask("/").status == 200, value

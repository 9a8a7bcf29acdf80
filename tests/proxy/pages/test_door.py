"""Signing in: who gets a session, how long it lasts, and how often one may be wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.pages.sessions import PEERS_MAX, SESSION_S, SESSIONS_MAX, TRIES, TRIES_S, Session, Sessions
from tests.proxy.pages.serving import Desk, desk

TOKEN = "the-token-" + "for-tests"
BACK = "/rollout/small-canary/rollback"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path, token=TOKEN) as made:
        made.do("start")
        yield made


def signed_in(here: Desk, name: str = "Ana") -> str:
    answer = here.ask("/login", {"token": TOKEN, "name": name})
    assert answer.status == 303, answer.text
    return answer.cookie


def test_without_the_token_there_is_only_the_door(here: Desk) -> None:
    assert (here.ask("/").status, here.ask("/").headers["location"]) == (303, "/login")
    assert here.ask(BACK).headers["location"] == f"/login?next={BACK}"
    assert here.ask("/metrics").status == 401 and here.ask("/api/status").status == 401
    assert here.ask("/", cookie="understudy_page_1=" + "x" * 43).status == 303
    assert here.ask("/login").status == 200 and here.ask("/static/page.css").status == 200
    assert "small" not in here.ask("/login").text


def test_the_token_opens_a_session_that_no_script_and_no_other_site_gets(here: Desk) -> None:
    answer = here.ask("/login", {"token": TOKEN, "name": "Ana", "next": BACK}, Origin=here.url)
    assert (answer.status, answer.headers["location"]) == (303, BACK)
    said = answer.headers["set-cookie"]
    assert all(part in said for part in ("HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={int(SESSION_S)}")) and "Secure" not in said
    assert TOKEN not in said
    assert "Secure" in here.ask("/login", {"token": TOKEN}, X_Forwarded_Proto="https").headers["set-cookie"]
    assert here.ask("/", cookie=answer.cookie).status == 200


def test_a_change_carries_the_name_typed_at_the_door_and_no_other(here: Desk) -> None:
    cookie = signed_in(here)
    page = here.ask(BACK, cookie=cookie)
    assert 'name="name"' not in page.text
    assert here.ask(BACK, {"mark": page.mark, "why": "now", "name": "Somebody"}, cookie=cookie).status == 303
    assert (here.state.state, here.state.actor) == ("rolled_back", "page@127.0.0.1 (Ana)")


def test_a_wrong_token_is_told_and_after_five_even_the_right_one_waits(here: Desk) -> None:
    for number in range(TRIES):
        answer = here.ask("/login", {"token": f"{TOKEN}{number}", "next": BACK})
        assert answer.status == 401 and "This is not the token" in answer.text and f'value="{BACK}"' in answer.text
        assert "set-cookie" not in answer.headers
    answer = here.ask("/login", {"token": TOKEN})
    assert answer.status == 429 and 0 < int(answer.headers["retry-after"]) <= TRIES_S and "set-cookie" not in answer.headers
    assert here.ask("/metrics", Authorization=f"Bearer {TOKEN}").status == 200


def test_nobody_signs_another_browser_in(here: Desk) -> None:
    assert here.ask("/login", {"token": TOKEN}, Origin="http://evil.example").status == 403
    assert here.ask("/login", {"token": TOKEN}, Sec_Fetch_Site="cross-site").status == 403


@pytest.mark.parametrize(
    "onward", ["http://evil.example/", "//evil.example", "/\\evil.example", "/login", "/rollout/a/b/c", "/\n", "javascript:alert(1)"]
)
def test_signing_in_leads_to_pages_of_ours_only(here: Desk, onward: str) -> None:
    assert here.ask("/login", {"token": TOKEN, "next": onward}).headers["location"] == "/"


def test_a_form_of_another_session_changes_nothing(here: Desk) -> None:
    mine, theirs = signed_in(here), signed_in(here, "Bob")
    form = {"mark": here.ask(BACK, cookie=theirs).mark, "why": "forged"}
    assert here.ask(BACK, form, cookie=mine).status == 403
    assert here.ask(BACK, form).status == 401
    assert here.ask(BACK, form, Authorization=f"Bearer {TOKEN}").status == 403
    assert here.state.state == "running"


def test_the_bearer_token_reads_pages_but_has_no_form(here: Desk) -> None:
    assert here.ask("/", Authorization=f"Bearer {TOKEN}").status == 200
    assert here.ask("/", Authorization="Bearer wrong").status == 303


def test_signing_out_ends_the_session(here: Desk) -> None:
    cookie = signed_in(here)
    mark = here.ask("/", cookie=cookie).mark
    assert here.ask("/logout", {"mark": "x"}, cookie=cookie).status == 403
    assert here.ask("/logout", {"mark": mark}, cookie=cookie, Origin="http://evil.example").status == 403
    assert here.ask("/", cookie=cookie).status == 200
    assert here.ask("/logout", {"mark": mark}, cookie=cookie).status == 303
    assert here.ask("/", cookie=cookie).status == 303


def opened(sessions: Sessions, now_s: float, peer: str = "1.2.3.4") -> Session:
    made = sessions.sign_in(TOKEN, "", peer, now_s)
    assert isinstance(made, Session)
    return made


def test_a_session_ends_after_twelve_hours() -> None:
    sessions = Sessions(TOKEN)
    id = opened(sessions, 100.0).id
    assert sessions.find(id, 100.0 + SESSION_S - 1) is not None
    assert sessions.find(id, 100.0 + SESSION_S) is None and sessions.find(id, 101.0) is None


def test_the_oldest_session_goes_when_there_are_too_many() -> None:
    sessions = Sessions(TOKEN)
    ids = [opened(sessions, 0.0).id for _ in range(SESSIONS_MAX + 1)]
    assert sessions.find(ids[0], 1.0) is None and all(sessions.find(id, 1.0) for id in ids[1:])


def test_tries_are_counted_by_network_forgotten_after_a_minute_and_bounded() -> None:
    sessions = Sessions(TOKEN)
    for number in range(TRIES):
        assert sessions.sign_in("wrong", "", f"2001:db8::{number}", 0.0) is None
    assert sessions.sign_in(TOKEN, "", "2001:db8::ffff", 30.0) == TRIES_S - 30.0
    assert isinstance(sessions.sign_in(TOKEN, "", "2001:db8:1::1", 30.0), Session)
    assert isinstance(sessions.sign_in(TOKEN, "", "2001:db8::1", TRIES_S), Session)
    for _ in range(TRIES):
        assert sessions.sign_in("wrong", "", "::ffff:10.0.0.1", 0.0) is None
    assert isinstance(opened(sessions, 1.0, "::ffff:10.0.0.2"), Session)
    for number in range(PEERS_MAX + 10):
        sessions.sign_in("wrong", "", f"10.1.{number // 250}.{number % 250}", 0.0)
    assert len(sessions._wrong) <= PEERS_MAX


def test_with_no_token_set_nothing_opens_a_session() -> None:
    assert Sessions("").sign_in("", "", "1.2.3.4", 0.0) is None


def test_a_mark_belongs_to_one_session_of_one_process() -> None:
    sessions, later = Sessions(TOKEN), Sessions(TOKEN)
    assert sessions.marked("a", sessions.mark("a"))
    assert not sessions.marked("b", sessions.mark("a")) and not later.marked("a", sessions.mark("a"))
    assert not sessions.marked("", sessions.mark(""))

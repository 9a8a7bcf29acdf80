"""The page in a real Chromium, on a real `serve`: rolled back with the mouse, a wrong token, a forged post; read narrow, wide, light, dark."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from proxy.config_file import load
from proxy.health import Health
from proxy.rollout.change import change, state_of
from proxy.rollout.report import Limit, Test, Wait
from proxy.rollout.state import Asked, State
from tests.browser import Visit, visiting
from tests.harness import Serve, config, until
from tests.proxy.pages.serving import ROLLOUT, Desk, desk
from tests.proxy.pages.test_pages import a_status

ROUTE = (
    '[targets.inc]\nurl = "http://127.0.0.1:9"\n[targets.small]\nurl = "http://127.0.0.1:10"\n'
    '[[routes]]\nname = "main"\nincumbent = "inc"\n' + ROLLOUT
)
TOKEN = "the-token-" + "for-tests"
LOGGED = "SELECT actor, reason, state FROM rollout_events WHERE event = 'rollback'"
CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255]; };
  const poor = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(walk.currentNode.data.trim() + ' ' + ((a + 0.05) / (b + 0.05)).toFixed(2));
  }
  return poor;
})()"""
UNNAMED = "[...document.querySelectorAll('input:not([type=hidden]), select')].filter(e => !e.labels.length).map(e => e.name)"
LEVELS = "[...document.querySelectorAll('h1, h2, h3, h4')].map(e => +e.tagName[1])"


def state(serve: Serve) -> State:
    made = load(serve.file)
    return state_of(made, made.rollouts[0])


def start(serve: Serve) -> None:
    made = load(serve.file)
    change(made, made.rollouts[0], Asked(action="start", actor="test", share=0.25))


def test_a_person_rolls_back_with_the_mouse_and_the_record_names_them(tmp_path: Path) -> None:
    async def person(serve: Serve) -> None:
        async with visiting() as tab:
            await tab.look()
            await tab.go(serve.admin + "/")
            assert "gets 25 %" in await tab.text() or "answers 25 %" in await tab.text()
            await tab.click("a.danger")
            assert await tab.where() == "/rollout/small-canary/rollback"
            await tab.click("button.danger", leads_on=False)  # the browser asks for the reason
            assert await tab.where() == "/rollout/small-canary/rollback" and state(serve).state == "running"
            await tab.click("#why", leads_on=False)
            await tab.type("It refuses <b>everything</b>")
            await tab.click("#name", leads_on=False)
            await tab.type("Ana")
            await tab.click("button.danger")
            assert await tab.where() == "/?done=small-canary"
            shown = await tab.text()
            assert "Done. small-canary is rolled back" in shown and "It refuses <b>everything</b>" in shown
            assert tab.page.complaints == []

    with Serve(tmp_path, config(ROUTE)) as serve:
        start(serve)
        asyncio.run(person(serve))
        assert (state(serve).state, state(serve).share) == ("rolled_back", 0.0)
        logged = until(lambda: serve.query(LOGGED))
        assert logged == [("page@127.0.0.1 (Ana)", "It refuses <b>everything</b>", "rolled_back")]


def test_at_the_door_a_wrong_token_stays_outside_and_the_right_one_leads_on(tmp_path: Path) -> None:
    async def person(here: Desk) -> None:
        async with visiting() as tab:
            await tab.look(390, "dark")
            await tab.go(here.url + "/rollout/small-canary/rollback")
            assert (await tab.where()).startswith("/login")
            await tab.type("not-it")  # the field has the focus
            await tab.click("button.strong")
            assert "This is not the token" in await tab.text() and "small" not in await tab.text()
            await tab.type(TOKEN)
            await tab.click("#name", leads_on=False)
            await tab.type("Ana")
            await tab.click("button.strong")
            assert await tab.where() == "/rollout/small-canary/rollback"
            assert await tab.said("document.cookie") == ""
            await tab.type("to be safe")
            await tab.click("button.danger")
            assert "Signed in as Ana" in await tab.text()
            await tab.click("form.out button")
            assert await tab.where() == "/login"
            await tab.go(here.url + "/")
            assert (await tab.where()).startswith("/login")

    with desk(tmp_path, token=TOKEN) as here:
        here.do("start")
        asyncio.run(person(here))
        assert (here.state.state, here.state.actor) == ("rolled_back", "page@127.0.0.1 (Ana)")


@contextmanager
def foreign_page(action: str) -> Iterator[str]:
    """Another site, with a form that would roll back."""
    page = f"<!doctype html><form method=post action='{action}'><input name=why value=forged><input name=mark value=x><button>A prize</button></form>"

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()


@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_form_on_another_site_changes_nothing(tmp_path: Path, token: str) -> None:
    async def person(here: Desk, elsewhere: str) -> None:
        async with visiting() as tab:
            await tab.go(here.url + "/")
            if token:
                await tab.type(TOKEN)
                await tab.click("button.strong")
            assert "small-canary" in await tab.text()
            await tab.go(elsewhere)
            await tab.click("button")
            assert await tab.where() == "/rollout/small-canary/rollback"
            refused = await tab.text()
            assert "Nothing was changed" in refused or "not signed in" in refused  # the strict cookie did not even come along

    with desk(tmp_path, token=token) as here, foreign_page(here.url + "/rollout/small-canary/rollback") as elsewhere:
        here.do("start")
        before = here.file.read_bytes()
        asyncio.run(person(here, elsewhere))
        assert here.file.read_bytes() == before


async def reads_well(tab: Visit, width: int, what: str) -> None:
    assert await tab.said("document.documentElement.scrollWidth") <= width, what
    assert await tab.said(CONTRAST) == [], what
    assert await tab.said(UNNAMED) == [], what
    levels = await tab.said(LEVELS)
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels)), (what, levels)


def test_it_reads_well_narrow_and_wide_light_and_dark_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async def person(here: Desk) -> None:
        async with visiting() as tab:
            for width, scheme in ((390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")):
                await tab.look(width, scheme)
                for path in ("/?still=1", "/rollout/small-canary/rollback", "/rollout/small-canary/promote", "/rollout/none/none"):
                    await tab.go(here.url + path)
                    await reads_well(tab, width, f"{path} {width} {scheme}")
            complaints = [each for each in tab.page.complaints if "404" not in each]
            assert complaints == []
            assert all(url.startswith(here.url) or url == "about:blank" for url in tab.page.requested)

    with desk(tmp_path) as here:
        here.do("start", why="x" * 300)
        here.do("promote", actor="guard", why="nothing to wait for", call_ids=("0199aaaa-7c1e-8000-9000-000000000001",))
        here.said, here.well = (
            a_status("a-target-with-quite-a-long-name-indeed"),
            Health(ready=False, reasons=("the journal is 41 s ahead",)),
        )
        here.guard(
            state="running", words=["5 % of main go to small since 14:02 UTC"], hours_left=23.8, usd_left=4.3, calls={"candidate": 412, "reverse": 400},
            waits=[Wait(name="pairs", have=84, need=200, unit="pairs", words="84 of 200 pairs"), Wait(name="coverage", have=None, need=1, unit="", words="not known")],
            limits=[Limit(name="refusal_rate", value=0.3, limit=0.1, calls=48, incumbent=0.03, broken=True), Limit(name="ttft_p95_s", segment="long prompts", value=None, limit=2, calls=4)],
            tests=[Test(name="pairs: json_valid", evidence=140, needed=120, n=84, fired=True), Test(name="race: errors", evidence=1.5, needed=120, n=9)],
        )  # fmt: skip
        asyncio.run(person(here))

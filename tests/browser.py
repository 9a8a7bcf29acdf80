"""Chromium with a person's hands: goes to an address, types, clicks where a thing is, takes a picture. Over its own debugging port."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.scoring.report.browser import PROGRAM, Page, browser

__all__ = ["PROGRAM", "Visit", "visiting"]
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""A page that is loaded has its focus where it asked for it, and hears clicks, only once it was drawn."""


class Visit:
    """One tab that a test clicks through."""

    def __init__(self, page: Page):
        self.page = page

    async def look(self, width: int = 1280, scheme: str = "light") -> None:
        """As wide and as bright as this."""
        await self.page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        await self.page.call("Emulation.setEmulatedMedia", media="screen", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def go(self, url: str) -> None:
        self.page.loaded = False
        await self.page.call("Page.navigate", url=url)
        await self._loaded()

    async def _loaded(self) -> None:
        while not self.page.loaded:
            self.page.hear(await self.page.socket.receive_json(timeout=60))
        await self.page.call("Runtime.evaluate", expression=PAINTED, awaitPromise=True)

    async def said(self, expression: str) -> Any:
        return await self.page.said(expression)

    async def text(self) -> str:
        return await self.said("document.body.innerText")

    async def where(self) -> str:
        return await self.said("location.pathname + location.search")

    async def click(self, selector: str, *, leads_on: bool = True) -> None:
        """With the mouse, in the middle of what the selector finds; waits for the page it leads to."""
        place = await self.said(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        assert place, f"nothing is {selector}"
        self.page.loaded = False
        for kind in ("mousePressed", "mouseReleased"):
            await self.page.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
        if leads_on:
            await self._loaded()

    async def type(self, text: str) -> None:
        """Where the focus is."""
        await self.page.call("Input.insertText", text=text)

    async def key(self, name: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.page.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    async def picture(self) -> bytes:
        """All of the page, top to bottom, as PNG."""
        made = await self.page.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(made["data"])


@asynccontextmanager
async def visiting() -> AsyncIterator[Visit]:
    """Skips where there is no Chromium."""
    async with browser() as page:
        yield Visit(page)

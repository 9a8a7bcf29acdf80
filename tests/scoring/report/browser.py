"""Chromium, driven over its own debugging port: opens a file, says how wide it is, what it complained about, what colour it has."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

PROGRAM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
PORT = re.compile(rb"DevTools listening on (ws://\S+)")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "about:blank",
)


@dataclass
class Page:
    """One tab. Complaints: console errors, exceptions, and what the policy kept from loading."""

    socket: aiohttp.ClientWebSocketResponse
    session: str = ""
    complaints: list[str] = field(default_factory=list[str])
    requested: list[str] = field(default_factory=list[str])
    number: int = 0
    loaded: bool = False

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        mine = self.number
        await self.socket.send_json(
            {"id": mine, "method": method, "params": params} | ({"sessionId": self.session} if self.session else {})
        )
        while True:
            said = await self.socket.receive_json(timeout=60)
            self.hear(said)
            if said.get("id") == mine:
                assert "error" not in said, said
                return said["result"]

    def hear(self, said: dict[str, Any]) -> None:
        params = said.get("params", {})
        match said.get("method"):
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled":
                self.complaints.append(str(params))
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])
            case "Page.loadEventFired":
                self.loaded = True
            case _:
                pass

    async def open(self, file: Path, *, width: int, scheme: str) -> None:
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        await self.call("Emulation.setEmulatedMedia", media="screen", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.loaded = False
        await self.call("Page.navigate", url=file.as_uri())
        while not self.loaded:
            self.hear(await self.socket.receive_json(timeout=60))

    async def said(self, expression: str) -> Any:
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    if PROGRAM is None:
        pytest.skip("no Chromium here to look at the page with")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            PROGRAM, *FLAGS, f"--user-data-dir={folder}", stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )  # fmt: skip
        try:
            async with asyncio.timeout(60), aiohttp.ClientSession() as session:
                assert process.stderr is not None
                while not (found := PORT.search(await process.stderr.readline())):
                    pass
                async with session.ws_connect(found[1].decode(), max_msg_size=64 << 20) as socket:
                    page = Page(socket)
                    target = await page.call("Target.createTarget", url="about:blank")
                    page.session = (await page.call("Target.attachToTarget", targetId=target["targetId"], flatten=True))["sessionId"]
                    for domain in ("Page", "Runtime", "Log", "Network"):
                        await page.call(f"{domain}.enable")
                    yield page
        finally:
            process.terminate()
            await process.wait()

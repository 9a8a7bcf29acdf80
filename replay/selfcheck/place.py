"""The private folder, journal and models of one self-check: made, used and removed; the user's own are never touched."""

import asyncio
import contextlib
import sys
import tempfile
import urllib.request
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from replay.private import PrivateServe

SHM = "/dev/shm" if Path("/dev/shm").is_dir() else None
CONFIG = """\
# Written by `understudy selfcheck`.
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
drain_s = 10
[store]
path = "understudy.duckdb"
journal = "{journal}"
[shadow]
answer_max_bytes = 4_000_000
[targets.actor]
url = "{incumbent}"
{candidate}
[[routes]]
name = "main"
incumbent = "actor"
{shadow}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedModel:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def be(self, mode: str) -> None:
        """calm, hang, fail, slow, endless or gigabyte, from the next call on."""
        urllib.request.urlopen(f"{self.url}/mode/{mode}", timeout=5).close()


@contextlib.asynccontextmanager
async def scripted_model() -> AsyncGenerator[ScriptedModel]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", "replay.selfcheck.model", stdout=pipe)
    assert process.stdout is not None
    try:
        yield ScriptedModel(port=int(await asyncio.wait_for(process.stdout.readline(), 20)))
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def private_serve(incumbent: str, candidate: str = "") -> AsyncGenerator[PrivateServe]:
    """Its folder is 0700 and gone afterwards; its journal is in memory where the machine has a place for that."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-selfcheck-")))
        journal = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-selfcheck-", dir=SHM))) / "journal"
        shadow = 'shadow = [ { target = "understudy" } ]' if candidate else ""
        target = f'[targets.understudy]\nurl = "{candidate}"\ndeadline_s = 20' if candidate else ""
        text = CONFIG.format(journal=journal, incumbent=incumbent, candidate=target, shadow=shadow)
        (folder / "understudy.toml").write_text(text, "utf-8")
        serve = await PrivateServe.started(folder, journal)
        try:
            yield serve
        finally:
            await serve.end()

"""Clients who send calls at a constant rate, whatever became of those before, and know every byte they should get."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from replay.selfcheck.model import events_of, plain_answer, request_of


@dataclass
class Seen:
    """What one phase's clients saw. Times in seconds, from the moment the call was due."""

    took: list[float] = field(default_factory=list[float])
    calls: int = 0
    failed: list[str] = field(default_factory=list[str])
    changed: int = 0
    """Answers with other bytes than the incumbent's."""

    @property
    def p50_ms(self) -> float:
        return 1e3 * statistics.median(self.took) if self.took else float("nan")

    @property
    def p99_ms(self) -> float:
        return 1e3 * statistics.quantiles(self.took, n=100)[98] if len(self.took) > 1 else float("nan")


@dataclass
class Clients:
    """Keep-alive connections to one address; every second call is a stream."""

    port: int
    secret: bytes = b""
    """Planted in each call where credentials stand."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(
        default_factory=list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    )
    number: int = 0

    async def phase(self, seconds: float, rate: float, until_s: float = float("inf")) -> Seen:
        """Calls at `rate` a second. Those begun after `until_s` (monotonic) do not count."""
        seen, begun = Seen(), time.monotonic()
        async with asyncio.TaskGroup() as group:
            for due in self._due(begun, seconds, rate):
                await asyncio.sleep(max(due - time.monotonic(), 0))
                if time.monotonic() < until_s:
                    self.number += 1
                    group.create_task(self._one(self.number, due, seen))
        return seen

    def _due(self, begun: float, seconds: float, rate: float) -> Iterator[float]:
        return (begun + number / rate for number in range(int(seconds * rate)))

    async def _one(self, number: int, due: float, seen: Seen) -> None:
        seen.calls += 1
        stream = number % 2 == 0
        try:
            async with asyncio.timeout(20):
                got = await self._ask(number, stream=stream, due=due, seen=seen)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            return seen.failed.append(f"{type(error).__name__}: {error}"[:80])
        seen.changed += got != (b"".join(events_of(number)) if stream else plain_answer(number))

    async def _ask(self, number: int, *, stream: bool, due: float, seen: Seen) -> bytes:
        reader, writer = await self._connected()
        writer.write(request_of(number, stream=stream, secret=self.secret))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise ValueError(head.split(b"\r\n")[0].decode())
        if b"chunked" in head:
            seen.took.append(time.monotonic() - due)  # the first byte of a stream
            got = b"".join([chunk async for chunk in chunks(reader)])
        else:
            got = await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            seen.took.append(time.monotonic() - due)
        if b"connection: close" in head:
            writer.close()
        else:
            self.idle.append((reader, writer))
        return got

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """As every client does: a connection that the server has closed meanwhile is not used again."""
        while self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)

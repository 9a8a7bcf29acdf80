"""What `bench_harmless.py` measures with: a scripted incumbent, a candidate with faults, and an open-loop client that knows every byte.

What is answered follows from the call's number alone, so the client can say of each answer whether it is whole and unchanged. Calls are
sent at a constant rate whatever became of those before: a slow answer slows no clock.
"""

import asyncio
import contextlib
import hashlib
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

DELAY_S, EVENTS, GAP_S = 0.002, 8, 0.002
GIGABYTE = 1 << 30


def plain_answer(number: int) -> bytes:
    words = hashlib.sha256(b"%d" % number).hexdigest() * 20
    return b'{"id":"x","model":"m","choices":[{"message":{"content":"%b"},"finish_reason":"stop"}]}' % words.encode()


def events_of(number: int) -> list[bytes]:
    pieces = [hashlib.sha256(b"%d/%d" % (number, at)).hexdigest() for at in range(EVENTS)]
    lines = [b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % piece.encode() for piece in pieces]
    return [*lines, b"data: [DONE]\n\n"]


def request_of(number: int, *, stream: bool) -> bytes:
    flag = b"true" if stream else b"false"
    body = b'{"model":"m","stream":%b,"messages":[{"role":"user","content":"number %d, %b"}]}' % (flag, number, b"word " * 400)
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-Number: %d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (number, len(body), body)
    )


class Model(asyncio.Protocol):
    """A model by its port: the incumbent answers, the candidate does what `mode` says. `GET /mode/hang` changes it."""

    mode = "calm"

    def __init__(self) -> None:
        self.got, self.tasks, self.free = b"", set[asyncio.Task[None]](), asyncio.Event()
        self.free.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def pause_writing(self) -> None:
        self.free.clear()

    def resume_writing(self) -> None:
        self.free.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.free.set()
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, mark, body = self.got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        if not mark or len(body) < length:
            return
        self.got = b""
        if head.startswith(b"GET /mode/"):
            Model.mode = head.split()[1].rpartition(b"/")[2].decode()
            return self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        number = int(body.partition(b"number ")[2].split(b",")[0] or 0)
        task = asyncio.get_running_loop().create_task(self.answer(number, stream=b'"stream":true' in body))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, number: int, *, stream: bool) -> None:
        mode, write = Model.mode, self.transport.write
        await asyncio.sleep(3600 if mode == "hang" else 10 * DELAY_S * EVENTS if mode == "slow" else DELAY_S)
        if mode == "fail":
            write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}")
        elif mode in ("endless", "gigabyte"):
            await self.pour(endless=mode == "endless")
        elif stream:
            write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for event in events_of(number):
                write(b"%x\r\n%b\r\n" % (len(event), event))
                await asyncio.sleep(GAP_S)
            write(b"0\r\n\r\n")
        else:
            body = plain_answer(number)
            write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async def pour(self, *, endless: bool) -> None:
        """A stream without end, or one answer of a gigabyte."""
        kind = b"text/event-stream" if endless else b"application/json"
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, GIGABYTE << 10 * endless))
        block = b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % (b"x" * 30_000)
        for _ in range((GIGABYTE << 10 * endless) // len(block)):
            await self.free.wait()
            if self.transport.is_closing():
                return
            self.transport.write(block)
            await asyncio.sleep(0)


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
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
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
        writer.write(request_of(number, stream=stream))
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


async def serve_model() -> None:
    os.nice(5)  # a candidate that floods is elsewhere in life, and does not share the proxy's cores
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve_model()))

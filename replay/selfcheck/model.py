"""A scripted model in a process of its own, the incumbent or a candidate with faults: `python -m replay.selfcheck.model`.

What is answered follows from the call's number alone, so that a client can say of each answer whether it is whole and unchanged.
"""

import asyncio
import contextlib
import hashlib
import os
import sys

DELAY_S, EVENTS, GAP_S = 0.002, 8, 0.002
GIGABYTE = 1 << 30


def plain_answer(number: int) -> bytes:
    words = hashlib.sha256(b"%d" % number).hexdigest() * 20
    return b'{"id":"x","model":"m","choices":[{"message":{"content":"%b"},"finish_reason":"stop"}]}' % words.encode()


def events_of(number: int) -> list[bytes]:
    pieces = [hashlib.sha256(b"%d/%d" % (number, at)).hexdigest() for at in range(EVENTS)]
    lines = [b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % piece.encode() for piece in pieces]
    return [*lines, b"data: [DONE]\n\n"]


def request_of(number: int, *, stream: bool, secret: bytes = b"") -> bytes:
    """`secret` stands wherever a caller's credentials can stand."""
    flag = b"true" if stream else b"false"
    body = b'{"model":"m","stream":%b,"messages":[{"role":"user","content":"number %d, %b"}]}' % (flag, number, b"word " * 400)
    return (
        b"POST /v1/chat/completions?key=%b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\nCookie: session=%b\r\nX-Number: %d\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (secret, secret, secret, number, len(body), body)
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


async def serve_model() -> None:
    os.nice(5)  # a candidate that floods is elsewhere in life, and does not share the proxy's cores
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 (how its starter learns the port)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve_model()))

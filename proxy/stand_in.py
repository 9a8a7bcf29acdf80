"""What answers at the admin port while no recorder does: 503 and why, at once, instead of a connection that waits for nobody.

Law: it knows no route and keeps nothing. It accepts only between two recorders, on the socket that the next one gets, and whatever befalls
it the next one is started.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from proxy.logs import log

DEADLINE_S = 1.0
"""For a client to send its request and to take the answer."""
HEAD_MAX_BYTES = 16_384
OPEN_MAX = 64
"""Clients at a time; more are hung up on."""
BACKLOG = 4096


@asynccontextmanager
async def standing_in(listening: socket.socket, why: str) -> AsyncGenerator[None]:
    """Answers on `listening` until the end of the block; whoever connects later waits in its queue for the next who accepts."""
    try:
        server = await asyncio.start_server(_Clients(_said(why)).answer, sock=listening.dup(), limit=HEAD_MAX_BYTES, backlog=BACKLOG)
    except OSError as error:
        log.warning("stand_in.failed", reason=str(error))
        server = None
    try:
        yield
    finally:
        if server is not None:
            server.close()


def _said(why: str) -> tuple[bytes, bytes]:
    """Head and body, in the form of `/readyz`."""
    body = json.dumps({"ready": False, "reasons": [why]}).encode() + b"\n"
    head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nRetry-After: 1\r\n"
    return head.encode() + b"Cache-Control: no-store\r\nConnection: close\r\n\r\n", body


class _Clients:
    def __init__(self, said: tuple[bytes, bytes]):
        self.said, self.open = said, 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            if self.open <= OPEN_MAX:
                with suppress(OSError, TimeoutError, asyncio.CancelledError):  # cancelled at the loop's end: no more is to be said
                    async with asyncio.timeout(DEADLINE_S):
                        await self._answer(reader, writer)
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = b""
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            asked = await reader.readuntil(b"\r\n\r\n")
        head, body = self.said
        writer.write(head if asked.startswith(b"HEAD ") else head + body)
        writer.write_eof()
        while await reader.read(65_536):  # what is unread at the close would reset the connection, and with it the answer
            pass

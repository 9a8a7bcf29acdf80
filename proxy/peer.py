"""What both sides of a call have in common: who may be read, and how a connection is broken.

Law: a connection is read only while nobody holds it. Every reason to hold it is a bit of its own, so that two reasons never undo each
other; a connection that changes hands carries none over.
"""

import asyncio
import socket
import struct
from typing import cast

PEER_FULL = 1
"""The other side cannot write."""
PIPELINED = 2
"""The next request has to wait for its turn."""
CONNECTING = 4
"""What came so far has nowhere to go yet."""
EARLY = 8
"""What followed an offer to upgrade waits for its answer."""
_RESET = struct.pack("ii", 1, 0)
_ENDED = (7, 8)
"""Linux's TCP_CLOSE and TCP_CLOSE_WAIT: the peer has reset or ended the connection."""


class Peer(asyncio.Protocol):
    __slots__ = ("full", "holds", "transport")

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.holds, self.full = 0, False

    def other(self) -> "Peer | None":
        """Whose bytes I am writing."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are not instances of it

    def hold(self, why: int) -> None:
        if not self.holds:
            self.transport.pause_reading()
        self.holds |= why

    def let_go(self, why: int) -> None:
        if self.holds & why:
            self.holds &= ~why
            if not self.holds:
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.full = True
        if (other := self.other()) is not None:
            other.hold(PEER_FULL)

    def resume_writing(self) -> None:
        self.full = False
        if (other := self.other()) is not None:
            other.let_go(PEER_FULL)

    def has_left(self) -> bool:
        """Whether the peer of a held connection has ended it: nobody reads there, so nobody else would notice. False where unknown."""
        sock = self.transport.get_extra_info("socket")
        try:
            return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _ENDED
        except (AttributeError, OSError):
            return False

    def reset(self) -> None:
        """End the connection so that the peer sees it broken: abort() alone ends it like a complete one (FIN), this sends RST."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and (not self.transport.is_closing() or self.transport.get_write_buffer_size()):  # else it may be another's
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

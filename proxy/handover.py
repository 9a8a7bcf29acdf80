"""How a new `serve` gets the listening sockets of an old one whose supervisor died: from the children that still serve.

Law: the socket is never closed and bound again, so no connection is refused in between. Each child offers its listening socket at an
abstract address that carries its pid, to processes of the same user only.
"""

import contextlib
import os
import socket
import struct
import threading

WAIT_S = 2.0


def _address(pid: int) -> str:
    return f"\0understudy-handover-{pid}"


def offer(listening: socket.socket) -> socket.socket | None:
    """Offer `listening` to whoever asks, from a thread of its own; None where the platform has no abstract addresses."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.bind(_address(os.getpid()))
    except OSError:
        door.close()
        return None
    door.listen(4)
    threading.Thread(target=_serve, args=(door, listening.fileno()), name="handover", daemon=True).start()
    return door


def _serve(door: socket.socket, fd: int) -> None:
    while True:
        try:
            asker, _ = door.accept()
        except OSError:
            return
        with asker, contextlib.suppress(OSError):
            asker.settimeout(WAIT_S)
            if _user_of(asker) == os.getuid():
                socket.send_fds(asker, [b"1"], [fd])


def _user_of(peer: socket.socket) -> int:
    """The peer's user id, as the kernel knows it (SO_PEERCRED: pid, uid, gid)."""
    return struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]


def take(pid: int) -> socket.socket | None:
    """The listening socket that process `pid` offers; None when it offers none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
        asker.settimeout(WAIT_S)
        try:
            asker.connect(_address(pid))
            _, fds, _, _ = socket.recv_fds(asker, 1, 1)
        except OSError:
            return None
    if not fds:
        return None
    taken = socket.socket(fileno=fds[0])
    taken.setblocking(False)
    return taken

"""What a child process gets from the supervisor: the resolved configuration, sockets already bound and, where it is due, the key.

Law: a child never reads the configuration file. Whatever a user saves there, a restarted child comes back with what the supervisor runs.
Nothing of it touches a disk: it goes through an anonymous file in memory, by descriptor.
"""

import os
import secrets
import socket
import tempfile
from dataclasses import dataclass

import msgspec

from proxy.config import Config

KEY_VARIABLE = "UNDERSTUDY_ANONYMIZE_KEY"


class Inherited(msgspec.Struct, frozen=True, kw_only=True):
    config: Config
    config_file: str
    key: bytes = b""
    """The anonymizer's; empty for workers, who have nothing to anonymize."""
    again: bool = False
    """A successor: what it replaces was serving a moment ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The anonymizer's key and whether another run will have the same."""

    value: bytes
    repeatable: bool

    def __repr__(self) -> str:
        return f"Key(repeatable={self.repeatable})"


def key_from_environment() -> Key:
    """`UNDERSTUDY_ANONYMIZE_KEY`, else a random one: pseudonyms of two runs then do not agree."""
    given = os.environ.get(KEY_VARIABLE, "")
    return Key(value=given.encode() or secrets.token_bytes(32), repeatable=bool(given))


def hand_down(inherited: Inherited) -> int:
    """An inheritable descriptor from which a child can `inherit`. The caller closes it after the start."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("understudy", 0)
    else:  # not Linux: an unlinked file
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.write(fd, msgspec.msgpack.encode(inherited))
    os.lseek(fd, 0, os.SEEK_SET)
    os.set_inheritable(fd, True)
    return fd


def inherit(fd: int) -> Inherited:
    with os.fdopen(fd, "rb") as file:
        return msgspec.msgpack.decode(file.read(), type=Inherited)


def inherited_socket(fd: int) -> socket.socket:
    """A listening socket by its descriptor; the family is asked from the kernel."""
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock

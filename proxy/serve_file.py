"""`serve.json` in the journal's folder: where a `serve` listens, who its children are, and which of them ended lately.

Law: the supervisor alone writes it, whole and by renaming; anybody may read it, and one that cannot be read says nothing.
"""

from pathlib import Path

import msgspec

NAME = "serve.json"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A child that ended without being asked to."""

    name: str
    code: int
    at: float
    """Seconds since the epoch, UTC."""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    pid: int
    listen: str
    admin: str
    children: dict[str, int]
    """Process ids by name."""
    ended: list[Ended] = []
    """The last twenty."""


def serving(folder: Path) -> Serving | None:
    """What the file in a journal's folder says, when there is one that can be read."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Serving)
    except (OSError, msgspec.DecodeError):
        return None


def announce(folder: Path, where: Serving) -> None:
    path = folder / NAME
    making = path.with_suffix(".tmp-json")
    making.write_bytes(msgspec.json.encode(where))
    making.chmod(0o600)
    making.replace(path)

"""How far the shadow has come: which segments the recorder may unlink. A small file, replaced whole."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

NAME = "shadow.cursor"


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    at: int = 0
    """Microseconds since the epoch: when this was written."""
    passed: list[str] = []
    """Segments read to their sealed end whose calls are all decided, ledger and journal included."""


def read(folder: Path) -> Cursor:
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Cursor)
    except (FileNotFoundError, msgspec.DecodeError):
        return Cursor()


@dataclass(slots=True)
class CursorFile:
    folder: Path
    passed: frozenset[str]

    def write(self, at: int, passed: frozenset[str]) -> bool:
        """Only when something changed; False: it could not be written, and will be tried again."""
        if passed == self.passed:
            return True
        making = self.folder / f"{NAME}.tmp-json"
        try:
            making.write_bytes(msgspec.json.encode(Cursor(at=at, passed=sorted(passed))))
            making.chmod(0o600)
            making.replace(self.folder / NAME)
        except OSError:
            return False
        self.passed = passed
        return True

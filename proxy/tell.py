"""A few facts into the journal from outside of its processes: a command, the admin port, the guard. Needs no loop and no thread.

Law: like every writer, a segment of its own, sealed when it is told; these facts may use the journal's reserve. Nothing is kept waiting:
what could not be written is an OSError for whoever told it.
"""

import secrets
from collections.abc import Sequence

import msgspec

from proxy.config import Config
from proxy.events import AnyEvent
from proxy.journal import limits_of
from proxy.segment_file import Batch, SegmentFile

_encode = msgspec.json.Encoder().encode


class _Teller:
    def __init__(self, config: Config, process: str):
        self.folder, self.process, self.config, self.limits = config.journal_folder, process, config.hash, limits_of(config)
        self.writer, self.failing = secrets.token_hex(6), ""
        self.dropped: dict[str, int] = {}

    def count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


def tell(config: Config, process: str, events: Sequence[AnyEvent]) -> None:
    """Append these as `process`. Raises OSError when the journal has no room or no folder."""
    teller = _Teller(config, process)
    teller.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pieces = [_encode(msgspec.structs.replace(event, seq=number)) + b"\n" for number, event in enumerate(events, 1)]
    ends = [sum(map(len, pieces[: number + 1])) for number in range(len(pieces))]
    file = SegmentFile(teller)
    file.write(Batch(pieces, ends, list(range(1, len(pieces) + 1)), True, 0))
    file.seal()
    if teller.dropped:
        raise OSError(28, teller.failing or "the journal took no more")

"""How a round is written: small ones quickly, and now and then everything small that lies there is merged and compressed.

Law: pure. DuckDB makes a row group of each round, and by itself would merge them in pairs, on and on, at twice the cost of writing them and
with 122,880 rows in memory at once, whatever they weigh. Here a merge comes after some rounds or megabytes, and in rows by their weight.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from proxy.rows import Lines

BIG_ROUND_BYTES = 8 << 20
"""Such a round is a good row group as it is."""
MERGE_AFTER_ROUNDS = 32
MERGE_AFTER_BYTES = 48 << 20
ROW_GROUP_BYTES = 16 << 20
"""About so much text goes into a merged row group; DuckDB has up to three of them in memory at once."""
ROWS_MIN, ROWS_MAX = 2048, 16_384
How = Literal["small", "big", "merging"]


@dataclass(slots=True)
class Merging:
    """Small rounds since the last merge. A process that never lives for long merges too: it begins three quarters on its way."""

    rounds: int = MERGE_AFTER_ROUNDS * 3 // 4
    rows: int = 0
    bytes: int = 0

    def how(self, round: Iterable[Lines]) -> How:
        """Count a round, and say how it is to be written."""
        sizes = [len(line.json) for lines in round for line in lines.lines]
        if sum(sizes) >= BIG_ROUND_BYTES:
            return "big"
        self.rounds, self.rows, self.bytes = self.rounds + 1, self.rows + len(sizes), self.bytes + sum(sizes)
        return "merging" if self.rounds >= MERGE_AFTER_ROUNDS or self.bytes >= MERGE_AFTER_BYTES else "small"

    def row_group(self) -> int:
        """Rows, a multiple of what DuckDB works on at once."""
        rows = ROW_GROUP_BYTES * max(self.rows, 1) // max(self.bytes, 1)
        return min(max(rows - rows % ROWS_MIN, ROWS_MIN), ROWS_MAX)

    def merged(self) -> None:
        self.rounds = self.rows = self.bytes = 0

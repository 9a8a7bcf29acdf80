"""Calls of a former time that nobody will close: their worker died, and so did the recorder that had read them, before it could say so.

Law: a call is given up only when its worker is known to be gone: every worker's beat tells by which prefix it names its calls, and a call
that no living worker's prefix fits is nobody's. Looked for once in a recorder's life, after every worker has had time to beat.
"""

import time
from collections.abc import Collection
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

from proxy.committer import Committer
from proxy.exchange import Call
from proxy.intake import Intake
from proxy.recall import recall
from proxy.store import Store

PREFIX_CHARS = 24
"""Of a call's id: all but the 48 bits that count."""
LOOK_BACK = timedelta(days=1)
SQL = """
SELECT call_id::VARCHAR
FROM calls
WHERE arrived_at BETWEEN $1 AND $2 AND run_id IS NULL
  AND call_id NOT IN (SELECT call_id FROM exchanges WHERE seen AND started_at >= $1)
LIMIT 10000
"""


def unanswered(store: Store, since: datetime, until: datetime, alive: Collection[str]) -> list[Call]:
    """Stored calls without an answer that the client got, of workers that are no more."""
    found = store.query(SQL, [since.replace(tzinfo=None), until.replace(tzinfo=None)], wait_s=5.0).rows
    gone = [call_id for (call_id,) in found if call_id[:PREFIX_CHARS] not in alive]
    return recall(store, gone) if gone else []


class Abandoned:
    def __init__(self, committer: Committer, intake: Intake, after_s: float):
        self.committer, self.intake = committer, intake
        self._started, self._due_s = datetime.now(UTC), time.monotonic() + after_s
        self._asked: Future[list[Call]] | None = None
        self._done = False

    def turn(self, *, all_read: bool) -> None:
        """Ask when it is time; close what comes back."""
        if self._done or time.monotonic() < self._due_s:
            return
        if self._asked is None:
            if all_read and self.committer.opened:
                alive = frozenset(self.intake.alive)
                self._asked = self.committer.ask(lambda store: unanswered(store, self._started - LOOK_BACK, self._started, alive))
        elif self._asked.done():
            if self._asked.exception() is None:
                self.intake.give_up(self._asked.result())
                self._done = True
            self._asked, self._due_s = None, time.monotonic() + 5.0

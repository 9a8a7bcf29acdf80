"""The rubric's guards asked of one answer as it is recorded.

Law: it runs in the recorder's thread, so it may take a tenth of its time and no more; of an answer beyond that nothing is asked: it is no
evidence, and the report says how many pairs that cost.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from proxy.exchange import Call, Exchange
from scoring.criterion import scored
from scoring.rubric import Dimension
from scoring.run.marks import turned
from scoring.task import Answer, Task, answer_of, task_of

TIME_SHARE, BURST_S = 0.10, 0.5


class Scorer:
    def __init__(self, guards: Mapping[str, Sequence[Dimension]], clock: Callable[[], float] = time.monotonic):
        self.guards, self.clock = guards, clock
        self._spare_s, self._looked_s = BURST_S, clock()

    def marks(self, row: Exchange, call: Call) -> Mapping[str, float] | None:
        """By dimension, of those that apply; None: there is no time."""
        asked = self.guards.get(call.workflow, ())
        if not asked:
            return {}
        began = self.clock()
        self._spare_s = min(self._spare_s + (began - self._looked_s) * TIME_SHARE, BURST_S)
        self._looked_s = began
        if self._spare_s <= 0:
            return None
        found = marks_of(asked, task_of(call), answer_of(row))
        self._spare_s -= self.clock() - began
        return found


def marks_of(asked: Sequence[Dimension], task: Task, answer: Answer) -> Mapping[str, float]:
    scores = ((each.name, turned(each, scored(each.criterion, task, answer)).value) for each in asked)
    return {name: value for name, value in scores if value is not None}

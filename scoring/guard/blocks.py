"""Evidence since the beginning and evidence of late, as one: half of the bet is on all data, the other half on each hour by itself.

Law: every hour begins a new e-process with a weight of its own, 1/2 · 1/(k(k+1)) for the k-th, and what no hour has used yet is kept as
cash; a weighted mean of e-processes is one. So a candidate that was well for days and breaks today is not saved by its days: that costs
ln(2k(k+1)) of evidence, 7 after a day, instead of all its past.
"""

import math

HOUR_S = 3600.0


class Blocks:
    """The closed hours of one test, and which one is open; `length_s`: of what is called an hour here."""

    def __init__(self, length_s: float = HOUR_S) -> None:
        self.length_s, self.hour, self.number, self._closed = length_s, -1, 1, -math.inf

    def turns(self, at_s: float) -> bool:
        """Whether this time opens another hour than the last one did; late facts belong to the open one."""
        hour = int(at_s // self.length_s)
        if hour <= self.hour:
            return False
        first, self.hour = self.hour < 0, hour
        return not first

    def close(self, log_e: float) -> None:
        """The open hour ended with this evidence."""
        self._closed = added(self._closed, log_e - math.log(self.number * (self.number + 1)))
        self.number += 1

    def log_e(self, whole: float, hour: float) -> float:
        """Of all data, and of the open hour."""
        return added(whole, self.late(hour)) - math.log(2)

    def late(self, hour: float) -> float:
        """Of the hours alone."""
        k = self.number
        return added(added(self._closed, hour - math.log(k * (k + 1))), -math.log(k + 1))


def added(one: float, other: float) -> float:
    """log(exp(one) + exp(other)), for any size."""
    top = max(one, other)
    return top if math.isinf(top) else top + math.log1p(math.exp(min(one, other) - top))

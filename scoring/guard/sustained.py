"""Whether a mean lies above a limit by more than chance, whenever that began: a Shiryaev-Roberts sum over eight bets.

Law: of answers whose true mean is at the limit, the first false word comes after `EVERY` answers on average at the least, however often one
looks; of answers well below it, hardly ever (measured in `tests/science/canaries.py`). It remembers nothing but eight numbers, needs no
window, and forgets as quickly as it learns.

Source: Shin, Ramdas & Rinaldo, E-detectors (arXiv:2203.03532), as `scoring/stats/detector.py`, lighter: it runs with every answer.
"""

from dataclasses import dataclass, field

BETS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
EVERY = 1e6
"""Less would call three errors in a row broken where one in a hundred is usual: at a few calls a second, every week."""
_MOST = 1e8
"""What is remembered at most: a candidate that is well again is so after tens of answers."""
_LEAST_MEAN = 1e-3
"""A limit of 0 is one of a thousandth: two failures say more than chance."""


@dataclass(slots=True)
class Sustained:
    at_most: float
    """What the mean may be; in [0, 1]."""
    sums: list[float] = field(default_factory=lambda: [0.0] * len(BETS))

    def step(self, value: float) -> None:
        """One answer's value in [0, 1]."""
        mean = min(max(self.at_most, _LEAST_MEAN), 1.0)
        gain = value / mean - 1.0
        self.sums = [min((each + 1.0) * (1.0 + bet * gain), _MOST) for bet, each in zip(BETS, self.sums, strict=True)]

    @property
    def evidence(self) -> float:
        """1 and more: the limit is not kept."""
        return sum(self.sums) / len(BETS) / EVERY

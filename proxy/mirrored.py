"""Which share of the traffic is mirrored, and why the rest is not: counted by family of reasons, told in words.

Law: pure; families are a closed set and keys are bounded, whatever calls hold. What the configuration left out (`sampled_out`) is wished,
and counted apart from what cannot be mirrored.
"""

from collections import Counter
from collections.abc import Iterable

from proxy.coverage import family_of
from proxy.exchange import Decision

KEYS_MAX = 200
OTHER = "other"
TOP = 3
"""So many reasons are named in words."""
MIRRORED = frozenset(("sent", "served"))
WISHED = "sampled_out"


class Mirrored:
    """Legs by target and family. One thread counts; `told` may be asked by the same."""

    def __init__(self) -> None:
        self.mirrored, self.wished = Counter[str](), Counter[str]()
        self.refused: Counter[tuple[str, str]] = Counter()
        """By target and family."""

    def count(self, row: Decision) -> None:
        if row.decision in MIRRORED:
            self.mirrored[row.target] += 1
        elif row.decision == WISHED:
            self.wished[row.target] += 1
        else:
            key = (row.target, family_of(row.decision, row.reason))
            self.refused[key if key in self.refused or len(self.refused) < KEYS_MAX else (OTHER, OTHER)] += 1

    def told(self) -> dict[str, object]:
        """For `/api/status`: overall, and by target."""
        targets = sorted(self.mirrored.keys() | self.wished.keys() | {target for target, _ in self.refused})
        return {**self._share(targets), "targets": {target: self._share([target]) for target in targets}}

    def _share(self, targets: Iterable[str]) -> dict[str, object]:
        chosen = set(targets)
        families = Counter[str]()
        for (target, family), count in self.refused.items():
            families[family] += count if target in chosen else 0
        mirrored, wished = (sum(counts[target] for target in chosen) for counts in (self.mirrored, self.wished))
        refused = families.total()
        legs = mirrored + wished + refused
        reasons = [{"reason": family, "count": count, "share": round(count / legs, 4)} for family, count in families.most_common() if count]
        return {
            "legs": legs, "mirrored": mirrored, "left_out_by_configuration": wished, "not_mirrored": refused,
            "share_not_mirrored": round(refused / legs, 4) if legs else None, "reasons": reasons, "words": words(legs, families),
        }  # fmt: skip


def words(legs: int, families: Counter[str]) -> str:
    """`3.1 % of the traffic cannot be mirrored, because: tool web_search (2.0 %), n>1 (1.1 %)`."""
    refused = families.total()
    if not legs or not refused:
        return "all of the traffic can be mirrored" if legs else ""
    named = [f"{family} ({100 * count / legs:.1f} %)" for family, count in families.most_common(TOP) if count]
    rest = "" if sum(count > 0 for count in families.values()) <= TOP else ", and others"
    return f"{100 * refused / legs:.1f} % of the traffic cannot be mirrored, because: {', '.join(named)}{rest}"

"""What the ledger's lines are and what they come to: decisions, settlements, and a day's money by target. Pure.

Law: an account is the fold of its lines in their order, whatever was cut off behind them; written anew in fewer lines, it comes to the
same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from proxy.exchange import DecisionName, Role

Key = tuple[str, str, str, str | None, int]
"""call, target, role, run, sample"""
Day = str
"""`2026-01-31`, UTC"""


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", omit_defaults=True):
    at: int
    """Microseconds since the epoch, UTC."""


class Kept(Line, frozen=True, kw_only=True, tag="decision"):
    id: str
    target: str
    role: Role
    run: str | None = None
    sample: int = 0
    decision: DecisionName
    reason: str = ""
    usd: Decimal | None = None
    """Reserved: the worst case. None: no price is known."""
    route: str = ""
    dialect: str = ""
    model: str | None = None
    call_at: int = 0
    attempt: int = 1
    """Of a run: how often this was begun, earlier lives included."""
    by_worker: bool = False
    """Sent by a worker (a canary that fell back): nothing of it is under way here, and nothing is settled."""

    @property
    def key(self) -> Key:
        return self.id, self.target, self.role, self.run, self.sample


class Settled(Line, frozen=True, kw_only=True, tag="settled"):
    id: str
    target: str
    role: Role
    run: str | None = None
    sample: int = 0
    day: Day
    """Whose budget it was reserved from."""
    usd: Decimal
    again: bool = False
    """Of a run: there is no answer, and the call may be asked again."""

    @property
    def key(self) -> Key:
        return self.id, self.target, self.role, self.run, self.sample


class Carried(Line, frozen=True, kw_only=True, tag="carried"):
    """What the settled lines that were here came to."""

    day: Day
    target: str
    usd: Decimal


AnyLine = Kept | Settled | Carried
_decode = msgspec.json.Decoder(AnyLine).decode
encode = msgspec.json.Encoder().encode


def day_of(at_us: int) -> Day:
    return datetime.fromtimestamp(at_us / 1e6, UTC).date().isoformat()


@dataclass(slots=True)
class Account:
    """What the lines come to. Fold them in their order."""

    horizon: int = 0
    """Decisions older than this are not remembered one by one."""
    decided: dict[Key, Kept] = field(default_factory=dict[Key, Kept])
    open: dict[Key, Kept] = field(default_factory=dict[Key, Kept])
    """Sent and not settled."""
    spent: dict[tuple[Day, str], Decimal] = field(default_factory=dict[tuple[Day, str], Decimal])
    damaged: int = 0
    """Lines that could not be read."""

    def add(self, line: AnyLine) -> None:
        if isinstance(line, Kept):
            if line.at >= self.horizon:
                self.decided[line.key] = line
            if line.decision == "sent" and not line.by_worker:
                self.open[line.key] = line
        else:
            if isinstance(line, Settled):
                self.open.pop(line.key, None)
            place = line.day, line.target
            self.spent[place] = self.spent.get(place, Decimal(0)) + line.usd

    def committed(self, day: Day) -> dict[str, Decimal]:
        """Spend of a day by target: settled at what it cost, open at its worst case."""
        total = {target: usd for (spent_on, target), usd in self.spent.items() if spent_on == day}
        for kept in self.open.values():
            if day_of(kept.at) == day:
                total[kept.target] = total.get(kept.target, Decimal(0)) + (kept.usd or 0)
        return total


def lines_of(data: bytes) -> Iterator[AnyLine | None]:
    """The whole lines; None for one that cannot be read. What follows the last line break is no line."""
    for raw in data.split(b"\n")[:-1]:
        if raw:
            try:
                yield _decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield None


def fold(account: Account, data: bytes) -> Account:
    for line in lines_of(data):
        if line is None:
            account.damaged += 1
        else:
            account.add(line)
    return account


def compacted(data: bytes, horizon: int) -> bytes:
    """The same account in fewer lines: settled pairs become sums, decisions before the horizon are forgotten unless they are open."""
    account = fold(Account(horizon=horizon), data)
    known = {line.key for line in lines_of(data) if isinstance(line, Kept)}
    # a settlement whose reservation lies in yesterday's file is needed to close it
    strange = [line for line in lines_of(data) if isinstance(line, Settled) and line.key not in known]
    for line in strange:
        account.spent[line.day, line.target] -= line.usd
    sums = [Carried(at=horizon, day=day, target=target, usd=usd) for (day, target), usd in account.spent.items() if usd]
    # a decision that is settled already is remembered, but opens nothing: its settlement follows at nothing, as the sum has it
    closed = [
        Settled(
            at=each.at,
            id=each.id,
            target=each.target,
            role=each.role,
            run=each.run,
            sample=each.sample,
            day=day_of(each.at),
            usd=Decimal(0),
        )
        for key, each in account.decided.items()
        if each.decision == "sent" and not each.by_worker and key not in account.open
    ]
    kept = {**account.decided, **account.open}
    return b"".join(encode(line) + b"\n" for line in (*sums, *kept.values(), *closed, *strange))

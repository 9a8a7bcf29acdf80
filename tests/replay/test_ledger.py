"""The ledger: what was acknowledged is there after a crash, what was not was never sent."""

import asyncio
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.exchange import DecisionName
from replay.account import Account, AnyLine, Kept, Settled, compacted, day_of, fold
from replay.ledger import Ledger

NOW = 1_770_000_000_000_000  # 2026-02-02
HOUR = 3600 * 1_000_000


def a_kept(number: int = 1, *, at: int = NOW, decision: DecisionName = "sent", usd: str | None = "0.5", **more: Any) -> Kept:
    given: dict[str, Any] = {"target": "small", "role": "candidate", "route": "main", "dialect": "openai.chat"}
    return Kept(at=at, id=f"call-{number}", decision=decision, usd=None if usd is None else Decimal(usd), **{**given, **more})


def a_settled(kept: Kept, usd: str) -> Settled:
    return Settled(at=kept.at + 1, id=kept.id, target=kept.target, role=kept.role, day=day_of(kept.at), usd=Decimal(usd))


def a_ledger(folder: Path, *, now: int = NOW, **more: Any) -> Ledger:
    return Ledger(folder / "ledger", now_us=lambda: now, **more)


def keep(folder: Path, lines: list[AnyLine], **more: Any) -> None:
    async def story() -> None:
        ledger = a_ledger(folder, **more)
        for line in lines:
            assert await ledger.keep([line])
        ledger.close()

    asyncio.run(story())


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    one, two, three = a_kept(1), a_kept(2), a_kept(3, decision="sampled_out", usd=None)
    keep(tmp_path, [one, two, three, a_settled(one, "0.125")])
    account = a_ledger(tmp_path).load()
    assert account.decided == {each.key: each for each in (one, two, three)}
    assert account.open == {two.key: two}
    assert account.committed(day_of(NOW)) == {"small": Decimal("0.625")}


def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    keep(tmp_path, [a_kept()])
    [path] = (tmp_path / "ledger").iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == ("2026-02-02.jsonl", 0o600)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(min_value=0, max_value=3000))
def test_a_torn_tail_is_cut_off_and_the_ledger_goes_on(tmp_path_factory: Any, cut: int) -> None:
    folder = tmp_path_factory.mktemp("torn")
    lines = [a_kept(number) for number in range(10)]
    keep(folder, list(lines))
    [path] = (folder / "ledger").iterdir()
    os.truncate(path, min(cut, path.stat().st_size))
    whole = path.read_bytes().count(b"\n")
    assert list(a_ledger(folder).load().open.values()) == lines[:whole]
    keep(folder, [a_kept(99)])
    again = a_ledger(folder).load()
    assert [each.id for each in again.open.values()] == [*(f"call-{number}" for number in range(whole)), "call-99"]
    assert again.damaged == 0


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    account = fold(Account(), data)
    assert account.damaged <= data.count(b"\n")


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    keep(tmp_path, [a_kept(1)])
    [path] = (tmp_path / "ledger").iterdir()
    path.write_bytes(path.read_bytes() + b'{"line":"deci\xff\n')
    keep(tmp_path, [a_kept(2)])
    account = a_ledger(tmp_path).load()
    assert ([each.id for each in account.open.values()], account.damaged) == (["call-1", "call-2"], 1)


def test_yesterday_counts_for_open_calls_and_the_day_before_is_removed(tmp_path: Path) -> None:
    before, yesterday, today = a_kept(1, at=NOW - 48 * HOUR), a_kept(2, at=NOW - 24 * HOUR), a_kept(3)
    keep(tmp_path, [before], now=before.at)
    keep(tmp_path, [yesterday], now=yesterday.at)
    keep(tmp_path, [today, a_settled(yesterday, "0.25")])
    account = a_ledger(tmp_path).load()
    assert set(account.open) == {today.key}
    assert account.committed(day_of(NOW)) == {"small": Decimal("0.5")}
    assert sorted(path.name for path in (tmp_path / "ledger").iterdir()) == ["2026-02-01.jsonl", "2026-02-02.jsonl"]


def test_decisions_from_before_the_horizon_are_not_remembered_but_their_money_is(tmp_path: Path) -> None:
    old, new = a_kept(1, at=NOW - HOUR), a_kept(2)
    keep(tmp_path, [old, new])
    account = a_ledger(tmp_path, horizon=lambda: NOW - 1).load()
    assert set(account.decided) == {new.key}
    assert set(account.open) == {old.key, new.key}


def test_many_waiters_share_a_write_and_all_are_told(tmp_path: Path) -> None:
    async def story() -> list[bool]:
        ledger = a_ledger(tmp_path)
        told = [ledger.keep([a_kept(number)]) for number in range(5000)]
        done = [await each for each in told]
        ledger.close()
        return done

    assert all(asyncio.run(story()))
    assert len(a_ledger(tmp_path).load().open) == 5000


def test_a_write_that_fails_is_told_and_leaves_no_trace(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = a_ledger(tmp_path)
        assert await ledger.keep([a_kept(1)])
        (tmp_path / "ledger").rename(tmp_path / "moved")
        (tmp_path / "ledger").write_bytes(b"in the way")
        ledger.now_us = lambda: NOW + 24 * HOUR
        assert not await ledger.keep([a_kept(2)])
        assert ledger.failing
        (tmp_path / "ledger").unlink()
        (tmp_path / "moved").rename(tmp_path / "ledger")
        assert await ledger.keep([a_kept(3)])
        assert not ledger.failing
        ledger.close()

    asyncio.run(story())
    assert [each.id for each in a_ledger(tmp_path, now=NOW + 24 * HOUR).load().open.values()] == ["call-1", "call-3"]


def test_a_full_disk_takes_back_what_it_took(tmp_path: Path) -> None:
    """The file size limit stands in for a full disk: a write stops in the middle of a line."""
    child = os.fork()
    if child == 0:
        os._exit(_fill(tmp_path))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    account = a_ledger(tmp_path).load()
    assert ([each.id for each in account.open.values()], account.damaged) == (["call-1"], 0)


def _fill(folder: Path) -> int:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def story() -> bool:
        ledger = a_ledger(folder)
        first = await ledger.keep([a_kept(1)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        second = await ledger.keep([a_kept(number) for number in range(2, 9)])
        return first and not second

    return 0 if asyncio.run(story()) else 1


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(("sent", "shed")), st.booleans(), st.integers(0, 99)), max_size=40),
    st.integers(0, 40),
)
def test_a_compacted_file_comes_to_the_same_account(story: list[tuple[int, DecisionName, bool, int]], horizon: int) -> None:
    lines: list[AnyLine] = []
    for number, (minute, decision, settled, cents) in enumerate(story):
        kept = a_kept(number, at=NOW + minute, decision=decision, usd=str(cents / 100))
        lines.append(kept)
        if settled and decision == "sent":
            lines.append(a_settled(kept, str(cents / 200)))
    from msgspec.json import encode

    data = b"".join(encode(line) + b"\n" for line in lines)
    before, after = fold(Account(horizon=NOW + horizon), data), fold(Account(horizon=NOW + horizon), compacted(data, NOW + horizon))
    assert after.committed(day_of(NOW)) == {
        target: usd for target, usd in before.committed(day_of(NOW)).items() if usd or target in after.committed(day_of(NOW))
    }
    assert (after.open, after.decided) == (before.open, before.decided)
    twice = compacted(compacted(data, NOW + horizon), NOW + horizon)
    assert fold(Account(horizon=NOW + horizon), twice).committed(day_of(NOW)) == after.committed(day_of(NOW))


def test_a_file_that_grows_large_is_written_anew(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = a_ledger(tmp_path, compact_bytes=20_000, horizon=lambda: NOW + 1)
        for number in range(500):
            kept = a_kept(number)
            assert await ledger.keep([kept])
            assert await ledger.keep([a_settled(kept, "0.1")])
        ledger.close()

    asyncio.run(story())
    [path] = (tmp_path / "ledger").iterdir()
    assert path.stat().st_size < 60_000
    account = a_ledger(tmp_path).load()
    assert (account.committed(day_of(NOW)), account.open) == ({"small": Decimal(50)}, {})

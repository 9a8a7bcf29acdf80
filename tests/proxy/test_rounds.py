"""What goes into a round, what is let go, who may be unlinked: without a file."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.bounded import Cache, Gaps, Orphan, Parked
from proxy.config import Route, ShadowLeg
from proxy.events import Drawn, ExchangeEvent
from proxy.rounds import Mark, Rounds, Rows, Segment, late, legs_of, undecided
from proxy.rows import SegmentRow
from tests.proxy.journaled import an_answer
from tests.proxy.test_metrics import a_decision_row, a_row


def a_segment(name: str, *, size: int = 1, writer: str = "w", born_us: int = 0, calls: tuple[str, ...] = (), **more: Any) -> Segment:
    rows = Rows()
    if size:
        rows.add_exchange(a_row(text="x" * size))
    row = SegmentRow(name=name, process="worker-0", writer=writer, events=1, first_seq=1, last_seq=1, torn_bytes=0, damage=None)
    return Segment(row=row, born_us=born_us, rows=rows, calls={call: Mark("main", None) for call in calls}, **more)


def some_rounds(*segments: Segment, bound: int = 1 << 20) -> Rounds:
    rounds = Rounds(bound)
    for segment in segments:
        rounds.add(segment)
    return rounds


def names(rounds: Rounds) -> list[str]:
    made = rounds.next_round()
    return [row.name for row in made.segments] if made else []


def test_a_round_takes_the_oldest_whole_segments_and_one_round_is_under_way_at_a_time() -> None:
    rounds = some_rounds(a_segment("1"), a_segment("2", orphans=1), a_segment("3"))
    assert names(rounds) == ["1", "3"]
    assert rounds.next_round() is None
    rounds.stored()
    assert rounds.next_round() is None
    rounds.segments["2"].orphans = 0
    assert names(rounds) == ["2"]


def test_a_round_is_bounded_in_bytes_but_takes_at_least_one_segment() -> None:
    rounds = some_rounds(a_segment("1", size=40 << 20), a_segment("2", size=20 << 20), a_segment("3", size=20 << 20), bound=1 << 40)
    assert names(rounds) == ["1"]
    rounds.stored()
    assert names(rounds) == ["2"]


def test_a_segment_of_beats_needs_no_commit() -> None:
    rounds = some_rounds(a_segment("1", size=0))
    assert (rounds.next_round(), rounds.done(())) == (None, ["1"])


def test_a_damaged_segment_is_stored_though_it_has_no_rows() -> None:
    segment = a_segment("1", size=0)
    segment.row = SegmentRow(name="1", process="p", writer="w", events=0, first_seq=None, last_seq=None, torn_bytes=5, damage=None)
    assert names(some_rounds(segment)) == ["1"]


def test_the_newest_rows_are_let_go_and_read_again_when_there_is_room() -> None:
    rounds = some_rounds(*(a_segment(str(number), size=10_000) for number in range(4)), bound=25_000)
    assert rounds.shed() == ["3", "2"]
    assert rounds.waiting <= 25_000
    assert rounds.to_read_again() is None
    assert names(rounds) == ["0", "1"]
    rounds.stored()
    assert rounds.to_read_again() == "2"
    assert rounds.done(()) == ["0", "1"]


def test_a_segment_larger_than_the_bound_is_stored_all_the_same() -> None:
    rounds = some_rounds(a_segment("1", size=50_000), bound=25_000)
    assert rounds.shed() == []
    assert names(rounds) == ["1"]


def test_a_segment_goes_when_it_is_stored_and_the_shadow_has_passed() -> None:
    rounds = some_rounds(a_segment("1", calls=("a",)))
    assert rounds.done(("1",)) == []
    rounds.next_round()
    rounds.stored()
    assert rounds.done(()) == []
    assert rounds.done(("1",)) == ["1"]


def test_segments_of_one_writer_go_in_their_order() -> None:
    rounds = some_rounds(a_segment("1", calls=("a",)), a_segment("2"), a_segment("3", writer="other"))
    rounds.next_round()
    rounds.stored()
    assert rounds.done(()) == ["3"]
    assert rounds.done(("1",)) == ["1", "2", "3"]


def test_a_segment_with_a_parked_answer_stays() -> None:
    rounds = some_rounds(a_segment("1", orphans=1))
    rounds.known(["1"])
    assert rounds.done(()) == []


def test_overdue_segments_wait_until_their_decisions_are_stored() -> None:
    rounds = some_rounds(a_segment("1", calls=("a",), born_us=100))
    rounds.next_round()
    rounds.stored()
    assert list(rounds.ripe((), 100)) == []
    assert list(rounds.ripe(("1",), 101)) == []
    [segment] = rounds.ripe((), 101)
    rounds.settle(segment, [a_decision_row(decision="stale")])
    assert (list(rounds.ripe((), 101)), rounds.done(())) == ([], [])
    assert rounds.next_round() is not None
    assert (list(rounds.ripe((), 101)), rounds.done(())) == ([], [])
    rounds.stored()
    assert rounds.done(()) == ["1"]


def test_what_a_predecessor_stored_is_not_stored_again() -> None:
    rounds = some_rounds(a_segment("1"), a_segment("2"))
    rounds.known(["1", "unknown"])
    assert names(rounds) == ["2"]


def test_lag_is_that_of_the_oldest_rows_and_parked_answers_do_not_count() -> None:
    rounds = some_rounds(a_segment("1", born_us=5, orphans=1), a_segment("2", born_us=7), a_segment("3", born_us=9))
    assert rounds.oldest_us() == 7
    rounds.next_round()
    assert rounds.oldest_us() == 7
    rounds.stored()
    assert rounds.oldest_us() is None


ROUTE = Route(name="main", incumbent="gpt", shadow=[ShadowLeg(target="small"), ShadowLeg(target="rules")], repeat=0.1)
ROUTES = {"main": ROUTE, "bare": Route(name="bare", incumbent="gpt")}


def left(decided: set[tuple[str, bool]], route: str = "main") -> list[tuple[str, str]]:
    found = undecided({"c": Mark(route, None)}, lambda call: decided, ROUTES, {"rules"})
    return [(target, role) for _, _, target, role in found]


def test_every_leg_of_a_route_has_a_decision_coming() -> None:
    assert legs_of(ROUTE, {"rules"}) == [("small", "candidate"), ("rules", "baseline"), ("gpt", "repeat")]
    assert left(set()) == [("small", "candidate"), ("rules", "baseline"), ("gpt", "repeat")]
    assert left({("small", False), ("gpt", True)}) == [("rules", "baseline")]


def test_a_reverse_shadow_of_the_incumbent_is_not_its_repeat() -> None:
    assert ("gpt", "repeat") in left({("gpt", False)})


def test_a_route_without_legs_has_one_decision_too() -> None:
    assert left(set(), "bare") == [("", "candidate")]
    assert left({("", False)}, "bare") == []


def an_orphan(call: str, *, size: int = 0, parked_s: float = 0.0) -> Orphan:
    event, _ = an_answer(call)
    assert isinstance(event, ExchangeEvent)
    return Orphan(segment="1", event=event, body=b"x" * size, fresh=True, parked_s=parked_s)


def test_an_answer_waits_for_its_call_and_not_for_ever() -> None:
    parked = Parked(1 << 20, 60.0)
    early, late = an_orphan("a", parked_s=0.0), an_orphan("b", parked_s=30.0)
    parked.park(early)
    parked.park(late)
    assert (parked.expired(59.9), parked.expired(60.0)) == ([], [early])
    assert parked.claim("b") == [late]
    assert (parked.claim("b"), parked.bytes) == ([], 0)


def test_parked_answers_have_a_bound_in_bytes() -> None:
    parked = Parked(25_000, 60.0)
    for number in range(5):
        parked.park(an_orphan(str(number), size=9_000))
    assert [orphan.event.id for orphan in parked.expired(1.0)] == ["0", "1", "2"]
    assert parked.bytes <= 25_000


@given(keys=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40))))
def test_a_cache_keeps_its_bound_and_forgets_what_was_longest_unused(keys: list[tuple[int, int]]) -> None:
    cache = Cache[int, str](100, len)
    for key, size in keys:
        cache.put(key, "x" * size)
        assert cache.bytes <= 100
        assert cache.get(key) == "x" * size
    kept = [value for key in range(10) if (value := cache.get(key)) is not None]
    assert cache.bytes == sum(map(len, kept))


@given(numbers=st.sets(st.integers(1, 200), min_size=1), cuts=st.sets(st.integers(1, 200)), order=st.randoms())
def test_gaps_are_counted_whatever_the_order_of_segments(numbers: set[int], cuts: set[int], order: Any) -> None:
    pieces: list[list[int]] = [[]]
    for number in sorted(numbers):
        pieces[-1].append(number)
        if number in cuts:
            pieces.append([])
    full = [piece for piece in pieces if piece]
    gaps = Gaps()
    for piece in full:
        gaps.take(piece[0], piece[-1], len(piece))
    assert gaps.missing == max(numbers) - min(numbers) + 1 - len(numbers)
    shuffled = Gaps()
    order.shuffle(full)
    for piece in full:
        shuffled.take(piece[0], piece[-1], len(piece))
    assert shuffled.missing == max(numbers) - min(numbers) + 1 - len(numbers)


@given(st.data())
def test_whatever_happens_every_segment_is_stored_once_before_it_goes(data: st.DataObject) -> None:
    """Random turns of adding, committing, failing, shedding and unlinking."""
    rounds, number = Rounds(20_000), 0
    stored: list[str] = []
    going: list[str] = []
    gone: list[str] = []
    for act in data.draw(st.lists(st.sampled_from(["add", "begin", "end", "shed", "again", "unlink"]), max_size=60)):
        if act == "add":
            number += 1
            rounds.add(a_segment(f"{number:03d}", size=data.draw(st.integers(1, 9_000)), writer=data.draw(st.sampled_from("ab"))))
        elif act == "begin":
            going = going or names(rounds)
        elif act == "end" and going:
            rounds.stored()
            stored, going = stored + going, []
        elif act == "shed":
            rounds.shed()
        elif act == "again" and (name := rounds.to_read_again()):
            rounds.add(a_segment(name, size=100, writer=rounds.segments[name].row.writer))
        elif act == "unlink":
            for name in rounds.done(()):
                rounds.forget(name)
                gone.append(name)
    assert len(stored) == len(set(stored))
    assert set(gone) <= set(stored)
    assert set(gone) | rounds.segments.keys() == {f"{each:03d}" for each in range(1, number + 1)}


def test_decisions_of_ours_go_into_the_next_round_alone_if_need_be() -> None:
    rounds = some_rounds()
    rounds.extra.add_decision(a_decision_row())
    made = rounds.next_round()
    assert made is not None
    assert (made.segments, len(made.decisions)) == ((), 1)


SERVED = Drawn(rollout="canary", share=0.1, target="small")
FELL_BACK = Drawn(rollout="canary", share=0.1, target="small", fallback="status_500")


def late_of(drawn: Drawn, decided: set[tuple[str, bool]], route: str = "main") -> list[tuple[str, str, str]]:
    found = undecided({"c": Mark(route, None, drawn)}, lambda call: decided, ROUTES, {"rules"}, {"main", "bare"})
    return [(target, role, late(mark, target, role)[0]) for _, mark, target, role in found]


def test_a_canary_that_answered_is_served_and_never_stale_when_the_shadow_is_dead() -> None:
    legs = [("small", "candidate", "served"), ("rules", "baseline", "stale"), ("gpt", "repeat", "stale"), ("gpt", "incumbent", "stale")]
    assert late_of(SERVED, set()) == legs
    assert late_of(SERVED, {("small", False), ("rules", False), ("gpt", True), ("gpt", False)}) == []
    assert late_of(SERVED, set(), "bare") == [("small", "candidate", "served"), ("gpt", "incumbent", "stale")]
    assert late_of(SERVED, set(), "gone") == [("small", "candidate", "served")]


def test_a_canary_that_fell_back_was_sent_and_its_call_has_no_reverse() -> None:
    assert late_of(FELL_BACK, set(), "bare") == [("small", "candidate", "sent")]
    assert late_of(Drawn(rollout="canary", share=0.1), set(), "bare") == [("", "candidate", "no_candidate")]

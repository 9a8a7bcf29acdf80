"""Coverage: which share of the traffic cannot be mirrored, and why, in words; bounded whatever reasons say."""

from datetime import UTC, datetime

from proxy.exchange import Decision, DecisionName
from proxy.mirrored import KEYS_MAX, Mirrored


def a_decision(decision: DecisionName, reason: str = "", target: str = "small") -> Decision:
    return Decision(
        call_id="c", target=target, role="candidate", decision=decision, reason=reason, decided_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def test_the_share_that_cannot_be_mirrored_is_told_with_its_reasons_overall_and_by_target() -> None:
    mirrored = Mirrored()
    for _ in range(90):
        mirrored.count(a_decision("sent"))
    for _ in range(6):
        mirrored.count(a_decision("side_effects", "tool code_interpreter"))
    for _ in range(4):
        mirrored.count(a_decision("not_comparable", "n=3", "large"))
    for _ in range(100):
        mirrored.count(a_decision("sampled_out", target="large"))
    told = mirrored.told()
    assert (told["legs"], told["mirrored"], told["left_out_by_configuration"], told["not_mirrored"]) == (200, 90, 100, 10)
    assert told["words"] == "5.0 % of the traffic cannot be mirrored, because: tool code_interpreter (3.0 %), n>1 (2.0 %)"
    targets: dict[str, dict[str, object]] = told["targets"]  # type: ignore[assignment]
    assert targets["small"]["share_not_mirrored"] == 0.0625
    assert targets["large"]["reasons"] == [{"reason": "n>1", "count": 4, "share": 0.0385}]


def test_nothing_decided_has_no_share_and_all_mirrored_says_so() -> None:
    mirrored = Mirrored()
    assert (mirrored.told()["share_not_mirrored"], mirrored.told()["words"]) == (None, "")
    mirrored.count(a_decision("served"))
    assert mirrored.told()["words"] == "all of the traffic can be mirrored"


def test_any_number_of_targets_and_reasons_keeps_a_bound_and_the_sum() -> None:
    mirrored = Mirrored()
    for number in range(3 * KEYS_MAX):
        mirrored.count(a_decision("unreadable", f"reason {number}", f"target {number}"))
    assert len(mirrored.refused) <= KEYS_MAX + 1
    assert mirrored.told()["not_mirrored"] == 3 * KEYS_MAX

"""A share takes a part of every larger share, the same calls for everyone, for ever."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.sampling import bucket_of, takes

shares = st.floats(min_value=0, max_value=1)


@given(st.text(), shares, shares)
def test_a_smaller_share_is_a_part_of_every_larger_one(conversation: str, one: float, other: float) -> None:
    bucket = bucket_of(conversation)
    if takes(bucket, min(one, other)):
        assert takes(bucket, max(one, other))


@given(st.text())
def test_nothing_takes_no_one_and_everything_takes_everyone(conversation: str) -> None:
    bucket = bucket_of(conversation)
    assert 0.0 <= bucket < 1.0
    assert not takes(bucket, 0.0) and takes(bucket, 1.0)


def test_a_share_takes_about_its_part_of_the_conversations() -> None:
    taken = sum(takes(bucket_of(f"conversation {number}"), 0.1) for number in range(20_000))
    assert 1_800 < taken < 2_200


def test_a_bucket_never_changes_between_versions() -> None:
    assert bucket_of("user-4711") == 0.9649801166015413

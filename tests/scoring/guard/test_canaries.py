"""Canaries of a day in seconds, a few of them; `python -m tests.science.canaries` runs a hundred and tells how soon faults are seen."""

import pytest

from tests.science.canaries import FAULTS, Traffic, fault, healthy

SHORT = Traffic(calls_per_s=0.05, look_s=120.0)


def test_a_healthy_candidate_comes_through_its_day() -> None:
    ended = healthy(901, SHORT)
    assert ended.state == "running" and ended.share == 1.0, ended


@pytest.mark.parametrize("name", sorted(name for name in FAULTS if not name.startswith("p95")))
def test_a_fault_is_taken_back_in_minutes(name: str) -> None:
    ended = fault(name, 5, share=0.5, well_s=300.0, most_s=1800.0)
    assert ended.state == "rolled_back" and ended.calls is not None and ended.calls < 1000, ended

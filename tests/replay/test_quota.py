"""The governor: real headers of real providers, and never production's quota."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import Target
from replay.quota import PAUSE_S, RESET_MAX_S, RESET_UNKNOWN_S, Governor, Window, pause_s, reset_time, windows
from tests.corpus import rows

NOW = 1_767_290_400.0
"""2026-01-01T18:00:00Z"""
GPT = Target(url="https://api.openai.com", api_key_env="KEY")
SMALL = Target(url="https://api.openai.com", api_key_env="KEY", model="small")
OTHER = Target(url="https://api.openai.com", api_key_env="ANOTHER_KEY")
FAR = Target(url="https://api.example.com", api_key_env="KEY")


def governor(reserve: float = 0.3) -> Governor:
    return Governor({"gpt": GPT, "small": SMALL, "other": OTHER, "far": FAR}, ["gpt"], reserve)


def openai(remaining: int, limit: int = 1000, reset: str = "10s", what: str = "requests") -> dict[str, str]:
    names = ("limit", str(limit)), ("remaining", str(remaining)), ("reset", reset)
    return {f"x-ratelimit-{name}-{what}": value for name, value in names}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1), ("6m0s", 360), ("4ms", 0.004), ("17.399999999s", 17.399999999), ("1h2m3s", 3723), ("0s", 0), ("19", 19),
        ("2026-01-01T18:01:28Z", 88), ("2026-01-01T19:01:28+01:00", 88), ("1767290460", 60), ("1767290460000", 60),
        ("", RESET_UNKNOWN_S), ("soon", RESET_UNKNOWN_S), ("2026-01-01T18:01:28", RESET_UNKNOWN_S), ("1y", RESET_UNKNOWN_S),
        ("2025-01-01T18:01:28Z", 0), ("99999d", RESET_MAX_S), ("-5", RESET_UNKNOWN_S), ("nan", RESET_UNKNOWN_S),
    ],
)  # fmt: skip
def test_a_reset_is_read_in_every_way_providers_write_it(text: str, seconds: float) -> None:
    assert reset_time(text, NOW) - NOW == pytest.approx(seconds, abs=1e-5)


def test_azure_counts_in_milliseconds_and_says_minus_one_for_unknown() -> None:
    said = {"x-ratelimit-renewalperiod-requests": "60", **openai(119, 120, "500")}
    assert windows(said, NOW) == [Window("requests", 120, 119, NOW + 0.5, NOW)]
    assert windows(openai(0, -1), NOW) == windows(openai(-1, 120), NOW) == windows(openai(0, 0), NOW) == []


def test_the_real_headers_of_every_recorded_provider_are_read() -> None:
    hosts: dict[str, set[str]] = {}
    for row in rows("exchanges/exchanges.jsonl"):
        headers = {name.lower(): str(value) for name, value in row["response"]["headers"].items()}
        found = windows(headers, NOW)
        assert all(0 <= each.remaining <= each.limit and NOW <= each.reset_at <= NOW + RESET_MAX_S for each in found)
        hosts.setdefault(row["request"]["url"].split("/")[2], set()).update(each.what for each in found)
        if any(name.startswith("anthropic-ratelimit-") for name in headers):
            assert {"tokens"} <= {each.what for each in found}
    assert hosts["api.openai.com"] == {"requests", "tokens", "input-images"}
    assert hosts["api.anthropic.com"] == {"requests", "tokens", "input-tokens", "output-tokens"}
    assert hosts["api.groq.com"] == {"requests", "tokens"}
    assert {"req-10-second", "req-minute", "tokens-minute", "tokens-month"} == hosts["api.mistral.ai"]
    assert hosts["api.together.xyz"] == {"requests"}


@given(st.dictionaries(st.sampled_from([*openai(1), "anthropic-ratelimit-tokens-reset", "ratelimit-limit", "retry-after"]), st.text()))
def test_nothing_a_server_writes_there_breaks_the_governor(headers: Mapping[str, str]) -> None:
    assert isinstance(windows(headers, NOW), list)
    assert pause_s(429, headers, NOW) > 0


def test_production_below_the_reserve_stops_the_legs_on_its_account_and_no_others() -> None:
    kept = governor()
    kept.heard("gpt", 200, openai(299), NOW, production=True)
    for leg in ("gpt", "small"):
        refused = kept.refusal(leg, 100, NOW + 1)
        assert refused == ("rate_limited", "requests: 299 of 1000 left, 30% kept for production, 9 s to wait")
    assert kept.refusal("other", 100, NOW + 1) is None
    assert kept.refusal("far", 100, NOW + 1) is None
    assert kept.refusal("small", 100, NOW + 10) is None


def test_what_a_newer_answer_says_goes_before_an_older_one_that_comes_late() -> None:
    kept = governor()
    kept.heard("gpt", 200, openai(900), NOW + 2, production=True)
    kept.heard("gpt", 200, openai(100), NOW, production=True)
    assert kept.refusal("small", 0, NOW + 3) is None


def test_two_models_of_one_account_have_windows_of_their_own() -> None:
    kept = governor()
    kept.heard("gpt", 200, openai(10, 500), NOW, production=True)
    kept.heard("gpt", 200, openai(9_999, 10_000), NOW + 1, production=True)
    assert kept.refusal("small", 0, NOW + 2) is not None


def test_calls_of_ours_under_way_count_before_the_provider_has_counted_them() -> None:
    kept, sent = governor(), 0
    kept.heard("gpt", 200, openai(400) | openai(100_000, 200_000, what="tokens"), NOW, production=True)
    while kept.refusal("small", 500, NOW + 1) is None:
        kept.sent("small", 500)
        sent += 1
    assert sent == 80  # 80 x 500 tokens bring 100,000 down to the reserve of 60,000
    kept.ended("small", 500)
    assert kept.refusal("small", 500, NOW + 1) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=60), st.integers(10, 500))
def test_production_always_finds_its_reserve(steps: list[tuple[bool, int]], limit: int) -> None:
    """A provider that counts every request; the shadow asks whenever it may, production as it likes."""
    kept, left, waiting = governor(0.3), limit, 0
    for ours, count in steps:
        for _ in range(count):
            if not ours:
                left = max(left - 1, 0)
            elif left != limit and kept.refusal("small", 0, NOW) is None:
                kept.sent("small", 0)
                left, waiting = left - 1, waiting + 1
                assert left >= 0.3 * limit
        for _ in range(waiting):
            kept.ended("small", 0)
        waiting = 0
        kept.heard("gpt", 200, openai(left, limit, "60s"), NOW, production=not ours)


def test_a_429_to_production_stops_every_leg_at_that_host() -> None:
    kept = governor()
    kept.heard("gpt", 429, {"retry-after": "7"}, NOW, production=True)
    for leg in ("gpt", "small", "other"):
        assert kept.refusal(leg, 0, NOW + 6) == ("rate_limited", "429 to production at api.openai.com, 1 s to wait")
        assert kept.refusal(leg, 0, NOW + 7) is None
    assert kept.refusal("far", 0, NOW) is None


def test_a_429_to_a_leg_stops_its_account_even_when_it_does_not_say_how_long() -> None:
    kept = governor()
    kept.heard("other", 429, {}, NOW, production=False)
    assert kept.refusal("other", 0, NOW + PAUSE_S - 1) is not None
    assert kept.refusal("other", 0, NOW + PAUSE_S) is None
    assert kept.refusal("small", 0, NOW) is None


def test_a_good_answer_that_says_retry_after_is_no_refusal() -> None:
    assert pause_s(200, {"retry-after": "59"}, NOW) == 0
    assert pause_s(503, {}, NOW) == 0
    assert pause_s(503, {"retry-after-ms": "1500"}, NOW) == 1.5
    assert pause_s(429, openai(0, reset="6m0s"), NOW) == 360


def test_a_candidates_own_account_is_used_almost_to_its_end() -> None:
    kept = governor()
    kept.heard("other", 200, openai(25), NOW, production=False)
    assert kept.refusal("other", 0, NOW) is None
    kept.heard("other", 200, openai(20), NOW + 1, production=False)
    assert kept.refusal("other", 0, NOW + 1) is not None


def test_a_target_without_a_url_has_no_quota() -> None:
    kept = Governor({"rules": Target(baseline="rules.toml")}, [], 0.3)
    assert kept.refusal("rules", 5, NOW) is None
    kept.sent("rules", 5)
    kept.ended("rules", 5)
    kept.heard("rules", 429, {}, NOW, production=False)
    assert kept.refusal("rules", 5, NOW) is None

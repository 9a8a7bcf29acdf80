"""Credentials: where they come from, which header they become, and that nothing shows them."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from proxy.config import Config, ConfigError, Target
from proxy.dialects.dialect import Family
from proxy.keys import Credential, credentials

SECRET = "sk-very-secret"


def lookup(folder: Path, environ: dict[str, str], **targets: Target) -> dict[str, Credential]:
    return credentials(Config(targets=targets, folder=str(folder)), targets, environ)


def target(url: str = "https://api.example.com", **more: Any) -> Target:
    return Target(url=url, **more)


@pytest.mark.parametrize(
    ("url", "family", "expected"),
    [
        ("https://api.openai.com", "openai", {"authorization": f"Bearer {SECRET}"}),
        ("https://api.anthropic.com", "anthropic", {"x-api-key": SECRET}),
        ("https://generativelanguage.googleapis.com", "gemini", {"x-goog-api-key": SECRET}),
        ("https://mine.openai.azure.com", "openai", {"api-key": SECRET}),
    ],
)
def test_a_key_becomes_the_header_of_its_dialect_and_host(tmp_path: Path, url: str, family: Family, expected: dict[str, str]) -> None:
    [found] = lookup(tmp_path, {"KEY": SECRET}, one=target(url, api_key_env="KEY")).values()
    assert found.headers(family) == expected


def test_a_key_may_lie_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text(SECRET + "\n", "utf-8")
    assert lookup(tmp_path, {}, one=target(api_key_file="key.txt"))["one"].headers("openai") == {"authorization": f"Bearer {SECRET}"}


def test_whole_headers_may_come_from_the_environment(tmp_path: Path) -> None:
    found = lookup(tmp_path, {"A": "1", "B": "2"}, one=target(headers_env={"X-Api-Key": "A", "x-org": "B"}))["one"]
    assert found.headers("openai") == {"x-api-key": "1", "x-org": "2"}


def test_a_target_without_a_key_sends_none(tmp_path: Path) -> None:
    assert lookup(tmp_path, {"OPENAI_API_KEY": SECRET}, one=target())["one"].headers("openai") == {}


def test_everything_that_is_missing_is_told_in_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        lookup(
            tmp_path,
            {"TORN": "sk\nX-Evil: 1"},
            one=target(api_key_env="ABSENT"),
            two=target(api_key_file="nowhere"),
            three=target(api_key_file="empty"),
            four=target(headers_env={"x": "ALSO_ABSENT"}),
            five=target(api_key_env="TORN"),
        )
    lines = list(map(str, caught.value.faults))
    assert len(lines) == 5
    assert (
        "understudy.toml: targets.one.api_key_env: found no variable ABSENT in the environment, expected ABSENT set to the key of our own calls"
        in lines
    )
    assert "sk\n" not in str(caught.value) and "Evil" not in str(caught.value)


def test_nothing_shows_a_credential() -> None:
    found = Credential(SECRET, {"x": SECRET}, "api.openai.com")
    assert SECRET not in f"{found} {found!r} {[found]}"
    with pytest.raises(TypeError):
        pickle.dumps(found)

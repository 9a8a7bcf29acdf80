"""One configuration per provider: each loads as it is, each can be canaried once its last lines are taken in, no key is written in any."""

import re
from pathlib import Path

import pytest

from proxy.config_file import load, parse
from tests.deploy.manifests import DEPLOY

FILES = sorted((DEPLOY / "providers").glob("*.toml"))
NAMES = {"openai", "anthropic", "gemini", "azure-openai", "bedrock", "openai-compatible", "litellm", "openrouter"}


def test_there_is_one_for_each_provider() -> None:
    assert {file.stem for file in FILES} == NAMES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_loads_and_takes_keys_from_the_environment_alone(file: Path) -> None:
    config = load(file)
    assert config.routes[0].shadow and 0 < config.routes[0].repeat < 0.1
    incumbent = config.targets[config.routes[0].incumbent]
    assert incumbent.api_key_env, "without a key of its own `repeat` would be answered with 401"
    assert not re.search(r"sk-|AIza|Bearer ", file.read_text("utf-8"))
    for target in config.targets.values():
        assert target.model or target is incumbent
        assert target.price or target.budget_usd_per_day or target is incumbent


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_rollout_is_one_when_the_marks_are_taken_away(file: Path) -> None:
    text = re.sub(r"^# (\[\[rollouts|name  |route  |candidate =)", r"\1", file.read_text("utf-8"), flags=re.MULTILINE)
    (rollout,) = parse(text).rollouts
    assert rollout.candidate in [leg.target for leg in parse(text).routes[0].shadow]

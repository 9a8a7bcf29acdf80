"""`understudy init`: a commented configuration and a first rubric, asking nothing and overwriting nothing."""

from pathlib import Path

from proxy.config import ConfigError, Fault

TEMPLATES = Path(__file__).parent / "templates"
RUBRIC = Path("rubrics") / "first.toml"


def write(config: Path) -> list[Path]:
    """Write the templates beside each other. Raises ConfigError, and writes nothing, when one of the files is there already."""
    rubric = config.parent / RUBRIC
    there = [path for path in (config, rubric) if path.exists()]
    if there:
        raise ConfigError(
            [Fault(file=str(path), key="(file)", found="a file", expected="none yet: init overwrites nothing") for path in there]
        )
    rubric.parent.mkdir(parents=True, exist_ok=True)
    config.write_text((TEMPLATES / "understudy.toml").read_text("utf-8"), "utf-8")
    rubric.write_text((TEMPLATES / "rubric.toml").read_text("utf-8"), "utf-8")
    return [config, rubric]

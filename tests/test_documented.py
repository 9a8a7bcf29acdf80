"""What README, CHANGELOG, templates and Makefile claim, read and tried."""

import re
import shlex
import tomllib

import pytest

import understudy
from proxy.config_file import parse
from tests.documented import ROOT, documented, walk
from tests.harness import command

README = (ROOT / "README.md").read_text("utf-8")


def test_the_generated_parts_of_the_readme_are_fresh() -> None:
    assert documented(README) == README, "run: python tests/documented.py"


def test_every_make_target_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", README)) <= targets


def test_every_command_the_readme_shows_exists() -> None:
    known = {names for names, _ in walk(understudy.app)}
    shown = re.findall(r"understudy ((?:store |rollout )?[a-z]+)", "\n".join(re.findall(r"^    .*$|`[^`\n]*`", README, re.MULTILINE)))
    assert shown and {each for each in shown if each not in ("worker", "shadow", "recorder")} <= known


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", README, re.DOTALL))
def test_toml_in_the_readme_is_a_configuration_once_its_incumbent_is_there(block: str) -> None:
    tomllib.loads(block)
    small = "" if "[targets.small]" in block else '[targets.small]\nurl = "https://api.example.com"\n'
    route = "" if "[[routes]]" in block else '[[routes]]\nname = "main"\nincumbent = "gpt"\n'
    assert parse(block + '\n[targets.gpt]\nurl = "https://api.openai.com"\n' + small + route).routes


def test_the_rows_of_the_selfcheck_that_the_readme_shows_are_those_it_prints() -> None:
    shown = re.findall(r"^    pass  (\w+) +(.+?)  ", README, re.MULTILINE)
    source = "".join(path.read_text("utf-8") for path in (ROOT / "replay" / "selfcheck").glob("*.py"))
    assert len(shown) >= 10
    for promise, what in shown:
        assert (
            f'"{promise}"' in source
            and what.replace("shadow killed", "killed").replace("recorder killed", "killed") in source + "worker-0 plain call"
        )


def test_the_readmes_queries_run_against_the_schema(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from proxy.store import Store

    store = Store(str(tmp_path / "x.duckdb"))
    store.prepare()
    for sql in re.findall(r"`(SELECT [^`…]*)`", README):
        store.query(sql)


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "make test" in script and "make test" in README


def test_the_version_is_the_same_everywhere() -> None:
    import proxy

    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == proxy.VERSION
    assert command("--version").stdout.strip() == proxy.VERSION


def test_examples_in_the_helps_can_be_parsed() -> None:
    for names, app in walk(understudy.app):
        if app.default_command is not None:
            for example in re.findall(r"Example: understudy (.*)", app.default_command.__doc__ or ""):
                words = shlex.split(example.partition("&&")[0])
                understudy.app.parse_args(words, exit_on_error=False, print_error=False)
                assert " ".join(words).startswith(names)

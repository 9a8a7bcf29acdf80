"""The command as a user meets it: helps, exit codes, one clear line for what he must fix."""

import json
import socket
from pathlib import Path

import pytest

from tests.fakes.models import Models
from tests.harness import command, config
from tests.proxy.test_config import SOUND, WRONG

COMMANDS = [
    "demo", "init", "check", "selfcheck", "serve", "pairs", "store", "store query", "store snapshot", "store prune", "store verify",
    "score", "gate", "report", "drift", "probe",
]  # fmt: skip
ROUTE = '[targets.a]\nurl = "{url}"\n[[routes]]\nname = "main"\nincumbent = "a"\n'


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_shows_an_example(name: str) -> None:
    done = command(*name.split(), "--help", env={"COLUMNS": "200"})
    assert done.returncode == 0
    assert name == "store" or f"Example: understudy {name}" in done.stdout


@pytest.mark.parametrize(("text", "key"), [(each[1], each[2]) for each in WRONG[:10]], ids=[each[0] for each in WRONG[:10]])
def test_ten_wrong_configurations_end_with_2_and_a_line_each(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "understudy.toml").write_text(text)
    done = command("serve", cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"understudy.toml: {key}: found ") and ", expected " in lines[0]


def test_init_writes_a_configuration_that_is_valid_without_a_candidate(tmp_path: Path) -> None:
    assert command("init", cwd=tmp_path).returncode == 0
    assert (tmp_path / "rubrics" / "first.toml").exists()
    again = command("init", cwd=tmp_path)
    assert again.returncode == 2 and "overwrites nothing" in again.stderr


def test_check_prints_the_plan_and_reaches_the_target(tmp_path: Path) -> None:
    with Models("inc") as models:
        (tmp_path / "understudy.toml").write_text(ROUTE.format(url=models.url))
        done = command("check", cwd=tmp_path, env={"COLUMNS": "200"})
        assert done.returncode == 0, done.stderr
        for said in (
            "OPENAI_BASE_URL=http://127.0.0.1:8080/v1",
            "ANTHROPIC_BASE_URL=http://127.0.0.1:8080",
            "recorded only; no candidate yet",
            "reached, status 200",
        ):
            assert said in done.stdout
        machine = json.loads(command("check", "--json", cwd=tmp_path).stdout)
        assert machine["sound"] is True and machine["targets"][0]["ok"] is True


def test_check_says_where_nobody_listens_and_not_how_python_holds_a_line(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        (tmp_path / "understudy.toml").write_text(ROUTE.format(url=f"https://127.0.0.1:{port}"))
        result = command("check", cwd=tmp_path, env={"COLUMNS": "200"})
    assert f"a: cannot connect to 127.0.0.1:{port}: " in result.stdout and "object at" not in result.stdout


def test_check_warns_of_doubled_versions_and_of_raw_text_that_leaves(tmp_path: Path) -> None:
    text = (
        ROUTE.format(url="http://127.0.0.1:9/v1")
        + 'shadow = [ { target = "b" } ]\n[targets.b]\nurl = "http://192.0.2.1:9"\nsend = "raw"\ndialect = "anthropic"\nmodel = "m"\n'
    )
    (tmp_path / "understudy.toml").write_text(text.replace("192.0.2.1", "127.0.0.2"))
    done = command("check", cwd=tmp_path, env={"COLUMNS": "200"})
    assert done.returncode == 1, "an unreachable target is a failed check"
    assert "/v1/v1/" in done.stdout and "b cannot be canaried" in done.stdout


def test_a_missing_key_is_one_line_for_the_commands_that_send(tmp_path: Path) -> None:
    text = ROUTE.format(url="http://127.0.0.1:9") + "repeat = 0.1\n"
    (tmp_path / "understudy.toml").write_text(text.replace("[[routes]]", 'api_key_env = "NO_SUCH_VARIABLE"\n[[routes]]'))
    for name in ("serve", "check"):
        done = command(name, cwd=tmp_path)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and "NO_SUCH_VARIABLE" in done.stderr


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        text = config(ROUTE.format(url="http://127.0.0.1:9")).replace(
            'listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{other.getsockname()[1]}"'
        )
        (tmp_path / "understudy.toml").write_text(text)
        done = command("serve", "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if "server.listen" in line and "in use" in line] == done.stderr.strip().splitlines()


def test_a_store_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text(config(ROUTE.format(url="http://127.0.0.1:9")))
    (tmp_path / "understudy.duckdb").write_bytes(b"this is no database" * 100)
    done = command("serve", cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and "store.path" in done.stderr


def test_looking_into_a_store_that_is_not_there_yet_says_so(tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text(SOUND)
    done = command("pairs", cwd=tmp_path)
    assert done.returncode == 2 and "understudy serve" in done.stderr


def test_an_open_admin_port_needs_a_token(tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text(
        config(ROUTE.format(url="http://127.0.0.1:9")).replace('admin = "127.0.0.1:0"', 'admin = "0.0.0.0:0"')
    )
    done = command("serve", cwd=tmp_path, env={"UNDERSTUDY_ADMIN_TOKEN": ""})
    assert done.returncode == 2 and "UNDERSTUDY_ADMIN_TOKEN" in done.stderr


def test_an_unknown_command_ends_with_2_and_one_line() -> None:
    done = command("sreve")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("extra", "key"),
    [
        ('[targets.b]\nurl = "http://127.0.0.1:9"\nsystem_file = "none.txt"', "targets.b.system_file"),
        ('[targets.b]\nurl = "http://127.0.0.1:9"\napi_key_file = "none.key"', "targets.b.api_key_file"),
        ('[targets.b]\nbaseline = "none.toml"', "(file)"),
        ('[targets.b]\ncommand = ["./none.py"]', "targets.b.command"),
        ('[targets.b]\ncommand = ["no-such-program-anywhere"]', "targets.b.command"),
        ('[targets.b]\nurl = "http://127.0.0.1:9"\n[store]\njournal = "taken/journal"', "store.journal"),
        ('[targets.b]\nurl = "http://127.0.0.1:9"\n[store]\npath = "."', "store.path"),
        ('[targets.b]\nurl = "http://127.0.0.1:9"\n[store]\npath = "none/understudy.duckdb"', "store.path"),
    ],
)
@pytest.mark.parametrize("name", ["check", "serve"])
def test_what_the_configuration_names_and_is_not_there_is_one_line(tmp_path: Path, name: str, extra: str, key: str) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    (tmp_path / "mine.toml").write_text(ROUTE.format(url="http://127.0.0.1:9") + 'shadow = [ { target = "b" } ]\n' + extra)
    done = command(name, "--config", "mine.toml", cwd=tmp_path)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1 and f"{key}: found " in lines[0] and ("mine.toml: " in lines[0] or "none.toml: " in lines[0])


def test_a_demo_lasts_a_positive_and_finite_time() -> None:
    for seconds in ("-5", "0", "inf"):
        done = command("demo", "--seconds", seconds)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and "--seconds" in done.stderr

"""The configuration: every fault at once, one line each, with a suggestion."""

import msgspec
import pytest

from proxy.commands.init import TEMPLATES
from proxy.config import Config, ConfigError
from proxy.config_file import load, parse

SOUND = """
[targets.gpt]
url = "http://127.0.0.1:9"
[targets.small]
url = "http://127.0.0.1:10"
[[routes]]
name = "main"
incumbent = "gpt"
shadow = [ { target = "small" } ]
"""

ROLLOUT = SOUND + '\n[[rollouts]]\nname = "r"\nroute = "main"\ncandidate = "small"'
WRONG = [
    ("syntax", "[server", "(syntax)", "valid TOML"),
    ("a misspelt key", SOUND + '[server]\nlistn = "127.0.0.1:1"', "server.listn", "'listen'"),
    ("a wrong type", SOUND + '[server]\nworkers = "two"', "server.workers", "a whole number"),
    ("out of bounds", SOUND + "[server]\nworkers = 0", "server.workers", "a whole number, at least 1"),
    ("not one of the words", SOUND + '[store]\nbodies = "ful"', "store.bodies", "'full' | 'anonymized' | 'none'"),
    ("an unknown incumbent", SOUND.replace('incumbent = "gpt"', 'incumbent = "gtp"'), "routes[0].incumbent", "'gpt'"),
    ("an unknown candidate", SOUND.replace('target = "small"', 'target = "smal"'), "routes[0].shadow[0].target", "'small'"),
    ("a share over one", SOUND.replace('target = "small"', 'target = "small", share = 1.5'), "routes[0].shadow[0].share", "at most 1.0"),
    ("a URL that is none", SOUND.replace("http://127.0.0.1:9", "localhost:9"), "targets.gpt.url", "http:// or https://"),
    ("a password in a URL", SOUND.replace("http://127.0.0.1:9", "http://me:word@host"), "targets.gpt.url", "api_key_env"),
    ("no route", '[targets.gpt]\nurl = "http://127.0.0.1:9"', "routes", "at least one [[routes]]"),
    ("an address without a port", SOUND + '[server]\nlisten = "localhost"', "server.listen", "host:port"),
    ("a missing name", SOUND + '[[workflows]]\nrubric = "x"', "workflows[0].name", "a text"),
    (
        "two kinds of target",
        SOUND + '[targets.both]\nurl = "http://h"\nbaseline = "r.toml"',
        "targets.both",
        "exactly one of url, baseline, command",
    ),
    ("the incumbent as its own shadow", SOUND.replace('target = "small"', 'target = "gpt"'), "routes[0].shadow[0].target", "set repeat"),
    ("the same route twice", SOUND + '[[routes]]\nname = "main"\nincumbent = "gpt"', "routes[1]", "a name"),
    ("a path with a query", SOUND.replace('incumbent = "gpt"', 'incumbent = "gpt"\npath = "/a?b=c"'), "routes[0].path", "without ?"),
    ("a path that climbs", SOUND.replace('incumbent = "gpt"', 'incumbent = "gpt"\npath = "/a/../b"'), "routes[0].path", "dot segments"),
    (
        "a dialect nobody writes",
        SOUND + '[targets.x]\nurl = "http://h"\nmodel = "m"\ndialect = "openai.responses"',
        "targets.x.dialect",
        "'openai' | ",
    ),
    ("a dialect without a model", SOUND + '[targets.x]\nurl = "http://h"\ndialect = "gemini"', "targets.x.model", "the model to ask for"),
    ("a rollout without a route", ROLLOUT.replace('route = "main"', 'route = "mian"'), "rollouts[0].route", "'main'"),
    ("a rollout to the incumbent", ROLLOUT.replace('candidate = "small"', 'candidate = "gpt"'), "rollouts[0].candidate", "another target"),
    ("two rollouts of one route", ROLLOUT + ROLLOUT.removeprefix(SOUND).replace('"r"', '"s"'), "rollouts[1]", "one candidate at a time"),
    ("a step of nothing", ROLLOUT + "\nsteps = [0.0, 0.5]", "rollouts[0].steps", "rising"),
    (
        "limits of no workflow",
        ROLLOUT + '\n[[rollouts.segments]]\nname = "s"\nworkflow = "x"',
        "rollouts[0].segments[0].workflow",
        "workflow",
    ),
    (
        "a canary in another dialect",
        ROLLOUT.replace('"http://127.0.0.1:10"', '"http://127.0.0.1:10"\ndialect = "gemini"\nmodel = "m"'),
        "rollouts[0].candidate",
        "not translated back",
    ),
    (
        "a canary that sees pseudonyms",
        ROLLOUT.replace('"http://127.0.0.1:10"', '"http://127.0.0.1:10"\nsend = "anonymized"'),
        "rollouts[0].candidate",
        "pseudonyms",
    ),
]


SECONDS = [
    "server.head_timeout_s", "server.keep_alive_s", "server.connect_timeout_s", "server.silence_timeout_s", "server.upstream_idle_s",
    "server.drain_s", "journal.fsync_interval_s", "shadow.stale_s", "targets.small.deadline_s",
]  # fmt: skip


def faults(text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return {fault.key: fault.expected for fault in caught.value.faults}


def test_a_sound_file_is_read_with_its_defaults() -> None:
    config = parse(SOUND)
    assert config.targets["small"].url == "http://127.0.0.1:10"
    assert config.routes[0].shadow[0].share == 1.0
    assert config.server.capture_max_bytes == 4_000_000


@pytest.mark.parametrize(("text", "key", "expected"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_a_fault_names_its_key_and_what_was_expected(text: str, key: str, expected: str) -> None:
    found = faults(text)
    assert list(found) == [key]
    assert expected in found[key]


@pytest.mark.parametrize("value", ["inf", "nan", "-1.0", "1e300"])
@pytest.mark.parametrize("key", SECONDS)
def test_every_wait_has_an_end(key: str, value: str) -> None:
    table, _, name = key.rpartition(".")
    text = SOUND.replace("[targets.small]", f"[targets.small]\n{name} = {value}") if table == "targets.small" else SOUND
    assert key in faults(text if text != SOUND else f"{SOUND}[{table}]\n{name} = {value}")


def test_the_steps_of_a_rollout_rise() -> None:
    found = faults(SOUND + '[[rollouts]]\nname = "r"\nroute = "main"\ncandidate = "small"\nsteps = [0.5, 0.1]')
    assert "rising" in found["rollouts[0].steps"]


def test_all_faults_are_named_at_once() -> None:
    text = SOUND.replace('target = "small"', 'target = "smal", share = 2.0') + '[server]\nlistn = "x"\nworkers = 0\n[store]\nbodies = "ful"'
    assert set(faults(text)) == {
        "routes[0].shadow[0].share",
        "routes[0].shadow[0].target",
        "server.listn",
        "server.workers",
        "store.bodies",
    }


def test_a_fault_prints_as_one_line_with_file_key_found_and_expected() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(SOUND + '[store]\nbodies = "ful"', file="mine.toml")
    assert str(caught.value) == "mine.toml: store.bodies: found 'ful', expected 'full' | 'anonymized' | 'none'"


def test_a_missing_file_is_a_fault_and_not_a_traceback(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match="understudy init"):
        load(tmp_path / "none.toml")


def test_relative_paths_are_relative_to_the_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "understudy.toml").write_text(SOUND)
    assert load(tmp_path / "understudy.toml").journal_folder == tmp_path / "journal"


def test_the_hash_names_the_content_and_not_the_place(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "understudy.toml").write_text(SOUND)
    assert load(tmp_path / "understudy.toml").hash == parse(SOUND).hash
    assert parse(SOUND + "[server]\nworkers = 2").hash != parse(SOUND).hash


def test_a_configuration_survives_being_handed_to_a_child() -> None:
    config = parse(SOUND)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=Config) == config


def test_the_template_of_init_is_sound_and_has_no_candidate_yet() -> None:
    config = parse((TEMPLATES / "understudy.toml").read_text("utf-8"))
    assert [route.shadow for route in config.routes] == [[]]

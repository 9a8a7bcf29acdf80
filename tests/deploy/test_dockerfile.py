"""The Dockerfile by six named rules, since no image is built here; what it copies is copied and started, though, without Docker."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, parses
from tests.harness import ROOT, Serve, config, until

TEXT = (DEPLOY / "Dockerfile").read_text("utf-8")
LINES = [line for line in TEXT.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
STAGES = [[line for line in ("FROM" + part).splitlines()] for part in "\n".join(LINES).split("FROM")[1:]]
SECRET = re.compile(r"(?i)(api_?key|token|secret|passw|credential)\w*\s*=|sk-[A-Za-z0-9]|\.env\b|id_rsa")


def said(word: str, lines: list[str] = LINES) -> list[str]:
    return [line.partition(" ")[2].strip() for line in lines if line.startswith(word + " ")]


def test_rule_1_base_images_have_a_version_and_no_registry() -> None:
    for base in said("FROM"):
        assert re.fullmatch(r"[a-z]+:\d+\.\d+[a-z0-9.-]*", base.partition(" AS ")[0]), base


def test_rule_2_whatever_is_downloaded_is_checked_by_its_hash() -> None:
    installs = re.findall(r"pip install ([^&]+)", " ".join(said("RUN")))
    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-deps --no-index" in each for each in installs)
    assert not re.search(r"\b(curl|wget|apt-get|git clone)\b|^ADD ", TEXT, re.MULTILINE)


def test_rule_3_it_runs_as_a_user_without_rights_named_by_number() -> None:
    (user,) = said("USER", STAGES[-1])
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert "chmod" not in TEXT and "sudo" not in TEXT


def test_rule_4_no_secret_is_in_it_and_none_can_be_copied_in() -> None:
    assert not SECRET.search("\n".join(said("ENV") + said("ARG") + said("COPY") + said("RUN")))
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "**" in ignored and "**/.env*" in ignored, "all is left out that is not named"


def test_rule_5_signals_reach_it_since_nothing_is_started_by_a_shell() -> None:
    (entry,), (words,) = said("ENTRYPOINT"), said("CMD")
    assert json.loads(entry) == ["understudy"] and said("STOPSIGNAL") == ["SIGTERM"]
    parses(json.loads(words))


def check_of_health() -> list[str]:
    (health,) = said("HEALTHCHECK")
    return json.loads(health.partition(" CMD ")[2])


def test_rule_6_its_health_is_asked_with_what_is_in_the_image(tmp_path: Path) -> None:
    """The very line, in front of a real `serve` and of nobody."""
    python, option, line = check_of_health()
    assert (python, option) == ("python", "-c") and "'/healthz'" in line and "8081" in line
    text = config('[targets.big]\nurl = "http://127.0.0.1:9"\n[[routes]]\nname = "main"\nincumbent = "big"\n')
    with Serve(tmp_path, text) as serve:
        there = line.replace("8081", serve.admin.rpartition(":")[2])
        until(lambda: healthy(there), 60, "the recorder answers")
    assert not healthy(there)


def healthy(line: str) -> bool:
    return subprocess.run([sys.executable, "-c", line], capture_output=True, timeout=60, check=False).returncode == 0


def copied() -> list[str]:
    return [path for line in said("COPY") if not line.startswith("--from") for path in line.split()[:-1]]


def test_everything_it_copies_is_there_and_not_left_out() -> None:
    let_in = [line[1:].partition("/")[0] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    for path in copied():
        assert (ROOT / path).exists(), path
        assert path.partition("/")[0] in let_in, path


def test_what_is_copied_makes_a_program_that_starts(tmp_path: Path) -> None:
    """The wheel of the second step, out of these files alone, unpacked and asked for its templates and its SQL."""
    pytest.importorskip("hatchling", reason="requirements/build.txt is not installed")
    source, home, work = tmp_path / "src", tmp_path / "home", tmp_path / "work"
    for folder in (source, work):
        folder.mkdir()
    subprocess.run(["cp", "-r", *copied(), source], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, home], check=True)
    begin = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(home)!r}); import understudy; understudy.main()"]
    done = subprocess.run([*begin, "init"], cwd=work, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, (work / "understudy.toml").exists()) == (0, True), done.stderr
    ours = {path.relative_to(ROOT) for name in ("proxy", "replay", "scoring") for path in (ROOT / name).rglob("*") if path.suffix in (".sql", ".html", ".css", ".toml")}  # fmt: skip
    assert ours and all((home / path).exists() for path in ours)

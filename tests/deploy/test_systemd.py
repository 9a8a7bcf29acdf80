"""The units: systemd's own verify, where one word on stderr fails, and what it cannot know of us. Nothing was started by systemd here."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.config_file import load
from tests.deploy.manifests import DEPLOY

UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
CONFIG = load(DEPLOY / "understudy.toml")
EXPOSURE_MAX = 2.0


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (apt-get install systemd)")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def copies(folder: Path) -> list[str]:
    """With a program that exists everywhere in place of ours: verify asks for one."""
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("ExecStart=/opt/understudy/bin/understudy", "ExecStart=/bin/true")
        (folder / unit.name).write_text(text, "utf-8")
    return [str(folder / unit.name) for unit in UNITS]


def value(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def test_verify_has_nothing_to_say(tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", *copies(tmp_path))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_verify_notices_a_key_that_is_none(tmp_path: Path) -> None:
    """That the check above can fail."""
    (tmp_path / "wrong.service").write_text("[Service]\nExecStart=/bin/true\nMemoryMaximum=2G\n", "utf-8")
    assert "MemoryMaximum" in analyze("verify", "--man=no", str(tmp_path / "wrong.service")).stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_as_shut_in_as_systemd_can_say(tmp_path: Path, unit: Path) -> None:
    copies(tmp_path)
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX * 10:.0f}", "--no-pager", str(tmp_path / unit.name))
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_there_is_time_to_drain_and_room_for_the_journal() -> None:
    unit = DEPLOY / "systemd" / "understudy.service"
    assert value(unit, "KillMode") == ["mixed"], "only the supervisor is told: it drains its children in order"
    assert CONFIG.server.drain_s + 5 + 15 + 30 + 3 * 5 < int(value(unit, "TimeoutStopSec")[0])
    assert CONFIG.journal.disk_max_bytes * 4 < int(value(unit, "MemoryMax")[0].removesuffix("G")) << 30
    assert CONFIG.store.journal.startswith("/run/" + value(unit, "RuntimeDirectory")[0] + "/")
    assert CONFIG.store_path.startswith("/var/lib/" + value(unit, "StateDirectory")[0] + "/")
    assert value(unit, "ExecReload") == ["/bin/kill -HUP $MAINPID"]


@pytest.mark.parametrize("timer", [unit for unit in UNITS if unit.suffix == ".timer"], ids=lambda unit: unit.name)
def test_a_timer_has_its_service_and_a_time_that_is_one(timer: Path) -> None:
    service = timer.with_suffix(".service")
    (script,) = re.findall(r"/opt/understudy/jobs/([a-z-]+\.sh)", value(service, "ExecStart")[0])
    assert (DEPLOY / "jobs" / script).exists()
    assert analyze("calendar", value(timer, "OnCalendar")[0]).returncode == 0


def test_no_unit_holds_a_secret() -> None:
    assert not any(re.search(r"(?i)^Environment=.*(key|token|secret)", unit.read_text("utf-8"), re.MULTILINE) for unit in UNITS)

"""compose.yaml, read: memory adds up, nothing is privileged, nothing secret is written in it, every file it mounts is there."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from proxy.config_file import load
from tests.deploy.manifests import DEPLOY, bytes_of, documents

COMPOSE = documents(DEPLOY / "compose.yaml")[0]
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CONFIG = load(DEPLOY / "understudy.toml")


def tmpfs(service: str) -> dict[str, int]:
    found = (each.partition(":") for each in SERVICES[service].get("tmpfs", []))
    return {path: bytes_of(re.findall(r"size=(\w+)", options)[0]) for path, _, options in found}


def test_the_journal_is_on_a_tmpfs_that_memory_has_room_for() -> None:
    sizes, limit = tmpfs("understudy"), bytes_of(SERVICES["understudy"]["mem_limit"])
    (journal,) = [size for path, size in sizes.items() if CONFIG.store.journal.startswith(path + "/")]
    assert CONFIG.journal.disk_max_bytes + CONFIG.journal.disk_reserve_bytes < journal
    held = CONFIG.server.workers * CONFIG.journal.queue_max_bytes + CONFIG.shadow.queue_max_bytes + CONFIG.store.memory_max_bytes
    assert sum(sizes.values()) + held < limit


def test_store_and_rollouts_outlive_the_container() -> None:
    kept = [each.partition(":")[2] for each in SERVICES["understudy"]["volumes"] if each.partition(":")[0] in COMPOSE["volumes"]]
    for path in (CONFIG.store_path, str(CONFIG.rollouts_folder)):
        assert any(path.startswith(folder + "/") for folder in kept), path


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    assert "mem_limit" in service and not service.get("privileged") and "network_mode" not in service
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"]), "a version, not `latest`, and no registry's name"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), "opened further only by whoever knows why"


def test_secrets_come_from_the_environment_and_a_missing_one_is_named() -> None:
    for name, value in SERVICES["understudy"]["environment"].items():
        assert re.fullmatch(rf"\$\{{{name}:\?.+\}}", value), name


def test_stopping_waits_longer_than_draining() -> None:
    """drain_s for the workers, 15 s for the shadow, 30 s for the recorder, 5 s more for each that must be killed: proxy/supervisor.py."""
    assert SERVICES["understudy"]["stop_grace_period"] == "2m"
    assert CONFIG.server.drain_s + 5 + 15 + 30 + 3 * 5 < 120


def test_every_file_it_mounts_is_there() -> None:
    mounted = [each.split(":") for service in SERVICES.values() for each in service.get("volumes", [])]
    files = [parts for parts in mounted if parts[0].startswith(".")]
    assert len(files) >= 6
    for source, _, mode in files:
        assert (DEPLOY / source).exists(), source
        assert mode == "ro"


def test_its_prometheus_is_the_other_one_with_names_and_a_token(tmp_path: Path) -> None:
    (here,), (there,) = documents(DEPLOY / "compose.prometheus.yml"), documents(DEPLOY / "prometheus" / "prometheus.yml")
    assert here["scrape_configs"][0]["job_name"] == there["scrape_configs"][0]["job_name"] == "understudy"
    assert here["scrape_configs"][0]["authorization"]["credentials_file"] == "/run/secrets/" + SERVICES["prometheus"]["secrets"][0]
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (apt-get install prometheus)")
    shutil.copytree(DEPLOY / "prometheus" / "rules", tmp_path / "rules")
    (tmp_path / "token").write_text("x", "utf-8")
    text = (DEPLOY / "compose.prometheus.yml").read_text("utf-8")
    text = text.replace("/etc/prometheus", str(tmp_path)).replace("/run/secrets/admin_token", str(tmp_path / "token"))
    (tmp_path / "prometheus.yml").write_text(text, "utf-8")
    done = subprocess.run(["promtool", "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

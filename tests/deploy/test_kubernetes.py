"""The manifests: by Kubernetes' own schema, strictly, and by what a schema cannot know of us. No cluster has seen them."""

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.config_file import load
from tests.deploy.manifests import DEPLOY, bytes_of, documents

FOLDER = DEPLOY / "kubernetes"
CONFIG = load(DEPLOY / "understudy.toml")
VERSION = "1.37"
ALL = [(file.name, each) for file in sorted(FOLDER.glob("*.yaml")) for each in documents(file)]
OURS = [(file, each) for file, each in ALL if each["kind"] == "ServiceMonitor"]
MONITOR: dict[str, type] = {"port": str, "path": str, "interval": str, "authorization": dict}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for _, each in ALL:
        if each["kind"] == "StatefulSet":
            yield each["metadata"]["name"], each["spec"]["template"]
        if each["kind"] == "CronJob":
            yield each["metadata"]["name"], each["spec"]["jobTemplate"]["spec"]["template"]


@pytest.mark.parametrize(("file", "each"), ALL, ids=[f"{file} {each['kind']} {each['metadata']['name']}" for file, each in ALL])
def test_kubernetes_schema_accepts_it_strictly(file: str, each: dict[str, Any]) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    if each["kind"] == "ServiceMonitor":
        pytest.skip("a kind of the Prometheus operator's, not of Kubernetes; the test of its own looks at it")
    validate.validate(each, VERSION, strict=True)


def test_a_wrong_type_and_an_unknown_key_are_noticed() -> None:
    """That the check above can fail."""
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    (good,) = (each for file, each in ALL if each["kind"] == "StatefulSet" and file == "one.yaml")
    for wrong in ({"replicas": "one"}, {"replica": 1}):
        with pytest.raises(validate.ValidationError):
            validate.validate(good | {"spec": good["spec"] | wrong}, VERSION, strict=True)


def test_the_service_monitor_finds_the_pods_service() -> None:
    ((_, monitor),) = OURS
    (service,) = (each for _, each in ALL if each["kind"] == "Service" and each["metadata"]["name"] == "understudy-pods")
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert all(isinstance(endpoint[key], kind) for key, kind in MONITOR.items()) and set(endpoint) == set(MONITOR)
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "understudy", "the alerts look for this job"


@pytest.mark.parametrize("file", ["one.yaml", "two.yaml"])
def test_probes_ask_the_listener_and_never_readyz(file: str) -> None:
    (pod,) = (each["spec"]["template"]["spec"] for name, each in ALL if name == file and each["kind"] == "StatefulSet")
    (container,) = pod["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["tcpSocket"] == {"port": "llm"}, probe
    (port,) = (each["containerPort"] for each in container["ports"] if each["name"] == "llm")
    assert CONFIG.server.listen.endswith(f":{port}")


@pytest.mark.parametrize("file", ["one.yaml", "two.yaml"])
def test_there_is_time_to_drain_and_room_for_the_journal(file: str) -> None:
    (pod,) = (each["spec"]["template"]["spec"] for name, each in ALL if name == file and each["kind"] == "StatefulSet")
    (container,) = pod["containers"]
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"] + CONFIG.server.drain_s + 5 + 15 + 30 + 3 * 5
    assert waits < pod["terminationGracePeriodSeconds"]
    (journal,) = (each["emptyDir"] for each in pod["volumes"] if each["name"] == "journal")
    limit = bytes_of(container["resources"]["limits"]["memory"])
    assert journal["medium"] == "Memory"
    assert CONFIG.journal.disk_max_bytes + CONFIG.journal.disk_reserve_bytes < bytes_of(journal["sizeLimit"]) < limit / 2


@pytest.mark.parametrize(("name", "pod"), list(pods()), ids=[name for name, _ in pods()])
def test_no_pod_may_more_than_it_needs(name: str, pod: dict[str, Any]) -> None:
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not container["image"].endswith(":latest") and ":" in container["image"] and "env" not in container, (
            "secrets by envFrom alone"
        )
        mounted = {each["mountPath"] for each in container["volumeMounts"]}
        assert {str(CONFIG.path_of(CONFIG.store_path).parent), "/run/understudy", "/tmp"} <= mounted


@pytest.mark.parametrize("file", ["one.yaml", "two.yaml"])
def test_jobs_stand_beside_the_pod_whose_volume_they_open(file: str) -> None:
    (serving,) = (each for name, each in ALL if name == file and each["kind"] == "StatefulSet")
    (claim,) = serving["spec"]["volumeClaimTemplates"]
    pods = [f"{serving['metadata']['name']}-{number}" for number in range(serving["spec"]["replicas"])]
    jobs = [each["spec"]["jobTemplate"]["spec"]["template"]["spec"] for name, each in ALL if name == file and each["kind"] == "CronJob"]
    seen = []
    for job in jobs:
        (term,) = job["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        pod = term["labelSelector"]["matchLabels"]["statefulset.kubernetes.io/pod-name"]
        (state,) = (each["persistentVolumeClaim"]["claimName"] for each in job["volumes"] if each["name"] == "state")
        assert state == f"{claim['metadata']['name']}-{pod}"
        (script,) = (each["command"][1] for each in job["containers"])
        assert (DEPLOY / "jobs" / script.rpartition("/")[2]).exists()
        seen.append(pod)
    assert sorted(set(seen)) == pods and len(seen) == 3 * len(pods)


def test_the_network_policy_lets_out_names_and_https_alone() -> None:
    (policy,) = (each["spec"] for _, each in ALL if each["kind"] == "NetworkPolicy")
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443}
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == {8080, 8081}
    assert all(rule.get("from") for rule in policy["ingress"]), "never from everywhere"


@pytest.mark.parametrize(("file", "budget"), [("one.yaml", {"maxUnavailable": 0}), ("two.yaml", {"minAvailable": 1})])
def test_a_drained_node_never_takes_the_last_one(file: str, budget: dict[str, int]) -> None:
    (found,) = (each["spec"] for name, each in ALL if name == file and each["kind"] == "PodDisruptionBudget")
    assert budget.items() <= found.items()

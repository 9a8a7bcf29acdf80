"""The verdicts as a metric: what holds is 1, what held before is 0, and a store that cannot be read costs a look."""

from pathlib import Path

from proxy.config import Config, Route, Store, Target, Workflow
from proxy.metrics import Meters
from scoring.verdict_gauge import EVERY_S, VerdictGauge
from tests.proxy.stored import a_call, an_exchange
from tests.scoring.cluster_rows import PASSES, a_rubric, counts, stored


def a_config(folder: Path) -> Config:
    return Config(
        targets={"big": Target(url="http://127.0.0.1:1"), "small": Target(url="http://127.0.0.1:2")}, routes=[Route(name="main", incumbent="big")],
        workflows=[Workflow(name="triage")], store=Store(path="traffic.duckdb"), folder=str(folder),
    )  # fmt: skip


def shown(meters: Meters) -> dict[str, float]:
    """By verdict, of `passes`."""
    lines = [line for line in meters.exposition().decode().splitlines() if line.startswith("understudy_verdict{")]
    assert all('criterion="passes",target="small"' in line and 'workflow="triage"' in line for line in lines), lines
    return {line.partition('verdict="')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_worst_verdict_of_all_turns_is_shown_once_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    config, store = a_config(tmp_path), stored(tmp_path)
    meters = Meters(config)
    gauge = VerdictGauge(config, a_rubric(PASSES), meters, lambda: now[0])

    def minute() -> dict[str, float]:
        now[0] += EVERY_S
        for _ in range(2):
            gauge(an_exchange(1), a_call(1))
            if gauge._looking is not None:  # pyright: ignore[reportPrivateUsage]
                gauge._looking.join(60)  # pyright: ignore[reportPrivateUsage]
        return shown(meters)

    assert minute() == {}, "nothing is scored"
    store.clusters(counts(worse=5, same=990, better=5))
    assert shown(meters) == {} and minute() == {"EQUIVALENT": 1.0}
    store.clusters(counts(worse=400, same=100, turns="later turns"))
    assert minute() == {"EQUIVALENT": 0.0, "REGRESSED": 1.0}
    (tmp_path / "traffic.duckdb").write_bytes(b"no store")
    assert minute() == {"EQUIVALENT": 0.0, "REGRESSED": 1.0}

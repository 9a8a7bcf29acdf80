"""Story 3, live: one `serve`, seven switches at once under real Prometheus and Alertmanager. A sound candidate goes from 1 % to all calls and
is finished; six others go wrong half-way, each in its own way, and are taken back by the guard while no client notices anything."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.deploy.scraped import alertmanager, prometheus
from tests.fakes.models import Models
from tests.grafana.test_dashboards import read
from tests.harness import Serve, config, until
from tests.journeys.canary_kit import BROKEN, GOOD, Callers, Desk, canaries_seen, refusing, targets, uneven
from tests.prometheus import Prometheus, needed, serving
from tests.rubrics import GUARDS

RUBRIC = (
    GUARDS
    + """
[[dimension]]
type = "is-json"
role = "guard"
margin = { kind = "abs", delta = 0.05 }
"""
)
QUICK = {
    "steps": "[0.01, 0.1, 0.5, 1.0]", "bake_s": "1.0", "min_pairs": "5", "min_hours": "0.0002", "coverage": "0.0",
    "fallback_after_s": "4.0", "limit_window_s": "20",
}  # fmt: skip
RATES = "error_rate = 0.2, refusal_rate = 0.15, usd_per_call = 0.00004"
"""A call costs 0.000025 USD."""
SECONDS = ", p95_latency_s = 2.0"
"""Where it takes 1.5 s at p95: this machine may be busy."""
SOUND_PER_S, FAULTY_PER_S = 60.0, 12.0


def refuse(models: Models) -> None:
    models.text = refusing(0.3)


def slow(models: Models) -> None:
    models.wait_s = lambda asked: 1.5 * uneven(asked, 1.0)


def cost(models: Models) -> None:
    models.tokens = 2


def broken(models: Models) -> None:
    models.text = lambda asked: BROKEN


def hang(models: Models) -> None:
    models.fault = "hang"


def die(models: Models) -> None:
    models.__exit__()


FAULTS: dict[str, Callable[[Models], None]] = {
    "refuses": refuse, "slow": slow, "dear": cost, "broken": broken, "hangs": hang, "dies": die,
}  # fmt: skip


@dataclass
class Stage:
    serve: Serve
    desk: Desk
    callers: Callers
    new: dict[str, Models]
    heard: list[dict[str, Any]]
    """Alerts, as the webhook got them."""
    watching: Prometheus


def a_model(median_s: float = 0.2) -> Models:
    return Models(text=lambda asked: GOOD, wait_s=lambda asked: uneven(asked, median_s))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    needed("prometheus", "prometheus-alertmanager")
    folder, heard = tmp_path_factory.mktemp("canaries"), list[dict[str, Any]]()
    (folder / "rubric.toml").write_text(RUBRIC)

    def hook(request: BaseHTTPRequestHandler) -> bytes:
        heard.extend(json.loads(request.rfile.read(int(request.headers["Content-Length"])))["alerts"])
        return b""

    with ExitStack() as stack:
        old, calm = stack.enter_context(a_model()), stack.enter_context(a_model(1.0))
        new = {name: a_model(1.0 if name == "slow" else 0.2).__enter__() for name in ("sound", *FAULTS)}
        body = targets("sound", old, new["sound"], auto_promote="true", limits=f"{{ {RATES} }}", **QUICK)
        for name in FAULTS:
            limits = f"{{ {RATES}{SECONDS if name == 'slow' else ''} }}"
            patience = {"fallback_after_s": "8.0"} if name == "slow" else {}
            body += targets(name, calm if name == "slow" else old, new[name], limits=limits, **(QUICK | patience))
        body += '[[workflows]]\nname = "invoices"\nmatch = { path = "*" }\nrubric = "rubric.toml"\n'
        serve = stack.enter_context(Serve(folder, config(body)))
        receiver = stack.enter_context(serving(hook))
        manager = stack.enter_context(alertmanager(folder, receiver))
        watching = stack.enter_context(prometheus(folder, serve.admin.removeprefix("http://"), alertmanager=manager))
        desk = Desk(serve)
        callers = stack.enter_context(Callers(serve.url, {"sound": SOUND_PER_S} | dict.fromkeys(FAULTS, FAULTY_PER_S), stateful_every=20))
        for name in FAULTS:
            desk.ask(name, "start", share=0.5)
        desk.ask("sound", "start")
        yield Stage(serve, desk, callers, new, heard, watching)
        for models in new.values():
            if models._thread is not None and models._thread.is_alive():
                models.__exit__()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_candidate_that_goes_wrong_is_taken_back_and_no_client_notices(stage: Stage, fault: str) -> None:
    desk, models = stage.desk, stage.new[fault]
    until(lambda: len(canaries_seen(models)) > 25, 60, lambda: desk.report(fault))
    until(lambda: stage.watching.query(f'understudy_rollout_share{{route="{fault}"}} > 0'))
    assert desk.state(fault).state == "running"
    began, before = time.time(), len(canaries_seen(models))
    FAULTS[fault](models)
    until(lambda: desk.state(fault).state == "rolled_back", 90, lambda: (desk.state(fault), desk.report(fault)))
    state = desk.state(fault)
    seconds = state.changed_us / 1e6 - began
    time.sleep(0.3)
    calls = len(canaries_seen(models)) - before
    print(f"\n{fault}: {seconds:.1f} s and {calls} calls until the last candidate's answer; {state.why}")
    assert state.actor == "guard" and state.why and state.log[-1].call_ids
    time.sleep(1.0)
    assert len(canaries_seen(models)) - before == calls
    assert [each for each in stage.callers.failed if each[0] == fault] == []


def test_the_alert_of_each_rollback_comes_to_the_webhook(stage: Stage) -> None:
    def told() -> set[str]:
        return {each["labels"]["route"] for each in stage.heard if each["labels"]["alertname"] == "UnderstudyRolledBack"}

    until(lambda: told() == set(FAULTS), 60, lambda: stage.heard)


def test_a_sound_candidate_goes_from_one_percent_to_all_calls_and_is_finished(stage: Stage) -> None:
    desk = stage.desk
    until(lambda: desk.state("sound").share == 1.0, 120, lambda: (desk.state("sound"), desk.report("sound")))
    state = desk.state("sound")
    assert [moment.share for moment in state.log] == [0.01, 0.1, 0.5, 1.0]
    assert {moment.actor for moment in state.log[1:]} == {"guard"}
    print(f"\nsound: 1 % to 100 % in {(state.step_us - state.started_us) / 1e6:.1f} s")
    assert desk.ask("sound", "finish").state == "finished"
    before = len(canaries_seen(stage.new["sound"]))
    until(lambda: len(canaries_seen(stage.new["sound"])) > before + 50)
    assert desk.state("sound").state == "finished"
    assert [each for each in stage.callers.failed if each[0] == "sound"] == []


def test_the_canary_board_shows_all_of_it(stage: Stage) -> None:
    words = {"__rate_interval": "10s", "__range": "60s", "__interval": "1s", "route": ".*", "workflow": ".*", "target": ".*"}
    empty: list[str] = []
    for panel in (each for each in read("canary")["panels"] if each["type"] != "row"):
        for target in panel["targets"]:
            expr = re.sub(r"\$\{?(\w+)\}?", lambda found: words[found[1]], target["expr"])
            if not any(math.isfinite(float(each["value"][1])) for each in stage.watching.query(f"last_over_time(({expr})[3m:1s])")):
                empty.append(f"{panel['title']}: {expr}")
    assert [each for each in empty if "understudy_verdict" not in each] == []  # nobody has scored here


def test_what_was_decided_is_in_the_store_with_its_reasons(stage: Stage) -> None:
    serve = stage.serve
    until(lambda: serve.one("SELECT count(*) FROM rollout_events WHERE event = 'rollback' AND actor = 'guard'") == len(FAULTS))
    assert serve.one("SELECT count(*) FROM audit WHERE action = 'rollout.rollback'") == len(FAULTS)
    rows = serve.query("SELECT rollout, len(call_ids), evidence FROM rollout_events WHERE event = 'rollback'")
    assert {name for name, _, _ in rows} == set(FAULTS) and all(count for _, count, _ in rows) and all(len(text) > 2 for _, _, text in rows)
    served = "SELECT count(*) FROM mirror_decisions WHERE decision = 'served'"
    seen = "SELECT count(*) FROM exchanges WHERE role = 'candidate' AND seen AND outcome <> 'client_gone'"
    until(lambda: serve.one(served) >= serve.one(seen) > 0)
    assert stage.callers.failed == []

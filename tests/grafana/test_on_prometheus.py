"""Every query of every dashboard, asked of a real Prometheus that scraped a real recorder: each has an answer, and its legend its labels."""

import math
import re
from collections.abc import Generator
from typing import Any

import pytest

from tests.grafana.scraped import PROGRAM, scraped
from tests.grafana.test_dashboards import METRICS, NAMES, read, shown
from tests.prometheus import Prometheus

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no prometheus here: apt-get install prometheus")
VALUES = {"__rate_interval": "6s", "__range": "15s", "__interval": "1s", "route": ".*", "workflow": ".*", "target": ".*"}
FED = {
    "understudy_rollout_stayed_total", "understudy_rollout_fallbacks_total", "understudy_rollout_share", "understudy_rollout_state",
    "understudy_rollout_reading", "understudy_rollout_evidence", "understudy_rollout_hours_left", "understudy_rollout_guard_at_seconds",
    "understudy_hallucination_tags_total", "understudy_journal_dropped_total", "understudy_verdict", "understudy_score_mean",
}  # fmt: skip
"""What needs a rollout, a rubric or a loss; the other metrics must come out of `serve`."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Generator[Prometheus]:
    with scraped(tmp_path_factory.mktemp("scraped")) as prometheus:
        yield prometheus


def filled(expr: str) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda found: VALUES[found[1]], expr)


def finite(series: list[dict[str, Any]]) -> bool:
    points = [each["values"] if "values" in each else [each["value"]] for each in series]
    return any(math.isfinite(float(value)) for values in points for _, value in values)


def test_every_panel_has_something_to_show(asked: Prometheus) -> None:
    empty, nameless, counted = [], [], 0
    for name in NAMES:
        for panel in shown(read(name)):
            for target in panel["targets"]:
                counted += 1
                series = asked.over_time(filled(target["expr"]))
                where = f"{name}: {panel['title']} {target['refId']}: {target['expr']}"
                if not finite(series):
                    empty.append(where)
                needed = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                if any(not needed <= each["metric"].keys() for each in series):
                    nameless.append(where)
    assert (empty, nameless) == ([], [])
    assert counted >= 120, "panels are gone"


def test_lines_of_one_panel_have_names_of_their_own(asked: Prometheus) -> None:
    for name in NAMES:
        for panel in shown(read(name)):
            legends = [
                re.sub(r"\{\{(\w+)\}\}", lambda found, labels=series["metric"]: labels[found[1]], target["legendFormat"])
                for target in panel["targets"] if panel["type"] != "table" for series in asked.over_time(filled(target["expr"]))
            ]  # fmt: skip
            assert len(set(legends)) == len(legends), (name, panel["title"], legends)


def test_every_annotation_marks_something_and_not_everything(asked: Prometheus) -> None:
    for name in NAMES:
        for mark in read(name)["annotations"]["list"]:
            series = asked.over_time(filled(mark["expr"]))
            marked = {float(at) for each in series for at, value in each["values"] if float(value) > 0}
            assert marked and len(marked) < 12, (mark["name"], sorted(marked))
            for label in re.findall(r"\{\{(\w+)\}\}", mark["titleFormat"]):
                assert all(label in each["metric"] for each in series), mark["name"]


def test_every_variable_offers_values(asked: Prometheus) -> None:
    offered: dict[str, set[str]] = {}
    for name in NAMES:
        for variable in read(name)["templating"]["list"]:
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
                assert found, variable
                offered[variable["name"]] = {each["metric"][found[2]] for each in asked.query(f"group by ({found[2]}) ({found[1]})")}
    assert offered["route"] == {"main"} and offered["workflow"] == {"default"} and offered["target"] >= {"one", "failing", "inc"}


def test_a_chosen_target_leaves_the_incumbent_beside_it(asked: Prometheus) -> None:
    panel = next(panel for panel in shown(read("overview")) if panel["title"] == "Whole answer, p95")
    found = [asked.over_time(filled(target["expr"].replace("$target", "one"))) for target in panel["targets"]]
    assert [{each["metric"]["target"] for each in series} for series in found] == [{"inc"}, {"one"}]


def test_serve_itself_tells_all_but_what_needs_a_rollout_a_rubric_or_a_loss(asked: Prometheus) -> None:
    told = {each["metric"]["__name__"] for each in asked.query('group by (__name__) ({job="serve", __name__=~"understudy_.*"})')}
    assert METRICS.keys() - told <= FED, "not told by serve and not on the list"


def test_what_serve_spends_is_the_sum_of_what_it_is_for(asked: Prometheus) -> None:
    by = "role, target, workflow"
    whole, parts = (
        {str(each["metric"]): float(each["value"][1]) for each in asked.query(f'sum by ({by}) (understudy_{name}_total{{job="serve"}})')}
        for name in ("spend_usd", "spend_part_usd")
    )
    assert len(whole) >= 3 and parts == pytest.approx(whole, rel=1e-9)
    kinds = {each["metric"]["part"] for each in asked.query('group by (part) (understudy_spend_part_usd_total{job="serve"})')}
    assert {"input", "output"} <= kinds

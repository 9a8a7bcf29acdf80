"""The dashboards' files: what is committed is what is built, nothing is lost on the way, and every panel speaks for itself."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.build import FOLDER, files
from proxy.metrics import COUNTERS, GAUGES, HISTOGRAMS

NAMES = ("overview", "canary", "shadow", "cost", "proxy-health")
KINDS = {"row", "timeseries", "stat", "bargauge", "state-timeline", "table"}
MARK_KEYS = {"titleFormat", "textFormat", "tagKeys", "step"}
"""What Grafana's Prometheus source reads of an annotation and the SDK's schema does not know."""
BUILT_IN = {"__rate_interval", "__range", "__interval"}
CHOICES = {"route", "workflow", "target"}
SCRAPED = {"instance"}
"""Labels that Prometheus adds."""
register_default_plugins()


def labels_by_metric() -> dict[str, set[str]]:
    made = {f"understudy_{name}_total": set(labels) for name, _, labels in COUNTERS}
    made |= {f"understudy_{name}": set(labels) for name, _, labels in GAUGES}
    for name, _, labels, _ in HISTOGRAMS:
        made |= {
            f"understudy_{name}_bucket": {*labels, "le"},
            f"understudy_{name}_count": set(labels),
            f"understudy_{name}_sum": set(labels),
        }
    return made


METRICS = labels_by_metric()


def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def shown(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its panels without its rows."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def expressions(board: dict[str, Any]) -> Iterator[str]:
    for panel in shown(board):
        yield from (target["expr"] for target in panel["targets"])
    yield from (mark["expr"] for mark in board["annotations"]["list"])
    yield from (variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query")


def every() -> Iterator[Any]:
    for name in NAMES:
        board = read(name)
        yield from (pytest.param(panel, id=f"{name}: {panel['title']}") for panel in shown(board))


def test_what_is_committed_is_what_is_built() -> None:
    assert files() == {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert set(files()) == {f"{name}.json" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_keeps_all_that_we_say(name: str) -> None:
    ours = read(name)
    for mark in ours["annotations"]["list"]:
        for key in MARK_KEYS & mark.keys():
            del mark[key]
    assert json.loads(json.dumps(Dashboard.from_json(ours), cls=JSONEncoder)) == ours


def test_each_dashboard_has_a_name_of_its_own_and_is_reached_from_the_others() -> None:
    boards = [read(name) for name in NAMES]
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(NAMES)
    for board in boards:
        among, page = board["links"]
        assert among["type"] == "dashboards" and set(among["tags"]) <= set(board["tags"]) and among["includeVars"] and among["keepTime"]
        assert page["url"] == "${admin}/"


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_ids_and_places_of_their_own(name: str) -> None:
    panels = read(name)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("panel", list(every()))
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    known = {value for key, value in vars(units).items() if not key.startswith("_") and isinstance(value, str)}
    assert panel["type"] in KINDS
    assert re.search(r"\w\. |\w\.$", panel["description"]) and len(panel["description"]) >= 15
    assert defaults["unit"] in known and len(defaults["noValue"]) >= 10
    assert defaults["thresholds"]["steps"], "else Grafana paints red from 80"
    assert panel["datasource"]["uid"] == "${datasource}"
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEFGH"[: len(panel["targets"])])
    assert all(target["legendFormat"] for target in panel["targets"])
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_defined_and_used(name: str) -> None:
    board = read(name)
    defined = [variable["name"] for variable in board["templating"]["list"]]
    text = json.dumps([board["panels"], board["links"], board["annotations"], [v["query"] for v in board["templating"]["list"]]])
    used = {first or second for first, second in re.findall(r"\$(?:\{(\w+)\}|(\w+))", text)}
    assert len(set(defined)) == len(defined)
    assert used - BUILT_IN == set(defined)
    for variable in board["templating"]["list"]:
        if variable["name"] in CHOICES:
            assert variable["multi"] and variable["includeAll"] and variable["allValue"] == ".*"


@pytest.mark.parametrize("name", NAMES)
def test_a_choice_of_several_is_matched_as_an_expression(name: str) -> None:
    for expr in expressions(read(name)):
        assert not re.findall(r'[^~]"\$(?:route|workflow|target)"', expr), expr


@pytest.mark.parametrize("panel", list(every()))
def test_a_panel_says_which_choices_do_not_narrow_it(panel: dict[str, Any]) -> None:
    asked = " ".join(target["expr"] for target in panel["targets"])
    board = next(board for board in map(read, NAMES) if panel in board["panels"])
    apart = [v["name"] for v in board["templating"]["list"] if v["name"] in CHOICES and f"${v['name']}" not in asked]
    told = re.search(r"Not narrowed by: ([\w, ]+)\.", panel["description"])
    assert (told[1].split(", ") if told else []) == apart


def selected(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Each selector's metric and the labels it matches."""
    for name, matchers in re.findall(r"\b(understudy_\w+)(\{[^}]*\})?", expr):
        yield name, set(re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers))


def grouped(expr: str) -> Iterator[tuple[set[str], str]]:
    """Each `by (…) (…)`: its labels, and what it aggregates."""
    for found in re.finditer(r"by \(([^)]*)\) \(", expr):
        depth, end = 1, found.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(expr[end], 0)
            end += 1
        yield {label.strip() for label in found[1].split(",") if label.strip()}, expr[found.end() : end]


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_and_label_is_one_that_we_have(name: str) -> None:
    for expr in expressions(read(name)):
        for asked in re.findall(r"label_values\(.*, (\w+)\)", expr):
            assert all(asked in METRICS[metric] for metric, _ in selected(expr)), expr
        assert list(selected(expr)), expr
        for metric, labels in selected(expr):
            assert metric in METRICS and labels <= METRICS[metric], (expr, metric, labels)
        for labels, within in grouped(expr):
            for metric, _ in selected(within):
                assert labels <= METRICS[metric] | SCRAPED, (expr, metric, labels)


def test_every_metric_of_ours_is_on_some_panel() -> None:
    drawn = {metric for name in NAMES for expr in expressions(read(name)) for metric, _ in selected(expr)}
    families = {
        re.sub(r"_(bucket|count|sum)$", "", metric) if metric.endswith(("_bucket", "_count", "_sum")) else metric for metric in METRICS
    }
    assert families - {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in drawn} == set()


def test_the_provisioned_source_and_folder_are_those_of_the_dashboards() -> None:
    root = FOLDER.parent / "provisioning"
    source = yaml.safe_load((root / "datasources/prometheus.yaml").read_text("utf-8"))["datasources"][0]
    provider = yaml.safe_load((root / "dashboards/understudy.yaml").read_text("utf-8"))["providers"][0]
    assert source["type"] == read("canary")["templating"]["list"][0]["query"] == "prometheus"
    assert re.fullmatch(r"\d+s", source["jsonData"]["timeInterval"])
    assert Path(provider["options"]["path"]).is_absolute() and not provider["allowUiUpdates"]


def test_compose_hands_grafana_what_the_provisioning_expects() -> None:
    grafana = yaml.safe_load((FOLDER.parents[1] / "deploy/compose.yaml").read_text("utf-8"))["services"]["grafana"]
    source = yaml.safe_load((FOLDER.parent / "provisioning/datasources/prometheus.yaml").read_text("utf-8"))["datasources"][0]
    provider = yaml.safe_load((FOLDER.parent / "provisioning/dashboards/understudy.yaml").read_text("utf-8"))["providers"][0]
    mounts = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    assert source["url"].removeprefix("$") in grafana["environment"]
    assert mounts["../grafana/dashboards"] == provider["options"]["path"]
    assert mounts["../grafana/provisioning"] == "/etc/grafana/provisioning"

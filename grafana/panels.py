"""Panels as this project wants them: each with a sentence of help, a unit, a legend, and words for when there is nothing to show.

Law: nothing is left to Grafana's defaults that a reader would take for a statement: no threshold at 80, no empty panel without a reason.
The incumbent is blue in every picture, and its repeat purple.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.queries import Query

SOURCE = words.DataSourceRef(type_val="prometheus", uid="${datasource}")
REF_IDS = "ABCDEFGH"
RATE, TIME, USD, COUNT, PER_S, BYTES, PLAIN = "percentunit", "s", "currencyUSD", "short", "reqps", "bytes", "none"
Steps = Sequence[tuple[float | None, str]]
GOOD: Steps = ((None, "green"),)
NEUTRAL: Steps = ((None, "text"),)


@dataclass(frozen=True, slots=True)
class Made:
    """A panel before it has its place: `builder` is one of the SDK's."""

    builder: Any
    title: str
    help: str
    queries: tuple[Query, ...]


def _finished(builder: Any, title: str, help_text: str, unit: str, queries: Sequence[Query], empty: str, size: tuple[int, int]) -> Made:
    builder.title(title).datasource(SOURCE).unit(unit).no_value(empty).span(size[0]).height(size[1])
    for ref_id, query in zip(REF_IDS, queries, strict=False):
        asked = prometheus.Dataquery().expr(query.expr).ref_id(ref_id).legend_format(query.legend or "__auto").datasource(SOURCE)
        asked = asked.instant() if query.instant else asked.range()
        builder.with_target(asked.format(PromQueryFormat.TABLE if query.table else PromQueryFormat.TIME_SERIES))
    return Made(builder, title, help_text, tuple(queries))


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    made = [models.Threshold(value, color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def _legend(*calcs: str) -> common.VizLegendOptions:
    mode = words.LegendDisplayMode.TABLE if calcs else words.LegendDisplayMode.LIST
    return common.VizLegendOptions().display_mode(mode).placement(words.LegendPlacement.BOTTOM).show_legend(True).calcs(list(calcs))


def shades(color: str) -> models.DynamicConfigValue:
    return models.DynamicConfigValue("color", {"mode": "shades", "fixedColor": color})


def lines(
    title: str, help_text: str, unit: str, queries: Sequence[Query], *, empty: str, size: tuple[int, int] = (12, 8), stacked: bool = False,
    arms: bool = False, canary: bool = False, line_at: float | None = None,
) -> Made:  # fmt: skip
    """Lines over time. `arms`: the first query is the incumbent's; `canary`: the second the candidate's. `line_at`: dashed red."""
    builder = timeseries.Panel().legend(_legend("lastNotNull", "max")).line_width(1).fill_opacity(40 if stacked else 0)
    builder.tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI).sort(words.SortOrder.DESCENDING))
    builder.show_points(words.VisibilityMode.AUTO).color_scheme(
        dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
    )
    builder.axis_soft_min(0)
    if stacked:
        builder.stacking(common.StackingConfig().mode(words.StackingMode.NORMAL).group("A"))
    if arms:
        builder.override_by_query("A", [shades("blue"), models.DynamicConfigValue("custom.lineWidth", 2)])
        builder.override_by_regexp("/repeat /", [shades("purple")])
    if canary:
        builder.override_by_query("B", [shades("orange")])
    if line_at is not None:
        builder.thresholds(thresholds([(None, "transparent"), (line_at, "red")])).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(words.GraphThresholdsStyleMode.DASHED)
        )
        builder.axis_soft_max(line_at * 1.1)
    else:
        builder.thresholds(thresholds(NEUTRAL))
    return _finished(builder, title, help_text, unit, queries, empty, size)


def readings(title: str, help_text: str, unit: str, query: Query, *, empty: str, size: tuple[int, int] = (8, 8)) -> Made:
    """A limit and what it holds, by the legend's last word: candidate orange, incumbent blue, the limit a dashed red line."""
    made = lines(title, help_text, unit, [query], empty=empty, size=size)
    dashed = models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
    made.builder.override_by_regexp("/candidate$/", [shades("orange")])
    made.builder.override_by_regexp("/incumbent$/", [shades("blue")])
    made.builder.override_by_regexp("/limit$/", [shades("red"), dashed])
    return made


def figure(
    title: str, help_text: str, unit: str, query: Query, *, empty: str, steps: Steps = NEUTRAL, size: tuple[int, int] = (4, 4),
    decimals: int | None = None, names: bool = False,
) -> Made:  # fmt: skip
    """One number, or one by series with its name."""
    builder = stat.Panel().color_mode(words.BigValueColorMode.VALUE).thresholds(thresholds(steps))
    builder.graph_mode(words.BigValueGraphMode.NONE if query.instant else words.BigValueGraphMode.AREA)
    builder.text_mode(words.BigValueTextMode.VALUE_AND_NAME if names else words.BigValueTextMode.VALUE)
    builder.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if decimals is not None:
        builder.decimals(decimals)
    return _finished(builder, title, help_text, unit, [query], empty, size)


def bars(
    title: str, help_text: str, unit: str, query: Query, *, empty: str, steps: Steps = GOOD, size: tuple[int, int] = (8, 8),
    high: float | None = None,
) -> Made:  # fmt: skip
    builder = bargauge.Panel().display_mode(words.BarGaugeDisplayMode.BASIC).thresholds(thresholds(steps)).min(0)
    builder.orientation(words.VizOrientation.HORIZONTAL).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    builder.value_mode(words.BarGaugeValueMode.TEXT).legend(_legend())
    if high is not None:
        builder.max(high)
    return _finished(builder, title, help_text, unit, [query], empty, size)


def states(
    title: str, help_text: str, names: Sequence[tuple[str, str]], query: Query, *, empty: str, size: tuple[int, int] = (24, 5)
) -> Made:
    """States over time: the value n is the n-th name, in its colour."""
    mapped = {str(number): models.ValueMappingResult(text=name, color=color, index=number) for number, (name, color) in enumerate(names)}
    builder = statetimeline.Panel().mappings([models.ValueMap(mapped)]).thresholds(thresholds(NEUTRAL)).merge_values(True)
    builder.legend(_legend()).show_value(words.VisibilityMode.AUTO).row_height(0.8).fill_opacity(80)
    builder.tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.SINGLE))
    return _finished(builder, title, help_text, PLAIN, [query], empty, size)


def rows(
    title: str, help_text: str, columns: Sequence[str], query: Query, *, empty: str, size: tuple[int, int] = (12, 8),
    colors: tuple[str, dict[str, str]] | None = None,
) -> Made:  # fmt: skip
    """A table of labels. `colors`: a column and the colour of each of its values."""
    builder = table.Panel().show_header(True).thresholds(thresholds(NEUTRAL)).filterable(True)
    order: dict[str, Any] = {"excludeByName": {"Time": True, "Value": True}, "indexByName": {name: at for at, name in enumerate(columns)}}
    builder.with_transformation(models.DataTransformerConfig(id_val="organize", options=order))
    if colors is not None:
        mapped = {value: {"color": color, "index": at} for at, (value, color) in enumerate(colors[1].items())}
        told = [
            models.DynamicConfigValue("mappings", [{"type": "value", "options": mapped}]),
            models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
        ]
        builder.override_by_name(colors[0], told)
    return _finished(builder, title, help_text, PLAIN, [query], empty, size)

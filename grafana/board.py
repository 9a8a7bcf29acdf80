"""One dashboard: its variables, links, annotations and rows of panels, as JSON that is the same every time.

Law: a panel that a variable of its dashboard does not narrow says so in its help.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from grafana.panels import SOURCE, Made

TAG = "understudy"
ADMIN = "http://127.0.0.1:8081"
VALUES = {
    "route": ("Route", "label_values(understudy_calls_total, route)", "Routes of the configuration."),
    "workflow": ("Workflow", "label_values(understudy_calls_total, workflow)", "Named kinds of calls."),
    "target": (
        "Target", 'label_values(understudy_calls_total{role!="incumbent"}, target)',
        "Who is compared; the incumbent is shown beside it in any case.",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Made]


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation: wherever `expr` is above 0. `title` is filled in from the labels."""

    name: str
    expr: str
    title: str
    color: str


@dataclass(frozen=True, slots=True)
class Board:
    uid: str
    title: str
    about: str
    variables: Sequence[str]
    rows: Sequence[Row]
    marks: Sequence[Mark] = ()
    since: str = "now-6h"


def encoded(board: Board) -> str:
    """The dashboard's file."""
    made = dashboard.Dashboard(f"Understudy: {board.title}").uid(f"understudy-{board.uid}").description(board.about)
    made.tags([TAG]).timezone("browser").time(board.since, "now").refresh("30s").tooltip(models.DashboardCursorSync.CROSSHAIR).readonly()
    made.variables(_variables(board)).links(_links())
    number = 0
    for row in board.rows:
        number += 1
        made.with_row(dashboard.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            made.with_panel(panel.builder.id(number).description(_help(board, panel)))
    made.annotations([_annotation(mark) for mark in board.marks])
    content = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    _titled(content, board.marks)
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _annotation(mark: Mark) -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery().name(mark.name).datasource(SOURCE).expr(mark.expr).enable(True).icon_color(mark.color)


def _titled(content: dict[str, Any], marks: Sequence[Mark]) -> None:
    """What Grafana's Prometheus source reads of an annotation and the SDK's schema does not name."""
    for mark, annotation in zip(marks, content["annotations"]["list"], strict=True):
        annotation |= {"titleFormat": mark.title, "textFormat": "", "tagKeys": "", "step": ""}


def _help(board: Board, panel: Made) -> str:
    asked = " ".join(query.expr for query in panel.queries)
    apart = [name for name in board.variables if f"${name}" not in asked]
    return panel.help + (f" Not narrowed by: {', '.join(apart)}." if apart else "")


def _variables(board: Board) -> list[Any]:
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    admin = dashboard.TextBoxVariable("admin").label("Admin page").default_value(ADMIN)
    admin.description("Where your browser reaches the admin port.")
    shown = models.VariableOption(text=ADMIN, value=ADMIN, selected=True)
    return [source, *(_choice(name) for name in board.variables), admin.current(shown).options([shown])]


def _choice(name: str) -> Any:
    label, query, about = VALUES[name]
    made = dashboard.QueryVariable(name).label(label).description(about).datasource(SOURCE)
    made.query({"query": query, "refId": f"{name}-values", "qryType": 5}).multi(True).include_all(True).all_value(".*")
    made.current(models.VariableOption(text=["All"], value=["$__all"], selected=True))
    return made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)


def _links() -> list[Any]:
    others = dashboard.DashboardLink("Understudy").type(models.DashboardLinkType.DASHBOARDS).tags([TAG]).include_vars(True).keep_time(True)
    page = dashboard.DashboardLink("Admin page: the rollout's buttons, calls and pairs").type(models.DashboardLinkType.LINK)
    page.url("${admin}/")
    return [others.tooltip("The other dashboards, same time and choice"), page.target_blank(True).tooltip("Opens the admin port's page")]

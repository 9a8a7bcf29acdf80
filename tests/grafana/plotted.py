"""Draws a dashboard's panels from a real Prometheus as one picture: `python -m tests.grafana.plotted FOLDER [NAME...]`.

Not Grafana: lines, figures, legends and units only, so that a person can judge what a panel says. Needs prometheus and chromium.
"""

import html
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.grafana.scraped import scraped
from tests.grafana.test_dashboards import read
from tests.grafana.test_on_prometheus import filled
from tests.prometheus import Prometheus
from tests.scoring.report.browser import PROGRAM

CELL, ROW_PX = 62, 34
HUES = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9", "#37872d", "#e0b400", "#ffa6b0", "#5794f2")
STYLE = """body{margin:12px;background:#111217;color:#ccd;font:12px sans-serif;position:relative}.p{position:absolute;background:#181b1f;
border:1px solid #333;overflow:hidden;padding:4px;box-sizing:border-box}h3{margin:0 0 2px;font-size:13px}.row{font-size:15px;font-weight:bold}
.big{font-size:24px}.l{white-space:nowrap}.e{color:#f66}table{font-size:11px;border-spacing:8px 0}"""


def shown(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "NaN"
    match unit:
        case "percentunit":
            return f"{100 * value:.3g} %"
        case "currencyUSD":
            return f"${value:,.4g}"
        case "s":
            return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
        case "bytes":
            return f"{value / 1e6:.3g} MB"
        case "reqps":
            return f"{value:.3g} req/s"
        case _:
            return f"{value:.4g}" + (f" {unit}" if unit in ("h", "ops") else "")


def named(target: dict[str, Any], series: dict[str, Any]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series["metric"].get(found[1], ""), target["legendFormat"])


def asked(panel: dict[str, Any], prometheus: Prometheus) -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Each series: its ref id, its name in the legend, its points."""
    return [
        (target["refId"], named(target, series), [(float(at), float(value)) for at, value in series["values"]])
        for target in panel["targets"] for series in prometheus.over_time(filled(target["expr"]))
    ]  # fmt: skip


def coloured(panel: dict[str, Any], ref_id: str, name: str, number: int) -> str:
    for override in panel["fieldConfig"]["overrides"]:
        matcher, color = override["matcher"], next((p["value"] for p in override["properties"] if p["id"] == "color"), None)
        hit = matcher["options"] == ref_id or (matcher["id"] == "byRegexp" and re.search(matcher["options"].strip("/"), name))
        if hit and color:
            return {"blue": "#5794f2", "orange": "#ff9830", "red": "#f2495c", "purple": "#b877d9"}[color["fixedColor"]]
    return HUES[number % len(HUES)]


def picture(panel: dict[str, Any], found: list[tuple[str, str, list[tuple[float, float]]]], wide: int, high: int) -> str:
    points = [point for _, _, values in found for point in values if math.isfinite(point[1])]
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    top = max(max(value for _, value in points), 1e-12) * 1.05
    unit, parts = panel["fieldConfig"]["defaults"]["unit"], []
    for number, (ref_id, name, values) in enumerate(found):
        color = coloured(panel, ref_id, name, number)
        path = " ".join(
            f"{60 + (wide - 70) * (at - first) / max(last - first, 1):.1f},{high - 4 - (high - 10) * value / top:.1f}"
            for at, value in values
            if math.isfinite(value)
        )
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
    axis = f'<text x="0" y="12" fill="#889" font-size="10">{shown(top, unit)}</text><text x="0" y="{high - 4}" fill="#889" font-size="10">0</text>'
    return f'<svg width="{wide}" height="{high}">{axis}{"".join(parts)}</svg>'


def drawn(panel: dict[str, Any], prometheus: Prometheus, wide: int, high: int) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    found = [each for each in asked(panel, prometheus) if any(math.isfinite(value) for _, value in each[2])]
    title = f'<h3 title="">{html.escape(panel["title"])}</h3>'
    if not found:
        return f'{title}<span class="e">{html.escape(defaults["noValue"])}</span>'
    if panel["type"] == "table":
        rows = [series["metric"] for target in panel["targets"] for series in prometheus.query(filled(target["expr"]))]
        heads = sorted({key for row in rows for key in row})
        body = "".join("<tr>" + "".join(f"<td>{html.escape(row.get(key, ''))}</td>" for key in heads) + "</tr>" for row in rows)
        return f"{title}<table><tr>{''.join(f'<th>{key}</th>' for key in heads)}</tr>{body}</table>"
    lasts = [(name, shown(values[-1][1], defaults["unit"])) for _, name, values in found]
    if panel["type"] in ("stat", "bargauge"):
        return title + "".join(f'<div><span class="big">{last}</span> {html.escape(name)}</div>' for name, last in lasts)
    legend = "".join(
        f'<div class="l" style="color:{coloured(panel, ref_id, name, number)}">&#9632; {html.escape(name)} <b>{last}</b></div>'
        for number, ((ref_id, _, _), (name, last)) in enumerate(zip(found, lasts, strict=True))
    )
    return title + picture(panel, found, wide - 10, max(60, high - 28 - 15 * len(found))) + legend


def page(name: str, prometheus: Prometheus) -> tuple[str, int]:
    """The dashboard as a page, and how high it is."""
    board, cells, bottom = read(name), [], 0
    for panel in board["panels"]:
        at = panel["gridPos"]
        wide, high = at["w"] * CELL - 6, at["h"] * ROW_PX - 4
        bottom = max(bottom, (at["y"] + at["h"]) * ROW_PX)
        place = f"left:{at['x'] * CELL + 10}px;top:{at['y'] * ROW_PX + 10}px;width:{wide}px;height:{high}px"
        inner = html.escape(panel["title"]) if panel["type"] == "row" else drawn(panel, prometheus, wide, high)
        cells.append(f'<div class="{"row" if panel["type"] == "row" else "p"}" style="position:absolute;{place}">{inner}</div>')
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{''.join(cells)}", bottom + 30


def shot(source: Path, target: Path, high: int) -> None:
    with tempfile.TemporaryDirectory() as profile:
        words = [str(PROGRAM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--hide-scrollbars"]
        subprocess.run(
            [*words, f"--window-size={24 * CELL + 30},{high}", f"--screenshot={target}", source.as_uri()],
            check=True,
            capture_output=True,
            timeout=60,
        )


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, scraped(Path(scratch), 30) as prometheus:
        for name in names:
            text, high = page(name, prometheus)
            source = folder / f"{name}.html"
            source.write_text(text, "utf-8")
            shot(source, folder / f"{name}.png", high)
            print(folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2:] or ["overview", "canary"])

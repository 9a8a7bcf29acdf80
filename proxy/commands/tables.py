"""A query's result for a person or for a machine."""

import base64
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from proxy.store import Table

CELL_MAX = 200


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def show(table: Table, *, as_json: bool, console: Console | None = None) -> None:
    """`as_json`: an array of row objects. Into a pipe: a head line and one line a row, tabs between, as `cut` and `awk` want it."""
    if as_json:
        print(orjson.dumps(rows_of(table), default=machine).decode(), flush=True)  # noqa: T201 (a command prints)
        return
    console = console or Console(soft_wrap=False)
    if not console.is_terminal:
        return _lines(table)
    grid = Grid(header_style="bold")
    for name in table.columns:
        grid.add_column(name, overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    console.print(grid)
    console.print(f"{len(table.rows)} rows", highlight=False)


def _lines(table: Table) -> None:
    for row in (table.columns, *table.rows):
        print("\t".join(_flat(value) for value in row), flush=True)  # noqa: T201 (a command prints)


def _flat(value: object) -> str:
    """One field of one line: PostgreSQL's text format for what would break it."""
    if value is None:
        return "\\N"
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def machine(value: Any) -> Any:
    """What JSON has no word for: times as ISO 8601 UTC, money as a number, bytes as base64."""
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= CELL_MAX else text[: CELL_MAX - 1] + "…"

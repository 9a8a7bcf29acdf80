"""Writes the dashboards: `python -m grafana.build`. What is committed is what this writes, and a test compares.

Law: no dashboard is edited by hand, and every panel reads Prometheus only.
"""

from pathlib import Path

from grafana.board import encoded
from grafana.boards import canary, cost, overview, proxy_health, shadow

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = (overview.BOARD, canary.BOARD, shadow.BOARD, cost.BOARD, proxy_health.BOARD)


def files() -> dict[str, str]:
    """By the name of the file, its content."""
    return {f"{board.uid}.json": encoded(board) for board in BOARDS}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()

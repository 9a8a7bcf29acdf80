"""The `store` commands that keep the store small and sound."""

import json
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from proxy.commands.check import plain, tell
from proxy.config_file import load
from proxy.store import Store, StoreError


def store_of(file: Path) -> Store:
    """The store that a configuration names. Raises StoreError when there is none yet."""
    config = load(file)
    if not config.store_path.startswith("ducklake:") and not Path(config.store_path).exists():
        raise StoreError(f"{file}: store.path: found no file {config.store_path}, expected the store that `understudy serve` fills")
    return Store(config.store_path)


def prune(file: Path, days: int | None, *, as_json: bool) -> int:
    config = load(file)
    removed = store_of(file).prune(days if days is not None else config.store.retention_days, datetime.now(UTC).replace(tzinfo=None))
    tell(json.dumps(removed) if as_json else ", ".join(f"{count} {table}" for table, count in removed.items()) + " removed")
    return 0


def verify(store: Store, *, as_json: bool) -> bool:
    checks = store.verify()
    if as_json:
        tell(json.dumps([{"check": each.name, "ok": each.ok, "found": each.found} for each in checks]))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for each in checks:
            console.print(f"{'[green]✓[/]' if each.ok else '[red]✗[/]'} {each.name}: {plain(str(each.found))}")
    return all(each.ok for each in checks)

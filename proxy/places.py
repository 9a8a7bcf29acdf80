"""Whether the folders and files that a configuration names can be used, asked before anything is bound.

Law: looks and touches nothing; what it finds is one line each. A disk can fill later: that is health's to say.
"""

import os
from pathlib import Path

from proxy.config import Config, Fault


def faults_of_places(config: Config, file: str) -> list[Fault]:
    """What is wrong with `store.journal`, `store.rollouts` (where there are any) and `store.path`."""
    folders = [("store.journal", config.journal_folder)] + ([("store.rollouts", config.rollouts_folder)] if config.rollouts else [])
    found = [(key, *_folder(folder)) for key, folder in folders if not _usable(folder)]
    store = Path(config.store_path)
    if store.is_dir():
        found.append(("store.path", f"{store} (a folder)", "a DuckDB file"))
    elif not store.parent.is_dir() or not os.access(store if store.exists() else store.parent, os.R_OK | os.W_OK):
        found.append(("store.path", f"{store} ({_why(store.parent)})", "a file that can be written"))
    return [Fault(file=file, key=key, found=what, expected=expected) for key, what, expected in found]


def _usable(folder: Path) -> bool:
    """A folder to write in, or one that can be made."""
    place = _nearest(folder)
    return place.is_dir() and os.access(place, os.R_OK | os.W_OK | os.X_OK)


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest one above it that exists."""
    return path if path.exists() or path == path.parent else _nearest(path.parent)


def _folder(folder: Path) -> tuple[str, str]:
    return f"{folder} ({_why(_nearest(folder))})", "a folder that can be made and written"


def _why(place: Path) -> str:
    return (
        f"{place} is not there"
        if not place.exists()
        else f"{place} is no folder"
        if not place.is_dir()
        else f"no right to write in {place}"
    )

"""aimock, an upstream of other people's making, in a process of its own; skips where there is no Node or its packages are not installed."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"


@contextlib.contextmanager
def aimock() -> Iterator[str]:
    """Its address."""
    node = shutil.which("node")
    if node is None or not (NODE.parent / "node_modules").is_dir():
        pytest.skip("the Node clients are not installed: no node, or no tests/clients/node_modules (make test installs them)")
    words = [node, "model.mjs"]
    with subprocess.Popen(words, cwd=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()

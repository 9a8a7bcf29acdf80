"""A real LiteLLM proxy with the configuration that is shipped, in an environment of its own; skips where that is not made."""

import contextlib
import os
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.harness import ROOT, until

SHIPPED = ROOT / "deploy" / "litellm" / "config.yaml"
MADE = Path(os.environ.get("UNDERSTUDY_NEIGHBOURS", Path.home() / ".cache" / "understudy-neighbours"))
KEY = "sk-litellm"
ENV = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it looks for a newer price list first
    "LITELLM_MASTER_KEY": KEY,
    "OPENAI_API_KEY": "sk-provider",
    "ANTHROPIC_API_KEY": "sk-ant-provider",
}


@contextlib.contextmanager
def litellm(folder: Path, port: int, instead: Mapping[str, str]) -> Iterator[str]:
    """Its address; `instead` says what stands in place of some words of the configuration, such as a provider's address."""
    program = MADE / "bin" / "litellm"
    if not program.exists():
        pytest.skip("LiteLLM is not installed (750 MB): make neighbours")
    folder.mkdir()
    text = SHIPPED.read_text("utf-8")
    for words, others in instead.items():
        assert text.count(words) == 1
        text = text.replace(words, others)
    (folder / "config.yaml").write_text(text, "utf-8")
    line = [str(program), "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(line, cwd=folder, env=os.environ | ENV, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: process.poll() is not None or _up(port), 150, lambda: (folder / "log").read_text()[-2000:])
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


def _up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False

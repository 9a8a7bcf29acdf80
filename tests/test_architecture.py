"""The map of design.md, held against the code: who may import whom, who may import what, how large a file is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("proxy", "replay", "scoring")
MAY_IMPORT = {
    "proxy": {"proxy"},
    "replay": {"replay", "proxy"},
    "scoring": {"scoring", "proxy"},
    "understudy": {"understudy", "proxy", "replay", "scoring"},
}
ONLY_IN = {"duckdb": "proxy/store.py", "prometheus_client": "proxy/metrics.py"}
PURE = (
    "proxy/exchange.py", "proxy/outcome.py", "proxy/sse.py", "proxy/encoding.py", "proxy/pricing.py", "proxy/anonymize.py",
    "proxy/eligibility/__init__.py", "proxy/eventstream.py", "proxy/adapter_fault.py", "proxy/coverage.py", "proxy/dialects/grammar.py",
    "proxy/adapt.py", "proxy/sampling.py", "proxy/conversation.py", "proxy/meaning.py", "proxy/refusal.py",
    *(f"scoring/stats/{name}.py" for name in (
        "portfolio", "bounded", "verdict", "planner", "tango", "mixture", "quantile", "unpaired", "race", "energy", "ebh", "detector", "srm",
        "rogan_gladen", "ppi", "anytime_ppi", "cost_per_success", "band",
    )),
)  # fmt: skip
IO = {"socket", "asyncio", "aiohttp", "subprocess", "threading", "time", "random", "os", "duckdb", "uvloop"}
NOT_IN_A_WORKER = {"duckdb", "prometheus_client", "aiohttp", "genai_prices", "rich", "cyclopts", "replay", "scoring"}


def sources() -> list[Path]:
    return [ROOT / "understudy.py", *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_like_the_data(path: Path) -> None:
    here = path.relative_to(ROOT)
    package = here.parts[0].removesuffix(".py")
    ours = {name.partition(".")[0] for name in imported(path)} & {*PACKAGES, "understudy"}
    assert ours <= MAY_IMPORT[package]


@pytest.mark.parametrize(("library", "home"), ONLY_IN.items())
def test_a_library_with_a_home_is_imported_only_there(library: str, home: str) -> None:
    users = {str(path.relative_to(ROOT)) for path in sources() if library in {name.partition(".")[0] for name in imported(path)}}
    assert users == {home}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_no_socket_no_file_and_no_clock(name: str) -> None:
    assert not {each.partition(".")[0] for each in imported(ROOT / name)} & IO


def test_a_file_says_its_law_first() -> None:
    silent = [str(path.relative_to(ROOT)) for path in sources() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def test_files_and_functions_stay_readable() -> None:
    long_files, long_functions = [], []
    for path in sources():
        text = path.read_text("utf-8")
        if text.count("\n") > 330:
            long_files.append(str(path.relative_to(ROOT)))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno > 45:
                long_functions.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert (long_files, long_functions) == ([], [])


def test_a_worker_loads_nothing_but_what_it_needs() -> None:
    """Law 2: what a worker has not loaded cannot delay a call. Follows the imports at module level."""
    seen: set[str] = set()
    found: set[str] = set()
    waiting = ["proxy.worker"]
    while waiting:
        name = waiting.pop()
        path = ROOT / (name.replace(".", "/") + ".py")
        path = path if path.exists() else ROOT / name.replace(".", "/") / "__init__.py"
        if name in seen or not path.exists():
            continue
        seen.add(name)
        for node in ast.parse(path.read_text("utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            found |= {each.partition(".")[0] for each in names}
            waiting += [each for each in names if each.startswith("proxy")]
    assert not found & NOT_IN_A_WORKER


def test_no_commit_names_a_registry_or_a_machine() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text("utf-8"), path.name

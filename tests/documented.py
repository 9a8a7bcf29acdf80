"""Writes the generated parts of README.md: `python tests/documented.py`. `test_documented.py` fails while they are stale."""

import re
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402

import understudy  # noqa: E402
from proxy import config  # noqa: E402
from proxy.config_file import _bare  # noqa: E402  # pyright: ignore[reportPrivateUsage]
from proxy.metrics import COUNTERS, GAUGES, HISTOGRAMS  # noqa: E402
from scoring.criteria import ALIASES, CRITERIA, criterion_type  # noqa: E402

TABLES: list[tuple[str, type[Any]]] = [
    ("server", config.Server),
    ("store", config.Store),
    ("anonymize", config.AnonymizeSection),
    ("journal", config.JournalSection),
    ("shadow", config.ShadowSection),
    ("targets.NAME", config.Target),
    ("routes", config.Route),
    ("workflows", config.Workflow),
    ("rollouts", config.Rollout),
    ("rollouts.limits", config.Limits),
    ("rollouts.segments", config.SegmentLimits),
]


def commands() -> str:
    lines = ["| command | what it does |", "| --- | --- |"]
    for names, app in walk(understudy.app):
        if app.default_command is not None:
            first = (app.default_command.__doc__ or "").strip().splitlines()[0]
            lines.append(f"| `understudy {names}` | {first} |")
    return "\n".join(lines)


def walk(app: Any, prefix: str = "") -> list[tuple[str, Any]]:
    found = list[tuple[str, Any]]()
    for name in app:
        if not name.startswith("-"):
            found += [((prefix + name).strip(), app[name]), *walk(app[name], f"{prefix}{name} ")]
    return found


def configuration() -> str:
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]
    for table, kind in TABLES:
        hints = get_type_hints(kind, include_extras=True)
        for each in msgspec.structs.fields(kind):
            lines.append(f"| `{table}.{each.name}` | {default_of(each, hints[each.name])} | {meaning(hints[each.name])} |")
    return "\n".join(lines)


def default_of(each: msgspec.structs.FieldInfo, hint: Any) -> str:
    if each.required:
        return "needed"
    value = each.default_factory() if each.default is msgspec.NODEFAULT else each.default
    shown = (
        "none"
        if value in ("", None, [], {}) or isinstance(value, msgspec.Struct)
        else str(value).lower()
        if isinstance(value, bool)
        else f"{value:,}".replace(",", "_")
        if isinstance(value, int)
        else str(value)
    )
    bare = _bare(hint)
    return shown + (" of " + ", ".join(filter(None, get_args(bare))) if get_origin(bare) is Literal else "")


def meaning(hint: Any) -> str:
    return next((each.description for each in get_args(hint) if isinstance(each, msgspec.Meta) and each.description), "")


def metrics() -> str:
    rows = [(f"understudy_{name}_total", labels, "counter", text) for name, text, labels in COUNTERS]
    rows += [(f"understudy_{name}", labels, "gauge", text) for name, text, labels in GAUGES]
    rows += [(f"understudy_{name}", labels, "histogram", text) for name, text, labels, _ in HISTOGRAMS]
    lines = ["| metric | labels | type | meaning |", "| --- | --- | --- | --- |"]
    lines += [f"| `{name}` | {', '.join(labels)} | {kind} | {text} |" for name, labels, kind, text in sorted(rows)]
    return "\n".join(lines)


def criteria() -> str:
    lines = ["| type | also | what it measures |", "| --- | --- | --- |"]
    for name in CRITERIA:
        kind = criterion_type(name)
        also = ", ".join(f"`{alias}`" for alias, meant in ALIASES.items() if meant == name and alias.replace("-", "_") != name)
        assert kind is not None and kind.__doc__, name
        lines.append(f"| `{name}` | {also} | {kind.__doc__.strip().splitlines()[0].strip()} |")
    return "\n".join(lines)


def documented(text: str) -> str:
    for name, made in (("commands", commands), ("configuration", configuration), ("metrics", metrics), ("criteria", criteria)):
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda found, made=made: f"{found[1]}{made()}\n{found[2]}", text, flags=re.DOTALL
        )
    return text


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(documented(readme.read_text("utf-8")), "utf-8")

"""Understudy: is another model safe to switch to? Your own traffic tells.

The command. Composes the packages and holds no logic of its own: every body below is a handful of lines. Exit codes: 0 fine, 1 a failed
check, 2 the user must fix something (one line per fault on stderr), 70 a bug of ours (with its traceback).
"""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter, validators

import proxy
from replay.commands.options import ReplayOptions

FINE, FAILED, FIX, BUG = 0, 1, 2, 70

app = App(
    name="understudy",
    help="Stands between your app and its LLM, lets other models answer the same calls unseen, and says whether it is safe to switch.",
    version=lambda: proxy.VERSION,
    help_format="plaintext",
)
app.command("proxy.commands.store:app", name="store", help="Look into the store, copy it, keep it small and sound.")
app.command("proxy.commands.rollout:app", name="rollout", help="The canary: where it stands, start it, promote it, take it back.")
app.command("replay.commands.archive:app", name="archive", help="Calls in portable files: out of the store, out of other tools, test sets.")

ConfigFile = Annotated[Path, Parameter(name="--config", help="the configuration")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="print machine output")]
Quiet = Annotated[bool, Parameter(name="--quiet", negative=(), help="print only what went wrong")]
CONFIG = Path("understudy.toml")
USUAL = ReplayOptions()


@app.command
def demo(*, seconds: Annotated[float | None, Parameter(validator=validators.Number(gt=0, lte=86_400))] = None) -> int:
    """Scripted incumbent and candidate on loopback, the whole pipeline, traffic through it; ends with a first table.

    Example: understudy demo --seconds 20

    Parameters
    ----------
    seconds
        How long to send calls; without it until Ctrl-C.
    """
    from replay.demo import Demo

    return asyncio.run(Demo(seconds, _first_table).run())


@app.command
def init(*, config: ConfigFile = CONFIG) -> int:
    """Write a commented understudy.toml and a first rubric, asking nothing, overwriting nothing.

    Example: understudy init && understudy check
    """
    from proxy.commands.init import write

    written = write(config)
    say("wrote " + " and ".join(map(str, written)) + "; next: understudy check")
    return FINE


@app.command
def check(*, config: ConfigFile = CONFIG, as_json: Json = False, quiet: Quiet = False) -> int:
    """Load the configuration, reach every target, print what it means: base URLs, whose text goes where, spend, what can be canaried.

    Example: understudy check
    """
    from proxy.commands import check as plan

    result = plan.check(config, _rehearse)
    plan.show(result, as_json=as_json, quiet=quiet)
    return FINE if result.sound else FAILED


@app.command
def serve(*, config: ConfigFile = CONFIG, quiet: Quiet = False) -> int:
    """The proxy, shadow, recorder and metrics. SIGTERM drains, SIGHUP reloads the configuration or keeps the old one.

    Example: understudy serve --config understudy.toml
    """
    from proxy.commands.serve import serve as run

    return run(config, (lambda line: None) if quiet else say, _rehearse)


@app.command
def pairs(
    *,
    config: ConfigFile = CONFIG,
    call: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    follow: bool = False,
    differs: bool = False,
    refused: bool = False,
    workflow: str | None = None,
    run: str | None = None,
    limit: int = 20,
    as_json: Json = False,
) -> int:
    """Pairs side by side, newest last, differences marked; pseudonymised text is underlined.

    Example: understudy pairs --follow --differs

    Parameters
    ----------
    call
        Only these calls, whole: ids, or their beginnings or ends, as `rollout status` and `pairs` print them.
    follow
        Go on printing pairs as they come.
    differs
        Only pairs whose answers differ.
    refused
        Only pairs in which one side refused.
    workflow
        Only this workflow.
    run
        The pairs of this run; of live traffic without.
    limit
        How many of the newest pairs to begin with.
    """
    from proxy.commands import calls_view, pairs_view

    wanted = pairs_view.Wanted(differs=differs, refused=refused, workflow=workflow, run=run, limit=limit)
    if call:
        return calls_view.run(_store(config), call, wanted, follow=follow, as_json=as_json)
    return pairs_view.run(_store(config), wanted, follow=follow, as_json=as_json)


@app.command
def replay(
    archive: Path | None = None, /, *, options: Annotated[ReplayOptions, Parameter(name="*")] = USUAL,
    config: ConfigFile = CONFIG, as_json: Json = False, quiet: Quiet = False,
) -> int:  # fmt: skip
    """Play an archive's calls to targets and keep both answers as pairs; works beside `serve` and without it.

    Example: understudy replay june.jsonl.zst --to small --pace x10 --limit-usd 5 --gate --report june.md

    Parameters
    ----------
    archive
        Calls in a file, as `archive export` writes them.
    """
    from replay.commands import replay as playing
    from scoring import of_run

    scoring = playing.Scoring(judged=of_run.judged, known=of_run.known, sound=of_run.rubric_of_run)
    return playing.replay(archive, options, config, scoring, as_json=as_json, quiet=quiet)


NAMED = {"report": "report_file"}
LAZY = {
    "probe": ("replay", "Measure what no archive contains: length, limits, cold starts, sameness.", "probe small --limit-usd 2"),
    "score": ("scoring", "Ask the rubric's criteria about every pair that has no scores yet.", "score"),
    "gate": ("scoring", "Is it safe to switch: verdicts by the rubric, JUnit for CI, an exit code.", "gate --candidate small"),
    "report": ("scoring", "What the model council reads: HTML, Markdown or JSON.", "report --candidate small --out june.html"),
    "drift": ("scoring", "Has anything changed that nobody announced.", "drift --since 7d --against 28d"),
    "selfcheck": (
        "replay",
        "Prove on your own upstream that the proxy keeps its promises; exit 1 when it does not.",
        "selfcheck --limit-usd 0.05",
    ),
}
for name, (package, help_text, example) in LAZY.items():  # loaded when used: a command takes as long to start as what it imports
    app.command(f"{package}.commands.{name}:{NAMED.get(name, name)}", name=name, help=f"{help_text}\n\nExample: understudy {example}")
app.command("scoring.commands.rubric:app", name="rubric", help="What as good means: check a rubric, or make one of promptfoo's.")
app.command("scoring.commands.workflows:app", name="workflows", help="Workflows with their traffic; `suggest` drafts more of them.")


# ---- the processes of `serve`; started by the supervisor, shown with their role in the process list


def _worker(settings_fd: int, name: str, listen_fd: int) -> None:
    from proxy import handover, inheritance, worker

    inherited, listening = inheritance.inherit(settings_fd), inheritance.inherited_socket(listen_fd)
    handover.offer(listening)
    worker.run(inherited.config, listening, name)


def _shadow(settings_fd: int, name: str, listen_fd: int) -> None:
    from proxy import inheritance
    from replay import shadow

    inherited = inheritance.inherit(settings_fd)
    shadow.run(inherited.config, inherited.key, name, inherited.config_file)


def _recorder(settings_fd: int, name: str, listen_fd: int) -> None:
    from proxy import handover, inheritance, recorder_process
    from scoring import online

    inherited = inheritance.inherit(settings_fd)
    if listen_fd < 0:  # beside a run: there is no admin port
        return asyncio.run(recorder_process.keep(inherited))
    listening = inheritance.inherited_socket(listen_fd)
    handover.offer(listening)
    asyncio.run(recorder_process.run(inherited, listening, online.observing))


BEHIND = 10
"""Niceness of all but the workers: where cores are short, the client's bytes go first."""
PROCESSES: dict[str, Callable[[int, str, int], None]] = {"worker": _worker, "shadow": _shadow, "recorder": _recorder}


def _process(role: str, words: list[str]) -> None:
    """A child of the supervisor: Ctrl-C is the supervisor's to answer, and so is SIGHUP."""
    from proxy.logs import configure

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    options = dict(zip(words[::2], words[1::2], strict=True))
    configure(options["--name"])
    if role != "worker":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # kept until it can be answered
        os.nice(BEHIND)
    PROCESSES[role](int(options["--settings-fd"]), options["--name"], int(options.get("--listen-fd", -1)))


# ---- what commands share


def _write_archive(config: Path, out: Path, calls: Any, run: str | None) -> int:
    from replay.commands import archiving

    return archiving.picked(config, out, calls, run=run)


def _flight_log(*known: Any) -> list[str]:
    from scoring.guard import flight_log

    return flight_log.lines(*known)


PORTS: dict[str, Callable[..., Any]] = {"write": _write_archive, "flight_log": _flight_log}
"""What a command of one package needs of another, by the name of its parameter."""


def _rehearse(config: Any, file: str) -> None:
    """All that serving will need, looked for now: keys, prompt files, baselines, rubrics. Raises ConfigError with all that is missing."""
    from replay.cast import stage
    from replay.room import Room
    from scoring.rubric_file import rubric_for

    rubric_for(config, Path(file))
    stage(config, b"", os.environ, Room(0), file)


def _store(config: Path) -> Any:
    from proxy.commands import upkeep

    return upkeep.store_of(config)


def _first_table(path: Path) -> Any:
    from proxy.store import Store
    from scoring import first_table

    return first_table.rendered(first_table.looks(lambda sql: Store(str(path)).query(sql).rows))


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (a command prints)


def complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (faults go to stderr, one line each)


def _own_packages() -> None:
    """The packages have plain names: make sure that the ones imported are ours."""
    home, found = Path(__file__).resolve().parent, Path(proxy.__file__).resolve().parent.parent
    if home != found:
        complain(f"understudy: the package 'proxy' was imported from {found}, expected {home}: another package has its name")
        sys.exit(FIX)


def _told(error: Exception) -> list[str] | None:
    """The lines of a fault that the user must fix; None for a bug of ours."""
    from proxy.config import ConfigError

    if isinstance(error, ConfigError):
        return [str(fault) for fault in error.faults]
    if isinstance(error, CycloptsError):
        return [f"understudy: {' '.join(str(error).split())}"]
    if type(error).__name__ in ("StoreError", "Busy", "Wrong"):  # by name: duckdb is not loaded for every fault
        return [f"understudy: {error}"]
    return None


def main() -> None:
    _own_packages()
    words = sys.argv[1:]
    if words and words[0] in PROCESSES:
        return _process(words[0], words[1:])
    try:
        command, bound, wanted = app.parse_args(words, exit_on_error=False, print_error=False)
        code: Any = command(*bound.args, **bound.kwargs, **{name: PORTS[name] for name in wanted})
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # `understudy pairs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = FINE
    except Exception as error:
        lines = _told(error)
        for line in lines or [traceback.format_exc()]:
            complain(line)
        code = BUG if lines is None else FIX
    sys.exit(code if isinstance(code, int) else FINE)


if __name__ == "__main__":
    main()

"""The `understudy report` command: what a candidate would change, or, with `--council`, whether all is as expected; in one file."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import Parameter

from proxy.commands.upkeep import store_of
from proxy.config_file import load
from proxy.faults import Wrong
from proxy.moment import moment
from proxy.store import Store, StoreError
from scoring.commands.gate import known_candidate
from scoring.commands.score import known_run, rubric_of
from scoring.drift.sentinel import Drift, drift
from scoring.look import looked_at, recorded
from scoring.queries import asking
from scoring.report.asking import Recorded
from scoring.report.candidate import About, report
from scoring.report.council import council
from scoring.report.document import Document
from scoring.report.sections import differs
from scoring.report.written import write, writer_of
from scoring.rubric import Rubric
from scoring.several import together
from scoring.verdicts import verdicts

LATEST = "SELECT max(arrived_at) FROM calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    candidate: Annotated[str | None, Parameter(help="only this candidate; without it all there are")] = None
    run: Annotated[str | None, Parameter(help="the pairs of this run; live shadow pairs without")] = None
    rubric: Annotated[Path | None, Parameter(help="this rubric instead of those the configuration names")] = None
    since: Annotated[str, Parameter(help="only calls since then: 7d, 12h, or a time; counted back from the newest call")] = ""
    council: Annotated[bool, Parameter(negative=(), help="no candidate: is all as expected, what changed, what must be decided")] = False
    last: Annotated[Path | None, Parameter(help="the last council's report as JSON, to say what changed since")] = None
    seed: Annotated[int, Parameter(help="draws the examples")] = 1
    store: Annotated[
        tuple[Path, ...], Parameter(help="this store in place of the configuration's; repeat it to read those of several replicas as one")
    ] = ()


USUAL = ReportOptions()


def report_file(
    *, out: Annotated[Path, Parameter(help="FILE.html, .md or .json")], options: Annotated[ReportOptions, Parameter(name="*")] = USUAL,
    config: Annotated[Path, Parameter(name="--config", help="the configuration")] = Path("understudy.toml"),
    quiet: Annotated[bool, Parameter(name="--quiet", negative=(), help="print only what went wrong")] = False,
) -> int:  # fmt: skip
    """One file for the model council: the answer first, then every number with its n, its interval and its query.

    Example: understudy report --candidate small --out small.html
    """
    writer_of(out)
    rubric = rubric_of(config, options.rubric, options.run)
    with _asked(config, options.store) as store:
        document = made(store, config, rubric, options)
    size = write(document, out)
    if not quiet:
        for answer in document.answers:
            sys.stdout.write(f"{answer.question} {answer.answer}\n")
        sys.stdout.write(f"wrote {out} ({size:,} bytes)\n")
    return 0


def made(store: Store, config: Path, rubric: Rubric, options: ReportOptions) -> Document:
    """The report asked for. A look at a candidate is recorded. Raises Wrong."""
    rows = asking(store)
    about = About(candidate=options.candidate, run=options.run, since=_since(rows, options.since), seed=options.seed)
    known_run(rows, about.run)
    known_candidate(rows, about.candidate, about.run)
    found = verdicts(rows, rubric, candidate=about.candidate, run=about.run, since=about.since)
    if options.council:
        return council(store.query, load(config), rubric, found, _drift(rows), last=_last(options.last), since=about.since)
    asked = Recorded(rows)
    where = differs.section(asked, rubric, found, about.since)
    moved = None if about.run else _drift(rows)
    document = report(store.query, about, rubric, found, moved, where, asked=asked.statistics, store=store)
    as_of = document.facts["as_of_exact"]
    for each in [Store(str(file)) for file in options.store] or [store]:
        try:
            recorded(each, "look.report", datetime.fromisoformat(as_of) if as_of else None, looked_at(about.run, about.candidate, found))
        except StoreError as error:  # a copy that may only be read
            sys.stderr.write(f"this look is not recorded: {error}\n")
    return document


@contextmanager
def _asked(config: Path, files: Sequence[Path]) -> Generator[Store]:
    """The configuration's store, or those named instead, put together."""
    if not files:
        yield store_of(config)
        return
    with together(files) as store:
        yield store


def _drift(query: Any) -> Drift:
    return drift(query)


def _since(query: Any, said: str) -> datetime | None:
    if not said:
        return None
    latest = query(LATEST, ())[0][0]
    return moment("--since", said, latest or datetime.now(UTC).replace(tzinfo=None))


def _last(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = orjson.loads(file.read_bytes())
        facts = found["facts"]
        if found["kind"] != "council":
            raise Wrong(file, f"a {found['kind']} report", "a council report")
        return facts
    except OSError as error:
        raise Wrong(file, error.strerror or "an error", "the JSON of the last council report") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Wrong(file, "something else", "the JSON that `report --council --out FILE.json` writes") from None

"""What the archive commands do: files in, files out, and what is to be told. Nothing is printed here."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxy import VERSION
from proxy.anonymize import Anonymizer
from proxy.commands.upkeep import store_of
from proxy.config import Config
from proxy.config_file import load
from proxy.inheritance import KEY_VARIABLE, key_from_environment
from proxy.moment import moment
from proxy.store import Store
from replay.archive import add as adding
from replay.archive import audit as auditing
from replay.archive import audit_view, labels, sample_view
from replay.archive import sample as sampling
from replay.archive.anonymized import anonymized
from replay.archive.audit_view import counted
from replay.archive.export import Filters, interrupted, nothing, one, records, under_way
from replay.archive.reader import Archive
from replay.archive.record import FORMAT, Header, Record
from replay.archive.record import VERSION as FORMAT_VERSION
from replay.archive.writer import ArchiveWriter
from replay.faults import Wrong
from replay.importers import FORMATS, ImportOptions, Malformed, guess, hint
from replay.importers.rows import NOT_UTF8
from replay.perturb import KINDS, Applied, Options, known, perturbed
from replay.presidio_pass import PresidioPass

SAID_MAX = 20
"""Malformed rows named one by one; the rest are counted."""
OTHER_KEY = f"without {KEY_VARIABLE} the pseudonyms before and behind the interruption do not agree: set it and export anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """For a person, for a machine, and what was wrong."""

    lines: list[str] = field(default_factory=list[str])
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    faults: list[str] = field(default_factory=list[str])


# ---- out of the store


def filters(*, since: str | None, until: str | None, now: datetime, **more: Any) -> Filters:
    """Raises Wrong for a time that is none. A sample is one of what is there now: traffic that goes on does not change it."""
    until = now.isoformat() if until is None and more.get("sample") else until

    def at(option: str, text: str | None) -> datetime | None:
        return moment(option, text, now.replace(tzinfo=None)) if text is not None else None

    return Filters(since=at("--since", since), until=at("--until", until), **more)


def exported(file: Path, out: Path, chosen: Filters, *, raw: bool, presidio: bool, resume: bool, tell: Callable[[int], None]) -> Told:
    config, store = load(file), store_of(file)
    hide = _hiding(config, raw=raw, presidio=presidio)
    chosen = interrupted(out, chosen, anonymized=not raw) if resume else chosen
    header = _header({"store": Path(config.store_path).name, "filters": chosen.told()}, anonymized=not raw)
    prefixes = {route.name: route.path for route in config.routes}
    workflows, no_body, no_answer, waiting, now = Counter[str](), 0, 0, 0, datetime.now(UTC)
    with ArchiveWriter(out, header, resume=resume, keep_part=True) as writer:
        again = len(writer.taken)
        for record in records(store, chosen, prefixes, tell):
            if record.call.id in writer.taken:
                continue
            if under_way(record, now):
                waiting += 1
                continue
            writer.add(hide(record))
            workflows[record.call.workflow] += 1
            no_body += record.fitness is not None
            no_answer += record.incumbent is None
        if not writer.calls:
            raise _only_waiting(store, waiting) if waiting else nothing(store, chosen)
    figures = {"out": str(out), "calls": writer.calls, "without_body": no_body, "without_answer": no_answer, "resumed_after": again}
    figures["under_way"] = waiting
    lines = [
        f"wrote {out}: {counted(writer.calls, 'call')} ({', '.join(f'{n:,} {name}' for name, n in workflows.most_common(8)) or 'none new'})"
    ]
    lines += [f"{no_body:,} of them cannot be replayed: their bodies were not kept (store.bodies = none)"] if no_body else []
    lines += [f"{no_answer:,} without a recorded answer"] if no_answer else []
    lines += [f"{counted(waiting, 'call')} under way left out: no answer yet, and asked in the last 15 minutes"] if waiting else []
    lines += ["texts as they were: this archive must not leave the building"] if raw else _hidden_lines()
    other_key = again and not raw and not key_from_environment().repeatable
    return Told(lines=lines, figures=figures | {"workflows": dict(workflows)}, faults=[OTHER_KEY] if other_key else [])


def picked(file: Path, out: Path, calls: Sequence[str], *, run: str | None) -> int:
    """An anonymized archive of these calls, such as those a gate found worse; how many."""
    config, store = load(file), store_of(file)
    hide, wanted = _hiding(config, raw=False, presidio=False), frozenset(calls)
    header = _header({"store": Path(config.store_path).name, "chosen": len(wanted), "run": run}, anonymized=True)
    prefixes = {route.name: route.path for route in config.routes}
    with ArchiveWriter(out, header) as writer:
        for record in records(store, Filters(run=run), prefixes):
            if record.call.id in wanted:
                writer.add(hide(record))
        return writer.calls


def _only_waiting(store: Store, waiting: int) -> Wrong:
    return Wrong(store.path, f"only {counted(waiting, 'call')} under way, without an answer yet", "calls to export: try again later")


def _hidden_lines(what: str = "its pseudonyms agree with no other archive's") -> list[str]:
    own = [] if key_from_environment().repeatable else [f"{what}: set {KEY_VARIABLE} to keep them"]
    return ["names, addresses and other personal data are pseudonyms; what may be left: understudy archive leaks FILE", *own]


def _hiding(config: Config, *, raw: bool, presidio: bool) -> Callable[[Record], Record]:
    if raw:
        return lambda record: record
    anonymizer = complete_anonymizer(config, presidio=presidio)
    return lambda record: anonymized(record, anonymizer)


def complete_anonymizer(config: Config, *, presidio: bool) -> Anonymizer:
    """All kinds of data, the configuration's own patterns, Presidio where it is wanted."""
    also = PresidioPass() if presidio else None
    return Anonymizer(key_from_environment().value, complete=True, company=config.company_patterns, also=also)


def _header(source: dict[str, Any], *, anonymized: bool) -> Header:
    return Header(
        format=FORMAT,
        version=FORMAT_VERSION,
        created_at=datetime.now(UTC),
        by=f"understudy {VERSION}",
        anonymized=anonymized,
        source=source,
    )


# ---- from other tools


def imported(
    file: Path, files: Sequence[Path], out: Path, name: str, *, workflow: str | None, model: str | None, columns: Sequence[str], seed: int,
    raw: bool, presidio: bool,
) -> Told:  # fmt: skip
    named = _columns(columns)
    importer = FORMATS.get(name or _guessed(files, named))
    if importer is None:
        raise Wrong("--from", repr(name), ", ".join(FORMATS))
    options = ImportOptions(workflow=workflow, model=model, seed=seed, columns=named, id_key=b"" if raw else key_from_environment().value)
    hide = _hiding(load(file) if file.exists() else Config(), raw=raw, presidio=presidio)
    bad, malformed, verdicts, skipped = list[Malformed](), 0, Counter[str](), Counter[str]()
    header = _header({"format": importer.name, "files": [path.name for path in files]}, anonymized=not raw)
    with ArchiveWriter(out, header) as writer:
        for found in importer.read(files, options):
            if isinstance(found, Record):
                writer.add(hide(found))
                verdicts[_verdict(found)] += 1
            elif found.skipped:
                skipped[found.reason] += 1
            else:
                malformed += 1
                bad += [found] if len(bad) < SAID_MAX else []
        if not writer.calls:
            raise _no_call(files, bad, malformed + sum(skipped.values()), importer.about)
    lines = [f"wrote {out}: {counted(writer.calls, 'call')} as {importer.name}"]
    lines += [f"  {count:,} {verdict}" for verdict, count in verdicts.most_common()]
    lines += [f"  {counted(count, 'row')} without a model call: {reason}" for reason, count in skipped.most_common()]
    lines += [f"  {what}: {count:,}" for what, count in options.counts.most_common()]
    lines += [] if raw else _hidden_lines("its pseudonyms and ids agree with no other import's")
    faults = [str(each) for each in bad]
    faults += [f"and {counted(malformed - len(bad), 'more malformed row')}"] if malformed > len(bad) else []
    figures: dict[str, Any] = {"out": str(out), "calls": writer.calls, "format": importer.name, "verdicts": dict(verdicts)}
    figures |= {"malformed": malformed, "skipped": dict(skipped), "noticed": dict(options.counts)}
    return Told(lines=lines, figures=figures, faults=faults)


def _no_call(files: Sequence[Path], bad: Sequence[Malformed], rows: int, about: str) -> Wrong:
    first = f": {bad[0]}" if bad else ""
    alien = bool(bad) and all(each.reason == NOT_UTF8 for each in bad)
    wanted = "UTF-8: convert it, as with iconv -f LATIN1 -t UTF-8" if alien else about
    return Wrong(", ".join(str(path) for path in files), f"no call in {counted(rows, 'row')}{first}", wanted)


def _guessed(files: Sequence[Path], columns: Mapping[str, str]) -> str:
    for path in files:
        if found := guess(path, columns.values()):
            return found
    said = next((said for path in files if (said := hint(path))), "")
    raise Wrong("--from", "files of no known format", ", ".join(FORMATS) + (f"; {said}" if said else ""))


def _columns(said: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in said]
    if wrong := [what for what, mark, _ in pairs if not mark]:
        raise Wrong("--column", repr(wrong[0]), "WHAT=COLUMN, as in prompt=question")
    return {what: column for what, _, column in pairs}


def _verdict(record: Record) -> str:
    fitness = record.fitness
    return "replayable" if fitness is None else f"{fitness.verdict.replace('_', ' ')}" + (f": {fitness.reason}" if fitness.reason else "")


# ---- test sets


def audited(file: Path, archive: Path, targets: Sequence[str]) -> tuple[Any, list[Any]]:
    """Without a configuration there are no prices, and the rest is told."""
    config = load(file) if file.exists() else None
    found = auditing.audit(archive, config, targets or (sorted(config.targets) if config else ()))
    return found, list(audit_view.table(found))


def sampled(files: Sequence[Path], out: Path, **options: Any) -> tuple[Any, list[Any]]:
    found = sampling.sample(files, out, **options)
    return found, list(sample_view.table(found))


def added(
    file: Path, archive: Path, out: Path | None, call_id: str, *, tag: str, expected: Path | None, why: str | None, source: Path | None
) -> Told:  # fmt: skip
    said = adding.parse_expected(expected) if expected else None
    hidden = source is None or Archive(source).header().anonymized
    found = adding.add(archive, out, _source(file, source), call_id, tag=tag, expected=said, why=why, anonymized=hidden)
    word = "changed" if found.updated else "added"
    version = f", version {found.set_version}" if found.set_version is not None else ""
    return Told(lines=[f"{word} {found.call_id} in {found.out}: {counted(found.calls, 'call')}{version}"], figures=asdict(found))


def _source(file: Path, source: Path | None) -> Callable[[str], Record | None]:
    """Another archive, or the store; what comes from there is anonymized."""
    if source is not None:
        return lambda call_id: next((each for each in Archive(source).records() if each.call.id.startswith(call_id)), None)

    def stored(call_id: str) -> Record | None:
        config = load(file)
        record = one(store_of(file), call_id, {route.name: route.path for route in config.routes})
        return anonymized(record, complete_anonymizer(config, presidio=False)) if record else None

    return stored


def labelled(archive: Path, said: Path, out: Path) -> Told:
    found = labels.label(archive, said, out)
    by = ", ".join(f"{count:,} by {key.replace('_', ' ')}" for key, count in found.by.items())
    line = f"wrote {out}: {counted(found.calls, 'call')}, {found.labelled:,} labelled ({by or 'none'})"
    return Told(lines=[f"{line}, {counted(found.replaced, 'expectation')} replaced"], figures=asdict(found))


# ---- variants


def kinds_told() -> Told:
    return Told(
        lines=[f"{name:22} {kind.about}" for name, kind in KINDS.items()], figures={name: kind.about for name, kind in KINDS.items()}
    )


def perturbed_file(archive: Path, out: Path, kinds: str, seed: int, padding: int | None, *, originals: bool) -> Told:
    """The variants, behind their originals: a target is compared with itself."""
    names = list(KINDS) if kinds == "all" else known([each.strip() for each in kinds.split(",") if each.strip()] or [kinds])
    verified, report = Archive(archive).verified(), dict[str, Applied]()
    options = Options() if padding is None else Options(padding_chars=padding)
    made = perturbed(Archive(archive).records(), names, seed, options=options, report=report, originals=originals)
    header = _header(
        {"archive": archive.name, "sha256": verified.sha256, "kinds": names, "seed": seed}, anonymized=verified.header.anonymized
    )
    with ArchiveWriter(out, header) as writer:
        for record in made:
            writer.add(record)
    told = [(each.kind, each.made, each.not_applicable) for each in report.values()]
    lines = [
        f"wrote {out}: {counted(writer.calls, 'call')}",
        *(f"  {kind}: {counted(n, 'variant')}, {counted(no, 'call')} it does not apply to" for kind, n, no in told),
    ]
    return Told(lines=lines, figures={"out": str(out), "calls": writer.calls, "kinds": {kind: n for kind, n, _ in told}})

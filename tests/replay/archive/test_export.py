"""Out of the store: what filters choose and nothing else, samples that are exact, what each way of keeping bodies leaves, going on."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.rows import Round
from proxy.store import Store
from replay.archive.audit import audit
from replay.archive.export import Filters, records
from replay.archive.reader import Archive
from replay.archive.record import Record
from replay.archive.writer import part_of
from replay.commands.archiving import Told, exported, filters
from replay.faults import Wrong
from tests.harness import COMMAND
from tests.proxy import journaled
from tests.proxy.stored import NOON, a_call, an_exchange, an_id, an_incumbent
from tests.replay.archive.made import read, words

CONFIG = '[store]\nbodies = "{bodies}"\n[targets.big]\nurl = "http://127.0.0.1:9"\n[[routes]]\nname = "main"\nincumbent = "big"\n'
MAIL, NAME = "grace.hopper@navy-mail.net", "Hopper"
CALLS = 1_300
"""More than two steps of an export."""
WORKFLOWS, OUTCOMES, ROUTES = ("triage", "support", "billing"), ("answered", "answered", "answered", "refused", "errored"), ("main", "team")
FIRST = NOON.replace(tzinfo=None)


@dataclass(frozen=True)
class Spec:
    number: int

    @property
    def at(self) -> datetime:
        """Several calls to the same moment."""
        return NOON + timedelta(minutes=self.number // 3)

    @property
    def row(self) -> dict[str, Any]:
        number = self.number
        return {"workflow": WORKFLOWS[number % 3], "route": ROUTES[number % 7 == 0], "run_id": "old" if number % 10 == 9 else None}

    @property
    def outcome(self) -> str:
        return OUTCOMES[self.number % 5]


SPECS = [Spec(number) for number in range(CALLS)]
Choice = Callable[[Spec], bool]


def live(chosen: Choice = lambda each: True) -> list[str]:
    """Ids in the order of an export."""
    return [an_id(each.number) for each in SPECS if each.row["run_id"] is None and chosen(each)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("export")
    (folder / "understudy.toml").write_text(CONFIG.format(bodies="full"))
    store = Store(str(folder / "understudy.duckdb"))
    store.prepare()
    calls = [a_call(each.number, arrived_at=each.at, **each.row) for each in SPECS]
    answers = [an_incumbent(each.number, outcome=each.outcome, run_id=each.row["run_id"], started_at=each.at) for each in SPECS]
    # the first attempt failed, a candidate refused, the incumbent was asked again in a run: none of it is the live answer
    answers += [an_incumbent(number, outcome="errored", attempt=0) for number in range(0, 50, 10)]
    answers += [an_exchange(number, outcome="refused") for number in range(100)]
    answers += [an_incumbent(number, outcome="filtered", seen=False, run_id="again") for number in range(0, 200, 10)]
    store.commit(Round(calls=tuple(calls), exchanges=tuple(answers)))
    return store


def ids(store: Store, **chosen: Any) -> list[str]:
    return [record.call.id for record in records(store, Filters(**chosen), {})]


# ---- filters


CHOICES: list[tuple[dict[str, Any], Choice]] = [
    ({}, lambda each: True),
    ({"workflow": "support"}, lambda each: each.row["workflow"] == "support"),
    ({"route": "team"}, lambda each: each.row["route"] == "team"),
    ({"since": FIRST + timedelta(minutes=100)}, lambda each: each.number >= 300),
    ({"until": FIRST + timedelta(minutes=100)}, lambda each: each.number < 300),
    ({"outcome": "refused"}, lambda each: each.outcome == "refused"),
    ({"outcome": "errored"}, lambda each: each.outcome == "errored"),
    (
        {"workflow": "triage", "outcome": "answered", "since": FIRST + timedelta(minutes=5), "until": FIRST + timedelta(minutes=400)},
        lambda each: each.row["workflow"] == "triage" and each.outcome == "answered" and 15 <= each.number < 1200,
    ),
    ({"workflow": "nothing"}, lambda each: False),
]


@pytest.mark.parametrize(("said", "chosen"), CHOICES, ids=lambda each: "chosen" if callable(each) else str(each))
def test_filters_choose_these_calls_in_the_order_of_their_arrival(store: Store, said: dict[str, Any], chosen: Choice) -> None:
    assert ids(store, **said) == live(chosen)


def test_a_call_comes_with_the_incumbents_last_live_answer(store: Store) -> None:
    found = {record.call.id: record for record in records(store, Filters(), {})}
    for each in SPECS:
        if each.row["run_id"] is None:
            answer = found[an_id(each.number)].incumbent
            assert answer is not None and (answer.target, answer.outcome) == ("big", each.outcome)


def test_a_run_is_its_calls_and_the_live_ones_it_asked_again_with_the_answers_of_the_run(store: Store) -> None:
    assert ids(store, run="old") == [an_id(each.number) for each in SPECS if each.number % 10 == 9]
    again = list(records(store, Filters(run="again"), {}))
    assert [record.call.id for record in again] == [an_id(number) for number in range(0, 200, 10)]
    assert {record.incumbent.outcome for record in again if record.incumbent} == {"filtered"}


# ---- samples


@pytest.mark.parametrize("size", [1, 7, 499, 500, 501, 1_170, 5_000])
def test_a_sample_is_exact_and_the_same_for_the_same_seed(store: Store, size: int) -> None:
    found = ids(store, sample=size, seed=3)
    assert len(found) == len(set(found)) == min(size, len(live()))
    assert found == ids(store, sample=size, seed=3) and set(found) <= set(live())
    assert set(ids(store, sample=max(size // 2, 1), seed=3)) <= set(found)


def test_another_seed_is_another_sample_and_filters_hold_for_it(store: Store) -> None:
    one, two = (ids(store, sample=100, seed=seed, workflow="billing") for seed in (1, 2))
    assert one != two and len(one) == len(two) == 100
    assert {*one, *two} <= set(live(lambda each: each.row["workflow"] == "billing"))
    counts = [len({*ids(store, sample=400, seed=seed)} & set(live()[:585])) for seed in range(8)]
    assert all(150 < count < 250 for count in counts), "half of it from the first half of the time"


# ---- what is kept of bodies


def kept(folder: Path, bodies: Any) -> Path:
    """A configuration file beside a store that one conversation went into."""
    folder.mkdir()
    config = journaled.a_config(folder, bodies=bodies, shadow=False)
    calls: list[journaled.Made] = []
    for number in range(3):
        call = journaled.new_id()
        calls.append(journaled.a_call(call, f"My name is Grace Hopper, write to {MAIL}, {number}", hints={"conversation": "c"}))
        calls.append(journaled.an_answer(call, f"Dear Grace Hopper, I wrote to {MAIL}."))
    journaled.write(config.journal_folder, [calls])
    journaled.record(config)
    (folder / "understudy.toml").write_text(CONFIG.format(bodies=bodies))
    return folder / "understudy.toml"


def taken_out(
    file: Path, out: Path, chosen: Filters | None = None, *, raw: bool = False, resume: bool = False, tell: Callable[[int], Any] = abs
) -> Told:
    return exported(file, out, chosen or Filters(), raw=raw, presidio=False, resume=resume, tell=tell)


def answered(record: Record) -> str:
    assert record.incumbent is not None
    return record.incumbent.text or ""


@pytest.mark.parametrize("bodies", ["anonymized", "full"])
def test_an_export_holds_no_person_however_the_store_kept_the_texts(bodies: str, tmp_path: Path) -> None:
    file = kept(tmp_path / bodies, bodies)
    told = taken_out(file, tmp_path / "out.zst")
    assert told.figures["calls"] == 3 and told.figures["without_body"] == 0 and Archive(tmp_path / "out.zst").header().anonymized
    texts = [orjson.loads(bytes(record.call.request))["messages"][0]["content"] + answered(record) for record in read(tmp_path / "out.zst")]
    assert all(MAIL not in text and NAME not in text for text in texts)
    mails = {word.strip(",.") for text in texts for word in text.split() if "@" in word}
    assert len(mails) == 1, "one person in one conversation is one pseudonym"


def test_raw_texts_are_as_they_were_and_the_archive_says_so(tmp_path: Path) -> None:
    told = taken_out(kept(tmp_path / "full", "full"), tmp_path / "out.zst", raw=True)
    assert not Archive(tmp_path / "out.zst").header().anonymized and "must not leave the building" in told.lines[-1]
    assert all(MAIL.encode() in bytes(record.call.request) and MAIL in answered(record) for record in read(tmp_path / "out.zst"))


def test_calls_without_bodies_are_exported_as_what_cannot_be_replayed(tmp_path: Path) -> None:
    told = taken_out(kept(tmp_path / "none", "none"), tmp_path / "out.zst")
    assert told.figures["calls"] == told.figures["without_body"] == 3 and "bodies were not kept" in told.lines[1]
    for record in read(tmp_path / "out.zst"):
        assert record.fitness is not None and record.fitness.verdict == "not_replayable"
        assert not bytes(record.call.request) and not answered(record)
        assert record.incumbent is not None and record.incumbent.output_tokens == 5
    assert audit(tmp_path / "out.zst", None, ()).total("not_replayable") == 3


def test_the_companys_own_data_goes_too(tmp_path: Path) -> None:
    file = kept(tmp_path / "full", "full")
    file.write_text(file.read_text() + '[[anonymize.patterns]]\nname = "greeting"\nmatch = "I (wrote) to"\n')
    taken_out(file, tmp_path / "out.zst")
    assert all("I wrote to" not in answered(record) and " to person-" in answered(record) for record in read(tmp_path / "out.zst"))


# ---- calls under way


def test_calls_that_may_still_be_answered_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text(CONFIG.format(bodies="full"))
    store = Store(str(tmp_path / "understudy.duckdb"))
    store.prepare()
    now = datetime.now(UTC)
    ages = (timedelta(hours=1), timedelta(minutes=16), timedelta(minutes=14), timedelta(seconds=1), timedelta(seconds=2))
    calls = [a_call(number, arrived_at=now - age) for number, age in enumerate(ages)]
    store.commit(Round(calls=tuple(calls[2:4])))
    with pytest.raises(Wrong, match="found only 2 calls under way, without an answer yet, expected calls to export: try again later"):
        taken_out(tmp_path / "understudy.toml", tmp_path / "out.zst")
    assert not list(tmp_path.glob("out.zst*"))
    store.commit(Round(calls=(calls[0], calls[1], calls[4]), exchanges=(an_incumbent(4, started_at=now),)))
    told = taken_out(tmp_path / "understudy.toml", tmp_path / "out.zst")
    assert [record.call.id for record in read(tmp_path / "out.zst")] == [an_id(0), an_id(1), an_id(4)]
    assert (told.figures["calls"], told.figures["without_answer"], told.figures["under_way"]) == (3, 2, 2)
    assert "2 without a recorded answer" in told.lines and any(line.startswith("2 calls under way left out") for line in told.lines)
    store.commit(Round(exchanges=(an_incumbent(2, started_at=now), an_incumbent(3, started_at=now))))
    assert taken_out(tmp_path / "understudy.toml", tmp_path / "later.zst").figures["under_way"] == 0
    assert len(read(tmp_path / "later.zst")) == 5


# ---- going on


def test_a_sample_that_was_interrupted_goes_on_exactly_though_traffic_came_between(store: Store, tmp_path: Path) -> None:
    file, out = Path(store.path).with_name("understudy.toml"), tmp_path / "out.zst"
    now = datetime.now(UTC)
    chosen = filters(since=None, until=None, now=now, sample=900, seed=1)

    def interrupt(count: int) -> None:
        if count > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken_out(file, out, chosen, tell=interrupt)
    assert not out.exists() and part_of(out).exists()
    store.commit(Round(calls=tuple(a_call(number, arrived_at=now + timedelta(hours=1)) for number in range(5_000, 5_400))))
    later = filters(since=None, until=None, now=now + timedelta(hours=2), sample=900, seed=1)
    told = taken_out(file, out, later, resume=True)
    assert told.figures["resumed_after"] > 500
    assert [record.call.id for record in read(out)] == ids(store, sample=900, seed=1, until=now.replace(tzinfo=None))
    assert len(read(out)) == 900


@pytest.mark.parametrize(
    ("raw", "chosen", "said"),
    [
        (True, Filters(workflow="triage"), "with --raw, expected without --raw"),
        (False, Filters(workflow="billing"), "--workflow billing, expected triage"),
        (False, Filters(workflow="triage", outcome="refused"), "--outcome refused, expected None"),
        (False, Filters(workflow="triage", since=FIRST), "--since 2026-11-02 12:00:00, expected None"),
    ],
)
def test_only_the_export_that_was_begun_is_gone_on_with(store: Store, tmp_path: Path, raw: bool, chosen: Filters, said: str) -> None:
    file, out = Path(store.path).with_name("understudy.toml"), tmp_path / "out.zst"

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken_out(file, out, Filters(workflow="triage"), tell=interrupt)
    before = part_of(out).read_bytes()
    with pytest.raises(Wrong, match=f"--resume: found {said}"):
        taken_out(file, out, chosen, raw=raw, resume=True)
    assert part_of(out).read_bytes() == before and not out.exists()


def test_an_export_without_a_key_of_its_own_says_that_its_halves_do_not_agree(store: Store, tmp_path: Path) -> None:
    file, out = Path(store.path).with_name("understudy.toml"), tmp_path / "out.zst"

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken_out(file, out, Filters(route="team"), tell=interrupt)
    told = taken_out(file, out, Filters(route="team"), resume=True)
    assert told.figures["resumed_after"] > 0 and "UNDERSTUDY_ANONYMIZE_KEY" in told.faults[0]


def test_an_export_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text(CONFIG.format(bodies="full"))
    store = Store(str(tmp_path / "understudy.duckdb"))
    store.prepare()
    said = [f"Write to {MAIL}. {words(800, random.Random(number))}" for number in range(420)]
    calls = [a_call(number, request=orjson.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).decode()) for number, text in enumerate(said)]  # fmt: skip
    store.commit(Round(calls=tuple(calls)))
    env, command = os.environ | {"UNDERSTUDY_ANONYMIZE_KEY": "a key"}, [*COMMAND, "archive", "export", "--quiet", "--out"]
    part = tmp_path / "killed.zst.part"
    process = subprocess.Popen([*command, "killed.zst"], cwd=tmp_path, env=env)
    while (part.stat().st_size if part.exists() else 0) < 2_000:
        assert process.poll() is None, "it was quicker than we"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert not (tmp_path / "killed.zst").exists()
    for name in (["killed.zst", "--resume"], ["whole.zst"]):
        assert subprocess.run([*command, *name], cwd=tmp_path, env=env, check=False).returncode == 0
    assert read(tmp_path / "killed.zst") == read(tmp_path / "whole.zst") and len(read(tmp_path / "whole.zst")) == 420
    assert not part.exists() and MAIL not in str(read(tmp_path / "killed.zst"))

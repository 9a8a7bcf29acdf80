"""From stored pairs to an exit code, by the command: every code, the same bytes twice, and who is right when the incumbent is not."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from proxy.rows import Round
from proxy.store import Store
from scoring.commands.report import ReportOptions, report_file
from tests.fakes.models import Models
from tests.harness import command
from tests.proxy.stored import NOON, a_call, a_decision, an_exchange, an_incumbent
from tests.replay.archive.made import an_answer
from tests.replay.run import kit
from tests.rubrics import GUARDS

CONFIG = """
[store]
path = "traffic.duckdb"
[targets.big]
url = "http://127.0.0.1:1"
[[routes]]
name = "main"
incumbent = "big"
"""
RUBRIC = (
    GUARDS
    + """
[[dimension]]
type = "is-json"
role = "gate"
margin = { kind = "abs", delta = 0.05 }
[[dimension]]
type = "exact"
reference = "incumbent"
role = "watch"
[[dimension]]
type = "latency"
role = "watch"
quantiles = [0.5]
margin = { kind = "relative", tau = 0.2 }
"""
)
RULED = ("--rubric", "rubric.toml")
GOOD, BAD, REFUSAL = '{"total": 12}', '{"total": 12', "I'm sorry, but I can't help with that request."
CALLS = 300


@dataclass(frozen=True)
class Desk:
    """A folder with a configuration, a store and a rubric, in which commands are run."""

    folder: Path

    def run(self, *words: str, code: int | None = 0) -> str:
        done = command(*words, cwd=self.folder, env={"COLUMNS": "200", "UNDERSTUDY_ANONYMIZE_KEY": "a key of this journey"})
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout if done.returncode != 2 else done.stderr

    def store(self) -> Store:
        return Store(str(self.folder / "traffic.duckdb"))

    def cells(self, *words: str, code: int) -> Mapping[str, Mapping[str, Any]]:
        """By criterion, what the gate says."""
        return {cell["criterion"]: cell for cell in json.loads(self.run("gate", *words, "--json", code=code))["cells"]}


def at_once(*jobs: Callable[[], str]) -> list[str]:
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [started.result() for started in [pool.submit(job) for job in jobs]]


def a_desk(folder: Path, *rounds: Round, rubric: str = RUBRIC) -> Desk:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "understudy.toml").write_text(CONFIG, "utf-8")
    (folder / "rubric.toml").write_text(rubric, "utf-8")
    desk = Desk(folder)
    desk.store().prepare()
    for each in rounds:
        desk.store().commit(each)
    return desk


def a_candidate(target: str, pairs: int, *, worse: int = 0, better: int = 0, lost: int = 0) -> Round:
    """Answers to the first calls: so many that only the candidate gets wrong, so many that only the incumbent does; `lost` never sent."""
    legs = [an_exchange(number, target=target, text=BAD if better <= number < better + worse else GOOD) for number in range(pairs)]
    legs = [each if number >= better else an_exchange(number, target=target, text=GOOD) for number, each in enumerate(legs)]
    sent = [a_decision(number, target=target) for number in range(pairs)]
    shed = [a_decision(number, target=target, decision="shed", reason="queue full") for number in range(pairs, pairs + lost)]
    return Round(exchanges=tuple(legs), decisions=tuple(sent + shed))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    calls = Round(
        calls=tuple(a_call(n, prompt_text=f"invoice {n}", arrived_at=NOON + timedelta(minutes=n)) for n in range(CALLS)),
        exchanges=tuple(an_incumbent(n, text=BAD if n < 3 else GOOD) for n in range(CALLS)),
    )
    candidates = (
        a_candidate("good", 288, worse=3, better=3), a_candidate("bad", CALLS, worse=60), a_candidate("few", 30, worse=1, better=1),
        a_candidate("lost", 270, worse=3, better=3, lost=20),
    )  # fmt: skip
    made = a_desk(tmp_path_factory.mktemp("gate"), calls, *candidates)
    assert "unscored" not in made.run("score", *RULED, "--jobs", "1")
    return made


@pytest.mark.parametrize(
    ("candidate", "code", "why"),
    [
        ("good", 0, "gate: safe: all 1 gated cells are certified"),
        ("bad", 1, "gate: not safe: certified regression: json_valid of bad in triage (first turns)"),
        ("few", 3, "not known yet: json_valid of few in triage (first turns)"),
        ("lost", 4, "gate: the data is not good enough: missing pairs: lost: 20 of 290 (6.9%) were lost by us: 20 shed"),
        ("nobody", 2, "understudy: --candidate: found 'nobody', expected one of bad, few, good, lost"),
    ],
)
def test_real_rows_come_to_each_exit_code_and_say_the_same_bytes_twice(desk: Desk, candidate: str, code: int, why: str) -> None:
    files = [desk.folder / f"gate-{candidate}-{number}.xml" for number in (1, 2)]
    first, second = at_once(
        *(lambda file=file: desk.run("gate", "--candidate", candidate, *RULED, "--junit", file.name, code=code) for file in files)
    )
    assert first == second and first.splitlines()[-1].endswith(why)
    if code == 2:
        return
    assert files[0].read_bytes() == files[1].read_bytes()
    assert _junit(files[0], candidate) == {0: (0, 0), 1: (1, 0), 3: (0, 0), 4: (0, 1)}[code]


def _junit(file: Path, candidate: str) -> tuple[int, int]:
    """Failures and errors, as a CI server's parser counts them; what is undecided is skipped and has not passed."""
    suites: Any = JUnitXml.fromfile(str(file))  # pyright: ignore[reportUnknownMemberType]
    cases: dict[tuple[str, str], Any] = {(suite.name, case.name): case for suite in suites for case in suite}
    results = [result for case in cases.values() for result in case.result]
    gated = cases[candidate, "json_valid (first turns)"]
    assert candidate != "few" or isinstance(gated.result[0], Skipped)
    assert candidate != "good" or not gated.result
    return sum(isinstance(each, Failure) for each in results), sum(isinstance(each, Error) for each in results)


def test_the_gate_as_json_is_the_same_bytes_twice_and_undecided_may_pass(desk: Desk) -> None:
    words = ("gate", "--candidate", "few", *RULED, "--json")
    first, second = at_once(lambda: desk.run(*words, code=3), lambda: desk.run(*words, "--undecided", "pass", code=0))
    assert first == second and json.loads(first)["code"] == 3


def test_a_report_is_the_same_bytes_twice_in_every_form(desk: Desk) -> None:
    """HTML by two processes, whose hashes differ; the others by this one, which costs less."""
    names = [f"{number}.{form}" for form in ("html", "md", "json") for number in (1, 2)]
    at_once(*(lambda name=name: desk.run("report", "--candidate", "bad", *RULED, "--out", name, "--quiet") for name in names[:2]))
    options = ReportOptions(candidate="bad", rubric=desk.folder / "rubric.toml")
    for name in names[2:]:
        report_file(out=desk.folder / name, options=options, config=desk.folder / "understudy.toml", quiet=True)
    files = [(desk.folder / name).read_bytes() for name in names]
    assert files[::2] == files[1::2]
    assert all(b"No." in file for file in files), "to the question whether to switch"


def test_the_calls_it_regressed_in_are_written_down(desk: Desk) -> None:
    said = desk.run("gate", "--candidate", "bad", *RULED, "--failed", "worse.jsonl.zst", code=1)
    assert "regressed cases in worse.jsonl.zst" in said
    audit = json.loads(desk.run("archive", "audit", "worse.jsonl.zst", "--json"))
    assert audit["calls"] == 57, "in three of sixty the incumbent was as wrong"


# ---- who is right

ASKED_TO_REFUSE = 120


def refusals(rubric: str, folder: Path) -> Desk:
    """Calls that ought to be refused, which only the candidate refuses, among calls that both answer."""
    numbers, wrong = range(CALLS), range(ASKED_TO_REFUSE)
    calls = tuple(
        a_call(
            n,
            prompt_text=f"question {n}",
            arrived_at=NOON + timedelta(minutes=n),
            expected='{"behaviour": "refuse"}' if n in wrong else None,
        )
        for n in numbers
    )
    theirs = tuple(an_incumbent(n, text="Here is how it is done.") for n in numbers)
    refused = {"outcome": "refused", "refusal_kind": "textual", "failure_class": "silent", "text": REFUSAL}
    ours = tuple(an_exchange(n, **(refused if n in wrong else {"text": "Here is how."})) for n in numbers)
    return a_desk(folder, Round(calls=calls, exchanges=theirs + ours, decisions=tuple(map(a_decision, numbers))), rubric=rubric)


def test_a_candidate_that_refuses_where_it_should_is_better_there_and_no_alarm(tmp_path: Path) -> None:
    desk = refusals(RUBRIC.replace("is-json", 'contains"\nvalue = "how'), tmp_path)
    for words in ((), RULED):  # the rubric of whoever has none, and one with a guard of refusals
        desk.run("score", *words, "--jobs", "1")
        said = json.loads(desk.run("gate", *words, "--json", code=None))
        refusal = next(cell for cell in said["cells"] if cell["criterion"] == "refusal")
        assert (refusal["verdict"], refusal["alarm"]) == ("BETTER", False), words
        assert (refusal["incumbent"], refusal["candidate"]) == (0.6, 1.0)
        assert not [cell for cell in said["cells"] if cell["role"] == "guard" and (cell["alarm"] or cell["verdict"] == "REGRESSED")]


# ---- a run

CASES = 120
TARGETS = """
[targets.good]
url = "{good}"
model = "good-1"
[targets.bad]
url = "{bad}"
model = "bad-1"
"""


def test_an_archive_is_replayed_scored_and_judged(tmp_path: Path) -> None:
    with Models("good", text=lambda asked: GOOD) as good, Models("bad", text=lambda asked: REFUSAL) as bad:
        desk = a_desk(tmp_path)
        (tmp_path / "understudy.toml").write_text(CONFIG + TARGETS.format(good=good.url, bad=bad.url), "utf-8")
        answer = an_answer(status=200, latency_s=0.5, text=GOOD)
        kit.an_archive(tmp_path, [kit.a_call(number, answer=answer) for number in range(CASES)], anonymized=True)
        desk.run("replay", "june.jsonl.zst", "--to", "good", "bad", "--run", "night", "--pace", "200/s")
        assert f"{2 * CASES} pairs scored" in desk.run("score", "--run", "night", *RULED)
        judged = ("--run", "night", *RULED)
        fine, broken = desk.cells("--candidate", "good", *judged, code=0), desk.cells("--candidate", "bad", *judged, code=1)
    assert fine["json_valid"]["statistic"] == "tango" and fine["json_valid"]["clusters"] == CASES
    assert fine["json_valid"]["verdict"] == "EQUIVALENT"
    assert (broken["json_valid"]["verdict"], broken["refusal"]["verdict"]) == ("REGRESSED", "REGRESSED")

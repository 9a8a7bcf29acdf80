"""The user's own checker: real programs that judge, die, hang, babble and leave children behind."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from proxy.exchange import ToolCall
from scoring.criteria.command import Command
from scoring.criterion import Asked, Score
from scoring.outside import Standing, kept_open
from scoring.task import Answer, Task

RIGHT = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    said = asked["answer"]["text"] or ""
    print(json.dumps({"id": asked["id"], "value": float("good" in said), "tag": asked["workflow"], "evidence": said}), flush=True)
"""


def program(folder: Path, body: str) -> tuple[str, ...]:
    path = folder / "check.py"
    path.write_text(f"#!{sys.executable} -S\n{body}", "utf-8")
    path.chmod(0o755)
    return ("./check.py",)


def asked(*texts: str | None, reference: Answer | None = None) -> list[Asked]:
    return [Asked(Task(call_id=f"c{n}", workflow="w"), Answer(text=text), reference) for n, text in enumerate(texts)]


def judge(command: Command, *texts: str | None) -> Sequence[Score]:
    return asyncio.run(command.scores(asked(*texts)))


def test_it_is_told_each_answer_and_its_word_is_the_score(tmp_path: Path) -> None:
    found = judge(Command(command=program(tmp_path, RIGHT), cwd=str(tmp_path)), "good", "bad", "all good")
    assert [(each.value, each.tag, each.evidence) for each in found] == [(1.0, "w", "good"), (0.0, "w", "bad"), (1.0, "w", "all good")]


def test_it_reads_the_request_the_label_the_tools_and_the_other_answer_but_not_who_gave_them(tmp_path: Path) -> None:
    body = "import json, sys\nasked = json.loads(sys.stdin.readline())\nprint(json.dumps({'id': asked['id'], 'value': 1, 'evidence': json.dumps(asked)}))"
    command = Command(command=program(tmp_path, body), cwd=str(tmp_path), reference="incumbent")
    task = Task(call_id="c", request='{"model":"m"}', expected='{"text":"yes"}', prompt_text="p", source_text="s")
    answer = Answer(target="secret-vendor", role="candidate", text="yes", tools=(ToolCall(id="1", name="f", arguments="{}"),))
    [score] = asyncio.run(command.scores([Asked(task, answer, Answer(target="secret-vendor", text="no"))]))
    said = score.evidence or ""
    assert command.kind == "pairwise"
    assert '"request": {"model": "m"}' in said and '"expected": {"text": "yes"}' in said and '"source": "s"' in said
    assert "secret-vendor" not in said and "candidate" not in said


def test_where_a_label_is_wanted_a_call_without_one_is_not_applicable(tmp_path: Path) -> None:
    command = Command(command=program(tmp_path, RIGHT), cwd=str(tmp_path), reference="golden")
    assert [each.state for each in judge(command, "good")] == ["na"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import sys; sys.stdin.readline(); sys.exit('no licence found')", "the checker ended, exit code 1: no licence found"),
        ("import time; time.sleep(60)", "the checker gave no line within timeout_s = 0.5"),
        ("import sys\nfor line in sys.stdin: print('hello', flush=True)", "the checker wrote no JSON: 'hello'"),
        ("import sys\nfor line in sys.stdin: print('{\"value\": 1}', flush=True)", 'the checker did not repeat "id": 1'),
        ("import sys\nfor line in sys.stdin: print('[' * 3_000_000, flush=True)", "the checker wrote a line of more than 1048576 bytes"),
        ('import sys\nfor line in sys.stdin: print(\'{"id": 1, "value": 7}\', flush=True)', 'the checker said "value": 7, not 0 to 1'),
        ('import sys\nfor line in sys.stdin: print(\'{"id": 1, "unscored": "no compiler"}\', flush=True)', "the checker: no compiler"),
    ],
)
def test_whatever_else_it_does_the_answer_is_unscored_and_says_why(tmp_path: Path, body: str, reason: str) -> None:
    command = Command(command=program(tmp_path, body), cwd=str(tmp_path), timeout_s=0.5 if "sleep" in body else 20)
    [score] = judge(command, "an answer")
    assert (score.state, score.value, score.tag) == ("error", None, reason)


def test_a_program_that_is_not_there_is_named_and_not_started_for_ever(tmp_path: Path) -> None:
    found = judge(Command(command=("./nowhere",), cwd=str(tmp_path), restarts=1), *("x",) * 4)
    assert found[0].tag == "the checker did not start: No such file or directory"
    assert found[3].tag is not None and found[3].tag.startswith("the checker failed 2 times in a row and is not started again")


def test_one_answer_that_kills_it_costs_only_that_answer(tmp_path: Path) -> None:
    body = RIGHT.replace("    said =", "    if asked['answer']['text'] == 'poison': sys.exit(3)\n    said =")
    found = judge(Command(command=program(tmp_path, body), cwd=str(tmp_path)), "good", "poison", "good")
    assert [each.value for each in found] == [1.0, None, 1.0]
    assert found[1].tag == "the checker ended, exit code 3"


def test_a_program_that_ends_after_each_answer_serves_too(tmp_path: Path) -> None:
    body = RIGHT + "    sys.exit(0)\n"
    assert [each.value for each in judge(Command(command=program(tmp_path, body), cwd=str(tmp_path)), *("good",) * 4)] == [1.0] * 4


def test_it_sees_path_and_what_was_named_and_none_of_our_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("UNDERSTUDY_KEY", "secret")
    monkeypatch.setenv("WANTED", "yes")
    body = "import json, os, sys\nsys.stdin.readline()\nprint(json.dumps({'id': 1, 'value': 1, 'evidence': ' '.join(sorted(os.environ))}))"
    [score] = judge(Command(command=program(tmp_path, body), cwd=str(tmp_path), env=("WANTED",)), "x")
    assert set((score.evidence or "").split()) - {"LC_CTYPE"} == {"PATH", "WANTED"}


@pytest.mark.parametrize(
    "given",
    [
        {"command": []},
        {"command": ["x"], "env": ["UNDERSTUDY_KEY"]},
        {"command": ["x"], "timeout_s": float("inf")},
        {"command": ["x"], "shell": True},
    ],
)
def test_a_rubric_that_asks_for_more_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Command)


def test_one_child_serves_all_batches_of_a_run_and_is_gone_with_its_children_after_it(tmp_path: Path) -> None:
    body = """
import json, os, subprocess, sys
child = subprocess.Popen(["/bin/sleep", "600"])
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "value": 1, "evidence": f"{os.getpid()} {child.pid}"}), flush=True)
import time; time.sleep(600)  # the end of its input does not end it
"""

    async def two_batches() -> set[str]:
        async with kept_open():
            command = Command(command=program(tmp_path, body), cwd=str(tmp_path))
            return {each.evidence or "" for _ in range(2) for each in await command.scores(asked("x", "y"))}

    [pids] = asyncio.run(two_batches())
    assert [gone(int(pid)) for pid in pids.split()] == [True, True]


def test_one_child_serves_who_is_not_async_too(tmp_path: Path) -> None:
    body = "import json, os, sys\nfor line in sys.stdin: print(json.dumps({'id': json.loads(line)['id'], 'value': 1, 'evidence': str(os.getpid())}), flush=True)"
    command = Command(command=program(tmp_path, body), cwd=str(tmp_path))
    with Standing() as standing:
        pids = {each.evidence or "" for _ in range(3) for each in standing.run(command.scores(asked("x")))}
    assert len(pids) == 1
    assert gone(int(pids.pop()))


def gone(pid: int, wait_s: float = 60.0) -> bool:
    """Killed, perhaps not yet reaped by whoever inherited it."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def test_several_children_work_at_a_time_and_scores_keep_their_order(tmp_path: Path) -> None:
    body = RIGHT.replace("    said =", "    import time; time.sleep(0.02 if asked['call_id'] == 'c0' else 0)\n    said =")
    found = judge(Command(command=program(tmp_path, body), cwd=str(tmp_path), processes=3), *(f"{n} good" for n in range(30)))
    assert [each.evidence for each in found] == [f"{n} good" for n in range(30)]


def test_an_answer_of_ten_megabytes_and_half_a_character_are_no_trouble(tmp_path: Path) -> None:
    found = judge(
        Command(command=program(tmp_path, RIGHT.replace('"evidence": said', '"evidence": len(said)')), cwd=str(tmp_path)),
        "good" * 2_500_000,
        "\ud800",
        "good",
    )
    assert [each.value for each in found] == [1.0, None, 1.0]

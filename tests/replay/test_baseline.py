"""Baselines: rules of a file, and programs of real processes that answer, die, hang and talk nonsense."""

import asyncio
import re
import sys
from pathlib import Path

import orjson
import pytest

from proxy.adapt import Adapted
from proxy.dialects.baseline import CONTENT_TYPE, NAME, read_answer
from proxy.exchange import Answer
from replay.baseline import CommandLeg, Rules, RulesLeg, filled, rules_from
from replay.cast import prompt_text
from replay.legs import Answered, Question
from tests.replay.kit import chat

RULES = """
default = "other"
[[rule]]
pattern = "(?i)invoice (?P<number>\\\\d+)"
answer = "billing: {number} {1} {0} {absent}"
[[rule]]
pattern = "You triage"
answer = "triage"
where = "prompt"
"""
ECHO = """
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    print(json.dumps({"text": call["prompt"] + "|" + call["request"]["model"] + "|" + call["dialect"]}), flush=True)
"""
MOODY = """
import json, sys, time
for line in sys.stdin:
    prompt = json.loads(line)["prompt"]
    if prompt == "die":
        sys.exit(3)
    if prompt == "hang":
        time.sleep(60)
    print("nonsense" if prompt == "babble" else json.dumps({"text": prompt}), flush=True)
"""


def a_question(text: str, system: str = "") -> Question:
    messages = [{"role": "system", "content": system}] if system else []
    body = chat(text)
    sent = Adapted(
        path="/v1/chat/completions", body=orjson.dumps({**body, "messages": messages + body["messages"]}), headers={}, model=None
    )
    return Question(call_id="call-1", dialect="openai.chat", family="openai", sent=sent)


def text_of(answered: Answered) -> str:
    assert (answered.ended, answered.status, answered.dialect, answered.headers["content-type"]) == ("complete", 200, NAME, CONTENT_TYPE)
    answer = read_answer(answered.status, CONTENT_TYPE, answered.body)
    assert isinstance(answer, Answer)
    return answer.text


def rules(folder: Path, text: str = RULES) -> Rules:
    path = folder / "rules.toml"
    path.write_text(text, "utf-8")
    found = rules_from(path)
    assert isinstance(found, Rules)
    return found


@pytest.mark.parametrize(
    ("text", "system", "expected"),
    [
        ("Where is Invoice 4711?", "", "billing: 4711 4711 Invoice 4711 {absent}"),
        ("Hello", "You triage mail.", "triage"),
        ("Hello", "", "other"),
    ],
)
def test_the_first_rule_that_matches_answers(tmp_path: Path, text: str, system: str, expected: str) -> None:
    leg = RulesLeg(rules(tmp_path), prompt_text)
    assert text_of(asyncio.run(leg.ask(a_question(text, system)))) == expected


def test_a_group_that_took_no_part_is_empty() -> None:
    found = re.search("a(b)?", "a")
    assert found is not None
    assert filled("[{1}] {2} {", found) == "[] {2} {"


def test_a_faulty_rule_file_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\npattern = "("\nanswer = "x"\nwhere = "nowhere"', "utf-8")
    found = rules_from(path)
    assert isinstance(found, list)
    assert {fault.key for fault in found} == {"rule[0].pattern", "rule[0].where"}
    path.write_text("[[rule]]\npatern = 1", "utf-8")
    assert isinstance(rules_from(path), list)
    assert isinstance(rules_from(tmp_path / "absent.toml"), list)


def commanded(folder: Path, program: str, texts: list[str], deadline_s: float = 20) -> list[Answered]:
    (folder / "program.py").write_text(program, "utf-8")

    async def story() -> list[Answered]:
        leg = CommandLeg([sys.executable, "program.py"], folder, deadline_s, prompt_text)
        found = [await leg.ask(a_question(text)) for text in texts]
        await leg.close()
        return found

    return asyncio.run(story())


def test_a_program_is_told_the_call_and_says_a_text(tmp_path: Path) -> None:
    assert [text_of(each) for each in commanded(tmp_path, ECHO, ["one", "zwei ü"])] == ["one|big-1|openai.chat", "zwei ü|big-1|openai.chat"]


def test_a_program_that_dies_or_babbles_fails_one_call_and_answers_the_next(tmp_path: Path) -> None:
    one, died, two, babbled, three = commanded(tmp_path, MOODY, ["one", "die", "two", "babble", "three"])
    assert [text_of(each) for each in (one, two, three)] == ["one", "two", "three"]
    assert (died.ended, died.status, babbled.ended) == ("unreachable", 0, "cut")


def test_a_program_that_hangs_is_killed_at_the_deadline_and_started_again(tmp_path: Path) -> None:
    hung, two = commanded(tmp_path, MOODY, ["hang", "two"], deadline_s=5)
    assert hung.ended == "timed_out"
    assert text_of(two) == "two"


def test_a_program_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    async def story() -> Answered:
        return await CommandLeg(["./absent"], tmp_path, 5, prompt_text).ask(a_question("x"))

    assert asyncio.run(story()).ended == "unreachable"


def test_calls_at_once_each_get_their_own_line(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MOODY, "utf-8")

    async def story() -> list[Answered]:
        leg = CommandLeg([sys.executable, "program.py"], tmp_path, 20, prompt_text)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(leg.ask(a_question(f"call {number}"))) for number in range(20)]
        await leg.close()
        return [task.result() for task in tasks]

    assert [text_of(each) for each in asyncio.run(story())] == [f"call {number}" for number in range(20)]

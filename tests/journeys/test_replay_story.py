"""Story 2 as a user lives it: traffic recorded, taken out anonymized, looked at, replayed to another model, judged by an exit code."""

import json
import shlex
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from replay.archive.reader import Archive
from replay.archive.record import Record, encode
from tests.fakes.models import Models
from tests.harness import Serve, command, config, until

BODY = """
[targets.big]
url = "{incumbent}"
price = {{ input = 2.0, output = 10.0 }}
[targets.small]
url = "{good}"
model = "small-2"
price = {{ input = 0.2, output = 1.0 }}
[targets.rude]
url = "{bad}"
price = {{ input = 0.2, output = 1.0 }}
[[routes]]
name = "main"
incumbent = "big"
[[routes]]
name = "team"
path = "/team"
incumbent = "big"
[[workflows]]
name = "triage"
match = {{ header = "triage" }}
[[workflows]]
name = "support"
match = {{ header = "support" }}
[[workflows]]
name = "weather"
match = {{ path = "/v1/messages" }}
"""
KEY = {"UNDERSTUDY_ANONYMIZE_KEY": "the key of this journey"}
TRIAGE, CHATS = 84, 3
"""84 single questions are enough to certify that nothing differs by more than five points."""
MAIL, CARD, IBAN, SSN, PHONE = (
    "grace.hopper@navy-mail.net",
    "4111 1111 1111 1111",
    "DE89370400440532013000",
    "536-90-4399",
    "+1 202-555-0147",
)
ADDRESS, API_KEY, BORN, QUERY_KEY = (
    "221 Baker Street",
    "sk-proj-Zk3vQ9xLw2Rt7Ym4Np8Bc6Hd1Jf5Gs0",
    "9 December 1906",
    "AIzaSyD-planted-in-the-query-0123456789",
)
PLANTED = (MAIL, CARD, CARD.replace(" ", ""), IBAN, SSN, PHONE, ADDRESS, API_KEY, QUERY_KEY, BORN, "Hopper")
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
REFUSAL = "I'm sorry, but I can't help with that request."


def said(asked: str) -> str:
    return REFUSAL if "forbidden" in asked else f"You said: {asked}"


@dataclass(frozen=True)
class Story:
    serve: Serve
    big: Models
    small: Models
    rude: Models
    live: Path
    """Exported while `serve` ran."""
    calls: int

    @property
    def folder(self) -> Path:
        return self.serve.folder

    def run(self, *words: str) -> tuple[int, str, str]:
        done = command(*words, cwd=self.folder, env=KEY | {"COLUMNS": "160"})
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def rows(self, sql: str) -> list[dict[str, Any]]:
        code, out, err = self.run("store", "query", sql, "--json")
        assert code == 0, err
        return json.loads(out)


def post(url: str, body: dict[str, Any], **headers: str) -> None:
    named = {"content-type": "application/json", **{f"x-understudy-{name}": value for name, value in headers.items()}}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), named), timeout=60) as answer:
        answer.read()


def chat(*texts: str, **more: Any) -> dict[str, Any]:
    """Turns of a conversation: user and assistant by turns."""
    messages = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    return {"model": "big-1", "messages": messages, **more}


def traffic(url: str) -> int:
    """An hour's worth of everything; how many calls that were."""
    calls = 0

    def ask(path: str, body: dict[str, Any], **headers: str) -> None:
        nonlocal calls
        post(url + path, body, **headers)
        calls += 1

    for number in range(TRIAGE):
        ask("/v1/chat/completions", chat(f"Which team takes ticket {number}?", stream=number % 3 == 0), workflow="triage")
    for number in range(CHATS):
        first = f"My name is Grace Hopper, born on {BORN}. Mail {MAIL}, call {PHONE}, charge {CARD}; ticket {number}."
        second = f"I, Hopper, live at {ADDRESS}, Springfield. IBAN {IBAN}, SSN: {SSN}, api_key={API_KEY}"
        named = {"workflow": "support", "conversation": f"ticket-{number}"}
        ask("/v1/chat/completions", chat(first), **named)
        ask("/v1/chat/completions", chat(first, said(first), second, stream=True), **named)
        ask("/v1/chat/completions", chat(first, said(first), second, said(second), f"Thanks. Yours, Grace Hopper, {MAIL}"), **named)
    given = json.dumps({"to": MAIL, "note": "for Grace Hopper"})
    used = [{"id": "call_1", "type": "function", "function": {"name": "mail", "arguments": given}}]
    result = json.dumps({"sent_to": MAIL, "customer_name": "Grace Hopper", "card": CARD.replace(" ", "")})
    turns = [
        {"role": "user", "content": f"My name is Grace Hopper. Write to {MAIL}."},
        {"role": "assistant", "content": None, "tool_calls": used},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
        {"role": "user", "content": "And the weather?"},
    ]
    ask("/v1/chat/completions", {"model": "big-1", "messages": turns, "tools": [TOOL]}, workflow="support")
    ask("/v1/chat/completions", chat("Say what is forbidden."), workflow="support")
    claude = {"model": "claude-1", "max_tokens": 100, "messages": [{"role": "user", "content": f"Weather for {MAIL}?"}]}
    ask("/team/v1/messages", claude | {"tools": [{"name": "weather", "input_schema": {"type": "object"}}]})
    ask("/team/v1/messages", claude | {"stream": True})
    ask("/v1/responses", {"model": "big-1", "input": f"A word to {MAIL}", "store": False, "stream": True}, workflow="support")
    asked = {"contents": [{"role": "user", "parts": [{"text": f"Write to {MAIL}"}]}]}
    ask(f"/v1beta/models/gem-1:generateContent?key={QUERY_KEY}&alt=json", asked, workflow="support")
    return calls


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    with Models("big", text=said) as big, Models("small", text=said) as small, Models("rude", text=lambda asked: REFUSAL) as rude:
        text = config(BODY.format(incumbent=big.url, good=small.url, bad=rude.url), store='bodies = "full"')
        with Serve(folder, text, env=KEY) as serve:
            calls = traffic(serve.url)
            until(lambda: serve.one("SELECT count(*) FROM exchanges") == calls, 60, "all answers stored")
            made = Story(serve=serve, big=big, small=small, rude=rude, live=folder / "live.jsonl.zst", calls=calls)
            code, _, err = made.run("archive", "export", "--out", "live.jsonl.zst")
            assert code == 0, err
            yield made


@pytest.fixture(scope="module")
def june(story: Story) -> dict[str, Any]:
    """What the command said of a replay of everything, beside `serve`."""
    code, out, err = story.run("replay", "live.jsonl.zst", "--to", "small", "--run", "june", "--pace", "200/s", "--json")
    assert code == 0, err
    return json.loads(out)


def records(path: Path) -> dict[str, Record]:
    assert Archive(path).verified().calls
    return {record.call.id: record for record in Archive(path).records()}


def plain(path: Path) -> str:
    """An archive's text, or a fault's."""
    return b"\n".join(map(encode, records(path).values())).decode()


def test_nothing_of_a_person_is_in_the_archive_and_the_store_had_it_all(story: Story) -> None:
    text = plain(story.live)
    assert [datum for datum in PLANTED if datum in text] == []
    kept = " ".join(row["request"] for row in story.rows("SELECT request::VARCHAR AS request FROM calls"))
    assert [datum for datum in (MAIL, IBAN, SSN, ADDRESS) if datum not in kept] == []


def test_a_person_is_one_pseudonym_in_every_part_of_a_call(story: Story) -> None:
    (record,) = (each for each in records(story.live).values() if b"tool_call_id" in bytes(each.call.request))
    first, used, result, _ = json.loads(bytes(record.call.request))["messages"]
    mail = first["content"].split("Write to ")[1].rstrip(".")
    assert mail != MAIL and "@" in mail
    assert json.loads(used["tool_calls"][0]["function"]["arguments"])["to"] == mail
    assert json.loads(result["content"])["sent_to"] == mail


def test_the_paths_are_those_the_incumbent_saw(story: Story) -> None:
    sent = [each.path for each in story.big.seen if not each.path.startswith("/v1beta")]
    found = [record.call.path for record in records(story.live).values()]
    assert sorted(path for path in found if not path.startswith("/v1beta")) == sorted(sent)
    assert [path for path in found if path.startswith("/v1beta")] == ["/v1beta/models/gem-1:generateContent?alt=json"]


def test_an_audit_says_what_can_be_asked_again_and_what_it_would_cost(story: Story) -> None:
    code, out, err = story.run("archive", "audit", "live.jsonl.zst", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["calls"] == story.calls
    assert {each["target"]: each["calls"] for each in found["targets"]}["small"] == story.calls
    code, out, _ = story.run("archive", "audit", "live.jsonl.zst", "--to", "small")
    assert code == 0 and "support" in out and "small" in out and "rude" not in out


def test_show_lists_calls_and_shows_one_in_full(story: Story) -> None:
    code, out, _ = story.run("archive", "show", "live.jsonl.zst", "--workflow", "support", "--limit", "3")
    assert code == 0 and out.count("support") == 3 and "triage" not in out
    for line in out.splitlines()[3:]:
        code, one, err = story.run("archive", "show", "live.jsonl.zst", "--call", line.split()[0])
        assert code == 0 and "support" in one and line.split()[0] in one, err


def test_a_test_set_is_frozen_and_names_what_it_was_drawn_from(story: Story) -> None:
    code, _, err = story.run("archive", "sample", "live.jsonl.zst", "--out", "set.jsonl.zst", "--size", "30", "--seed", "4")
    assert code == 0, err
    found, header = records(story.folder / "set.jsonl.zst"), Archive(story.folder / "set.jsonl.zst").header()
    assert header.frozen and header.set_version == 1 and header.selection["sources"] == [Archive(story.live).verified().sha256]
    assert len(found) == 30 and {each.call.workflow for each in found.values()} == {"triage", "support", "weather"}


def test_replayed_pairs_hold_both_answers_and_what_was_known_of_the_call(story: Story, june: dict[str, Any]) -> None:
    assert (june["state"], june["stored"]) == ("finished", True)
    pairs = story.rows(
        "SELECT p.call_id::VARCHAR AS id, p.workflow, p.role, p.target, p.incumbent_text AS theirs, p.candidate_text AS ours, c.conversation,"
        " p.incumbent_outcome AS outcome, len(p.incumbent_tool_calls) AS tools, len(p.candidate_tool_calls) AS our_tools"
        " FROM pairs p JOIN calls c USING (call_id) WHERE p.run_id = 'june'"
    )
    assert len(pairs) == story.calls and {(each["role"], each["target"]) for each in pairs} == {("candidate", "small")}
    assert all(each["ours"] or each["our_tools"] for each in pairs)
    archived = records(story.live)
    for each in pairs:
        record = archived[each["id"]]
        assert record.incumbent is not None
        assert (each["theirs"], each["outcome"], each["tools"] or 0) == (
            record.incumbent.text, record.incumbent.outcome, len(record.incumbent.tool_calls),
        )  # fmt: skip
        assert each["workflow"] == record.call.workflow
    live = {
        row["id"]: row["said"] for row in story.rows("SELECT call_id::VARCHAR AS id, conversation AS said FROM calls WHERE run_id IS NULL")
    }
    assert {each["id"]: each["conversation"] for each in pairs} == live
    assert sum(each["conversation"] == "ticket-0" for each in pairs) == 3 and sum(each["outcome"] == "refused" for each in pairs) == 1


def test_the_target_is_asked_no_persons_data_and_with_its_own_model(story: Story, june: dict[str, Any]) -> None:
    assert june["state"] == "finished"
    asked = " ".join(f"{each.path} {each.headers} {each.body.decode()}" for each in story.small.seen)
    assert [datum for datum in PLANTED if datum in asked] == []
    assert {each.json.get("model", "small-2") for each in story.small.seen} == {"small-2"}
    assert any(each.path == "/v1beta/models/small-2:generateContent?alt=json" for each in story.small.seen)
    versions = {each.headers.get("anthropic-version") for each in story.small.seen if each.path.endswith("/messages")}
    assert versions == {"2023-06-01"}, "without one Anthropic answers 400; the store keeps no headers"


@pytest.mark.parametrize(("target", "workflow", "code", "word"), [("small", "triage", 0, "safe"), ("rude", "triage", 1, "not safe"), ("small", "support", 3, "not known yet")])  # fmt: skip
def test_one_command_from_the_archive_to_an_exit_code(story: Story, target: str, workflow: str, code: int, word: str) -> None:
    name = f"{workflow}-{target}"
    assert story.run("archive", "export", "--out", f"{name}.jsonl.zst", "--workflow", workflow)[0] == 0
    done, _, err = story.run(
        "replay", f"{name}.jsonl.zst", "--to", target, "--run", name, "--pace", "200/s", "--gate", "--report", f"{name}.md"
    )
    assert done == code, err
    assert "\ngate: no rubric: margin 5 points; name one for your own: " in err
    report = (story.folder / f"{name}.md").read_text()
    assert (
        f"| {target} | {workflow} | " in report and f" {word} | " in report.partition("**Is it safe to switch**")[2].partition("\n\n##")[0]
    )


def test_a_run_is_listed_and_its_name_is_taken(story: Story, june: dict[str, Any]) -> None:
    code, out, _ = story.run("replay", "--list", "--json")
    assert code == 0 and {each["run_id"]: each["state"] for each in json.loads(out)}[june["run"]] == "finished"
    code, _, err = story.run("replay", "live.jsonl.zst", "--to", "small", "--run", "june")
    assert code == 2 and len(err.splitlines()) == 1 and "there already" in err


def test_a_target_that_is_none_is_one_line(story: Story) -> None:
    code, _, err = story.run("replay", "live.jsonl.zst", "--to", "smal")
    assert code == 2 and len(err.splitlines()) == 1 and "'smal'" in err and "big, rude, small" in err


def test_it_all_goes_on_after_serve_has_ended_and_on_a_machine_that_has_only_the_archive(story: Story) -> None:
    assert story.serve.stop() == 0
    code, out, err = story.run("archive", "export", "--out", "late.jsonl.zst", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["calls"] == story.calls and told["without_body"] == told["without_answer"] == 0
    assert told["workflows"] == {"triage": TRIAGE, "support": 3 * CHATS + 4, "weather": 2}
    assert records(story.folder / "late.jsonl.zst") == records(story.live), "what was exported while it ran"
    other = story.folder / "other"
    other.mkdir()
    (other / "understudy.toml").write_text(story.serve.text)
    words = ("replay", "late.jsonl.zst", "--to", "small", "rude", "--run", "alone", "--pace", "300/s", "--config", "other/understudy.toml")
    code, out, err = story.run(*words)
    assert code == 0, err
    look = next(line.removeprefix("look: understudy ") for line in out.splitlines() if line.startswith("look: "))
    code, out, err = story.run(*shlex.split(look), "--json")
    assert code == 0 and sum(row["count_star()"] for row in json.loads(out)) == 2 * story.calls, "what it says to look with, works"
    sql = "SELECT DISTINCT p.workflow, c.conversation, c.turn FROM pairs p JOIN calls c USING (call_id) WHERE p.run_id = 'alone'"
    found = json.loads(command("store", "query", sql, "--json", cwd=other).stdout)
    told = {(each.call.workflow, each.call.conversation, each.call.turn) for each in records(story.live).values()}
    assert {(each["workflow"], each["conversation"], each["turn"]) for each in found} == told
    sides = json.loads(command("store", "query", "SELECT target, count(*) AS n FROM pairs GROUP BY ALL", "--json", cwd=other).stdout)
    assert {each["target"]: each["n"] for each in sides} == {"small": story.calls, "rude": story.calls}

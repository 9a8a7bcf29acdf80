"""`understudy pairs --call`: a person looks at the very calls that the guard names."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from proxy.commands import calls_view
from proxy.commands.pairs_view import Wanted
from proxy.exchange import ToolCall
from proxy.faults import Wrong
from proxy.rows import Round
from proxy.store import Store
from tests.harness import command
from tests.proxy.stored import a_call, a_decision, an_exchange, an_id, an_incumbent

LONG = "A sentence of the answer. " * 400


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(str(tmp_path_factory.mktemp("calls") / "understudy.duckdb"))
    made.prepare()
    calls = (
        a_call(0x1001, prompt_text="What does [it] cost?"), a_call(0x2002, rollout="try", rollout_target="small"), a_call(0x3003), a_call(0x4004),
        a_call(0x5003, rollout="try", rollout_stayed="creates_state"), a_call(0x6006),
    )  # fmt: skip
    tools = (ToolCall(id="1", name="search", arguments='{"q": 1}'),)
    answers = (
        an_incumbent(0x1001, text=f"It is 12 euro.{LONG}"), an_exchange(0x1001, text=f"It is 13 euro.{LONG}the very end", cost_usd=None),
        an_exchange(0x1001, run_id="june", text="of a run"),
        an_incumbent(0x2002, seen=False, text="", tool_calls=tools),
        an_exchange(0x2002, seen=True, outcome="refused", outcome_reason="will \x1b[2Jnot", failure_class="loud", text="No \x1b[31mway"),
        an_incumbent(0x3003, text="only one"),
    )  # fmt: skip
    huge = "line\n" * 400_000
    answers += (an_incumbent(0x6006, text=huge), an_exchange(0x6006, text=huge + "more"))
    decisions = (
        a_decision(0x3003, decision="over_budget", reason="5 of 5 USD"),
        a_decision(0x4004, decision="side_effects", reason="tool \x1b]0;mine\x07\u202e[/red]"),
    )
    made.commit(Round(calls=calls, exchanges=answers, decisions=decisions))
    return made


def shown(store: Store, *names: str, width: int = 160, run: str | None = None) -> str:
    said = io.StringIO()
    assert calls_view.run(store, names, Wanted(run=run), console=Console(file=said, width=width)) == 0
    return said.getvalue()


def test_a_call_is_shown_whole_with_both_answers_their_outcome_latency_and_cost(store: Store) -> None:
    said = shown(store, an_id(0x1001))
    for each in (
        "What does [it] cost?",
        "It is 12 euro",
        "It is 13 euro",
        "the very end",
        "1.00 s",
        "0.001000 USD",
        "price unknown",
        an_id(0x1001),
    ):
        assert each in said
    assert "candidate, run june, sample 0" in said and "of a run" in said
    assert "of a run" in shown(store, an_id(0x1001), run="june") and "13 euro" not in shown(store, an_id(0x1001), run="june")


def test_a_canarys_call_says_what_the_client_saw_and_shows_tools_and_no_terminal_codes(store: Store) -> None:
    said = shown(store, an_id(0x2002))
    assert "the client saw the candidate's answer" in said and '→ search({"q": 1})' in said and "refused (will" in said
    assert "\x1b" not in said
    told = shown(store, an_id(0x4004))  # the name of a tool is the client's
    assert "side_effects, tool" in told and "[/red]" in told and not {"\x1b", "\x07", "\u202e"} & set(told)


@pytest.mark.parametrize("width", [20, 60, 99, 100, 200])
def test_a_narrow_terminal_shows_one_answer_under_the_other(store: Store, width: int) -> None:
    lines = shown(store, an_id(0x2002), width=width).splitlines()
    assert max(map(len, lines)) <= width
    both = [line for line in lines if "incumbent big" in line and "candidate small" in line]
    assert bool(both) is (width >= 100)


def test_answers_of_megabytes_are_cut_where_a_terminal_could_not_lay_them_out_and_that_is_said(store: Store) -> None:
    said = shown(store, an_id(0x6006))
    assert "1,960,000 more characters: --json has" in said and "1,960,004 more characters" in said and len(said.splitlines()) < 10_000


def test_a_run_that_did_not_ask_a_call_is_named(store: Store) -> None:
    assert "no answer is stored of run nope" in shown(store, an_id(0x1001), run="nope")


def test_an_answer_without_its_partner_is_shown_with_the_reason(store: Store) -> None:
    said = shown(store, an_id(0x3003))
    assert "only one" in said and "no pair: no second answer is stored (candidate small: over_budget, 5 of 5 USD)" in said
    assert "no answer is stored" in shown(store, an_id(0x4004))
    assert "stayed with the incumbent: creates_state" in shown(store, an_id(0x5003))


def test_ids_may_be_pasted_as_they_are_printed(store: Store) -> None:
    """A list with commas, as `rollout status` prints it; twelve letters of the end, as `pairs` does; each call once, as asked."""
    pasted = shown(store, f"{an_id(0x3003)}, {an_id(0x1001)}", an_id(0x2002)[-12:], an_id(0x1001).upper())
    places = [pasted.index(an_id(each)) for each in (0x3003, 0x1001, 0x2002)]
    assert places == sorted(places) and pasted.count(an_id(0x1001)) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (an_id(77), "which is no call in"),
        ("nobody", "which is no call in"),
        ("%' OR 1=1 --", "which is no call in"),
        ("003", "which is no call in"),
        ("00000000", "begins or ends the ids of more than 3 calls"),
        ("003003", None),
        (" , ", "found 0 ids"),
    ],
)
def test_a_name_that_is_no_calls_or_several_calls_is_one_clear_line(store: Store, name: str, words: str | None) -> None:
    if words is None:
        assert "only one" in shown(store, name)
        return
    with pytest.raises(Wrong, match="pairs --call: found ") as wrong:
        shown(store, name)
    assert words in str(wrong.value) and "\n" not in str(wrong.value)


def test_two_calls_that_end_alike_are_told_apart_by_more(store: Store) -> None:
    store_of_two = Store(str(Path(store.path).with_name("two.duckdb")))
    store_of_two.prepare()
    store_of_two.commit(Round(calls=(a_call(0x10001), a_call(0x20001))))
    with pytest.raises(Wrong, match="'0001', which begins or ends the ids of 2 calls, expected more of the id"):
        shown(store_of_two, "0001")
    assert an_id(0x20001) in shown(store_of_two, "20001")


def test_the_command_shows_them_for_people_and_machines_and_refuses_what_would_choose(store: Store) -> None:
    folder = Path(store.path).parent
    (folder / "understudy.toml").write_text(
        '[targets.big]\nurl = "http://127.0.0.1:9"\n[[routes]]\nname = "main"\nincumbent = "big"\n', "utf-8"
    )
    done = command("pairs", "--call", an_id(0x1001), an_id(0x3003), "--call", an_id(0x2002), "--json", cwd=folder)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["call_id"], row.get("run_id")) for row in rows] == [
        (an_id(0x1001), None), (an_id(0x1001), "june"), (an_id(0x3003), None), (an_id(0x2002), None)
    ]  # fmt: skip
    assert rows[0]["prompt_text"] == "What does [it] cost?" and rows[2]["decisions"][0]["decision"] == "over_budget"
    for words, said in (((an_id(77),), "which is no call"), ((an_id(0x1001), "--differs"), "--differs")):
        done = command("pairs", "--call", *words, cwd=folder)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1 and said in done.stderr

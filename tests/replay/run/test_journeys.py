"""`understudy replay` as a user starts it: beside `serve` and without, stopped by hand, killed, gated, listed."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from proxy.config_file import load
from proxy.store import Store
from replay.faults import Wrong
from replay.run.plan import Wanted, plan
from tests.fakes.models import Models
from tests.harness import COMMAND, Serve, command, until
from tests.harness import config as served
from tests.replay.run.kit import a_call, an_archive, configured, target, text_of

KEY = {"UNDERSTUDY_ANONYMIZE_KEY": "a key of tests"}


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    with (folder / "run.log").open("ab") as log:
        return subprocess.Popen(
            [*COMMAND, "replay", *words], cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | KEY
        )


def replayed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command("replay", *words, cwd=folder, env=KEY)


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    return Store(str(folder / "understudy.duckdb")).query(sql).rows


def asked_of(models: Models) -> Counter[str]:
    return Counter(seen.json["messages"][-1]["content"] for seen in models.seen)


def once(folder: Path, calls: int) -> bool:
    """Each call has one real answer, one decision and one pair."""
    answers = rows(
        folder, "SELECT count(*), count(DISTINCT call_id) FROM exchanges WHERE target = 'small' AND status = 200 AND run_id = 'night'"
    )
    decisions = rows(folder, "SELECT count(*), count(DISTINCT call_id) FROM mirror_decisions WHERE run_id = 'night'")
    pairs = rows(folder, "SELECT count(*), count(*) FILTER (candidate_outcome = 'answered') FROM pairs WHERE run_id = 'night'")
    assert answers == decisions == pairs == [(calls, calls)]
    return True


def recorders_of(folder: Path) -> list[int]:
    """The processes that record for runs of this folder."""
    found: list[int] = []
    for each in Path("/proc").iterdir():
        try:
            words = (each / "cmdline").read_bytes().split(b"\0")
            log = (each / "fd" / "1").readlink() if b"recorder" in words else Path()
        except OSError:
            continue
        if folder in log.parents:
            found.append(int(each.name))
    return found


def left_behind(folder: Path) -> list[str]:
    return [each.name for each in (folder / "journal").glob("*.seg")]


def test_from_an_archive_to_an_exit_code_a_report_and_a_list(tmp_path: Path) -> None:
    """Alone: the run brings its recorder and takes it away again."""
    with Models("small", text=lambda asked: "Paris.") as small:
        configured(tmp_path, small.url, target=target("broken", small.url, 'drop_path = "/v1"'))
        an_archive(tmp_path, [a_call(number, gap_s=0.001) for number in range(300)])
        done = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--gate", "--report", "r.json", "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["run"], told["state"], told["calls"], told["stored"]) == ("night", "finished", 300, True)
        assert told["targets"]["small"]["answered"] == 300 and told["dispatch_lag"]["p99_s"] is not None and told["spent_usd"] == 0
        assert "all 3 gated cells are certified" in done.stderr and json.loads((tmp_path / "r.json").read_bytes())["facts"]["code"] == 0
        assert once(tmp_path, 300) and not left_behind(tmp_path) and not recorders_of(tmp_path)
        again = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night")
        assert again.returncode == 2 and again.stderr.count("\n") == 1 and "which is there already" in again.stderr
        few = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "few", "--shard", "1/60", "--gate", "--report", "r.md")
        assert few.returncode == 3 and "Not yet: nothing is certified safe." in (tmp_path / "r.md").read_text("utf-8")
        small.fault = "status:500"
        bad = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "bad", "--gate")
        assert bad.returncode == 1 and "certified regression: refusal of small" in bad.stderr
        listed = json.loads(replayed(tmp_path, "--list", "--json").stdout)
        assert [row["run_id"] for row in listed] == ["night", "few", "bad"] and {row["state"] for row in listed} == {"finished"}


def test_one_process_plays_a_run_and_ctrl_c_lets_what_is_under_way_finish_to_go_on_later(tmp_path: Path) -> None:
    with Models("small", fault="slow:0.3") as small:
        configured(tmp_path, small.url)
        an_archive(tmp_path, 800)  # more than half a minute: another process starts and is turned away within it
        run = start(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--pace", "20/s", "--gaps", "even")
        until(lambda: small.seen)
        second = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--resume")
        assert second.returncode == 2 and second.stderr.count("\n") == 1 and "being played by another process" in second.stderr
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130, (tmp_path / "run.log").read_text()
        stopped = len(small.seen)
        assert stopped < 800
        assert rows(tmp_path, "SELECT state, reason FROM runs") == [("stopped", "stopped by hand")]
        assert rows(tmp_path, "SELECT count(*) FROM exchanges WHERE status = 200 AND target = 'small'") == [(stopped,)], (
            "what was under way was cut off"
        )
        small.fault = ""
        done = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--pace", "500/s", "--resume")
        assert done.returncode == 0 and once(tmp_path, 800)
        assert asked_of(small) == {text_of(number): 1 for number in range(800)}
        assert [state for (state,) in rows(tmp_path, "SELECT state FROM run_events ORDER BY happened_at")] == [
            "started",
            "stopped",
            "resumed",
            "finished",
        ]


def pending(pid: int, number: signal.Signals) -> bool:
    """Whether the signal is still on its way to the process."""
    masks = [line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(("SigPnd:", "ShdPnd:"))]
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def test_a_second_ctrl_c_cuts_off_what_is_under_way_and_says_so(tmp_path: Path) -> None:
    with Models("small", fault="hang") as small:
        configured(tmp_path, small.url)
        an_archive(tmp_path, 4)
        run = start(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night")
        until(lambda: len(small.seen) == 4)
        run.send_signal(signal.SIGINT)
        until(lambda: not pending(run.pid, signal.SIGINT))  # two that wait together are one
        time.sleep(0.3)
        assert run.poll() is None
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130, (tmp_path / "run.log").read_text()
        assert rows(
            tmp_path, "SELECT outcome, count(*) FROM exchanges WHERE target = 'small' AND error LIKE 'interrupted%' GROUP BY 1"
        ) == [("errored", 4)]
        small.fault = ""
        assert replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--resume").returncode == 0 and once(tmp_path, 4)


def test_a_run_that_could_not_be_finished_has_its_own_exit_codes(tmp_path: Path) -> None:
    with Models("small") as small:
        far = 'price = { input = 1.0, output = 10.0 }\n[targets.gone]\nurl = "http://127.0.0.1:9"\n'
        configured(tmp_path, small.url, target=far)
        an_archive(tmp_path, 50)
        down = replayed(tmp_path, "june.jsonl.zst", "--to", "gone", "--run", "down", "--outage-s", "0.2", "--gate")
        assert down.returncode == 4 and "gone was not reached" in down.stdout and "--run down --resume" in down.stdout
        poor = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "poor", "--limit-usd", "0.002", "--gate")
        assert poor.returncode == 3 and "of 0.0020 USD spent" in poor.stdout


def test_kills_of_the_run_and_of_its_recorder_lose_nothing_and_ask_nothing_answered_twice(tmp_path: Path) -> None:
    calls = 900
    with Models("small", fault="slow:0.02") as small:
        configured(tmp_path, small.url)
        records = [
            *(a_call(number) for number in range(calls - 30)),
            *(a_call(number, request=b"no JSON") for number in range(calls - 30, calls)),
        ]
        records.sort(key=lambda record: record.call.id[::-1])
        an_archive(tmp_path, records)
        words = ("june.jsonl.zst", "--to", "small", "--run", "night", "--pace", "400/s")
        for life in range(1, 4):
            run = start(tmp_path, *words, *(["--resume"] if life > 1 else []))
            until(lambda life=life: len(small.seen) >= life * 220)
            for pid in recorders_of(tmp_path) if life == 2 else []:
                os.kill(pid, signal.SIGKILL)
                time.sleep(0.2)
            run.kill()
            run.wait(60)
        done = replayed(tmp_path, *words, "--resume")
        assert done.returncode == 0, done.stderr
        sent = calls - 30
        answers = rows(tmp_path, "SELECT count(*), count(DISTINCT call_id) FROM exchanges WHERE target = 'small' AND status = 200")
        assert answers == [(sent, sent)]
        decisions = rows(
            tmp_path, "SELECT decision = 'sent', count(*), count(DISTINCT call_id) FROM mirror_decisions GROUP BY 1 ORDER BY 1"
        )
        assert decisions == [(False, 30, 30), (True, sent, sent)]
        twice = sum(count - 1 for count in asked_of(small).values())
        interrupted = rows(tmp_path, "SELECT count(*) FROM exchanges WHERE error LIKE 'interrupted%'")[0][0]
        assert twice <= interrupted < sent, "whatever was asked again is told as interrupted"
        assert len(asked_of(small)) == sent and rows(tmp_path, "SELECT count(*) FROM pairs WHERE candidate_outcome = 'answered'") == [
            (sent,)
        ]
        assert not left_behind(tmp_path)
    until(lambda: not recorders_of(tmp_path), 60, "a recorder outlived its run")


SERVED = """
[targets.big]
url = "{big}"
[targets.small]
url = "{small}"
model = "small-2"
price = {{ input = 1.0, output = 10.0 }}
[[routes]]
name = "main"
incumbent = "big"
"""


def live(serve: Serve, names: Iterable[str]) -> dict[str, float]:
    return {name: serve.metric(name) for name in names}


def test_beside_serve_its_recorder_stores_the_run_and_no_live_figure_moves(tmp_path: Path) -> None:
    names = (
        "understudy_calls_total",
        "understudy_mirror_total",
        "understudy_latency_seconds_count",
        "understudy_outcomes_total",
        "understudy_pairs_total",
    )
    with Models("big") as big, Models("small") as small, Serve(tmp_path, served(SERVED.format(big=big.url, small=small.url))) as serve:
        before, recorder = live(serve, names), serve.pid_of("recorder")
        an_archive(tmp_path, 40)
        done = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--pace", "100/s")
        assert done.returncode == 0, done.stderr
        assert once(tmp_path, 40) and not left_behind_of_runs(tmp_path) and serve.pid_of("recorder") == recorder
        assert serve.get("/readyz")[0] == 200 and live(serve, names) == before and not recorders_of(tmp_path / "journal" / "runs")
        dollars = pytest.approx(40 * (11 * 1e-6 + 7 * 1e-5), rel=0.2)
        until(lambda: serve.metric("understudy_spend_usd_total", target="small") == dollars)


def left_behind_of_runs(folder: Path) -> list[str]:
    return [name for name in left_behind(folder) if "-replay-" in name]


def test_a_serve_that_comes_in_the_middle_takes_the_recorders_place_and_one_that_goes_gives_it_back(tmp_path: Path) -> None:
    with Models("big") as big, Models("small") as small:
        file = tmp_path / "understudy.toml"
        file.write_text(served(SERVED.format(big=big.url, small=small.url)), "utf-8")
        an_archive(tmp_path, 750)  # half a minute: a serve on a loaded machine comes and goes within it
        run = start(tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--pace", "25/s", "--gaps", "even")
        until(lambda: len(small.seen) > 5)
        assert len(recorders_of(tmp_path / "journal" / "runs")) == 1
        with Serve(tmp_path, file.read_text("utf-8")) as serve:
            until(lambda: not recorders_of(tmp_path / "journal" / "runs"), 60, "ours stepped back")
            until(lambda: serve.get("/readyz")[0] == 200)
            assert run.poll() is None
        until(lambda: recorders_of(tmp_path / "journal" / "runs"), 60, "ours came back")
        assert run.wait(60) == 0, (tmp_path / "run.log").read_text()
        assert once(tmp_path, 750) and asked_of(small) == {text_of(number): 1 for number in range(750)}


def test_until_decided_a_bad_target_is_asked_little(tmp_path: Path) -> None:
    with Models("small", fault="status:500") as small:
        configured(tmp_path, small.url)
        an_archive(tmp_path, 3000)
        done = replayed(
            tmp_path, "june.jsonl.zst", "--to", "small", "--run", "night", "--pace", "100/s", "--until", "decided", "--gate", "--json"
        )
        assert done.returncode == 1, done.stderr
        assert json.loads(done.stdout)["targets"]["small"]["decided"] == "regressed" and 100 < len(small.seen) < 1500
        assert rows(tmp_path, "SELECT count(*) FROM exchanges WHERE target = 'small'") == [(len(small.seen),)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"to": ()}, "--to: found nobody, expected one or more of big, small"),
        ({"to": ("nobody",)}, "--to: found 'nobody', expected a target"),
        ({"to": ("small", "small")}, "--to: found a target twice"),
        ({"archive": "nowhere.zst"}, "nowhere.zst"),
        ({"archive": "broken.jsonl.zst"}, "broken.jsonl.zst"),
        ({"archive": "timeless.jsonl.zst"}, "calls without a time"),
        ({"pace": "quick"}, "recorded, xN"),
        ({"shard": "3/2"}, "I/N"),
        ({"shard": "0/2"}, "I/N"),
        ({"to": ("big",), "against": "again"}, "asked again as the incumbent"),
        ({"against": "again", "incumbent": "nobody"}, "--incumbent: found 'nobody'"),
        ({"run": "a/b"}, "a name of letters"),
        ({"resume": True}, "--run NAME"),
    ],
)
def test_what_the_user_must_fix_is_one_line_and_leaves_nothing(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    file, whole = configured(tmp_path, "http://127.0.0.1:9"), an_archive(tmp_path, 3)
    (tmp_path / "broken.jsonl.zst").write_bytes(whole.read_bytes()[:-20])
    an_archive(tmp_path, [a_call(number, call={"arrived_at": None}) for number in range(3)], "timeless")
    asked = {"to": ("small",), **more, "archive": tmp_path / more.get("archive", "june.jsonl.zst")}
    with pytest.raises(Wrong) as found:
        plan(load(file), Wanted(**asked), b"k", {}, str(file))
    assert said in str(found.value) and "\n" not in str(found.value) and not (tmp_path / "journal").exists()


def test_a_fault_of_the_user_ends_with_2_and_one_line(tmp_path: Path) -> None:
    configured(tmp_path, "http://127.0.0.1:9")
    an_archive(tmp_path, 3)
    done = replayed(tmp_path, "june.jsonl.zst", "--to", "small", "--pace", "quick")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "recorded, xN" in done.stderr and done.stdout == ""
    assert not (tmp_path / "journal").exists() and not (tmp_path / "understudy.duckdb").exists()

"""Sprung faults on our side of the wire: the client sees none of them, each is counted and visible, metrics stay fresh."""

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.fakes.models import Models
from tests.harness import ROOT, Serve, config, until
from tests.traffic import send

BODY = """
[targets.inc]
url = "{incumbent}"
[targets.cand]
url = "{candidate}"
deadline_s = {deadline_s}
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
"""
CALLS = 60
ELIGIBLE = 54  # of 60 mixed calls, three embeddings and three bound to earlier responses


def serve_with(
    folder: Path,
    incumbent: Models,
    candidate_url: str,
    *,
    deadline_s: float = 2,
    store: str = "",
    extra: str = "",
    disk: Path | None = None,
) -> Serve:
    return Serve(
        folder, config(BODY.format(incumbent=incumbent.url, candidate=candidate_url, deadline_s=deadline_s) + extra, store=store), disk=disk
    )


def assert_clients_saw_nothing(serve: Serve, calls: int = CALLS) -> None:
    sent = asyncio.run(send(serve.url, range(calls), at_once=8))
    assert sent.failed == {}
    assert len(sent.ok) == calls


def outcomes(serve: Serve) -> dict[str, int]:
    return dict(serve.query("SELECT outcome, count(*) FROM exchanges WHERE role = 'candidate' GROUP BY outcome"))


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("hang", "timed_out"), ("cut", "errored"), ("cut_stream", "errored"), ("status:500", "errored"), ("status:429", "errored")],
)
def test_a_candidate_that_misbehaves_is_seen_in_the_record_and_nowhere_else(tmp_path: Path, fault: str, outcome: str) -> None:
    with Models("inc") as incumbent, Models("cand", fault=fault) as candidate, serve_with(tmp_path, incumbent, candidate.url) as serve:
        assert_clients_saw_nothing(serve)
        until(lambda: outcomes(serve).get(outcome, 0) > 0)
        until(lambda: serve.one("SELECT count(*) FROM mirror_decisions") == CALLS)
        assert serve.metric("understudy_failures_total", role="candidate", target="cand", **{"class": "loud"}) > 0
        assert serve.one("SELECT count(*) FROM exchanges WHERE role = 'incumbent' AND outcome = 'answered'") == CALLS


def test_a_candidate_that_never_ends_is_cut_off_in_flat_memory_and_then_left_alone(tmp_path: Path) -> None:
    with Models("inc") as incumbent, Models("cand", fault="endless") as candidate:
        with serve_with(tmp_path, incumbent, candidate.url, deadline_s=30, extra="[shadow]\nanswer_max_bytes = 4_000_000\n") as serve:
            assert_clients_saw_nothing(serve, 20)
            told = "SELECT count(*) FILTER (decision = 'sent'), count(*) FILTER (decision = 'breaker_open') FROM mirror_decisions"
            until(lambda: serve.one("SELECT count(*) FROM exchanges WHERE role = 'candidate'") >= 5)
            assert_clients_saw_nothing(serve, 40)
            sent, spared = until(lambda: sum(row := serve.query(told)[0]) == 18 + 36 and row)
            assert sent >= 5 and spared > 0
            until(lambda: serve.one("SELECT count(*) FROM exchanges WHERE role = 'candidate'") == sent)
            reasons = serve.query("SELECT DISTINCT error FROM exchanges WHERE role = 'candidate'")
            assert all("4" in error and "bytes" in error for (error,) in reasons), reasons
            assert resident_mb(serve.pid_of("shadow")) < 400


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@contextmanager
def a_certificate_nobody_knows() -> Iterator[Models]:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with Models("cand", ssl=context) as models:
        yield models


def test_a_candidate_whose_certificate_is_refused_gets_nothing_and_is_counted(tmp_path: Path) -> None:
    with Models("inc") as incumbent, a_certificate_nobody_knows() as candidate, serve_with(tmp_path, incumbent, candidate.url) as serve:
        assert_clients_saw_nothing(serve)
        until(lambda: outcomes(serve).get("errored", 0) > 0)
        assert candidate.seen == []


@pytest.mark.parametrize("fault", ["surrogate", "invalid_utf8"])
def test_an_answer_that_is_no_text_is_repaired_or_quarantined_and_the_rest_is_stored(tmp_path: Path, fault: str) -> None:
    with Models("inc", fault=fault) as incumbent, Models("cand") as candidate, serve_with(tmp_path, incumbent, candidate.url) as serve:
        assert_clients_saw_nothing(serve)
        stored = "SELECT (SELECT count(*) FROM exchanges) + (SELECT count(*) FROM quarantine WHERE kind LIKE 'exchange%')"
        until(lambda: serve.one(stored) == CALLS + ELIGIBLE)
        assert serve.one("SELECT count(*) FROM exchanges WHERE role = 'incumbent' AND text LIKE '%\ufffd%' AND notes IS NOT NULL") > 0


READER = """
    import sys, time
    from proxy.store import Store
    store = Store(sys.argv[1])
    while True:
        store.query("SELECT count(*) FROM exchanges a, exchanges b, range(200) WHERE a.text > b.text")
        print("read", flush=True)
"""


def test_three_greedy_readers_delay_no_client_and_no_metric(tmp_path: Path) -> None:
    with Models("inc") as incumbent, Models("cand") as candidate, serve_with(tmp_path, incumbent, candidate.url) as serve:
        assert_clients_saw_nothing(serve)
        until(lambda: serve.one("SELECT count(*) FROM exchanges") == CALLS + ELIGIBLE)
        words = [sys.executable, "-c", textwrap.dedent(READER), str(tmp_path / "understudy.duckdb")]
        readers = [
            subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) for _ in range(3)
        ]
        try:
            sent = asyncio.run(send(serve.url, range(CALLS, 2 * CALLS), at_once=8))
            assert sent.failed == {}
            until(lambda: serve.metric("understudy_calls_total", role="incumbent", target="inc") == 2 * CALLS, 60, "metrics are fresh")
            until(lambda: serve.one("SELECT count(*) FROM exchanges") == 2 * (CALLS + ELIGIBLE), 60, "commits come through")
        finally:
            for reader in readers:
                reader.kill()
                reader.wait()


HOLDER = """
    import sys, time, duckdb
    connection = duckdb.connect(sys.argv[1], read_only=True)
    print("held", flush=True)
    time.sleep(300)
"""


def test_a_foreign_holder_of_the_store_is_named_in_health_and_delays_only_the_store(tmp_path: Path) -> None:
    with Models("inc") as incumbent, Models("cand") as candidate, serve_with(tmp_path, incumbent, candidate.url) as serve:
        assert_clients_saw_nothing(serve)
        until(lambda: serve.one("SELECT count(*) FROM exchanges") == CALLS + ELIGIBLE)
        words = [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path / "understudy.duckdb")]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            sent = asyncio.run(send(serve.url, range(CALLS, 2 * CALLS), at_once=8))
            assert sent.failed == {}
            until(lambda: serve.metric("understudy_calls_total", role="incumbent", target="inc") == 2 * CALLS, 60, "metrics are fresh")
            until(lambda: str(holder.pid).encode() in serve.get("/readyz")[1] + serve.get("/api/status")[1], 60, "the holder is named")
            holder.kill()
        until(lambda: serve.one("SELECT count(*) FROM exchanges") == 2 * (CALLS + ELIGIBLE), 60, "all of it is stored in the end")


def test_a_full_journal_disk_costs_records_but_no_answers(tmp_path: Path) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small tmpfs needs root: {mounted.stderr.strip()}")
    try:
        with Models("inc") as incumbent, Models("cand") as candidate:
            with serve_with(
                tmp_path,
                incumbent,
                candidate.url,
                store=f'journal = "{disk}"',
                extra="[journal]\ndisk_reserve_bytes = 1_000_000\n",
                disk=disk,
            ) as serve:
                serve_journal = disk
                (serve_journal / "ballast").write_bytes(b"x" * 4_900_000)
                assert_clients_saw_nothing(serve, 200)
                until(lambda: serve.metric("understudy_journal_dropped_total") > 0, 60, "the loss is counted")
                until(lambda: (found := serve.get("/readyz"))[0] == 503 and b"journal" in found[1], 60, lambda: serve.get("/readyz"))
                (serve_journal / "ballast").unlink()
                time.sleep(0.5)
                before = serve.one("SELECT count(*) FROM calls")
                assert_clients_saw_nothing(serve, 20)
                until(lambda: serve.one("SELECT count(*) FROM calls") >= before + 20, 60, "recording goes on once there is room")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_client_that_leaves_is_recorded_and_the_incumbent_is_not_asked_on(tmp_path: Path) -> None:
    with (
        Models("inc", pieces=200, gap_s=0.05) as incumbent,
        Models("cand") as candidate,
        serve_with(tmp_path, incumbent, candidate.url) as serve,
    ):
        assert serve.where is not None
        host, _, port = serve.where.listen.rpartition(":")
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"%b"}]}' % (b"a long story " * 50)
        with socket.create_connection((host, int(port)), 5) as client:
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            heard = b""
            while heard.count(b'"delta"') < 5:
                heard += client.recv(4096)
        row = until(lambda: serve.query("SELECT outcome, usage_source, text FROM exchanges WHERE role = 'incumbent'"))[0]
        assert row[0] == "client_gone" and row[1] in ("partial", "estimated")
        assert threading.active_count() < 50

"""The self-check as a user runs it, and that it fails when a promise is broken."""

import asyncio
import json
from pathlib import Path

import pytest

from proxy.store import Store
from replay.selfcheck.clients import Seen
from replay.selfcheck.harmless import GROWTH_MAX_MB, bounded, judged
from replay.selfcheck.kept import accounted, private
from replay.selfcheck.wire import differences
from tests.fakes.models import Models
from tests.harness import Serve, command, config, until
from tests.traffic import send

PROMISES = {"transparent", "harmless", "bounded", "accounted", "private"}
USER = """
[targets.inc]
url = "{url}"
model = "gpt-4o"
price = {{ input = 2.5, output = 10.0 }}
[[routes]]
name = "main"
incumbent = "inc"
"""


def test_every_promise_holds_on_the_users_own_upstream(tmp_path: Path) -> None:
    with Models("inc") as upstream:
        (tmp_path / "understudy.toml").write_text(USER.format(url=upstream.url))
        done = command("selfcheck", "--seconds", "0.6", "--json", cwd=tmp_path, timeout=300)
        told = json.loads(done.stdout)
        slow = [row for row in told["rows"] if not row["ok"] and "bar" not in row["found"]]  # speed decides no test
        assert slow == [], slow
        assert done.returncode == (0 if told["sound"] else 1)
        assert {row["promise"] for row in told["rows"]} == PROMISES
        assert [row["what"] for row in told["rows"]][:3] == ["plain call", "streamed call", "refused call"]
        assert len(upstream.seen) == 3, "load goes to scripted models, never to the user's upstream"
        assert "at most 0.00" in done.stderr


def test_what_the_budget_does_not_allow_is_not_asked(tmp_path: Path) -> None:
    with Models("inc") as upstream:
        (tmp_path / "understudy.toml").write_text(USER.format(url=upstream.url))
        done = command("selfcheck", "--seconds", "0.1", "--limit-usd", "0.0001", cwd=tmp_path, timeout=300)
        assert done.returncode == 1 and "--limit-usd" in done.stdout
        assert len(upstream.seen) <= 1, "the refused call costs nothing"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (USER.format(url="http://127.0.0.1:9").replace('model = "gpt-4o"\n', ""), "targets.inc.model"),
        (USER.format(url="https://api.example.com"), "targets.inc.api_key_env"),
    ],
)
def test_what_the_user_must_say_first_is_one_line(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "understudy.toml").write_text(text)
    done = command("selfcheck", "--quiet", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(f"understudy.toml: {key}: found ") and len(done.stderr.splitlines()) == 1


SENT = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("received", "told"),
    [
        (SENT, ""),
        (b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", ""),
        (SENT.replace(b"hello", b"hellO"), "first at 4"),
        (SENT[:-1], "5 bytes against 4"),
        (SENT.replace(b"X-B: 2\r\n", b""), "header b'X-B'"),
        (SENT.replace(b"X-A: 1\r\nX-B: 2", b"X-B: 2\r\nX-A: 1"), "order of headers"),
        (SENT.replace(b"X-A: 1", b"x-a: 1"), "header b'X-A'"),
        (SENT.replace(b"200 OK", b"502 Bad Gateway"), "first line"),
        (b"", "no whole head"),
    ],
)
def test_any_byte_that_differs_between_the_ends_is_told(received: bytes, told: str) -> None:
    found = differences(SENT, received, "answer")
    assert (not found) if not told else any(told in each for each in found)


def test_a_failed_call_other_bytes_or_a_slower_p50_is_harm() -> None:
    calm = Seen(took=[0.01] * 10, calls=10)
    assert judged("x", calm, Seen(took=[0.0111] * 10, calls=10)).ok
    assert not judged("x", calm, Seen(took=[0.0113] * 10, calls=10)).ok
    assert not judged("x", calm, Seen(took=[0.01] * 10, calls=11, failed=["ConnectionResetError"])).ok
    assert not judged("x", calm, Seen(took=[0.01] * 10, calls=10, changed=1)).ok
    assert not judged("x", calm, Seen(calls=10)).ok, "nobody answered is no evidence of no harm"


def test_growth_and_a_journal_that_is_not_drained_are_told() -> None:
    rows = bounded({"shadow": (50.0, 10)}, {"shadow": (51.0 + GROWTH_MAX_MB, 10)}, 100, lambda: 7)
    assert [row.ok for row in rows] == [False, False]


def test_a_lost_call_a_missing_decision_and_a_leaked_secret_are_told(tmp_path: Path) -> None:
    with Models("inc") as incumbent:
        with Serve(tmp_path, config(USER.format(url=incumbent.url))) as serve:
            asyncio.run(send(serve.url, range(20)))
            until(lambda: serve.one("SELECT count(*) FROM mirror_decisions") == 20)
        store = Store(str(tmp_path / "understudy.duckdb"))
        assert all(row.ok for row in accounted(store, 20))
        assert [row.what for row in accounted(store, 21) if not row.ok] == ["calls"]
        planted = {"the caller's key": b"sk-callers-own"}
        assert private(store, [tmp_path / "journal"], b"", planted).ok
        assert not private(store, [], b'x{key="sk-callers-own"} 1', planted).ok
        (tmp_path / "journal" / "leak").write_bytes(b"... sk-callers-own ...")
        assert not private(store, [tmp_path / "journal"], b"", planted).ok
        assert not private(store, [], b"", {"a text of the calls": b"case-00013"}).ok, "what is in the store is found there"

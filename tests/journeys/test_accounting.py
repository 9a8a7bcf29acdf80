"""Every call gets exactly one counted decision per target; nothing is lost and nothing is doubled, whoever is killed."""

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

from tests.fakes.models import Models
from tests.harness import Serve, command, config, until
from tests.traffic import Sent, mixed, send

BODY = """
[targets.inc]
url = "{incumbent}"
[targets.one]
url = "{one}"
model = "small-1"
[targets.two]
url = "{two}"
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "one" }}, {{ target = "two", share = 0.5 }} ]
repeat = 0.3
"""
SERVER = "workers = {workers}\ncapture_max_bytes = 1_000_000"


def serve_with(folder: Path, incumbent: Models, one: Models, two: Models, workers: int = 1) -> Serve:
    body = BODY.format(incumbent=incumbent.url, one=one.url, two=two.url)
    return Serve(folder, config(body, server=SERVER.format(workers=workers)))


def markers(models: Models) -> Counter[str]:
    """How often each call's text was seen by a target."""
    found: Counter[str] = Counter()
    for seen in models.seen:
        at = seen.body.find(b"case-")
        if at >= 0:
            found[seen.body[at : at + 10].decode()] += 1
    return found


def settled(serve: Serve, calls: int) -> bool:
    """All calls stored, all decided for three legs, and every sent one answered."""
    rows = serve.query("""
        SELECT (SELECT count(*) FROM calls),
               (SELECT count(*) FROM mirror_decisions),
               (SELECT count(*) FROM mirror_decisions WHERE decision = 'sent'),
               (SELECT count(*) FROM exchanges WHERE role <> 'incumbent'),
               (SELECT count(*) FROM exchanges WHERE role = 'incumbent')
    """)
    stored, decided, sent, answered, first = rows[0]
    return stored == calls == first and decided == 3 * calls and answered == sent


def assert_accounted(serve: Serve, calls: int) -> None:
    per_leg = serve.query("SELECT target, role, count(*), count(DISTINCT call_id) FROM mirror_decisions GROUP BY ALL ORDER BY ALL")
    assert per_leg == [("inc", "repeat", calls, calls), ("one", "candidate", calls, calls), ("two", "candidate", calls, calls)]
    twice = serve.query("SELECT call_id, target, role, count(*) FROM exchanges GROUP BY ALL HAVING count(*) > 1")
    assert twice == []


def test_decisions_of_a_thousand_mixed_calls_add_up_per_target(tmp_path: Path) -> None:
    calls = 1000
    with (
        Models("inc") as incumbent,
        Models("one") as one,
        Models("two") as two,
        serve_with(tmp_path, incumbent, one, two, workers=2) as serve,
    ):
        sent = asyncio.run(send(serve.url, range(calls)))
        assert sent.failed == {}
        until(lambda: settled(serve, calls), 60, "everything is stored")
        assert_accounted(serve, calls)
        eligible = sum(mixed(number).eligible for number in range(calls))
        assert serve.one("SELECT count(*) FROM mirror_decisions WHERE target = 'one' AND decision = 'sent'") == eligible
        assert max(markers(one).values()) == 1 and len(markers(one)) == eligible
        assert serve.one("SELECT count(*) FROM mirror_decisions WHERE target = 'two' AND decision = 'sampled_out'") > calls / 4
        # nested: whatever the smaller share gets, the larger one gets too
        assert set(markers(two)) <= set(markers(one))
        assert serve.one("SELECT count(*) FROM exchanges WHERE outcome <> 'answered'") == 0
        assert command("store", "verify", "--config", str(serve.file)).returncode == 0
        for leg in ("one", "two"):
            until(lambda leg=leg: serve.metric("understudy_mirror_total", target=leg) == calls, 60, f"metrics of {leg}")


class Killer(threading.Thread):
    """kill -9 to processes of a role, at random moments, until told to stop."""

    def __init__(self, serve: Serve, names: list[str], kills: int, every_s: float, seed: int):
        super().__init__(daemon=True)
        self.serve, self.names, self.left, self.every_s, self.dice, self.kills = serve, names, kills, every_s, random.Random(seed), 0
        self.killed: Counter[str] = Counter()

    def run(self) -> None:
        while self.left:
            time.sleep(self.dice.uniform(0.3, 1.7) * self.every_s)
            name = self.dice.choice(self.names)
            try:
                os.kill(self.serve.pid_of(name), signal.SIGKILL)
            except (ProcessLookupError, AssertionError, KeyError):
                continue
            self.kills += 1
            self.killed[name] += 1
            self.left -= 1


def send_while(serve: Serve, killer: Killer, calls: int) -> Sent:
    """Sends `calls` calls, paced so that all the killing happens meanwhile."""
    killer.start()
    sent = Sent()
    for first in range(0, calls, 50):
        part = asyncio.run(send(serve.url, range(first, first + 50), at_once=8))
        sent.ok |= part.ok
        sent.failed |= part.failed
        if killer.left:
            time.sleep(killer.every_s * killer.left / max((calls - first) / 50, 1))
    killer.join(120)
    return sent


def test_thirty_kills_of_shadow_and_recorder_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    calls = 600
    with Models("inc") as incumbent, Models("one") as one, Models("two") as two, serve_with(tmp_path, incumbent, one, two) as serve:
        killer = Killer(serve, ["shadow", "recorder"], kills=30, every_s=0.7, seed=5)
        sent = send_while(serve, killer, calls)
        assert killer.kills == 30
        assert sent.failed == {}
        until(lambda: settled(serve, calls), 90, "everything is stored")
        assert_accounted(serve, calls)
        assert answered(serve) == calls
        for models in (one, two):
            assert max(markers(models).values()) == 1
        assert max(markers(incumbent).values()) <= 2  # the call itself and its repeat
        assert serve.one("SELECT count(*) FROM exchanges WHERE outcome NOT IN ('answered', 'errored')") == 0


def test_killed_workers_double_nothing_and_what_is_missing_is_counted(tmp_path: Path) -> None:
    calls = 400
    with (
        Models("inc", gap_s=0.005) as incumbent,
        Models("one") as one,
        Models("two") as two,
        serve_with(tmp_path, incumbent, one, two) as serve,
    ):
        killer = Killer(serve, ["worker-0"], kills=10, every_s=0.5, seed=6)
        sent = send_while(serve, killer, calls)
        assert killer.kills == 10
        stored = until(
            lambda: len(sent.ok) - answered(serve) <= 10 * 16,
            60,
        )
        assert stored
        assert serve.query("SELECT call_id, target, role, count(*) FROM exchanges GROUP BY ALL HAVING count(*) > 1") == []
        until(
            lambda: (
                serve.one("SELECT count(*) FROM calls")
                == serve.one("SELECT count(DISTINCT call_id) FROM exchanges WHERE role = 'incumbent'")
            ),
            90,
            "calls of dead workers are closed",
        )
        for models in (one, two):
            assert max(markers(models).values(), default=1) == 1


def test_fifty_kills_over_all_processes_leave_every_account_closed(tmp_path: Path) -> None:
    """Worker, shadow and recorder die at random under load: what a dead worker had not told is all that is missing, and it is counted."""
    calls, at_once = 700, 8
    with Models("inc") as incumbent, Models("one") as one, Models("two") as two, serve_with(tmp_path, incumbent, one, two, 2) as serve:
        killer = Killer(serve, ["worker-0", "worker-1", "shadow", "recorder"], kills=50, every_s=0.4, seed=9)
        sent = send_while(serve, killer, calls)
        assert killer.kills == 50
        workers = killer.killed["worker-0"] + killer.killed["worker-1"]
        assert len(sent.failed) <= workers * at_once, "a killed worker fails the calls in its hands, and nobody else's"
        in_their_hands = workers * 2 * at_once
        until(lambda: len(sent.ok) - answered(serve) <= in_their_hands, 120, "more is missing than workers had in their hands")
        until(lambda: closed(serve), 120, lambda: counts(serve))
        rows = serve.query("SELECT call_id, target, role, count(*) FROM mirror_decisions GROUP BY ALL HAVING count(*) > 1")
        assert rows == [], "a call was decided twice"
        assert serve.query("SELECT call_id, target, role, count(*) FROM exchanges GROUP BY ALL HAVING count(*) > 1") == []
        for models in (one, two):
            assert max(markers(models).values()) == 1, "a call was sent twice"
        assert max(markers(incumbent).values()) <= 2


def answered(serve: Serve) -> int:
    return serve.one("SELECT count(*) FROM exchanges WHERE role = 'incumbent' AND outcome = 'answered'")


def counts(serve: Serve) -> tuple[int, ...]:
    """Calls, those with an exchange of the incumbent, decisions, those to send, exchanges of our own legs."""
    return serve.query("""
        SELECT (SELECT count(*) FROM calls),
               (SELECT count(DISTINCT call_id) FROM exchanges WHERE role = 'incumbent'),
               (SELECT count(*) FROM mirror_decisions),
               (SELECT count(*) FROM mirror_decisions WHERE decision = 'sent'),
               (SELECT count(*) FROM exchanges WHERE role <> 'incumbent')
    """)[0]


def closed(serve: Serve) -> bool:
    """Each call has one exchange of the incumbent and a decision for each of its three legs, and each that was sent has its exchange."""
    calls, first, decided, sent, answered = counts(serve)
    return calls == first and decided == 3 * calls and sent == answered

"""Planted credentials are in no file, log, metric or journal; planted personal data is in no file but the journal."""

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

from tests.fakes.models import Models
from tests.harness import Serve, config, until

CALLERS = "sk-" + "planted-caller-" + "a1b2c3d4e5f6"
CANDIDATES = "ck-" + "planted-candidate-" + "0f9e8d7c6b5a"
QUERY = "AIza" + "planted-query-" + "99887766"
COOKIE = "session=" + "planted-cookie-" + "55443322"
SECRETS = (CALLERS, CANDIDATES, QUERY, COOKIE.partition("=")[2])
PERSONAL = (
    "grace.hopper@navy-mail.net",
    "4111 1111 1111 1111",
    "GB82 WEST 1234 5698 7654 32",
    "078-05-1120",
    "203.0.114.77",
    "+1 415 555 2671",
)
BODY = """
[targets.inc]
url = "{incumbent}"
[targets.cand]
url = "{candidate}"
api_key_env = "PLANTED_CANDIDATE_KEY"
send = "anonymized"
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "cand" }} ]
"""


def post(url: str, body: object) -> bytes:
    headers = {"content-type": "application/json", "authorization": f"Bearer {CALLERS}", "x-api-key": CALLERS, "cookie": COOKIE}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=60) as answer:
        return answer.read()


def files_with(folder: Path, needle: str, *, skip: tuple[str, ...] = ()) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(skip):
            data = path.read_bytes()
            if needle.encode() in data or needle.replace(" ", "").encode() in data:
                found.append(str(path.relative_to(folder)))
    return found


def test_no_secret_and_no_person_leaves_the_journal(tmp_path: Path) -> None:
    with Models("inc") as incumbent, Models("cand") as candidate:
        text = config(BODY.format(incumbent=incumbent.url, candidate=candidate.url))
        with Serve(tmp_path, text, env={"PLANTED_CANDIDATE_KEY": CANDIDATES}) as serve:
            os.kill(serve.pid_of("recorder"), signal.SIGSTOP)  # so that the journal can be looked at
            told = " and ".join(PERSONAL)
            chat = {"model": "m", "messages": [{"role": "user", "content": f"Write to {told}"}]}
            assert told.encode() in post(serve.url + "/v1/chat/completions", chat)
            post(f"{serve.url}/v1beta/models/m:generateContent?key={QUERY}", {"contents": [{"role": "user", "parts": [{"text": told}]}]})
            until(lambda: len(candidate.seen) == 2)
            time.sleep(1.5)
            assert files_with(serve.journal, PERSONAL[0]), "the journal holds raw bodies for a moment"
            for secret in SECRETS:
                assert files_with(tmp_path, secret) == []
            os.kill(serve.pid_of("recorder"), signal.SIGCONT)
            until(lambda: serve.one("SELECT count(*) FROM pairs WHERE incumbent_text IS NOT NULL AND candidate_text IS NOT NULL") == 2)
            until(lambda: not files_with(serve.journal, PERSONAL[0]), 60, "and only for a moment")
            metrics = serve.get("/metrics")[1].decode() + json.dumps(serve.status())
            stored = json.dumps(
                [
                    list(map(str, row))
                    for table in ("calls", "exchanges", "mirror_decisions", "prefixes")
                    for row in serve.query(f"SELECT * FROM {table}")
                ]
            )
            for needle in (*SECRETS, *PERSONAL):
                assert needle not in metrics
                assert needle not in stored and needle.replace(" ", "") not in stored, needle
            for asked in candidate.seen:
                assert not any(person.encode() in asked.body for person in PERSONAL), "the candidate was to get anonymized text"
                assert not any(secret in str(asked.headers) + asked.path for secret in (CALLERS, QUERY, COOKIE))
            assert serve.query("SELECT DISTINCT saw FROM exchanges WHERE role = 'candidate'") == [("anonymized",)]
    for needle in (*SECRETS, *PERSONAL):
        assert files_with(tmp_path, needle) == [], needle


def test_the_same_person_is_the_same_pseudonym_in_prompt_and_both_answers(tmp_path: Path) -> None:
    with Models("inc") as incumbent, Models("cand") as candidate:
        body = BODY.format(incumbent=incumbent.url, candidate=candidate.url).replace('send = "anonymized"', 'send = "raw"')
        with Serve(tmp_path, config(body), env={"PLANTED_CANDIDATE_KEY": CANDIDATES}) as serve:
            post(serve.url + "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": PERSONAL[0]}]})
            rows = until(
                lambda: serve.query(
                    "SELECT prompt_text, incumbent_text, candidate_text FROM pairs JOIN calls USING (call_id) WHERE candidate_text IS NOT NULL AND incumbent_text IS NOT NULL"
                ),
                20,
            )
            prompt, one, other = rows[0]
            assert one == other == f"You said: {prompt.strip()}" and "@" in prompt

"""A stop that comes while a process of `serve` is starting: SIGTERM waits until it can be answered."""

import json
import os
import signal
import urllib.request
from pathlib import Path

from tests.fakes.models import Models
from tests.harness import Serve, config, until


def keeps_or_hears_sigterm(pid: int) -> bool:
    masks = [line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks)


def test_a_call_is_stored_though_serve_is_stopped_while_its_recorder_starts(tmp_path: Path) -> None:
    with Models("inc") as inc:
        text = config(f'[targets.inc]\nurl = "{inc.url}"\n[[routes]]\nname = "main"\nincumbent = "inc"\n')
        with Serve(tmp_path, text) as serve:
            before = serve.pid_of("recorder")
            os.kill(before, signal.SIGKILL)
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
            urllib.request.urlopen(serve.url + "/v1/chat/completions", body, timeout=60).close()
            until(lambda: (pid := serve.pid_of("recorder")) != before and keeps_or_hears_sigterm(pid))
            assert serve.stop() == 0
        assert serve.query("SELECT outcome FROM exchanges") == [("answered",)]

"""Sockets and settings that pass from one process to the next."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

from proxy import handover
from proxy.config_file import parse
from proxy.inheritance import Inherited, Key, hand_down, inherit

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
    import socket, sys, time
    from proxy import handover
    sock = socket.socket(); sock.bind(("127.0.0.1", 0)); sock.listen(8)
    assert handover.offer(sock) is not None
    print(sock.getsockname()[1], flush=True)
    time.sleep(60)
"""


def test_a_listening_socket_is_taken_from_a_living_process_and_outlives_it() -> None:
    words = [sys.executable, "-c", textwrap.dedent(CHILD)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        taken = handover.take(child.pid)
        assert taken is not None and taken.getsockname()[1] == port
        child.kill()
    with taken, socket.create_connection(("127.0.0.1", port), 5):
        taken.setblocking(True)
        taken.accept()[0].close()


def test_nobody_offers_for_a_process_that_is_not_there() -> None:
    assert handover.take(2**22 + 1) is None


def test_settings_are_handed_down_without_touching_a_disk() -> None:
    config = parse('[targets.a]\nurl = "http://127.0.0.1:9"\n[[routes]]\nname = "main"\nincumbent = "a"')
    fd = hand_down(Inherited(config=config, config_file="x.toml", key=b"secret"))
    assert "memfd" in str(Path(f"/proc/self/fd/{fd}").readlink())
    assert inherit(fd) == Inherited(config=config, config_file="x.toml", key=b"secret")


def test_a_key_does_not_show_itself() -> None:
    assert "abc" not in repr(Key(value=b"abc", repeatable=True))

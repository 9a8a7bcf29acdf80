"""Where connections lead: addresses of both families, names that lead elsewhere after a while, addresses that do not answer."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.fakes.upstream import Upstream, sized
from tests.harness import ROOT, Serve
from tests.harness import config as serve_config
from tests.proxy.certificates import Authority
from tests.proxy.relaying import Relaying, Talk, config, until
from tests.proxy.test_upstream_side import CALL, GET

WORKER = """
import socket, sys
from pathlib import Path
from proxy import worker
from proxy.config_file import load
worker.run(load(Path(sys.argv[2])), socket.socket(fileno=int(sys.argv[1])), "worker-0")
"""
OWN_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'
ROUTE = '[[routes]]\nname = "main"\nincumbent = "gpt"\n'


class At(Upstream):
    """The same, bound to an address of the test's choice; answers with it."""

    __slots__ = ()

    def __init__(self, host: str, port: int = 0, tls: object = None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__(lambda _: iter([sized(host.encode())]), tls=tls, _listening=socket.create_server((host, port), family=family))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


@contextmanager
def worker_with(hosts: Path, file: Path) -> Generator[int]:
    """A worker in a process whose /etc/hosts is `hosts`, which may be rewritten; the port it listens on."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", OWN_HOSTS, str(hosts)]
    try:
        if subprocess.run([*command, "true"], capture_output=True, timeout=60, check=False).returncode:
            pytest.skip("no mount namespace of our own here")
    except FileNotFoundError:
        pytest.skip("no unshare here")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        words = [*command, sys.executable, "-c", WORKER, str(listening.fileno()), str(file)]
        process = subprocess.Popen(words, cwd=ROOT, pass_fds=[listening.fileno()], env=os.environ | {"PYTHONPATH": str(ROOT)})
        try:
            yield listening.getsockname()[1]
        finally:
            process.terminate()
            process.wait(60)


def ask(port: int) -> tuple[int, bytes]:
    with Talk(socket.create_connection(("127.0.0.1", port), 20)) as talk:
        talk.send(CALL)
        answer = talk.answer()
        return answer.status, answer.body


def test_a_name_that_leads_elsewhere_is_followed_though_the_old_place_still_answers(tmp_path: Path) -> None:
    hosts, file = tmp_path / "hosts", tmp_path / "understudy.toml"
    hosts.write_text("127.0.0.1 model.example\n")
    with At("127.0.0.1") as old, At("127.0.0.2", old.port) as new:
        file.write_text(f'[server]\nupstream_age_s = 0.3\n[targets.gpt]\nurl = "http://model.example:{old.port}"\n{ROUTE}')
        with worker_with(hosts, file) as port:
            assert {ask(port) for _ in range(5)} == {(200, b"127.0.0.1")}
            hosts.write_text("127.0.0.2 model.example\n")
            until(lambda: ask(port) == (200, b"127.0.0.2"))
    assert new.connections == 1


@needs_ipv6
def test_an_address_that_does_not_answer_does_not_cost_the_whole_wait(tmp_path: Path) -> None:
    hosts, file = tmp_path / "hosts", tmp_path / "understudy.toml"
    hosts.write_text("::1 model.example\n127.0.0.1 model.example\n")
    with At("127.0.0.1") as up, socket.socket(socket.AF_INET6) as dead:
        dead.bind(("::1", up.port))
        dead.listen(0)
        waiting = [socket.socket(socket.AF_INET6) for _ in range(4)]
        for each in waiting:  # its queue is full: who comes now is not answered at all
            each.setblocking(False)
            each.connect_ex(("::1", up.port))
        file.write_text(f'[server]\nconnect_timeout_s = 3\n[targets.gpt]\nurl = "http://model.example:{up.port}"\n{ROUTE}')
        with worker_with(hosts, file) as port:
            assert ask(port) == (200, b"127.0.0.1")
        for each in waiting:
            each.close()


def test_no_connection_is_used_beyond_its_age(tmp_path: Path) -> None:
    began = time.monotonic()
    with Upstream() as up, Relaying(config(tmp_path, up.port, server="upstream_age_s = 0.2")) as relay:

        def three() -> bool:
            assert relay.ask(GET).status == 200
            return up.connections >= 3

        until(three)
        assert len(up.asked) > 3, "one that is young is used again"
        assert up.connections <= (time.monotonic() - began) / 0.2 + 1


@needs_ipv6
@pytest.mark.parametrize("secure", [False, True])
def test_an_ipv6_literal_is_reached_and_named_in_brackets(secure: bool, tmp_path: Path) -> None:
    authority = Authority()
    with At("::1", tls=authority.server("::1") if secure else None) as up:
        trust = f'ca_file = "{authority.write_ca(tmp_path / "ca.pem")}"\n' if secure else ""
        routes = f'[targets.gpt]\nurl = "http{"s" * secure}://[::1]:{up.port}"\n{trust}{ROUTE}'
        with Relaying(config(tmp_path, up.port, routes=routes)) as relay:
            assert relay.ask(CALL).body == b"::1"
        assert up.asked[0].header(b"host") == [b"[::1]:%d" % up.port]


@needs_ipv6
def test_serve_listens_on_ipv6(tmp_path: Path) -> None:
    with Upstream() as up:
        text = serve_config(f'[targets.gpt]\nurl = "http://127.0.0.1:{up.port}"\n{ROUTE}').replace('"127.0.0.1:0"', '"[::1]:0"')
        with Serve(tmp_path, text) as serve:
            assert serve.where is not None and serve.where.listen.startswith("[::1]:")
            until(lambda: serve.get("/healthz")[0] == 200)
            with Talk(socket.create_connection(("::1", int(serve.where.listen.rpartition(":")[2])), 20)) as talk:
                talk.send(CALL)
                assert talk.answer().status == 200

"""A real nginx with the configuration that is shipped, on a port of the system's choosing; skips where there is none."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, until

SHIPPED = ROOT / "deploy" / "nginx" / "understudy.conf"
LISTEN, SERVER = "listen 80;", "server 127.0.0.1:8080;"
AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log info;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    {temporary}
    include {folder}/understudy.conf;
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextlib.contextmanager
def nginx(folder: Path, behind: str) -> Iterator[str]:
    """Its address; `behind` is the host:port it forwards to."""
    if NGINX is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        at = f"127.0.0.1:{listening.getsockname()[1]}"
        configure(folder, at, behind)
        line = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        process = subprocess.Popen(line, env={"NGINX": f"{listening.fileno()};"}, pass_fds=[listening.fileno()])  # it takes the socket over
    try:
        until(lambda: (folder / "pid").exists() or process.poll() is not None, 60, "nginx is up")
        assert process.poll() is None, (folder / "error.log").read_text()
        yield f"http://{at}"
    finally:
        process.terminate()
        process.wait(60)


def configure(folder: Path, at: str, behind: str) -> None:
    text = SHIPPED.read_text("utf-8")
    assert text.count(LISTEN) == text.count(SERVER) == 1
    (folder / "understudy.conf").write_text(text.replace(LISTEN, f"listen {at};").replace(SERVER, f"server {behind};"), "utf-8")
    temporary = "\n    ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, temporary=temporary), "utf-8")

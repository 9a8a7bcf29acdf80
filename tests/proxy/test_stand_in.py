"""What the admin port says between two recorders: over real sockets to everybody, whole; and of a real `serve` whose recorder is killed."""

import asyncio
import functools
import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.stand_in import OPEN_MAX, standing_in
from tests.fakes.models import Models
from tests.harness import Serve, config, until

WHY = "the recorder ended"


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*given: Any, **more: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*given, **more), 60))

    return run


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as sock:
        sock.setblocking(False)
        yield sock


def url_of(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}/readyz"


@in_a_loop
async def test_whatever_is_asked_the_answer_is_503_and_why(listening: socket.socket) -> None:
    url = url_of(listening)
    async with standing_in(listening, WHY), aiohttp.ClientSession() as session:
        for method, body in (("GET", None), ("POST", b"x" * 1_000_000), ("PUT", b"x"), ("GET", None)):
            async with session.request(method, url, data=body) as answer:
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                assert json.loads(await answer.read()) == {"ready": False, "reasons": [WHY]}
        async with session.head(url) as answer:
            assert answer.status == 503
        async with session.get(url, headers={"x-long": "x" * 100_000}) as answer:
            assert answer.status == 503


@in_a_loop
async def test_clients_that_say_nothing_or_hang_up_are_in_nobodys_way(listening: socket.socket) -> None:
    where = listening.getsockname()
    async with standing_in(listening, WHY), aiohttp.ClientSession() as session:
        silent = [await asyncio.open_connection(*where) for _ in range(OPEN_MAX // 2)]
        for _ in range(20):
            _, writer = await asyncio.open_connection(*where)
            writer.write(b"GET /readyz HT")
            writer.transport.abort()
        async with session.get(url_of(listening)) as answer:
            assert answer.status == 503
        for reader, writer in silent:
            assert b"503" in (await reader.read() or b"503"), "told or hung up on, and not left waiting"
            writer.close()


@in_a_loop
async def test_more_clients_than_it_has_room_for_are_hung_up_on(listening: socket.socket) -> None:
    where = listening.getsockname()
    async with standing_in(listening, WHY):
        silent = [await asyncio.open_connection(*where) for _ in range(OPEN_MAX)]
        reader, writer = await asyncio.open_connection(*where)
        assert await reader.read() == b""
        for _, each in [*silent, (reader, writer)]:
            each.close()


def test_a_serve_that_ends_meanwhile_has_nothing_to_complain_of(listening: socket.socket) -> None:
    """Its loop ends within a client's second."""
    complaints: list[dict[str, Any]] = []

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with standing_in(listening, WHY):
            await asyncio.sleep(0.05)  # until each is being answered

    with ExitStack() as clients:
        for _ in range(3):
            clients.enter_context(socket.create_connection(listening.getsockname()))
        asyncio.run(serve())
    assert not complaints


@in_a_loop
async def test_who_comes_after_it_waits_for_the_next_who_accepts(listening: socket.socket) -> None:
    async with standing_in(listening, WHY):
        pass
    reader, writer = await asyncio.open_connection(*listening.getsockname())

    async def succeed(_: asyncio.StreamReader, theirs: asyncio.StreamWriter) -> None:
        theirs.write(b"the recorder")
        theirs.close()

    async with await asyncio.start_server(succeed, sock=listening.dup()):
        assert await reader.read() == b"the recorder"
        writer.close()


@in_a_loop
async def test_what_it_cannot_have_does_not_stop_the_recorder_from_being_started() -> None:
    sock = socket.socket()
    sock.close()
    async with standing_in(sock, WHY):
        pass


def of_nobody(serve: Serve, path: str) -> bool:
    """Whether the port answered for a recorder that was killed and not started again by then."""
    before = serve.pid_of("recorder")
    with suppress(ProcessLookupError):
        os.kill(before, signal.SIGKILL)
    status, body = serve.get(path)
    return status == 503 and b"the recorder ended (code -9)" in body and serve.pid_of("recorder") == before


def test_while_the_recorder_of_a_serve_is_dead_its_port_says_so_and_calls_go_on(tmp_path: Path) -> None:
    with Models("inc") as inc:
        text = config(f'[targets.inc]\nurl = "{inc.url}"\n[[routes]]\nname = "main"\nincumbent = "inc"\n')
        with Serve(tmp_path, text) as serve:
            for path in ("/readyz", "/metrics", "/api/status", "/"):
                until(lambda path=path: of_nobody(serve, path))
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
            with urllib.request.urlopen(serve.url + "/v1/chat/completions", body, timeout=60) as answer:
                assert b"hello" in answer.read()
            until(lambda: serve.get("/metrics")[0] == 200)
            until(lambda: serve.metric("understudy_calls_total", outcome="answered") == 1)

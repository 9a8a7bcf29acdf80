"""Candidates that misbehave, over real sockets: `ask` says what happened, in bounded time and memory, and raises nothing."""

import asyncio
import contextlib
import gzip
import os
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import pytest
from aiohttp import web

from proxy.adapt import Adapted
from proxy.config import Target
from proxy.keys import Credential
from replay.legs import Answered, HttpLeg, Question
from replay.room import Room
from tests.replay.kit import Model, model

ROOM = 64 << 20
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def a_question(body: bytes = b'{"model":"m"}', path: str = "/v1/chat/completions") -> Question:
    sent = Adapted(path=path, body=body, headers={"content-type": "application/json"}, model=None)
    return Question(call_id="call", dialect="openai.chat", family="openai", sent=sent)


async def answer_of(
    url: str, *, deadline_s: float = 20, answer_max_bytes: int = 1 << 20, room: Room | None = None, **more: Any
) -> Answered:
    room = room or Room(ROOM)
    leg = HttpLeg(Target(url=url, deadline_s=deadline_s), Credential("sk-own", {}, ""), room, answer_max_bytes=answer_max_bytes, **more)
    try:
        return await leg.ask(a_question())
    finally:
        await leg.close()
        assert room.taken == 0


@contextlib.asynccontextmanager
async def raw(script: Script) -> AsyncGenerator[str]:
    """A server of bytes: what it is asked is read, what it says is up to the script."""

    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in served:
            task.cancel()
        if served:
            await asyncio.wait(served)


def told(script: Script, **more: Any) -> Answered:
    async def story() -> Answered:
        async with raw(script) as url:
            return await answer_of(url, **more)

    return asyncio.run(story())


async def after_the_head(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len(a_question().sent.body))


def test_a_candidate_that_hangs_is_timed_out() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()  # until we leave
        await reader.read()

    found = told(hang, deadline_s=0.2)
    assert (found.ended, found.status, found.error) == ("timed_out", 0, "no whole answer within deadline_s = 0.2")


def test_a_candidate_that_hangs_in_the_middle_keeps_what_it_said() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await after_the_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        await reader.read()

    found = told(half, deadline_s=2)
    assert (found.ended, found.status, found.body, found.chunks) == ("timed_out", 200, b"half", 1)
    assert found.first_byte_us is not None and found.marks == ((found.first_byte_us, 4),)


@pytest.mark.parametrize("head", [b"content-length: 10\r\n", b"transfer-encoding: chunked\r\n"])
def test_a_candidate_that_breaks_off_is_cut(head: bytes) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await after_the_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + (b"half" if b"length" in head else b"4\r\nhalf\r\n"))
        await writer.drain()

    found = told(cut)
    assert (found.ended, found.status, found.body) == ("cut", 200, b"half")


def test_a_candidate_that_closes_without_a_word_is_unreachable() -> None:
    async def close(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await after_the_head(reader)

    assert (told(close).ended, told(close).status) == ("unreachable", 0)


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02garbage\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_a_candidate_that_speaks_something_else_is_unreachable(garbage: bytes) -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        await writer.drain()

    assert told(garble).ended == "unreachable"


def test_tls_with_garbage_behind_it_is_unreachable() -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"this is no handshake" * 20)
        await writer.drain()

    async def story() -> Answered:
        async with raw(garble) as url:
            return await answer_of(url.replace("http", "https"))

    found = asyncio.run(story())
    assert (found.ended, found.status) == ("unreachable", 0)


def test_a_port_that_nobody_listens_on_is_unreachable() -> None:
    found = asyncio.run(answer_of("http://127.0.0.1:9"))
    assert (found.ended, found.status) == ("unreachable", 0)
    assert "sk-own" not in found.error


def test_an_endless_answer_is_cut_off_and_memory_stays_flat() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await after_the_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n")
        piece = b"x" * 65536
        for _ in range(16384):
            writer.write(piece)
            await writer.drain()
            sent += len(piece)

    tracemalloc.start()
    found = told(endless, answer_max_bytes=1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.ended, found.status) == ("cut", 200)
    assert "shadow.answer_max_bytes = 1048576" in found.error
    assert len(found.body) <= 1 << 20
    assert peak < 16 << 20
    assert sent < 256 << 20


def test_answers_share_one_bound_in_memory() -> None:
    async def large(request: web.Request, body: bytes) -> web.Response:
        return web.Response(body=b"x" * 200_000)

    async def story() -> Answered:
        async with model(large) as small:
            return await answer_of(small.url, room=Room(100_000))

    found = asyncio.run(story())
    assert found.ended == "cut" and "shadow.queue_max_bytes = 100000 are taken" in found.error


async def _refuse(request: web.Request, body: bytes) -> web.Response:
    return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"retry-after": "7", "set-cookie": "a=b"})


async def _move(request: web.Request, body: bytes) -> web.Response:
    return web.Response(status=307, headers={"location": "/elsewhere"})


async def _squeeze(request: web.Request, body: bytes) -> web.Response:
    return web.Response(body=gzip.compress(b'{"a":1}'), headers={"content-encoding": "gzip", "content-type": "application/json"})


async def _fail(request: web.Request, body: bytes) -> web.Response:
    return web.Response(status=500, body=b"boom")


@pytest.mark.parametrize(("handler", "status"), [(_refuse, 429), (_move, 307), (_fail, 500)])
def test_a_status_is_an_answer_like_any_other(handler: Any, status: int) -> None:
    async def story() -> tuple[Answered, Model]:
        async with model(handler) as small:
            return await answer_of(small.url), small

    found, small = asyncio.run(story())
    assert (found.ended, found.status, len(small.seen)) == ("complete", status, 1)
    assert "set-cookie" not in found.headers


def test_compressed_bytes_are_kept_as_they_came() -> None:
    async def story() -> Answered:
        async with model(_squeeze) as small:
            return await answer_of(small.url)

    found = asyncio.run(story())
    assert gzip.decompress(found.body) == b'{"a":1}'
    assert found.headers["content-encoding"] == "gzip"


def test_our_own_key_is_sent_and_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", os.devnull)

    async def story() -> Model:
        async with model() as small:
            assert (await answer_of(small.url + "/base")).status == 200
            return small

    [(path, headers, _)] = asyncio.run(story()).seen
    assert path == "/base/v1/chat/completions"
    assert headers["Authorization"] == "Bearer sk-own"
    assert "Cookie" not in headers


def test_cookies_are_not_kept_between_calls() -> None:
    async def story() -> Model:
        async with model(_refuse) as small:
            leg = HttpLeg(Target(url=small.url), Credential(None, {}, ""), Room(ROOM), answer_max_bytes=1 << 20)
            for _ in range(2):
                await leg.ask(a_question())
            await leg.close()
            return small

    assert all("Cookie" not in headers for _, headers, _ in asyncio.run(story()).seen)


def test_a_raw_path_is_sent_as_it_is() -> None:
    async def story() -> Model:
        async with model() as small:
            leg = HttpLeg(Target(url=small.url), Credential(None, {}, ""), Room(ROOM), answer_max_bytes=1 << 20)
            await leg.ask(a_question(path="/v1beta/models/a%2Fb:generateContent?alt=sse&x=%20"))
            await leg.close()
            return small

    assert asyncio.run(story()).seen[0][0] == "/v1beta/models/a%2Fb:generateContent?alt=sse&x=%20"

"""Connections that say half of what they have to say, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn import config
from uvicorn.server import ServerState

from marquee.serving.service.guard import connections
from marquee.serving.service.guard.connections import Connection

LARGE = 20_000_000
"""Bytes of an answer that no socket's buffer takes."""
PATIENCE_SECONDS = 30
Open = Callable[[bytes], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """`/read` wants the whole body, `/large` answers much, all else answers at once."""
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
    await PlainTextResponse("x" * (LARGE if scope["path"] == "/large" else 1))(scope, receive, send)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Open, ServerState]]:
    state, settings = ServerState(), uvicorn.Config(app, lifespan="off", log_config=None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(config=settings, server_state=state, app_state={}), "127.0.0.1", 0
    )
    opened = []

    async def connect(data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        opened.append(writer)
        writer.write(data)
        await writer.drain()
        return reader, writer

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield connect, state
    finally:
        for writer in opened:
            writer.close()
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()  # type: ignore[union-attr]
        await asyncio.gather(*state.tasks, return_exceptions=True)


def run(session: Callable[[Open, ServerState], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with listening() as (connect, state):
            return await session(connect, state)

    return asyncio.run(main())


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side closes; nothing where it does so without a word."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(connections, "LONGEST", {"head": 0.1, "rest": 0.1, "other": 0.1})


HEAD = b"POST %b HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n123"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: he", HEAD % b"/read"])
def test_who_never_ends_a_request_is_closed(sent: bytes):
    async def session(connect: Open, state: ServerState) -> bytes:
        reader, _ = await connect(sent)
        return await all_of(reader)

    assert run(session) == b""


@pytest.mark.usefixtures("impatient")
def test_a_header_that_comes_in_drops_is_closed_too():
    async def session(connect: Open, state: ServerState) -> int:
        reader, writer = await connect(b"GET / HTTP/1.1\r\n")
        sent = 0
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"X: y\r\n")
            sent += 1
            await asyncio.sleep(0.01)
        return sent

    assert run(session) > 5


@pytest.mark.usefixtures("impatient")
def test_the_rest_of_a_body_that_was_answered_already_is_not_waited_for():
    async def session(connect: Open, state: ServerState) -> bytes:
        reader, _ = await connect(HEAD % b"/at_once")
        return await all_of(reader)

    assert run(session).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_nobody_reads_is_given_up():
    async def session(connect: Open, state: ServerState) -> int:
        reader, writer = await connect(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while state.connections:
            await asyncio.sleep(0.01)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        return len(await all_of(reader))

    assert run(session) < LARGE


def test_a_second_request_has_its_own_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(connections, "LONGEST", dict.fromkeys(connections.LONGEST, 1.0))

    async def session(connect: Open, state: ServerState) -> list[bytes]:
        reader, writer = await connect(b"")
        answers = []
        for _ in range(6):
            await asyncio.sleep(0.2)
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            answers.append(await reader.readuntil(b"\r\n\r\nx"))
        return answers

    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in run(session))


def test_of_too_many_connections_the_one_that_waits_for_the_longest_is_closed(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(connections, "MOST", 5)

    async def session(connect: Open, state: ServerState) -> tuple[list[bytes], bytes, int]:
        held = [await connect(b"GET / HTTP/1.1\r\n") for _ in range(20)]
        reader, _ = await connect(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        answer = await all_of(reader)
        return [await all_of(one) for one, _ in held[:15]], answer, len(state.connections)

    closed, answer, left = run(session)
    assert closed == [b""] * 15
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert left <= 5


@pytest.mark.parametrize(
    "sent",
    [
        b"no http at all\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"x" * 70_000,  # a header without end
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused_in_the_one_shape_and_closed(sent: bytes):
    async def session(connect: Open, state: ServerState) -> bytes:
        reader, _ = await connect(sent)
        return await all_of(reader)

    head, _, body = run(session).partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"501")
    assert b"x-content-type-options: nosniff" in head
    assert json.loads(body) == {"detail": [{"loc": [], "msg": "Invalid HTTP request received."}]}


def test_a_web_socket_is_no_way_around():
    async def session(connect: Open, state: ServerState) -> bytes:
        upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        reader, _ = await connect(b"GET / HTTP/1.1\r\nHost: here\r\n" + upgrade + key + b"\r\n")
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)

    assert run(session).startswith(b"HTTP/1.1 200 OK")


def test_uvicorn_uses_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(config.HTTP_PROTOCOLS, "auto", "nothing")
    connections.use()
    settings = uvicorn.Config(app, log_config=None)
    settings.load()
    assert settings.http_protocol_class is Connection

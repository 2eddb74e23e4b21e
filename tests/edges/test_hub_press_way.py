"""A press has the right of way before its task has its first turn; nothing else that comes over HTTP has. On a real server and socket."""

import asyncio
import contextlib
import socket

import pytest

from core.right_of_way import RightOfWay
from hub.patient_http import BESPOKEN_S
from hub.settings import load
from hub.worker import DrainingServer, uvicorn_config

pytestmark = pytest.mark.anyio
SETTINGS = load({"PORCHLIGHT_SECRET_KEYS": "a-secret-of-more-than-thirty-two-characters", "PORCHLIGHT_DRAIN_S": "0"})


async def nothing() -> None:
    return


@contextlib.asynccontextmanager
async def served(way: RightOfWay):
    """Serve an application that answers whether the way was free when it was called."""

    async def app(scope, receive, send):
        body = b"free" if way.is_free else b"taken"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = DrainingServer(uvicorn_config(app, SETTINGS, way), nothing)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            await serving


async def answer_to(address: tuple[str, int], line: str) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"{line} HTTP/1.1\r\nHost: hub\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("POST /v1/sos", b"taken"), ("POST /v1/sos?from=page", b"taken"), ("POST /v1/sos/pin", b"free"), ("POST /v1/fixes", b"free"),
        ("POST /v1/soso", b"free"),
    ],
)  # fmt: skip
async def test_only_a_press_finds_the_way_taken(line: str, expected: bytes) -> None:
    async with served(RightOfWay()) as address:
        assert await answer_to(address, line) == expected


async def test_the_way_is_given_up_again_though_nobody_asked_for_it() -> None:
    way, given_up = RightOfWay(), asyncio.get_running_loop().create_future()
    async with served(way) as address:
        await answer_to(address, "POST /v1/sos")
        asyncio.get_running_loop().call_later(BESPOKEN_S, given_up.set_result, None)
        await given_up
        assert way.is_free

"""Endpoints served on a free port of this machine, in this loop, as the hub serves them: for tests in which another company calls us."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from core.caller import NOBODY, Caller
from core.http_endpoint import Endpoint, route_of
from tests.doubles.free_port import free_listener

START_S = 20.0


class FixedCaller:
    """Meets `core.http_endpoint.Authenticator`: everyone is `caller`."""

    def __init__(self, caller: Caller = NOBODY) -> None:
        self.caller = caller

    async def caller_of(self, request: Request) -> Caller:
        return self.caller


class NoIdempotency:
    """Meets `core.http_endpoint.IdempotencyStore`: remembers nothing."""

    async def begin(self, owner: str, key: str, fingerprint: str) -> tuple[int, bytes] | None:
        return None

    async def finish(self, owner: str, key: str, status: int, body: bytes) -> None:
        return None

    async def abandon(self, owner: str, key: str) -> None:
        return None


def app_of(endpoints: Sequence[Endpoint], caller: Caller = NOBODY) -> Starlette:
    answers = NoIdempotency()
    return Starlette(routes=[route_of(endpoint, FixedCaller(caller), answers, "https://hub.example") for endpoint in endpoints])


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """Serve `app`; yield its URL."""
    listening = free_listener()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=5))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(START_S):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for having started
            await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listening.close()

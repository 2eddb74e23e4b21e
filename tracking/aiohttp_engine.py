"""Asks a routing engine over HTTP: one deadline, one bounded answer, every failure `Unavailable`."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import aiohttp
import msgspec

from core.errors import Unavailable

MAX_ANSWER_BYTES = 1 << 20
"""Without geometry an answer takes some hundred bytes; Valhalla's manoeuvres of a long way take some hundred kilobytes."""
T = TypeVar("T")


async def asked(name: str, request: AbstractAsyncContextManager[aiohttp.ClientResponse], wanted: type[T], deadline_s: float) -> T:
    """Return the decoded answer of `request`; raises `Unavailable` when it is late, refused, too long or no such JSON.

    A status of 400 is decoded too: engines say "no way found" with it, in the same shape.
    """
    try:
        async with asyncio.timeout(deadline_s), request as response:
            body = await _bounded(name, response)
            if response.status not in (200, 400):
                raise Unavailable(f"{name} answered {response.status}. Look at its log.")
            return msgspec.json.decode(body, type=wanted)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"{name} did not answer within {deadline_s} s ({type(error).__name__}).") from None
    except msgspec.MsgspecError as error:
        raise Unavailable(f"{name} answered with something else than a route: {error}. Is its address right?") from None


async def _bounded(name: str, response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Unavailable(f"{name} answered with more than {MAX_ANSWER_BYTES} bytes. Is its address right?")
    return bytes(body)

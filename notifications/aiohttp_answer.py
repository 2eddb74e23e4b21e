"""How is an answer read whole, never more of it than is wanted, and in time? One read of aiohttp returns what came so far, not what will
come.
"""

import aiohttp


def within(seconds: float, connect_s: float) -> aiohttp.ClientTimeout:
    """Return a request's deadline, exact: aiohttp rounds those of 5 s and more up to the next whole second."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=connect_s, ceil_threshold=seconds + 1.0)


async def read_answer(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Return the body, or its first `most_bytes`; raises what aiohttp raises when the connection breaks on the way."""
    body = bytearray()
    while len(body) < most_bytes and (piece := await response.content.read(most_bytes - len(body))):
        body += piece
    return bytes(body)

"""How is an answer read whole, and never more of it than is wanted? One read of aiohttp returns what came so far, not what will come."""

import aiohttp


async def read_answer(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Return the body, or its first `most_bytes`; raises what aiohttp raises when the connection breaks on the way."""
    body = bytearray()
    while len(body) < most_bytes and (piece := await response.content.read(most_bytes - len(body))):
        body += piece
    return bytes(body)

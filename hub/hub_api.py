"""How does a program of ours ask the hub over HTTP? JSON with a bearer token; problems become errors with the hub's own sentence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from core.errors import HubError, Unavailable

DEADLINE_S = 10.0


class Refusal(HubError):
    """The hub refused the request; the detail is its own sentence."""

    code = "refused"


class HubApi:
    """Requests to one hub. `url`: such as http://127.0.0.1:8080."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._session = session

    async def post(self, path: str, body: dict[str, Any], token: str) -> dict[str, Any]:
        """Return the answer to a POST. Raises `Refusal` with the hub's sentence, `Unavailable` when it does not answer."""
        return await self._ask("POST", path, token, msgspec.json.encode(body))

    async def get(self, path: str, token: str) -> dict[str, Any]:
        """Return the answer to a GET; raises as `post`."""
        return await self._ask("GET", path, token, None)

    async def _ask(self, method: str, path: str, token: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._session.request(method, self._url + path, data=body, headers=headers) as answer:
                raw = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"The hub at {self._url} does not answer ({type(error).__name__}). Is it running?") from None
        said: Any = msgspec.json.decode(raw) if raw else {}
        if status >= 400:
            raise Refusal(str(said.get("detail", f"status {status}")), status_seen=status)
        return dict(said)


@asynccontextmanager
async def hub_api(url: str) -> AsyncIterator[HubApi]:
    """Open a client session for one hub."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as session:
        yield HubApi(url, session)

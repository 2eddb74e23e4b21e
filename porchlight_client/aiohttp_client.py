"""The client for programs with an event loop: sends requests over HTTP, repeats what is safe to repeat, watches visits over a socket.

    async with AsyncPorchlight("https://hub.example", "pl_api_...") as hub:
        async for technician in hub.technicians.list(on_shift=True): ...
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Self, TypeVar

import aiohttp
import msgspec

from core.errors import HubError
from core.ids import IdSource, RandomIds
from porchlight_client.aiohttp_watch import watch_visit
from porchlight_client.ask import Ask, Page, Repeat
from porchlight_client.groups import AsyncHub
from porchlight_client.problems import NoAnswer, StrangeAnswer, error_of
from porchlight_client.retry import judge
from porchlight_client.watching import Sight

T = TypeVar("T")
DEADLINE_S = 10.0
USER_AGENT = "porchlight-client"


class AsyncPorchlight(AsyncHub):
    """One hub, asked with one API key. `url`: such as https://hub.example; `deadline_s`: for each try of a request.

    Every method raises a `HubError`: the hub's own refusals by class (`NotFound`, `IllegalMove`, ...), `NoAnswer` when it cannot be
    reached. Reading, and what carries an idempotency key, is tried up to four times, as long as the hub's Retry-After asks; all else once.
    """

    def __init__(self, url: str, api_key: str, *, deadline_s: float = DEADLINE_S, ids: IdSource | None = None) -> None:
        super().__init__(self)
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "User-Agent": USER_AGENT}
        self._deadline = aiohttp.ClientTimeout(total=deadline_s)
        self._ids = ids or RandomIds()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def run(self, ask: Ask[T]) -> T:
        """Send a request and return its answer."""
        headers = self._headers_of(ask)
        tries = 0
        while True:
            tries += 1
            try:
                return await self._try(ask, headers)
            except HubError as error:
                verdict = judge(ask, error, tries, self._ids.uniform(0, 1))
                if verdict.wait_s is None:
                    raise
                await asyncio.sleep(verdict.wait_s)

    async def walk(self, ask: Ask[Page[T]]) -> AsyncIterator[T]:
        """Walk through all pages of a list."""
        while True:
            page = await self.run(ask)
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            ask = ask.after(page.next_cursor)

    def watch(self, link: str) -> AsyncIterator[Sight]:
        """Watch a visit as its customer sees it, by the `token` of a link: yields a `Sight` now and at every change, newest only.

        Comes back by itself when the line breaks. Ends for good with `NotFound` when the link ends, `NotSignedIn` when it is revoked.
        """
        return watch_visit(self._open(), self._url, link, self._ids)

    def _headers_of(self, ask: Ask[T]) -> dict[str, str]:
        # Made once for all tries: the same key is what makes a repetition safe.
        headers = dict(self._headers)
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
        if ask.repeat is Repeat.KEYED:
            headers["Idempotency-Key"] = ask.key or self._ids.new_id()
        return headers

    async def _try(self, ask: Ask[T], headers: dict[str, str]) -> T:
        url = self._url + ask.path
        try:
            async with self._open().request(
                ask.method, url, params=ask.query, data=ask.body, headers=headers, timeout=self._deadline, allow_redirects=False
            ) as answer:
                raw = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            what = f"The hub at {self._url} does not answer ({type(error).__name__})."
            raise NoAnswer(f"{what} Check the address and whether it runs.") from error
        if answer.status >= 400:
            raise error_of(
                answer.status, raw, retry_after=answer.headers.get("Retry-After"), request_id=answer.headers.get("X-Request-Id")
            )
        try:
            return ask.decoded(raw)
        except msgspec.DecodeError as error:
            raise StrangeAnswer(f"The answer to {ask.method} {ask.path} is not what a hub says: {error}.") from error

    def _open(self) -> aiohttp.ClientSession:
        # Opened at the first request, because aiohttp wants a running loop and clients are made anywhere.
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

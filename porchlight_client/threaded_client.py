"""The client for programs without an event loop: the same client, in a loop of its own on a thread of its own.

    with Porchlight("https://hub.example", "pl_api_...") as hub:
        visit = hub.visits.book(body)
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Self, TypeVar, cast

from core.ids import IdSource
from porchlight_client.aiohttp_client import DEADLINE_S, AsyncPorchlight
from porchlight_client.ask import Ask, Page
from porchlight_client.groups import BlockingHub
from porchlight_client.watching import Sight

T = TypeVar("T")


class Porchlight(BlockingHub):
    """One hub, asked with one API key; methods wait for their answers. See `AsyncPorchlight` for errors and repetitions.

    May be used from several threads. `close` it, or use it in a `with` block.
    """

    def __init__(self, url: str, api_key: str, *, deadline_s: float = DEADLINE_S, ids: IdSource | None = None) -> None:
        super().__init__(self)
        self._client = AsyncPorchlight(url, api_key, deadline_s=deadline_s, ids=ids)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="porchlight-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and end the thread. Closing twice is fine."""
        if self._loop.is_closed():
            return
        self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, ask: Ask[T]) -> T:
        """Send a request and return its answer."""
        return self._wait(self._client.run(ask))

    def walk(self, ask: Ask[Page[T]]) -> Iterator[T]:
        """Walk through all pages of a list."""
        return self._each(self._client.walk(ask))

    def watch(self, link: str) -> Iterator[Sight]:
        """Watch a visit; see `AsyncPorchlight.watch`. Waits between changes."""

        async def watching() -> AsyncIterator[Sight]:
            async for sight in self._client.watch(link):
                yield sight

        return self._each(watching())

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        try:
            while True:
                try:
                    item = self._wait(cast("Coroutine[Any, Any, T]", anext(items)))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if (close := getattr(items, "aclose", None)) is not None and not self._loop.is_closed():
                self._wait(close())

    def _wait(self, story: Coroutine[Any, Any, T]) -> T:
        async def told() -> T:
            return await story

        return asyncio.run_coroutine_threadsafe(told(), self._loop).result()

"""When is the next round due? A flow's sleep that anybody may cut short."""

import asyncio

from core.clock import Clock


class Wake:
    """Sleeps up to a number of seconds, or until `now` is called; a call while nobody sleeps ends the next sleep at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()

    def now(self) -> None:
        """End the sleep."""
        self._event.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep at most `seconds`; 0 or less does not sleep."""
        waker = asyncio.ensure_future(self._event.wait())
        sleeper = asyncio.ensure_future(self._clock.sleep(max(0.0, seconds)))
        try:
            await asyncio.wait({waker, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waker.cancel()
            sleeper.cancel()
        self._event.clear()

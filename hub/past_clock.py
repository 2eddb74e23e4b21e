"""What would have happened earlier today? A clock that runs some time behind the real one, so that the demo can have a past."""

from datetime import datetime, timedelta

from core.clock import Clock
from core.units import Millis


class PastClock:
    """Meets `core.clock.Clock`. `ago_s`: how many seconds behind `clock` it stands; it may be changed."""

    def __init__(self, clock: Clock) -> None:
        self.ago_s = 0.0
        self._clock = clock

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._clock.now() - timedelta(seconds=self.ago_s)

    def now_ms(self) -> Millis:
        """See `Clock.now_ms`."""
        return Millis(self._clock.now_ms() - int(self.ago_s * 1000))

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await self._clock.sleep(seconds)

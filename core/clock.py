"""What time is it? The only reader of real time in the house; everything else is handed a `Clock`.

The wall clock is read once, at start, and carried on by the monotonic clock, so that an operator or NTP who moves the
wall clock by an hour neither fires nor mutes a timer.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from core.units import Millis


class Clock(Protocol):
    """The port for time. `SystemClock` in production, `tests.doubles.fake_clock.FakeClock` in tests."""

    def now(self) -> datetime:
        """Return the present moment as an aware UTC datetime. Never runs backwards within a process."""
        ...

    def now_ms(self) -> Millis:
        """Return the present moment as milliseconds since 1970, UTC; agrees with `now()`."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start, for durations and deadlines within this process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` (0 or more) of this clock's time."""
        ...


class SystemClock:
    """The machine's clock: wall time at construction plus monotonic time since."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.fromtimestamp(self._now_s(), UTC)

    def now_ms(self) -> Millis:
        """See `Clock.now_ms`."""
        # Asked several times on the way of every fix: hence no further call in between.
        return (self._offset_ns + time.monotonic_ns()) // 1_000_000  # type: ignore[return-value]

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)

    def wall_drift_s(self) -> float:
        """Return how far the operator's wall clock has moved away since start, in seconds; health warns above 60."""
        return time.time() - self._now_s()

    def _now_s(self) -> float:
        return (self._offset_ns + time.monotonic_ns()) / 1e9


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(at: datetime) -> Millis:
    """Return milliseconds since 1970 for an aware datetime; raises `ValueError` for a naive one, which has no instant."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no zone: it names no instant. Attach one, for example datetime.now(UTC).")
    return Millis(round((at - _EPOCH).total_seconds() * 1000))


def from_ms(at_ms: int) -> datetime:
    """Return the aware UTC datetime of `at_ms`, milliseconds since 1970; exact to the millisecond."""
    return _EPOCH + timedelta(milliseconds=at_ms)

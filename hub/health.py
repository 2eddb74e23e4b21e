"""What is wrong with this worker, in words? Named faults with cures, and the one question of a load balancer: can it still take a tap?

A check returns a sentence when something is wrong and None when all is well. `/readyz` asks the doors only: it is 503 when a tap can
neither be committed nor journaled here, and for nothing else, because a load balancer must never take the last door away.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from core.clock import Clock

CHECK_DEADLINE_S = 2.0
FRESH_S = 1.0
"""Health is computed at most once a second, however many ask."""
Check = Callable[[], Awaitable[str | None]]


class Weight(StrEnum):
    """How bad a fault is."""

    WARNING = "warning"
    """Works, but look at it soon."""
    FAULT = "fault"
    """Something that people rely on does not work."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: its stable `name`, a sentence with the cure, and since when this worker knows."""

    name: str
    weight: Weight
    detail: str
    since: datetime


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `/v1/health`: `status` is `ok`, `degraded` or `unready`."""

    status: str
    can_take_taps: bool
    faults: list[Fault]
    version: str
    at: datetime


class HealthBook:
    """The checks of one worker and what they found last."""

    def __init__(self, clock: Clock, version: str) -> None:
        self._clock = clock
        self._version = version
        self._checks: dict[str, tuple[Weight, Check]] = {}
        self._doors: dict[str, Check] = {}
        self._since: dict[str, datetime] = {}
        self._last: Health | None = None
        self._last_at_s = float("-inf")
        self._turn = asyncio.Lock()

    def check(self, name: str, check: Check, weight: Weight = Weight.FAULT) -> None:
        """Add a check under a stable `name`."""
        self._checks[name] = (weight, check)

    def door(self, name: str, check: Check) -> None:
        """Add a way by which a tap becomes durable; a door that fails is a fault, all doors failing make the worker unready."""
        self._doors[name] = check

    def names(self) -> list[str]:
        """Return the names of all doors and checks."""
        return [*self._doors, *self._checks]

    async def look(self) -> Health:
        """Return the present health, at most `FRESH_S` old."""
        async with self._turn:
            if self._last is None or self._clock.monotonic() - self._last_at_s > FRESH_S:
                self._last = await self._look()
                self._last_at_s = self._clock.monotonic()
            return self._last

    async def _look(self) -> Health:
        names = self.names()
        checks = [*self._doors.values(), *(check for _, check in self._checks.values())]
        found = dict(zip(names, await asyncio.gather(*map(self._ask, checks)), strict=True))
        can_take_taps = not self._doors or any(found[name] is None for name in self._doors)
        faults = [self._fault(name, detail) for name, detail in found.items() if detail is not None]
        for name in names:
            if found[name] is None:
                self._since.pop(name, None)
        status = "unready" if not can_take_taps else "degraded" if faults else "ok"
        return Health(status=status, can_take_taps=can_take_taps, faults=faults, version=self._version, at=self._clock.now())

    async def _ask(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_DEADLINE_S):
                return await check()
        except TimeoutError:
            return f"It did not answer within {CHECK_DEADLINE_S:g} s."
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:200]

    def _fault(self, name: str, detail: str) -> Fault:
        weight = self._checks[name][0] if name in self._checks else Weight.FAULT
        return Fault(name=name, weight=weight, detail=detail, since=self._since.setdefault(name, self._clock.now()))

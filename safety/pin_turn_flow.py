"""Whose PIN is looked at now? One try of a technician at a time, on whatever worker, and its answer at a moment that no PIN changes.

What paces the tries is in SQL, so that neither a restart nor another worker forgets it. A press never waits here: it asks for no PIN.
"""

import asyncio
from weakref import WeakValueDictionary

import msgspec

from core.clock import Clock
from core.errors import BadInput, Busy
from core.ids import TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from safety.pin_pace import ANSWER_AFTER_S, LONGEST_S, answer_after_s, begun, counted, wait_s
from safety.pin_ports import Pins

MOST_WAITING = 3
"""Tries of one technician that wait on one worker: a page and an app that send again. More are somebody's program."""


class PinBusy(Busy):
    """Another PIN of this account is being looked at. This one was not: wait for the answer, then enter it again."""

    code = "pin_busy"


class PinTurn(msgspec.Struct, frozen=True):
    """A try that may be looked at: when it began, by the monotonic clock, and how long after that its answer leaves at the earliest."""

    began_s: float
    answer_after_s: float


class PinTurns:
    """Gives turns to tries."""

    def __init__(self, work: UnitOfWork, pins: Pins, clock: Clock) -> None:
        self._work = work
        self._pins = pins
        self._clock = clock
        self._queues: WeakValueDictionary[TechnicianId, _Queue] = WeakValueDictionary()

    async def take(self, technician_id: TechnicianId) -> PinTurn:
        """Return once a PIN of hers may be looked at; raises `BadInput` when she never set PINs, `PinBusy` when too many wait."""
        queue = self._queues.get(technician_id)
        if queue is None:
            queue = self._queues[technician_id] = _Queue()
        if queue.waiting >= MOST_WAITING:
            raise PinBusy
        queue.waiting += 1
        until_s = self._clock.monotonic() + LONGEST_S
        try:
            async with queue.lock:
                return await self._in_turn(technician_id, until_s)
        finally:
            queue.waiting -= 1

    async def answer_moment(self, turn: PinTurn) -> None:
        """Wait until the moment at which the answer to a try leaves, whatever the PIN was."""
        passed_s = self._clock.monotonic() - turn.began_s
        if passed_s < turn.answer_after_s:
            await self._clock.sleep(turn.answer_after_s - passed_s)
        else:
            await self._clock.sleep(ANSWER_AFTER_S - passed_s % ANSWER_AFTER_S)

    async def count_wrong(self, tx: Tx, technician_id: TechnicianId) -> None:
        """Remember a wrong PIN, in the caller's transaction."""
        pace = await self._pins.pace(tx, technician_id)
        if pace is not None:
            await self._pins.keep_pace(tx, technician_id, counted(pace, self._clock.now()))

    async def _in_turn(self, technician_id: TechnicianId, until_s: float) -> PinTurn:
        while True:
            turn, others_s = await self._begin(technician_id)
            if turn is not None:
                return turn
            if self._clock.monotonic() + others_s > until_s:
                raise PinBusy
            await self._clock.sleep(others_s)

    async def _begin(self, technician_id: TechnicianId) -> tuple[PinTurn | None, float]:
        """Return the turn, or None and for how many seconds another worker's try still has it."""
        async with self._work.begin(urgent=True) as tx:
            pace, now = await self._pins.pace(tx, technician_id), self._clock.now()
            if pace is None:
                raise BadInput("No PINs are set for this account. Speak to the desk; set PINs at a quiet moment.")
            if (others_s := wait_s(pace, now)) > 0:
                return None, others_s
            await self._pins.keep_pace(tx, technician_id, begun(pace, now))
        return PinTurn(self._clock.monotonic(), answer_after_s(pace, now)), 0.0


class _Queue:
    """Tries of one technician on this worker, first come first served."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0

"""What becomes of fixes that come in while somebody calls for help? Their frames are set aside unread, and read when she has her receipt.

Called by `ws_technician` with every frame. Reading, judging and answering a fix costs many times what putting its frame into a queue costs,
and a press waits for all of it at each turn of the event loop. A press that comes in the next moment waits for the present turn as well: so
of more frames than a slice in one turn, as after any hold-up, the rest is set aside too, and read slice by slice.

Only frames that begin as fixes do are set aside, so a press, a PIN and a status are heard at once. What is set aside is not acknowledged:
whoever loses it here, by a closed socket or the end of the process, sends it again.
"""

import asyncio
from collections import deque
from typing import Protocol

from core.clock import Clock
from core.right_of_way import RightOfWay
from realtime.wire_decode import FIXES_BEGIN

GIVES_WAY_S = 0.5
"""So long a round of frames waits in all before it is read all the same: a flood of presses leaves two rounds a second."""
ROUND = 512
SLICE = 64
"""Frames read in one turn of the event loop, some two milliseconds."""
MOST_FRAMES = 20_000
"""Beyond, frames are read at once: then the intake says that it is busy."""


class Reader(Protocol):
    """One phone's connection."""

    aside: int
    """Its frames that are set aside. Kept by `SetAside`."""

    def read_late(self, buffer: bytes | str) -> None:
        """Take a frame that was set aside. Must not raise."""
        ...


class SetAside:
    """One for each worker. Without `run` running nothing that is set aside is ever read: the supervisor keeps it."""

    def __init__(self, way: RightOfWay, clock: Clock) -> None:
        self._way, self._clock = way, clock
        self._frames: deque[tuple[Reader, bytes | str]] = deque()
        self._any = asyncio.Event()
        self._read_in_turn = 0

    def takes(self, reader: Reader, buffer: bytes | str) -> bool:
        """Take the frame and return True, or return False: then it is to be read now. Frames of one phone keep their order."""
        if self._way.is_free and not reader.aside and self._has_room():
            return False
        if len(self._frames) >= MOST_FRAMES or buffer[:12] not in FIXES_BEGIN:
            return False
        self._frames.append((reader, buffer))
        reader.aside += 1
        self._any.set()
        return True

    def _has_room(self) -> bool:
        if self._read_in_turn == 0:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        self._read_in_turn += 1
        return self._read_in_turn <= SLICE

    def _begin_turn(self) -> None:
        self._read_in_turn = 0

    async def run(self) -> None:
        """Have frames read as soon as nothing urgent is under way, until cancelled."""
        while True:
            await self._any.wait()
            self._any.clear()
            while self._frames:
                await self._read_round()

    async def _read_round(self) -> None:
        until_s = self._clock.monotonic() + GIVES_WAY_S
        for _ in range(0, min(ROUND, len(self._frames)), SLICE):
            await self._way.given(self._clock, until_s - self._clock.monotonic())
            for _ in range(min(SLICE, len(self._frames))):
                reader, buffer = self._frames.popleft()
                reader.aside -= 1
                reader.read_late(buffer)
            await asyncio.sleep(0)

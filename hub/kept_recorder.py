"""Who looks after a recorder process? Its parent: it starts it, starts it again when it ends, and kills it when it hangs.

A hanging recorder cannot be told from a busy one by its exit code: it has to say every second that its loop runs. One that is silent has
lost its lease by the time it is killed, and whatever it had not committed is read again by the next.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping

import structlog

from core.clock import Clock
from hub.lifeline import ALIVE_FD, PARENT_FD, RECORDER

log = structlog.get_logger(__name__)

START_S = 30.0
"""How long it may be silent at first: it imports everything and reads where it stands."""
SILENT_S = 10.0
"""As long as its lease (`RecorderSettings.lease_ms`)."""
LOOK_S = 0.5
SHORT_LIFE_S = 5.0
PAUSE_S = 1.0


class KeptRecorder:
    """One recorder of a parent, `number` counted from 0.

    `parent_fd`: the pipe that closes with the parent; `forget`: called with the pid of one that ended.
    """

    def __init__(
        self, number: int, environment: Mapping[str, str], parent_fd: int, clock: Clock, forget: Callable[[int], None]
    ) -> None:
        self._number, self._environment, self._parent_fd, self._clock, self._forget = number, environment, parent_fd, clock, forget
        self._alive_read, self._alive_write = os.pipe()
        os.set_blocking(self._alive_read, False)
        self._process: asyncio.subprocess.Process | None = None
        self._silent_at_s = 0.0

    async def start(self) -> None:
        """Start it; nobody has to wait until it records."""
        fds = (self._parent_fd, self._alive_write)
        self._silent_at_s = self._clock.monotonic() + START_S
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hub.recorder",
            env={**os.environ, **self._environment, RECORDER: str(self._number), PARENT_FD: str(fds[0]), ALIVE_FD: str(fds[1])},
            pass_fds=fds,
            stdin=asyncio.subprocess.DEVNULL,
        )

    async def keep(self) -> None:
        """Look after it until cancelled. Call `start` first."""
        while (process := self._process) is not None:
            started_at_s = self._clock.monotonic()
            code = await self._ended(process)
            log.error("recorder_ended", recorder=self._number, code=code)
            self._forget(process.pid)
            if self._clock.monotonic() - started_at_s < SHORT_LIFE_S:
                await self._clock.sleep(PAUSE_S)
            await self.start()

    async def stop(self, within_s: float) -> None:
        """End it, by force after `within_s`. Cancel `keep` first."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(within_s):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        os.close(self._alive_read)
        os.close(self._alive_write)

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        """Wait for its end, and bring it about when it hangs."""
        end = asyncio.ensure_future(process.wait())
        while not end.done():
            await asyncio.wait({end}, timeout=LOOK_S)
            if not end.done() and self._is_silent():
                log.error("recorder_hangs", recorder=self._number, pid=process.pid)
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await end
        return end.result()

    def _is_silent(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            # Read before the clock is looked at: a parent that was held still itself finds here what was said meanwhile.
            if os.read(self._alive_read, 4096):
                self._silent_at_s = self._clock.monotonic() + SILENT_S
        return self._clock.monotonic() > self._silent_at_s

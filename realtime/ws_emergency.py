"""The lane of calls for help on every socket: a task of its own a press, answered when it is durable, never behind anything else.

A press goes on when its socket is gone: the phone may be smashed by then. Failures are answered in words, and the phone goes on pressing.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from core.caller import Caller
from core.errors import HubError
from realtime.ports import Emergency
from realtime.wire import ErrorFrame, Frame
from realtime.wire_sos import SosFrame, SosPin

log = structlog.get_logger(__name__)
Say = Callable[[Frame], None]
_FAILED = ErrorFrame(code="unavailable", detail="The call for help is not stored yet. Keep pressing; call the desk or an emergency number.")


class EmergencyLane:
    """Presses and PINs under way on this worker."""

    def __init__(self, emergency: Emergency) -> None:
        self._emergency = emergency
        self._tasks: set[asyncio.Task[None]] = set()

    def press(self, caller: Caller, frame: SosFrame, say: Say) -> None:
        """Raise a press; `say` hears its receipt or why there is none."""
        self._start(self._emergency.press(caller, frame), say)

    def pin(self, caller: Caller, frame: SosPin, say: Say) -> None:
        """Check a PIN; `say` hears the face."""
        self._start(self._emergency.pin(caller, frame), say)

    def _start(self, work: Awaitable[Frame], say: Say) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(work, say), name="emergency")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _answer(work: Awaitable[Frame], say: Say) -> None:
        try:
            said = await work
        except HubError as error:
            said = ErrorFrame(code=error.code, detail=error.detail)
        except Exception:
            log.exception("emergency_failed")
            said = _FAILED
        say(said)

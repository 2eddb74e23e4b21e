"""Passwords by argon2id, in a thread: a hash takes tens of milliseconds and the event loop has fixes to carry.

And in one that lets others first. A hash is computed in four threads, which on a core that is full would leave the event loop a fifth of
it: with one processor a log-in was a third of a second in which a press hardly moved.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

AT_ONCE = 2
"""64 MiB each: a flood of log-ins waits here instead of eating the machine."""
NICENESS = 10
"""Four such threads get a third of a core beside one that is not nice. Not more, because each of them holds Python's lock for a moment."""
T = TypeVar("T")


class Argon2Passwords:
    """See `visits.ports.Passwords`. Parameters of RFC 9106, section 4, second recommended option: 3 passes, 64 MiB, 4 lanes."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords", _let_others_first)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """See `Passwords.hash`."""
        return await self._aside(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """See `Passwords.verify`."""
        return await self._aside(lambda: self._verify(stored, password))

    async def _aside(self, slow: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, slow)

    def is_outdated(self, stored: str) -> bool:
        """See `Passwords.is_outdated`."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str | None, password: str) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash("nobody's password")
        try:
            return self._hasher.verify(stored or self._nobodys, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def _let_others_first() -> None:
    """Make this thread nice, and those that argon2 will make of it. Elsewhere than on Linux a niceness is a whole process's."""
    if sys.platform == "linux":
        me = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, me, max(NICENESS, os.getpriority(os.PRIO_PROCESS, me)))

"""Whom have the workers of this machine told of a kept tap? One small file an incident beside the journals, a line for each telling.

A press that came to two workers, or came again after one of them died, has a ladder in each: what one has told the others pass over. A
telling under way is a lock of one byte, which the kernel drops with its holder, so that what a killed worker did not finish is told by the
next. Where nothing can be written people are told all the same: twice is better than never.
"""

import asyncio
import fcntl
import hashlib
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from core.ids import IncidentId

_FLOCK = struct.Struct("hhqqi0q")
"""The kernel's `struct flock`: kind, whence, start, length, process."""
_KEY_BYTES = 7
"""Of a key's digest: places of locks are below 2^63."""
_LOCK = getattr(fcntl, "F_OFD_SETLK", None)
"""Linux has locks of an open file; elsewhere workers do not know of each other, and people are told twice."""
_FREE = -1


class FileTold:
    """See `safety.journal_ports.ToldBook`. `folder`: where the journals are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def telling(self, incident_id: IncidentId, what: str) -> AsyncIterator[bool]:
        """See `ToldBook.telling`."""
        key = hashlib.sha256(what.encode()).hexdigest()[: 2 * _KEY_BYTES]
        fd = await asyncio.to_thread(self._claimed, incident_id, key)
        try:
            yield fd is not None
            if fd is not None and fd != _FREE:
                with suppress(OSError):
                    await asyncio.to_thread(os.write, fd, f"{key}\n".encode())
        finally:
            if fd is not None and fd != _FREE:
                os.close(fd)

    def forget(self, incident_id: IncidentId) -> None:
        """See `ToldBook.forget`."""
        with suppress(OSError):
            self._path(incident_id).unlink(missing_ok=True)

    def _path(self, incident_id: IncidentId) -> Path:
        return self._folder / f"{incident_id}.told"

    def _claimed(self, incident_id: IncidentId, key: str) -> int | None:
        """Return the open file under the key's lock, `_FREE` where there can be none, None for what is told or being told."""
        fd = _FREE
        if _LOCK is None:
            return _FREE
        try:
            fd = os.open(self._path(incident_id), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.fcntl(fd, _LOCK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, int(key, 16), 1, 0))
            is_told = key.encode() in os.pread(fd, os.fstat(fd).st_size, 0).split()
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            if fd != _FREE:
                os.close(fd)
            return _FREE
        if is_told:
            os.close(fd)
            return None
        return fd

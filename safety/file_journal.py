"""The tap journal on disk: preallocated, one file a worker, synced before it answers. Only where its folder is declared persistent.

A worker holds a lock on its own file; files without a living owner are taken over at start and their taps merged like one's own.
No deadline of its own: the door stands one around it. A sync costs a few milliseconds on a disk, more on a card.
"""

import asyncio
import contextlib
import errno
import fcntl
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from core.errors import Busy, Unavailable
from core.key_ring import KeyRing, KeyRingError
from safety.journal import FILE_BYTES, HEAD_BYTES, Record, RecordKind, encoded, records
from safety.sos_tap import SosTap

_PURPOSE = "journal"
RECORD_BYTES = 8 * 1024
"""More than any tap takes."""
PROBE_BYTES = 1024
"""What a tap usually takes."""


class JournalFull(Busy):
    """The tap journal is full while SQL is away. The tap is not stored: use the other ways of calling for help that the page shows."""

    code = "journal_full"


class FileJournal:
    """See `safety.journal_ports.Journal`. `folder` must survive a restart of the machine or container."""

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self._folder = folder
        self._keys = keys
        self._turn = asyncio.Lock()
        self._fd = -1
        self._end = 0
        self._waiting: dict[tuple[str, str], SosTap] = {}

    def open(self) -> None:
        """Allocate this worker's file and prove that it can be written and synced; raises `Unavailable` saying why not."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = next(fd for fd in map(_locked, self._places()) if fd is not None)
            if os.fstat(self._fd).st_size < FILE_BYTES:
                os.posix_fallocate(self._fd, 0, FILE_BYTES)
            self._end = self._read(os.pread(self._fd, FILE_BYTES, 0))
            os.fsync(self._fd)
            self._take_over()
        except OSError as error:
            raise Unavailable(f"The tap journal in {self._folder} cannot be written: {error.strerror}. Choose another folder.") from None

    def close(self) -> None:
        """Let the file go; what is unmerged stays for the next worker."""
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._fd = -1

    async def append(self, tap: SosTap) -> None:
        """See `Journal.append`."""
        key = (tap.who, tap.tap_id)
        async with self._turn:
            if key not in self._waiting:  # a phone that tries again must neither fill the file nor make its press younger
                await asyncio.to_thread(self._write, encoded(RecordKind.TAP, self._sealed(tap)))
                self._waiting[key] = tap

    async def merged(self, tap: SosTap) -> None:
        """See `Journal.merged`."""
        key = (tap.who, tap.tap_id)
        async with self._turn:
            self._waiting.pop(key, None)
            if self._waiting:
                await asyncio.to_thread(self._write, encoded(RecordKind.MERGED, msgspec.json.encode(key)))
            else:
                await asyncio.to_thread(self._clear)

    async def fault(self) -> str | None:
        """Return why another tap could not be kept, None when it could: there is room, and the disk takes a byte of it."""
        if self._fd < 0 or self._end + RECORD_BYTES > FILE_BYTES:
            return "The tap journal is full. Bring SQL back: its taps are merged then by themselves."
        async with self._turn:
            try:
                await asyncio.to_thread(self._put, bytes(PROBE_BYTES))
            except OSError as error:
                return f"The tap journal cannot be written: {error.strerror}. Free the disk that holds {self._folder}."
        return None

    def unmerged(self) -> Sequence[SosTap]:
        """See `Journal.unmerged`."""
        return tuple(self._waiting.values())

    def _places(self) -> Iterator[Path]:
        return (self._folder / f"taps-{place}.journal" for place in itertools.count())

    def _take_over(self) -> None:
        """Copy the unmerged taps of workers that are gone into this file, then clear theirs."""
        for path in sorted(self._folder.glob("taps-*.journal")):
            if (fd := _locked(path)) is None:
                continue
            known = set(self._waiting)
            self._read(content := os.pread(fd, FILE_BYTES, 0))
            for key in self._waiting.keys() - known:
                self._write(encoded(RecordKind.TAP, self._sealed(self._waiting[key])))
            if all(self._is_readable(record) for record in records(content)):
                os.ftruncate(fd, 0)
            os.close(fd)

    def _is_readable(self, record: Record) -> bool:
        return record.kind is RecordKind.MERGED or self._opened(record) is not None

    def _read(self, content: bytes) -> int:
        end = 0
        for record in records(content):
            end = record.end
            if record.kind is RecordKind.MERGED:
                who, tap_id = msgspec.json.decode(record.payload, type=tuple[str, str])
                self._waiting.pop((who, tap_id), None)
            elif (tap := self._opened(record)) is not None:
                self._waiting[tap.who, tap.tap_id] = tap
        return end

    def _opened(self, record: Record) -> SosTap | None:
        # A tap sealed under a key that is gone stays in its file for the day the key comes back.
        with contextlib.suppress(KeyRingError):
            return msgspec.json.decode(self._keys.unseal(_PURPOSE, record.payload.decode()), type=SosTap)
        return None

    def _sealed(self, tap: SosTap) -> bytes:
        return self._keys.seal(_PURPOSE, msgspec.json.encode(tap).decode()).encode()

    def _write(self, record: bytes) -> None:
        if self._end + len(record) + HEAD_BYTES > FILE_BYTES:
            raise JournalFull
        self._put(record)
        os.fdatasync(self._fd)
        self._end += len(record)

    def _put(self, content: bytes) -> None:
        # A disk without room takes a part and says how much: a part of a tap is no tap.
        if os.pwrite(self._fd, content, self._end) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _clear(self) -> None:
        os.pwrite(self._fd, bytes(self._end), 0)
        os.fdatasync(self._fd)
        self._end = 0


def _locked(path: Path) -> int | None:
    """Return a descriptor of `path` under an exclusive lock, None while a living worker holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd

"""How is a tap kept when SQL is away? Records in a preallocated file: a mark, a length, a checksum, the sealed tap.

Pure: bytes in, records out. A record that was torn by a crash ends the reading; what was acknowledged before it was synced whole.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum

import msgspec

_HEAD = struct.Struct(">4sBII")
_MARK = b"PLTJ"
HEAD_BYTES = _HEAD.size
FILE_BYTES = 4 * 1024 * 1024
"""Room for about 4,000 taps of one worker: allocated at start, so that a full disk cannot refuse a tap."""


class RecordKind(IntEnum):
    """What a record says."""

    TAP = 1
    """A tap was pressed and acknowledged as journaled."""
    MERGED = 2
    """That tap is in SQL now."""


class Record(msgspec.Struct, frozen=True):
    """One record and the offset, in bytes, at which the next one begins."""

    kind: RecordKind
    payload: bytes
    end: int


def encoded(kind: RecordKind, payload: bytes) -> bytes:
    """Return the bytes of one record."""
    return _HEAD.pack(_MARK, kind, len(payload), _checksum(kind, payload)) + payload


def records(content: bytes) -> Iterator[Record]:
    """Yield the whole records from the start of a file's content; stop at zeros, at a torn record, at the end."""
    offset = 0
    while offset + HEAD_BYTES <= len(content):
        mark, kind, length, checksum = _HEAD.unpack_from(content, offset)
        end = offset + HEAD_BYTES + length
        payload = content[offset + HEAD_BYTES : end]
        if mark != _MARK or kind not in list(RecordKind) or len(payload) != length or _checksum(kind, payload) != checksum:
            return
        yield Record(RecordKind(kind), payload, end)
        offset = end


def _checksum(kind: int, payload: bytes) -> int:
    # Covers kind and length too: a head torn into zeros would otherwise read as a whole, empty record.
    return zlib.crc32(payload, zlib.crc32(struct.pack(">BI", kind, len(payload)), 0x504C))

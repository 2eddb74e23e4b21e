"""How do fixes travel between processes? One msgpack blob a batch, the same bytes in the stream and on the live channel.

A blob is the array [worker id, batch id, parts], each part being the judged fixes of one sender. The batch function receives head and parts
apart and joins those whose sender is still in force, so it never has to read a fix.
"""

import msgspec

from tracking.fix import Fix, Judged


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """The judged fixes of many senders. A reader that is `worker_id` itself has fed its watchers already and skips the blob."""

    worker_id: str
    batch_id: str
    parts: list[list[Judged]]

    def judged(self) -> list[Judged]:
        """Return the fixes of all parts, in the order in which they were offered."""
        return [one for part in self.parts for one in part]


_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(Batch)
_fix_decoder = msgspec.msgpack.Decoder(Fix)

_ARRAY_OF_3 = b"\x93"
_ARRAY_32 = b"\xdd"
"""Head of an array with a length in four bytes, big-endian. Source: msgpack specification, "array format family"."""


def pack(batch: Batch) -> bytes:
    """Return the blob of a whole batch."""
    return join(pack_head(batch.worker_id, batch.batch_id), [pack_part(part) for part in batch.parts])


def unpack(blob: bytes) -> Batch:
    """Return the batch of a blob; raises `msgspec.DecodeError` for bytes that are none."""
    return _batch_decoder.decode(blob)


def pack_head(worker_id: str, batch_id: str) -> bytes:
    """Return the bytes that come before the array of parts."""
    return mark_of(worker_id) + _encoder.encode(batch_id)


def mark_of(worker_id: str) -> bytes:
    """Return the bytes with which every blob of a worker begins: enough to know one's own without unpacking it."""
    return _ARRAY_OF_3 + _encoder.encode(worker_id)


def pack_part(part: list[Judged]) -> bytes:
    """Return the bytes of one sender's fixes."""
    return _encoder.encode(part)


def join(head: bytes, parts: list[bytes]) -> bytes:
    """Return the blob of `head` and the packed `parts`; what the batch function does on its side."""
    return head + _ARRAY_32 + len(parts).to_bytes(4, "big") + b"".join(parts)


def pack_fix(fix: Fix) -> bytes:
    """Return the bytes of one fix, as kept in last-known."""
    return _encoder.encode(fix)


def unpack_fix(blob: bytes) -> Fix:
    """Return the fix of `pack_fix`; raises `msgspec.DecodeError` for bytes that are none."""
    return _fix_decoder.decode(blob)

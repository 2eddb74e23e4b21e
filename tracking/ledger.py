"""How far has the recorder come? The offset in the stream, committed with the fixes it stands for, and what it says about loss.

An entry of the stream says how many fixes it holds and how many were appended up to and including it. So whoever knows how many are
recorded can tell a gap, a stream that began anew, and one that fell back, from an entry that simply follows.
"""

import msgspec

from core.ids import SiteId

BEGINNING = "0-0"


class Offset(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of one site shard. `version` is the guard: it only moves on from the version that was read.

    `entry_id`: last entry recorded whole; `skip`: fixes of the next one that are recorded already; `total`: fixes appended up to here in
    the stream's present life `epoch`. `stored`, `duplicates`, `lost`, `restarts`: the books, since ever.
    """

    site_id: SiteId
    shard: int
    version: int = 0
    epoch: str = ""
    entry_id: str = BEGINNING
    skip: int = 0
    total: int = 0
    stored: int = 0
    duplicates: int = 0
    lost: int = 0
    restarts: int = 0


class Entry(msgspec.Struct, frozen=True):
    """One entry of the stream: `blob` of `fixes` fixes, `total` appended up to and including it."""

    entry_id: str
    blob: bytes
    fixes: int
    total: int


class StreamState(msgspec.Struct, frozen=True):
    """The stream as it stands: its life `epoch` ("" = there is none), fixes appended in it, and the newest id it ever gave out."""

    epoch: str = ""
    total: int = 0
    newest_id: str = BEGINNING


def order_of(entry_id: str) -> tuple[int, int]:
    """Return the two numbers by which ids of a stream are ordered."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def advanced(offset: Offset, entry: Entry, count: int) -> Offset:
    """Return the offset with `count` more fixes of `entry` behind it."""
    done = offset.skip + count
    is_whole = done >= entry.fixes
    return msgspec.structs.replace(
        offset, entry_id=entry.entry_id if is_whole else offset.entry_id, skip=0 if is_whole else done, total=offset.total + count
    )


def booked(offset: Offset, count: int, stored: int) -> Offset:
    """Return the offset as the next version, with `count` fixes in the books, of which `stored` were new."""
    return msgspec.structs.replace(
        offset, version=offset.version + 1, stored=offset.stored + stored, duplicates=offset.duplicates + count - stored
    )


def follows(offset: Offset, entry: Entry) -> bool:
    """Tell whether `entry` is the very next one after what is recorded."""
    return entry.total - entry.fixes == offset.total - offset.skip


def mended(offset: Offset, state: StreamState, seen_total: int, first: Entry | None, following: Entry | None) -> Offset:
    """Return the offset from which to go on where the stream does not follow what is recorded; the same offset where it does.

    Args:
        offset: what is recorded.
        state: the stream as it stands.
        seen_total: the largest total that was ever seen in the life of `offset`.
        first: the first entry of the stream, None where it is empty.
        following: the first entry after `offset`, None without any.
    """
    if not state.epoch:
        return offset
    if state.epoch != offset.epoch:
        return _in_new_life(offset, state, seen_total, first)
    if order_of(state.newest_id) < order_of(offset.entry_id):
        # The server was restored from an older copy: what it appends now may get ids that were given out before.
        return _from_beginning(offset, _begin(first, state), lost=0, restarts=1)
    if following is None or follows(offset, following):
        return offset
    begin = _begin(following, state)
    lost = max(0, begin - (offset.total - offset.skip))
    return msgspec.structs.replace(offset, version=offset.version + 1, skip=0, total=begin, lost=offset.lost + lost)


def _in_new_life(offset: Offset, state: StreamState, seen_total: int, first: Entry | None) -> Offset:
    """Begin at the beginning of a new stream; what was seen appended to the old one and not recorded is lost."""
    begun = msgspec.structs.replace(offset, epoch=state.epoch)
    if not offset.epoch:
        return _from_beginning(begun, _begin(first, state), lost=0, restarts=0)
    return _from_beginning(begun, 0, lost=max(0, seen_total - offset.total), restarts=1)


def _from_beginning(offset: Offset, total: int, *, lost: int, restarts: int) -> Offset:
    return msgspec.structs.replace(
        offset, version=offset.version + 1, entry_id=BEGINNING, skip=0, total=total, lost=offset.lost + lost,
        restarts=offset.restarts + restarts,
    )


def _begin(entry: Entry | None, state: StreamState) -> int:
    """Return how many fixes were appended before `entry`, or altogether where there is none."""
    return state.total if entry is None else entry.total - entry.fixes

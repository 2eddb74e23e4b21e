"""Is this newer than what the watcher has, and would she notice a gap? Order, epochs and sequences of what is shown.

The recipe of every watched thing: subscribe first, then read the snapshot, then let through only what is newer. Copies that arrive twice
(this worker's own feed and Redis) and copies that arrive late are dropped by order, so both ways may carry everything.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw

from tracking.fix import Fix


class Numbering:
    """The numbers of one watcher's frames: `view_epoch` new with every snapshot, `sequence` 0 for it and then 1, 2, 3 in sending order.

    Values are numbered when they are taken to be sent, after coalescing: so a hole is a lost frame and never a skipped value.
    """

    __slots__ = ("_next_epoch", "sequence", "view_epoch")

    def __init__(self, first_epoch: int) -> None:
        self._next_epoch = first_epoch
        self.view_epoch = first_epoch
        self.sequence = 0

    def snapshot(self) -> tuple[int, int]:
        """Return the numbers of a snapshot: a new epoch, sequence 0."""
        self.view_epoch, self.sequence = self._next_epoch, 0
        self._next_epoch += 1
        return self.view_epoch, 0

    def next(self) -> tuple[int, int]:
        """Return the numbers of the next frame of this epoch."""
        self.sequence += 1
        return self.view_epoch, self.sequence


class NewestFix:
    """The newest fix of one technician by (fix time, device, epoch, seq), whichever way and order copies come in."""

    __slots__ = ("fix",)

    def __init__(self) -> None:
        self.fix: Fix | None = None

    def offer(self, fix: Fix) -> bool:
        """Keep `fix` if it is newer than what is kept; return whether it was. Calling twice with the same fix changes nothing."""
        kept = self.fix
        if kept is not None and (fix.at_ms < kept.at_ms or (fix.at_ms == kept.at_ms and fix.order <= kept.order)):
            return False
        self.fix = fix
        return True


class Change(msgspec.Struct, frozen=True):
    """What changed in a set of items: `put` encoded items by id, `drop` ids that are gone. Empty when nothing did."""

    put: dict[str, Raw]
    drop: list[str]

    def __bool__(self) -> bool:
        """Tell whether anything changed."""
        return bool(self.put or self.drop)


class ItemSet:
    """The items of one console topic, encoded once, by id. Equal items are no change."""

    def __init__(self) -> None:
        self.items: dict[str, Raw] = {}

    def replace(self, items: Mapping[str, Raw]) -> Change:
        """Make `items` the whole content; return what changed by that."""
        drop = [key for key in self.items if key not in items]
        return self.apply(items, drop)

    def apply(self, put: Mapping[str, Raw], drop: Iterable[str]) -> Change:
        """Put and drop items; return what really changed. Repeating a change changes nothing."""
        changed = {key: item for key, item in put.items() if not _is_same(self.items.get(key), item)}
        gone = [key for key in dict.fromkeys(drop) if key in self.items and key not in put]
        self.items.update(changed)
        for key in gone:
            del self.items[key]
        return Change(changed, gone)


def _is_same(known: Raw | None, item: Raw) -> bool:
    return known is not None and bytes(known) == bytes(item)

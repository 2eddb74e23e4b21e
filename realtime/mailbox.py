"""What waits to be written to one watcher? A bounded box in which a newer value replaces the older one of the same key.

Filled by rooms at the speed of events, emptied by the socket at the speed of the reader. A slow reader therefore gets fewer values,
never older
ones, and costs no more memory than one value a key. Only when more keys change than the box may hold does it forget all of them and say so:
the owner then sends a whole snapshot, which loses nothing because everything shown is state.
"""

from collections.abc import Hashable
from enum import StrEnum
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(StrEnum):
    """What became of a value put into the box."""

    NEW = "new"
    """It waits, and nothing of its key did."""
    COALESCED = "coalesced"
    """It took the place of an older value that was never sent."""
    OVERFLOWED = "overflowed"
    """The box was full: everything in it is forgotten, a snapshot is due."""
    COVERED = "covered"
    """A snapshot is due anyway and will contain it."""


class Mailbox(Generic[K, V]):
    """At most `capacity` (1 or more) waiting values, one a key, oldest key first."""

    __slots__ = ("_capacity", "_waiting", "is_empty", "snapshot_due")

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"A mailbox of {capacity} places holds nothing. Give it at least 1.")
        self._capacity = capacity
        self._waiting: dict[K, V] = {}
        self.is_empty = True
        """Whether neither a value nor a snapshot waits."""
        self.snapshot_due = False
        """True after an overflow or `demand_snapshot`, until `take_snapshot`."""

    def __len__(self) -> int:
        """Return how many values wait, 0..capacity."""
        return len(self._waiting)

    def __contains__(self, key: K) -> bool:
        """Tell whether a value of `key` waits."""
        return key in self._waiting

    def put(self, key: K, value: V) -> Kept:
        """Keep `value` as the newest of `key`; the key keeps its place in the line."""
        if self.snapshot_due:
            return Kept.COVERED
        if key in self._waiting:
            self._waiting[key] = value
            return Kept.COALESCED
        if len(self._waiting) >= self._capacity:
            self.demand_snapshot()
            return Kept.OVERFLOWED
        self._waiting[key] = value
        self.is_empty = False
        return Kept.NEW

    def demand_snapshot(self) -> None:
        """Forget what waits, because a snapshot will say all of it and more."""
        self._waiting.clear()
        self.snapshot_due, self.is_empty = True, False

    def take_snapshot(self) -> bool:
        """Tell whether a snapshot is due, and take note that it is being sent: read the state in the same breath."""
        if not self.snapshot_due:
            return False
        self.snapshot_due, self.is_empty = False, not self._waiting
        return True

    def take(self) -> tuple[K, V] | None:
        """Return the value that has waited longest with its key, None when nothing waits."""
        if not self._waiting:
            return None
        key = next(iter(self._waiting))
        value = self._waiting.pop(key)
        self.is_empty = not (self._waiting or self.snapshot_due)
        return key, value

    def take_all(self) -> dict[K, V]:
        """Return everything that waits, oldest key first, and empty the box."""
        waiting, self._waiting = self._waiting, {}
        self.is_empty = not self.snapshot_due
        return waiting

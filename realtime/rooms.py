"""Who in this process watches what? Rooms by key (a technician, a visit, a console topic), each with its watchers.

Asked for every live fix, so looking into an empty room costs one dictionary look-up. Joining and leaving tell whether a room opened or
closed:
then `redis_fanout` subscribes or unsubscribes.
"""

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
W = TypeVar("W")

_NOBODY: tuple[()] = ()


class Rooms(Generic[K, W]):
    """Watchers by key. A watcher may be in many rooms, and in each only once."""

    def __init__(self) -> None:
        self._rooms: dict[K, tuple[W, ...]] = {}

    def join(self, key: K, watcher: W) -> bool:
        """Put `watcher` into the room; return True when the room opened by that. Joining twice changes nothing."""
        inside = self._rooms.get(key, _NOBODY)
        if watcher not in inside:
            self._rooms[key] = (*inside, watcher)
        return not inside

    def leave(self, key: K, watcher: W) -> bool:
        """Take `watcher` out of the room; return True when the room closed by that. Leaving twice changes nothing."""
        inside = self._rooms.get(key, _NOBODY)
        left = tuple(one for one in inside if one != watcher)
        if left:
            self._rooms[key] = left
        else:
            self._rooms.pop(key, None)
        return bool(inside) and not left

    def watchers(self, key: K) -> tuple[W, ...]:
        """Return who is in the room, in order of joining; the tuple stays as it is while others join and leave."""
        return self._rooms.get(key, _NOBODY)

    def keys(self) -> Collection[K]:
        """Return the keys of all open rooms."""
        return self._rooms.keys()

    def __len__(self) -> int:
        """Return how many rooms are open."""
        return len(self._rooms)

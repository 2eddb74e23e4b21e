"""What stands in one topic of one site on the console? A room: items in memory that follow their truth, and who watches them.

Called by `console_watch_flow`. Items are read and encoded once for all consoles of this worker.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import Raw

from core.ids import SiteId
from core.units import Millis
from realtime.ports import TopicSource
from realtime.watching import Change, ItemSet
from realtime.wire import raw_item

log = structlog.get_logger(__name__)

BEHIND_AFTER_MS = 5_000
"""A look that fails once is a hiccup; after so long a silent topic would look like a quiet night."""


class ConsoleWatcher(Protocol):
    """One console. All synchronous."""

    def on_change(self, topic: str, change: Change) -> None:
        """Items of a topic changed."""
        ...

    def on_reset(self, topic: str) -> None:
        """Everything of a topic may have changed: send its snapshot."""
        ...

    def on_behind(self, topic: str) -> None:
        """A room of the topic fell behind its truth, or has met it again: see its `behind_since_ms`."""
        ...


class TopicRoom:
    """One topic of one site: items, and who watches. `is_loaded`: the items say something; before, nothing is shown at all.

    `behind_since_ms`: the truth could not be read since then; None while it can, or could a moment ago.
    """

    def __init__(self, site_id: SiteId, topic: str) -> None:
        self.site_id = site_id
        self.topic = topic
        self.items = ItemSet()
        self.is_loaded = False
        self.watchers: tuple[ConsoleWatcher, ...] = ()
        self.behind_since_ms: Millis | None = None
        self._read_ms: Millis | None = None

    def judge(self, began_ms: Millis, now_ms: Millis, *, was_read: bool) -> None:
        """Take note of a look at the truth that began at `began_ms`; watchers hear when the room falls behind and when it is over."""
        if was_read or self._read_ms is None:
            self._read_ms = began_ms
        is_behind = not was_read and now_ms - self._read_ms >= BEHIND_AFTER_MS
        if is_behind == (self.behind_since_ms is not None):
            return
        self.behind_since_ms = self._read_ms if is_behind else None
        for watcher in self.watchers:
            watcher.on_behind(self.topic)

    def replace(self, items: Mapping[str, Raw]) -> None:
        """Make these the items; watchers get a snapshot the first time, else what changed."""
        change = self.items.replace(items)
        if self.is_loaded:
            self.tell(change)
            return
        self.is_loaded = True
        for watcher in self.watchers:
            watcher.on_reset(self.topic)

    def apply(self, put: Mapping[str, Raw], drop: Iterable[str]) -> None:
        """Change items; watchers hear of real changes only."""
        self.tell(self.items.apply(put, drop))

    def tell(self, change: Change) -> None:
        """Hand a change to everybody who watches."""
        if change:
            for watcher in self.watchers:
                watcher.on_change(self.topic, change)

    async def open(self) -> None:
        """Begin to follow the truth. Raises nothing: a room that cannot be read yet stays unloaded and tries again."""

    def close(self) -> None:
        """Stop following: nobody watches."""

    async def refresh(self) -> bool:
        """Follow the truth; called every tick and after pokes. Returns False where it could not be read."""
        return True


class SourceRoom(TopicRoom):
    """A topic whose truth is a `TopicSource`: incidents, notices, visits."""

    def __init__(self, site_id: SiteId, topic: str, source: TopicSource) -> None:
        super().__init__(site_id, topic)
        self._source = source
        self._mark = 0
        self._one_reader = asyncio.Lock()

    async def open(self) -> None:
        """See `TopicRoom.open`."""
        await self.refresh()

    async def refresh(self) -> bool:
        """Read what changed since the last mark; where the source cannot tell, read all of it and compare."""
        try:
            # Two readings at once could be applied in the wrong order, and an old state would stand for a second.
            async with self._one_reader:
                await self._follow()
        except Exception:
            log.exception("topic_source_failed", topic=self.topic)
            return False
        return True

    async def _follow(self) -> None:
        changes = await self._source.changes(self.site_id, self._mark) if self.is_loaded else None
        if changes is not None:
            self._mark = changes.mark
            self.apply(encoded(changes.put), changes.drop)
            return
        snapshot = await self._source.snapshot(self.site_id)
        self._mark = snapshot.mark
        self.replace(encoded(snapshot.items))


class _HasId(msgspec.Struct):
    id: str


_id_decoder = msgspec.json.Decoder(_HasId)


def encoded(items: Iterable[Any]) -> dict[str, Raw]:
    """Return items (structs or dictionaries with an `id`) encoded once, by id."""
    raws = [raw_item(item) for item in items]
    return {_id_decoder.decode(raw).id: raw for raw in raws}

"""How do the topics of other packages become the console's? The same items and marks, in realtime's own structs."""

from collections.abc import Sequence
from typing import Any, Protocol

from core.ids import SiteId
from realtime.ports import TopicChanges, TopicItems


class Items(Protocol):
    """All items of a topic at one moment."""

    @property
    def items(self) -> Sequence[Any]:
        """Objects with an `id`."""
        ...

    @property
    def mark(self) -> int:
        """Up to where changes are contained."""
        ...


class Changes(Protocol):
    """What changed since a mark."""

    @property
    def put(self) -> Sequence[Any]:
        """Objects to put."""
        ...

    @property
    def drop(self) -> Sequence[str]:
        """Ids to drop."""
        ...

    @property
    def mark(self) -> int:
        """The new mark."""
        ...


class Topic(Protocol):
    """A topic as safety and notifications have it."""

    async def snapshot(self, site_id: SiteId) -> Items:
        """Return all items of a site."""
        ...

    async def changes(self, site_id: SiteId, after: int) -> Changes | None:
        """Return what changed, None when that cannot be told."""
        ...


class JoinedTopic:
    """Meets `realtime.ports.TopicSource` over another package's topic."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    async def snapshot(self, site_id: SiteId) -> TopicItems:
        """See `TopicSource.snapshot`."""
        found = await self._topic.snapshot(site_id)
        return TopicItems(found.items, found.mark)

    async def changes(self, site_id: SiteId, after: int) -> TopicChanges | None:
        """See `TopicSource.changes`."""
        found = await self._topic.changes(site_id, after)
        return None if found is None else TopicChanges(found.put, found.drop, found.mark)

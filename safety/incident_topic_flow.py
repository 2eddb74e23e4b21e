"""What does a console that watches incidents hear? All open ones, then what changed, by the per-site counter of their events.

Met as a topic source by the console's socket. It reads SQL alone, every second and after each poke: with Redis away nothing is missed.
"""

from collections.abc import Sequence

import msgspec

from core.ids import SiteId
from core.unit_of_work import UnitOfWork
from safety.console_view import IncidentCard, card
from safety.ports import IncidentReader


class OpenIncidents(msgspec.Struct, frozen=True):
    """All open incidents of a site and the counter up to which events are contained."""

    items: Sequence[IncidentCard]
    mark: int


class IncidentChanges(msgspec.Struct, frozen=True):
    """Cards to put, ids of incidents that are over, and the new counter."""

    put: Sequence[IncidentCard]
    drop: Sequence[str]
    mark: int


class IncidentTopic:
    """The truth behind the console's topic `incidents`."""

    def __init__(self, work: UnitOfWork, incidents: IncidentReader) -> None:
        self._work = work
        self._incidents = incidents

    async def snapshot(self, site_id: SiteId) -> OpenIncidents:
        """Return the open incidents of the site."""
        async with self._work.read() as tx:
            open_ones = await self._incidents.open_at(tx, site_id)
            _, mark = await self._incidents.changed_since(tx, site_id, 2**62)
        return OpenIncidents([card(each) for each in open_ones], mark)

    async def changes(self, site_id: SiteId, after: int) -> IncidentChanges | None:
        """Return what changed after the counter `after`; None, after the counter went back, makes the console read all again."""
        async with self._work.read() as tx:
            changed, mark = await self._incidents.changed_since(tx, site_id, after)
        if mark < after:
            return None
        return IncidentChanges([card(each) for each in changed if each.is_open], [each.id for each in changed if not each.is_open], mark)

"""What stands behind the console's topic `visits`? All open visits of a site, and a mark that differs whenever one of them changed."""

import zlib

import msgspec
from sqlalchemy import func, select

from core.caller import CallerKind
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from realtime.ports import TopicChanges, TopicItems
from visits.ports import Stores
from visits.stage import OPEN
from visits.tables import visits
from visits.visit_face import listed


class VisitsTopic:
    """Meets `realtime.ports.TopicSource`. Items are list faces: nothing personal travels to every console."""

    def __init__(self, work: UnitOfWork, stores: Stores) -> None:
        self._work = work
        self._stores = stores

    async def snapshot(self, site_id: SiteId) -> TopicItems:
        """See `TopicSource.snapshot`."""
        async with self._work.read() as tx:
            mark = await self._mark(tx, site_id)
            found = await self._stores.visits.open_of_site(tx, site_id, OPEN)
        return TopicItems([listed(visit, CallerKind.DISPATCHER) for visit in found], mark)

    async def changes(self, site_id: SiteId, after: int) -> TopicChanges | None:
        """See `TopicSource.changes`: nothing, or None, and then the snapshot is read and compared."""
        async with self._work.read() as tx:
            mark = await self._mark(tx, site_id)
        return TopicChanges((), (), mark) if mark == after else None

    async def _mark(self, tx: Tx, site_id: SiteId) -> int:
        # Counting, adding up versions and taking the newest change, over open visits only: an index range of a few hundred rows.
        figures = select(func.count(), func.sum(visits.c.version), func.max(visits.c.updated_at)).where(
            visits.c.site_id == site_id, visits.c.stage.in_([stage.value for stage in OPEN])
        )
        row = (await tx.conn.execute(figures)).one()
        return zlib.crc32(msgspec.json.encode([row[0], row[1], str(row[2])]))

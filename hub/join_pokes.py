"""How does a change committed by one package reach the sockets of all workers? Everybody's pokes, put into realtime's words.

Visits, safety and notifications each name a port for pokes in their own words; `realtime.redis_fanout` is what carries them.
"""

from core.ids import LinkId, SiteId, VisitId
from core.unit_of_work import UnitOfWork
from realtime.ports import Pokes, PokeTopic
from visits.ports import Stores

_TOPICS = {
    "shift": PokeTopic.SHIFTS,
    "device": PokeTopic.DEVICES,
    "session": PokeTopic.SESSIONS,
    "incident": PokeTopic.INCIDENTS,
    "notice": PokeTopic.NOTICES,
}


class JoinedPokes:
    """Meets the async pokes of visits and notifications over the synchronous one of realtime."""

    def __init__(self, pokes: Pokes, work: UnitOfWork, stores: Stores) -> None:
        self._pokes = pokes
        self._work = work
        self._stores = stores

    async def poke(self, site: SiteId, topic: str, id: str) -> None:
        """Hand on; what the sockets of a visit or a technician need to know beside it is looked up."""
        if topic == "visit":
            await self._poke_visit(site, VisitId(id))
        elif topic == "link":
            await self._poke_link(site, LinkId(id))
        else:
            self._pokes.poke(site, _TOPICS.get(topic, topic), id)

    async def _poke_visit(self, site: SiteId, visit_id: VisitId) -> None:
        self._pokes.poke(site, PokeTopic.VISITS, visit_id)
        async with self._work.read(brief=True) as tx:
            visit = await self._stores.visits.get(tx, visit_id)
        if visit is not None and visit.technician_id is not None:
            self._pokes.poke(site, PokeTopic.TECHNICIANS, f"{visit.technician_id}/{visit_id}")

    async def _poke_link(self, site: SiteId, link_id: LinkId) -> None:
        async with self._work.read(brief=True) as tx:
            link = await self._stores.links.get(tx, link_id)
        if link is not None:
            self._pokes.poke(site, PokeTopic.LINKS, link.visit_id)

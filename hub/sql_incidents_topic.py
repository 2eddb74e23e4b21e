"""What stands behind the console's topic `incidents`? Every open one and those that ended today unsigned, with names and the next rung.

Reads SQL alone, every second and after each poke, by the per-site counter of incident events: with Redis away nothing is missed.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import select

from core.clock import Clock, to_ms
from core.ids import DispatcherId, SiteId, TechnicianId, VisitId
from core.tables import timers
from core.unit_of_work import Tx, UnitOfWork
from realtime.ports import TopicChanges, TopicItems
from safety.console_view import IncidentCard, card
from safety.incident import Incident, State
from safety.press_place import PRESSES, PressPlace, press_place
from safety.sql_incidents import SqlIncidents
from safety.tables import incidents
from visits.ports import Stores

ENDED_SHOWN = timedelta(hours=24)
"""Long enough for the next shift of the desk to sign the report."""
_CLIMBING = frozenset({State.RAISED, State.NOTIFYING, State.CANCEL_REQUESTED, State.EXHAUSTED})


class ShownIncident(IncidentCard, frozen=True, kw_only=True):
    """A card with what people need beside it: whose danger, in whose hands, when the ladder tells the next ones (ms since 1970), and
    where she was when she pressed."""

    name: str = ""
    person: str = ""
    owner_name: str | None = None
    offered_name: str | None = None
    next_rung_at_ms: int | None = None
    pressed_at: PressPlace | None = None


class IncidentsTopic:
    """Meets `realtime.ports.TopicSource`. `ladder_timer`: the kind of the timers that climb."""

    def __init__(self, work: UnitOfWork, store: SqlIncidents, stores: Stores, clock: Clock, *, ladder_timer: str) -> None:
        self._work = work
        self._store = store
        self._stores = stores
        self._clock = clock
        self._ladder_timer = ladder_timer

    async def snapshot(self, site_id: SiteId) -> TopicItems:
        """See `TopicSource.snapshot`."""
        async with self._work.read() as tx:
            shown = [*await self._store.open_at(tx, site_id), *await self._ended(tx, site_id)]
            _, mark = await self._store.changed_since(tx, site_id, 2**62)
            items = await self._shown(tx, shown)
        return TopicItems(items, mark)

    async def changes(self, site_id: SiteId, after: int) -> TopicChanges | None:
        """See `TopicSource.changes`; None, after the counter went back, makes the console read all again."""
        async with self._work.read(brief=True) as tx:
            changed, mark = await self._store.changed_since(tx, site_id, after)
            if mark < after:
                return None
            put = await self._shown(tx, [each for each in changed if self._is_shown(each)])
        return TopicChanges(put, [each.id for each in changed if not self._is_shown(each)], mark)

    def _is_shown(self, incident: Incident) -> bool:
        if incident.is_open:
            return True
        is_unsigned = incident.state is State.RESOLVED and incident.resolved_at is not None
        return is_unsigned and incident.resolved_at > self._clock.now() - ENDED_SHOWN  # type: ignore[operator]

    async def _ended(self, tx: Tx, site_id: SiteId) -> list[Incident]:
        since = self._clock.now() - ENDED_SHOWN
        wanted = select(incidents.c.id).where(
            incidents.c.site_id == site_id, incidents.c.state == State.RESOLVED.value, incidents.c.resolved_at > since
        )
        ids = (await tx.conn.execute(wanted.order_by(incidents.c.resolved_at.desc()).limit(50))).scalars().all()
        found = [await self._store.find(tx, id) for id in ids]
        return [each for each in found if each is not None]

    async def _shown(self, tx: Tx, found: Sequence[Incident]) -> list[ShownIncident]:
        due = await self._next_rungs(tx, found)
        desk = await self._desk(tx, {id for each in found for id in (each.owner_id, each.offered_to) if id})
        return [
            ShownIncident(
                **msgspec.structs.asdict(card(each)), name=await self._name(tx, each), person=each.raised_by.partition(":")[0],
                owner_name=desk.get(each.owner_id or ""), offered_name=desk.get(each.offered_to or ""), next_rung_at_ms=due.get(each.id),
                pressed_at=await self._pressed_at(tx, each),
            )
            for each in found
        ]  # fmt: skip

    async def _pressed_at(self, tx: Tx, incident: Incident) -> PressPlace | None:
        found = press_place(await self._store.events(tx, incident.id, PRESSES))
        if found is None and incident.reopens is not None:
            return press_place(await self._store.events(tx, incident.reopens, PRESSES))
        return found

    async def _next_rungs(self, tx: Tx, found: Sequence[Incident]) -> dict[str, int]:
        climbing = [each.id for each in found if each.state in _CLIMBING]
        if not climbing:
            return {}
        wanted = select(timers.c.subject, timers.c.due_at).where(timers.c.kind == self._ladder_timer, timers.c.subject.in_(climbing))
        return {row.subject: to_ms(row.due_at) for row in await tx.conn.execute(wanted)}

    async def _desk(self, tx: Tx, ids: Iterable[DispatcherId]) -> dict[str, str]:
        found = [await self._stores.dispatchers.get(tx, id) for id in ids]
        return {each.id: each.name for each in found if each is not None}

    async def _name(self, tx: Tx, incident: Incident) -> str:
        is_customer = incident.raised_by.startswith("customer:")
        if incident.technician_id is not None and not is_customer:
            technician = await self._stores.technicians.get(tx, TechnicianId(incident.technician_id))
            return technician.name if technician else ""
        visit = None if incident.visit_id is None else await self._stores.visits.get(tx, VisitId(incident.visit_id))
        return (visit.customer.name or "") if visit else ""

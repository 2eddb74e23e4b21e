"""Visits and their acts in SQL; place, people and door code sealed. A visit is stored over the version it was read at."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import Conflict
from core.geo import LatLon
from core.ids import SiteId, TechnicianId, VisitId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from visits.arrival import Departure, SeenPosition
from visits.events import StageChanged
from visits.sql_seal import Seal
from visits.stage import Act, Stage
from visits.tables import technicians, visit_acts, visits
from visits.visit import PersonRef, Place, Visit
from visits.visit_stores import Page, VisitFilter

_SEALED = {"place": Place, "customer": PersonRef, "booker": PersonRef, "door_code": str, "departed_from": LatLon}
_PLAIN = [name for name in Visit.__struct_fields__ if name not in _SEALED]
_HERS = and_(visits.c.technician_id == technicians.c.id, visits.c.stage.in_(bindparam("stages", expanding=True)))
_NAME_AND_VISITS = (
    select(technicians.c.shown_name, *visits.c)
    .select_from(technicians.outerjoin(visits, _HERS))
    .where(technicians.c.id == bindparam("of_id"))
    .order_by(visits.c.window_start, visits.c.id)
)
"""Made once, as every press needs it: building a statement costs more than running it."""
REMEMBERED = 2_000
"""Opened rows kept: watched visits are read again every five seconds, and to open one costs a hundred times what reading it does."""


class SqlVisits:
    """See `visits.ports.Visits` for the contract."""

    def __init__(self, keys: KeyRing) -> None:
        self._seal = Seal(keys)
        self._opened: dict[str, tuple[tuple[Any, ...], Visit]] = {}

    async def add(self, tx: Tx, visit: Visit) -> None:
        """See `Visits.add`."""
        try:
            await tx.conn.execute(insert(visits).values(**self._row(visit)))
        except IntegrityError:
            raise Conflict(f"There is a visit {visit.external_ref!r} in this site already. Send the request again.") from None

    async def save(self, tx: Tx, visit: Visit, expected: int) -> None:
        """See `Visits.save`."""
        mine = (visits.c.id == visit.id) & (visits.c.version == expected)
        stored = await tx.conn.execute(update(visits).where(mine).values(**self._row(visit)))
        if stored.rowcount != 1:
            raise Conflict("Somebody changed this visit meanwhile. Read it again and decide anew.")

    async def get(self, tx: Tx, id: VisitId, *, lock: bool = False) -> Visit | None:
        """See `Visits.get`."""
        return await self._one(tx, visits.c.id == id, lock=lock)

    async def get_many(self, tx: Tx, ids: Sequence[VisitId]) -> Sequence[Visit]:
        """See `Visits.get_many`."""
        return await self._again(tx, select(visits).where(visits.c.id.in_(ids))) if ids else []

    async def by_ref(self, tx: Tx, site: SiteId, external_ref: str, *, lock: bool = False) -> Visit | None:
        """See `Visits.by_ref`."""
        return await self._one(tx, (visits.c.site_id == site) & (visits.c.external_ref == external_ref), lock=lock)

    async def page(self, tx: Tx, which: VisitFilter, page: Page) -> Sequence[Visit]:
        """See `Visits.page`."""
        wanted = select(visits).where(visits.c.site_id.in_(which.sites)).order_by(visits.c.id).limit(page.limit)
        if page.after is not None:
            wanted = wanted.where(visits.c.id > page.after)
        if which.stages:
            wanted = wanted.where(visits.c.stage.in_(which.stages))
        if which.technician_id is not None:
            wanted = wanted.where(visits.c.technician_id == which.technician_id)
        if which.external_ref is not None:
            wanted = wanted.where(visits.c.external_ref == which.external_ref)
        return await self._many(tx, wanted)

    async def of_technician(self, tx: Tx, technician_id: TechnicianId, stages: frozenset[Stage]) -> Sequence[Visit]:
        """See `Visits.of_technician`."""
        hers = (visits.c.technician_id == technician_id) & visits.c.stage.in_(stages)
        return await self._many(tx, select(visits).where(hers).order_by(visits.c.window_start, visits.c.id))

    async def name_and_visits(
        self, tx: Tx, technician_id: TechnicianId, stages: frozenset[Stage]
    ) -> tuple[str | None, Sequence[Visit]]:
        """See `Visits.name_and_visits`."""
        rows = (await tx.conn.execute(_NAME_AND_VISITS, {"of_id": technician_id, "stages": list(stages)})).all()
        return rows[0].shown_name if rows else None, [self._visit(row) for row in rows if row.id is not None]

    async def open_of_site(self, tx: Tx, site: SiteId, stages: frozenset[Stage]) -> Sequence[Visit]:
        """See `Visits.open_of_site`."""
        here = (visits.c.site_id == site) & visits.c.stage.in_(stages)
        return await self._again(tx, select(visits).where(here).order_by(visits.c.window_start, visits.c.id))

    async def set_departure(self, tx: Tx, id: VisitId, departure: Departure) -> None:
        """See `Visits.set_departure`."""
        await tx.conn.execute(update(visits).where(visits.c.id == id).values(departure=departure))

    async def count_miss(self, tx: Tx, id: VisitId) -> None:
        """See `Visits.count_miss`."""
        await tx.conn.execute(update(visits).where(visits.c.id == id).values(door_code_misses=visits.c.door_code_misses + 1))

    async def raise_link_version(self, tx: Tx, id: VisitId) -> None:
        """See `Visits.raise_link_version`."""
        await tx.conn.execute(update(visits).where(visits.c.id == id).values(link_version=visits.c.link_version + 1))

    async def note_act(self, tx: Tx, id: str, event: StageChanged, idempotency_key: str | None) -> None:
        """See `Visits.note_act`."""
        seen = event.position
        await tx.conn.execute(
            insert(visit_acts).values(
                id=id,
                visit_id=event.visit_id,
                act=event.act,
                before=event.before,
                after=event.after,
                actor=event.actor,
                technician_id=event.technician_id,
                device_at=event.device_at,
                happened_at=event.happened_at,
                server_at=event.server_at,
                lat=None if seen is None else seen.point.lat,
                lon=None if seen is None else seen.point.lon,
                accuracy_m=None if seen is None else seen.accuracy_m,
                position_age_s=None if seen is None else seen.age_s,
                reason=event.reason,
                idempotency_key=idempotency_key,
                visit_version=event.version,
            )
        )

    async def has_act(self, tx: Tx, visit_id: VisitId, idempotency_key: str) -> str | None:
        """See `Visits.has_act`."""
        mine = (visit_acts.c.visit_id == visit_id) & (visit_acts.c.idempotency_key == idempotency_key)
        row = (await tx.conn.execute(select(visit_acts.c.act).where(mine))).one_or_none()
        return None if row is None else (row.act or "created")

    async def acts(self, tx: Tx, visit_id: VisitId) -> Sequence[StageChanged]:
        """See `Visits.acts`."""
        wanted = (
            select(visit_acts, visits.c.site_id)
            .join(visits, visits.c.id == visit_acts.c.visit_id)
            .where(visit_acts.c.visit_id == visit_id)
            .order_by(visit_acts.c.visit_version, visit_acts.c.id)
        )
        return [_event(row) for row in await tx.conn.execute(wanted)]

    async def _one(self, tx: Tx, condition: Any, *, lock: bool) -> Visit | None:
        wanted = select(visits).where(condition)
        found = await self._many(tx, wanted.with_for_update() if lock else wanted)
        return found[0] if found else None

    async def _many(self, tx: Tx, wanted: Any) -> list[Visit]:
        return [self._visit(row) for row in await tx.conn.execute(wanted)]

    async def _again(self, tx: Tx, wanted: Any) -> list[Visit]:
        """Return visits that are read again and again: a row that is the same to the last sealed byte is not opened anew."""
        found = []
        for row in await tx.conn.execute(wanted):
            cells, known = tuple(row), self._opened.get(row.id)
            if known is None or known[0] != cells:
                known = self._opened[row.id] = (cells, self._visit(row))
                if len(self._opened) > REMEMBERED:
                    del self._opened[next(iter(self._opened))]
            found.append(known[1])
        return found

    def _row(self, visit: Visit) -> dict[str, Any]:
        plain = {name: getattr(visit, name) for name in _PLAIN}
        sealed = {f"{name}_sealed": self._seal.close(getattr(visit, name)) for name in _SEALED}
        return {**plain, **sealed, "customer_key": self._seal.key("customer", visit.customer.phone)}

    def _visit(self, row: Any) -> Visit:
        fields = {name: getattr(row, name) for name in _PLAIN}
        sealed: dict[str, Any] = {name: self._seal.open(getattr(row, f"{name}_sealed"), kind) for name, kind in _SEALED.items()}
        enums = {
            "stage": Stage(row.stage),
            "departure": Departure(row.departure),
            "outcome": None if row.outcome is None else Stage(row.outcome),
        }
        return Visit(**{**fields, **sealed, **enums})


def _event(row: Any) -> StageChanged:
    seen = None
    if row.lat is not None:
        seen = SeenPosition(point=LatLon(row.lat, row.lon), accuracy_m=row.accuracy_m, age_s=row.position_age_s)
    return StageChanged(
        visit_id=row.visit_id,
        site_id=row.site_id,
        technician_id=row.technician_id,
        before=None if row.before is None else Stage(row.before),
        after=Stage(row.after),
        act=None if row.act is None else Act(row.act),
        actor=row.actor,
        device_at=row.device_at,
        happened_at=row.happened_at,
        server_at=row.server_at,
        position=seen,
        reason=row.reason,
        version=row.visit_version,
    )

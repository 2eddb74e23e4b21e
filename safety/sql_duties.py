"""Duty and responders in SQL: who watches, who can be told. Reads the desk's accounts and the recipients, writes only duty."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import String, and_, bindparam, func, or_, select, update

from core.caller import Role
from core.ids import DispatcherId, IdSource, SiteId
from core.unit_of_work import Tx
from notifications.notice import Channel
from notifications.recipient import RecipientKind
from notifications.tables import recipients
from safety.contact import may_know_place
from safety.incident import OPEN, Flag, Incident
from safety.ladder import DEFAULT, Group, Ladder
from safety.ports import Footing, RecipientsById, Responder
from safety.preflight import Watchers
from safety.tables import contacts, duties, incidents, ladders
from visits.tables import dispatcher_sites, dispatchers, shifts

_IS_HERE = (duties.c.site_id == bindparam("site_id")) & duties.c.until.is_(None)
_IS_A_PHONE = and_(
    or_(*(recipients.c.kind == kind.value for kind in (RecipientKind.DISPATCHER, RecipientKind.OWNER))), recipients.c.is_active
)
_HER_PHONES = and_(recipients.c.site_id == duties.c.site_id, recipients.c.owner_id == duties.c.dispatcher_id, _IS_A_PHONE)
_ON_DUTY_COLUMNS = (duties.c.dispatcher_id, duties.c.is_lead, recipients.c.id.label("recipient_id"))
_ON_DUTY = select(*_ON_DUTY_COLUMNS).outerjoin(recipients, _HER_PHONES).where(_IS_HERE)
"""Everybody on duty with each of her phones; one without a phone stands there with none, because the desk is manned all the same."""
_EVERYONE = (
    select(dispatchers.c.id.label("dispatcher_id"), dispatchers.c.roles, recipients.c.id.label("recipient_id"))
    .join(dispatcher_sites, dispatcher_sites.c.dispatcher_id == dispatchers.c.id)
    .join(recipients, (recipients.c.site_id == dispatcher_sites.c.site_id) & (recipients.c.owner_id == dispatchers.c.id) & _IS_A_PHONE)
    .where(dispatcher_sites.c.site_id == bindparam("site_id"), dispatchers.c.is_active)
)
_SITE = select(bindparam("site_id", type_=String).label("id")).subquery()
_FOOTING = select(
    select(ladders.c.body).where(ladders.c.site_id == bindparam("site_id")).scalar_subquery().label("body"), *_ON_DUTY_COLUMNS
).select_from(_SITE.outerjoin(duties, (duties.c.site_id == _SITE.c.id) & duties.c.until.is_(None)).outerjoin(recipients, _HER_PHONES))
"""Made once, as every press and rung needs them: building a statement costs more than running it."""


class SqlDuties:
    """See `safety.ports.Duties`."""

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids

    async def begin(
        self, tx: Tx, site_id: SiteId, dispatcher_id: DispatcherId, sound_ok_at: datetime, now: datetime, *, is_lead: bool
    ) -> None:
        """See `Duties.begin`."""
        renewed = update(duties).where(_hers(site_id, dispatcher_id)).values(sound_ok_at=sound_ok_at, is_lead=is_lead)
        if (await tx.conn.execute(renewed)).rowcount == 0:
            await tx.conn.execute(
                duties.insert().values(
                    id=self._ids.new_id(), site_id=site_id, dispatcher_id=dispatcher_id, since=now, sound_ok_at=sound_ok_at, is_lead=is_lead
                )
            )

    async def end(self, tx: Tx, site_id: SiteId, dispatcher_id: DispatcherId, now: datetime) -> None:
        """See `Duties.end`."""
        await tx.conn.execute(update(duties).where(_hers(site_id, dispatcher_id)).values(until=now))

    async def on_duty(self, tx: Tx, site_id: SiteId) -> Sequence[DispatcherId]:
        """See `Duties.on_duty`."""
        found = select(duties.c.dispatcher_id).where(duties.c.site_id == site_id, duties.c.until.is_(None)).order_by(duties.c.since)
        return [DispatcherId(each) for each in (await tx.conn.execute(found)).scalars()]

    async def owned_open(self, tx: Tx, dispatcher_id: DispatcherId) -> int:
        """See `Duties.owned_open`."""
        open_states = [state.value for state in OPEN]
        found = select(func.count()).where(incidents.c.owner_id == dispatcher_id, incidents.c.state.in_(open_states))
        count: int = (await tx.conn.execute(found)).scalar_one()
        return count

    async def people_working(self, tx: Tx, site_id: SiteId) -> int:
        """See `Duties.people_working`."""
        found = select(func.count()).where(shifts.c.site_id == site_id, shifts.c.closed_at.is_(None))
        count: int = (await tx.conn.execute(found)).scalar_one()
        return count


class SqlResponders:
    """See `safety.ports.Responders`."""

    async def of(self, tx: Tx, site_id: SiteId, group: Group, incident: Incident) -> Sequence[Responder]:
        """See `Responders.of`."""
        if group is Group.CONTACTS:
            # A revoked phone may be a thief's: her family is not frightened by it, the desk finds out.
            return [] if Flag.REVOKED_DEVICE in incident.flags else await self._contacts(tx, incident)
        if group is Group.ON_DUTY:
            on_duty = (await tx.conn.execute(_ON_DUTY, {"site_id": site_id})).all()
            return _responders(on_duty) if on_duty else await self.people(tx, site_id, Group.ALL_DISPATCHERS)
        return await self.people(tx, site_id, group)

    async def people(self, tx: Tx, site_id: SiteId, group: Group) -> Sequence[Responder]:
        """Return the people of a group of the desk, whatever the incident."""
        if group in (Group.ON_DUTY, Group.DUTY_LEAD):
            on_duty = (await tx.conn.execute(_ON_DUTY, {"site_id": site_id})).all()
            if group is Group.ON_DUTY:
                return _responders(on_duty)
            if on_duty:
                return _responders([row for row in on_duty if row.is_lead] or on_duty)
        role = {Group.SUPERVISORS: Role.SUPERVISOR, Group.OWNERS: Role.OWNER}.get(group)
        rows = await tx.conn.execute(_EVERYONE, {"site_id": site_id})
        return _responders([row for row in rows if role is None or role.value in msgspec.json.decode(row.roles)])

    async def footing(self, tx: Tx, site_id: SiteId) -> Footing:
        """See `Responders.footing`."""
        rows = (await tx.conn.execute(_FOOTING, {"site_id": site_id})).all()
        ladder = DEFAULT if rows[0].body is None else msgspec.json.decode(rows[0].body, type=Ladder)
        is_manned = rows[0].dispatcher_id is not None
        return Footing(ladder=ladder, is_manned=is_manned, on_duty=_responders(rows) if is_manned else None)

    async def _contacts(self, tx: Tx, incident: Incident) -> list[Responder]:
        if incident.technician_id is None:
            return []
        found = select(contacts.c.recipient_id, contacts.c.confirmed_at, contacts.c.shares_place).where(
            contacts.c.technician_id == incident.technician_id,
            contacts.c.takes_effect_at <= incident.raised_at,
            or_(contacts.c.removed_at.is_(None), contacts.c.removed_at > incident.raised_at),
        )
        return [
            Responder(
                recipient_id=row.recipient_id, is_contact=True,
                knows_place=may_know_place(row.confirmed_at, incident.raised_at, shares_place=row.shares_place),
            )
            for row in await tx.conn.execute(found)
        ]  # fmt: skip


class SqlWatchers:
    """See `safety.watch_ports.WatchersSource`."""

    def __init__(self, responders: SqlResponders, recipients: RecipientsById, channels: frozenset[Channel]) -> None:
        self._responders = responders
        self._recipients = recipients
        self._channels = channels

    async def watchers(self, tx: Tx, site_id: SiteId) -> Watchers:
        """See `WatchersSource.watchers`."""
        people = {group: await self._responders.people(tx, site_id, group) for group in Group if group is not Group.CONTACTS}
        known = await self._recipients.by_ids(tx, {person.recipient_id for of in people.values() for person in of})
        tested = select(duties.c.sound_ok_at).where(duties.c.site_id == site_id, duties.c.until.is_(None))
        return Watchers(
            ladder=(await self._responders.footing(tx, site_id)).ladder,
            groups={group: [known[person.recipient_id] for person in of if person.recipient_id in known] for group, of in people.items()},
            sound_ok_at=list((await tx.conn.execute(tested)).scalars()),
            channels=self._channels,
        )


def _responders(rows: Iterable[Any]) -> list[Responder]:
    return [
        Responder(recipient_id=row.recipient_id, dispatcher_id=row.dispatcher_id) for row in rows if row.recipient_id is not None
    ]


def _hers(site_id: SiteId, dispatcher_id: DispatcherId):  # type: ignore[no-untyped-def]
    return (duties.c.site_id == site_id) & (duties.c.dispatcher_id == dispatcher_id) & duties.c.until.is_(None)

"""The safety card's content, read from SQL: devices' token hashes, rosters, ladders, numbers. One read transaction."""

from datetime import datetime

import msgspec
from sqlalchemy import or_, select

from core.ids import RecipientId, SiteId, TechnicianId
from core.unit_of_work import Tx, UnitOfWork
from notifications.recipient import Recipient
from safety.ladder import Group
from safety.ports import RecipientsById
from safety.safety_card import CardHolder, CardPerson, CardSite, SafetyCard
from safety.sql_duties import SqlResponders
from safety.tables import contacts
from visits.tables import devices, sites, technicians

_GROUPS = tuple(group for group in Group if group is not Group.CONTACTS)


class SqlCardSource:
    """See `safety.journal_ports.CardSource`."""

    def __init__(self, work: UnitOfWork, recipients: RecipientsById, responders: SqlResponders) -> None:
        self._work = work
        self._recipients = recipients
        self._responders = responders

    async def card(self, now: datetime) -> SafetyCard:
        """See `CardSource.card`."""
        async with self._work.read() as tx:
            holders = await self._holders(tx)
            found = (await tx.conn.execute(select(sites.c.id, sites.c.name))).all()
            return SafetyCard(made_at=now, holders=holders, sites={row.id: await self._site(tx, row.id, row.name, now) for row in found})

    async def _holders(self, tx: Tx) -> dict[str, CardHolder]:
        found = select(devices, technicians.c.shown_name).join(technicians, technicians.c.id == devices.c.technician_id)
        return {
            row.token_hash: CardHolder(
                technician_id=row.technician_id, device_id=row.id, site_id=row.site_id, name=row.shown_name,
                is_revoked=row.revoked_at is not None,
            )
            for row in await tx.conn.execute(found)
        }  # fmt: skip

    async def _site(self, tx: Tx, site_id: SiteId, name: str, now: datetime) -> CardSite:
        groups: dict[RecipientId, list[Group]] = {}
        for group in _GROUPS:
            for person in await self._responders.people(tx, site_id, group):
                groups.setdefault(person.recipient_id, []).append(group)
        whose = await self._contacts(tx, site_id, now)
        found = await self._recipients.by_ids(tx, [*groups, *whose])
        told = [each for each in found.values() if _can_be_told(each)]
        stands = await self._responders.footing(tx, site_id)
        people = [_person(each, tuple(groups.get(each.id, (Group.CONTACTS,)))) for each in told]
        return CardSite(
            site_id=site_id,
            name=name,
            ladder=stands.ladder,
            people=tuple(msgspec.structs.replace(person, technician_id=whose.get(person.recipient_id)) for person in people),
            is_manned=stands.is_manned,
        )

    async def _contacts(self, tx: Tx, site_id: SiteId, now: datetime) -> dict[RecipientId, TechnicianId]:
        of_site = (
            select(contacts.c.recipient_id, contacts.c.technician_id)
            .join(technicians, technicians.c.id == contacts.c.technician_id)
            .where(technicians.c.site_id == site_id, contacts.c.takes_effect_at <= now)
            .where(or_(contacts.c.removed_at.is_(None), contacts.c.removed_at > now))
        )
        return {RecipientId(row.recipient_id): TechnicianId(row.technician_id) for row in await tx.conn.execute(of_site)}


def _can_be_told(recipient: Recipient) -> bool:
    return recipient.number is not None and recipient.is_active and recipient.kind.is_responder


def _person(recipient: Recipient, groups: tuple[Group, ...]) -> CardPerson:
    return CardPerson(
        recipient_id=recipient.id,
        number=recipient.number or "",
        name=recipient.name,
        language=recipient.language,
        country=recipient.country,
        groups=groups,
    )

"""What do people hear of visits, shifts and devices? Texts to customers and technicians, and events to integrators, in the acts' own
transactions.
"""

from collections.abc import Sequence
from datetime import time, timedelta

from core.errors import BadInput
from core.ids import RecipientId, SiteId, notice_id_of
from core.unit_of_work import Tx
from hub.join_customer_texts import CustomerTexts, language_of
from notifications.courtesy import QuietHours
from notifications.notice import DESK, Channel, Lane, Notice
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_webhooks import SqlWebhooks
from notifications.webhook import WebhookEvent
from visits.customer_text import CustomerText
from visits.events import ShiftAct, ShiftChanged, StageChanged
from visits.person import Device, Technician
from visits.ports import Stores
from visits.shift import Shift
from visits.stage import Act, Stage, public_stage
from visits.visit import Visit

TOLD = {Stage.ASSIGNED: CustomerText.BOOKED, Stage.DEPARTED: CustomerText.DEPARTED, Stage.CANCELLED: CustomerText.CANCELLED}
"""Stages that the customer may be texted of; the others she sees on her page."""
USEFUL_FOR = timedelta(hours=1)
"""After the window and this much more, nobody needs to be told of a visit that is to come."""


class VisitNotices:
    """Meets `visits.ports.StageListener`: texts the customer, and publishes `visit.*` events as customers may read them."""

    def __init__(self, *, texts: CustomerTexts, webhooks: SqlWebhooks, stores: Stores) -> None:
        self._texts = texts
        self._webhooks = webhooks
        self._stores = stores

    async def on_stage_changed(self, tx: Tx, event: StageChanged) -> None:
        """See `StageListener.on_stage_changed`."""
        visit = await self._stores.visits.get(tx, event.visit_id)
        kind = event_kind(event)
        if visit is None or kind is None:
            return
        await self._webhooks.publish(tx, _visit_event(event, visit, kind))
        if event.before is not event.after and (text := TOLD.get(event.after)) is not None:
            await self._texts.tell(tx, visit, text, round=event.version, expires_at=visit.window_end + USEFUL_FOR)


def event_kind(event: StageChanged) -> str | None:
    """Return the second word of the event's type: the stage that began, `reassigned` or `changed`; None for what is told to nobody.

    Integrators read what customers may: an abort because of danger reads as an ordinary end.
    """
    if event.before is not event.after:
        return public_stage(event.after).value
    if event.act is Act.REASSIGN:
        return "reassigned"
    return "changed" if event.act is None else None


def _visit_event(event: StageChanged, visit: Visit, kind: str) -> WebhookEvent:
    data = {
        "visit_id": visit.id,
        "external_ref": visit.external_ref,
        "stage": public_stage(event.after).value,
        "technician_id": visit.technician_id,
        "at": event.server_at,
        "version": event.version,
    }
    id = notice_id_of("visit-event", visit.id, event.version)
    return WebhookEvent(id=id, site_id=event.site_id, type=f"visit.{kind}", subject=visit.id, at=event.server_at, data=data)


class ShiftEvents:
    """Meets `visits.ports.ShiftListener`: publishes `shift.*` events."""

    def __init__(self, webhooks: SqlWebhooks) -> None:
        self._webhooks = webhooks

    async def on_shift_changed(self, tx: Tx, event: ShiftChanged) -> None:
        """See `ShiftListener.on_shift_changed`."""
        shift = event.shift
        data = {
            "shift_id": shift.id,
            "technician_id": shift.technician_id,
            "state": shift.state.value,
            "opened_at": shift.opened_at,
            "planned_end": shift.planned_end,
            "closed_at": shift.closed_at,
            "closed_by": None if shift.closed_by is None else shift.closed_by.value,
            "version": shift.version,
        }
        id = notice_id_of("shift-event", shift.id, event.act, shift.version)
        kind = f"shift.{event.act.value}"
        await self._webhooks.publish(
            tx, WebhookEvent(id=id, site_id=shift.site_id, type=kind, subject=shift.id, at=event.at, data=data)
        )


class SiteQuiet:
    """Meets `notifications.ports.QuietBook` over the sites' settings."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def quiet_of(self, tx: Tx, site_id: SiteId) -> QuietHours | None:
        """See `QuietBook.quiet_of`."""
        site = await self._stores.sites.get(tx, site_id)
        if site is None or site.settings.quiet_from is None:
            return None
        return QuietHours(time.fromisoformat(site.settings.quiet_from), time.fromisoformat(site.settings.quiet_until), site.zone)


class PeopleNotices:
    """Meets `visits.ports.ShiftNotices`, `ShiftListener` and `DeviceAlerts`: tells technicians by text and the desk on its console."""

    def __init__(self, *, outbox: SqlOutbox, people: RecipientsFlow, stores: Stores) -> None:
        self._outbox = outbox
        self._people = people
        self._stores = stores

    async def planned_end_came(self, tx: Tx, shift: Shift) -> None:
        """See `ShiftNotices.planned_end_came`."""
        await self._tell_about_shift(tx, shift, "shift_end")

    async def closed_by_hub(self, tx: Tx, shift: Shift) -> None:
        """See `ShiftNotices.closed_by_hub`."""
        await self._tell_about_shift(tx, shift, "shift_closed")

    async def on_shift_changed(self, tx: Tx, event: ShiftChanged) -> None:
        """See `ShiftListener.on_shift_changed`: from her shift on her number is known, so that a text from it that says SOS is a press."""
        if event.act is ShiftAct.OPENED:
            for technician in await self._stores.technicians.get_many(tx, [event.shift.technician_id]):
                await self._recipients(tx, technician)

    async def device_enrolled(self, tx: Tx, technician: Technician, device: Device, older: Sequence[Device]) -> None:
        """See `DeviceAlerts.device_enrolled`. Her first phone is no news."""
        if not older:
            return
        to = [(DESK, Channel.CONSOLE), *[(id, Channel.SMS) for id in await self._recipients(tx, technician)]]
        await self._outbox.enqueue(
            tx, [_about(device.id, technician, "new_device", Lane.P1, channel, recipient) for recipient, channel in to]
        )

    async def _tell_about_shift(self, tx: Tx, shift: Shift, template: str) -> None:
        for technician in await self._stores.technicians.get_many(tx, [shift.technician_id]):
            for recipient in await self._recipients(tx, technician):
                await self._outbox.enqueue(tx, [_about(shift.id, technician, template, Lane.P2, Channel.SMS, recipient)])

    async def _recipients(self, tx: Tx, technician: Technician) -> list[RecipientId]:
        if not technician.phone:
            return []
        language = language_of(technician.language)
        new = NewRecipient(
            site_id=technician.site_id,
            kind=RecipientKind.TECHNICIAN,
            owner_id=technician.id,
            name=technician.name,
            number=technician.phone,
            language=language,
        )
        try:
            return [(await self._people.add(tx, new)).id]
        except BadInput:
            return []


def _about(subject: str, technician: Technician, template: str, lane: Lane, channel: Channel, to: RecipientId) -> Notice:
    return Notice(
        site_id=technician.site_id,
        subject=subject,
        lane=lane,
        channel=channel,
        recipient_id=to,
        template=template,
        variables={"name": technician.name},
    )

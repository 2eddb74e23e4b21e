"""What does an answer from a phone do? Keys or a keyword claim the incident for that dispatcher; a text saying SOS is a tap.

Met by notifications' inbound flow through wiring. Asked twice it answers the same: an incident that is hers already stays hers.
"""

from datetime import datetime

from core.caller import Caller, CallerKind
from core.errors import Conflict, NotAllowed, NotFound
from core.ids import DispatcherId, IncidentId, TechnicianId, VisitId
from core.unit_of_work import UnitOfWork
from notifications.acknowledgement import AckAnswer, Acknowledgement
from notifications.ports import Alarms
from notifications.recipient import Recipient, RecipientKind
from safety.desk_flow import DeskFlow
from safety.incident import Incident
from safety.journal_ports import TapRaiser
from safety.ports import DeskAccounts, IncidentReader
from safety.sos_tap import PersonKind, Road, SosTap

_ATTEMPTS = 3


class AnswersFlow:
    """Meets `notifications.ports.Acknowledgements` and `InboundTap`."""

    def __init__(
        self, work: UnitOfWork, incidents: IncidentReader, desk: DeskFlow, accounts: DeskAccounts, sos: TapRaiser, alarms: Alarms
    ) -> None:
        self._work = work
        self._incidents = incidents
        self._desk = desk
        self._accounts = accounts
        self._sos = sos
        self._alarms = alarms

    async def acknowledge(self, ack: Acknowledgement) -> AckAnswer:
        """See `Acknowledgements.acknowledge`."""
        if ack.recipient_kind not in (RecipientKind.DISPATCHER, RecipientKind.OWNER):
            return AckAnswer.REFUSED
        caller = await self._caller(DispatcherId(ack.owner_id))
        for _ in range(_ATTEMPTS):
            incident = await self._find(IncidentId(ack.subject))
            if incident is None or not incident.is_open:
                return AckAnswer.GONE
            if caller is None or incident.site_id not in caller.sites:
                return AckAnswer.REFUSED
            if incident.owner_id is not None:
                return AckAnswer.OWNED if incident.owner_id == caller.dispatcher_id else AckAnswer.ALREADY
            try:
                await self._desk.claim(caller, incident.id, incident.version)
            except Conflict:
                continue  # someone was faster, or it moved on: look again and say what is true now
            except (NotAllowed, NotFound):
                return AckAnswer.REFUSED
            return AckAnswer.OWNED
        return AckAnswer.ALREADY

    async def raise_by_text(self, recipient: Recipient, tap_id: str, text: str, at: datetime) -> None:
        """See `InboundTap.raise_by_text`: hers or a customer's is a tap; from a colleague of the desk it alarms the site at once."""
        is_hers = recipient.kind is RecipientKind.TECHNICIAN
        if not is_hers and recipient.kind is not RecipientKind.CUSTOMER:
            who = f"{recipient.name} {recipient.number_masked}"
            detail = f"{who}, a {recipient.kind} and no technician, texted SOS. Call back now."
            async with self._work.begin(urgent=True) as tx:
                await self._alarms.raise_operator_alarm(tx, recipient.site_id, "sos_text", detail, about=recipient.id, who=who)
            return
        await self._sos.raise_sos(
            SosTap(
                tap_id=f"sms-{tap_id}"[:80],
                who=f"technician:{recipient.owner_id}" if is_hers else f"customer:{recipient.owner_id}",
                person=PersonKind.TECHNICIAN if is_hers else PersonKind.CUSTOMER,
                site_id=recipient.site_id,
                road=Road.SMS,
                technician_id=TechnicianId(recipient.owner_id) if is_hers else None,
                visit_id=None if is_hers else VisitId(recipient.owner_id),
                device_at=at,
                reason=text[:200],
            )
        )

    async def _find(self, incident_id: IncidentId) -> Incident | None:
        async with self._work.read() as tx:
            return await self._incidents.find(tx, incident_id)

    async def _caller(self, dispatcher_id: DispatcherId) -> Caller | None:
        async with self._work.read() as tx:
            account = await self._accounts.account(tx, dispatcher_id)
        if account is None:
            return None
        return Caller(
            kind=CallerKind.DISPATCHER, id=dispatcher_id, dispatcher_id=dispatcher_id, sites=account.sites, roles=account.roles
        )

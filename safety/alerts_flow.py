"""How does a rung of the ladder become notices? One a person and channel, in the ladder's own transaction.

Called by `ladder_flow`; hands to the outbox. The notice's key holds incident, lap, tier, person and channel: telling twice is telling once.
"""

from collections.abc import Sequence

import msgspec

from core.ids import RecipientId
from core.unit_of_work import Tx
from notifications.notice import DESK, Channel, Lane, Notice
from notifications.ports import Alarms, Outbox
from safety.evidence import Event
from safety.incident import Flag, Incident
from safety.ladder import Rung
from safety.ports import Responder, VisitWords

DRILL_TEMPLATE = "sos_drill"
DISPATCHER_TEMPLATE = "sos"
CONTACT_TEMPLATE = "sos_contact"
"""Never asks anybody to phone her: a ringing phone in the wrong room is a danger."""


class AlertsFlow:
    """See `safety.ports.Alerts`."""

    def __init__(self, outbox: Outbox, alarms: Alarms, words: VisitWords) -> None:
        self._outbox = outbox
        self._alarms = alarms
        self._words = words

    async def tell(
        self, tx: Tx, incident: Incident, rung: Rung, people: Sequence[Responder], ringing: set[RecipientId],
        unwritten: Sequence[Event] = (),
    ) -> int:  # fmt: skip
        """See `Alerts.tell`."""
        variables = await self._words.of_incident(tx, incident, unwritten)
        seen = variables.pop("coordinates", "")
        # A text can be read again and typed into a map; eight spoken digits cannot.
        written = {**variables, "place": variables.get("place") or seen}
        vague = {**variables, "place": "", "floor": ""}
        notices = [_notice(incident, rung, DESK, Channel.CONSOLE, written, is_contact=False)] if Channel.CONSOLE in rung.channels else []
        for person in people:
            for channel in rung.channels:
                if channel is Channel.VOICE and person.recipient_id in ringing:
                    continue
                told = vague if not person.knows_place else variables if channel is Channel.VOICE else written
                if channel is not Channel.CONSOLE:
                    notice = _notice(incident, rung, person.recipient_id, channel, told, is_contact=person.is_contact)
                    notices.append(msgspec.structs.replace(notice, next_recipients=person.then))
        if Channel.VOICE in rung.channels:
            ringing.update(person.recipient_id for person in people)
        return len(await self._outbox.enqueue(tx, notices))

    async def withdraw(self, tx: Tx, incident: Incident) -> None:
        """See `Alerts.withdraw`."""
        await self._outbox.cancel(tx, incident.id, channels=(Channel.SMS, Channel.VOICE))

    async def nobody_to_tell(self, tx: Tx, incident: Incident, rung: Rung) -> None:
        """See `Alerts.nobody_to_tell`."""
        detail = f"Tier {rung.tier} of the ladder has nobody to tell. Put people on duty or into the roster."
        await self._alarms.raise_operator_alarm(tx, incident.site_id, "ladder_tier_empty", detail)

    async def hasty_resolution(self, tx: Tx, incident: Incident) -> None:
        """See `Alerts.hasty_resolution`."""
        detail = f"Incident {incident.code} was called false within a minute. A supervisor should look at it."
        await self._alarms.raise_operator_alarm(tx, incident.site_id, "hasty_resolution", detail)


def _notice(
    incident: Incident, rung: Rung, to: RecipientId, channel: Channel, variables: dict[str, str], *, is_contact: bool
) -> Notice:
    template = DRILL_TEMPLATE if Flag.DRILL in incident.flags else CONTACT_TEMPLATE if is_contact else DISPATCHER_TEMPLATE
    return Notice(
        site_id=incident.site_id,
        subject=incident.id,
        lane=Lane.P0,
        channel=channel,
        recipient_id=to,
        template=template,
        variables={**variables, "code": incident.code},
        ladder_round=incident.lap,
        tier=rung.tier,
        code=incident.code,
        visit_id=incident.visit_id,
    )

"""Whose phones ring in the demo? The desk's and the owner's numbers, already verified, so that the phones page shows what they get."""

import msgspec

from core.ids import DispatcherId, SiteId
from hub.local_people import Local
from hub.wire_safety import site_rules
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from safety.canary import CanarySettings

NUMBERS = {RecipientKind.DISPATCHER: "+353855550191", RecipientKind.OWNER: "+353855550192"}

DRILL_NUMBER, DRILL_AT_H = "+353855550193", 4


async def desk_phones(local: Local, site_id: SiteId, dispatcher_id: DispatcherId) -> None:
    """Give the demo's dispatcher a phone for each of her roles, and the daily drill one; doing it again changes nothing."""
    floor, recipients = local.floor, SqlRecipients(local.floor.keys)
    people = RecipientsFlow(
        work=floor.truth, recipients=recipients, outbox=SqlOutbox(floor.keys, floor.clock), clock=floor.clock, ids=floor.ids
    )
    rules = site_rules(floor)
    async with floor.truth.begin() as tx:
        sink = NewRecipient(
            site_id=site_id, kind=RecipientKind.CANARY, owner_id=site_id, name="Daily drill", number=DRILL_NUMBER, language="en"
        )
        canary = CanarySettings(recipient_id=(await people.add(tx, sink)).id)
        wanted = msgspec.structs.replace(await rules.of(tx, site_id), canary_at_h=DRILL_AT_H, canary=canary)
        await rules.put(tx, site_id, wanted, f"dispatcher:{dispatcher_id}", floor.clock.now())
        for kind, number in NUMBERS.items():
            name = "Demo Desk" if kind is RecipientKind.DISPATCHER else "Demo Owner"
            new = NewRecipient(
                site_id=site_id, kind=kind, owner_id=dispatcher_id, name=name, number=number, language="en",
                is_alarmed=kind is RecipientKind.OWNER,
            )  # fmt: skip
            made = await people.add(tx, new)
            await recipients.save(tx, msgspec.structs.replace(made, verified_at=floor.clock.now()))

"""Who presses in the bench, and who answers? Couples on their way, a desk with phones on duty, and somebody who gets texts.

    python -m bench.sos_seed COUPLES FILE

Made in the databases of the environment's settings before the hub starts; FILE is written as JSON.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from bench.ingest_load import Pair
from bench.ingest_seed import SITE, seed
from core.caller import Role
from core.ids import RecipientId, TechnicianId, VisitId
from hub.demo_desk import desk_phones
from hub.local_people import Local, local_people, operator_of
from hub.settings import load
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from safety.sql_duties import SqlDuties
from visits.desk_access_flow import NewDispatcher

USER, PASSWORD = "desk", "lantern-on-the-porch-17"


class Presser(msgspec.Struct, frozen=True):
    """Somebody who can press: her credential, and as whom the hub knows her."""

    token: str
    who: str


class Cast(msgspec.Struct, frozen=True):
    """Everybody. `technicians` and `customers` in the order of `pairs`; `texted`: who gets arrival texts."""

    pairs: list[Pair]
    technicians: list[Presser]
    customers: list[Presser]
    texted: RecipientId


async def cast(couples: int) -> Cast:
    """Make everybody and everything."""
    pairs = await seed(couples)
    async with local_people(load()) as local:
        await _desk(local)
        texted = await _texted(local)
        technicians, customers = [], []
        for pair in pairs:
            she = await local.people.access.caller_of_token(pair.device_token)
            they = await local.people.access.caller_of_token(pair.link_token)
            technicians.append(Presser(pair.device_token, f"technician:{TechnicianId(she.technician_id or '')}"))
            customers.append(Presser(pair.link_token, f"customer:{VisitId(they.visit_id or '')}"))
    return Cast(pairs, technicians, customers, texted)


async def _desk(local: Local) -> None:
    new = NewDispatcher(
        user=USER, name="Bench Desk", password=PASSWORD, sites=frozenset({SITE}), roles=frozenset({Role.DISPATCHER, Role.OWNER})
    )
    entered = await local.people.desk.enter(operator_of(SITE), new)
    await desk_phones(local, SITE, entered.id)
    now = local.floor.clock.now()
    async with local.floor.truth.begin() as tx:
        await SqlDuties(local.floor.ids).begin(tx, SITE, entered.id, now, now, is_lead=True)


async def _texted(local: Local) -> RecipientId:
    floor, recipients = local.floor, SqlRecipients(local.floor.keys)
    outbox = SqlOutbox(floor.keys, floor.clock)
    people = RecipientsFlow(work=floor.truth, recipients=recipients, outbox=outbox, clock=floor.clock, ids=floor.ids)
    new = NewRecipient(
        site_id=SITE, kind=RecipientKind.CUSTOMER, owner_id="bench", name="Bench", number="+353855569999", language="en"
    )
    async with floor.truth.begin() as tx:
        return (await people.add(tx, new)).id


def main() -> None:
    """Write the cast."""
    path = Path(sys.argv[2])
    path.write_bytes(msgspec.json.encode(asyncio.run(cast(int(sys.argv[1])))))


if __name__ == "__main__":
    main()

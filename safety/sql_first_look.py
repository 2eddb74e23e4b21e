"""What is known when somebody presses? Asked by one statement, which also takes her turn: each is a way to PostgreSQL and back in front of
a receipt.
"""

from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, select

from core.ids import IncidentId, SiteId
from core.unit_of_work import Tx
from notifications.notice import short_code
from notifications.tables import webhook_endpoints
from notifications.webhook import Family
from safety.incident import State
from safety.sos_tap import Receipt, SosTap
from safety.tables import incidents, triggers

ENDED = (State.RESOLVED.value, State.REVIEWED.value)
IS_OPEN = and_(*(incidents.c.state != state for state in ENDED))
CODE = select(incidents.c.id).where(incidents.c.site_id == bindparam("site_id"), incidents.c.code == bindparam("code"), IS_OPEN)
"""Whose code it is, for `site_id` and `code`."""
_FOR_INCIDENTS = webhook_endpoints.c.families.contains(f'"{Family.INCIDENT.value}"')
_ENDPOINT = select(webhook_endpoints.c.id).where(webhook_endpoints.c.site_id == bindparam("site_id"), _FOR_INCIDENTS)
_KNOWN = (
    select(triggers.c.incident_id, triggers.c.at, CODE.exists().label("is_code_used"), _ENDPOINT.exists().label("has_endpoint"))
    .select_from(select(bindparam("who").label("who")).subquery())
    .outerjoin(triggers, and_(triggers.c.who == bindparam("who"), triggers.c.tap_id == bindparam("tap_id")))
)
_FIRST_LOOK = {
    "sqlite": _KNOWN,
    # There is no row to lock before her first press: without this, two at the same moment would each find nothing and open one.
    "postgresql": _KNOWN.add_columns(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("who"), 0)).label("waited")),
}
"""Made once, as every press needs it: building a statement costs more than running it."""


class FirstLook(NamedTuple):
    """What was found. `receipt`: of the tap where it is known; `free`: the tap's incident where its first code is free, else None.

    `unheard`: the tap's site where no program has an endpoint for incidents, enabled or not, else None. An endpoint that is made while the
    transaction goes on is missed, as it ever was at its end: the press was before it.
    """

    receipt: Receipt | None
    free: IncidentId | None
    unheard: SiteId | None


NOTHING = FirstLook(None, None, None)
"""What a transaction knows that began with no press."""


async def first_look(tx: Tx, tap: SosTap) -> FirstLook:
    """Return what is known of `tap`; on PostgreSQL presses of its person go one at a time from here on."""
    asked = {"who": tap.who, "tap_id": tap.tap_id, "site_id": tap.site_id, "code": short_code(tap.incident_id)}
    row = (await tx.conn.execute(_FIRST_LOOK[tx.dialect], asked)).one()
    return FirstLook(
        receipt=None if row.at is None else Receipt(tap_id=tap.tap_id, incident_id=row.incident_id, status="received", at=row.at),
        free=None if row.is_code_used else tap.incident_id,
        unheard=None if row.has_endpoint else tap.site_id,
    )

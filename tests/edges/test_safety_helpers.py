"""Colleagues who could come, on real databases: only those who offered it, on shift, and not to be kept from this customer."""

import pytest

from core.geo import LatLon
from core.ids import SiteId
from hub.join_her_safety import NearColleagues
from notifications.recipients_flow import RecipientsFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from notifications.tables import notices
from safety.incident import Incident, State
from safety.sos_tap import Position
from tests.doubles.visits_house import DESK, DOOR, MUNICH, OWNER, VisitsHouse
from tracking.fix import Fix
from tracking.router_flow import FactorRouter
from visits.stage import Stage

pytestmark = pytest.mark.anyio


class Everywhere:
    """Meets `Positions.all_known`: everybody is a kilometre away, heard of now."""

    def __init__(self, clock):
        self.clock, self.who = clock, []

    async def all_known(self, site_id):
        now_ms = self.clock.now_ms()
        return {
            who: Fix(
                device_id="p", device_epoch=1, seq=1, technician_id=who, at_ms=now_ms, device_at_ms=now_ms, received_ms=now_ms,
                lat=DOOR.lat + 0.01, lon=DOOR.lon, accuracy_m=5.0, speed_mps=None, heading_deg=None, altitude_m=None, battery_pct=None,
                mocked=False,
            )
            for who in self.who
        }  # fmt: skip


class House:
    """A visit in danger and four colleagues."""

    def __init__(self, house, key_ring):
        self.house, self.positions = house, Everywhere(house.clock)
        outbox = SqlOutbox(key_ring, house.clock)
        people = RecipientsFlow(work=house.work, recipients=SqlRecipients(key_ring), outbox=outbox, clock=house.clock, ids=house.ids)
        self.colleagues = NearColleagues(house.work, house.stores, self.positions, FactorRouter(), outbox, people, house.clock)

    async def opened(self):
        """Let her be in service, and return the colleagues by what is different about them."""
        house = self.house
        self.her = await house.technician("Lin Wei", on_shift=True)
        self.visit = await house.visit(Stage.IN_SERVICE, self.her)
        found = {}
        for name, willing, on_shift in (("able", 1, 1), ("unasked", 0, 1), ("blocked", 1, 1), ("off", 1, 0)):
            found[name] = await house.technician(name, on_shift=bool(on_shift))
            await house.people.change(OWNER, found[name].technician_id, phone="+4915112345678")
            if willing:
                await house.people.offer_help(found[name], is_willing=True)
        await house.people.block(DESK, found["blocked"].technician_id, "+491701234567", "no more")
        self.positions.who = [each.technician_id for each in (self.her, *found.values())]
        self.incident = Incident(
            id="i1", site_id=SiteId(MUNICH), code="1234", state=State.OWNED, severity=2, technician_id=self.her.technician_id,
            visit_id=self.visit.id, raised_by="technician:x", raised_at=house.clock.now(),
        )  # fmt: skip
        return found


@pytest.fixture
async def danger(work, clock, ids, key_ring):
    return House(await VisitsHouse(work, clock, ids, key_ring).opened(), key_ring)


async def test_only_those_who_offered_it_are_on_shift_and_may_meet_the_customer_are_shown(danger):
    found = await danger.opened()
    helpers = await danger.colleagues.near(danger.incident, Position(place=LatLon(DOOR.lat, DOOR.lon)), 10)

    assert [helper.technician_id for helper in helpers] == [found["able"].technician_id]
    assert 1000 < helpers[0].distance_m < 2000


async def test_a_click_reaches_nobody_else_however_the_request_was_made(danger, work):
    found = await danger.opened()
    whom = [each.technician_id for each in (*found.values(), danger.her)]
    async with work.begin() as tx:
        told = await danger.colleagues.tell(tx, danger.incident, whom, "1234")
    async with work.read() as tx:
        texts = (await tx.conn.execute(notices.select().where(notices.c.subject == "i1"))).all()

    assert told == [found["able"].technician_id]
    assert len(texts) == 1

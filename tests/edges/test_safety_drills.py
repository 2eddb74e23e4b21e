"""The daily drill on real databases: raised once a day, quiet when its notice arrives, loud when it does not."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from core.sql_timers import SqlTimers
from core.timers_flow import TimersFlow
from notifications.alarms_flow import AlarmsFlow
from notifications.notice import Channel, NoticeState
from notifications.recipient import Recipient, RecipientKind
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from notifications.tables import notices
from safety.alerts_flow import AlertsFlow
from safety.canary import CanarySettings, Outcome
from safety.canary_flow import CANARY_CHECK_TIMER, CANARY_TIMER, CanaryFlow
from safety.incident import Flag, Resolution, State
from safety.ladder_flow import LADDER_TIMER, LadderFlow
from safety.site_rules import SiteRules
from safety.sos_flow import SosFlow
from safety.sql_canary import SqlCanaryRuns, SqlDrillResponders
from safety.sql_duties import SqlDuties
from safety.sql_incidents import SqlIncidents
from safety.sql_site_rules import SqlSiteRules
from tests.doubles.safety_ports import NobodyWorks, SpyPokes, safety_on
from tests.edges.test_safety_tap import TAP

pytestmark = pytest.mark.anyio

SITE, SINK = "s1", "r-sink"


class Words:
    """Meets `VisitWords`."""

    async def of_incident(self, tx, incident, unwritten=()):
        return {"name": "Porchlight", "place": ""}


class Chain:
    """Everything from the drill's timer to the outbox; `deliver` stands for the carrier's receipt."""

    def __init__(self, work, clock, ids, key_ring):
        self.work, self.clock, self.ids, timers = work, clock, ids, SqlTimers(work)
        self.outbox, self.rules, self.runs = SqlOutbox(key_ring, clock), SqlSiteRules(ids, SiteRules()), SqlCanaryRuns()
        self.recipients = SqlRecipients(key_ring)
        alarms = AlarmsFlow(outbox=self.outbox, recipients=self.recipients, clock=clock)
        self.incidents, pokes = SqlIncidents(key_ring), SpyPokes()
        alerts = AlertsFlow(self.outbox, alarms, Words())
        self.ladder = LadderFlow(work, self.incidents, SqlDrillResponders(self.rules), alerts, timers, pokes, clock)
        sos = SosFlow(work, self.incidents, self.ladder, NobodyWorks(), NobodyWorks(), pokes, clock)

        async def zones():
            return {SITE: "UTC"}

        self.canary = CanaryFlow(work, self.runs, self.incidents, sos, self.ladder, alarms, self.rules, timers, pokes, clock, zones)
        self.bells = [TimersFlow(SqlTimers(work), clock) for _ in range(2)]
        for bell in self.bells:
            bell.handle(LADDER_TIMER, self.ladder.on_ladder_timer)
            bell.handle(CANARY_TIMER, self.canary.on_canary_timer)
            bell.handle(CANARY_CHECK_TIMER, self.canary.on_check_timer)

    async def begin(self, at_h):
        """Give the site a phone for its drill, and its hour."""
        async with self.work.begin() as tx:
            sink = Recipient(
                id=SINK, site_id=SITE, kind=RecipientKind.CANARY, owner_id=SITE, name="Drill", number="+353855550199",
                number_masked="***99", country="IE",
            )  # fmt: skip
            await self.recipients.add(tx, sink, self.clock.now())
            rules = SiteRules(canary_at_h=at_h, canary=CanarySettings(recipient_id=SINK))
            await self.rules.put(tx, SITE, rules, "dispatcher:d1", self.clock.now())
        await self.canary.arm()

    async def pass_s(self, seconds, *, step_s=5, delivers=False):
        """Let time pass on two workers."""
        for _ in range(seconds // step_s):
            self.clock.move(step_s)
            for bell in self.bells:
                await bell.run_once()
            if delivers:
                await self.deliver()

    async def deliver(self):
        """Let the carrier say that the drill's text is there."""
        async with self.work.begin() as tx:
            mine = (notices.c.recipient_id == SINK) & (notices.c.channel == Channel.SMS.value)
            await tx.conn.execute(update(notices).where(mine).values(state=NoticeState.DELIVERED.value))

    async def go_on_duty(self):
        """Let a dispatcher with a phone sit at the desk."""
        async with self.work.begin() as tx:
            phone = Recipient(
                id="r-ana", site_id=SITE, kind=RecipientKind.DISPATCHER, owner_id="ana", name="Ana", number="+353855550191",
                number_masked="***91", country="IE",
            )  # fmt: skip
            await self.recipients.add(tx, phone, self.clock.now())
            await SqlDuties(self.ids).begin(tx, SITE, "ana", self.clock.now(), self.clock.now(), is_lead=True)

    async def drills(self):
        """Return the runs, newest first."""
        async with self.work.read() as tx:
            return await self.runs.newest(tx, SITE, 10)

    async def incident(self, run):
        """Return a run's incident."""
        async with self.work.read() as tx:
            return await self.incidents.find(tx, run.incident_id)

    async def alarms(self):
        """Return how many notices told that the drill failed."""
        async with self.work.read() as tx:
            found = await tx.conn.execute(notices.select().where(notices.c.subject == f"alarm:{SITE}:canary_missing"))
            return len(found.all())


@pytest.fixture
async def chain(work, clock, ids, key_ring):
    made = Chain(work, clock, ids, key_ring)
    await made.begin((clock.now() + timedelta(hours=1)).hour)
    return made


async def test_a_drill_whose_notice_arrives_ends_in_silence(chain):
    chain.clock.move(3590)
    assert await chain.drills() == []
    await chain.pass_s(60, delivers=True)

    (run,) = await chain.drills()
    ended = await chain.incident(run)
    assert (run.outcome, ended.state, ended.resolution, ended.severity) == (Outcome.PASSED, State.RESOLVED, Resolution.DRILL, 0)
    assert Flag.DRILL in ended.flags
    assert (await chain.alarms(), await chain.canary.fault()) == (0, None)


async def test_a_drill_whose_notice_does_not_arrive_alarms_the_owners_and_health(chain):
    chain.clock.move(3590)
    await chain.pass_s(290)
    assert await chain.alarms() == 0
    await chain.pass_s(30)

    (run,) = await chain.drills()
    assert (run.outcome, (await chain.incident(run)).state) == (Outcome.FAILED, State.RESOLVED)
    assert await chain.alarms() == 1
    assert "did not reach its phone" in await chain.canary.fault()


@pytest.mark.parametrize("is_manned", [False, True])
async def test_only_the_canarys_phone_is_told(chain, *, is_manned):
    if is_manned:
        await chain.go_on_duty()
    chain.clock.move(3590)
    await chain.pass_s(60, delivers=True)
    (run,) = await chain.drills()
    async with chain.work.read() as tx:
        told = (await tx.conn.execute(notices.select().where(notices.c.subject == run.incident_id))).all()

    assert {row.recipient_id for row in told} == {SINK, "desk"}
    assert {row.template_key for row in told} == {"sos_drill/1"}


async def test_two_workers_and_a_restart_are_one_drill_a_day_and_the_next_day_is_another(chain):
    chain.clock.move(3590)
    await chain.pass_s(60, delivers=True)
    await chain.canary.arm()
    await chain.pass_s(3600, step_s=600, delivers=True)
    assert len(await chain.drills()) == 1
    chain.clock.move(23 * 3600 - 120)
    await chain.pass_s(120, delivers=True)

    runs = await chain.drills()
    assert [run.day.day for run in runs] == [3, 2]
    assert all(run.outcome is Outcome.PASSED for run in runs)


async def test_a_hub_that_was_away_at_the_hour_drills_when_it_is_back(chain):
    chain.clock.move(5 * 3600)
    await chain.pass_s(60, delivers=True)

    assert [run.outcome for run in await chain.drills()] == [Outcome.PASSED]


async def test_a_changed_hour_is_the_one_that_counts_and_none_ends_the_drills(chain):
    async with chain.work.begin() as tx:
        rules = await chain.rules.of(tx, SITE)
        await chain.rules.put(tx, SITE, msgspec.structs.replace(rules, canary_at_h=None), "dispatcher:d1", chain.clock.now())
    await chain.pass_s(2 * 3600, step_s=600)

    assert await chain.drills() == []


async def test_a_real_press_never_joins_a_drill(chain, work, clock, key_ring):
    chain.clock.move(3600)
    await chain.pass_s(5)
    (run,) = await chain.drills()
    hub = safety_on(work, clock, key_ring)

    receipt = await hub.sos.raise_sos(TAP)
    assert receipt.incident_id != run.incident_id
    await chain.pass_s(400)
    async with work.read() as tx:
        hers = await hub.incidents.find(tx, receipt.incident_id)
    assert hers.is_open

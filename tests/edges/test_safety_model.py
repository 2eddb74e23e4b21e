"""Whatever happens, in whatever order: no unresolved incident falls quiet, and none ends by itself. A model of hours, on real SQLite."""

import asyncio
import atexit
import functools
import shutil
import tempfile
from datetime import timedelta

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import create_engine, select

from core.caller import Caller, CallerKind, Role
from core.errors import HubError
from core.ids import RandomIds
from core.key_ring import KeyRing
from core.sql import open_engine, truth
from core.sql_timers import SqlTimers
from core.tables import timers as timer_rows
from core.unit_of_work import UnitOfWork
from safety.duress_flow import DuressFlow
from safety.evidence import EventKind, first_break
from safety.incident import OPEN, Resolution, State
from safety.ladder_flow import LADDER_TIMER, LEASE_TIMER, PENDING_TIMER
from safety.pin_flow import PinFlow
from safety.question_flow import QuestionFlow
from safety.row_check import differences
from safety.sos_tap import PersonKind, Road, SosTap, TriggerKind
from safety.sql_pins import SqlPins
from safety.tables import incidents as incident_rows
from tests.doubles.dropped import DroppedAt
from tests.doubles.fake_clock import FakeClock
from tests.doubles.real_servers import MEMORY
from tests.doubles.safety_ports import AlarmsAt, NobodyWorks, safety_on

SITE = "s1"
LONGEST_QUIET = timedelta(seconds=180)
TRUE, DURESS, WRONG = "8420", "1937", "5555"
WHOM = st.sampled_from(["t1", "t2"])
DESK = {
    name: Caller(kind=CallerKind.DISPATCHER, id=name, dispatcher_id=name, sites=frozenset({SITE}), roles=frozenset({Role.SUPERVISOR}))
    for name in ("d-ana", "d-bo")
}
BY = st.sampled_from(sorted(DESK))
LATER_S = st.sampled_from([1, 14, 31, 61, 125, 185, 301, 425, 3600])


class RushedClock(FakeClock):
    """A clock on which every wait is over at once."""

    async def sleep(self, seconds):
        self.move(max(0.0, seconds))


class PlainHashes:
    """Meets `PinHashes` without the cost."""

    async def hashed(self, pin):
        return f"hash of {pin}"

    async def fits(self, stored, pin):
        return stored == f"hash of {pin}"


class NoVisits:
    """Meets `WatchedVisits` and `Extensions` where nobody is on a visit."""

    async def get(self, tx, visit_id):
        return None

    async def extend(self, caller, visit_id, minutes):
        return None


class NobodyFallsQuiet(RuleBasedStateMachine):
    """Two technicians, two dispatchers, workers that live, die and wake late, on one database."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="pl-model-", dir=MEMORY)
        self.loop = asyncio.Runner()
        self.clock, self.count, self.stalled = RushedClock(), 0, []
        shutil.copy(_empty_database(), f"{self.folder}/model.db")
        self.loop.run(self._open())

    async def _open(self):
        self.engine = open_engine(f"sqlite+aiosqlite:///{self.folder}/model.db", durability="normal")
        self.work = UnitOfWork(self.engine)
        self.hub = safety_on(self.work, self.clock, KeyRing(["test-secret-of-more-than-thirty-two-characters"]))
        hub, work, clock, self.bell = self.hub, self.work, self.clock, SqlTimers(self.work)
        self.pins = PinFlow(work, hub.incidents, SqlPins(), PlainHashes(), hub.ladder, hub.pokes, clock)
        duress = DuressFlow(hub.incidents, hub.sos, hub.ladder, clock, RandomIds())
        self.pins.alarm_by(AlarmsAt(SITE, duress))
        nothing = NoVisits()
        self.questions = QuestionFlow(
            work, hub.incidents, hub.ladder, self.pins, nothing, duress, nothing, hub.pokes, clock, NobodyWorks()
        )
        for she in ("t1", "t2"):
            await self.pins.set_pins(she, TRUE, DURESS)

    def teardown(self):
        self.loop.run(self.engine.dispose())
        self.loop.close()
        shutil.rmtree(self.folder)

    def done(self, work, dropped_at):
        """Run `work` to its end, or up to its `dropped_at`-th wait; a refusal in words is an answer, too."""

        async def run():
            try:
                return await (work if dropped_at is None else DroppedAt(work, dropped_at))
            except HubError:
                return None

        return self.loop.run(run())

    def tap(self, she, **changes):
        self.count += 1
        return SosTap(
            tap_id=f"tap-{self.count}", who=f"technician:{she}", person=PersonKind.TECHNICIAN, site_id=SITE, road=Road.SOCKET,
            technician_id=she, **changes,
        )  # fmt: skip

    def open_ones(self):
        async def read():
            async with self.work.read() as tx:
                return await self.hub.incidents.open_at(tx, SITE)

        return self.loop.run(read())

    drops = st.one_of(st.none(), st.integers(1, 40))

    @rule(she=WHOM, is_drill=st.booleans(), dropped_at=drops)
    def she_presses_and_the_phone_retries_until_a_receipt(self, she, is_drill, dropped_at):
        tap = self.tap(she, is_drill=is_drill)
        first = self.done(self.hub.sos.raise_sos(tap), dropped_at)
        # Not through `done`: a tap is never refused.
        receipt = self.loop.run(self.hub.sos.raise_sos(msgspec.structs.replace(tap, road=Road.HTTP)))
        assert first in (None, receipt)

    @rule(she=WHOM, kind=st.sampled_from([TriggerKind.DETECTOR, TriggerKind.MISSED_CHECK_IN]), dropped_at=drops)
    def a_watch_asks_her(self, she, kind, dropped_at):
        self.done(self.hub.sos.raise_sos(self.tap(she, kind=kind)), dropped_at)

    @rule(she=WHOM, pin=st.sampled_from([TRUE, DURESS, WRONG]), dropped_at=drops)
    def a_pin_is_entered(self, she, pin, dropped_at):
        self.done(self.pins.enter(she, pin), dropped_at)

    @rule(she=WHOM, is_ok=st.booleans(), pin=st.sampled_from([None, TRUE, DURESS, WRONG]), dropped_at=drops)
    def she_answers(self, she, is_ok, pin, dropped_at):
        phone = Caller(kind=CallerKind.DEVICE, technician_id=she, sites=frozenset({SITE}))
        self.done(self.questions.answer(phone, is_ok=is_ok, pin=pin), dropped_at)

    @rule(by=BY, place=st.integers(0, 1), dropped_at=drops)
    def a_dispatcher_claims(self, by, place, dropped_at):
        for incident in self.open_ones()[place : place + 1]:
            self.done(self.hub.desk.claim(DESK[by], incident.id, incident.version), dropped_at)

    @rule(place=st.integers(0, 1))
    def two_dispatchers_claim_at_once(self, place):
        async def both(incident):
            claims = (self.hub.desk.claim(by, incident.id, incident.version) for by in DESK.values())
            return await asyncio.gather(*claims, return_exceptions=True)

        for incident in self.open_ones()[place : place + 1]:
            won = [result for result in self.loop.run(both(incident)) if not isinstance(result, Exception)]
            assert len(won) == (incident.owner_id is None)

    @rule(by=BY, act=st.sampled_from(["note", "call", "respond", "offer", "accept"]), dropped_at=drops)
    def a_dispatcher_acts(self, by, act, dropped_at):
        desk, caller = self.hub.desk, DESK[by]
        for incident in self.open_ones():
            work = {
                "note": lambda one: desk.note(caller, one.id, "a note"),
                "call": lambda one: desk.call(caller, one.id, one.version, "technician"),
                "respond": lambda one: desk.respond(caller, one.id, one.version, "police"),
                "offer": lambda one: desk.offer(caller, one.id, one.version, "d-bo", "my shift ends"),
                "accept": lambda one: desk.accept(caller, one.id, one.version),
            }[act]
            self.done(work(incident), dropped_at)

    @rule(by=BY, code=st.sampled_from([Resolution.REAL_POLICE, Resolution.FALSE_ACCIDENTAL]), note=st.sampled_from(["safe", " "]),
          dropped_at=drops)  # fmt: skip
    def a_dispatcher_resolves(self, by, code, note, dropped_at):
        for incident in self.open_ones():
            self.done(self.hub.desk.resolve(DESK[by], incident.id, incident.version, code, note), dropped_at)

    @rule(is_manned=st.booleans())
    def the_desk_is_manned_or_not(self, is_manned):
        self.hub.responders.manned = is_manned

    @rule(seconds=LATER_S)
    def time_passes_and_timers_fire(self, seconds):
        self.clock.move(seconds)
        self.loop.run(self.hub.timers.run_once())

    @rule(seconds=LATER_S)
    def time_jumps(self, seconds):
        self.clock.move(seconds)

    @rule()
    def a_worker_claims_timers_and_stalls(self):
        self.stalled += self.loop.run(self.bell.claim_due(self.clock.now(), 50, 30.0))

    @rule(is_dead=st.booleans(), dropped_at=drops)
    def the_stalled_worker_dies_or_wakes(self, is_dead, dropped_at):
        handlers = {
            LADDER_TIMER: self.hub.ladder.on_ladder_timer, PENDING_TIMER: self.hub.ladder.on_pending_timer,
            LEASE_TIMER: self.hub.ladder.on_lease_timer,
        }  # fmt: skip

        async def fire(timer):
            await handlers[timer.kind](timer)
            await self.bell.done([timer])

        for timer in [] if is_dead else self.stalled:
            self.done(fire(timer), dropped_at)
        self.stalled = []

    @invariant()
    def every_incident_is_watched_and_ended_by_people_only(self):
        self.loop.run(self._check())

    async def _check(self):
        async with self.work.read() as tx:
            ids = (await tx.conn.execute(select(incident_rows.c.id))).scalars().all()
            due = {(row.kind, row.subject): row.due_at for row in (await tx.conn.execute(select(timer_rows))).all()}
            found = [(await self.hub.incidents.find(tx, id), await self.hub.incidents.events(tx, id)) for id in ids]
        open_whos = [incident.raised_by for incident, _ in found if incident.state in OPEN]
        assert len(open_whos) == len(set(open_whos))
        for incident, events in found:
            assert first_break(incident.id, events) is None
            assert differences(incident, events) == []
            if incident.state in OPEN:
                _must_be_watched(incident, events, due)
            else:
                _must_have_been_ended_by_a_person(incident, events)


@functools.cache
def _empty_database():
    """Tables are made once: making them takes longer than an example."""
    folder = tempfile.mkdtemp(prefix="pl-model-", dir=MEMORY)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = create_engine(f"sqlite:///{folder}/empty.db")
    truth.create_all(engine)
    engine.dispose()
    return f"{folder}/empty.db"


def _must_be_watched(incident, events, due):
    if incident.owner_id is not None:
        assert (LEASE_TIMER, incident.id) in due, f"{incident.state}: owned, and nobody watches over the owner"
        return
    waits = [due[kind, incident.id] for kind in (LADDER_TIMER, PENDING_TIMER) if (kind, incident.id) in due]
    assert waits, f"{incident.state}: quiet"
    assert min(waits) <= events[-1].at + LONGEST_QUIET, f"{incident.state}: quiet for too long"


def _must_have_been_ended_by_a_person(incident, events):
    kinds = [event.kind for event in events]
    if incident.state is State.DISMISSED:
        assert {event.actor for event in events if event.data.get("answer") == "ok"} == {incident.raised_by}
        assert not {EventKind.TOLD, EventKind.CLAIMED} & set(kinds)
    else:
        ends = [event for event in events if event.kind is EventKind.RESOLVED]
        assert len(ends) == 1
        assert ends[0].actor.removeprefix("dispatcher:") in DESK
        assert ends[0].data["note"].strip()


TestNobodyFallsQuiet = NobodyFallsQuiet.TestCase
TestNobodyFallsQuiet.settings = settings(
    max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)

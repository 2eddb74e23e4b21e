"""Her answers to what a watch asks, on real databases: in time, too late, under force, and to nothing that is asked any more."""

import asyncio

import pytest

from core.caller import Caller, CallerKind
from safety.duress_flow import DuressFlow
from safety.evidence import EventKind
from safety.incident import Flag, State
from safety.pin_flow import PinFlow
from safety.question_flow import PinNeeded, QuestionFlow
from safety.sql_pins import SqlPins
from tests.doubles.safety_ports import safety_on
from tests.doubles.safety_watch import SHE, SITE, WatchHouse
from tests.edges.test_safety_pin import DURESS, TRUE, PlainHashes
from tests.edges.test_safety_tap import log_of
from visits.stage import Stage

pytestmark = pytest.mark.anyio

PHONE = Caller(kind=CallerKind.DEVICE, technician_id=SHE, sites=frozenset({SITE}))


class Asked:
    """A technician in service who is asked for a sign of life."""

    def __init__(self, work, clock, ids, key_ring):
        self.work, self.clock, self.hub = work, clock, safety_on(work, clock, key_ring)
        self.house = WatchHouse(work, clock, ids, self.hub)
        pins = PinFlow(work, self.hub.incidents, SqlPins(), PlainHashes(), self.hub.ladder, self.hub.pokes, clock)
        duress = DuressFlow(self.hub.incidents, self.hub.sos, self.hub.ladder, clock, ids)
        self.pins = pins
        self.flow = QuestionFlow(
            work, self.hub.incidents, self.hub.ladder, pins, self.house.visits, duress, None, self.hub.pokes, clock, self.house.visits,
            self.house.watch,
        )  # fmt: skip

    async def ask(self):
        """Let the question be asked."""
        await self.pins.set_pins(SHE, TRUE, DURESS)
        await self.house.enter(Stage.IN_SERVICE, planned_min=300)
        await self.house.pass_min(20)

    async def answer(self, *, is_ok, pin=None):
        """Answer, and let the fixed moment come."""
        task = asyncio.create_task(self.flow.answer(PHONE, is_ok=is_ok, pin=pin))
        while not task.done():
            await asyncio.sleep(0)
            await self.clock.wake_next()
        return task.result()

    async def only(self):
        """Return the one open incident, None without one."""
        found = await self.house.open()
        assert len(found) < 2
        return found[0] if found else None


@pytest.fixture
def asked(work, clock, ids, key_ring):
    return Asked(work, clock, ids, key_ring)


async def test_an_answer_in_time_dismisses_the_question_and_counts_as_a_sign_of_life(asked):
    await asked.ask()
    assert (await asked.only()).state is State.PENDING
    assert (await asked.answer(is_ok=True, pin=TRUE)).accepted
    assert await asked.only() is None
    await asked.house.pass_min(55, step_s=60)

    assert [ask for ask in asked.house.prompts.asked if ask == ("check_in", "question")] == [("check_in", "question")]


async def test_an_answer_after_the_alarm_is_written_down_and_stops_nothing(asked, work):
    await asked.ask()
    await asked.house.pass_min(1)
    raised = await asked.only()
    await asked.answer(is_ok=True, pin=TRUE)

    assert (await asked.only()).state is raised.state is State.NOTIFYING
    late = [event.data for event in await log_of(work, asked.hub, raised.id) if event.kind is EventKind.ANSWERED][-1]
    assert late == {"answer": "ok", "is_late": True, "had_pin": True}


@pytest.mark.parametrize("is_late", [False, True])
async def test_the_duress_pin_raises_the_alarm_however_late_it_comes(asked, is_late):
    await asked.ask()
    if is_late:
        await asked.house.pass_min(1)
    assert (await asked.answer(is_ok=True, pin=DURESS)).accepted

    raised = await asked.only()
    assert Flag.DURESS in raised.flags
    assert raised.state is State.NOTIFYING


@pytest.mark.parametrize("is_late", [False, True])
async def test_in_service_an_answer_wants_her_pin_whether_the_alarm_was_raised_meanwhile_or_not(asked, is_late):
    await asked.ask()
    if is_late:
        await asked.house.pass_min(1)

    with pytest.raises(PinNeeded):
        await asked.answer(is_ok=True)


async def test_the_duress_pin_to_a_mere_reminder_raises_the_alarm_too(asked):
    await asked.pins.set_pins(SHE, TRUE, DURESS)
    await asked.answer(is_ok=True, pin=DURESS)

    assert Flag.DURESS in (await asked.only()).flags


async def test_a_cry_to_a_mere_reminder_is_a_cry(asked, work):
    await asked.answer(is_ok=False)

    raised = await asked.only()
    assert (raised.state, raised.severity) == (State.NOTIFYING, 2)
    assert (await log_of(work, asked.hub, raised.id))[0].data["is_silent"] is True


async def test_a_true_answer_to_nothing_changes_nothing(asked):
    await asked.answer(is_ok=True)

    assert await asked.only() is None

"""PINs where nothing was pressed, on real databases: wrong ones in a row, and the duress PIN dropped anywhere on its way."""

import asyncio

import msgspec
import pytest

from core.ids import RandomIds
from safety.duress_flow import DuressFlow
from safety.face_flow import FaceFlow
from safety.incident import Flag, Resolution, State
from safety.pin_flow import PinAnswer, PinFlow
from safety.pin_pace import ANSWER_AFTER_S
from safety.pin_ports import StoredPins
from safety.public_face import QUIET, Phase
from safety.question_flow import QuestionFlow
from safety.sql_pins import SqlPins
from tests.doubles.dropped import DroppedAt
from tests.doubles.fake_clock import FakeClock
from tests.doubles.safety_ports import AlarmsAt, NobodyWorks, safety_on
from tests.edges.test_safety_pin import DURESS, NEW, PHONE, TRUE, WRONG, PlainHashes
from tests.edges.test_safety_tap import ANA, TAP, get

pytestmark = pytest.mark.anyio


class WillingVisits:
    """Meets `Extensions` where every service can be lengthened."""

    def __init__(self):
        self.whose = []

    async def extend(self, caller, visit_id, minutes):
        self.whose.append(caller.technician_id)


@pytest.fixture
def hub(work, clock, key_ring):
    return safety_on(work, clock, key_ring)


@pytest.fixture
def pins(work, clock, hub):
    return pins_on(work, hub, clock)


@pytest.fixture
def faces(work, hub):
    return FaceFlow(work, hub.incidents)


async def at_moment(clock, use):
    """Move the clock until the fixed moment of `use` has come; return its answer, or the refusal that it raised."""
    task = asyncio.create_task(use)
    while not task.done():
        await asyncio.sleep(0)
        await clock.wake_next()
    return task.exception() or task.result()


def pins_on(work, hub, clock):
    """Return the PINs of a site with what they raise in silence."""
    pins = PinFlow(work, hub.incidents, SqlPins(), PlainHashes(), hub.ladder, hub.pokes, clock)
    pins.alarm_by(AlarmsAt("s1", DuressFlow(hub.incidents, hub.sos, hub.ladder, clock, RandomIds())))
    return pins


def questions_on(work, hub, pins, clock, visits=None):
    duress = DuressFlow(hub.incidents, hub.sos, hub.ladder, clock, RandomIds())
    return QuestionFlow(work, hub.incidents, hub.ladder, pins, None, duress, visits or WillingVisits(), hub.pokes, clock, NobodyWorks())


async def test_wrong_pins_in_a_row_of_whatever_use_make_an_open_incident_graver(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    questions = questions_on(work, hub, pins, clock)
    receipt = await hub.sos.raise_sos(TAP)
    before = (await get(work, hub, receipt.incident_id)).version
    await at_moment(clock, pins.set_pins("t1", *NEW, WRONG))
    await at_moment(clock, questions.extend(PHONE, "v1", 30, WRONG))
    assert (await get(work, hub, receipt.incident_id)).version == before
    await at_moment(clock, questions.answer(PHONE, is_ok=True, pin=WRONG))

    found = await get(work, hub, receipt.incident_id)
    assert (found.severity, found.flags) == (3, {Flag.WRONG_PINS})


async def open_at(work, hub):
    async with work.read() as tx:
        return await hub.incidents.open_at(tx, "s1")


async def test_three_wrong_pins_where_nothing_is_open_tell_the_desk_and_her_phone_nothing(work, hub, pins, faces, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    questions = questions_on(work, hub, pins, clock)
    for use in (pins.enter("t1", WRONG), questions.extend(PHONE, "v1", 30, WRONG)):
        await at_moment(clock, use)
    assert await open_at(work, hub) == []
    began_s = clock.monotonic()
    quiet = await at_moment(clock, pins.enter("t1", WRONG))
    took_s = round(clock.monotonic() - began_s, 1)
    (doubted,) = await open_at(work, hub)
    assert (doubted.state, doubted.severity, doubted.flags) == (State.PENDING, 1, {Flag.WRONG_PINS})
    clock.move(31)
    await hub.timers.run_once()

    (raised,) = await open_at(work, hub)
    assert (raised.state, len(hub.alerts.told)) == (State.NOTIFYING, 1)
    assert (quiet, took_s) == (PinAnswer(accepted=False, face=QUIET), ANSWER_AFTER_S)
    assert await faces.face_of(PHONE, clock.now()) == QUIET
    async with work.read() as tx:
        assert await faces.intervals(tx, ["t1"], clock.now()) == {}


@pytest.mark.parametrize("use", ["enter", "extend", "change", "answer"])
async def test_who_mistyped_and_then_remembers_alarms_nobody(work, hub, pins, faces, clock, use):
    await pins.set_pins("t1", TRUE, DURESS)
    questions = questions_on(work, hub, pins, clock)
    for _ in range(3):
        await at_moment(clock, pins.enter("t1", WRONG))
    uses = {
        "enter": lambda: pins.enter("t1", TRUE), "extend": lambda: questions.extend(PHONE, "v1", 30, TRUE),
        "change": lambda: pins.set_pins("t1", *NEW, TRUE), "answer": lambda: questions.answer(PHONE, is_ok=True, pin=TRUE),
    }  # fmt: skip
    await at_moment(clock, uses[use]())

    assert await open_at(work, hub) == []
    clock.move(31)
    await hub.timers.run_once()
    assert hub.alerts.told == []
    async with work.read() as tx:
        assert await faces.intervals(tx, ["t1"], clock.now()) == {}


async def test_a_word_without_a_pin_does_not_settle_who_tried_pins(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    for _ in range(3):
        await at_moment(clock, pins.enter("t1", WRONG))
    await at_moment(clock, questions_on(work, hub, pins, clock).answer(PHONE, is_ok=True, pin=None))

    (doubted,) = await open_at(work, hub)
    assert doubted.state is State.PENDING


async def test_a_right_pin_in_between_begins_the_count_anew(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    for pin in (WRONG, WRONG, TRUE, WRONG, WRONG):
        await at_moment(clock, pins.enter("t1", pin))

    assert await open_at(work, hub) == []


async def test_the_duress_pin_after_wrong_ones_alarms_at_once_and_reads_like_the_true_one(work, key_ring):
    heard = {}
    for number, pin in enumerate((TRUE, DURESS)):
        clock, who = FakeClock(), f"t{number}"
        hub = safety_on(work, clock, key_ring)
        pins, faces = pins_on(work, hub, clock), FaceFlow(work, hub.incidents)
        await pins.set_pins(who, TRUE, DURESS)
        frames = [await at_moment(clock, pins.enter(who, each)) for each in (WRONG, WRONG, WRONG, pin)]
        for _ in range(5):
            clock.move(10)
            frames.append(await faces.face_of(msgspec.structs.replace(PHONE, technician_id=who), clock.now()))
            async with work.read() as tx:
                frames.append(await faces.intervals(tx, [who], clock.now()))
        heard[pin] = frames
        raised = [each for each in await open_at(work, hub) if each.technician_id == who]
        assert [(each.state, Flag.DURESS in each.flags) for each in raised] == ([(State.NOTIFYING, True)] if pin == DURESS else [])

    assert heard[TRUE] == heard[DURESS]


class RushedClock(FakeClock):
    """A clock on which every wait is over at once."""

    async def sleep(self, seconds):
        self.move(max(0.0, seconds))


def duress_for(act, pins, questions, phone):
    """Return the use of the duress PIN called `act`, not begun yet."""
    if act == "extend":
        return questions.extend(phone, "v1", 30, DURESS)
    if act == "answer":
        return questions.answer(phone, is_ok=True, pin=DURESS)
    she = phone.technician_id
    return pins.set_pins(she, *NEW, DURESS) if act == "change" else pins.enter(she, DURESS)


@pytest.mark.parametrize("act", ["cancel", "cancel_of_what_ended", "extend", "change", "answer"])
async def test_a_duress_pin_dropped_at_any_wait_never_looks_accepted_without_the_alarm(work, key_ring, act):
    """Step each use of the duress PIN to each of its suspensions and drop it there."""
    clock = RushedClock()
    hub = safety_on(work, clock, key_ring)
    pins, faces = pins_on(work, hub, clock), FaceFlow(work, hub.incidents)
    visits = WillingVisits()
    questions = questions_on(work, hub, pins, clock, visits)
    for wait in range(1, 1000):
        she = f"t{wait}"
        phone = msgspec.structs.replace(PHONE, technician_id=she)
        await pins.set_pins(she, TRUE, DURESS)
        if act == "cancel_of_what_ended":
            receipt = await hub.sos.raise_sos(msgspec.structs.replace(TAP, who=f"technician:{she}", technician_id=she))
            owned = await hub.desk.claim(ANA, receipt.incident_id, 1)
            await hub.desk.resolve(ANA, owned.id, owned.version, Resolution.REAL_HELPER, "A colleague is with her.")
        attempt = DroppedAt(duress_for(act, pins, questions, phone), wait)
        await attempt
        alarms = [each for each in await open_at(work, hub) if each.technician_id == she]
        face = await faces.face_of(phone, clock.now())
        async with work.read() as tx:
            is_changed = await SqlPins().get(tx, she) == StoredPins(f"hash of {NEW[1]}", f"hash of {NEW[0]}")

        assert all(Flag.DURESS in each.flags for each in alarms)
        assert len(alarms) == 1 or not (she in visits.whose or is_changed or face.phase is Phase.CANCELLED)
        if not attempt.was_dropped:
            assert len(alarms) == 1
            return
    raise AssertionError("The act never came to its end.")

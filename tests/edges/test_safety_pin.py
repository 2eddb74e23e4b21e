"""A PIN on real databases: what the phone hears is the same, what the desk knows is not."""

import asyncio

import msgspec
import pytest

from core.caller import Caller, CallerKind
from core.errors import BadInput, Conflict
from core.ids import RandomIds
from safety.argon2_pins import Argon2Pins
from safety.duress_flow import DuressFlow
from safety.face_flow import FaceFlow
from safety.incident import Flag, State
from safety.pin import PinVerdict, PresentPinNeeded
from safety.pin_flow import PinFlow
from safety.pin_pace import ANSWER_AFTER_S
from safety.pin_reset_flow import PinResetFlow
from safety.question_flow import QuestionFlow
from safety.sql_pins import SqlPins
from tests.doubles.fake_clock import FakeClock
from tests.doubles.safety_ports import AlarmsAt, NobodyWorks, safety_on
from tests.edges.test_safety_tap import ANA, TAP, get

pytestmark = pytest.mark.anyio

PHONE = Caller(kind=CallerKind.DEVICE, technician_id="t1", sites=frozenset({"s1"}))
TRUE, DURESS, WRONG = "8420", "1937", "5555"


class PlainHashes:
    """Meets `PinHashes` without the cost."""

    async def hashed(self, pin):
        return f"hash of {pin}"

    async def fits(self, stored, pin):
        return stored == f"hash of {pin}"


@pytest.fixture
def hub(work, clock, key_ring):
    return safety_on(work, clock, key_ring)


@pytest.fixture
def pins(work, clock, hub):
    return PinFlow(work, hub.incidents, SqlPins(), PlainHashes(), hub.ladder, hub.pokes, clock)


@pytest.fixture
def faces(work, hub):
    return FaceFlow(work, hub.incidents)


async def entered(pins, clock, pin):
    """Enter a PIN and move the clock until its fixed moment has come; return the answer and how long it took."""
    began_s = clock.monotonic()
    task = asyncio.create_task(pins.enter("t1", pin))
    while not task.done():
        await asyncio.sleep(0)
        await clock.wake_next()
    return task.result(), round(clock.monotonic() - began_s, 1)


async def test_the_true_pin_asks_a_person_to_make_sure_and_the_ladder_waits_but_goes_on(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    receipt = await hub.sos.raise_sos(TAP)
    answer, _ = await entered(pins, clock, TRUE)

    assert answer.accepted
    assert (await get(work, hub, receipt.incident_id)).state is State.CANCEL_REQUESTED
    clock.move(60)
    await hub.timers.run_once()
    assert len(hub.alerts.told) == 1
    clock.move(61)
    await hub.timers.run_once()
    found = await get(work, hub, receipt.incident_id)
    assert (found.state, found.lap) == (State.NOTIFYING, 1)
    assert hub.alerts.told[1][0] == 1


async def test_the_duress_pin_hurries_the_ladder_and_tells_the_desk(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    receipt = await hub.sos.raise_sos(TAP)
    await entered(pins, clock, DURESS)

    found = await get(work, hub, receipt.incident_id)
    assert Flag.DURESS in found.flags
    assert (found.state, found.severity, found.lap) == (State.NOTIFYING, 3, 1)
    assert [line[:2] for line in hub.alerts.told] == [(0, 0), (1, 0), (1, 15)]


async def test_once_she_was_forced_no_true_pin_slows_the_ladder_down(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    receipt = await hub.sos.raise_sos(TAP)
    await entered(pins, clock, DURESS)
    told = len(hub.alerts.told)
    answer, _ = await entered(pins, clock, TRUE)

    assert answer.accepted
    found = await get(work, hub, receipt.incident_id)
    assert (found.state, Flag.DURESS in found.flags) == (State.NOTIFYING, True)
    clock.move(60)
    await hub.timers.run_once()
    assert len(hub.alerts.told) > told


async def test_what_the_phone_reads_after_either_pin_is_the_same_byte_for_byte_for_ten_minutes(work, key_ring, ids):
    heard = {}
    for number, pin in enumerate((TRUE, DURESS)):
        clock = FakeClock()
        hub = safety_on(work, clock, key_ring)
        pins = PinFlow(work, hub.incidents, SqlPins(), PlainHashes(), hub.ladder, hub.pokes, clock)
        faces = FaceFlow(work, hub.incidents)
        who = f"t{number}"
        await pins.set_pins(who, TRUE, DURESS)
        tap = msgspec.structs.replace(TAP, who=f"technician:{who}", technician_id=who)
        receipt = await hub.sos.raise_sos(tap)
        task = asyncio.create_task(pins.enter(who, pin))
        while not task.done():
            await asyncio.sleep(0)
            await clock.wake_next()
        frames = [msgspec.json.encode(task.result()), clock.monotonic()]
        phone = msgspec.structs.replace(PHONE, technician_id=who)
        for second in range(600):
            clock.move(1)
            if pin == TRUE and second == 100:
                owned = await hub.desk.claim(ANA, receipt.incident_id, (await get(work, hub, receipt.incident_id)).version)
                await hub.desk.note(ANA, owned.id, "called back: all is well")
            if second % 20 == 0:
                await hub.timers.run_once()
                frames.append(msgspec.json.encode(await faces.face_of(phone, clock.now())))
                async with work.read() as tx:
                    tracked = (await faces.intervals(tx, [who], clock.now())).get(who, ())
                frames.append(tuple(interval.until_ms for interval in tracked))
        heard[pin] = frames

    assert heard[TRUE] == heard[DURESS]


async def test_every_answer_leaves_at_the_same_moment(hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    await hub.sos.raise_sos(TAP)
    times = [(await entered(pins, clock, pin))[1] for pin in (WRONG, DURESS, TRUE)]

    assert times == [ANSWER_AFTER_S] * 3


async def test_three_wrong_pins_make_it_graver_and_cancel_nothing(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    receipt = await hub.sos.raise_sos(TAP)
    answers = [(await entered(pins, clock, WRONG))[0].accepted for _ in range(3)]

    assert answers == [False] * 3
    found = await get(work, hub, receipt.incident_id)
    assert Flag.WRONG_PINS in found.flags
    assert (found.state, found.severity) == (State.NOTIFYING, 3)


async def changed(pins, clock, pair, present):
    """Change the PINs and move the clock until the answer has come; return it."""
    task = asyncio.create_task(pins.set_pins("t1", *pair, present))
    while not task.done():
        await asyncio.sleep(0)
        await clock.wake_next()
    return task.exception()


NEW = ("9090", "2626")


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("present", [None, WRONG])
async def test_whoever_holds_her_phone_cannot_choose_new_pins(hub, pins, clock, is_open, present):
    await pins.set_pins("t1", TRUE, DURESS)
    if is_open:
        await hub.sos.raise_sos(TAP)

    assert isinstance(await changed(pins, clock, NEW, present), PresentPinNeeded)
    assert (await entered(pins, clock, TRUE))[0].accepted
    assert not (await entered(pins, clock, NEW[0]))[0].accepted


@pytest.mark.parametrize("present", [TRUE, DURESS])
async def test_pins_changed_with_either_pin_look_changed_and_under_force_the_new_one_calls_for_help(work, hub, pins, clock, present):
    duress = DuressFlow(hub.incidents, hub.sos, hub.ladder, clock, RandomIds())
    pins.alarm_by(AlarmsAt("s1", duress))
    await pins.set_pins("t1", TRUE, DURESS)
    receipt = await hub.sos.raise_sos(TAP)
    began_s = clock.monotonic()
    refusal = await changed(pins, clock, NEW, present)
    took_s = round(clock.monotonic() - began_s, 1)
    verdict = await pins.verdict("t1", NEW[0])
    accepted = [(await entered(pins, clock, pin))[0].accepted for pin in (NEW[0], TRUE, DURESS)]

    assert (refusal, took_s, accepted) == (None, ANSWER_AFTER_S, [True, False, False])
    assert verdict is (PinVerdict.DURESS if present == DURESS else PinVerdict.TRUE)
    assert (Flag.DURESS in (await get(work, hub, receipt.incident_id)).flags) is (present == DURESS)


async def test_forgotten_pins_are_dropped_by_the_desk_but_not_while_she_calls_for_help(work, hub, pins):
    reset = PinResetFlow(work, hub.incidents, SqlPins())
    await pins.set_pins("t1", TRUE, DURESS)
    assert [await reset.forget("t1") for _ in range(2)] == [True, False]
    assert not await pins.has_pins("t1")
    await pins.set_pins("t1", *NEW)
    await hub.sos.raise_sos(TAP)

    with pytest.raises(Conflict):
        await reset.forget("t1")
    assert await pins.has_pins("t1")


class RefusingVisits:
    """Meets `Extensions` where the service cannot be lengthened."""

    async def extend(self, caller, visit_id, minutes):
        raise Conflict("The service is over.")


async def test_a_duress_pin_raises_the_alarm_even_where_the_service_cannot_be_lengthened(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    duress = DuressFlow(hub.incidents, hub.sos, hub.ladder, clock, RandomIds())
    questions = QuestionFlow(work, hub.incidents, hub.ladder, pins, None, duress, RefusingVisits(), hub.pokes, clock, NobodyWorks())
    heard = []
    for pin in (TRUE, DURESS):
        began_s = clock.monotonic()
        task = asyncio.create_task(questions.extend(PHONE, "v1", 30, pin))
        while not task.done():
            await asyncio.sleep(0)
            await clock.wake_next()
        heard.append((task.exception().detail, round(clock.monotonic() - began_s, 1)))

    assert heard == [("The service is over.", ANSWER_AFTER_S)] * 2
    async with work.read() as tx:
        (raised,) = await hub.incidents.open_at(tx, "s1")
    assert Flag.DURESS in raised.flags


class WillingVisits:
    """Meets `Extensions` where the service can be lengthened."""

    async def extend(self, caller, visit_id, minutes):
        return None


@pytest.mark.parametrize("has_pressed", [True, False])
async def test_a_pin_for_more_time_changes_nothing_that_her_phone_reads_whichever_it_is(work, key_ring, has_pressed):
    heard = {}
    for number, pin in enumerate((TRUE, DURESS)):
        clock, who = FakeClock(), f"t{number}"
        hub = safety_on(work, clock, key_ring)
        pins = PinFlow(work, hub.incidents, SqlPins(), PlainHashes(), hub.ladder, hub.pokes, clock)
        faces, duress = FaceFlow(work, hub.incidents), DuressFlow(hub.incidents, hub.sos, hub.ladder, clock, RandomIds())
        questions = QuestionFlow(work, hub.incidents, hub.ladder, pins, None, duress, WillingVisits(), hub.pokes, clock, NobodyWorks())
        phone = msgspec.structs.replace(PHONE, technician_id=who)
        await pins.set_pins(who, TRUE, DURESS)
        if has_pressed:
            await hub.sos.raise_sos(msgspec.structs.replace(TAP, who=f"technician:{who}", technician_id=who))
        clock.move(60)
        task = asyncio.create_task(questions.extend(phone, "v1", 30, pin))
        while not task.done():
            await asyncio.sleep(0)
            await clock.wake_next()
        frames = [msgspec.json.encode(task.result())]
        for _ in range(5):
            clock.move(10)
            frames.append(msgspec.json.encode(await faces.face_of(phone, clock.now())))
            async with work.read() as tx:
                frames.append((await faces.intervals(tx, [who], clock.now())).get(who, ()))
        heard[pin] = frames

    assert heard[TRUE] == heard[DURESS]


async def test_without_pins_only_the_desk_can_cancel(hub, pins):
    await hub.sos.raise_sos(TAP)

    with pytest.raises(BadInput, match="desk"):
        await pins.enter("t1", TRUE)


async def test_the_real_hash_tells_right_from_wrong(key_ring):
    hashes = Argon2Pins(key_ring)
    stored = await hashes.hashed(TRUE)

    assert TRUE not in stored
    assert await hashes.fits(stored, TRUE)
    assert not await hashes.fits(stored, DURESS)


async def test_fixes_are_taken_for_the_press_of_her_who_pressed_alone(hub, faces, work, clock):
    await hub.sos.raise_sos(msgspec.structs.replace(TAP, who="technician:t1", technician_id="t1"))
    async with work.read() as tx:
        tracked = await faces.intervals(tx, ["t1", "t2"], clock.now())

    assert list(tracked) == ["t1"]
    assert [interval.until_ms for interval in tracked["t1"]] == [None]

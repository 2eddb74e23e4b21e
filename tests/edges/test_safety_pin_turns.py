"""Whoever guesses PINs on her phone is slowed down, on real databases: over every use, worker and restart, and for every PIN alike."""

import asyncio

import pytest

from core.errors import BadInput
from safety.incident import Flag
from safety.pin_flow import PinFlow
from safety.pin_pace import ANSWER_AFTER_S, FORGOTTEN_AFTER, LONGEST_S
from safety.pin_turn_flow import MOST_WAITING, PinBusy
from safety.sql_pins import SqlPins
from tests.doubles.safety_ports import safety_on
from tests.edges.test_safety_pin import DURESS, NEW, PHONE, TRUE, WRONG, PlainHashes
from tests.edges.test_safety_pin_wrong import at_moment, open_at, pins_on, questions_on
from tests.edges.test_safety_tap import TAP, get

pytestmark = pytest.mark.anyio


class CountingHashes(PlainHashes):
    """How many PINs were looked at, and how many at most at one moment."""

    def __init__(self):
        self.under_way = self.most = self.looked = 0

    async def fits(self, stored, pin):
        self.looked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return await super().fits(stored, pin)


@pytest.fixture
def hub(work, clock, key_ring):
    return safety_on(work, clock, key_ring)


@pytest.fixture
def pins(work, clock, hub):
    return pins_on(work, hub, clock)


async def took_s(clock, use):
    began_s = clock.monotonic()
    await at_moment(clock, use)
    return round(clock.monotonic() - began_s, 1)


async def guessed(clock, pins, count):
    for _ in range(count):
        await at_moment(clock, pins.enter("t1", WRONG))


async def test_after_many_wrong_pins_every_try_of_whatever_use_takes_as_long_whichever_pin_it_is(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    questions = questions_on(work, hub, pins, clock)
    assert [await took_s(clock, pins.enter("t1", WRONG)) for _ in range(8)] == [0.8, 0.8, 0.8, 0.8, 0.8, 1.6, 3.2, 6.4]

    times = [await took_s(clock, pins.enter("t1", pin)) for pin in (WRONG, TRUE, DURESS, TRUE)]
    times += [await took_s(clock, questions.answer(PHONE, is_ok=True, pin=pin)) for pin in (WRONG, TRUE, DURESS)]
    times += [await took_s(clock, questions.extend(PHONE, "v1", 30, pin)) for pin in (WRONG, TRUE, DURESS)]
    times += [await took_s(clock, pins.set_pins("t1", *NEW, pin)) for pin in (WRONG, TRUE)]
    assert times == [LONGEST_S] * len(times)
    clock.move(FORGOTTEN_AFTER.total_seconds())
    assert await took_s(clock, pins.enter("t1", WRONG)) == ANSWER_AFTER_S


async def test_however_slow_the_answer_is_the_alarm_of_a_duress_pin_is_raised_at_once(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    receipt = await hub.sos.raise_sos(TAP)
    await guessed(clock, pins, 10)
    began_s = clock.monotonic()
    entering = asyncio.create_task(pins.enter("t1", DURESS))
    while Flag.DURESS not in (await get(work, hub, receipt.incident_id)).flags:  # noqa: ASYNC110 (SQL has no event)
        await asyncio.sleep(0)

    assert (clock.monotonic(), entering.done()) == (began_s, False)
    assert (await at_moment(clock, entering_of(entering))).accepted


async def entering_of(task):
    return await task


async def test_neither_a_restart_nor_another_worker_forgets_what_was_guessed(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    await guessed(clock, pins, 8)
    other = pins_on(work, hub, clock)
    assert await took_s(clock, other.enter("t1", TRUE)) == LONGEST_S


async def test_a_pin_on_another_worker_waits_until_the_one_before_it_is_answered(work, hub, pins, clock):
    await pins.set_pins("t1", TRUE, DURESS)
    await guessed(clock, pins, 8)
    clock.move(LONGEST_S)
    first = await pins.turn("t1")
    second = await at_moment(clock, pins_on(work, hub, clock).turn("t1"))
    assert round(second.began_s - first.began_s, 1) == LONGEST_S


async def test_of_a_flood_of_pins_a_few_are_looked_at_and_a_press_waits_for_none(work, hub, clock):
    hashes = CountingHashes()
    pins = PinFlow(work, hub.incidents, SqlPins(), hashes, hub.ladder, hub.pokes, clock)
    await pins.set_pins("t1", TRUE, DURESS)
    flood = [asyncio.create_task(pins.enter("t1", f"{number:04}")) for number in range(300)]
    await asyncio.sleep(0)
    assert (await hub.sos.raise_sos(TAP)).status == "received"
    assert clock.monotonic() == 0
    while not all(each.done() for each in flood):
        await asyncio.sleep(0)
        await clock.wake_next()

    assert [type(each.exception()) for each in flood].count(PinBusy) == 300 - MOST_WAITING
    assert (hashes.most, hashes.looked) == (1, 2 * MOST_WAITING)
    assert (await at_moment(clock, pins.enter("t1", TRUE))).accepted


async def test_who_has_no_pins_is_told_so_and_nothing_is_counted(work, hub, pins, clock):
    with pytest.raises(BadInput, match="No PINs are set"):
        await pins.enter("t1", TRUE)
    assert await open_at(work, hub) == []

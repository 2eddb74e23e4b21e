"""What a phone's cadence depends on, read from real databases: shift, stage, press; and nothing that a PIN or the desk changes."""

import asyncio
from datetime import timedelta

import pytest

from core.ids import TechnicianId
from hub.sql_circumstances import SqlCircumstances
from safety.pin_flow import PinFlow
from safety.sos_tap import PersonKind, Road, SosTap
from safety.sql_pins import SqlPins
from tests.doubles.safety_ports import safety_on
from tests.doubles.visits_house import MUNICH, VisitsHouse
from tracking.cadence import NO_BATTERY, Circumstances, cadence_of
from visits.shift import ShiftState
from visits.stage import Stage

pytestmark = pytest.mark.anyio
TRUE, DURESS = "8420", "1937"


class PlainHashes:
    """Meets `PinHashes` without the cost."""

    async def hashed(self, pin):
        return f"hash of {pin}"

    async def fits(self, stored, pin):
        return stored == f"hash of {pin}"


@pytest.fixture
async def house(work, clock, ids, key_ring):
    return await VisitsHouse(work, clock, ids, key_ring).opened()


async def known_of(house, her) -> Circumstances | None:
    look = SqlCircumstances(house.work, house.stores, house.clock)
    return (await look.of([her.technician_id])).get(her.technician_id)


async def test_a_shift_and_its_visit_are_known(house):
    her = await house.technician()
    assert await known_of(house, her) == Circumstances()

    await house.shifts.open(her, house.clock.now() + timedelta(hours=8), "1")
    await house.visit(Stage.DEPARTED, her)

    assert await known_of(house, her) == Circumstances(shift=ShiftState.OPEN, stages=(Stage.DEPARTED,))


async def test_nobody_is_known_who_is_not_there(house):
    assert await SqlCircumstances(house.work, house.stores, house.clock).of([TechnicianId("nobody")]) == {}


@pytest.mark.parametrize("pin", [None, TRUE, DURESS])
async def test_a_press_is_known_alike_whichever_pin_followed(house, pin, key_ring):
    her = await house.technician(on_shift=True)
    safety = safety_on(house.work, house.clock, key_ring)
    pins = PinFlow(house.work, safety.incidents, SqlPins(), PlainHashes(), safety.ladder, safety.pokes, house.clock)
    await pins.set_pins(her.technician_id, TRUE, DURESS)
    pressed_at = house.clock.now()
    await safety.sos.raise_sos(_tap(her))
    if pin is not None:
        await _entered(pins, house.clock, her.technician_id, pin)

    found = await known_of(house, her)

    assert found == Circumstances(shift=ShiftState.OPEN, pressed_at=pressed_at)
    assert cadence_of(found, NO_BATTERY, house.clock.now()).interval_s == 3


async def test_a_silent_press_changes_nothing(house, key_ring):
    her = await house.technician(on_shift=True)
    await safety_on(house.work, house.clock, key_ring).sos.raise_sos(_tap(her, is_silent=True))

    assert await known_of(house, her) == Circumstances(shift=ShiftState.OPEN)


def _tap(her, **fields) -> SosTap:
    return SosTap(
        tap_id="tap-1", who=f"technician:{her.technician_id}", person=PersonKind.TECHNICIAN, site_id=MUNICH, road=Road.SOCKET,
        technician_id=her.technician_id, **fields,
    )  # fmt: skip


async def _entered(pins, clock, technician_id, pin) -> None:
    task = asyncio.create_task(pins.enter(technician_id, pin))
    while not task.done():
        await asyncio.sleep(0)
        await clock.wake_next()
    await task

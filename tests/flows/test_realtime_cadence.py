"""A phone is told how often to report at hello and at every change, once each, and whatever poke was lost is made up for."""

import asyncio

import pytest

from realtime.cadence_flow import SWEEP_S, CadenceFlow
from realtime.ports import Poke, PokeTopic
from realtime.wire import StatusFrame
from tests.doubles.socket_ports import SITE, TECHNICIAN, device_caller
from tracking.cadence import Circumstances
from visits.shift import ShiftState
from visits.stage import Stage

pytestmark = pytest.mark.anyio
WAITING = Circumstances(shift=ShiftState.OPEN)
DRIVING = Circumstances(shift=ShiftState.OPEN, stages=(Stage.DEPARTED,))
PHONE = device_caller()


class Known:
    """Meets `KnownCircumstances`."""

    def __init__(self) -> None:
        self.by_technician = {TECHNICIAN: WAITING}
        self.is_away = False
        self.asked = 0

    async def of(self, technician_ids):
        self.asked += 1
        if self.is_away:
            raise OSError("SQL is away")
        return {who: self.by_technician[who] for who in technician_ids if who in self.by_technician}


class House:
    def __init__(self, clock) -> None:
        self.known, self.said, self.clock = Known(), [], clock
        self.flow = CadenceFlow(self.known, lambda device, frame: self.said.append((device, frame.reason, frame.interval_s)), clock)


@pytest.fixture
async def house(clock):
    house = House(clock)
    running = asyncio.create_task(house.flow.run())
    yield house
    running.cancel()


async def settled(house) -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def connected(house) -> None:
    house.flow.on_connected(PHONE, house.clock.now_ms())
    await settled(house)


async def test_a_phone_is_told_at_hello(house):
    await connected(house)

    assert house.said == [("dev-1", "waiting", 20)]


@pytest.mark.parametrize("poke", [Poke(PokeTopic.SHIFTS, TECHNICIAN), Poke(PokeTopic.TECHNICIANS, f"{TECHNICIAN}/visit-1")])
async def test_a_change_is_told_at_once(house, poke):
    await connected(house)
    house.known.by_technician[TECHNICIAN] = DRIVING
    house.flow.on_poke(SITE, poke)
    await settled(house)

    assert house.said[1:] == [("dev-1", "on_the_way", 3)]


async def test_what_did_not_change_is_not_said_again(house):
    await connected(house)
    house.flow.on_poke(SITE, Poke(PokeTopic.SHIFTS, TECHNICIAN))
    await settled(house)

    assert len(house.said) == 1


async def test_a_new_connection_is_told_again(house):
    await connected(house)
    await connected(house)

    assert len(house.said) == 2


async def test_a_lost_poke_is_made_up_for_by_the_sweep(house, clock):
    await connected(house)
    house.known.by_technician[TECHNICIAN] = DRIVING
    await clock.advance(SWEEP_S)
    await settled(house)

    assert house.said[1:] == [("dev-1", "on_the_way", 3)]


async def test_a_gap_makes_it_look_at_everybody(house):
    await connected(house)
    house.known.by_technician[TECHNICIAN] = DRIVING
    house.flow.on_gap()
    await settled(house)

    assert house.said[1:] == [("dev-1", "on_the_way", 3)]


async def test_sql_away_leaves_phones_as_they_were_until_it_is_back(house, clock):
    await connected(house)
    house.known.is_away, house.known.by_technician[TECHNICIAN] = True, DRIVING
    house.flow.on_poke(SITE, Poke(PokeTopic.SHIFTS, TECHNICIAN))
    await settled(house)
    assert len(house.said) == 1

    house.known.is_away = False
    await clock.advance(SWEEP_S)
    await settled(house)
    assert house.said[1:] == [("dev-1", "on_the_way", 3)]


async def test_a_weak_battery_is_asked_for_less_and_a_charger_ends_it(house):
    await connected(house)
    house.flow.on_status(PHONE, StatusFrame(battery_pct=9), 0)
    await settled(house)
    house.flow.on_status(PHONE, StatusFrame(charging=True), 0)
    await settled(house)

    assert house.said[1:] == [("dev-1", "low_battery", 40), ("dev-1", "waiting", 20)]


async def test_somebody_elses_change_asks_nothing(house):
    await connected(house)
    house.flow.on_poke(SITE, Poke(PokeTopic.SHIFTS, "tech-9"))
    house.flow.on_poke(SITE, Poke(PokeTopic.NOTICES, TECHNICIAN))
    await settled(house)

    assert house.known.asked == 1


async def test_a_phone_that_went_is_forgotten(house, clock):
    await connected(house)
    house.flow.on_gone(PHONE, 0)
    house.known.by_technician[TECHNICIAN] = DRIVING
    await clock.advance(SWEEP_S)
    await settled(house)

    assert len(house.said) == 1

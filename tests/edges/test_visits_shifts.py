"""Shifts on both databases: opened, paused, reminded, closed by her, by the desk, by the hub; and what the gate makes of them."""

import asyncio
from datetime import timedelta

import pytest

from core.clock import to_ms
from core.errors import BadInput, Conflict, IllegalMove, NotAllowed, NotFound
from tests.doubles.visits_house import DESK, MUNICH, OWNER, PLATFORM, STRANGER, VisitsHouse
from visits.shift import Interval, ShiftEnd, ShiftState, covers
from visits.site import SiteSettings
from visits.stage import Stage
from visits.visit import Told
from visits.visit_stores import Page

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)
MINUTE_S = 60.0


@pytest.fixture
async def house(work, clock, ids, key_ring):
    return await VisitsHouse(work, clock, ids, key_ring).opened()


@pytest.fixture
async def her(house):
    return await house.technician()


async def opened(house, her, hours=8.0):
    return await house.shifts.open(her, house.clock.now() + HOUR * hours, "1")


async def test_a_shift_is_opened_paused_resumed_and_closed(house, her):
    shift = await opened(house, her)
    states = [shift.state]
    for act in (house.shifts.pause, house.shifts.resume, house.shifts.close):
        house.clock.move(MINUTE_S)
        states.append((await act(her)).state)

    assert states == [ShiftState.OPEN, ShiftState.PAUSED, ShiftState.OPEN, ShiftState.CLOSED]
    assert await house.shifts.current(her) is None
    assert house.pokes.poked.count((MUNICH, "shift", her.technician_id)) == 4


async def test_the_notice_about_location_use_must_be_the_current_one_and_is_kept(house, her):
    with pytest.raises(BadInput) as refused:
        await house.shifts.open(her, house.clock.now() + HOUR, "0")
    assert refused.value.members["current"] == "1"

    assert (await opened(house, her)).notice_version == "1"


async def test_two_openings_at_once_make_one_shift(house, her):
    found = await asyncio.gather(*(opened(house, her) for _ in range(3)), return_exceptions=True)

    assert sorted(isinstance(each, Conflict) for each in found) == [False, True, True]


async def test_a_shift_that_nobody_watches_is_marked_and_never_refused(house, her):
    house.preflight.watched = False

    assert (await opened(house, her)).unwatched


async def test_only_an_active_technician_has_a_shift(house, her):
    for caller in (PLATFORM, DESK):
        with pytest.raises(NotAllowed):
            await opened(house, caller)
    with pytest.raises(Conflict):
        await house.shifts.pause(her)


async def test_a_shift_neither_pauses_nor_closes_while_a_visit_is_underway(house, her):
    shift = await opened(house, her)
    visit = await house.visit(Stage.DEPARTED, her)
    for act in (house.shifts.pause, house.shifts.close):
        with pytest.raises(Conflict, match="underway"):
            await act(her)
    with pytest.raises(Conflict, match="underway"):
        await house.shifts.close_for_her(DESK, shift.id, "night")
    await house.visits.cancel(PLATFORM, visit.id, Told(reason="x"))

    assert (await house.shifts.close(her)).closed_by is ShiftEnd.TECHNICIAN


async def test_an_assigned_visit_of_tomorrow_does_not_hold_the_shift(house, her):
    await opened(house, her)
    await house.visit(Stage.ASSIGNED, her)

    assert (await house.shifts.close(her)).state is ShiftState.CLOSED


async def test_the_desk_closes_with_a_reason_within_its_site(house, her):
    shift = await opened(house, her)
    with pytest.raises(BadInput):
        await house.shifts.close_for_her(DESK, shift.id, " ")
    with pytest.raises(NotFound):
        await house.shifts.close_for_her(STRANGER, shift.id, "x")

    assert (await house.shifts.close_for_her(DESK, shift.id, "she forgot")).closed_by is ShiftEnd.DISPATCHER
    with pytest.raises(IllegalMove):
        await house.shifts.close_for_her(DESK, shift.id, "again")


async def test_she_is_reminded_at_the_planned_end_and_the_shift_closes_half_an_hour_later(house, her):
    shift = await opened(house, her, hours=1)
    for minutes, told in ((59, []), (60, ["planned_end_came"]), (89, ["planned_end_came"]), (90, ["planned_end_came", "closed_by_hub"])):
        house.clock.move(minutes * MINUTE_S - (house.clock.now() - shift.opened_at).total_seconds())
        await house.timers.run_once()
        assert [each[0] for each in house.notices.told if each[0] != "device_enrolled"] == told

    closed = (await house.shifts.page(DESK.sites, Page(), only_open=False))[0]
    assert (closed.closed_by, closed.closed_at) == (ShiftEnd.AUTOMATIC, shift.planned_end + HOUR / 2)


async def test_the_hub_never_closes_a_shift_before_she_has_left(house, her):
    await opened(house, her, hours=1)
    visit = await house.visit(Stage.ENDED, her)
    house.clock.move(3 * 3600)
    await house.timers.run_once()
    assert await house.shifts.current(her) is not None

    await house.visits.leave(her, visit.id, Told())
    house.clock.move(5 * MINUTE_S)
    await house.timers.run_once()
    assert await house.shifts.current(her) is None


async def test_replanning_moves_reminder_and_closing(house, her):
    shift = await opened(house, her, hours=1)
    await house.shifts.replan(her, shift.planned_end + 2 * HOUR)
    house.clock.move(2 * 3600)
    await house.timers.run_once()
    assert await house.shifts.current(her) is not None

    house.clock.move(1.5 * 3600)
    await house.timers.run_once()
    assert await house.shifts.current(her) is None


async def test_a_shift_paused_at_its_end_is_closed_too(house, her):
    await opened(house, her, hours=1)
    await house.shifts.pause(her)
    house.clock.move(2 * 3600)
    await house.timers.run_once()

    assert await house.shifts.current(her) is None


async def test_the_gate_opens_for_shifts_less_their_pauses(house, her):
    start = house.clock.now()
    await opened(house, her)
    for act in (house.shifts.pause, house.shifts.resume, house.shifts.close):
        house.clock.move(600)
        await act(her)
    found = await house.gate.intervals(her.technician_id)

    assert [covers(found, to_ms(start) + minute * 60_000) for minute in (-1, 5, 15, 25, 35)] == [False, True, False, True, False]


async def test_the_gate_remembers_three_days_and_no_more(house, her):
    await opened(house, her, hours=1)
    house.clock.move(3600)
    await house.shifts.close(her)
    house.clock.move(72 * 3600 - 1)
    assert len(await house.gate.intervals(her.technician_id)) == 1

    house.clock.move(2)
    assert await house.gate.intervals(her.technician_id) == ()


class OneIncident:
    """An incident of one technician, as another reason to locate her."""

    def __init__(self, technician_id) -> None:
        self.technician_id, self.asked = technician_id, []

    async def intervals(self, tx, technician_ids, since):
        self.asked.append(list(technician_ids))
        return {self.technician_id: [Interval(to_ms(since) + 1000)]}


async def test_another_source_opens_the_gate_too_for_her_alone(house, her):
    bo = await house.technician("Bo")
    incidents = OneIncident(her.technician_id)
    house.gate.also(incidents)
    both = [her.technician_id, bo.technician_id]
    found = await house.gate.intervals_of(both)
    now_ms = to_ms(house.clock.now())

    assert [covers(found[each], now_ms) for each in both] == [True, False]
    assert incidents.asked == [both], "asked once for all of them, as a busy worker reads a hundred at a time"


async def test_the_roster_shows_who_is_on_shift(house, her):
    await house.technician("Bo")
    await opened(house, her)
    everyone = await house.roster.page(DESK, Page(), None, only_on_shift=False)
    on_shift = await house.roster.page(DESK, Page(), None, only_on_shift=True)

    assert [(each.technician.shown_name, each.shift is not None) for each in everyone] == [("Lin", True), ("Bo", False)]
    assert [each.technician.shown_name for each in on_shift] == ["Lin"]
    assert await house.roster.page(STRANGER, Page(), None, only_on_shift=False) == []
    assert await house.roster.page(DESK, Page(), "turin", only_on_shift=False) == []


async def test_shifts_are_listed_for_the_desk(house, her):
    await opened(house, her)

    assert len(await house.shifts.page(DESK.sites, Page(), only_open=True)) == 1
    assert await house.shifts.page(STRANGER.sites, Page(), only_open=True) == []


async def test_a_site_may_ask_for_shorter_shifts(house, her):
    await house.sites.change(OWNER, MUNICH, settings=SiteSettings(shift_max_h=4))

    with pytest.raises(BadInput):
        await opened(house, her, hours=5)

"""A press that SQL took late, on real databases: what desk, report and response times read counts from when the hub heard it."""

from datetime import timedelta

import msgspec
import pytest

from core.geo import LatLon
from safety.desk_flow import DeskFlow
from safety.evidence import EventKind, first_break
from safety.incident import Flag, Resolution, State
from safety.press_place import press_place
from safety.report import Deviation, report_of
from safety.row_check import differences
from safety.sos_tap import Position, TriggerKind
from safety.sql_incidents import SqlIncidents
from safety.tap_door_flow import TapDoor
from tests.doubles.fake_clock import START
from tests.doubles.safety_ports import SpyPokes, TwoAccounts, safety_on
from tests.edges.test_safety_tap import ANA, TAP, get, log_of

pytestmark = pytest.mark.anyio
AWAY = timedelta(minutes=12)
PLACED = msgspec.structs.replace(TAP, position=Position(place=LatLon(48.1, 11.5), accuracy_m=8.0))


class Away:
    """Meets `TapRaiser` over the real one: for a while there is no database."""

    def __init__(self, sos):
        self.sos, self.is_away = sos, True

    async def raise_sos(self, tap):
        if self.is_away:
            raise ConnectionError("gone")
        return await self.sos.raise_sos(tap)


class Kept:
    """Meets `Journal` in memory."""

    def __init__(self):
        self.taps = []

    async def append(self, tap):
        self.taps.append(tap)

    async def merged(self, tap):
        self.taps.remove(tap)

    def unmerged(self):
        return tuple(self.taps)


@pytest.fixture
def hub(work, clock, key_ring):
    return safety_on(work, clock, key_ring)


@pytest.fixture
async def merged(hub, clock, work):
    """An incident of a press that the hub kept for twelve minutes."""
    door = TapDoor(sql := Away(hub.sos), Kept(), None, clock)
    assert (await door.raise_sos(PLACED)).status == "journaled"
    clock.move(AWAY.total_seconds())
    sql.is_away = False
    assert await door.merge_once() == 1
    return await get(work, hub, TAP.incident_id)


async def test_a_press_that_waited_on_her_phone_is_marked_until_she_presses_now_and_marks_no_other(hub, work):
    waited, flags = msgspec.structs.replace(TAP, is_queued=True, device_at=START - timedelta(minutes=23)), []
    for tap in (waited, msgspec.structs.replace(waited, tap_id="two"), msgspec.structs.replace(TAP, tap_id="now"), waited):
        await hub.sos.raise_sos(tap)
        flags.append((await get(work, hub, TAP.incident_id)).flags)
    await hub.sos.raise_sos(msgspec.structs.replace(waited, tap_id="three"))
    flags.append((await get(work, hub, TAP.incident_id)).flags)

    assert flags == [{Flag.WAITED}, {Flag.WAITED}, set(), set(), set()]


async def test_a_kept_press_was_raised_when_the_hub_heard_it_and_says_that_it_came_late(hub, work, merged):
    events = await log_of(work, hub, merged.id)
    raised = events[0]

    assert (merged.raised_at, raised.at, raised.data["road"]) == (START, START + AWAY, "journal")
    assert "The hub heard it 12 min ago; its database took it only now" in raised.data["words"]
    assert raised.data["heard_at"] == START.isoformat()
    assert [event.kind for event in events] == [EventKind.RAISED, EventKind.TOLD]
    assert (first_break(merged.id, events, merged.last_hash), differences(merged, events)) == (None, [])


async def test_where_she_was_when_she_pressed_is_as_old_as_the_press(hub, work, merged):
    place = press_place(await log_of(work, hub, merged.id))

    assert (place.lat, place.at_ms) == (48.1, round(START.timestamp() * 1000))


async def test_response_times_count_the_minutes_in_which_nobody_could_see_it(hub, clock, work, merged):
    clock.move(5)
    await hub.desk.claim(ANA, merged.id, merged.version)
    made = report_of(await get(work, hub, merged.id), await log_of(work, hub, merged.id))

    assert (made.alarmed_at, made.answered_s, made.within["120_s"]) == (START, AWAY.total_seconds() + 5, False)
    assert Deviation.ANSWERED_LATE in made.deviations


@pytest.mark.parametrize("is_unanswered", [False, True])
async def test_a_kept_press_that_joins_a_detectors_question_counts_from_when_the_hub_heard_it(hub, clock, work, *, is_unanswered):
    """Whether the question is still open when the press is merged, or has become an alarm of its own a moment before."""
    asked = await hub.sos.raise_sos(msgspec.structs.replace(TAP, kind=TriggerKind.DETECTOR, tap_id="d-1"))
    door = TapDoor(sql := Away(hub.sos), Kept(), None, clock)
    clock.move(10)
    await door.raise_sos(TAP)
    clock.move(AWAY.total_seconds())
    if is_unanswered:
        await hub.timers.run_once()
    sql.is_away = False
    await door.merge_once()
    clock.move(5)
    merged = await get(work, hub, asked.incident_id)
    await hub.desk.claim(ANA, merged.id, merged.version)
    made = report_of(await get(work, hub, merged.id), await log_of(work, hub, merged.id))

    assert (made.alarmed_at, made.answered_s) == (START + timedelta(seconds=10), AWAY.total_seconds() + 5)


async def test_a_press_that_is_merged_into_an_incident_somebody_had_answered_changes_no_time(hub, clock, work):
    first = await hub.sos.raise_sos(TAP)
    clock.move(3)
    await hub.desk.claim(ANA, first.incident_id, 1)
    door = TapDoor(sql := Away(hub.sos), Kept(), None, clock)
    clock.move(2)
    await door.raise_sos(msgspec.structs.replace(TAP, tap_id="second"))
    clock.move(AWAY.total_seconds())
    sql.is_away = False
    await door.merge_once()

    assert report_of(await get(work, hub, first.incident_id), await log_of(work, hub, first.incident_id)).answered_s == 3


async def test_its_ladder_begins_at_the_foot_when_sql_has_it(hub, clock, merged):
    assert [after_s for _, after_s, *_ in hub.alerts.told] == [0]
    clock.move(16)
    await hub.timers.run_once()
    assert [after_s for _, after_s, *_ in hub.alerts.told] == [0, 15]


async def test_a_false_alarm_called_at_once_is_hasty_however_old_the_press_is(hub, clock, work, merged):
    claimed = await hub.desk.claim(ANA, merged.id, merged.version)
    clock.move(20)
    ended = await hub.desk.resolve(ANA, merged.id, claimed.version, Resolution.FALSE_ACCIDENTAL, "a slip")

    assert (ended.state, hub.alerts.hasty) == (State.RESOLVED, [merged.id])


class OnlyBeginnings(SqlIncidents):
    """Incidents whose logs are not read whole: a log may hold thousands of events."""

    async def events(self, tx, incident_id, kinds=()):
        raise AssertionError("the whole log is read")


async def test_who_ends_an_incident_does_not_wait_until_its_whole_log_is_read(hub, clock, work, key_ring, merged):
    desk = DeskFlow(work, OnlyBeginnings(key_ring), hub.ladder, TwoAccounts(), hub.alerts, SpyPokes(), clock)
    claimed = await desk.claim(ANA, merged.id, merged.version)
    ended = await desk.resolve(ANA, merged.id, claimed.version, Resolution.FALSE_ACCIDENTAL, "a slip")

    assert (ended.state, hub.alerts.hasty) == (State.RESOLVED, [merged.id])


async def test_a_press_that_sql_takes_at_once_says_nothing_of_waiting(hub, clock, work):
    await TapDoor(hub.sos, Kept(), None, clock).raise_sos(PLACED)
    (raised, *_) = await log_of(work, hub, TAP.incident_id)

    assert (raised.data["heard_at"], raised.data["position"]["at"]) == (None, None)
    assert raised.data["words"] == "Position from the tap itself (±8 m)."

"""Watching over a visit on real databases: what is asked, noted, left and asked again, and what the hub does not take for silence."""

from datetime import timedelta

import msgspec
import pytest

from core.caller import Caller, CallerKind
from core.geo import LatLon
from core.timers import Timer
from safety.check_in import Watch
from safety.detectors.detection import Watching
from safety.detectors.precision import tally
from safety.detectors.silence import Capability
from safety.evidence import EventKind
from safety.incident import Flag, Resolution, State
from tests.doubles.fake_clock import START
from tests.doubles.safety_ports import safety_on
from tests.doubles.safety_watch import DOOR, PHONE, SHE, SITE, VISIT, WatchHouse
from tests.edges.test_safety_tap import ANA, TAP, get, log_of
from visits.stage import Stage

pytestmark = pytest.mark.anyio

HER_PHONE = Caller(kind=CallerKind.DEVICE, technician_id=SHE, device_id=PHONE, sites=frozenset({SITE}))
FAR = LatLon(48.1500, 11.5755)


@pytest.fixture
def house(work, clock, ids, key_ring):
    return WatchHouse(work, clock, ids, safety_on(work, clock, key_ring))


def seen(hits):
    return [(hit.watch, hit.mode, hit.left_at is None) for hit in hits]


async def test_she_is_reminded_then_asked_and_only_then_an_alarm_is_raised(house):
    await house.enter(Stage.ARRIVED)
    await house.pass_min(14)
    assert house.prompts.asked == [("not_started", "reminder")]
    await house.pass_min(6)

    assert house.prompts.asked == [("not_started", "reminder"), ("not_started", "question")]
    (asked,) = await house.open()
    assert asked.state is State.PENDING
    await house.pass_min(1)
    (raised,) = await house.open()
    assert raised.state is State.NOTIFYING
    (hit,) = await house.hits()
    assert (hit.watch, hit.mode, hit.incident_id, hit.stage) == (Watch.NOT_STARTED, Watching.ON, raised.id, Stage.ARRIVED)


async def test_the_shadow_notes_what_it_would_have_done_and_asks_nobody(house):
    house.rules.set(detectors={Watch.NOT_STARTED: Watching.SHADOW})
    house.fixes.at(DOOR, house.clock.now_ms())
    await house.enter(Stage.ARRIVED)
    await house.pass_min(25)

    assert (house.prompts.asked, await house.open()) == ([], [])
    (hit,) = await house.hits()
    assert (hit.watch, hit.mode, hit.incident_id, hit.fixes[0].device_id) == (Watch.NOT_STARTED, Watching.SHADOW, None, PHONE)
    assert hit.facts["distance_m"] == 0


async def test_a_detector_that_is_off_does_not_look(house):
    house.rules.set(detectors={Watch.NOT_STARTED: Watching.OFF})
    await house.enter(Stage.ARRIVED)
    await house.pass_min(60, step_s=300)

    assert (await house.hits(), house.prompts.asked) == ([], [])


async def test_five_minutes_more_do_not_make_an_overrun_come_and_go_but_a_quarter_of_an_hour_ends_it(house):
    house.rules.set(detectors={Watch.CHECK_IN: Watching.OFF})
    await house.enter(Stage.IN_SERVICE)
    await house.pass_min(76, step_s=60)
    assert seen(await house.hits()) == [(Watch.OVERRUN, Watching.ON, True)]
    await house.extend(5)
    await house.pass_min(1)
    assert seen(await house.hits()) == [(Watch.OVERRUN, Watching.ON, True)]
    await house.extend(30)
    await house.pass_min(1)
    assert seen(await house.hits()) == [(Watch.OVERRUN, Watching.ON, False)]


async def test_while_it_goes_on_she_is_asked_again_and_no_sooner_than_the_site_says(house):
    await house.enter(Stage.ARRIVED)
    await house.pass_min(34, step_s=60)
    assert [ask for ask in house.prompts.asked if ask[1] == "question"] == [("not_started", "question")]
    await house.pass_min(2, step_s=60)
    assert [ask for ask in house.prompts.asked if ask[1] == "question"] == [("not_started", "question")] * 2
    assert [hit.left_at is None for hit in await house.hits()] == [False, True]


async def test_her_answer_is_a_sign_of_life(house, work):
    await house.enter(Stage.IN_SERVICE)
    await house.pass_min(20.5)
    assert ("check_in", "question") in house.prompts.asked
    async with work.begin() as tx:
        await house.watch.all_is_well(tx, VISIT, "answer-1")
    await house.pass_min(30, step_s=60)

    assert [ask for ask in house.prompts.asked if ask == ("check_in", "question")] == [("check_in", "question")]
    assert seen(await house.hits()) == [(Watch.CHECK_IN, Watching.ON, False)]


async def test_a_stage_that_ends_leaves_everything_that_was_waited_for_in_it(house):
    await house.enter(Stage.ARRIVED)
    await house.pass_min(21)
    await house.enter(Stage.IN_SERVICE)

    assert seen(await house.hits()) == [(Watch.NOT_STARTED, Watching.ON, False)]


async def test_after_the_service_whoever_is_still_there_is_asked_to_leave(house):
    await house.enter(Stage.ENDED)
    await house.pass_min(12, heard_at=DOOR)
    assert await house.hits() == []
    await house.pass_min(4, heard_at=DOOR)

    assert seen(await house.hits()) == [(Watch.NOT_LEFT, Watching.ON, True)]


async def test_after_the_service_whoever_has_gone_is_asked_for_her_check_out(house):
    await house.enter(Stage.ENDED)
    await house.pass_min(11, heard_at=FAR)

    assert seen(await house.hits()) == [(Watch.CHECK_OUT, Watching.ON, True)]
    assert ("not_left", "question") not in house.prompts.asked


async def test_a_visit_broken_off_for_safety_is_watched_until_she_has_left(house):
    await house.enter(Stage.ABORTED_UNSAFE)
    await house.pass_min(16)

    assert seen(await house.hits()) == [(Watch.NOT_LEFT, Watching.ON, True)]


async def test_silence_is_noted_in_the_shadow_before_it_may_page(house):
    await begin_listening(house)
    await house.pass_min(5)

    assert seen(await house.hits()) == [(Watch.SILENCE, Watching.SHADOW, True)]
    assert (house.prompts.asked, await house.open()) == ([], [])
    await house.pass_min(1, heard_at=DOOR)
    assert seen(await house.hits()) == [(Watch.SILENCE, Watching.SHADOW, False)]


async def test_silence_that_may_page_asks_her_first(house):
    house.rules.set(detectors={Watch.SILENCE: Watching.ON})
    await begin_listening(house)
    await house.pass_min(3.25, step_s=15)

    assert house.prompts.asked == [("silence", "question")]
    (asked,) = await house.open()
    assert asked.state is State.PENDING
    (hit,) = await house.hits()
    assert (hit.incident_id, hit.fixes[0].at_ms, hit.facts["ask_s"]) == (asked.id, house.fixes.fix.at_ms, 180)


async def test_a_phone_that_cannot_send_in_the_background_is_watched_by_check_ins_instead(house, work, clock):
    house.rules.set(detectors={Watch.SILENCE: Watching.ON, Watch.CHECK_IN: Watching.OFF})
    async with work.begin() as tx:
        await house.capabilities.put(tx, PHONE, Capability.FOREGROUND_ONLY, clock.now())
    await begin_listening(house)
    await house.pass_min(19, step_s=60)
    assert await house.hits() == []
    await house.pass_min(2, step_s=60)

    assert seen(await house.hits()) == [(Watch.CHECK_IN, Watching.ON, True)]


async def test_a_phone_that_is_heard_without_a_fix_is_not_silent(house, clock):
    await begin_listening(house)
    for _ in range(20):
        clock.move(15)
        house.fixes.fix = msgspec.structs.replace(house.fixes.fix, heard_ms=clock.now_ms())
        await house.hub.timers.run_once()

    assert await house.hits() == []


async def test_time_in_which_the_hub_was_away_is_nobodys_silence(house, clock):
    await begin_listening(house)
    clock.move(3600)
    await house.pass_min(2.5, step_s=15)
    assert await house.hits() == []
    await house.pass_min(1, step_s=15)

    assert len(await house.hits()) == 1


async def test_with_the_live_positions_away_nobody_is_judged(house):
    await begin_listening(house)
    house.fixes.is_away = True
    await house.pass_min(20)

    assert await house.hits() == []


async def test_before_departing_and_after_leaving_nobody_listens(house):
    house.fixes.at(DOOR, house.clock.now_ms())
    await house.silence.arm()
    await house.pass_min(10)
    assert await house.hits() == []
    await house.enter(Stage.LEFT)
    await house.pass_min(10)

    assert await house.hits() == []


async def test_a_lost_signal_brings_the_ladder_of_an_open_incident_forward(house, work, clock):
    await begin_listening(house)
    receipt = await house.hub.sos.raise_sos(msgspec.structs.replace(TAP, who=f"technician:{SHE}"))
    for _ in range(5):
        clock.move(9)
        house.fixes.at(DOOR, clock.now_ms())
        await house.hub.timers.run_once()
    assert [line[1] for line in house.hub.alerts.told] == [0, 15]
    clock.move(10)
    await house.hub.timers.run_once()
    house.fixes.fix = msgspec.structs.replace(house.fixes.fix, at_ms=clock.now_ms() - 70_000)
    for step_s in (15, 15, 0):
        clock.move(step_s)
        await house.hub.timers.run_once()

    found = await get(work, house.hub, receipt.incident_id)
    assert Flag.SIGNAL_LOST in found.flags
    assert [line[1] for line in house.hub.alerts.told] == [0, 15, 60, 120]
    lost = [event for event in await log_of(work, house.hub, receipt.incident_id) if event.kind is EventKind.SIGNAL]
    assert [event.data["is_lost"] for event in lost] == [True]


async def test_a_signal_that_comes_back_is_written_down_and_clears_nothing(house, work, clock):
    await begin_listening(house)
    receipt = await house.hub.sos.raise_sos(msgspec.structs.replace(TAP, who=f"technician:{SHE}"))
    await house.pass_min(2, step_s=15)
    await house.pass_min(1, step_s=15, heard_at=DOOR)

    found = await get(work, house.hub, receipt.incident_id)
    assert Flag.SIGNAL_LOST in found.flags
    signals = [event.data["is_lost"] for event in await log_of(work, house.hub, receipt.incident_id) if event.kind is EventKind.SIGNAL]
    assert signals == [True, False]


async def test_precision_is_counted_from_how_incidents_ended(house, work, clock):
    await house.enter(Stage.ARRIVED)
    await house.pass_min(22)
    (raised,) = await house.open()
    owned = await house.hub.desk.claim(ANA, raised.id, raised.version)
    await house.hub.desk.resolve(ANA, raised.id, owned.version, Resolution.FALSE_DETECTOR, "She was waiting for a lift.")
    async with work.read() as tx:
        (record,) = tally(await house.detections.hits(tx, SITE, clock.now() - timedelta(days=1)), clock.now())

    assert (record.watch, record.mode, record.hits, record.confirmed, record.false, record.precision) == (
        Watch.NOT_STARTED, Watching.ON, 1, 0, 1, 0.0,
    )  # fmt: skip


async def test_a_timer_that_fires_twice_asks_once(house):
    await house.enter(Stage.ARRIVED)
    house.clock.move(20 * 60 + 1)
    for _ in range(3):
        await house.watch.on_watch_timer(Timer(kind="safety.watch", subject=VISIT, due_at=START))

    assert len(await house.open()) == 1
    assert len(await house.hits()) == 1
    assert [ask for ask in house.prompts.asked if ask[1] == "question"] == [("not_started", "question")]


async def begin_listening(house):
    """Let her be in service, heard once, and the hub listen for nothing but silence, unless the rules say so."""
    house.rules.set(detectors={Watch.CHECK_IN: Watching.OFF, **house.rules.rules.detectors})
    await house.enter(Stage.IN_SERVICE, planned_min=300)
    house.fixes.at(DOOR, house.clock.now_ms())
    await house.silence.arm()
    await house.hub.timers.run_once()


async def test_a_hit_forgets_its_place_with_the_fixes_and_keeps_what_belongs_to_an_open_incident(house, work, clock):
    house.rules.set(detectors={Watch.SILENCE: Watching.ON})
    await begin_listening(house)
    await house.pass_min(4, step_s=15)
    house.rules.set(detectors={Watch.SILENCE: Watching.SHADOW, Watch.CHECK_IN: Watching.OFF})
    await house.pass_min(16, step_s=15)
    async with work.begin() as tx:
        forgotten = await house.detections.forget_places(tx, clock.now() + timedelta(days=1))

    asked, noted = await house.hits()
    assert forgotten == 1
    assert (asked.fixes[0].lat, noted.fixes[0].lat, noted.fixes[0].at_ms) == (DOOR.lat, None, asked.fixes[0].at_ms)

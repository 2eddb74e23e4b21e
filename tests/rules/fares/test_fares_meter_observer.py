"""The live meter: order within ten seconds, a restart in the middle, and where a way begins and ends."""

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from trip_maker import START_MS, noisy, straight, walks

from core.geo import LatLon
from core.ids import DeviceId, SiteId, TechnicianId, VisitId
from tracking.fares.meter_fix import MeterFix
from tracking.fares.meter_observer import METER, WINDOW_FIXES, MeterReading, MeterWatch, follow, observe
from tracking.fares.settlement import settle_distance
from tracking.fix import Fix, Judged, Lane
from tracking.journey import Journey
from tracking.ports import OpenVisit
from visits.stage import Stage


def journey(fix: MeterFix) -> Fix:
    return Fix(
        device_id=DeviceId(fix.key[0]), device_epoch=fix.key[1], seq=fix.key[2], technician_id=TechnicianId("t"), at_ms=fix.at_ms,
        device_at_ms=fix.at_ms, received_ms=fix.at_ms, lat=fix.lat_e7 / 1e7, lon=fix.lon_e7 / 1e7,
        accuracy_m=None if fix.accuracy_dm is None else fix.accuracy_dm / 10, mocked=fix.mocked,
    )


def watched(fixes: list[MeterFix], state: MeterWatch | None = None) -> tuple[MeterWatch, list[MeterReading]]:
    state, readings = state or MeterWatch(), []
    for fix in fixes:
        state, said = observe(state, journey(fix), Stage.DEPARTED)
        readings += said
    return state, readings


def arrived(state: MeterWatch, fix: MeterFix) -> MeterReading:
    _, (reading,) = observe(state, journey(fix), Stage.ARRIVED)
    return reading


def test_the_meter_runs_from_departed_to_arrived() -> None:
    drive = straight(300)
    state = MeterWatch()
    for fix in drive[:100]:
        state, said = observe(state, journey(fix), Stage.ASSIGNED)
        assert said == ()

    state, readings = watched(drive[100:200], state)
    state, final = observe(state, journey(drive[200]), Stage.ARRIVED)
    after, silence = observe(state, journey(drive[201]), Stage.IN_SERVICE)

    assert [reading.is_final for reading in readings + list(final)] == [False] * len(readings) + [True]
    assert abs(final[0].distance_mm - 990_000) < 15_000
    assert (after, silence) == (state, ())


def test_the_live_reading_of_ordered_fixes_is_what_settlement_bills() -> None:
    drive = noisy(straight(400), 6)
    state, _ = watched(drive)

    assert arrived(state, drive[-1]).distance_mm == settle_distance(drive).distance_mm


def test_fixes_out_of_order_within_ten_seconds_read_the_same() -> None:
    drive = noisy(straight(300), 6)
    mixed = list(drive)
    for start in range(0, 300, 8):
        part = mixed[start : start + 8]
        random.Random(start).shuffle(part)
        mixed[start : start + 8] = part

    state, _ = watched(mixed)

    assert state.late == 0
    assert arrived(state, drive[-1]).distance_mm == settle_distance(drive).distance_mm


def test_a_fix_later_than_the_window_is_left_to_settlement() -> None:
    drive = straight(100)

    state, _ = watched([*drive[:10], *drive[11:], drive[10]])

    assert state.late == 1


def test_reassigning_starts_the_meter_anew() -> None:
    state, _ = watched(straight(100))

    state, said = observe(state, journey(straight(0)[0]), Stage.ASSIGNED)

    assert (state, said) == (MeterWatch(), ())


@given(walks(40), st.integers(0, 40))
def test_a_restart_changes_nothing(fixes: list[MeterFix], cut: int) -> None:
    whole, readings = watched(fixes)

    first, before = watched(fixes[:cut])
    first = msgspec.msgpack.decode(msgspec.msgpack.encode(first), type=MeterWatch)
    second, after = watched(fixes[cut:], first)

    assert before + after == readings
    assert msgspec.msgpack.encode(second) == msgspec.msgpack.encode(whole)


@given(walks(40))
def test_the_observer_changes_nothing_that_it_was_given(fixes: list[MeterFix]) -> None:
    state = MeterWatch()
    for fix in fixes:
        before, given_state = msgspec.msgpack.encode(state), state
        state, _ = observe(state, journey(fix), Stage.DEPARTED)
        assert msgspec.msgpack.encode(given_state) == before


STAGES = (Stage.ASSIGNED, Stage.DEPARTED, Stage.DEPARTED, Stage.DEPARTED, Stage.ARRIVED)


@given(walks(40), st.randoms(use_true_random=False))
def test_following_without_readings_comes_to_the_same_memory(fixes: list[MeterFix], chance: random.Random) -> None:
    """Whatever the order, the repetitions and the stages: the one copies, the other changes in place."""
    heard, silent = MeterWatch(), MeterWatch()
    for fix in chance.sample(fixes, len(fixes)) if chance.random() < 0.5 else fixes:
        stage = chance.choice(STAGES)
        for _ in range(chance.choice((1, 1, 2))):
            heard, _ = observe(heard, journey(fix), stage)
            silent = follow(silent, [journey(fix)], stage)
            assert msgspec.msgpack.encode(silent) == msgspec.msgpack.encode(heard)


@given(walks(60), st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_following_many_at_once_comes_to_the_same_memory_as_one_by_one(fixes: list[MeterFix], sizes: list[int]) -> None:
    single, many = MeterWatch(), MeterWatch()
    for size in sizes:
        some, fixes = [journey(fix) for fix in fixes[:size]], fixes[size:]
        for fix in some:
            single = follow(single, [fix], Stage.DEPARTED)
        many = follow(many, some, Stage.DEPARTED) if some else many
        assert msgspec.msgpack.encode(many) == msgspec.msgpack.encode(single)


def test_a_journey_keeps_the_meter_in_its_checkpoint() -> None:
    visit = OpenVisit(
        visit_id=VisitId("v"), site_id=SiteId("s"), technician_id=TechnicianId("t"), stage=Stage.DEPARTED, place=LatLon(31.23, 121.5),
        window_start_ms=START_MS, window_end_ms=START_MS, departed_at_ms=START_MS,
    )
    drive = noisy(straight(300), 6)
    first = Journey(visit, [METER])
    first.take([Judged(journey(fix), Lane.LIVE) for fix in drive[:150]])
    second = Journey(visit, [METER], first.packed())
    told = second.take([Judged(journey(fix), Lane.LIVE) for fix in drive[150:]])

    assert {each.name for each in told} == {METER.name}
    assert abs(told[-1].outputs[-1].distance_mm - settle_distance(drive[:291]).distance_mm) < 30_000


def test_a_phone_that_reports_ten_times_a_second_reads_live_what_settlement_bills() -> None:
    """A journey looks at one fix in half a second; settlement uses them all."""
    visit = OpenVisit(
        visit_id=VisitId("v"), site_id=SiteId("s"), technician_id=TechnicianId("t"), stage=Stage.DEPARTED, place=LatLon(31.23, 121.5),
        window_start_ms=START_MS, window_end_ms=START_MS, departed_at_ms=START_MS,
    )
    seconds = noisy(straight(300), 6)
    tenths = [
        MeterFix(
            START_MS + tenth * 100, a.lat_e7 + (b.lat_e7 - a.lat_e7) * (tenth % 10) // 10,
            a.lon_e7 + (b.lon_e7 - a.lon_e7) * (tenth % 10) // 10, a.accuracy_dm, None, False, ("phone", 7, tenth),
        )
        for tenth in range(3000) for a, b in [seconds[tenth // 10 : tenth // 10 + 2]]
    ]  # fmt: skip
    live = Journey(visit, [METER])

    told = live.take([Judged(journey(fix), Lane.LIVE) for fix in tenths])

    assert live.seen <= 601
    assert abs(told[-1].outputs[-1].distance_mm / settle_distance(tenths[:2900]).distance_mm - 1) < 0.02


def test_the_window_holds_no_more_than_its_bound() -> None:
    burst = [msgspec.structs.replace(fix, at_ms=START_MS + n) for n, fix in enumerate(straight(400))]

    state, _ = watched(burst)

    assert len(state.window) <= WINDOW_FIXES

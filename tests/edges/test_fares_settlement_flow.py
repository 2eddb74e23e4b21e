"""A way is metered from the stored fixes, whatever their order of arrival and their verdicts. On SQLite and PostgreSQL."""

import random

import msgspec
import pytest

from core.geo import moved
from tests.doubles.fare_ports import ANNA, HOME
from tracking.fares import settlement_flow
from tracking.fares.meter_fix import meter_fix
from tracking.fares.settlement import settle_distance
from tracking.fares.settlement_flow import SettlementFlow
from tracking.fix import Fix, Judged, Lane
from tracking.sql_fixes import SqlFixes

pytestmark = pytest.mark.anyio
START_MS = 1_772_604_000_000


def journey(count: int = 120) -> list[Fix]:
    place, fixes = HOME, []
    for seq in range(count):
        at_ms = START_MS + seq * 5_000
        fixes.append(Fix("d1", 7, seq, ANNA, at_ms, at_ms, at_ms, place.lat, place.lon, 8.0, 10.0))
        place = moved(place, 45.0, 50.0)
    return fixes


async def recorded(work, fixes: list[Fix]) -> SqlFixes:
    ledger = SqlFixes()
    async with work.begin() as tx:
        await ledger.record(tx, [Judged(fix, Lane.LIVE, ()) for fix in fixes])
    return ledger


def plain(fixes: list[Fix]):
    return [
        meter_fix(fix.at_ms, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.mocked, (fix.device_id, fix.device_epoch, fix.seq))
        for fix in fixes
    ]


async def test_the_stored_way_is_the_settled_way(fixes_work):
    fixes = journey()
    shuffled = random.Random(1).sample(fixes, len(fixes))
    ledger = await recorded(fixes_work, [*shuffled, *shuffled[:20]])
    end_ms = fixes[-1].at_ms

    metered = await SettlementFlow(fixes_work, ledger).metered(ANNA, START_MS, end_ms)

    assert metered == settle_distance(plain(fixes), START_MS, end_ms)
    assert metered.fixes == len(fixes)
    assert abs(metered.distance_mm - 119 * 50_000) < 119 * 50_000 // 50


async def test_a_long_way_is_settled_beside_the_loop_with_the_same_result(fixes_work):
    fixes = journey(settlement_flow.BESIDE_THE_LOOP // 2 * 2 + 2)
    ledger = SqlFixes()
    for start in range(0, len(fixes), 1000):
        async with fixes_work.begin() as tx:
            await ledger.record(tx, [Judged(fix, Lane.LIVE, ()) for fix in fixes[start : start + 1000]])

    metered = await SettlementFlow(fixes_work, ledger).metered(ANNA, START_MS, fixes[-1].at_ms)

    assert metered == settle_distance(plain(fixes), START_MS, fixes[-1].at_ms)


async def test_no_fixes_are_no_metres_and_grade_c(fixes_work):
    ledger = await recorded(fixes_work, journey(3))

    flow = SettlementFlow(fixes_work, ledger)

    for technician_id, start_ms in ((ANNA, START_MS - 60_000), ("berta", START_MS)):
        metered = await flow.metered(technician_id, start_ms, start_ms + 59_999)
        assert (metered.fixes, metered.distance_mm, metered.grade.value) == (0, 0, "C")


async def test_one_fix_is_grade_c(fixes_work):
    ledger = await recorded(fixes_work, journey(1))

    metered = await SettlementFlow(fixes_work, ledger).metered(ANNA, START_MS, START_MS + 60_000)

    assert (metered.distance_mm, metered.grade.value) == (0, "C")


async def test_only_rejected_fixes_are_grade_c_and_say_why(fixes_work):
    ledger = await recorded(fixes_work, [msgspec.structs.replace(fix, mocked=True) for fix in journey(40)])

    metered = await SettlementFlow(fixes_work, ledger).metered(ANNA, START_MS, START_MS + 200_000)

    assert (metered.distance_mm, metered.grade.value, metered.rejected) == (0, "C", {"mocked": 40})


async def test_two_phones_at_once_meter_one_way(fixes_work):
    fixes = journey()
    second = [msgspec.structs.replace(fix, device_id="d2", at_ms=fix.at_ms + 700, lat=fix.lat + 0.0001) for fix in fixes]
    ledger = await recorded(fixes_work, [*fixes, *second])

    metered = await SettlementFlow(fixes_work, ledger).metered(ANNA, START_MS, fixes[-1].at_ms)

    assert metered.device_id == "d1"
    assert abs(metered.distance_mm - 119 * 50_000) < 119 * 50_000 // 50
    assert metered.rejected["other_device"] >= 118

"""What is old is forgotten in small steps, and a server that is away puts nothing at risk."""

import msgspec
import pytest

import tracking.tables  # noqa: F401  (registers its tables on the metadata)
from core.ids import SiteId
from core.key_ring import KeyRing
from core.unit_of_work import UnitOfWork
from hub.sql_kept_tracks import FOR_EVER_MS, SqlKeptTracks
from safety.incident import Flag, State
from tests.doubles.fake_clock import FakeClock
from tests.doubles.memory_positions import MemoryPositions
from tests.doubles.safety_ports import safety_on
from tests.edges.test_safety_tap import TAP
from tracking import packing
from tracking.fix import Fix, Judged, Lane
from tracking.ports import KeptTrack, Part
from tracking.sql_fixes import SqlFixes
from tracking.tidy_flow import DAY_MS, HOUR_MS, TidyFlow, TidySettings

pytestmark = pytest.mark.anyio


class Evidence:
    """Meets `KeptTracks`."""

    def __init__(self, *tracks: KeptTrack) -> None:
        self.tracks = tracks
        self.is_away = False

    async def kept(self):
        if self.is_away:
            raise OSError("SQL is away")
        return self.tracks


async def sites() -> list[SiteId]:
    return [SiteId("s1"), SiteId("s2")]


def fix(seq: int, at_ms: int) -> Fix:
    return Fix("d1", 7, seq, "t1", at_ms, at_ms, at_ms, 31.2, 121.5)


async def test_fixes_past_their_days_are_deleted_in_small_transactions(fixes_work: UnitOfWork, clock: FakeClock) -> None:
    ledger, now_ms = SqlFixes(), clock.now_ms()
    old = [fix(seq, now_ms - 31 * DAY_MS + seq) for seq in range(25)]
    async with fixes_work.begin() as tx:
        await ledger.record(tx, [Judged(each, Lane.LIVE) for each in [*old, fix(99, now_ms)]])
    settings = TidySettings(fix_days=30, rows=10, pause_s=0.0)
    assert await TidyFlow(sites, MemoryPositions(), fixes_work, ledger, clock, settings).purge() == 25
    async with fixes_work.read() as tx:
        assert [one.fix.seq for one in await ledger.track(tx, "t1", 0, 2**62, 100)] == [99]


async def test_what_is_evidence_outlives_its_days(fixes_work: UnitOfWork, clock: FakeClock) -> None:
    ledger, old_ms = SqlFixes(), clock.now_ms() - 31 * DAY_MS
    hers = [fix(seq, old_ms + seq) for seq in range(25)]
    others = [Fix("d2", 7, seq, "t2", old_ms + seq, old_ms + seq, old_ms, 31.2, 121.5) for seq in range(25)]
    async with fixes_work.begin() as tx:
        await ledger.record(tx, [Judged(each, Lane.LIVE) for each in [*hers, *others]])
    settings = TidySettings(fix_days=30, rows=4, pause_s=0.0)
    evidence = Evidence(KeptTrack("t1", old_ms + 5, old_ms + 15), KeptTrack("t9", 0, 9))
    tidy = TidyFlow(sites, MemoryPositions(), fixes_work, ledger, clock, settings, evidence)

    assert await tidy.purge() == 40
    async with fixes_work.read() as tx:
        assert [one.fix.seq for one in await ledger.track(tx, "t1", 0, 2**62, 100)] == list(range(5, 15))
    evidence.tracks = ()
    assert await tidy.purge() == 10


async def test_nothing_is_forgotten_while_nobody_knows_what_is_evidence(fixes_work: UnitOfWork, clock: FakeClock) -> None:
    ledger, old_ms = SqlFixes(), clock.now_ms() - 31 * DAY_MS
    async with fixes_work.begin() as tx:
        await ledger.record(tx, [Judged(fix(1, old_ms), Lane.LIVE)])
    evidence = Evidence()
    evidence.is_away = True

    with pytest.raises(OSError, match="away"):
        await TidyFlow(sites, MemoryPositions(), fixes_work, ledger, clock, TidySettings(fix_days=30), evidence).purge()
    async with fixes_work.read() as tx:
        assert len(await ledger.track(tx, "t1", 0, 2**62, 100)) == 1


async def test_open_and_held_incidents_are_evidence(work: UnitOfWork, clock: FakeClock, key_ring: KeyRing) -> None:
    safety = safety_on(work, clock, key_ring)
    raised_ms = clock.now_ms()
    receipt = await safety.sos.raise_sos(TAP)
    evidence = SqlKeptTracks(work)
    assert await evidence.kept() == [KeptTrack("t1", raised_ms - DAY_MS, FOR_EVER_MS)]

    async with work.begin() as tx:
        incident = await safety.incidents.get(tx, receipt.incident_id)
        over = msgspec.structs.replace(incident, state=State.RESOLVED, resolved_at=clock.now())
        await safety.incidents.save(tx, over, [])
    assert await evidence.kept() == []

    async with work.begin() as tx:
        await safety.incidents.save(tx, msgspec.structs.replace(over, flags=frozenset({Flag.LEGAL_HOLD, Flag.DURESS})), [])
    assert await evidence.kept() == [KeptTrack("t1", raised_ms - DAY_MS, raised_ms + DAY_MS)]


async def test_zero_days_keeps_fixes_for_ever(fixes_work: UnitOfWork, clock: FakeClock) -> None:
    assert await TidyFlow(sites, MemoryPositions(), fixes_work, SqlFixes(), clock, TidySettings(fix_days=0)).purge() == 0


async def test_silent_technicians_are_swept_and_redis_away_is_borne(fixes_work: UnitOfWork, clock: FakeClock) -> None:
    positions, at_ms = MemoryPositions(), clock.now_ms()
    for site, hours in (("s1", 13), ("s2", 1)):
        one = fix(1, at_ms - hours * HOUR_MS)
        await positions.write(SiteId(site), 0, f"b-{site}", [Part("d1", 0, packing.pack_part([Judged(one, Lane.LIVE)]), 1, one)])
    tidy = TidyFlow(sites, positions, fixes_work, SqlFixes(), clock)
    assert await tidy.sweep() == 1
    positions.away = True
    assert await tidy.sweep() == 0

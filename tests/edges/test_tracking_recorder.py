"""Every acknowledged fix is in SQL exactly once, whatever dies, repeats or is flushed on the way."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
import pytest
from redis import asyncio as aioredis
from sqlalchemy import text

import tracking.tables  # noqa: F401  (registers its tables on the metadata)
from core import redis_keys
from core.clock import SystemClock
from core.geo import LatLon, moved
from core.ids import RandomIds, SiteId, VisitId
from core.unit_of_work import Tx, UnitOfWork
from tests.doubles.tracking_doubles import FixedVisits, KeptCounts
from tracking import approach, books, packing
from tracking.fares.meter_observer import METER, reading_in
from tracking.fix import Fix, Judged, Lane, Reason
from tracking.journey import JourneyState, Observer
from tracking.journey_flow import JourneyFlow
from tracking.ledger import Offset
from tracking.ports import OpenVisit, Part
from tracking.recorder_flow import RecorderFlow, RecorderSettings, Superseded
from tracking.redis_positions import RedisPositions, reader_client, writer_client
from tracking.redis_stream import RedisStream, blocking_client
from tracking.sql_fixes import SqlFixes, rows_at_once
from visits.stage import Stage

pytestmark = pytest.mark.anyio
SITE, HERE, NOW_MS = "site", LatLon(31.2, 121.5), 1_772_442_000_000
QUICK = RecorderSettings(rows=100, wait_ms=1, gather_s=0.0, trim_s=0.0, retry_s=0.01, failover_s=0.01)
VISIT = OpenVisit(
    visit_id="v1", site_id=SITE, technician_id="t1", stage=Stage.DEPARTED, place=HERE, window_start_ms=NOW_MS, window_end_ms=NOW_MS,
    departed_at_ms=NOW_MS - 1,
)
BUSY_MACHINE_S = 30.0


class World:
    """A stream on a real Valkey and a ledger on a real database."""

    def __init__(self, url: str, work: UnitOfWork) -> None:
        self.work = work
        self.writer, self.commands, self.blocking = writer_client(url), reader_client(url), blocking_client(url)
        self.clock = SystemClock()
        self.positions = RedisPositions(self.writer, self.commands, self.clock, RandomIds(), "w1")
        self.stream = RedisStream(self.blocking, self.commands)
        self.ledger = SqlFixes()
        self.visits = FixedVisits()
        self.counts = KeptCounts()
        self.told: list[object] = []
        self._batches = 0

    def recorder(
        self, name: str = "r1", settings: RecorderSettings = QUICK, *,
        more: Sequence[Observer] = (), heard: Sequence[Observer] = approach.OBSERVERS,
    ) -> RecorderFlow:
        sinks = {each.name: [self._sink] for each in heard}
        journeys = JourneyFlow(SITE, 0, 1, self.visits, self.ledger, self.clock, (*approach.OBSERVERS, *more), sinks)
        return RecorderFlow(SITE, 0, self.stream, self.work, self.ledger, journeys, self.counts, self.clock, name, settings)

    async def _sink(self, name: str, visit: OpenVisit, outputs: object) -> None:
        self.told += outputs  # type: ignore[operator]

    async def acknowledged(self, *fixes: Fix) -> None:
        self._batches += 1
        judged = [Judged(fix, Lane.LIVE) for fix in fixes]
        await self.positions.write(SITE, 0, f"b{self._batches}", [Part("d1", 0, packing.pack_part(judged), len(fixes))])

    async def stored(self) -> list[int]:
        async with self.work.read() as tx:
            return [one.fix.seq for one in await self.ledger.track(tx, "t1", 0, 2**62, 100_000)]

    async def offset(self) -> Offset:
        async with self.work.read() as tx:
            return await self.ledger.offset(tx, SITE, 0)

    async def aclose(self) -> None:
        for client in (self.writer, self.commands, self.blocking):
            await client.aclose()


@pytest.fixture
async def world(redis: aioredis.Redis, redis_url: str, fixes_work: UnitOfWork) -> AsyncIterator[World]:
    world = World(redis_url, fixes_work)
    yield world
    await world.aclose()


def fix(seq: int, *, metres: float = 0.0, at_ms: int | None = None, device: str = "d1", technician: str = "t1") -> Fix:
    place = moved(HERE, 90.0, metres)
    at_ms = NOW_MS + seq * 1000 if at_ms is None else at_ms
    return Fix(device, 7, seq, technician, at_ms, at_ms, at_ms, place.lat, place.lon, 5.0, None, 12.5, None, 80.0, True)


async def drained(recorder: RecorderFlow) -> None:
    """Load and step until nothing is left (the first step of a new recorder may only mend)."""
    await recorder.load()
    idle = 0
    while idle < 2:
        idle = 0 if await recorder.step() else idle + 1


async def test_fixes_come_back_from_sql_as_they_were_with_lane_and_reasons(world: World) -> None:
    judged = [
        Judged(fix(1), Lane.LIVE),
        Judged(fix(2, device="d2"), Lane.LEDGER_ONLY, (Reason.JUMP, Reason.MOCKED)),
        Judged(Fix("d1", 2**31, 2**63 - 1, "t1", NOW_MS, NOW_MS, NOW_MS, -90.0, 180.0), Lane.LIVE),
    ]
    async with world.work.begin() as tx:
        assert await world.ledger.record(tx, judged) == 3
    async with world.work.read() as tx:
        assert await world.ledger.track(tx, "t1", 0, 2**62, 10) == [judged[2], judged[0], judged[1]]
        assert await world.ledger.track(tx, "t1", NOW_MS, NOW_MS + 1000, 10) == [judged[2]]
        assert await world.ledger.track(tx, "nobody", 0, 2**62, 10) == []


async def test_what_was_acknowledged_is_recorded_in_order_and_the_stream_is_trimmed(world: World) -> None:
    for start in range(0, 90, 30):
        await world.acknowledged(*[fix(seq) for seq in range(start, start + 30)])
    await drained(world.recorder())
    assert await world.stored() == list(range(90))
    assert await world.commands.xlen(redis_keys.fix_stream(SITE, 0)) == 0
    offset = await world.offset()
    assert (offset.stored, offset.duplicates, offset.lost, offset.restarts, offset.total) == (90, 0, 0, 0, 90)


async def test_a_fix_counts_once_however_often_it_comes(world: World) -> None:
    for _ in range(3):
        await world.acknowledged(fix(1), fix(2), fix(2))
    await drained(world.recorder())
    assert await world.stored() == [1, 2]
    assert world.counts.sums[books.STORED] == 2
    assert world.counts.sums[books.DUPLICATE] == 7


async def test_an_entry_larger_than_a_transaction_is_recorded_in_parts(world: World) -> None:
    await world.acknowledged(*[fix(seq) for seq in range(40)])
    await world.acknowledged(*[fix(seq) for seq in range(40, 390)])
    recorder = world.recorder()
    await recorder.load()
    await recorder.step()
    transactions = recorder._transactions(await world.stream.read(SITE, 0, "0-0", 10, 1))
    sizes = [sum(len(judged) for _, judged in pieces) for pieces in transactions]
    assert sizes == [100, 100, 100, 90]
    await drained(recorder)
    assert await world.stored() == list(range(390))
    assert (await world.offset()).total == 390


async def test_a_recorder_that_dies_between_parts_of_an_entry_repeats_nothing(world: World) -> None:
    await world.acknowledged(*[fix(seq) for seq in range(250)])
    dying = world.recorder()
    await dying.load()
    await dying.step()
    parts = dying._transactions(await world.stream.read(SITE, 0, "0-0", 10, 1))
    await dying._commit(await dying._ready(next(parts)))
    assert (await world.offset()).skip == 100
    await drained(world.recorder("r2"))
    assert await world.stored() == list(range(250))
    assert (await world.offset()).duplicates == 0


async def test_a_commit_that_fails_leaves_nothing_and_is_repeated_whole(world: World) -> None:
    await world.acknowledged(fix(1), fix(2))
    recorder = world.recorder()
    await recorder.load()
    await recorder.step()
    real_move = world.ledger.move_offset

    async def fail(*_: object) -> bool:
        raise ConnectionError("SQL went away before the commit.")

    world.ledger.move_offset = fail  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await recorder.step()
    assert await world.stored() == []
    world.ledger.move_offset = real_move  # type: ignore[method-assign]
    await drained(recorder)
    assert await world.stored() == [1, 2]
    assert (await world.offset()).duplicates == 0


async def test_of_two_recorders_the_one_that_is_behind_steps_back(world: World) -> None:
    await world.acknowledged(fix(1))
    first, second = world.recorder("r1"), world.recorder("r2")
    await drained(first)
    await second.load()
    await world.acknowledged(fix(2))
    await first.step()
    await world.acknowledged(fix(3))
    with pytest.raises(Superseded):
        await second.step()
    await drained(first)
    assert await world.stored() == [1, 2, 3]
    assert ((await world.offset()).stored, (await world.offset()).lost) == (3, 0)


async def test_two_recorders_that_read_the_same_entries_commit_them_once(world: World) -> None:
    first = world.recorder("r1", msgspec.structs.replace(QUICK, trim_s=1000.0))
    second = world.recorder("r2")
    await world.acknowledged(fix(1))
    await drained(first)
    await second.load()
    await world.acknowledged(fix(2))
    await first.step()
    with pytest.raises(Superseded):
        await second.step()
    offset = await world.offset()
    assert (offset.stored, offset.duplicates) == (2, 0)


async def test_only_one_holds_the_lease_until_it_lets_go(world: World) -> None:
    assert await world.stream.hold_lease(SITE, 0, "r1", 10_000)
    assert await world.stream.hold_lease(SITE, 0, "r1", 10_000)
    assert not await world.stream.hold_lease(SITE, 0, "r2", 10_000)
    await world.stream.release_lease(SITE, 0, "r2")
    assert not await world.stream.hold_lease(SITE, 0, "r2", 10_000)
    await world.stream.release_lease(SITE, 0, "r1")
    assert await world.stream.hold_lease(SITE, 0, "r2", 10_000)


async def test_a_flush_is_noticed_its_loss_counted_and_recording_goes_on(world: World, redis: aioredis.Redis) -> None:
    await world.acknowledged(fix(1), fix(2))
    recorder = world.recorder()
    await drained(recorder)
    await world.acknowledged(fix(3), fix(4), fix(5))
    await recorder._look()
    await redis.flushall()
    await world.acknowledged(fix(6))
    await drained(recorder)
    assert await world.stored() == [1, 2, 6]
    offset = await world.offset()
    assert (offset.lost, offset.restarts, offset.total) == (3, 1, 1)
    assert world.counts.sums[books.LOST] == 3


async def test_a_stream_emptied_by_hand_shows_as_a_gap(world: World, redis: aioredis.Redis) -> None:
    await world.acknowledged(fix(1))
    recorder = world.recorder()
    await drained(recorder)
    await world.acknowledged(fix(2), fix(3))
    await redis.xtrim(redis_keys.fix_stream(SITE, 0), maxlen=0, approximate=False)
    await world.acknowledged(fix(4))
    await drained(recorder)
    assert await world.stored() == [1, 4]
    assert (await world.offset()).lost == 2


async def test_a_server_restored_from_an_older_copy_loses_nothing_that_is_recorded(world: World, redis: aioredis.Redis) -> None:
    await world.acknowledged(fix(1))
    stream, state = redis_keys.fix_stream(SITE, 0), redis_keys.stream_state(SITE, 0)
    copies = {key: await redis.dump(key) for key in (stream, state)}
    await world.acknowledged(fix(2), fix(3))
    recorder = world.recorder()
    await drained(recorder)
    await redis.flushall()
    for key, copy in copies.items():
        await redis.restore(key, 0, copy)
    await world.acknowledged(fix(4))
    await drained(recorder)
    assert await world.stored() == [1, 2, 3, 4]
    assert (await world.offset()).lost == 0


async def test_an_unreadable_entry_is_counted_and_holds_up_nobody(world: World, redis: aioredis.Redis) -> None:
    await world.acknowledged(fix(1))
    recorder = world.recorder()
    await drained(recorder)
    await redis.xadd(redis_keys.fix_stream(SITE, 0), {"b": b"\xc1", "n": 2, "t": 3})
    await redis.hset(redis_keys.stream_state(SITE, 0), "total", 3)
    await world.acknowledged(fix(4))
    await drained(recorder)
    assert await world.stored() == [1, 4]
    assert world.counts.sums[books.LOST] == 2


async def test_journeys_are_checkpointed_with_the_fixes_and_told_after_the_commit(world: World) -> None:
    world.visits.visits = [VISIT]
    for seq in range(15):
        await world.acknowledged(fix(seq, metres=20 - seq))
    await drained(world.recorder("r1"))
    assert not any(isinstance(told, approach.Arrived) for told in world.told)
    for seq in range(15, 40):
        await world.acknowledged(msgspec.structs.replace(fix(seq, metres=seq / 10), mocked=False))
    await drained(world.recorder("r2"))
    arrived = [told for told in world.told if isinstance(told, approach.Arrived)]
    assert [told.at_ms for told in arrived] == [NOW_MS + 35_000]
    await drained(world.recorder("r3"))
    assert len([told for told in world.told if isinstance(told, approach.Arrived)]) == 1


@pytest.mark.parametrize("heard", [(), (METER,)])
async def test_the_meter_is_checkpointed_alike_and_its_readings_told_only_where_somebody_listens(
    world: World, heard: tuple[Observer, ...]
) -> None:
    world.visits.visits = [VISIT]
    for start in range(0, 90, 30):
        await world.acknowledged(*[msgspec.structs.replace(fix(seq, metres=seq * 12), mocked=False) for seq in range(start, start + 30)])
    await drained(world.recorder(more=[METER], heard=heard))
    async with world.work.read() as tx:
        reading = reading_in((await world.ledger.checkpoints(tx, SITE, 0))["v1"])
    assert reading is not None
    assert abs(reading.distance_mm - 79 * 12_000) < 30_000
    assert ([reading] if heard else []) == world.told[-1:]


class Broken(Exception):
    """What an observer of a test raises."""


async def test_a_journey_that_fails_takes_the_rows_with_it_and_nothing_is_lost(world: World) -> None:
    def observe(state: int, fix: Fix, stage: Stage) -> tuple[int, tuple[()]]:
        if fix.seq == 70:
            raise Broken
        return state + 1, ()

    world.visits.visits = [VISIT]
    await world.acknowledged(*[fix(seq) for seq in range(90)])
    broken = world.recorder(more=[Observer(name="broken", state_type=int, start=lambda _: 0, observe=observe)])
    with pytest.raises(Broken):
        await drained(broken)
    assert await world.stored() == []
    await drained(world.recorder("r2"))
    assert await world.stored() == list(range(90))
    assert (await world.offset()).duplicates == 0


async def test_a_recorder_cancelled_between_rows_and_journeys_lets_go_and_nothing_is_lost(world: World) -> None:
    def observe(state: int, fix: Fix, stage: Stage) -> tuple[int, tuple[()]]:
        if fix.seq == 70:
            task.cancel()
        return state + 1, ()

    world.visits.visits = [VISIT]
    await world.acknowledged(*[fix(seq) for seq in range(90)])
    stopped = world.recorder(more=[Observer(name="cancels", state_type=int, start=lambda _: 0, observe=observe)])
    task = asyncio.create_task(drained(stopped))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await world.stored() == []
    async with asyncio.timeout(5):
        await drained(world.recorder("r2"))
    assert await world.stored() == list(range(90))


class SlowFixes(SqlFixes):
    """Begins to write a transaction and goes on when it may; `is_open` while one is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()
        self.is_open = False

    async def record(self, tx: Tx, judged: Sequence[Judged]) -> int:
        self.is_open = True
        await self.may_go_on.wait()
        return await super().record(tx, judged)

    async def move_offset(self, tx: Tx, before: Offset, after: Offset) -> bool:
        self.is_open = False
        return await super().move_offset(tx, before, after)


async def test_journeys_take_fixes_before_their_transaction_begins_and_wait_for_no_writing(world: World) -> None:
    taken_while_open: list[int] = []

    def observe(state: int, fix: Fix, stage: Stage) -> tuple[int, tuple[()]]:
        if ledger.is_open:
            taken_while_open.append(fix.seq)
        if fix.seq == 150:
            ledger.may_go_on.set()
        return state + 1, ()

    world.ledger = ledger = SlowFixes()
    world.visits.visits = [VISIT]
    await world.acknowledged(*[fix(seq) for seq in range(250)])
    async with asyncio.timeout(10):
        # The first transaction is not written before the journeys have come to the middle of the second.
        await drained(world.recorder(more=[Observer(name="notes", state_type=int, start=lambda _: 0, observe=observe)]))
    assert [seq for seq in taken_while_open if seq < 100] == []
    assert await world.stored() == list(range(250))


async def test_journeys_that_were_ahead_of_a_commit_that_failed_begin_again_where_it_did(world: World) -> None:
    moves = 0
    real_move = world.ledger.move_offset

    async def fail_once(tx: Tx, before: Offset, after: Offset) -> bool:
        nonlocal moves
        moves += 1
        if moves == 3:  # the beginning of the stream, then the first transaction
            raise ConnectionError("SQL went away before the commit.")
        return await real_move(tx, before, after)

    world.ledger.move_offset = fail_once  # type: ignore[method-assign]
    world.visits.visits = [VISIT]
    for start in range(0, 500, 50):
        await world.acknowledged(*[fix(seq) for seq in range(start, start + 50)])
    recorder = world.recorder()
    with pytest.raises(ConnectionError):
        await drained(recorder)
    assert await world.stored() == list(range(100))
    await drained(recorder)
    assert await world.stored() == list(range(500))
    assert (await world.offset()).duplicates == 0
    async with world.work.read() as tx:
        state = msgspec.msgpack.decode((await world.ledger.checkpoints(tx, SITE, 0))["v1"], type=JourneyState)
    assert (state.seen, state.late) == (500, 0)


async def test_hundreds_of_rows_and_checkpoints_in_one_transaction_are_each_written_once(world: World) -> None:
    """More than one statement holds, and some left over; some repeat what is stored."""
    fixes = [fix(seq, technician=f"t{seq % 300}") for seq in range(620)]
    async with world.work.begin() as tx:
        assert await world.ledger.record(tx, [Judged(each, Lane.LIVE) for each in fixes[:20]]) == 20
    for wanted in (b"old", b"new"):
        states = {f"v{number}": wanted + bytes([number % 256]) for number in range(520)}
        async with world.work.begin() as tx:
            await world.ledger.save_checkpoints(tx, SITE, 0, states)
        async with world.work.read() as tx:
            assert await world.ledger.checkpoints(tx, SITE, 0) == states
    async with world.work.begin() as tx:
        assert await world.ledger.record(tx, [Judged(each, Lane.LIVE) for each in fixes]) == 600
    async with world.work.read() as tx:
        assert [one.fix for one in await world.ledger.track(tx, "t7", 0, 2**62, 10)] == [fixes[7], fixes[307], fixes[607]]


async def test_a_journey_that_took_nothing_of_a_transaction_is_not_written_again(world: World) -> None:
    world.ledger = CountingFixes()
    world.visits.visits = [VISIT]
    recorder = world.recorder()
    for at_ms in (0, 100, 200, 600, 300):
        await world.acknowledged(fix(at_ms, at_ms=NOW_MS + at_ms))
        await drained(recorder)
    assert world.ledger.written == [["v1"], ["v1"], ["v1"]], "the first, one half a second later, and one that came late"


class CountingFixes(SqlFixes):
    """Remembers which checkpoints it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[list[str]] = []

    async def save_checkpoints(self, tx: Tx, site_id: SiteId, shard: int, states: Mapping[VisitId, bytes | None]) -> None:
        await super().save_checkpoints(tx, site_id, shard, states)
        if states:
            self.written.append(list(states))


async def test_the_checkpoint_of_a_visit_that_is_over_is_forgotten(world: World) -> None:
    world.visits.visits = [VISIT]
    await world.acknowledged(fix(1))
    await drained(world.recorder())
    world.visits.visits = []
    await world.acknowledged(fix(2))
    await drained(world.recorder("r2"))
    async with world.work.read() as tx:
        assert await world.ledger.checkpoints(tx, SITE, 0) == {}


async def test_a_shard_forgets_no_checkpoint_that_another_has_taken_over(world: World) -> None:
    async with world.work.begin() as tx:
        await world.ledger.save_checkpoints(tx, SITE, 0, {"v1": b"zero", "v2": b"zero"})
        await world.ledger.save_checkpoints(tx, SITE, 1, {"v1": b"one"})
        await world.ledger.save_checkpoints(tx, SITE, 0, {"v1": None, "v2": None})
    async with world.work.read() as tx:
        assert await world.ledger.checkpoints(tx, SITE, 0) == {}
        assert await world.ledger.checkpoints(tx, SITE, 1) == {"v1": b"one"}


async def test_old_fixes_are_purged_in_chunks_and_others_stay(world: World) -> None:
    await world.acknowledged(*[fix(seq) for seq in range(90)], fix(0, device="d9", technician="t9"))
    await drained(world.recorder())
    deleted = 0
    async with world.work.begin() as tx:
        while (count := await world.ledger.purge(tx, NOW_MS + 80_000, limit=7)) > 0:
            assert count <= 7
            deleted += count
    assert deleted == 61
    assert await world.stored() == list(range(60, 90))


async def test_run_records_by_itself_and_survives_a_broken_table(world: World) -> None:
    recorder = world.recorder()
    async with world.work.begin() as tx:
        await tx.conn.execute(text("ALTER TABLE stream_offsets RENAME TO hidden"))
    task = asyncio.create_task(recorder.run())
    try:
        await world.acknowledged(fix(1))
        async with asyncio.timeout(BUSY_MACHINE_S):
            while not recorder.is_failing:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with world.work.begin() as tx:
            await tx.conn.execute(text("ALTER TABLE hidden RENAME TO stream_offsets"))
        async with asyncio.timeout(BUSY_MACHINE_S):
            while await world.stored() != [1]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert await world.stream.hold_lease(SITE, 0, "another", 1000)


class BreaksOff:
    """A ledger whose connection breaks when what it does is cancelled, as that of PostgreSQL does."""

    def __init__(self, ledger: Any) -> None:
        self._ledger, self.is_recording = ledger, asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def record(self, *_: Any) -> int:
        self.is_recording.set()
        try:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            raise OSError("The connection is closed.") from None


async def test_a_recorder_ends_when_its_end_breaks_a_connection(world: World) -> None:
    ledger = world.ledger = BreaksOff(world.ledger)  # type: ignore[assignment]
    await world.acknowledged(fix(1))
    task = asyncio.create_task(world.recorder().run())
    async with asyncio.timeout(BUSY_MACHINE_S):
        await ledger.is_recording.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await world.stream.hold_lease(SITE, 0, "another", 1000)


async def test_a_transaction_holds_as_many_fixes_as_the_database_lets_others_bear(world: World) -> None:
    dialect = world.work.engine.dialect.name
    for start in range(0, 2400, 400):
        await world.acknowledged(*[fix(seq) for seq in range(start, start + 400)])
    recorder = world.recorder(settings=msgspec.structs.replace(QUICK, rows=rows_at_once(dialect)))
    await recorder.load()
    assert (await recorder.step(), await recorder.step()) == (0, 2400)
    # The first version is the beginning of the stream.
    assert (await world.offset()).version == 1 + (2 if dialect == "sqlite" else 1)
    assert await world.stored() == list(range(2400))

"""Fixes are answered when and only when they are durable or refused, in whatever way the world fails meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from core.errors import Busy
from core.geo import LatLon, moved
from core.right_of_way import RightOfWay
from tests.doubles.fake_clock import FakeClock
from tests.doubles.fixed_ids import FixedIds
from tests.doubles.memory_positions import MemoryPositions
from tests.doubles.tracking_doubles import FixedGate, KeptCounts, KeptFeed
from tracking import books
from tracking.fix import Outcome, OutcomeError, RawFix, Reason, Sender
from tracking.fix_flow import FixFlow, FixFlowSettings
from visits.shift import Interval

pytestmark = pytest.mark.anyio
HERE = LatLon(31.2, 121.5)
HOUR_MS = 3_600_000


class World:
    """A fix flow with its neighbours; `offer` keeps the outcomes in order of arrival."""

    def __init__(self, clock: FakeClock, *, max_held: int = 50_000) -> None:
        self.clock, self.way = clock, RightOfWay()
        self.positions, self.gate = MemoryPositions(), FixedGate()
        self.feed, self.counts = KeptFeed(), KeptCounts()
        self.flow = FixFlow(
            self.positions, self.gate, self.feed, self.counts, clock, FixedIds(), FixFlowSettings(max_held=max_held),
            way=self.way,
        )  # fmt: skip
        self.outcomes: list[Outcome] = []

    def offer(self, *fixes: RawFix, sender: str = "t1", session_no: int = 0, sent_at_ms: int | None = None) -> None:
        who = Sender(f"d-{sender}", sender, "site", session_no, 7)
        self.flow.offer(who, list(fixes), batch_id=None, on_done=self.outcomes.append, sent_at_ms=sent_at_ms)

    def fix(self, seq: int, *, ago_ms: int = 0, metres: float = 0.0) -> RawFix:
        place = moved(HERE, 90.0, metres)
        return RawFix(seq=seq, at_ms=self.clock.now_ms() - ago_ms, lat=place.lat, lon=place.lon)

    async def settled(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0)

    def must_balance(self) -> None:
        sums = self.counts.sums
        assert sums[books.RECEIVED] == sums[books.REJECTED] + sums[books.APPENDED]
        assert sums[books.APPENDED] == len(self.positions.stored())


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    task = asyncio.create_task(world.flow.run())
    await world.settled()
    yield world
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_fix_is_stored_fed_and_answered(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(1))
        assert world.outcomes == []
        await world.settled()
        assert world.outcomes == [Outcome([1], [])]
        assert [fix.seq for fix in world.feed.fixes] == [1]
        world.must_balance()


async def test_one_bad_fix_among_forty_good_ones_costs_only_itself(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        good = [world.fix(seq, ago_ms=1000 * (40 - seq), metres=seq) for seq in range(40)]
        bad = RawFix(seq=99, at_ms=clock.now_ms(), lat=91.0, lon=0.0)
        world.offer(*good[:20], bad, *good[20:])
        await world.settled()
        assert world.outcomes == [Outcome(list(range(40)), [(99, Reason.OUT_OF_RANGE)])]
        assert len(world.feed.fixes) == 40
        world.must_balance()


async def test_a_frame_of_only_bad_fixes_is_answered_too(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(RawFix(seq=5, at_ms=0, lat=1.0, lon=1.0))
        assert world.outcomes == []
        await world.settled()
        assert world.outcomes == [Outcome([], [(5, Reason.IMPOSSIBLE_TIME)])]
        world.must_balance()


async def test_what_comes_while_a_write_is_under_way_is_the_next_batch(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(1))
        await world.settled()
        for number in range(30):
            world.offer(world.fix(number + 2, metres=number), sender="t1")
        await world.settled()
        assert world.positions.writes == [1, 30]


async def test_a_batch_is_answered_while_the_next_one_is_on_its_way(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        seen: list[tuple[int, int]] = []

        def begun() -> None:
            seen.append((len(world.positions.writes), len(world.outcomes)))
            world.positions.answers.clear()

        world.positions.on_write = begun
        world.offer(world.fix(1))
        await world.settled()
        for number in range(100):
            world.offer(world.fix(number, metres=number), sender=f"t{number}")
        world.positions.answers.set()
        await world.settled()
        # The second was sent off before anybody heard of the first; its own answer waits, and theirs did not.
        assert seen == [(0, 0), (1, 0)]
        assert world.outcomes == [Outcome([1], [])]
        world.positions.answers.set()
        await world.settled()
        assert len(world.outcomes) == 101
        world.must_balance()


async def test_fixes_wait_while_somebody_calls_for_help_and_go_together_afterwards(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        with world.way.taken():
            for number in range(100):
                world.offer(world.fix(number, metres=number), sender=f"t{number}")
            await world.settled()
            assert world.positions.writes == []
        await world.settled()
        assert world.positions.writes == [100]
        assert len(world.outcomes) == 100
        world.must_balance()


async def test_fixes_wait_half_a_second_at_most(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        with world.way.taken():
            world.offer(world.fix(1))
            await world.settled()
            await clock.advance(0.4)
            assert world.positions.writes == []
            await clock.advance(0.2)
            assert world.positions.writes == [1]


async def test_a_flood_of_presses_leaves_two_whole_batches_a_second(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        with world.way.taken():
            for number in range(1200):
                world.offer(world.fix(number, metres=number), sender=f"t{number}")
            for _ in range(2):
                await world.settled()
                await clock.advance(0.5)
            await world.settled()
            await world.settled()
            assert len(world.outcomes) == 1000
        await world.settled()
        world.must_balance()


async def test_a_press_comes_between_the_slices_of_a_large_batch(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        with world.way.taken():
            for number in range(200):
                world.offer(world.fix(number, metres=number), sender=f"t{number}")
            await world.settled()
        while not world.outcomes:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert len(world.outcomes) < 200
        with world.way.taken():
            answered = len(world.outcomes)
            await world.settled()
            assert len(world.outcomes) == answered
        await world.settled()
        assert len(world.outcomes) == 200
        world.must_balance()


async def test_a_batch_is_capped(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(0))
        await world.settled()
        for number in range(1200):
            world.offer(world.fix(number + 1))
        await world.settled()
        assert max(world.positions.writes) <= 500
        assert len(world.outcomes) == 1201


async def test_live_fixes_pass_a_backlog(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(0), sender="t2")
        world.offer(world.fix(0, ago_ms=2 * HOUR_MS), sender="t1")
        await world.settled()
        order: list[str] = []
        world.positions.on_write = lambda: order.append("write")
        for number in range(3):
            old = [world.fix(500 * number + seq, ago_ms=HOUR_MS - seq) for seq in range(500)]
            world.flow.offer(Sender("d1", "t1", "site", 0, 7), old, batch_id=None, on_done=lambda _: order.append("backlog"))
        world.flow.offer(Sender("d2", "t2", "site", 0, 7), [world.fix(9)], batch_id=None, on_done=lambda _: order.append("live"))
        await world.settled()
        assert order.index("live") <= 2
        assert order.count("backlog") == 3


async def test_a_late_fix_never_moves_the_marker_back(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(2))
        await world.settled()
        world.offer(world.fix(1, ago_ms=60_000, metres=500))
        await world.settled()
        assert [fix.seq for fix in world.feed.fixes] == [2]
        assert (await world.positions.last_known("site", ["t1"]))["t1"].seq == 2
        assert world.outcomes[1].stored == [1]


async def test_a_fix_from_before_the_shift_is_refused_and_one_from_during_it_is_stored_later(clock: FakeClock) -> None:
    world = World(clock)
    now_ms = clock.now_ms()
    world.gate.shifts["t1"] = (Interval(now_ms - HOUR_MS, now_ms - HOUR_MS // 2),)
    async with running(world):
        world.offer(world.fix(1, ago_ms=2 * HOUR_MS), world.fix(2, ago_ms=45 * 60_000), world.fix(3))
        await world.settled()
        assert world.outcomes == [Outcome([2], [(1, Reason.OFF_SHIFT), (3, Reason.OFF_SHIFT)])]
        world.must_balance()


async def test_nobody_is_refused_on_the_word_of_an_old_snapshot(clock: FakeClock) -> None:
    world = World(clock)
    world.gate.shifts["t1"] = ()
    async with running(world):
        world.offer(world.fix(1))
        await world.settled()
        assert world.outcomes[-1].refused == [(1, Reason.OFF_SHIFT)]
        world.gate.shifts["t1"] = (Interval(clock.now_ms()),)
        world.offer(world.fix(2))
        await world.settled()
        assert world.outcomes[-1].stored == [2]


async def test_a_closed_shift_counts_at_once_when_it_is_told(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(1))
        await world.settled()
        world.gate.shifts["t1"] = (Interval(0, clock.now_ms()),)
        world.flow.forget("t1")
        clock.move(5)
        world.offer(world.fix(2))
        await world.settled()
        assert world.outcomes[-1].refused == [(2, Reason.OFF_SHIFT)]


async def test_snapshots_are_read_again_in_the_background_and_not_per_fix(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        for number in range(50):
            world.offer(world.fix(number, metres=number))
            await world.settled()
        assert world.gate.reads == 1
        clock.move(11)
        world.offer(world.fix(60))
        await world.settled()
        assert world.gate.reads == 2


async def test_in_a_busy_hub_those_who_are_due_within_a_second_are_read_together(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        everybody = [f"t{number}" for number in range(1, 31)]
        for name in everybody:
            world.offer(world.fix(1), sender=name)
        await world.settled()
        world.gate.together.clear()
        clock.move(10)
        for seq, names in enumerate((everybody[:1], everybody[1:20], everybody[20:], everybody, everybody), start=2):
            for name in names:
                world.offer(world.fix(seq), sender=name)
                await world.settled()
            clock.move(0.5)
        # The first at once, those of each second after it with one read.
        assert world.gate.together == [1, 20, 9]
        assert not any(one.error for one in world.outcomes)


async def test_with_sql_away_known_technicians_go_on_for_a_minute_and_new_ones_wait(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(1))
        await world.settled()
        world.gate.away = True
        clock.move(30)
        world.offer(world.fix(2))
        world.offer(world.fix(1), sender="t2")
        await world.settled()
        assert {(tuple(one.stored), one.error) for one in world.outcomes} == {((1,), None), ((2,), None), ((), OutcomeError.BUSY)}
        clock.move(40)
        world.offer(world.fix(3))
        await world.settled()
        assert world.outcomes[-1].error is OutcomeError.BUSY
        world.gate.away = False
        world.offer(world.fix(3))
        await world.settled()
        assert world.outcomes[-1].stored == [3]
        world.must_balance()


async def test_a_lost_answer_is_asked_for_again_and_the_batch_counts_once(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.positions.lose_answers = 2
        world.offer(world.fix(1))
        await world.settled()
        assert world.outcomes == []
        await clock.advance(1)
        assert world.outcomes == [Outcome([1], [])]
        assert len(world.positions.stored()) == 1
        world.must_balance()


async def test_with_redis_away_nothing_is_acknowledged_and_all_are_told_to_wait(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(1))
        await world.settled()
        world.positions.away = True
        world.offer(world.fix(2))
        await world.settled()
        await clock.advance(5)
        assert world.outcomes[-1].error is OutcomeError.BUSY
        assert world.flow.is_away
        with pytest.raises(Busy):
            world.offer(world.fix(3))
        world.positions.away = False
        await clock.advance(1)
        assert not world.flow.is_away
        world.offer(world.fix(2), world.fix(3))
        await world.settled()
        assert world.outcomes[-1].stored == [2, 3]
        world.must_balance()


async def test_a_mark_is_not_moved_by_a_write_that_failed(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.offer(world.fix(1))
        await world.settled()
        world.positions.away = True
        clock.move(1)
        retried = world.fix(2, metres=10)
        world.offer(retried)
        await world.settled()
        await clock.advance(5)
        world.positions.away = False
        await clock.advance(1)
        world.offer(retried)
        await world.settled()
        assert [fix.seq for fix in world.feed.fixes] == [1, 2]


async def test_a_full_stream_sends_fixes_back(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        world.positions._stream_bytes = 0
        world.offer(world.fix(1))
        await world.settled()
        world.offer(world.fix(2))
        await world.settled()
        assert [one.error for one in world.outcomes] == [None, OutcomeError.BUSY]
        world.must_balance()


async def test_an_older_connection_is_told_that_it_is_superseded(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        old = await world.positions.take_fence("site", "t1", "d-t1")
        new = await world.positions.take_fence("site", "t1", "d-t1")
        world.offer(world.fix(1), session_no=old)
        world.offer(world.fix(1), session_no=new)
        await world.settled()
        assert [one.error for one in world.outcomes] == [OutcomeError.SUPERSEDED, None]
        assert len(world.positions.stored()) == 1
        world.must_balance()


async def test_more_than_can_be_held_is_refused_at_the_door(clock: FakeClock) -> None:
    async with running(World(clock, max_held=10)) as world:
        world.offer(*[world.fix(seq) for seq in range(10)])
        with pytest.raises(Busy):
            world.offer(world.fix(11))
        await world.settled()
        world.offer(world.fix(11))
        await world.flow.drained()
        assert len(world.outcomes) == 2


async def test_a_failing_callback_or_feed_stops_nobody_else(clock: FakeClock) -> None:
    def burst(_: object) -> None:
        raise RuntimeError("its own fault")

    async with running(World(clock)) as world:
        world.feed.feed = burst  # type: ignore[method-assign]
        failing: Callable[[Outcome], None] = burst
        world.flow.offer(Sender("d2", "t2", "site", 0, 7), [world.fix(1)], batch_id=None, on_done=failing)
        world.offer(world.fix(1))
        await world.settled()
        assert world.outcomes == [Outcome([1], [])]


async def test_a_clock_two_hours_off_is_corrected_by_sent_at(clock: FakeClock) -> None:
    async with running(World(clock)) as world:
        ahead = clock.now_ms() + 2 * HOUR_MS
        world.offer(RawFix(seq=1, at_ms=ahead - 1000, lat=31.2, lon=121.5), sent_at_ms=ahead)
        await world.settled()
        [fix] = world.feed.fixes
        assert (fix.at_ms, fix.device_at_ms) == (clock.now_ms() - 1000, ahead - 1000)


async def test_a_crash_of_the_flow_answers_everybody(clock: FakeClock) -> None:
    world = World(clock)
    async with running(world):
        world.gate.away = False
        world.positions.away = True
        world.offer(world.fix(1))
        await asyncio.sleep(0)
    assert [one.error for one in world.outcomes] == [OutcomeError.BUSY]
    assert world.flow.held == 0


async def test_an_end_between_two_batches_answers_everybody_once_and_the_next_run_goes_on(clock: FakeClock) -> None:
    world = World(clock)
    async with running(world):
        world.positions.on_write = world.positions.answers.clear
        for number in range(100):
            world.offer(world.fix(number, metres=number), sender=f"t{number}")
        await world.settled()
        world.offer(world.fix(1000))
        world.positions.answers.set()
        while not world.outcomes:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert (world.positions.writes, len(world.outcomes)) == ([100, 1], 64)
    assert (len(world.outcomes), world.flow.held) == (101, 0)
    world.positions.on_write = None
    world.positions.answers.set()
    async with running(world):
        world.offer(world.fix(1001))
        await world.settled()
        assert world.outcomes[101:] == [Outcome([1001], [])]

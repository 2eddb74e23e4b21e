"""The seams of core on the real databases: unit of work, aware times, timers, counters, idempotent answers."""

import asyncio
import contextlib
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import event, select, text

from core.errors import BadInput, Conflict
from core.right_of_way import RightOfWay
from core.sql import GIVEN_BACK_S, open_engine
from core.sql_counters import last_number, next_number
from core.sql_idempotency import SqlIdempotencyStore
from core.sql_timers import SqlTimers
from core.tables import timers as timers_table
from core.timers import Timer
from core.timers_flow import TimersFlow
from core.turns import URGENT_TURNS
from core.unit_of_work import POSTGRES_WRITERS, UnitOfWork

pytestmark = pytest.mark.anyio


async def test_what_fails_is_rolled_back_and_pokes_nobody(work, clock):
    poked = []
    with pytest.raises(RuntimeError):
        async with work.begin() as tx:
            tx.after_commit(lambda: poked.append(1))
            await SqlTimers(work).set(tx, Timer(kind="k", subject="s", due_at=clock.now()))
            raise RuntimeError
    assert await SqlTimers(work).next_due_at() is None
    assert poked == []


async def test_pokes_run_after_the_commit_and_a_failing_one_harms_nothing(work, clock):
    seen = []

    async def look():
        seen.append(await SqlTimers(work).next_due_at())

    async with work.begin() as tx:
        await SqlTimers(work).set(tx, Timer(kind="k", subject="s", due_at=clock.now()))
        tx.after_commit(lambda: 1 / 0)
        tx.after_commit(look)

    assert seen == [clock.now()]


async def test_an_urgent_writer_goes_before_waiting_ones(work):
    order = []

    async def write(name, *, urgent=False):
        async with work.begin(urgent=urgent):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group, work.begin():
        for name in ("a", "b"):
            group.create_task(write(name))
        await asyncio.sleep(0)
        group.create_task(write("tap", urgent=True))
        await asyncio.sleep(0)
    if work.engine.dialect.name == "sqlite":
        assert order == ["tap", "a", "b"]
    else:
        assert sorted(order) == ["a", "b", "tap"]


async def test_a_stream_of_urgent_writers_leaves_the_others_a_turn(work):
    order = []

    async def write(name, *, urgent):
        async with work.begin(urgent=urgent):
            order.append(name)

    async with asyncio.TaskGroup() as group, contextlib.AsyncExitStack() as stack:
        for _ in range(1 if work.engine.dialect.name == "sqlite" else POSTGRES_WRITERS):
            await stack.enter_async_context(work.begin())
        group.create_task(write("answer", urgent=False))
        for _ in range(4 * URGENT_TURNS):
            group.create_task(write("tap", urgent=True))
        await asyncio.sleep(0)

    assert order[0] == "tap"
    assert order.index("answer") <= 2 * URGENT_TURNS + POSTGRES_WRITERS


async def test_an_urgent_writer_has_the_right_of_way_until_its_pokes_have_run(work):
    way = RightOfWay()
    held = UnitOfWork(work.engine, way)
    seen = []
    async with held.begin(urgent=True) as tx:
        tx.after_commit(lambda: seen.append(way.is_free))
        assert not way.is_free
    assert seen == [False]
    assert way.is_free
    async with held.begin():
        assert way.is_free


async def test_another_processes_writer_gets_in_between_those_of_a_busy_one(work):
    """Two engines stand for two processes: neither knows of the other's turns."""
    other = UnitOfWork(open_engine(work.engine.url.render_as_string(hide_password=False)))
    ended, passed, presses = asyncio.Event(), [], 20

    async def busy():
        while not ended.is_set():
            async with work.begin() as tx:
                for _ in range(10):
                    await next_number(tx, "busy")
            passed.append(1)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(busy())
        for number in range(presses):
            async with other.begin(urgent=True) as tx:
                await next_number(tx, f"press-{number}")
            await asyncio.sleep(0)
        ended.set()
    await other.engine.dispose()

    assert len(passed) <= 4 * presses


async def test_a_cancelled_waiter_does_not_keep_the_turn(work):
    async def write():
        async with work.begin():
            pass

    async with work.begin():
        waiting = asyncio.create_task(write())
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5):
        await write()


async def test_an_instant_comes_back_as_the_same_instant_in_utc(work):
    at = datetime(2026, 3, 2, 17, 0, tzinfo=timezone(timedelta(hours=8)))
    async with work.begin() as tx:
        await SqlTimers(work).set(tx, Timer(kind="k", subject="s", due_at=at))
    async with work.read() as tx:
        found = (await tx.conn.execute(select(timers_table.c.due_at).where(timers_table.c.due_at == at))).scalar_one()

    assert found == at
    assert found.utcoffset() == timedelta(0)


async def test_a_naive_time_is_refused(work):
    with pytest.raises(Exception, match="no zone"):
        async with work.begin() as tx:
            await SqlTimers(work).set(tx, Timer(kind="k", subject="s", due_at=datetime(2026, 3, 2)))  # noqa: DTZ001


async def test_whether_a_connection_lives_is_asked_in_one_way_there_and_back(postgres_url):
    asked, engine = [], open_engine(postgres_url)
    async with engine.connect():  # SQLAlchemy asks its first connection more
        event.listen(engine.sync_engine, "connect", lambda opened, _: opened.driver_connection.add_query_logger(asked.append))
        async with engine.connect() as conn:
            await conn.get_raw_connection()
    await engine.dispose()

    assert [each.query for each in asked] == ["SELECT 1"]


async def test_a_connection_that_died_while_it_rested_is_given_to_nobody(postgres_url):
    engine = open_engine(postgres_url)
    async with engine.connect() as conn:
        resting = await conn.get_raw_connection()
        info, died = resting.info, resting.driver_connection
    info[GIVEN_BACK_S] = 0.0
    died.terminate()
    async with engine.connect() as conn:
        assert (await conn.execute(text("SELECT 1"))).scalar_one() == 1
    await engine.dispose()


async def test_two_workers_never_claim_one_timer(work, clock):
    timers = SqlTimers(work)
    async with work.begin() as tx:
        for number in range(20):
            await timers.set(tx, Timer(kind="k", subject=str(number), due_at=clock.now()))
    one, two = await asyncio.gather(timers.claim_due(clock.now(), 15, 30), timers.claim_due(clock.now(), 15, 30))

    claimed = [timer.subject for timer in (*one, *two)]
    assert len(claimed) == len(set(claimed))
    rest = await timers.claim_due(clock.now(), 50, 30)
    assert len(claimed) + len(rest) == 20


async def test_a_timer_of_a_dead_worker_fires_again_after_its_lease(work, clock):
    timers = SqlTimers(work)
    async with work.begin() as tx:
        await timers.set(tx, Timer(kind="k", subject="s", due_at=clock.now()))
    await timers.claim_due(clock.now(), 10, 30)

    assert await timers.claim_due(clock.now(), 10, 30) == []
    clock.move(31)
    (again,) = await timers.claim_due(clock.now(), 10, 30)
    assert again.attempts == 2


async def test_a_timer_moved_while_its_handler_runs_survives_the_handler(work, clock):
    timers = SqlTimers(work)
    async with work.begin() as tx:
        await timers.set(tx, Timer(kind="k", subject="s", due_at=clock.now()))
    (claimed,) = await timers.claim_due(clock.now(), 10, 30)
    later = clock.now() + timedelta(hours=1)
    async with work.begin() as tx:
        await timers.set(tx, Timer(kind="k", subject="s", due_at=later, payload={"round": 2}))
    await timers.done([claimed])

    assert await timers.next_due_at() == later


async def test_a_timer_cancelled_and_set_again_survives_a_worker_that_wakes_late(work, clock):
    timers = SqlTimers(work)
    async with work.begin() as tx:
        await timers.set(tx, Timer(kind="k", subject="s", due_at=clock.now()))
    (claimed,) = await timers.claim_due(clock.now(), 10, 30)
    later = clock.now() + timedelta(hours=1)
    async with work.begin() as tx:
        await timers.cancel(tx, "k", "s")
        await timers.set(tx, Timer(kind="k", subject="s", due_at=later))
    await timers.done([claimed])

    assert await timers.next_due_at() == later


async def test_a_failing_handler_loses_nothing_and_stops_nobody(work, clock):
    timers = SqlTimers(work)
    fired = []
    flow = TimersFlow(timers, clock)

    async def fail(timer):
        raise RuntimeError

    async def note(timer):
        fired.append(timer.subject)

    flow.handle("bad", fail)
    flow.handle("good", note)
    async with work.begin() as tx:
        await timers.set(tx, Timer(kind="bad", subject="b", due_at=clock.now()))
        await timers.set(tx, Timer(kind="good", subject="g", due_at=clock.now()))
    await flow.run_once()

    assert fired == ["g"]
    clock.move(31)
    (left,) = await timers.claim_due(clock.now(), 10, 30)
    assert left.kind == "bad"


async def test_a_handler_that_hangs_holds_up_no_timer_that_comes_due_after_it(work, clock):
    timers = SqlTimers(work)
    flow = TimersFlow(timers, clock)
    has_begun, has_fired = asyncio.Event(), asyncio.Event()

    async def hang(timer):
        has_begun.set()
        await asyncio.Event().wait()

    async def note(timer):
        has_fired.set()

    flow.handle("hangs", hang)
    flow.handle("good", note)
    running = asyncio.create_task(flow.run())
    try:
        async with asyncio.timeout(5):
            for kind, what in (("hangs", has_begun), ("good", has_fired)):
                async with work.begin() as tx:
                    await timers.set(tx, Timer(kind=kind, subject="s", due_at=clock.now()))
                flow.wake()
                await what.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_numbers_follow_the_order_of_commits_without_holes(work):
    async def take():
        async with work.begin() as tx:
            return await next_number(tx, "incidents:demo")

    taken = await asyncio.gather(*(take() for _ in range(10)))
    with pytest.raises(RuntimeError):
        async with work.begin() as tx:
            await next_number(tx, "incidents:demo")
            raise RuntimeError

    assert sorted(taken) == list(range(1, 11))
    async with work.read() as tx:
        assert await last_number(tx, "incidents:demo") == 10


async def test_a_repeated_key_gets_the_first_answer_and_a_reused_one_is_refused(work, clock):
    store = SqlIdempotencyStore(work, clock)

    assert await store.begin("api:1", "k", "f" * 64) is None
    with pytest.raises(Conflict):
        await store.begin("api:1", "k", "f" * 64)
    await store.finish("api:1", "k", 201, b"{}")
    assert await store.begin("api:1", "k", "f" * 64) == (201, b"{}")
    with pytest.raises(BadInput):
        await store.begin("api:1", "k", "e" * 64)
    assert await store.begin("api:2", "k", "e" * 64) is None


async def test_an_answer_lost_with_its_worker_is_carried_out_anew(work, clock):
    store = SqlIdempotencyStore(work, clock)
    await store.begin("api:1", "k", "f" * 64)
    clock.move(61)

    assert await store.begin("api:1", "k", "f" * 64) is None


async def test_a_burst_of_writers_far_beyond_the_pool_is_served_without_a_refusal(work):
    async def take():
        async with work.begin(urgent=True) as tx:
            return await next_number(tx, "burst")

    taken = await asyncio.gather(*(take() for _ in range(200)))

    assert sorted(taken) == list(range(1, 201))


async def test_a_reading_is_one_snapshot(work, clock):
    async with work.read() as tx:
        assert (await tx.conn.execute(select(timers_table.c.kind))).all() == []
        async with work.begin() as writing:
            await SqlTimers(work).set(writing, Timer(kind="k", subject="s", due_at=clock.now()))
        assert (await tx.conn.execute(select(timers_table.c.kind))).all() == []
    async with work.read() as tx:
        assert (await tx.conn.execute(select(timers_table.c.kind))).all() == [("k",)]

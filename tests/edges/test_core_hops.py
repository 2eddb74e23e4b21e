"""Which statements leave the event loop's thread, and who waits for whom? The driver of SQLite, on a real file."""

import asyncio
from itertools import pairwise
from time import perf_counter

import pytest
from sqlalchemy import select, text

from core.sql import open_engine
from core.sql_timers import SqlTimers
from core.tables import timers as timers_table
from core.timers import Timer
from core.unit_of_work import UnitOfWork

pytestmark = pytest.mark.anyio
COUNT_UP = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n"


@pytest.fixture
async def on_sqlite(tmp_path):
    """A file whose only table is that of the timers, with one connection open and its statements known."""
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    async with engine.begin() as conn:
        await conn.run_sync(timers_table.create)
    work = UnitOfWork(engine)
    await _looked(work, brief=True)
    yield work
    await engine.dispose()


async def has_waited(coroutine):
    """Run a coroutine; tell whether the event loop had a turn meanwhile."""
    turns = []
    turn = asyncio.get_running_loop().call_soon(turns.append, 1)
    await coroutine
    turn.cancel()
    return bool(turns)


async def _looked(work, *, brief):
    async with work.read(brief=brief) as tx:
        return (await tx.conn.execute(select(timers_table.c.kind))).all()


async def test_a_brief_reading_takes_no_turn_of_the_loop_and_another_one_does(on_sqlite):
    assert not await has_waited(_looked(on_sqlite, brief=True))
    assert await has_waited(_looked(on_sqlite, brief=False))


async def test_between_its_beginning_and_its_commit_a_writer_takes_no_turn(on_sqlite, clock):
    timer = Timer(kind="k", subject="s", due_at=clock.now())

    async def written_twice(tx):
        await SqlTimers(on_sqlite).set(tx, timer)
        await SqlTimers(on_sqlite).cancel(tx, "k", "other")

    async with on_sqlite.begin() as tx:
        assert not await has_waited(written_twice(tx))
    assert await _looked(on_sqlite, brief=False) == [("k",)]


async def test_a_writer_begins_at_once_where_nobody_writes_and_else_waits_without_holding_the_loop(on_sqlite, clock):
    async def begun(work, entered, leave):
        async with work.begin() as tx:
            entered.set()
            await leave.wait()
            await SqlTimers(work).set(tx, Timer(kind="k", subject="s", due_at=clock.now()))

    leave, entered = asyncio.Event(), [asyncio.Event(), asyncio.Event()]
    other = UnitOfWork(open_engine(str(on_sqlite.engine.url)))  # has a queue of its own, as another process has
    await _looked(other, brief=True)
    writing = [asyncio.create_task(begun(on_sqlite, entered[0], leave))]
    await asyncio.sleep(0)
    assert entered[0].is_set()

    writing.append(asyncio.create_task(begun(other, entered[1], leave)))
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not entered[1].is_set()
    leave.set()
    await asyncio.gather(*writing)
    await other.engine.dispose()


async def test_a_writer_of_the_ledger_leaves_the_loop_free(tmp_path):
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/test.db", durability="normal")
    async with UnitOfWork(engine).begin() as tx:
        assert await has_waited(tx.conn.execute(text("SELECT 1")))
    await engine.dispose()


async def test_a_failing_statement_that_stays_says_why_and_leaves_the_connection_usable(on_sqlite):
    with pytest.raises(Exception, match="no such table"):
        async with on_sqlite.read(brief=True) as tx:
            await tx.conn.execute(text("SELECT 1 FROM nowhere"))
    assert await _looked(on_sqlite, brief=True) == []


async def test_a_cancelled_statement_holds_up_neither_the_loop_nor_the_next_writer(on_sqlite, clock):
    async def count():
        async with on_sqlite.read() as tx:
            await tx.conn.execute(text(COUNT_UP))

    counting = asyncio.ensure_future(count())
    for _ in range(1_000):  # until the thread is at it: it counts for the better part of a second
        await asyncio.sleep(0)
    counting.cancel()
    moments = [perf_counter()]
    while not counting.done():
        await asyncio.sleep(0)
        moments.append(perf_counter())
    assert counting.cancelled()
    longest = max(after - before for before, after in pairwise(moments))
    assert longest < (moments[-1] - moments[0]) / 2, "the loop stood still until the statement had ended"
    async with on_sqlite.begin() as tx:
        await SqlTimers(on_sqlite).set(tx, Timer(kind="k", subject="s", due_at=clock.now()))
    assert await _looked(on_sqlite, brief=True) == [("k",)]


async def test_readers_see_one_snapshot_while_a_writer_commits(on_sqlite, clock):
    async with on_sqlite.read(brief=True) as before:
        assert (await before.conn.execute(select(timers_table.c.kind))).all() == []
        async with on_sqlite.begin() as tx:
            await SqlTimers(on_sqlite).set(tx, Timer(kind="k", subject="s", due_at=clock.now()))
        assert (await before.conn.execute(select(timers_table.c.kind))).all() == []
    assert await _looked(on_sqlite, brief=True) == [("k",)]

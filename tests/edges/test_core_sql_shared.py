"""Urgent writers of one SQLite file are committed together, and each is on its own all the same."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.sql import open_engine
from core.sql_shared import MOST_JOIN
from core.unit_of_work import UnitOfWork

pytestmark = pytest.mark.anyio
PARENT = "CREATE TABLE parent (id INTEGER PRIMARY KEY)"
SAID = "CREATE TABLE said (name TEXT PRIMARY KEY, parent_id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"


class Book:
    """A file with a table of what was said, and how often it was committed."""

    def __init__(self, engine):
        self.work = UnitOfWork(engine)
        self.commits = 0
        event.listen(engine.sync_engine, "commit", self._count)

    def _count(self, _):
        self.commits += 1

    async def say(self, name, *, urgent=True, meanwhile=None, parent=None):
        async with self.work.begin(urgent=urgent) as tx:
            await tx.conn.execute(text("INSERT INTO said VALUES (:name, :parent)"), {"name": name, "parent": parent})
            if meanwhile is not None:
                await meanwhile()

    async def read(self):
        async with self.work.read() as tx:
            return set((await tx.conn.execute(text("SELECT name FROM said"))).scalars())


async def opened(path):
    engine = open_engine(f"sqlite+aiosqlite:///{path}/book.db")
    async with engine.begin() as conn:
        for table in (PARENT, SAID):
            await conn.execute(text(table))
    return Book(engine)


@pytest.fixture
async def book(tmp_path):
    book = await opened(tmp_path)
    yield book
    await book.work.engine.dispose()


async def turns(count=3):
    """Let whoever can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def failing():
    raise RuntimeError


async def together(*writers):
    """Return what became of writers of whom the first one lasts until the others wait."""
    return await asyncio.gather(*writers, return_exceptions=True)


async def said_while_held(book, names, **options):
    """Let all of `names` wait behind a first writer, who is urgent; return what became of them."""
    async with book.work.begin(urgent=True):
        waiting = [asyncio.create_task(book.say(name, **options)) for name in names]
        await turns()
        book.commits = 0
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_those_who_wait_are_committed_with_the_one_they_waited_for(book):
    names = [f"tap-{number}" for number in range(MOST_JOIN)]
    assert await said_while_held(book, names) == [None] * MOST_JOIN
    assert (book.commits, await book.read()) == (1, set(names))


async def test_a_group_has_an_end(book):
    names = [f"tap-{number}" for number in range(3 * MOST_JOIN)]
    await said_while_held(book, names)
    assert (book.commits, await book.read()) == (3, set(names))


async def test_ordinary_writers_join_nobody_and_may_be_joined(book):
    async with book.work.begin(urgent=False):
        waiting = [asyncio.create_task(book.say(name, urgent=name == "tap")) for name in ("letter", "tap", "other")]
        await turns()
        book.commits = 0
    await asyncio.gather(*waiting)
    assert (book.commits, await book.read()) == (3, {"letter", "tap", "other"})


async def test_nobody_hears_of_a_commit_before_it(book):
    seen = []

    async def press():
        async with book.work.begin(urgent=True) as tx:
            tx.after_commit(lambda: seen.append("poke"))
        seen.append("receipt")

    event.listen(book.work.engine.sync_engine, "commit", lambda _: seen.append("commit"))
    async with book.work.begin(urgent=True):
        waiting = [asyncio.create_task(press()) for _ in range(3)]
        await turns()
    await asyncio.gather(*waiting)
    assert seen[0] == "commit"
    assert seen.count("commit") == 1
    assert seen.count("receipt") == seen.count("poke") == 3


async def test_who_fails_is_undone_alone(book):
    async with book.work.begin(urgent=True) as tx:
        await tx.conn.execute(text("INSERT INTO said VALUES ('first', NULL)"))
        waiting = [
            asyncio.create_task(each)
            for each in (book.say("before"), book.say("fails", meanwhile=failing), book.say("before"), book.say("after"))
        ]
        await turns()
        book.commits = 0
    before, failed, repeated, after = await asyncio.gather(*waiting, return_exceptions=True)
    assert (before, after) == (None, None)
    assert isinstance(failed, RuntimeError)
    assert isinstance(repeated, IntegrityError)
    assert (book.commits, await book.read()) == (1, {"first", "before", "after"})


async def test_a_first_one_who_fails_takes_nobody_along(book):
    with pytest.raises(RuntimeError):
        async with book.work.begin(urgent=True) as tx:
            waiting = asyncio.create_task(book.say("tap"))
            await turns()
            await tx.conn.execute(text("INSERT INTO said VALUES ('first', NULL)"))
            raise RuntimeError
    await waiting
    assert await book.read() == {"tap"}


async def test_a_commit_that_fails_fails_for_all_and_the_next_one_works(book):
    # The missing parent is found at the commit: the writer itself has gone before.
    first, orphan, tap = await together(book.say("first", meanwhile=turns), book.say("orphan", parent=7), book.say("tap"))
    assert all(isinstance(each, IntegrityError) for each in (first, orphan, tap))
    assert await book.read() == set()
    await book.say("again")
    assert await book.read() == {"again"}


async def test_where_sqlite_gave_up_all_of_it_whoever_was_in_it_is_told_and_nobody_joins_it(book):
    """As after a full disk: then there is no savepoint to go back to."""

    async def ruin():
        async with book.work.begin(urgent=True) as tx:
            await tx.conn.exec_driver_sql("ROLLBACK")
            raise RuntimeError

    first, ruined, after = await together(book.say("first", meanwhile=turns), ruin(), book.say("after"))
    assert isinstance(ruined, RuntimeError)
    assert isinstance(first, DBAPIError)
    assert after is None
    assert await book.read() == {"after"}


async def test_who_is_cancelled_inside_is_undone_alone(book):
    inside = asyncio.Event()

    async def stay():
        inside.set()
        await asyncio.Event().wait()

    first, cancelled, after = (
        asyncio.create_task(each)
        for each in (book.say("first", meanwhile=turns), book.say("cancelled", meanwhile=stay), book.say("after"))
    )
    await inside.wait()
    cancelled.cancel()
    assert await together(first, after) == [None, None]
    assert cancelled.cancelled()
    assert await book.read() == {"first", "after"}


async def test_a_first_one_cancelled_after_its_last_word_is_written_with_the_others(book):
    stays = asyncio.Event()
    first = asyncio.create_task(book.say("first", meanwhile=stays.wait))
    await turns()
    second = asyncio.create_task(book.say("second", meanwhile=asyncio.Event().wait))
    third = asyncio.create_task(book.say("third"))
    await turns()
    stays.set()
    await turns(6)
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert first.cancelled()
    assert second.cancelled()
    assert third.exception() is None
    assert await book.read() == {"first", "third"}


async def test_who_is_cancelled_as_it_is_let_in_leaves_the_door_open_for_the_next(book):
    async with book.work.begin(urgent=True):
        gone, waits = (asyncio.create_task(book.say(name)) for name in ("gone", "waits"))
        await turns()
    # It was let in when the first one left, and has had no turn since.
    gone.cancel()
    await asyncio.gather(gone, waits, return_exceptions=True)
    assert "waits" in await book.read()
    async with asyncio.timeout(5):
        await book.say("later", urgent=False)


WRITERS = st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from(["ends", "fails", "is cancelled"]), st.integers(0, 12))


@given(st.lists(WRITERS, max_size=14))
async def test_whatever_happens_is_written_what_was_said_to_be_and_nothing_that_failed(tmp_path_factory, story):
    """Writers that are urgent or not, take some turns, and end, fail, or are cancelled after some."""
    book = await opened(tmp_path_factory.mktemp("story"))
    try:
        async with asyncio.timeout(30):
            writers, cancels = [], []
            for number, (urgent, lasts, ending, after) in enumerate(story):

                async def meanwhile(lasts=lasts, ending=ending):
                    await turns(lasts)
                    if ending == "fails":
                        raise RuntimeError

                writers.append(asyncio.create_task(book.say(str(number), urgent=urgent, meanwhile=meanwhile)))
                if ending == "is cancelled":
                    cancels.append(asyncio.create_task(cancelled_after(writers[-1], after)))
            results = await asyncio.gather(*writers, return_exceptions=True)
            await asyncio.gather(*cancels)
            said = await book.read()
            await book.say("last", urgent=False)
    finally:
        await book.work.engine.dispose()
    for number, (result, (_, _, ending, _)) in enumerate(zip(results, story, strict=True)):
        if result is None:
            assert str(number) in said
        elif ending == "fails":
            assert str(number) not in said
        else:
            assert ending == "is cancelled"  # before or after its commit


async def cancelled_after(writer, after):
    await turns(after)
    writer.cancel()

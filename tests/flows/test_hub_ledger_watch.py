"""Health names fixes that are not being recorded, whoever should record them, and for an hour those that were lost."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest

from core.errors import Unavailable
from core.ids import SiteId
from hub.ledger_watch import STILL_S, TOLD_S, LedgerWatch
from tracking.ledger import Offset, StreamState

pytestmark = pytest.mark.anyio

SITE = SiteId("site")


class Books:
    """SQL and Redis as this watch reads them: one shard's `offset` and `state`."""

    def __init__(self) -> None:
        self.offset_now = Offset(site_id=SITE, shard=0, version=1, epoch="e", total=10)
        self.state_now = StreamState("e", 10, "1-1")
        self.is_away = False

    @contextlib.asynccontextmanager
    async def read(self):
        if self.is_away:
            raise Unavailable
        yield SimpleNamespace()

    async def offset(self, _tx, _site_id, _shard):
        return self.offset_now

    async def state(self, _site_id, _shard):
        return self.state_now

    async def shards(self):
        return [(SITE, 0)]

    def records(self, **changes: object) -> None:
        values = {name: getattr(self.offset_now, name) for name in Offset.__struct_fields__}
        self.offset_now = Offset(**{**values, "version": self.offset_now.version + 1, **changes})


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def watch(books, clock):
    return LedgerWatch(books, books, books, books.shards, clock)


async def looked(watch, clock, seconds: float) -> str | None:
    """Look, let time pass, look again; return what health says then."""
    await watch.look()
    await clock.advance(seconds)
    await watch.look()
    return await watch.behind()


async def test_nothing_is_behind_when_nothing_waits(watch, clock):
    assert await looked(watch, clock, STILL_S * 10) is None


async def test_fixes_that_wait_while_the_books_stand_still_are_named(watch, books, clock):
    books.state_now = StreamState("e", 25, "2-1")

    assert await looked(watch, clock, STILL_S - 1) is None
    assert "site/0" in (await looked(watch, clock, 2) or "")


async def test_a_recorder_that_is_slow_but_moves_is_no_fault(watch, books, clock):
    books.state_now = StreamState("e", 10_000, "2-1")
    for total in range(11, 15):
        books.records(total=total)
        assert await looked(watch, clock, STILL_S - 1) is None


async def test_it_is_good_again_once_everything_is_recorded(watch, books, clock):
    books.state_now = StreamState("e", 25, "2-1")
    assert await looked(watch, clock, STILL_S + 1) is not None
    books.records(total=25)

    assert await looked(watch, clock, 0) is None


async def test_a_stream_of_another_life_that_nobody_begins_is_named(watch, books, clock):
    books.state_now = StreamState("another", 3, "1-1")

    assert await looked(watch, clock, STILL_S + 1) is not None


async def test_books_that_cannot_be_read_are_a_fault_of_their_own(watch, books, clock):
    await watch.look()
    books.is_away = True
    with pytest.raises(Unavailable):
        await watch.look()
    assert "does not tell" in (await watch.behind() or "")
    books.is_away = False

    assert await looked(watch, clock, 0) is None


async def test_a_look_under_way_is_no_fault_until_it_takes_long(books, clock):
    going_on = asyncio.Event()

    async def shards():
        await going_on.wait()
        return await books.shards()

    watch = LedgerWatch(books, books, books, shards, clock)
    looking = asyncio.create_task(watch.look())
    await asyncio.sleep(0)
    assert await watch.behind() is None
    await clock.advance(STILL_S)
    assert "does not tell" in (await watch.behind() or "")
    going_on.set()
    await looking

    assert await watch.behind() is None


async def test_a_loss_is_told_for_an_hour_and_what_was_lost_before_is_the_past(watch, books, clock):
    books.records(lost=100, restarts=1)
    await watch.look()
    assert await watch.lost() is None
    books.records(lost=107, restarts=2)
    await watch.look()
    told = await watch.lost()
    await clock.advance(TOLD_S + 1)

    assert told is not None
    assert "broke off 1 times" in told
    assert "at least 7 " in told
    assert await watch.lost() is None


async def test_of_two_shards_the_one_that_is_not_recorded_is_named_and_the_other_is_not(clock):
    books = Books()
    idle, busy = (Offset(site_id=SITE, shard=shard, version=1, epoch="e", total=10) for shard in range(2))
    offsets, totals = {0: idle, 1: busy}, {0: 10, 1: 25}

    async def offset(_tx, _site_id, shard):
        return offsets[shard]

    async def state(_site_id, shard):
        return StreamState("e", totals[shard], "1-1")

    async def shards():
        return [(SITE, 0), (SITE, 1)]

    watch = LedgerWatch(books, SimpleNamespace(offset=offset), SimpleNamespace(state=state), shards, clock)
    told = await looked(watch, clock, STILL_S + 1)

    assert told is not None
    assert "site/1" in told
    assert "site/0" not in told

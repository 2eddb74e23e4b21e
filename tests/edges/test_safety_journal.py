"""The journal on a real disk, and the door before SQL: no acknowledged tap is lost while SQL is away."""

import asyncio
import contextlib
import errno
import os
import stat

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attempt import within
from core.errors import NotFound, Unavailable
from core.key_ring import KeyRing
from hub.part import Part
from hub.settings import load
from hub.wiring import wire
from safety.file_journal import FileJournal, JournalFull
from safety.flood import FLOOD_OF
from safety.journal import FILE_BYTES, RecordKind, encoded, records
from safety.sos_tap import Receipt
from safety.tap_door_flow import COMMIT_WITHIN_S, MERGE_WITHIN_S, TapDoor
from tests.doubles.fake_clock import START
from tests.doubles.safety_ports import safety_on
from tests.edges.test_safety_tap import TAP, get

pytestmark = pytest.mark.anyio


def tap(number):
    return msgspec.structs.replace(TAP, tap_id=f"tap-{number}")


@pytest.fixture
def journal(tmp_path, key_ring):
    opened = FileJournal(tmp_path / "journal", key_ring)
    opened.open()
    yield opened
    opened.close()


class Sql:
    """Meets `TapRaiser`: a database that answers, hangs, or refuses."""

    def __init__(self, clock, mood="answers"):
        self.clock, self.mood, self.raised = clock, mood, []

    async def raise_sos(self, pressed):
        if self.mood == "hangs":
            await asyncio.Event().wait()
        if self.mood == "breaks":
            raise ConnectionError("gone")
        if self.mood == "refuses":
            raise NotFound("no such visit")
        self.raised.append(pressed)
        return Receipt(tap_id=pressed.tap_id, incident_id=pressed.incident_id, status="received", at=self.clock.now())


async def pressed(door, clock, a_tap):
    task = asyncio.create_task(door.raise_sos(a_tap))
    for _ in range(200):
        await asyncio.sleep(0)
        await clock.wake_next()
        if task.done():
            break
    return await task


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 400))
def test_a_torn_file_gives_every_record_before_the_tear(payloads, cut):
    content = b"".join(encoded(RecordKind.TAP, payload) for payload in payloads)
    found = [record.payload for record in records(content[:cut] + bytes(50))]

    assert found == payloads[: len(found)]
    assert [record.payload for record in records(content + bytes(50))] == payloads


async def test_while_sql_answers_the_journal_stays_empty(journal, clock):
    receipt = await TapDoor(Sql(clock), journal, None, clock).raise_sos(TAP)

    assert receipt.status == "received"
    assert journal.unmerged() == ()


@pytest.mark.parametrize("mood", ["hangs", "breaks"])
async def test_with_sql_away_the_receipt_says_journaled_and_a_new_worker_finds_the_tap(tmp_path, key_ring, clock, mood):
    first = FileJournal(tmp_path, key_ring)
    first.open()
    door = TapDoor(Sql(clock, mood), first, None, clock)
    receipt = await pressed(door, clock, TAP)
    first.close()
    second = FileJournal(tmp_path, key_ring)
    second.open()

    assert receipt.status == "journaled"
    assert clock.monotonic() <= COMMIT_WITHIN_S
    assert second.unmerged() == (msgspec.structs.replace(TAP, heard_at=START),)
    second.close()
    for task in list(door._attempts):
        task.cancel()


async def test_when_sql_is_back_each_tap_is_merged_once(journal, clock):
    sql = Sql(clock, "breaks")
    door = TapDoor(sql, journal, None, clock)
    for number in range(3):
        await pressed(door, clock, tap(number))
    assert await door.merge_once() == 0
    sql.mood = "answers"

    assert await door.merge_once() == 3
    assert [each.tap_id for each in sql.raised] == ["tap-0", "tap-1", "tap-2"]
    assert await door.merge_once() == 0


async def test_a_tap_that_sql_committed_after_all_is_one_incident(work, clock, key_ring, journal):
    hub = safety_on(work, clock, key_ring)
    await journal.append(TAP)
    receipt = await hub.sos.raise_sos(TAP)
    door = TapDoor(hub.sos, journal, None, clock)
    await door.merge_once()

    assert (await get(work, hub, receipt.incident_id)).version == (await get(work, hub, TAP.incident_id)).version
    assert len(hub.alerts.told) == 1
    assert journal.unmerged() == ()


async def test_an_answer_in_words_is_not_an_outage(journal, clock):
    with pytest.raises(NotFound):
        await TapDoor(Sql(clock, "refuses"), journal, None, clock).raise_sos(TAP)
    assert journal.unmerged() == ()


async def test_without_a_journal_the_phone_hears_that_nothing_is_stored(clock):
    with pytest.raises(Unavailable, match="Keep pressing"):
        await TapDoor(Sql(clock, "breaks"), None, None, clock).raise_sos(TAP)


async def test_a_full_journal_says_so_and_loses_nothing_it_had(journal):
    await journal.append(TAP)
    journal._end = FILE_BYTES - 10
    with pytest.raises(JournalFull):
        await journal.append(tap(2))
    assert journal.unmerged() == (TAP,)
    assert "full" in await journal.fault()


async def test_a_phone_that_tries_again_neither_fills_the_journal_nor_makes_its_press_younger(journal, clock):
    door = TapDoor(Sql(clock, "breaks"), journal, None, clock)
    await door.raise_sos(TAP)
    end = journal._end
    for _ in range(3):
        clock.move(60)
        assert (await door.raise_sos(TAP)).status == "journaled"

    assert (journal._end, [each.heard_at for each in journal.unmerged()]) == (end, [START])


async def test_a_flood_of_one_person_leaves_the_room_to_everybody_else(journal, clock):
    door = TapDoor(Sql(clock, "breaks"), journal, None, clock)
    flood = await asyncio.gather(*(door.raise_sos(tap(number)) for number in range(300)))
    end = journal._end
    hers = await door.raise_sos(msgspec.structs.replace(TAP, who="technician:t2"))
    clock.move(10)
    for number in range(300, 400):
        await door.raise_sos(tap(number))

    assert {receipt.status for receipt in [*flood, hers]} == {"journaled"}
    assert [each.who for each in journal.unmerged()] == [TAP.who] * FLOOD_OF + ["technician:t2", TAP.who]
    assert journal._end < end * 1.2


async def test_a_real_press_is_kept_beside_a_flood_of_practice(journal, clock):
    door = TapDoor(Sql(clock, "breaks"), journal, None, clock)
    for number in range(FLOOD_OF + 5):
        await door.raise_sos(msgspec.structs.replace(tap(number), is_drill=True))
    await door.raise_sos(tap("real"))

    assert journal.unmerged()[-1] == msgspec.structs.replace(tap("real"), heard_at=START)


async def test_looking_whether_the_disk_takes_a_byte_changes_nothing_that_is_kept(tmp_path, key_ring, journal):
    await journal.append(TAP)
    assert await journal.fault() is None
    await journal.append(tap(2))
    journal.close()
    after = FileJournal(tmp_path / "journal", key_ring)
    after.open()

    assert after.unmerged() == (TAP, tap(2))
    after.close()


class FullDisk:
    """Meets `Journal` on a disk that takes nothing."""

    async def append(self, tap):
        raise OSError(errno.ENOSPC, "No space left on device")

    async def merged(self, tap):
        raise AssertionError("it holds nothing")

    def unmerged(self):
        return ()


class SpyLadder:
    """Meets `JournalLadder`."""

    def __init__(self):
        self.told = set()

    def start(self, tap):
        self.told.add(tap.tap_id)

    def stop(self, tap):
        self.told.discard(tap.tap_id)


async def test_a_tap_that_neither_sql_nor_the_disk_takes_is_told_as_such_and_people_hear_of_it_all_the_same(clock):
    sql, ladder = Sql(clock, "breaks"), SpyLadder()
    door = TapDoor(sql, FullDisk(), ladder, clock)
    with pytest.raises(Unavailable, match="Keep pressing"):
        await door.raise_sos(TAP)

    assert ladder.told == {"tap-1"}
    sql.mood = "answers"
    assert await door.merge_once() == 1
    assert [each.tap_id for each in sql.raised] == ["tap-1"]
    assert (ladder.told, await door.merge_once()) == (set(), 0)


async def test_a_phone_that_presses_until_sql_is_back_is_not_told_twice(clock):
    sql, ladder = Sql(clock, "breaks"), SpyLadder()
    door = TapDoor(sql, FullDisk(), ladder, clock)
    with pytest.raises(Unavailable):
        await door.raise_sos(TAP)
    sql.mood = "answers"

    assert (await door.raise_sos(TAP)).status == "received"
    assert (ladder.told, await door.merge_once()) == (set(), 0)


async def test_one_journaled_tap_that_sql_will_never_take_keeps_no_other_waiting(journal, clock):
    class Choosy(Sql):
        async def raise_sos(self, pressed):
            if pressed.tap_id == "tap-0":
                raise NotFound("no such technician")
            return await super().raise_sos(pressed)

    for number in range(3):
        await journal.append(tap(number))
    door = TapDoor(sql := Choosy(clock), journal, None, clock)

    assert await door.merge_once() == 2
    assert [each.tap_id for each in sql.raised] == ["tap-1", "tap-2"]
    assert journal.unmerged() == (tap(0),)


async def test_two_workers_have_files_of_their_own(tmp_path, key_ring):
    one, two = FileJournal(tmp_path, key_ring), FileJournal(tmp_path, key_ring)
    one.open()
    two.open()
    await one.append(tap(1))
    await two.append(tap(2))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["taps-0.journal", "taps-1.journal"]
    assert (one.unmerged(), two.unmerged()) == ((tap(1),), (tap(2),))
    one.close()
    two.close()


async def test_one_worker_takes_over_the_taps_of_two_that_died(tmp_path, key_ring):
    one, two = FileJournal(tmp_path, key_ring), FileJournal(tmp_path, key_ring)
    one.open()
    two.open()
    await one.append(tap(1))
    await two.append(tap(2))
    one.close()
    two.close()
    alone, after = FileJournal(tmp_path, key_ring), FileJournal(tmp_path, key_ring)
    alone.open()

    assert alone.unmerged() == (tap(1), tap(2))
    alone.close()
    after.open()
    assert after.unmerged() == (tap(1), tap(2))
    after.close()


async def test_what_is_on_disk_cannot_be_read_without_the_key(tmp_path, key_ring):
    first = FileJournal(tmp_path, key_ring)
    first.open()
    await first.append(TAP)
    first.close()
    (path,) = tmp_path.iterdir()

    assert b"tap-1" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stranger = FileJournal(tmp_path, KeyRing(["another-secret-of-more-than-32-characters"]))
    stranger.open()
    assert stranger.unmerged() == ()
    stranger.close()


def test_a_folder_that_cannot_be_written_is_refused_at_start(tmp_path, key_ring):
    blocked = tmp_path / "file"
    blocked.write_text("")

    with pytest.raises(Unavailable, match="Choose another folder"):
        FileJournal(blocked / "journal", key_ring).open()


def test_the_room_is_allocated_at_start(journal, tmp_path):
    (path,) = (tmp_path / "journal").iterdir()

    assert os.stat(path).st_blocks * 512 >= FILE_BYTES


@contextlib.asynccontextmanager
async def running(door):
    """Let the door merge while the block runs."""
    task = asyncio.create_task(door.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def passed_s(clock, seconds):
    """Let so much time pass, with whatever it wakes."""
    for _ in range(20):
        await asyncio.sleep(0)
    await clock.advance(seconds)


@pytest.mark.parametrize("mood", ["hangs", "breaks"])
async def test_people_are_told_of_what_a_killed_worker_left_while_sql_is_still_away(journal, clock, mood):
    await journal.append(TAP)
    ladder = SpyLadder()
    async with running(TapDoor(sql := Sql(clock, mood), journal, ladder, clock)):
        await passed_s(clock, COMMIT_WITHIN_S + 1)
        assert ladder.told == {"tap-1"}
        sql.mood = "answers"
        await passed_s(clock, MERGE_WITHIN_S + 2)
        assert (ladder.told, len(sql.raised)) == (set(), 1)


async def test_what_a_killed_worker_left_and_sql_takes_at_once_is_told_by_sql_alone(journal, clock):
    await journal.append(TAP)
    ladder = SpyLadder()
    async with running(TapDoor(Sql(clock), journal, ladder, clock)):
        await passed_s(clock, COMMIT_WITHIN_S + 1)
    assert (ladder.told, journal.unmerged()) == (set(), ())


async def test_the_recorder_which_merges_nothing_takes_no_taps_over(tmp_path):
    secret = "test-secret-of-more-than-thirty-two-characters"
    dead, successor = (FileJournal(tmp_path / "journal", KeyRing([secret])) for _ in range(2))
    dead.open()
    await dead.append(TAP)
    dead.close()
    settings = {
        "PORCHLIGHT_DATA_DIR": str(tmp_path), "PORCHLIGHT_SECRET_KEYS": secret, "PORCHLIGHT_REDIS_URL": "unix:///nobody",
        "PORCHLIGHT_SAFETY_JOURNAL_DIR": str(tmp_path / "journal"),
    }  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        wire(load(settings), stack, part=Part.RECORDER)
        successor.open()
        stack.callback(successor.close)

        assert successor.unmerged() == (TAP,)


async def test_who_presses_waits_for_no_connection_that_does_not_close():
    closed = asyncio.Event()

    async def hanging():
        try:
            await asyncio.Event().wait()
        finally:
            await closed.wait()

    with pytest.raises(TimeoutError):
        await within(hanging(), 0.0)
    assert not closed.is_set()

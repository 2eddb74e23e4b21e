"""Telling people of a kept tap without SQL: by several workers of one machine, on a real folder."""

import asyncio
import contextlib
from datetime import timedelta

import msgspec
import pytest

from core.errors import Unavailable
from notifications.notice import Channel
from safety.file_told import FileTold
from safety.journal_ladder_flow import JournalLadderFlow
from safety.ladder import Group, Ladder, Rung
from safety.safety_card import CardPerson, CardSite, SafetyCard
from tests.doubles.fake_clock import START
from tests.edges.test_safety_tap import TAP

pytestmark = pytest.mark.anyio

PRESSED = msgspec.structs.replace(TAP, heard_at=START)
LADDER = Ladder(
    rungs=(
        Rung(after_s=0, tier=0, groups=(Group.ON_DUTY,), channels=(Channel.CONSOLE, Channel.SMS)),
        Rung(after_s=15, tier=0, groups=(Group.DUTY_LEAD,), channels=(Channel.VOICE,)),
        Rung(after_s=60, tier=1, groups=(Group.ALL_DISPATCHERS, Group.OWNERS), channels=(Channel.SMS, Channel.VOICE)),
    ),
    exhausted_after_s=100,
)
ANA, BO = (
    CardPerson(recipient_id=name, number=number, name=name, language="en", country="IE", groups=groups)
    for name, number, groups in (
        ("ana", "+353855550191", (Group.ON_DUTY, Group.DUTY_LEAD, Group.ALL_DISPATCHERS)), ("bo", "+353855550192", (Group.OWNERS,)),
    )
)  # fmt: skip
CARD = SafetyCard(
    made_at=START, holders={}, sites={"s1": CardSite(site_id="s1", name="Munich", ladder=LADDER, people=(ANA, BO), is_manned=True)}
)
SOUND = [
    (0, "ana", "sms"), (15, "ana", "voice"), (60, "ana", "sms"), (60, "ana", "voice"), (60, "bo", "sms"), (60, "bo", "voice"),
    *((lap, who, channel) for lap in (100, 160) for who in ("ana", "bo") for channel in ("sms", "voice")),
]  # fmt: skip
"""What the ladder tells in its first 170 seconds: each phone once a rung, also where all rungs are told together."""


class Card:
    """Meets `CardStore`."""

    def load(self):
        return CARD


class Sent:
    """Meets `DirectSender`: who was told when, in seconds since the press."""

    def __init__(self, clock):
        self.clock, self.told, self.drills, self.is_broken = clock, [], [], False

    async def send(self, site_id, incident_id, person, channel, variables, *, is_drill):
        if self.is_broken:
            raise Unavailable("no carrier")
        self.drills.append(is_drill)
        self.told.append(((self.clock.now() - START) // timedelta(seconds=1), person.name, channel.value))


class Machine:
    """One machine: a folder, a carrier, and workers that can be started and killed."""

    def __init__(self, folder, clock):
        self.folder, self.clock, self.sent, self.workers = folder, clock, Sent(clock), []

    def worker(self):
        flow = JournalLadderFlow(Card(), self.sent, FileTold(self.folder), self.clock)
        self.workers.append(flow)
        return flow

    async def settle(self):
        """Let threads come to their end: nothing else is under way."""
        for _ in range(40):
            await asyncio.to_thread(lambda: None)
            await asyncio.sleep(0)

    async def pass_s(self, seconds):
        for _ in range(seconds):
            await self.clock.advance(1)
            if self.clock.now().second % 5 == 0:
                await self.settle()


@pytest.fixture
async def machine(tmp_path, clock):
    made = Machine(tmp_path, clock)
    yield made
    for each in made.workers:
        for task in each._running.values():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_kept_press_is_told_as_the_ladder_says_and_each_phone_once_a_time(machine):
    machine.worker().start(PRESSED)
    await machine.settle()
    await machine.pass_s(170)

    assert sorted(machine.sent.told) == sorted(SOUND)


async def test_a_press_that_two_workers_keep_is_told_once(machine, clock):
    machine.worker().start(PRESSED)
    machine.worker().start(PRESSED)
    await machine.settle()
    await machine.pass_s(4)
    machine.worker().start(msgspec.structs.replace(PRESSED, heard_at=clock.now()))
    await machine.pass_s(166)

    assert sorted(machine.sent.told) == sorted(SOUND)


async def test_a_flood_of_kept_presses_of_one_person_is_told_once(machine):
    worker = machine.worker()
    for number in range(300):
        worker.start(msgspec.structs.replace(PRESSED, tap_id=f"flood-{number}"))
    await machine.settle()
    await machine.pass_s(170)

    assert sorted(machine.sent.told) == sorted(SOUND)


async def test_kept_presses_of_two_people_are_both_told_and_practice_stands_before_no_real_press(machine):
    worker, practice = machine.worker(), msgspec.structs.replace(PRESSED, tap_id="practice", is_drill=True)
    for tap in (practice, PRESSED, msgspec.structs.replace(PRESSED, who="technician:t2")):
        worker.start(tap)
    await machine.settle()

    assert (machine.sent.told, sorted(machine.sent.drills)) == ([SOUND[0]] * 3, [False, False, True])


async def test_once_a_kept_press_is_in_sql_nobody_is_told_of_what_she_pressed_beside_it(machine):
    worker, beside = machine.worker(), msgspec.structs.replace(PRESSED, tap_id="beside")
    worker.start(PRESSED)
    worker.start(beside)
    await machine.settle()
    worker.stop(PRESSED)
    worker.stop(beside)
    await machine.pass_s(170)

    assert machine.sent.told == [SOUND[0]]


async def test_who_takes_over_from_a_killed_worker_goes_on_where_it_was(machine):
    first = machine.worker()
    first.start(PRESSED)
    await machine.settle()
    await machine.pass_s(30)
    first._running[PRESSED.who, False].cancel()
    await machine.pass_s(10)
    machine.worker().start(PRESSED)
    await machine.settle()
    await machine.pass_s(130)

    assert sorted(machine.sent.told) == sorted(SOUND)


async def test_what_no_carrier_took_is_told_by_the_next_worker(machine):
    machine.sent.is_broken = True
    machine.worker().start(PRESSED)
    await machine.settle()
    machine.sent.is_broken = False
    machine.worker().start(PRESSED)
    await machine.settle()

    assert machine.sent.told == [(0, "ana", "sms")]


async def test_a_telling_under_way_is_left_to_who_is_at_it_and_one_broken_off_is_not(tmp_path):
    one, two = FileTold(tmp_path), FileTold(tmp_path)
    async with one.telling("i1", "rung 0 sms ana") as mine, two.telling("i1", "rung 0 sms ana") as theirs:
        assert (mine, theirs) == (True, False)
    with pytest.raises(Unavailable):
        async with one.telling("i1", "rung 1 voice ana"):
            raise Unavailable("no carrier")
    async with two.telling("i1", "rung 0 sms ana") as again, two.telling("i1", "rung 1 voice ana") as mended:
        assert (again, mended) == (False, True)
    one.forget("i1")
    assert list(tmp_path.iterdir()) == []


async def test_where_nothing_can_be_written_people_are_told_all_the_same(tmp_path):
    nowhere = FileTold(tmp_path / "missing")
    for _ in range(2):
        async with nowhere.telling("i1", "rung 0 sms ana") as is_to_be_told:
            assert is_to_be_told
    nowhere.forget("i1")


async def test_where_rungs_fall_due_together_each_phone_gets_one_text_and_one_call(machine):
    machine.worker().start(msgspec.structs.replace(PRESSED, heard_at=START - timedelta(seconds=65)))
    await machine.settle()

    assert sorted(machine.sent.told) == [(0, who, channel) for who in ("ana", "bo") for channel in ("sms", "voice")]


async def test_a_press_heard_ahead_of_the_clock_is_told_at_once(machine):
    machine.worker().start(msgspec.structs.replace(PRESSED, heard_at=START + timedelta(hours=1)))
    await machine.settle()

    assert machine.sent.told == [(0, "ana", "sms")]

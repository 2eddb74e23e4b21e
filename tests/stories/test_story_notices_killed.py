"""A process dies in the middle of sending: an emergency goes out at least once, an arrival text at most once, a receipt is applied.

The death is stepped through every wait of the coroutine, on real databases; what the carrier took stays taken.
"""

import pytest

from notifications.delivery import Receipt
from notifications.notice import Lane, NoticeState
from notifications.receipts_flow import Report
from tests.doubles.dropped import DroppedAt
from tests.doubles.notice_house import NoticeHouse, arriving, sos

pytestmark = pytest.mark.anyio
MANY = 200
"""More waits than any of the flows has; the loop ends at the first that was not reached."""


@pytest.fixture
async def house(work, clock):
    return NoticeHouse(work, clock)


async def _killed_at_each_wait(house, notice_of, lane):
    person = await house.add_person()
    for wait in range(1, MANY):
        notice = notice_of(person, subject=f"subject-{wait}")
        await house.enqueue(notice)
        dropped = DroppedAt(house.sender().run_once(lane, 1), wait)
        await dropped
        house.sms.asked.clear()
        await house.live_through(45, 5)
        yield wait, notice, [letter for letter in house.sms.taken if letter.notice_id == notice.id]
        house.sms.taken.clear()
        if not dropped.was_dropped:
            return


async def test_an_emergency_is_sent_at_least_once_wherever_its_worker_dies(house):
    waits = 0
    async for wait, notice, taken in _killed_at_each_wait(house, sos, Lane.P0):
        waits = wait
        row = await house.row(notice)
        assert taken, f"lost when killed at wait {wait}"
        assert row.state is NoticeState.ACCEPTED, f"{row.state} when killed at wait {wait}"
        assert len(taken) == 1 or "(again)" in taken[-1].text, f"doubled in silence when killed at wait {wait}"
    assert waits > 4  # on SQLite, whose beginning waits for nobody, where no one else writes


async def test_an_arrival_text_is_sent_at_most_once_wherever_its_worker_dies(house):
    waits = 0
    async for wait, notice, taken in _killed_at_each_wait(house, arriving, Lane.P2):
        waits = wait
        row = await house.row(notice)
        assert len(taken) <= 1, f"doubled when killed at wait {wait}"
        assert taken or row.state is NoticeState.AMBIGUOUS, f"lost without a trace when killed at wait {wait}"
    assert waits > 4  # on SQLite, whose beginning waits for nobody, where no one else writes


async def test_a_receipt_is_applied_wherever_its_worker_dies_because_the_carrier_repeats_it(house):
    person = await house.add_person()
    for wait in range(1, MANY):
        notice = sos(person, subject=f"subject-{wait}")
        await house.enqueue(notice)
        await house.flow.run_once(Lane.P0)
        report = Report(receipt=Receipt.DELIVERED, notice_id=notice.id, attempt=1)
        dropped = DroppedAt(house.receipts.apply(report), wait)
        await dropped
        await house.receipts.apply(report)

        assert (await house.row(notice)).state is NoticeState.DELIVERED
        if not dropped.was_dropped:
            break
    assert wait > 1  # on SQLite it waits for the disk, and for nothing else

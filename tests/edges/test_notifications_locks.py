"""Two workers that write about the same notices wait for each other in one order, on a real PostgreSQL: notices, attempts, recipients, new
notices. In any other order one of two transactions is thrown away (`deadlock detected`). SQLite has one writer, which needs no order.
"""

import asyncio

import pytest
from sqlalchemy import text

from notifications.carrier import Outcome
from notifications.delivery import Receipt
from notifications.error_class import ErrorClass
from notifications.notice import Channel, Lane, NoticeState
from notifications.receipts_flow import ReceiptsFlow, Report
from notifications.settlement import Settled
from notifications.settlement_flow import SettlementFlow
from tests.doubles.notice_house import NoticeHouse, sos

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("work", ["postgresql"], indirect=True)]


class Halting:
    """Stands before a store: the first call of one of `names` is carried out, and then halts its transaction until `go_on` is set."""

    def __init__(self, store, *names):
        self._store, self._names = store, names
        self.halts, self.go_on = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name):
        act = getattr(self._store, name)
        if name not in self._names:
            return act

        async def carried_out(*args, **kwargs):
            found = await act(*args, **kwargs)
            if not self.halts.is_set():
                self.halts.set()
                await self.go_on.wait()
            return found

        return carried_out


async def meet(house, halting, first, second):
    """Let `second` come until it waits for a lock or is done, while `first` halts in the middle; raises what either raises."""
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(first)
        await halting.halts.wait()
        later = group.create_task(second)
        while not later.done() and not await _somebody_waits(house.work):
            pass
        halting.go_on.set()


async def _somebody_waits(work):
    async with work.read() as tx:
        return (await tx.conn.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one() > 0


@pytest.fixture
async def house(work, clock):
    return NoticeHouse(work, clock)


async def test_an_answer_that_comes_while_its_notice_is_taken_for_a_dead_workers_ends_in_no_deadlock(house):
    """A worker that was held still longer than its lease writes its answer while another one recovers the notice."""
    notice = sos(await house.add_person(), lane=Lane.P1)
    await house.enqueue(notice)
    thawed = Halting(house.outbox, "answer_attempts", "locked")

    async def recovered():
        house.clock.move(60)
        await house.looks.run_once()

    await meet(house, thawed, house.sender(thawed).run_once(Lane.P1), recovered())

    assert (await house.row(notice)).state in (NoticeState.ACCEPTED, NoticeState.AMBIGUOUS)


async def test_a_receipt_that_comes_while_its_notice_is_looked_for_at_the_carrier_ends_in_no_deadlock(house):
    notice = sos(await house.add_person())
    house.sms.answers.append(Outcome(error=ErrorClass.AMBIGUOUS, code="deadline"))
    await house.enqueue(notice)
    await house.send_due()
    called_back = Halting(house.outbox, "attempt_of")
    receipts = ReceiptsFlow(work=house.work, outbox=called_back, settlement=house.settlement, clock=house.clock)
    report = Report(receipt=Receipt.DELIVERED, notice_id=notice.id, attempt=1)

    async def looked_for():
        house.clock.move(4)
        await house.looks.run_once()

    await meet(house, called_back, receipts.apply(report), looked_for())

    assert (await house.row(notice)).state is NoticeState.DELIVERED


async def test_of_two_receipts_at_one_moment_the_higher_one_stays(house):
    notice = sos(await house.add_person())
    await house.enqueue(notice)
    await house.send_due()
    called_back = Halting(house.outbox, "attempt_of")
    slow = ReceiptsFlow(work=house.work, outbox=called_back, settlement=house.settlement, clock=house.clock)

    def said(receipt):
        return Report(receipt=receipt, notice_id=notice.id, attempt=1)

    await meet(house, called_back, slow.apply(said(Receipt.SENT)), house.receipts.apply(said(Receipt.DELIVERED)))

    assert (await house.row(notice)).state is NoticeState.DELIVERED
    async with house.work.read() as tx:
        assert [attempt.receipt for attempt in await house.outbox.attempts_of(tx, notice.id)] == [Receipt.DELIVERED]


async def test_two_groups_of_answers_about_the_same_people_in_opposite_order_end_in_no_deadlock(house):
    people = [await house.add_person(f"+1415555010{n}", owner_id=f"d{n}") for n in (1, 2)]
    groups = [[sos(person, subject=subject) for person in people] for subject in ("incident-1", "incident-2")]
    for group in groups:
        await house.enqueue(*group)
    slow = Halting(house.recipients, "mark_texts_failing")
    halting = SettlementFlow(outbox=house.outbox, recipients=slow, alarms=house.alarms, poke=house.poke)

    async def settle(flow, notices):
        rows = [await house.row(notice) for notice in notices]
        async with house.work.begin() as tx:
            settled = [Settled(row=row, marks_number=True, alarms=("number_unreachable", "carrier_refuses_us")) for row in rows]
            await flow.carry_out(tx, settled, house.clock.now())

    await meet(house, slow, settle(halting, groups[0]), settle(house.settlement, groups[1][::-1]))

    async with house.work.read() as tx:
        found = await house.recipients.by_ids(tx, [person.id for person in people])
    assert all(person.sms_failed_at is not None for person in found.values())


async def test_a_withdrawal_waits_for_the_notices_of_an_incident_in_the_order_in_which_answers_do(house):
    people = [await house.add_person(f"+1415555010{n}", owner_id=f"d{n}") for n in range(8)]
    notices = [sos(person) for person in people]
    # Stored in the order opposite to that of their ids, in which a withdrawal would find them.
    for notice in sorted(notices, key=lambda notice: notice.id, reverse=True):
        await house.enqueue(notice)
    ids = sorted(notice.id for notice in notices)
    slow = Halting(house.outbox, "locked")

    async def answered():
        async with house.work.begin() as tx:
            await slow.locked(tx, ids[:1])
            await house.outbox.locked(tx, ids[-1:])

    async def withdrawn():
        async with house.work.begin() as tx:
            return await house.outbox.cancel(tx, "incident-1", channels=(Channel.SMS,))

    await meet(house, slow, answered(), withdrawn())

    assert {(await house.row(notice)).state for notice in notices} == {NoticeState.CANCELLED}

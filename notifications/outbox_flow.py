"""How does a notice leave the house? Claim with a lease and commit; talk to the carrier under a deadline; settle.

Every lane has its own loop, its own database connection and its own senders, so that no lane waits for another. No row lock is held while
another company is talked to. A worker that dies between claim and settle leaves a lease behind; `looks_flow` finds it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import structlog

from core.clock import Clock
from core.ids import IdSource, RecipientId
from core.right_of_way import RightOfWay
from core.unit_of_work import UnitOfWork
from notifications.carrier import SEND_DEADLINE_S, CarrierName, Outcome
from notifications.error_class import ErrorClass
from notifications.letters import carrier_for, letter_of
from notifications.notice import Channel, Enqueued, Lane
from notifications.outbox_order import LANES, Bucket, LaneRule, take
from notifications.ports import Carrier, OutboxStore, RecipientBook
from notifications.recipient import Recipient
from notifications.settlement import after_answer, expired, is_past_use
from notifications.settlement_flow import SettlementFlow
from notifications.templates import Templates
from notifications.together_flow import Together

log = structlog.get_logger(__name__)

MAX_NAP_S = 1.0
"""The sweep: a notice that another process enqueued, or whose wake-up was missed, is at most this late."""
GIVES_WAY_S = 1.0
"""So long a group of ordinary letters holds back in all while an emergency is on its way out; far below its lease, which runs meanwhile."""
LEAVES_S = 2.0
"""So long a lane that ends waits for what it has cancelled; a carrier that does not let go is left behind."""
Carriers = Mapping[tuple[CarrierName, Channel], Carrier]


class Job(NamedTuple):
    """A claimed row, to whom it goes, and who carries it, or why nobody does."""

    row: Enqueued
    recipient: Recipient | None
    carrier: Carrier | None
    refusal: Outcome | None


class OutboxFlow:
    """Sends what is due. `works`: lane -> its unit of work (on SQLite the same one for all, on PostgreSQL a pool for each)."""

    def __init__(
        self,
        *,
        works: Mapping[Lane, UnitOfWork],
        outbox: OutboxStore,
        recipients: RecipientBook,
        settlement: SettlementFlow,
        carriers: Carriers,
        templates: Templates,
        clock: Clock,
        ids: IdSource,
        signature: str = "Porchlight",
        site_choices: Mapping[str, CarrierName] | None = None,
        lanes: Mapping[Lane, LaneRule] = LANES,
        way: RightOfWay | None = None,
    ) -> None:
        self._works = works
        self._outbox = outbox
        self._recipients = recipients
        self._settlement = settlement
        self._carriers = carriers
        self._templates = templates
        self._clock = clock
        self._ids = ids
        self._signature = signature
        self._site_choices = site_choices or {}
        self._lanes = lanes
        self._way = way or RightOfWay()
        self._wakes = {lane: asyncio.Event() for lane in Lane}
        self._is_calm = asyncio.Event()
        self._is_calm.set()
        self._urgent_loops = 0
        self._looks: dict[Lane, asyncio.Future[datetime | None]] = {}
        self._answers = {lane: Together(partial(self._settle, lane)) for lane in Lane}
        self._buckets = {lane: Bucket(rule.per_s or 0.0, clock.monotonic()) for lane, rule in lanes.items()}

    def wake(self, lanes: frozenset[Lane]) -> None:
        """Look at these lanes now: something was enqueued. Called after commits."""
        for lane in lanes:
            self._wakes[lane].set()
        if Lane.P0 in lanes and self._urgent_loops:
            self._is_calm.clear()

    async def run_once(self, lane: Lane, limit: int | None = None) -> int:
        """Send what is due in `lane`, up to one batch; return how many rows were claimed, all of them settled."""
        jobs = await self._claim(lane, limit or self._lanes[lane].batch)
        await self._carry(lane, jobs)
        return len(jobs)

    async def run(self, lane: Lane) -> None:
        """Send the notices of `lane` until cancelled, up to `at_once` requests together."""
        free = self._lanes[lane].at_once
        under_way: set[asyncio.Task[None]] = set()
        self._urgent_loops += lane is Lane.P0
        try:
            while True:
                under_way = {task for task in under_way if not task.done()}
                if len(under_way) >= free:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                    continue
                if not await self._start(lane, free - len(under_way), under_way):
                    if lane is Lane.P0 and not self._wakes[lane].is_set():
                        self._is_calm.set()
                    await self._nap(lane)
        finally:
            if lane is Lane.P0:
                self._urgent_loops -= 1
                self._is_calm.set()
            beside = (self._looks.pop(lane, None), self._answers[lane].task())
            await _left([*under_way, *(task for task in beside if task is not None)])

    async def _start(self, lane: Lane, room: int, under_way: set[asyncio.Task[None]]) -> bool:
        """Claim and begin to send; tell whether there may be more that is due."""
        rule = self._lanes[lane]
        wanted = min(rule.batch, room)
        await self._give_way(lane, self._clock.monotonic() + GIVES_WAY_S)
        self._wakes[lane].clear()
        jobs = await self._claim(lane, wanted)
        groups = [jobs] if rule.groups_answers and jobs else [[job] for job in jobs]
        for group in groups:
            under_way.add(asyncio.create_task(self._carry(lane, group), name=f"notices:{lane}"))
        return len(jobs) == wanted

    async def _give_way(self, lane: Lane, until_s: float) -> None:
        """Let a press, and an emergency on its way out, go first, until `until_s` of the monotonic clock; else yield one turn."""
        is_clear = self._is_calm.is_set() and self._way.is_free
        if lane is Lane.P0 or is_clear or until_s <= self._clock.monotonic():
            await asyncio.sleep(0)
            return
        if not self._is_calm.is_set():
            await woken_or_after(self._is_calm, self._clock, until_s - self._clock.monotonic())
        await self._way.given(self._clock, until_s - self._clock.monotonic())

    async def _claim(self, lane: Lane, wanted: int) -> list[Job]:
        granted, self._buckets[lane] = take(self._lanes[lane], self._buckets[lane], self._clock.monotonic(), wanted)
        if granted == 0:
            return []
        now = self._clock.now()
        async with self._works[lane].begin(urgent=lane is Lane.P0) as tx:
            rows = await self._outbox.claim(tx, (lane,), now, granted)
            if not rows:
                return []
            people = await self._recipients.by_ids(tx, {row.notice.recipient_id for row in rows})
            jobs = [self._job(row, people) for row in rows]
            await self._outbox.begin_attempts(tx, [(job.row, job.carrier.name if job.carrier else None) for job in jobs], now)
        return jobs

    def _job(self, row: Enqueued, people: Mapping[RecipientId, Recipient]) -> Job:
        recipient = people.get(row.notice.recipient_id)
        choice = carrier_for(row, recipient, self._carriers.keys(), self._site_choices)
        if isinstance(choice, Outcome):
            return Job(row, recipient, None, choice)
        return Job(row, recipient, self._carriers.get((choice, row.notice.channel)), None)

    async def _carry(self, lane: Lane, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        if len(jobs) == 1:
            await self._answers[lane].written((jobs[0], await self._send(jobs[0])))
        elif self._lanes[lane].groups_answers:
            until_s = self._clock.monotonic() + GIVES_WAY_S
            outcomes = await self._sent(lane, jobs, until_s)
            await self._give_way(lane, until_s)
            await self._settle(lane, list(zip(jobs, outcomes, strict=True)))
        else:
            await asyncio.gather(*(self._carry(lane, [job]) for job in jobs))

    async def _sent(self, lane: Lane, jobs: Sequence[Job], until_s: float) -> list[Outcome]:
        async with asyncio.TaskGroup() as group:
            under_way = []
            for job in jobs:
                # One request a turn, half a millisecond of Twilio's client: an emergency has some ten turns to take until its own.
                await self._give_way(lane, until_s)
                under_way.append(group.create_task(self._send(job)))
        return [task.result() for task in under_way]

    async def _send(self, job: Job) -> Outcome:
        if is_past_use(job.row, self._clock.now()):
            return Outcome(code="expired")
        if job.carrier is None:
            return job.refusal or Outcome(error=ErrorClass.OUR_FAULT, code="no_carrier", detail="This carrier is not set up.")
        try:
            letter = letter_of(job.row, job.recipient, self._templates, self._signature)
            async with asyncio.timeout(SEND_DEADLINE_S + 1.0):
                return await job.carrier.send(letter)
        except TimeoutError:
            return Outcome(error=ErrorClass.AMBIGUOUS, code="deadline", detail="No answer within the deadline.")
        except Exception as error:
            # A carrier promises not to raise. If it does, nobody knows what left the house. No traceback: its locals hold the number.
            log.error("carrier_raised", notice=job.row.id, carrier=job.carrier.name, error=type(error).__name__)
            return Outcome(error=ErrorClass.AMBIGUOUS, code="raised", detail="The carrier's edge failed.")

    async def _settle(self, lane: Lane, answered: Sequence[tuple[Job, Outcome]]) -> None:
        now = self._clock.now()
        # Not before other writers, not even in P0: what is said already does not hold up what must be said.
        async with self._works[lane].begin() as tx:
            rows = await self._outbox.locked(tx, [job.row.id for job, _ in answered], {job.row.id: job.row.notice for job, _ in answered})
            await self._outbox.answer_attempts(tx, [(job.row.id, job.row.attempts, outcome) for job, outcome in answered], now)
            settled = [
                expired(row) if outcome.code == "expired" else after_answer(row, outcome, now, self._ids.uniform(0.0, 1.0))
                for job, outcome in answered
                if (row := rows[job.row.id]).attempts == job.row.attempts
            ]
            await self._settlement.carry_out(tx, settled, now)
        for job, outcome in answered:
            log.info(
                "notice_sent" if outcome.error is None else "notice_not_sent",
                notice=job.row.id,
                lane=lane,
                channel=job.row.notice.channel,
                to=job.recipient.number_masked if job.recipient else job.row.notice.recipient_id,
                error=outcome.error,
                code=outcome.code,
            )

    async def _nap(self, lane: Lane) -> None:
        """Sleep until something is due or enqueued. Who is woken does not wait for the look at what is due."""
        if self._wakes[lane].is_set():
            return
        looking = self._looks.pop(lane, None) or asyncio.ensure_future(self._next_moment(lane))
        waker = asyncio.ensure_future(self._wakes[lane].wait())
        waits: set[asyncio.Future[Any]] = {looking, waker}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waker.cancel()
            if not looking.done():
                self._looks[lane] = looking
        if not looking.done():
            return
        due_at = looking.result()
        nap_s = MAX_NAP_S if due_at is None else min(MAX_NAP_S, max(0.01, (due_at - self._clock.now()).total_seconds()))
        await woken_or_after(self._wakes[lane], self._clock, nap_s)

    async def _next_moment(self, lane: Lane) -> datetime | None:
        async with self._works[lane].read() as tx:
            return await self._outbox.next_moment(tx, (lane,))


async def _left(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel what is under way and wait until it has let go of its connections: whoever closes them next would wait for it for ever."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=LEAVES_S)


async def woken_or_after(wake: asyncio.Event, clock: Clock, nap_s: float) -> None:
    """Wait until `wake` is set or `nap_s` seconds of the clock are over; leaves no task behind."""
    waker = asyncio.ensure_future(wake.wait())
    sleeper = asyncio.ensure_future(clock.sleep(nap_s))
    try:
        await asyncio.wait({waker, sleeper}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waker.cancel()
        sleeper.cancel()

"""What does the phone hear when SQL does not answer? After two seconds the tap goes to the journal, and the receipt says so.

Stands before `sos_flow` on every road. The attempt on SQL is never broken off: it may still commit, and the journal's merge then finds the
same tap there, because the ids of a tap are the same everywhere. Without a journal the door waits for SQL and the phone keeps retrying.

A tap that neither takes (a full disk) gets no receipt: the phone says so and goes on pressing. But the door keeps it in memory, tells
people from the safety card, and commits it when SQL is back, whether or not the phone ever presses again.

A flood from a stolen phone must not use up the room of everybody else's presses: beyond those that open its incident one in ten seconds is
kept (`flood.is_kept_by_others`), and the others are answered alike.
"""

import asyncio

import msgspec
import structlog

from core.attempt import Attempt
from core.clock import Clock
from core.errors import HubError, Unavailable
from core.right_of_way import RightOfWay
from safety.flood import is_kept_by_others
from safety.journal_ports import Journal, JournalLadder, TapRaiser
from safety.sos_tap import Receipt, Road, SosTap

log = structlog.get_logger(__name__)

COMMIT_WITHIN_S = 2.0
"""Source: DESIGN promise 1: with SQL away for this long, the tap is journaled."""
MERGE_EVERY_S = 1.0
MERGE_WITHIN_S = 10.0
"""A merge that takes longer is broken off and tried again on another connection."""
MOST_UNSTORED = 1_000
"""Taps kept in memory where nothing takes them; more than a worker's phones press in an outage."""


class TapDoor:
    """See `safety.journal_ports.TapRaiser`: every road enters here."""

    def __init__(
        self, sos: TapRaiser, journal: Journal | None, ladder: JournalLadder | None, clock: Clock, way: RightOfWay | None = None
    ) -> None:
        self._sos = sos
        self._journal = journal
        self._ladder = ladder
        self._clock = clock
        self._way = way or RightOfWay()
        self._attempts: set[asyncio.Task[Receipt]] = set()
        self._keeping = asyncio.Lock()
        self._unstored: dict[tuple[str, str], SosTap] = {}

    async def raise_sos(self, tap: SosTap) -> Receipt:
        """Return the receipt of `tap`: `received` once committed, `journaled` once synced; raises `Unavailable` when neither can be."""
        tap = msgspec.structs.replace(tap, heard_at=self._clock.now())
        with self._way.taken():
            try:
                receipt = await self._committed(tap)
            except Exception as away:
                # What the flow refuses in words (an unknown visit) is an answer, not an outage.
                if isinstance(away, HubError) and not away.retryable:
                    raise
                failure = away
            else:
                self._forget_unstored(tap)
                return receipt
        try:
            return await self._journaled(tap, failure)
        except Exception as why:
            self._keep_unstored(tap)
            log.error("tap_not_stored", incident_id=tap.incident_id, failure=type(failure).__name__, journal=type(why).__name__)
            raise Unavailable("The tap could not be stored. Keep pressing; call the desk or the emergency number meanwhile.") from failure

    async def merge_once(self) -> int:
        """Carry the journal's taps into SQL; return how many went. What fails stays for the next round."""
        count = 0
        for tap in self._waiting():
            try:
                await self._merged(msgspec.structs.replace(tap, road=Road.JOURNAL, reason=f"Kept; pressed over {tap.road}."))
            except Exception as failure:
                log.warning("taps_wait_for_sql", waiting=len(self._waiting()), failure=type(failure).__name__)
                if isinstance(failure, HubError) and not failure.retryable:
                    continue  # something is wrong with this one alone, and the others do not wait for it
                return count
            await self._settle(tap)
            count += 1
        return count

    async def _merged(self, tap: SosTap) -> None:
        # A connection whose other end vanished would hold up every tap for a quarter of an hour after SQL is back.
        attempt, deadline = asyncio.create_task(self._sos.raise_sos(tap)), asyncio.ensure_future(self._clock.sleep(MERGE_WITHIN_S))
        try:
            await asyncio.wait({attempt, deadline}, return_when=asyncio.FIRST_COMPLETED)
            if not attempt.done():
                raise TimeoutError("SQL did not take the tap in time.")
            attempt.result()
        finally:
            attempt.cancel()
            deadline.cancel()

    def _waiting(self) -> list[SosTap]:
        journaled = () if self._journal is None else self._journal.unmerged()
        return [*journaled, *self._unstored.values()]

    async def run(self) -> None:
        """Merge until cancelled. People are told from the card of what a dead worker left, too, unless SQL takes it at once."""
        left = asyncio.create_task(self._tell_of_what_was_left())
        try:
            while True:
                await self.merge_once()
                await self._clock.sleep(MERGE_EVERY_S)
        finally:
            left.cancel()

    async def _tell_of_what_was_left(self) -> None:
        ladder = self._ladder
        await self._clock.sleep(COMMIT_WITHIN_S)
        if ladder is not None:
            for tap in self._waiting():
                ladder.start(tap)

    @property
    def can_journal(self) -> bool:
        """Tell whether a tap could be stored without SQL: part of readiness."""
        return self._journal is not None

    async def _committed(self, tap: SosTap) -> Receipt:
        attempt = Attempt(self._sos.raise_sos(tap))
        self._attempts.add(attempt.task)
        attempt.task.add_done_callback(self._forget)
        if self._journal is None or attempt.answer.done():
            return await attempt.answer
        deadline = asyncio.ensure_future(self._clock.sleep(COMMIT_WITHIN_S))
        deadline.add_done_callback(lambda _: attempt.give_up("SQL did not commit in time."))
        try:
            return await attempt.answer
        finally:
            deadline.cancel()

    async def _journaled(self, tap: SosTap, failure: Exception) -> Receipt:
        if self._journal is None:
            raise failure
        async with self._keeping:
            if not is_kept_by_others(self._journal.unmerged(), tap):
                await self._journal.append(tap)
                log.error("tap_journaled", incident_id=tap.incident_id, failure=type(failure).__name__)
        self._unstored.pop((tap.who, tap.tap_id), None)
        if self._ladder is not None:
            self._ladder.start(tap)
        return Receipt(tap_id=tap.tap_id, incident_id=tap.incident_id, status="journaled", at=self._clock.now())

    def _keep_unstored(self, tap: SosTap) -> None:
        if len(self._unstored) < MOST_UNSTORED:
            self._unstored.setdefault((tap.who, tap.tap_id), tap)
        if self._ladder is not None:
            self._ladder.start(tap)

    def _forget_unstored(self, tap: SosTap) -> None:
        if self._unstored.pop((tap.who, tap.tap_id), None) is not None and self._ladder is not None:
            self._ladder.stop(tap)

    async def _settle(self, tap: SosTap) -> None:
        self._forget_unstored(tap)
        if self._ladder is not None:
            self._ladder.stop(tap)
        if self._journal is not None and tap in self._journal.unmerged():
            await self._journal.merged(tap)

    def _forget(self, attempt: "asyncio.Task[Receipt]") -> None:
        self._attempts.discard(attempt)
        if not attempt.cancelled() and attempt.exception() is not None:
            log.warning("tap_attempt_failed", failure=type(attempt.exception()).__name__)

"""What happens to the reports of a stock phone? Taps first, then fixes into the one flow of fixes; answered when all of it is durable.

Such apps repeat the oldest report for ever until they get a 2xx, so whatever is unusable is accepted and counted: one broken report must
not hold back every later one, a call for help included.
"""

import asyncio
from collections.abc import Sequence

import structlog

from core.clock import Clock, from_ms
from core.errors import Busy, NotSignedIn
from core.geo import LatLon
from tracking import books
from tracking.fix import Outcome, RawFix, Reason, Sender
from tracking.fix_flow import FixFlow
from tracking.phones.phone_report import PhoneReport, ReportKind
from tracking.ports import Counts, PhoneDoor, PhoneEar, SosTap

log = structlog.get_logger(__name__)

ANSWER_S = 10.0
"""Phones give up after 15 to 60 s; an answer that comes too late is a repetition."""


class PhoneFlow:
    """Takes the reports of phones that know nothing of the hub. `taps` None: the hub has no safety side, and an alarm is answered 503."""

    def __init__(self, door: PhoneDoor, fixes: FixFlow, taps: SosTap | None, ear: PhoneEar, counts: Counts, clock: Clock) -> None:
        self._door = door
        self._fixes = fixes
        self._taps = taps
        self._ear = ear
        self._counts = counts
        self._clock = clock

    async def sender(self, device_token: str) -> Sender:
        """Return whose phone it is; raises `NotSignedIn` for an unknown or revoked token."""
        sender = await self._door.sender_of(device_token)
        if sender is None:
            raise NotSignedIn
        return sender

    async def take(self, sender: Sender, reports: Sequence[PhoneReport]) -> Outcome:
        """Make taps and fixes durable; return what became of the fixes. Raises `Busy` when the phone must send everything again."""
        for report in reports:
            if report.is_sos:
                await self._tap(sender, report)
        self._hear(sender, reports)
        raw = [report.fix for report in reports if report.fix is not None]
        return await self._offered(sender, raw) if raw else Outcome([], [])

    async def _tap(self, sender: Sender, report: PhoneReport) -> None:
        if self._taps is None:
            raise Busy("This hub takes no emergency calls. Call for help in another way.")
        now_ms = self._clock.now_ms()
        at_ms = now_ms if report.at_ms is None else report.at_ms
        # Without a time of its own, repetitions within a minute are the same press.
        tap_id = f"phone-{at_ms if report.at_ms is not None else now_ms // 60_000}"
        await self._taps.tap(sender, tap_id, from_ms(_plausible(at_ms, now_ms)), _place(report.fix))

    def _hear(self, sender: Sender, reports: Sequence[PhoneReport]) -> None:
        unusable = sum(report.kind is ReportKind.UNUSABLE for report in reports)
        if unusable:
            self._counts.add(books.RECEIVED, unusable)
            self._counts.add(books.REJECTED, unusable, reason=Reason.MALFORMED.value)
            log.info("phone_report_unusable", device_id=sender.device_id, reports=unusable)
        battery_pct = next((report.battery_pct for report in reversed(reports) if report.battery_pct is not None), None)
        self._ear.heard(sender, self._clock.now_ms(), battery_pct)

    async def _offered(self, sender: Sender, raw: list[RawFix]) -> Outcome:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._fixes.offer(sender, raw, batch_id=None, on_done=lambda outcome: None if answer.done() else answer.set_result(outcome))
        try:
            async with asyncio.timeout(ANSWER_S):
                outcome = await answer
        except TimeoutError:
            raise Busy from None
        if outcome.error is not None:
            raise Busy
        return outcome


def _plausible(at_ms: int, now_ms: int) -> int:
    """Return the time of a press, or now where a phone's clock says something that cannot be."""
    return at_ms if abs(at_ms - now_ms) < 72 * 3_600_000 else now_ms


def _place(fix: RawFix | None) -> LatLon | None:
    if fix is None:
        return None
    try:
        return LatLon.checked(fix.lat, fix.lon)
    except ValueError:
        return None

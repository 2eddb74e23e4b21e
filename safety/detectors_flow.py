"""How do a site's detectors do? Their modes, their record and every hit, for its desk; what a phone can do, as it declares itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from core.caller import Caller
from core.clock import Clock
from core.errors import NotSignedIn
from core.ids import DeviceId, SiteId
from core.unit_of_work import Tx, UnitOfWork
from safety.check_in import Watch
from safety.detectors.detection import Detection, Watching, mode_of
from safety.detectors.precision import Precision, tally
from safety.detectors.silence import Capability
from safety.watch_ports import Detections, RuleBook

RECORD = timedelta(days=90)
"""How far back a detector's record goes: long enough to count, short enough that it is about today's thresholds."""


class SaidCapabilities(Protocol):
    """Keeps what phones declare. Met by `sql_underway.SqlCapabilities`."""

    async def put(self, tx: Tx, device_id: DeviceId, capability: Capability, now: datetime) -> None:
        """Write what a phone declared last."""
        ...


class DetectorFace(msgspec.Struct, frozen=True, kw_only=True):
    """One detector of a site: what it may do, and its record in each mode in which it hit anything in the last 90 days."""

    watch: Watch
    mode: Watching
    records: Sequence[Precision]


class DetectorsFlow:
    """Reads detectors, takes declarations."""

    def __init__(
        self, work: UnitOfWork, rules: RuleBook, detections: Detections, capabilities: SaidCapabilities, clock: Clock
    ) -> None:
        self._work = work
        self._rules = rules
        self._detections = detections
        self._capabilities = capabilities
        self._clock = clock

    async def detectors(self, caller: Caller, site_id: SiteId) -> Sequence[DetectorFace]:
        """Return every detector of a site with its mode and record."""
        caller.must_reach(site_id)
        now = self._clock.now()
        async with self._work.read() as tx:
            modes = (await self._rules.of(tx, site_id)).detectors
            records = tally(await self._detections.hits(tx, site_id, now - RECORD), now)
        return [
            DetectorFace(watch=watch, mode=mode_of(modes, watch), records=[each for each in records if each.watch is watch])
            for watch in Watch
        ]

    async def hits(self, caller: Caller, site_id: SiteId, watch: Watch | None, after: str | None, limit: int) -> Sequence[Detection]:
        """Return the hits of a site, newest first, with the fixes that they were judged by."""
        caller.must_reach(site_id)
        async with self._work.read() as tx:
            return await self._detections.page(tx, site_id, watch, after, limit)

    async def declare(self, caller: Caller, capability: Capability) -> None:
        """Keep what the caller's phone says that it can do; raises `NotSignedIn` for anything but a phone."""
        if caller.device_id is None:
            raise NotSignedIn
        async with self._work.begin() as tx:
            await self._capabilities.put(tx, caller.device_id, capability, self._clock.now())

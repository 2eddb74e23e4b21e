"""What is wrong with telling people? Named faults in words with their cure, for `/v1/health` and for `preflight`."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from core.clock import Clock
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from notifications.carrier import CarrierName
from notifications.error_class import in_words
from notifications.notice import Channel, Lane
from notifications.ports import RecipientBook

LATE = {Lane.P0: timedelta(seconds=5), Lane.P1: timedelta(seconds=30)}
"""An urgent notice that has been due for so long, and is not being sent, means that no sender runs."""


class NoticeFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: a stable `code`, a sentence with the cure, the site it concerns (None for all)."""

    code: str
    detail: str
    site_id: SiteId | None = None

    def in_words(self) -> str:
        """Return the sentence, with the site where it concerns one."""
        return self.detail if self.site_id is None else f"{self.site_id}: {self.detail}"


class LagStore(Protocol):
    """Tells how late the outbox is. Met by `sql_outbox.SqlOutbox`."""

    async def oldest_due(self, tx: Tx, lanes: Collection[Lane]) -> datetime | None:
        """Return since when the oldest unsent notice is due."""
        ...

    async def refused_since(self, tx: Tx, lanes: Collection[Lane], since: datetime) -> Mapping[str, int]:
        """Return how many open notices, made before then, no carrier has taken yet though one was asked, by class of error."""
        ...


class HealthFlow:
    """Looks at carriers, recipients and the outbox. `carriers`: what is set up."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        outbox: LagStore,
        recipients: RecipientBook,
        carriers: Mapping[tuple[CarrierName, Channel], object],
        clock: Clock,
    ) -> None:
        self._work = work
        self._outbox = outbox
        self._recipients = recipients
        self._carriers = carriers
        self._clock = clock

    async def faults(self, sites: Collection[SiteId] = ()) -> list[NoticeFault]:
        """Return everything that is wrong now for `sites`; empty when all is well."""
        async with self._work.read() as tx:
            told = [*await self._lag_faults(tx), *await self._refused_faults(tx), *await self._people_faults(tx, sites)]
        return [*self.carrier_faults(), *told]

    def carrier_faults(self) -> list[NoticeFault]:
        """Return what is missing of roads to phones; also what new assignments are blocked with."""
        faults = []
        for channel, word in ((Channel.SMS, "texts"), (Channel.VOICE, "calls")):
            names = {name for name, carried in self._carriers if carried is channel}
            if not names:
                detail = f"No account carries {word}, so nobody is reached. Set PORCHLIGHT_TWILIO_* or PORCHLIGHT_GATEWAY_*."
                faults.append(NoticeFault(code=f"no_{channel}", detail=detail))
            elif names <= {CarrierName.FILE}:
                detail = f"Only a file takes {word}: nobody is reached by phone."
                faults.append(NoticeFault(code=f"only_file_{channel}", detail=detail))
        return faults

    async def _lag_faults(self, tx: Tx) -> list[NoticeFault]:
        now = self._clock.now()
        faults = []
        for lane, late in LATE.items():
            due_at = await self._outbox.oldest_due(tx, (lane,))
            if due_at is not None and now - due_at > late:
                waited_s = int((now - due_at).total_seconds())
                detail = f"A notice of lane {lane} has waited {waited_s} s. Is a worker running? Is SQL slow?"
                faults.append(NoticeFault(code=f"outbox_late_{lane}", detail=detail))
        return faults

    async def _refused_faults(self, tx: Tx) -> list[NoticeFault]:
        found = await self._outbox.refused_since(tx, tuple(LATE), self._clock.now() - LATE[Lane.P0])
        return [
            NoticeFault(
                code=f"carrier_{error}",
                detail=f"{count} urgent notices wait for their carrier, {in_words(error, None)}. See its status page and your account.",
            )
            for error, count in sorted(found.items())
        ]

    async def _people_faults(self, tx: Tx, sites: Collection[SiteId]) -> list[NoticeFault]:
        faults = []
        for site_id in sites:
            people = await self._recipients.alarmed(tx, site_id)
            if not people:
                detail = "Nobody gets the alarms of this site. Add a recipient with `is_alarmed`."
                faults.append(NoticeFault(code="nobody_alarmed", detail=detail, site_id=site_id))
            elif not any(person.verified_at for person in people):
                detail = "No number that gets the alarms of this site is verified. Have the code sent and enter it."
                faults.append(NoticeFault(code="nobody_verified", detail=detail, site_id=site_id))
        return faults

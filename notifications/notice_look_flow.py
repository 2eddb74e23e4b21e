"""Who was told what? Reads notices with their recipients and attempts, for the desk and the command line."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from core.errors import NotFound
from core.ids import NoticeId, SiteId
from core.unit_of_work import Tx, UnitOfWork
from notifications.notice import Enqueued, NoticeState
from notifications.ports import Attempt, RecipientBook
from notifications.recipient import Recipient


class NoticeStore(Protocol):
    """The outbox as a reader sees it. Met by `sql_outbox.SqlOutbox`."""

    async def listed(
        self,
        tx: Tx,
        *,
        sites: Collection[SiteId],
        subject: str | None = None,
        state: NoticeState | None = None,
        before: datetime | None = None,
        limit: int = 100,
    ) -> list[Enqueued]:
        """Return notices of `sites`, newest first."""
        ...

    async def get(self, tx: Tx, notice_id: NoticeId) -> Enqueued | None:
        """Return one notice."""
        ...

    async def attempts_of(self, tx: Tx, notice_id: NoticeId) -> list[Attempt]:
        """Return its attempts, first to last."""
        ...


class NoticeLookFlow:
    """Reads notices."""

    def __init__(self, *, work: UnitOfWork, outbox: NoticeStore, recipients: RecipientBook) -> None:
        self._work = work
        self._outbox = outbox
        self._recipients = recipients

    async def listed(
        self,
        sites: frozenset[SiteId],
        subject: str | None = None,
        state: NoticeState | None = None,
        before: datetime | None = None,
        limit: int = 50,
    ) -> list[tuple[Enqueued, Recipient | None]]:
        """Return notices of `sites` with their recipients, newest first."""
        async with self._work.read() as tx:
            rows = await self._outbox.listed(tx, sites=sites, subject=subject, state=state, before=before, limit=limit)
            people = await self._recipients.by_ids(tx, {row.notice.recipient_id for row in rows})
        return [(row, people.get(row.notice.recipient_id)) for row in rows]

    async def read(self, sites: frozenset[SiteId], notice_id: NoticeId) -> tuple[Enqueued, Recipient | None, list[Attempt]]:
        """Return one notice with recipient and attempts; raises `NotFound`, also for one of another site."""
        async with self._work.read() as tx:
            row = await self._outbox.get(tx, notice_id)
            if row is None or row.notice.site_id not in sites:
                raise NotFound("There is no such notice. Check the id.")
            people = await self._recipients.by_ids(tx, [row.notice.recipient_id])
            attempts = await self._outbox.attempts_of(tx, notice_id)
        return row, people.get(row.notice.recipient_id), attempts

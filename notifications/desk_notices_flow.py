"""What of the notices does the console show? The urgent ones of the last hours, in words, site by site.

Met by this: the console's `notices` topic. Its mark is the moment of the newest change, in microseconds.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from core.clock import Clock, to_ms
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from notifications.notice import Enqueued, Lane
from notifications.templates import Templates, Variant, minimal

SHOWN_FOR = timedelta(hours=12)
"""A shift of the desk; older ones are read from the list over HTTP."""
MOST = 100


class DeskNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as the console shows it: `text` in the site's language, never a number; `lane` P0-P3."""

    id: str
    subject: str
    lane: str
    channel: str
    state: str
    text: str
    at_ms: int
    error: str | None = None


class DeskItems(msgspec.Struct, frozen=True):
    """All items at one moment, and the mark up to which changes are contained."""

    items: Sequence[DeskNotice]
    mark: int


class DeskChanges(msgspec.Struct, frozen=True):
    """Nothing changed since the mark: both lists are empty."""

    put: Sequence[DeskNotice]
    drop: Sequence[str]
    mark: int


class DeskStore(Protocol):
    """The outbox as the console reads it. Met by `sql_outbox.SqlOutbox`."""

    async def urgent_since(self, tx: Tx, site_id: SiteId, lanes: Collection[Lane], since: datetime, limit: int) -> list[Enqueued]:
        """Return the site's notices of `lanes` made since then, newest first."""
        ...

    async def last_change(self, tx: Tx, site_id: SiteId, lanes: Collection[Lane]) -> datetime | None:
        """Return when a notice of the site and `lanes` was made or settled last."""
        ...


class DeskLanguages(Protocol):
    """Which language does a desk read? Met in `hub` over the sites."""

    async def language_of(self, tx: Tx, site_id: SiteId) -> str:
        """Return a BCP 47 tag."""
        ...


class DeskNoticesFlow:
    """The truth behind the console's `notices` topic."""

    def __init__(self, *, work: UnitOfWork, outbox: DeskStore, templates: Templates, clock: Clock, languages: DeskLanguages) -> None:
        self._work = work
        self._outbox = outbox
        self._templates = templates
        self._clock = clock
        self._languages = languages

    async def snapshot(self, site_id: SiteId) -> DeskItems:
        """Return the site's urgent notices of the last hours, newest first."""
        async with self._work.read() as tx:
            mark = _mark(await self._outbox.last_change(tx, site_id, _URGENT))
            rows = await self._outbox.urgent_since(tx, site_id, _URGENT, self._clock.now() - SHOWN_FOR, MOST)
            language = await self._languages.language_of(tx, site_id)
        return DeskItems([self._item(row, language) for row in rows], mark)

    async def changes(self, site_id: SiteId, after: int) -> DeskChanges | None:
        """Return that nothing changed after the mark, or None: then the snapshot is read and compared."""
        async with self._work.read() as tx:
            mark = _mark(await self._outbox.last_change(tx, site_id, _URGENT))
        return DeskChanges((), (), mark) if mark == after else None

    def _item(self, row: Enqueued, language: str) -> DeskNotice:
        notice = row.notice
        words = {**notice.variables, "code": notice.short_code}
        said = self._templates.said(notice.template, words, language=language, variant=Variant.SHORT, may_link=False)
        return DeskNotice(
            id=row.id,
            subject=notice.subject,
            lane=notice.lane.upper(),
            channel=notice.channel,
            state=row.state,
            text=said or minimal(language, notice.lane, notice.short_code, "Porchlight"),
            at_ms=to_ms(row.created_at),
            error=row.error_code,
        )


_URGENT = (Lane.P0, Lane.P1)


def _mark(changed_at: datetime | None) -> int:
    return 0 if changed_at is None else int(changed_at.timestamp() * 1_000_000)

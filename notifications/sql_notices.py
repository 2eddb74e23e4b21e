"""Notices in SQL, read: for the desk, the command line, health and metrics. Every method works in the transaction it is given."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Row

from core.ids import NoticeId, RecipientId, SiteId
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from notifications.delivery import Receipt
from notifications.error_class import ErrorClass
from notifications.notice import Channel, Enqueued, Lane, Notice, NoticeState
from notifications.ports import Attempt
from notifications.tables import notice_attempts, notices

PURPOSE = "notice"
KEPT = tuple(field for field in Enqueued.__struct_fields__ if field not in ("notice", "state"))
"""Columns that are fields of `Enqueued` as they are."""


_OF_LANES = notices.c.lane.in_(bindparam("lanes", expanding=True))
_NEXT_MOMENT = select(
    select(func.min(notices.c.send_at)).where(_OF_LANES, notices.c.state == NoticeState.PENDING.value).scalar_subquery(),
    select(func.min(notices.c.look_at)).where(_OF_LANES).scalar_subquery(),
)


class SqlNotices:
    """Reads notices and their attempts."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring

    async def attempts_of(self, tx: Tx, notice_id: NoticeId) -> list[Attempt]:
        """Return the attempts of a notice, first to last."""
        query = select(notice_attempts).where(notice_attempts.c.notice_id == notice_id).order_by(notice_attempts.c.number)
        return [attempt_of_row(row) for row in await tx.conn.execute(query)]

    async def next_moment(self, tx: Tx, lanes: Collection[Lane]) -> datetime | None:
        """Return when a notice of `lanes` is next due to be sent or looked after, None when nothing waits."""
        found = (await tx.conn.execute(_NEXT_MOMENT, {"lanes": list(lanes)})).one()
        return min((moment for moment in found if moment is not None), default=None)

    async def get(self, tx: Tx, notice_id: NoticeId) -> Enqueued | None:
        """Return one row, None when there is none."""
        row = (await tx.conn.execute(select(notices).where(notices.c.id == notice_id))).first()
        return None if row is None else self.enqueued(row)

    async def listed(
        self, tx: Tx, *, sites: Collection[SiteId], subject: str | None = None, state: NoticeState | None = None,
        before: datetime | None = None, limit: int = 100,
    ) -> list[Enqueued]:
        """Return notices of `sites`, newest first; `before` continues a list."""
        query = select(notices).where(notices.c.site_id.in_(sites)).order_by(notices.c.created_at.desc(), notices.c.id).limit(limit)
        if subject is not None:
            query = query.where(notices.c.subject == subject)
        if state is not None:
            query = query.where(notices.c.state == state)
        if before is not None:
            query = query.where(notices.c.created_at < before)
        return [self.enqueued(row) for row in await tx.conn.execute(query)]

    async def urgent_since(self, tx: Tx, site_id: SiteId, lanes: Collection[Lane], since: datetime, limit: int) -> list[Enqueued]:
        """See `desk_notices_flow.DeskStore`."""
        query = select(notices).where(notices.c.site_id == site_id, notices.c.created_at >= since, notices.c.lane.in_(lanes))
        found = await tx.conn.execute(query.order_by(notices.c.created_at.desc(), notices.c.id).limit(limit))
        return [self.enqueued(row) for row in found]

    async def last_change(self, tx: Tx, site_id: SiteId, lanes: Collection[Lane]) -> datetime | None:
        """See `desk_notices_flow.DeskStore`."""
        newest = func.max(func.coalesce(notices.c.settled_at, notices.c.created_at))
        query = select(newest).where(notices.c.site_id == site_id, notices.c.lane.in_(lanes))
        found: datetime | None = (await tx.conn.execute(query)).scalar()
        return found

    async def subject_of_code(self, tx: Tx, recipient_ids: Collection[RecipientId], code: str, since: datetime) -> Enqueued | None:
        """Return the newest urgent notice with `code` that was sent to one of these recipients since then: nobody acknowledges by
        guessing.
        """
        query = (
            select(notices)
            .where(notices.c.recipient_id.in_(recipient_ids), notices.c.code == code, notices.c.created_at >= since)
            .where(notices.c.lane.in_([Lane.P0, Lane.P1]), notices.c.attempts > 0)
            .order_by(notices.c.created_at.desc())
            .limit(1)
        )
        row = (await tx.conn.execute(query)).first()
        return None if row is None else self.enqueued(row)

    async def unsure_beside(self, tx: Tx, row: Enqueued, since: datetime) -> int:
        """See `ports.OutboxStore.unsure_beside`."""
        tried = notice_attempts
        is_unsure = tried.c.provider_id.is_(None) & (tried.c.error_class.is_(None) | (tried.c.error_class == ErrorClass.AMBIGUOUS))
        query = (
            select(func.count())
            .select_from(notices.join(tried, tried.c.notice_id == notices.c.id))
            .where(notices.c.recipient_id == row.notice.recipient_id, notices.c.channel == row.notice.channel.value)
            .where(notices.c.id != row.id, is_unsure, tried.c.started_at >= since)
        )
        return int((await tx.conn.execute(query)).scalar_one())

    async def backlog(self, tx: Tx) -> Mapping[tuple[str, str], int]:
        """Return how many rows there are by (lane, state): the metrics' gauge. Cost: one index scan."""
        query = select(notices.c.lane, notices.c.state, func.count()).group_by(notices.c.lane, notices.c.state)
        return {(lane, state): count for lane, state, count in await tx.conn.execute(query)}

    async def oldest_due(self, tx: Tx, lanes: Collection[Lane]) -> datetime | None:
        """Return since when the oldest unsent notice of `lanes` is due, None when nothing waits: the outbox's lag."""
        query = select(func.min(notices.c.send_at)).where(notices.c.lane.in_(lanes), notices.c.state == NoticeState.PENDING)
        found: datetime | None = (await tx.conn.execute(query)).scalar()
        return found

    async def refused_since(self, tx: Tx, lanes: Collection[Lane], since: datetime) -> Mapping[str, int]:
        """Return how many open notices of `lanes`, made before then, no carrier has taken yet though one was asked, by class of error."""
        is_open = notices.c.state.in_([NoticeState.PENDING, NoticeState.SENDING, NoticeState.AMBIGUOUS])
        query = (
            select(notices.c.error_class, func.count())
            .where(is_open, notices.c.lane.in_(lanes), notices.c.created_at <= since, notices.c.error_class.is_not(None))
            .group_by(notices.c.error_class)
        )
        return {row[0]: row[1] for row in await tx.conn.execute(query)}

    def enqueued(self, row: Row[Any], known: Notice | None = None) -> Enqueued:
        """Return a row of the table as a value; `known` spares the unsealing where the caller holds the notice already."""
        kept = {name: getattr(row, name) for name in KEPT}
        return Enqueued(notice=known or self._notice(row), state=NoticeState(row.state), **kept)

    def _notice(self, row: Row[Any]) -> Notice:
        template, _, version = row.template_key.rpartition("/")
        return Notice(
            site_id=SiteId(row.site_id),
            subject=row.subject,
            lane=Lane(row.lane),
            channel=Channel(row.channel),
            recipient_id=RecipientId(row.recipient_id),
            template=template,
            variables=msgspec.json.decode(self._key_ring.unseal(PURPOSE, row.variables_sealed)),
            ladder_round=row.ladder_round,
            tier=row.tier,
            template_version=int(version),
            code=row.code,
            expires_at=row.expires_at,
            next_recipients=tuple(msgspec.json.decode(row.next_recipients)),
            visit_id=row.visit_id,
        )


def attempt_of_row(row: Row[Any]) -> Attempt:
    """Return a row of the attempts as a value."""
    return Attempt(
        notice_id=NoticeId(row.notice_id),
        number=row.number,
        carrier=row.carrier,
        started_at=row.started_at,
        provider_id=row.provider_id,
        receipt=None if row.receipt is None else Receipt(row.receipt),
        error_class=row.error_class,
        error_code=row.error_code,
    )


"""Notices over HTTP, for the desk: who was told what, by which road, and what the networks said. Numbers are masked."""

from datetime import datetime
from typing import Any, Protocol

import msgspec

from core.caller import CallerKind
from core.errors import BadInput, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import NoticeId, SiteId
from notifications.notice import Enqueued, NoticeState
from notifications.ports import Attempt
from notifications.recipient import Recipient


class NoticeReader(Protocol):
    """Reads notices. Met by `notice_look_flow.NoticeLookFlow`."""

    async def listed(
        self, sites: frozenset[SiteId], subject: str | None, state: NoticeState | None, before: datetime | None, limit: int
    ) -> list[tuple[Enqueued, Recipient | None]]:
        """Return notices with their recipients, newest first."""
        ...

    async def read(self, sites: frozenset[SiteId], notice_id: NoticeId) -> tuple[Enqueued, Recipient | None, list[Attempt]]:
        """Return one notice with its attempts; raises `NotFound`."""
        ...


class AttemptOut(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a carrier."""

    number: int
    carrier: str
    started_at: datetime
    receipt: str | None
    error_class: str | None
    error_code: str | None


class NoticeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A notice. `to`: name and masked number, or `desk`."""

    id: str
    site_id: str
    subject: str
    lane: str
    channel: str
    template: str
    ladder_round: int
    tier: int
    code: str
    to: str
    state: NoticeState
    created_at: datetime
    send_at: datetime | None
    attempts: int
    carrier: str | None
    error_class: str | None
    error_code: str | None
    acknowledged_at: datetime | None
    acknowledged_how: str | None
    is_repeat: bool
    tries: list[AttemptOut] = []


class NoticeList(msgspec.Struct, frozen=True):
    """Notices, newest first; `before` continues the list, null at its end."""

    items: list[NoticeOut]
    before: datetime | None


class NoticeQuery(msgspec.Struct, frozen=True):
    """`subject`: of this incident or visit; `before`: older than; `limit`: 1-200."""

    subject: str | None = None
    state: NoticeState | None = None
    before: datetime | None = None
    limit: int = 50


class _Doors:
    def __init__(self, reader: NoticeReader) -> None:
        self._reader = reader

    async def listed(self, call: Call) -> NoticeList:
        query: NoticeQuery = call.query
        if not 1 <= query.limit <= 200:
            raise BadInput("`limit` is 1 to 200.")
        if query.before is not None and query.before.tzinfo is None:
            raise BadInput("`before` needs a zone, such as 2026-03-02T09:00:00Z.")
        found = await self._reader.listed(call.caller.sites, query.subject, query.state, query.before, query.limit)
        items = [notice_out(row, person) for row, person in found]
        return NoticeList(items, items[-1].created_at if len(items) == query.limit else None)

    async def read(self, call: Call) -> NoticeOut:
        return notice_out(*await self._reader.read(call.caller.sites, NoticeId(call.path["notice_id"])))


def endpoints(reader: NoticeReader) -> list[Endpoint]:
    """Return the rows of this edge."""
    doors = _Doors(reader)
    common: dict[str, Any] = {"method": "GET", "callers": frozenset({CallerKind.DISPATCHER}), "tag": "notices", "errors": (NotFound,)}
    return [
        Endpoint(
            path="/v1/notices", name="list_notices", summary="List notices of the sites she reaches.", handler=doors.listed,
            query=NoticeQuery, response=NoticeList, **common,
        ),
        Endpoint(
            path="/v1/notices/{notice_id}", name="read_notice", summary="Read a notice with every attempt.", handler=doors.read,
            response=NoticeOut, **common,
        ),
    ]  # fmt: skip


def notice_out(row: Enqueued, person: Recipient | None, tries: list[Attempt] | None = None) -> NoticeOut:
    """Return a notice as it may be shown to the desk."""
    notice = row.notice
    return NoticeOut(
        id=row.id,
        site_id=notice.site_id,
        subject=notice.subject,
        lane=notice.lane,
        channel=notice.channel,
        template=notice.template,
        ladder_round=notice.ladder_round,
        tier=notice.tier,
        code=notice.short_code,
        to=notice.recipient_id if person is None else f"{person.name} {person.number_masked}".strip(),
        state=row.state,
        created_at=row.created_at,
        send_at=row.send_at,
        attempts=row.attempts,
        carrier=row.carrier,
        error_class=row.error_class,
        error_code=row.error_code,
        acknowledged_at=row.acknowledged_at,
        acknowledged_how=row.acknowledged_how,
        is_repeat=row.is_repeat,
        tries=[AttemptOut(**{name: getattr(attempt, name) for name in AttemptOut.__struct_fields__}) for attempt in tries or []],
    )

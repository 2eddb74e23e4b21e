"""Shifts over HTTP: the technician opens, pauses, resumes, replans and closes hers; the desk lists them and may close one with a reason."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from core.caller import CallerKind, Scope
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import ShiftId, SiteId
from visits.paging import PageQuery, next_cursor, page_of
from visits.shift_face import ShiftFace, shift_face
from visits.shift_flow import ShiftFlow


class OpenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`planned_end` with zone (RFC 3339); `notice_version`: which text about location use she was shown."""

    planned_end: datetime
    notice_version: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class ReplanBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`planned_end` with zone (RFC 3339)."""

    planned_end: datetime


class CloseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the desk closes it."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class MyShift(msgspec.Struct, frozen=True):
    """The technician's open or paused shift, null without one."""

    shift: ShiftFace | None


class ShiftsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`site` narrows the list; `open=true` lists those that are not closed."""

    site: SiteId | None = None
    open: bool = False


class ShiftPage(msgspec.Struct, frozen=True):
    """Part of the shifts; `next_cursor` null on the last page."""

    items: list[ShiftFace]
    next_cursor: str | None = None


def endpoints(shifts: ShiftFlow) -> list[Endpoint]:
    """Return the rows of this edge."""
    return [*_rows_of_technician(shifts), *_rows_of_desk(shifts)]


def _rows_of_technician(shifts: ShiftFlow) -> list[Endpoint]:
    async def current(call: Call) -> MyShift:
        shift = await shifts.current(call.caller)
        return MyShift(None if shift is None else shift_face(shift))

    async def open_(call: Call) -> ShiftFace:
        body: OpenBody = call.body
        return shift_face(await shifts.open(call.caller, _zoned(body.planned_end), body.notice_version))

    async def pause(call: Call) -> ShiftFace:
        return shift_face(await shifts.pause(call.caller))

    async def resume(call: Call) -> ShiftFace:
        return shift_face(await shifts.resume(call.caller))

    async def replan(call: Call) -> ShiftFace:
        return shift_face(await shifts.replan(call.caller, _zoned(call.body.planned_end)))

    async def close(call: Call) -> ShiftFace:
        return shift_face(await shifts.close(call.caller))

    common: dict[str, Any] = {"callers": frozenset({CallerKind.DEVICE}), "tag": "shifts", "errors": (BadInput, NotAllowed, Conflict)}
    act: dict[str, Any] = {"method": "POST", "response": ShiftFace, "idempotent": True, **common}
    path = "/v1/me/shift"
    return [
        Endpoint(method="GET", path=path, name="my_shift", summary="Her open shift.", handler=current, response=MyShift, **common),
        Endpoint(path=path, name="open_shift", summary="Open a shift.", handler=open_, request=OpenBody, status=201, **act),
        Endpoint(path=path + "/pause", name="pause_shift", summary="Take a break: nothing is located.", handler=pause, **act),
        Endpoint(path=path + "/resume", name="resume_shift", summary="End the break.", handler=resume, **act),
        Endpoint(path=path + "/replan", name="replan_shift", summary="Move the planned end.", handler=replan, request=ReplanBody, **act),
        Endpoint(path=path + "/close", name="close_shift", summary="Close the shift.", handler=close, **act),
    ]


def _rows_of_desk(shifts: ShiftFlow) -> list[Endpoint]:
    async def page(call: Call) -> ShiftPage:
        query: ShiftsQuery = call.query
        sites = call.caller.sites if query.site is None else call.caller.sites & {query.site}
        items = [shift_face(each) for each in await shifts.page(sites, page_of(query.cursor, query.limit), only_open=query.open)]
        return ShiftPage(items, next_cursor(items, query.limit))

    async def close(call: Call) -> ShiftFace:
        return shift_face(await shifts.close_for_her(call.caller, ShiftId(call.path["shift_id"]), call.body.reason))

    return [
        Endpoint(
            method="GET",
            path="/v1/shifts",
            name="list_shifts",
            summary="List shifts of the caller's sites.",
            handler=page,
            callers=frozenset({CallerKind.DISPATCHER, CallerKind.API}),
            scope=Scope.VISITS_READ,
            query=ShiftsQuery,
            response=ShiftPage,
            tag="shifts",
            errors=(BadInput,),
        ),
        Endpoint(
            method="POST",
            path="/v1/shifts/{shift_id}/close",
            name="close_her_shift",
            summary="Close a technician's shift, with a reason.",
            handler=close,
            callers=frozenset({CallerKind.DISPATCHER}),
            request=CloseBody,
            response=ShiftFace,
            idempotent=True,
            tag="shifts",
            errors=(BadInput, NotFound, Conflict),
        ),
    ]


def _zoned(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise BadInput("planned_end needs a zone. Write it as 2026-03-02T22:00:00+08:00.")
    return at

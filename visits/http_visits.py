"""Visits over HTTP: book, list, read, and one path for each act. Called by Starlette through the endpoint table, calls one flow each."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.responses import Response

from core.caller import Caller, CallerKind, Scope
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId, TechnicianId, VisitId
from visits.act_bodies import ActBody, AssignBody, ExtendBody, StartBody, VisitBody, draft_of, told_of
from visits.booking_flow import BookingFlow
from visits.paging import MAX_LIMIT, PageQuery, next_cursor, page_of
from visits.ports import Datums
from visits.stage import Stage
from visits.visit import Told, Visit
from visits.visit_face import ActFace, VisitFace, listed
from visits.visit_flow import VisitFlow
from visits.visit_look_flow import VisitLookFlow
from visits.visit_stores import Look, VisitFilter

DESK = frozenset({CallerKind.DISPATCHER, CallerKind.API})
EVERYONE = DESK | {CallerKind.DEVICE}
HERS = frozenset({CallerKind.DEVICE})


class VisitsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`site`, `technician`, `external_ref` narrow the list; `stage` is one or more stages joined by commas."""

    site: SiteId | None = None
    stage: str | None = None
    technician: TechnicianId | None = None
    external_ref: str | None = None


class VisitPage(msgspec.Struct, frozen=True):
    """Part of the visits; `next_cursor` null on the last page."""

    items: list[VisitFace]
    next_cursor: str | None = None


class MyVisits(msgspec.Struct, frozen=True):
    """The technician's open visits, by window."""

    items: list[VisitFace]


class VisitActs(msgspec.Struct, frozen=True):
    """Every act on a visit, oldest first."""

    items: list[ActFace]


class LooksQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`subject`: id of the visit or technician that was looked at."""

    subject: str | None = None


class LookPage(msgspec.Struct, frozen=True):
    """Who read what, newest first."""

    items: list[Look]
    next_cursor: str | None = None


Move = Callable[[Caller, VisitId, Any, Told], Awaitable[Visit]]


def endpoints(booking: BookingFlow, acts: VisitFlow, looks: VisitLookFlow, datums: Datums) -> list[Endpoint]:
    """Return the rows of this edge."""
    return [*_booking_rows(booking, datums), *_reading_rows(looks), *_act_rows(acts, looks, datums)]


def _booking_rows(booking: BookingFlow, datums: Datums) -> list[Endpoint]:
    async def book(call: Call) -> Response:
        body: VisitBody = call.body
        booked = await booking.book(call.caller, body.site_id, draft_of(body, datums))
        face = listed(booked.visit, call.caller.kind)
        return Response(msgspec.json.encode(face), 201 if booked.is_new else 200, {"Cache-Control": "no-store"}, "application/json")

    return [
        Endpoint(
            method="POST",
            path="/v1/visits",
            name="book_visit",
            summary="Book a visit (201), or change the one of the same external_ref (200).",
            handler=book,
            callers=DESK,
            scope=Scope.VISITS_WRITE,
            request=VisitBody,
            response=VisitFace,
            status=201,
            answers=((201, "application/json"), (200, "application/json")),
            idempotent=True,
            tag="visits",
            errors=(BadInput, NotFound, Conflict),
        )
    ]


def _reading_rows(looks: VisitLookFlow) -> list[Endpoint]:
    async def page(call: Call) -> VisitPage:
        query: VisitsQuery = call.query
        items = await looks.page(call.caller, _filter(query, call.caller), page_of(query.cursor, query.limit))
        return VisitPage(list(items), next_cursor(items, query.limit))

    async def read(call: Call) -> VisitFace:
        return await looks.look(call.caller, VisitId(call.path["visit_id"]))

    async def mine(call: Call) -> MyVisits:
        return MyVisits(list(await looks.mine(call.caller)))

    async def acts(call: Call) -> VisitActs:
        return VisitActs(list(await looks.acts(call.caller, VisitId(call.path["visit_id"]))))

    async def looked(call: Call) -> LookPage:
        query: LooksQuery = call.query
        items = await looks.looks(call.caller, query.subject, page_of(query.cursor, query.limit))
        return LookPage(list(items), next_cursor(items, query.limit))

    common: dict[str, Any] = {"method": "GET", "tag": "visits", "errors": (NotFound,)}
    desk_only = frozenset({CallerKind.DISPATCHER})
    read_scope = Scope.VISITS_READ
    return [
        Endpoint(
            path="/v1/visits",
            name="list_visits",
            summary=f"List visits, nothing personal in them, up to {MAX_LIMIT} a page.",
            handler=page,
            callers=DESK,
            scope=read_scope,
            query=VisitsQuery,
            response=VisitPage,
            **common,
        ),
        Endpoint(
            path="/v1/visits/{visit_id}",
            name="read_visit",
            summary="Read one visit as the reader may see it; a look of desk or platform is noted.",
            handler=read,
            callers=EVERYONE,
            scope=read_scope,
            response=VisitFace,
            **common,
        ),
        Endpoint(
            path="/v1/visits/{visit_id}/acts",
            name="list_acts",
            summary="Who did what when to this visit, and where was she?",
            handler=acts,
            callers=desk_only,
            response=VisitActs,
            **common,
        ),
        Endpoint(
            path="/v1/me/visits",
            name="my_visits",
            summary="The technician's open visits; place and customer from assigned until left.",
            handler=mine,
            callers=HERS,
            response=MyVisits,
            **common,
        ),
        Endpoint(
            path="/v1/looks",
            name="list_looks",
            summary="Who read what personal things?",
            handler=looked,
            callers=desk_only,
            query=LooksQuery,
            response=LookPage,
            **common,
        ),
    ]


def _act_rows(acts: VisitFlow, looks: VisitLookFlow, datums: Datums) -> list[Endpoint]:
    moves: list[tuple[str, str, frozenset[CallerKind], type[ActBody], Move]] = [
        ("assign", "Give the visit to a technician.", DESK, AssignBody, lambda c, v, b, t: acts.assign(c, v, b.technician_id, t)),
        ("reassign", "Give it to another technician.", DESK, AssignBody, lambda c, v, b, t: acts.reassign(c, v, b.technician_id, t)),
        ("depart", "She sets out.", EVERYONE, ActBody, lambda c, v, _, t: acts.depart(c, v, t)),
        ("arrive", "She is there.", EVERYONE, ActBody, lambda c, v, _, t: acts.arrive(c, v, t)),
        ("start", "The door code matches; the service starts.", EVERYONE, StartBody, lambda c, v, b, t: acts.start(c, v, b.door_code, t)),
        ("extend", "Add minutes to the service.", EVERYONE, ExtendBody, lambda c, v, b, t: acts.extend(c, v, b.minutes, t)),
        ("end", "The service is over.", EVERYONE, ActBody, lambda c, v, _, t: acts.end(c, v, t)),
        ("leave", "She has left the place: the visit closes.", EVERYONE, ActBody, lambda c, v, _, t: acts.leave(c, v, t)),
        ("cancel", "Call it off, with a reason.", EVERYONE, ActBody, lambda c, v, _, t: acts.cancel(c, v, t)),
        ("no_show", "Nobody opened the door.", EVERYONE, ActBody, lambda c, v, _, t: acts.no_show(c, v, t)),
        ("abort_unsafe", "She breaks off because it is not safe.", EVERYONE, ActBody, lambda c, v, _, t: acts.abort_unsafe(c, v, t)),
    ]
    return [_act_row(name, summary, callers, body, move, looks, datums) for name, summary, callers, body, move in moves]


def _act_row(
    name: str, summary: str, callers: frozenset[CallerKind], body: type[ActBody], move: Move, looks: VisitLookFlow,
    datums: Datums,
) -> Endpoint:
    async def act(call: Call) -> VisitFace:
        told = told_of(call.body, call.request.headers.get("idempotency-key"), datums)
        visit = await move(call.caller, VisitId(call.path["visit_id"]), call.body, told)
        return await looks.hers(call.caller, visit) if call.caller.kind is CallerKind.DEVICE else listed(visit, call.caller.kind)

    return Endpoint(
        method="POST",
        path=f"/v1/visits/{{visit_id}}/{name}",
        name=f"{name}_visit",
        summary=summary,
        handler=act,
        callers=callers,
        scope=Scope.VISITS_WRITE,
        request=body,
        response=VisitFace,
        idempotent=True,
        tag="visits",
        errors=(BadInput, NotFound, NotAllowed, Conflict),
    )


def _filter(query: VisitsQuery, caller: Caller) -> VisitFilter:
    try:
        stages = frozenset(Stage(each) for each in query.stage.split(",")) if query.stage else frozenset()
    except ValueError:
        raise BadInput(f"stage is one or more of {', '.join(Stage)}, joined by commas.") from None
    if caller.kind is not CallerKind.DISPATCHER:
        stages = _told_apart(stages)
    return VisitFilter(
        sites=caller.sites if query.site is None else caller.sites & {query.site},
        stages=stages,
        technician_id=query.technician,
        external_ref=query.external_ref,
    )


def _told_apart(stages: frozenset[Stage]) -> frozenset[Stage]:
    # To the platform a visit broken off for safety is an ended one: it is found among those, and not by its own name.
    plain = stages - {Stage.ABORTED_UNSAFE}
    if stages and not plain:
        raise BadInput("stage aborted_unsafe is known to the desk alone; ask for ended.")
    return plain | {Stage.ABORTED_UNSAFE} if Stage.ENDED in plain else plain

"""Receipts over HTTP: the receipt of a visit with its amendments, settling by hand, proving one, a technician's statement.

Each handler calls one flow method. Who reads decides what is shown: the customer her face, the technician hers, the desk everything.
Settling again is harmless: it returns the same receipt.
"""

from datetime import datetime
from typing import Any

import msgspec

from core.caller import Caller, CallerKind, Scope
from core.clock import to_ms
from core.errors import BadInput, Conflict, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import VisitId
from tracking.fares.answers import ReceiptsFace
from tracking.fares.faces import desk_face, receipt_face
from tracking.fares.receipt import Receipt
from tracking.fares.receipt_flow import ReceiptFlow
from tracking.fares.statement import Statement
from visits.visit import Visit

DESK = frozenset({CallerKind.API, CallerKind.DISPATCHER})
READERS = DESK | {CallerKind.LINK, CallerKind.DEVICE}


class ReplayFace(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the receipt computed again is identical; else what differs."""

    visit_id: str
    is_identical: bool
    digest: str
    differences: list[dict[str, Any]]


class StatementQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time, both ends with a zone, such as a shift's."""

    from_: datetime = msgspec.field(name="from")
    until: datetime


def endpoints(flow: ReceiptFlow) -> list[Endpoint]:
    """Return the rows of this edge."""

    async def read(call: Call) -> ReceiptsFace:
        return await _shown(flow, call.caller, VisitId(call.path["visit_id"]))

    async def settle(call: Call) -> ReceiptsFace:
        visit_id = VisitId(call.path["visit_id"])
        await _shown(flow, call.caller, visit_id)
        await flow.settle(visit_id)
        return await _shown(flow, call.caller, visit_id)

    async def replay(call: Call) -> ReplayFace:
        visit_id = VisitId(call.path["visit_id"])
        await _shown(flow, call.caller, visit_id)
        found = await flow.replay(visit_id)
        told = [{"field": name, "stored": stored, "again": again} for name, stored, again in found.differences]
        return ReplayFace(visit_id=visit_id, is_identical=found.is_identical, digest=found.again.digest, differences=told)

    async def statement(call: Call) -> Statement:
        query: StatementQuery = call.query
        if query.from_.tzinfo is None or query.until.tzinfo is None:
            raise BadInput("from and until need a zone. Write them as 2026-03-02T08:00:00+08:00, with + as %2B.")
        if call.caller.technician_id is None:
            raise NotFound("Only a technician has a statement.")
        return await flow.statement(call.caller.technician_id, to_ms(query.from_), to_ms(query.until))

    path = "/v1/visits/{visit_id}/receipt"
    common: dict[str, Any] = {"tag": "fares", "errors": (NotFound, Conflict)}
    return [
        Endpoint(
            method="GET",
            path=path,
            name="read_receipt",
            summary="What did the way cost, line by line, and how sure is it?",
            handler=read,
            callers=READERS,
            scope=Scope.FARES_READ,
            response=ReceiptsFace,
            **common,
        ),
        Endpoint(
            method="POST",
            path=path,
            name="settle_visit",
            summary="Settle a closed visit now; a settled one gets the same receipt, or a visible amendment when late fixes change it.",
            handler=settle,
            callers=DESK,
            scope=Scope.FARES_WRITE,
            response=ReceiptsFace,
            **common,
        ),
        Endpoint(
            method="GET",
            path=path + "/replay",
            name="replay_receipt",
            summary="Compute the receipt again from the stored fixes: identical, or what differs.",
            handler=replay,
            callers=DESK,
            scope=Scope.FARES_READ,
            response=ReplayFace,
            **common,
        ),
        Endpoint(
            method="GET",
            path="/v1/me/fares",
            name="read_statement",
            summary="What is she paid for her ways, visit by visit?",
            handler=statement,
            callers=frozenset({CallerKind.DEVICE}),
            query=StatementQuery,
            response=Statement,
            **common,
        ),
    ]


async def _shown(flow: ReceiptFlow, caller: Caller, visit_id: VisitId) -> ReceiptsFace:
    visit, receipts = await flow.receipts_of(visit_id)
    _must_reach(caller, visit)
    shown = [_face(caller, receipt) for receipt in receipts]
    return ReceiptsFace(visit_id=visit_id, receipt=shown[-1] if shown else None, all=shown)


def _must_reach(caller: Caller, visit: Visit) -> None:
    reaches = {
        CallerKind.LINK: caller.visit_id == visit.id,
        CallerKind.DEVICE: caller.technician_id is not None and caller.technician_id == visit.technician_id,
    }
    if not reaches.get(caller.kind, visit.site_id in caller.sites):
        raise NotFound("There is no such visit, or it is not yours to see. Check the id.")


def _face(caller: Caller, receipt: Receipt) -> dict[str, Any]:
    if caller.kind in DESK:
        return desk_face(receipt)
    return receipt_face(receipt, for_technician=caller.kind is CallerKind.DEVICE)

"""The fare so far over HTTP: for the technician, the desk and, where the site shows it, the customer.

One flow method a request; nothing is stored and nothing retried. Ask again every `poll_s` seconds.
"""


from core.caller import Caller, CallerKind, Scope
from core.errors import NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import VisitId
from tracking.fares.answers import LiveAnswer
from tracking.fares.faces import live_face
from tracking.fares.live_flow import LiveFareFlow
from visits.visit import Visit

READERS = frozenset({CallerKind.API, CallerKind.DISPATCHER, CallerKind.LINK, CallerKind.DEVICE})


def endpoints(flow: LiveFareFlow) -> list[Endpoint]:
    """Return the row of this edge."""

    async def read(call: Call) -> LiveAnswer:
        visit = await flow.visit(VisitId(call.path["visit_id"]))
        must_reach(call.caller, visit)
        found = await flow.live(visit.id, for_customer=call.caller.kind is CallerKind.LINK)
        return LiveAnswer(visit_id=visit.id, live=None if found is None else live_face(found))

    return [
        Endpoint(
            method="GET",
            path="/v1/visits/{visit_id}/fare/live",
            name="read_live_fare",
            summary="What does the way cost so far? Provisional: the bill comes from settlement.",
            handler=read,
            callers=READERS,
            scope=Scope.FARES_READ,
            response=LiveAnswer,
            tag="fares",
            errors=(NotFound,),
        )
    ]


def must_reach(caller: Caller, visit: Visit) -> None:
    """Raise `NotFound` unless the visit is the link's own, the technician's own, or of a site that the caller reaches."""
    reaches = {
        CallerKind.LINK: caller.visit_id == visit.id,
        CallerKind.DEVICE: caller.technician_id is not None and caller.technician_id == visit.technician_id,
    }
    if not reaches.get(caller.kind, visit.site_id in caller.sites):
        raise NotFound("There is no such visit, or it is not yours to see. Check the id.")

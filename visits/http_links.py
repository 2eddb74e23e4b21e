"""Customers' links over HTTP: make, list and revoke them. Opening one is the page's and the socket's business."""

from typing import Any

import msgspec

from core.caller import CallerKind, Scope
from core.errors import BadInput, Conflict, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import LinkId, VisitId
from visits.link_face import LinkBody, LinkFace, LinkList, NewLinkFace
from visits.link_flow import LinkFlow
from visits.link_rights import Link

DESK = frozenset({CallerKind.DISPATCHER, CallerKind.API})


def endpoints(links: LinkFlow, public_origin: str) -> list[Endpoint]:
    """Return the rows of this edge. `public_origin`: where browsers reach the hub, such as https://hub.example."""

    async def make(call: Call) -> NewLinkFace:
        made = await links.make(call.caller, VisitId(call.path["visit_id"]), call.body.holder, call.body.label)
        face = msgspec.structs.asdict(_face(made.link))
        return NewLinkFace(**face, url=f"{public_origin.rstrip('/')}/t/{made.token}", token=made.token)

    async def listed(call: Call) -> LinkList:
        return LinkList([_face(each) for each in await links.of_visit(call.caller, VisitId(call.path["visit_id"]))])

    async def revoke(call: Call) -> None:
        await links.revoke(call.caller, LinkId(call.path["link_id"]))

    path = "/v1/visits/{visit_id}/links"
    common: dict[str, Any] = {"callers": DESK, "scope": Scope.VISITS_WRITE, "tag": "links"}
    return [
        Endpoint(
            method="POST", path=path, name="make_link", summary="Make a customer's link; its address is told this once.", handler=make,
            request=LinkBody, response=NewLinkFace, status=201, errors=(NotFound, Conflict, BadInput), **common,
        ),
        Endpoint(
            method="GET", path=path, name="list_links", summary="List the links of a visit.", handler=listed, response=LinkList,
            errors=(NotFound,), **common,
        ),
        Endpoint(
            method="DELETE", path="/v1/links/{link_id}", name="revoke_link", summary="End a link at once; its sockets close.",
            handler=revoke, errors=(NotFound,), **common,
        ),
    ]  # fmt: skip


def _face(link: Link) -> LinkFace:
    return LinkFace(
        id=link.id,
        visit_id=link.visit_id,
        holder=link.holder,
        label=link.label,
        made_by=link.made_by,
        made_at=link.made_at,
        revoked_at=link.revoked_at,
    )

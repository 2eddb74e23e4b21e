"""Colleagues near an incident over HTTP: who could come, and asking them."""

import msgspec

from core.caller import CallerKind
from core.errors import NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import IncidentId, TechnicianId
from safety.console_view import IncidentCard, card
from safety.helpers_flow import HelpersFlow
from safety.incident import OutOfDate
from safety.person_ports import Helper


class Helpers(msgspec.Struct, frozen=True):
    """Colleagues who could come, nearest first."""

    items: list[Helper]


class TellBody(msgspec.Struct, frozen=True):
    """The version that the dispatcher saw, and whom she chose."""

    version: int
    technician_ids: list[str]


def endpoints(flow: HelpersFlow) -> list[Endpoint]:
    """Return the rows."""

    async def near(call: Call) -> Helpers:
        return Helpers(list(await flow.near(call.caller, IncidentId(call.path["incident_id"]))))

    async def tell(call: Call) -> IncidentCard:
        whom = [TechnicianId(each) for each in call.body.technician_ids]
        return card(await flow.tell(call.caller, IncidentId(call.path["incident_id"]), call.body.version, whom))

    path, desk = "/v1/incidents/{incident_id}/helpers", frozenset({CallerKind.DISPATCHER})
    return [
        Endpoint(
            method="GET", path=path, name="helpers", summary="List colleagues who could come, with distance and time.", handler=near,
            response=Helpers, callers=desk, tag="desk", errors=(NotFound,),
        ),
        Endpoint(
            method="POST", path=path, name="tell_helpers", summary="Ask the chosen colleagues for help.", handler=tell, request=TellBody,
            response=IncidentCard, callers=desk, tag="desk", idempotent=True, errors=(OutOfDate, NotAllowed, NotFound),
        ),
    ]  # fmt: skip

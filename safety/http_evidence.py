"""Report, export, hold and disclosure over HTTP. Roles are checked in the flow; another city's incident is not found."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from core.caller import CallerKind
from core.errors import BadInput, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import IncidentId
from safety.console_view import IncidentCard, card
from safety.disclosure import Disclosure, Standing, standing
from safety.evidence_flow import EvidenceFlow
from safety.report import Report

_Words = Annotated[str, Meta(min_length=1, max_length=4000)]


class HoldBody(msgspec.Struct, frozen=True):
    """Whether retention stops, and why."""

    is_held: bool
    reason: _Words


class AskBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for evidence, on which legal ground, for what."""

    authority: str
    legal_reference: str
    scope: str
    is_emergency: bool = False


class DisclosureFace(msgspec.Struct, frozen=True):
    """A request and where it stands."""

    request: Disclosure
    standing: Standing


class DisclosureFaces(msgspec.Struct, frozen=True):
    """Requests, oldest first."""

    items: list[DisclosureFace]


def endpoints(flow: EvidenceFlow) -> list[Endpoint]:
    """Return the rows."""

    async def report(call: Call) -> Report:
        return await flow.report(call.caller, _id(call))

    async def export(call: Call) -> Response:
        return _file(await flow.export(call.caller, _id(call)), _id(call))

    async def hold(call: Call) -> IncidentCard:
        return card(await flow.hold(call.caller, _id(call), is_held=call.body.is_held, reason=call.body.reason))

    async def list_requests(call: Call) -> DisclosureFaces:
        return DisclosureFaces([_face(each) for each in await flow.disclosures(call.caller, _id(call))])

    async def ask(call: Call) -> DisclosureFace:
        body = call.body
        made = await flow.ask(call.caller, _id(call), body.authority, body.legal_reference, body.scope, is_emergency=body.is_emergency)
        return _face(made)

    async def approve(call: Call) -> DisclosureFace:
        return _face(await flow.approve(call.caller, call.path["disclosure_id"]))

    async def give(call: Call) -> Response:
        return _file(await flow.give(call.caller, call.path["disclosure_id"]), IncidentId(call.path["disclosure_id"]))

    one, asked = "/v1/incidents/{incident_id}", "/v1/disclosures/{disclosure_id}"
    rows = [
        ("GET", f"{one}/report", "incident_report", "Read the report, made from the log.", report, None, Report),
        ("POST", f"{one}/export", "incident_export", "Take the incident out as one JSON file; the log notes it.", export, None, None),
        ("POST", f"{one}/hold", "incident_hold", "Stop retention, or let it go on.", hold, HoldBody, IncidentCard),
        ("GET", f"{one}/disclosures", "disclosures", "List requests for evidence.", list_requests, None, DisclosureFaces),
        ("POST", f"{one}/disclosures", "ask_disclosure", "Ask for evidence to leave the house.", ask, AskBody, DisclosureFace),
        ("POST", f"{asked}/approve", "approve_disclosure", "Approve, or review after an emergency.", approve, None, DisclosureFace),
        ("POST", f"{asked}/give", "give_disclosure", "Hand the file over, once approved.", give, None, None),
    ]
    return [
        Endpoint(
            method=method, path=path, name=name, summary=summary, handler=handler, request=request, response=response,
            callers=frozenset({CallerKind.DISPATCHER}), tag="evidence", errors=(BadInput, NotAllowed, NotFound),
            answers=((200, "application/json"),) if response is None else (),
        )
        for method, path, name, summary, handler, request, response in rows
    ]  # fmt: skip


def _id(call: Call) -> IncidentId:
    return IncidentId(call.path["incident_id"])


def _face(request: Disclosure) -> DisclosureFace:
    return DisclosureFace(request, standing(request))


def _file(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="incident-{name}.json"', "Cache-Control": "no-store"}
    return Response(content, 200, headers, "application/json")

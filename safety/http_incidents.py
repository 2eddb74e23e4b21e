"""The desk over HTTP: incidents, their acts, duty. Roles and sites are checked here and in the flow; another city's is not found."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from core.caller import Caller, CallerKind, Scope
from core.errors import Conflict, IllegalMove, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import DispatcherId, IncidentId, SiteId
from core.unit_of_work import UnitOfWork
from safety.console_view import IncidentCard, Incidents, Timeline, card
from safety.desk_flow import DeskFlow
from safety.duty_flow import DutyFlow
from safety.evidence import first_break
from safety.incident import Incident, OutOfDate, Resolution
from safety.ports import IncidentReader
from safety.row_check import differences

Words = Annotated[str, Meta(min_length=1, max_length=4000)]


class VersionBody(msgspec.Struct, frozen=True):
    """The version that the dispatcher saw when she decided."""

    version: int


class NoteBody(msgspec.Struct, frozen=True):
    """A note of the desk."""

    text: Words


class CallBody(msgspec.Struct, frozen=True):
    """Whom the owner calls: technician, customer, contact, police, medical, other."""

    version: int
    whom: Words


class RespondBody(msgspec.Struct, frozen=True):
    """What help is on its way, in words."""

    version: int
    what: Words


class OfferBody(msgspec.Struct, frozen=True):
    """To whom the incident is offered, with a word for her."""

    version: int
    to: str
    note: Words


class ResolveBody(msgspec.Struct, frozen=True):
    """Why the incident ends, and how the desk knows that she is safe."""

    version: int
    code: Resolution
    note: str


class ReviewBody(msgspec.Struct, frozen=True):
    """The second person's words under the report."""

    version: int
    note: Words


class DutyBody(msgspec.Struct, frozen=True):
    """Going on duty: that the sound test was heard; going off: that the desk may stay empty."""

    site_id: str
    heard_sound: bool = False
    is_lead: bool = False
    leaves_empty: bool = False


class SiteQuery(msgspec.Struct, frozen=True):
    """Which site's incidents."""

    site_id: str


def endpoints(work: UnitOfWork, incidents: IncidentReader, desk: DeskFlow, duty: DutyFlow) -> list[Endpoint]:
    """Return the rows of the desk."""

    async def list_open(call: Call) -> Incidents:
        call.caller.must_reach(SiteId(call.query.site_id))
        async with work.read() as tx:
            return Incidents([card(each) for each in await incidents.open_at(tx, SiteId(call.query.site_id))])

    async def show(call: Call) -> Timeline:
        incident = await _found(work, incidents, call.caller, call.path["incident_id"])
        async with work.read() as tx:
            events = await incidents.events(tx, incident.id)
        broken_at = first_break(incident.id, events, incident.last_hash)
        return Timeline(card(incident), [msgspec.to_builtins(event) for event in events], broken_at, differences(incident, events))

    def act(name: str, path: str, summary: str, request: Any, run: Any) -> Endpoint:
        async def handler(call: Call) -> IncidentCard:
            await _found(work, incidents, call.caller, call.path["incident_id"])
            return card(await run(call, IncidentId(call.path["incident_id"])))

        return Endpoint(
            method="POST", path=f"/v1/incidents/{{incident_id}}/{path}", name=name, summary=summary, handler=handler, request=request,
            response=IncidentCard, callers=frozenset({CallerKind.DISPATCHER}), tag="desk", idempotent=True,
            errors=(OutOfDate, IllegalMove, NotAllowed, NotFound),
        )  # fmt: skip

    async def begin_duty(call: Call) -> None:
        await duty.begin(call.caller, SiteId(call.body.site_id), heard_sound=call.body.heard_sound, is_lead=call.body.is_lead)

    async def end_duty(call: Call) -> None:
        await duty.end(call.caller, SiteId(call.body.site_id), leaves_empty=call.body.leaves_empty)

    desk_only, readers = frozenset({CallerKind.DISPATCHER}), frozenset({CallerKind.DISPATCHER, CallerKind.API})
    return [
        Endpoint(
            method="GET", path="/v1/incidents", name="incidents", summary="List the open incidents of a site, gravest and oldest first.",
            handler=list_open, query=SiteQuery, response=Incidents, callers=readers, scope=Scope.INCIDENTS_READ, tag="desk",
        ),
        Endpoint(
            method="GET", path="/v1/incidents/{incident_id}", name="incident", summary="Read one incident with its whole log.",
            handler=show, response=Timeline, callers=readers, scope=Scope.INCIDENTS_READ, tag="desk", errors=(NotFound,),
        ),
        act("incident_claim", "claim", "Take the incident; of two who claim at once, one wins and the other is told who.", VersionBody,
            lambda call, this: desk.claim(call.caller, this, call.body.version)),
        act("incident_note", "notes", "Add a note.", NoteBody, lambda call, this: desk.note(call.caller, this, call.body.text)),
        act("incident_call", "calls", "Record a call of the owner.", CallBody,
            lambda call, this: desk.call(call.caller, this, call.body.version, call.body.whom)),
        act("incident_respond", "responses", "Record that help is on its way.", RespondBody,
            lambda call, this: desk.respond(call.caller, this, call.body.version, call.body.what)),
        act("incident_offer", "offers", "Offer the incident to a colleague.", OfferBody,
            lambda call, this: desk.offer(call.caller, this, call.body.version, DispatcherId(call.body.to), call.body.note)),
        act("incident_accept", "accept", "Accept an offered incident.", VersionBody,
            lambda call, this: desk.accept(call.caller, this, call.body.version)),
        act("incident_resolve", "resolve", "End the incident with a code and a note.", ResolveBody,
            lambda call, this: desk.resolve(call.caller, this, call.body.version, call.body.code, call.body.note)),
        act("incident_review", "review", "Sign the report as a second person.", ReviewBody,
            lambda call, this: desk.review(call.caller, this, call.body.version, call.body.note)),
        Endpoint(
            method="POST", path="/v1/duty", name="duty_begin", summary="Go on duty, after hearing the alarm's sound.", handler=begin_duty,
            request=DutyBody, callers=desk_only, tag="desk", status=204,
        ),
        Endpoint(
            method="POST", path="/v1/duty/end", name="duty_end", summary="Go off duty; refused while people would be left alone unnoticed.",
            handler=end_duty, request=DutyBody, callers=desk_only, tag="desk", status=204, errors=(Conflict,),
        ),
    ]  # fmt: skip


async def _found(work: UnitOfWork, incidents: IncidentReader, caller: Caller, incident_id: str) -> Incident:
    async with work.read() as tx:
        incident = await incidents.find(tx, IncidentId(incident_id))
    if incident is None or incident.site_id not in caller.sites:
        raise NotFound("There is no such incident, or it is not of your site.")
    return incident

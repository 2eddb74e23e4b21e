"""`porchlight visit`: book, list, show and move visits from a terminal on the hub's own machine, as a dispatcher would."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from core.clock import SystemClock
from core.errors import BadInput
from core.geo import LatLon
from core.ids import TechnicianId, VisitId
from hub.cli_tell import AsJson, Operator, run, secret, site_named, tell, tell_all
from visits.link_rights import LinkHolder
from visits.stage import Stage
from visits.visit import PersonRef, Place, Told, VisitDraft
from visits.visit_face import listed
from visits.visit_stores import Page, VisitFilter

visit_app = typer.Typer(no_args_is_help=True, help="Visits: book, list, show, assign, cancel, make a customer's link.")
VisitArgument = Annotated[str, typer.Argument(help="Id of the visit.")]
TechnicianArgument = Annotated[str, typer.Argument(help="Id of the technician.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the visit.")]


@visit_app.command("new")
def new_visit(
    at: Annotated[str, typer.Option(help="Where: lat,lon in degrees WGS-84.")],
    address: Annotated[str, typer.Option(help="The address as people write it.")],
    customer: Annotated[str, typer.Option(help="The customer's name.")],
    service: Annotated[str, typer.Option(help="Which service of the site.")] = "massage",
    site: Annotated[str | None, typer.Option("--site", help="Id of the site; not needed where there is only one.")] = None,
    phone: Annotated[str | None, typer.Option(help="The customer's phone, +491701234567.")] = None,
    start: Annotated[datetime | None, typer.Option(help="Beginning of the window in the site's zone; in an hour without.")] = None,
    window_min: Annotated[int, typer.Option(min=0, max=1440, help="Length of the window in minutes.")] = 30,
    planned_min: Annotated[int | None, typer.Option(help="Length of the service; the usual one without.")] = None,
    external_ref: Annotated[str | None, typer.Option(help="The platform's own name for it; again changes the same visit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Book a visit."""

    async def story(operator: Operator) -> Any:
        where = await operator.people.sites.get(operator.caller, await site_named(operator, site))
        begins = SystemClock().now() + timedelta(hours=1) if start is None else start.replace(tzinfo=where.zone_info())
        draft = VisitDraft(
            service_kind=service,
            place=Place(point=_point(at), address=address),
            window_start=begins,
            window_end=begins + timedelta(minutes=window_min),
            customer=PersonRef(name=customer, phone=phone),
            planned_min=planned_min,
            external_ref=external_ref,
        )
        return listed((await operator.people.booking.book(operator.caller, where.id, draft)).visit, operator.caller.kind)

    tell(run(story), as_json)


@visit_app.command("list")
def list_visits(
    site: Annotated[str | None, typer.Option("--site", help="Only of this site.")] = None,
    stage: Annotated[list[Stage] | None, typer.Option(help="Only in this stage; repeatable.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, oldest first.")] = 200,
    as_json: AsJson = False,
) -> None:
    """List visits; nothing personal in them."""

    async def story(operator: Operator) -> Any:
        sites = operator.caller.sites if site is None else frozenset({await site_named(operator, site)})
        return await operator.people.looks.page(operator.caller, VisitFilter(sites=sites, stages=frozenset(stage or ())), Page(limit=limit))

    columns = ("id", "site_id", "stage", "service_kind", "window_start", "technician_id", "external_ref")
    tell_all(run(story), columns, as_json)


@visit_app.command("show")
def show_visit(visit: VisitArgument, as_json: AsJson = False) -> None:
    """Show a visit with place and people; the look is noted."""
    tell(run(lambda operator: operator.people.looks.look(operator.caller, VisitId(visit))), as_json)


@visit_app.command("acts")
def list_acts(visit: VisitArgument, as_json: AsJson = False) -> None:
    """Show who did what when to a visit."""
    found = run(lambda operator: operator.people.looks.acts(operator.caller, VisitId(visit)))
    tell_all(found, ("happened_at", "act", "after", "actor", "reason"), as_json)


@visit_app.command("assign")
def assign(visit: VisitArgument, technician: TechnicianArgument, as_json: AsJson = False) -> None:
    """Give a visit to a technician."""

    async def story(operator: Operator) -> Any:
        return await operator.people.visits.assign(operator.caller, VisitId(visit), TechnicianId(technician), Told())

    _tell_visit(story, as_json)


@visit_app.command("reassign")
def reassign(visit: VisitArgument, technician: TechnicianArgument, reason: Reason, as_json: AsJson = False) -> None:
    """Give a visit to another technician."""

    async def story(operator: Operator) -> Any:
        return await operator.people.visits.reassign(operator.caller, VisitId(visit), TechnicianId(technician), Told(reason=reason))

    _tell_visit(story, as_json)


@visit_app.command("cancel")
def cancel(visit: VisitArgument, reason: Reason, as_json: AsJson = False) -> None:
    """Call a visit off."""
    _tell_visit(lambda operator: operator.people.visits.cancel(operator.caller, VisitId(visit), Told(reason=reason)), as_json)


@visit_app.command("link")
def link(
    visit: VisitArgument,
    holder: Annotated[LinkHolder, typer.Option(help="For whom.")] = LinkHolder.CUSTOMER,
    label: Annotated[str, typer.Option(help="What to know it by.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a link to a visit and print its address."""

    async def story(operator: Operator) -> str:
        made = await operator.people.links.make(operator.caller, VisitId(visit), holder, label)
        return f"{operator.public_url}/t/{made.token}"

    url = run(story)
    note = "told this once; whoever has it sees what this customer may see."
    secret("link", url, note, {"url": url, "visit_id": visit} if as_json else None)


def _tell_visit(story: Any, as_json: bool) -> None:
    async def moved(operator: Operator) -> Any:
        return listed(await story(operator), operator.caller.kind)

    tell(run(moved), as_json)


def _point(text: str) -> LatLon:
    try:
        lat, lon = (float(part) for part in text.split(","))
        return LatLon.checked(lat, lon)
    except ValueError:
        raise BadInput(f"--at {text!r} is no position. Write it as lat,lon in degrees, such as 48.1372,11.5755.") from None

"""`porchlight incident`: read, verify and take out incidents, and measure how fast they were answered."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from core.caller import Caller
from core.clock import SystemClock
from core.errors import NotFound
from core.ids import IncidentId, RandomIds
from hub.cli_desk import run_desk, site_of
from hub.cli_tell import AsJson, err, tell, tell_all
from hub.incident_lines import SHOWN, differences_told, lines_of, paragraphs_of
from hub.join_her_safety import IncidentTracks
from hub.local_people import Local
from hub.wire_desk_records import response_times
from safety.console_view import card
from safety.evidence import first_break
from safety.evidence_flow import EvidenceFlow
from safety.response_times import TARGETS_S
from safety.row_check import differences
from safety.sql_disclosures import SqlDisclosures
from safety.sql_incidents import SqlIncidents
from tracking.sql_fixes import SqlFixes

app = typer.Typer(no_args_is_help=True, help="Incidents: list, show, verify, report, export, response times.")
Id = Annotated[str, typer.Argument(help="Id of the incident; see `porchlight incident list --days 7`.")]
COLUMNS = ("id", "site_id", "raised_at", "code", "state", "resolution", "severity", "raised_by", "owner_id")


@app.command("list")
def list_incidents(
    days: Annotated[int, typer.Option(min=0, max=3660, help="Also those that ended, as far back as so many days.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List the open incidents of all sites, gravest and oldest first; with --days the ended ones too, newest first."""

    async def story(local: Local, caller: Caller) -> list[Any]:
        incidents, since = SqlIncidents(local.floor.keys), local.floor.clock.now() - timedelta(days=days)
        async with local.floor.truth.read() as tx:
            found = [each for site in sorted(caller.sites) for each in await incidents.open_at(tx, site)]
            ended = [each for site in sorted(caller.sites) for each in await incidents.ended_since(tx, site, since)] if days else []
        return [{**to_builtins(card(each)), "raised_at": each.raised_at} for each in [*found, *ended]]

    found = run_desk(story)
    if not found:
        err.print("No incident is open." if not days else f"No incident is open, and none was raised in {days} days.")
    tell_all(found, COLUMNS, as_json)


@app.command()
def show(incident: Id, as_json: AsJson = False) -> None:
    """Show one incident with its log."""

    async def story(local: Local, caller: Caller) -> Any:
        return await _evidence(local).report(caller, IncidentId(incident))

    report = run_desk(story)
    tell_all(report["timeline"] if as_json else lines_of(report["timeline"], report["alarmed_at"]), SHOWN, as_json)


@app.command()
def report(incident: Id, as_json: AsJson = False) -> None:
    """Print the report: response times, what was not as it should be, everything that happened."""

    async def story(local: Local, caller: Caller) -> Any:
        return await _evidence(local).report(caller, IncidentId(incident))

    found = run_desk(story)
    if as_json:
        tell(found, as_json)
        return
    for paragraph in paragraphs_of(found):
        typer.echo(paragraph)
    tell_all(lines_of(found["timeline"], found["alarmed_at"]), SHOWN, as_json)


@app.command()
def verify(incident: Id, as_json: AsJson = False) -> None:
    """Check the chain of the log, and the incident against it; leaves with code 1 where anything was changed afterwards."""

    async def story(local: Local, caller: Caller) -> Any:
        await _evidence(local).report(caller, IncidentId(incident))
        async with local.floor.truth.read() as tx:
            kept = await SqlIncidents(local.floor.keys).find(tx, IncidentId(incident))
            events = await SqlIncidents(local.floor.keys).events(tx, IncidentId(incident))
        if kept is None:
            raise NotFound("There is no such incident, or it is not of your site.")
        broken_at, differs = first_break(kept.id, events, kept.last_hash), differences(kept, events)
        return {
            "incident_id": kept.id, "events": len(events), "broken_at": broken_at, "differs": differs,
            "is_whole": broken_at is None and not differs,
        }  # fmt: skip

    found = run_desk(story)
    if as_json:
        tell(found, as_json)
    else:
        tell({**found, "differs": differences_told(found["differs"])}, as_json)
    if not found["is_whole"]:
        raise typer.Exit(1)


@app.command()
def times(
    site: Annotated[str | None, typer.Option("--site", help="Id of the site; not needed where there is only one.")] = None,
    single: Annotated[bool, typer.Option("--single", help="Each alarm of the last 31 days instead of the months.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how fast alarms were answered, month by month, against 10 s (80 % wanted), 40 s (98.5 %) and 120 s. Drills are left out."""

    async def story(local: Local, caller: Caller) -> Any:
        found = await response_times(local.floor, local.people.stores).of_site(caller, site_of(caller, site))
        return {"months": found[0], "recent": found[1]}

    found = run_desk(story)
    if as_json:
        tell(found, as_json)
    elif single:
        tell_all(found["recent"], ("alarmed_at", "code", "answered_s", "incident_id"), as_json)
    else:
        columns = ("month", "alarms", *_TARGETS, "median_s", "p90_s", "worst_s", "never")
        tell_all([_row(month) for month in found["months"]], columns, as_json)
    if not found["months"]:
        err.print("There was no alarm in the last 400 days; drills are left out.")


_TARGETS = tuple(f"<= {seconds} s" for seconds in TARGETS_S)


def _row(month: dict[str, Any]) -> dict[str, Any]:
    shares = {}
    for name, each in zip(_TARGETS, month["within"], strict=True):
        verdict = "" if each["is_met"] is None else " met" if each["is_met"] else f" (wanted {each['wanted_pct']:g} %)"
        shares[name] = f"{each['pct']:g} %{verdict}"
    return {**month, **shares}


@app.command()
def export(incident: Id, file: Annotated[Path | None, typer.Option("--file", help="Where to; stdout without.")] = None) -> None:
    """Take an incident out as one JSON file: log, report, track with gaps. That it was taken stands in the log."""

    async def story(local: Local, caller: Caller) -> Any:
        return await _evidence(local).export(caller, IncidentId(incident))

    content: bytes = run_desk(story)
    if file is None:
        typer.echo(content.decode())
    else:
        file.write_bytes(content)


def _evidence(local: Local) -> EvidenceFlow:
    floor, incidents = local.floor, SqlIncidents(local.floor.keys)
    return EvidenceFlow(
        floor.truth, incidents, incidents, SqlDisclosures(), IncidentTracks(floor.fixes, SqlFixes()), SystemClock(), RandomIds()
    )

"""`porchlight export`: the way of a visit, taken out for a map, a GPS program or a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import gpxpy.gpx
import typer

from core.clock import SystemClock, from_ms
from core.ids import VisitId
from hub.cli_tell import run_on_databases
from hub.join_tracking import VisitTracks
from hub.local_people import local_people, operator_of
from hub.serve import settings_or_exit
from tracking.fix import Judged, Lane
from tracking.map_features import dumped, track_collection
from tracking.sql_fixes import SqlFixes
from tracking.track_flow import TrackFlow

app = typer.Typer(no_args_is_help=True, help="Take data out: the way of a visit as GeoJSON, GPX or CSV.")
FIELDS = ("at", "lat", "lon", "accuracy_m", "speed_mps", "heading_deg", "lane", "reasons", "device_id", "seq")


class Format(StrEnum):
    """How the way is written."""

    GEOJSON = "geojson"
    """A line with times, and a point with its reasons for each fix that did not move the marker."""
    GPX = "gpx"
    """A track of the live fixes, for GPS programs."""
    CSV = "csv"
    """A row a fix, all of them."""


@app.callback()
def _root() -> None:
    # Typer would otherwise make the only command the whole app.
    return


@app.command()
def visit(
    id: Annotated[str, typer.Argument(help="Id of the visit.")],
    format: Annotated[Format, typer.Option(help="How to write it.")] = Format.GEOJSON,
    out: Annotated[Path | None, typer.Option(help="File to write; without one, stdout.")] = None,
) -> None:
    """Write the way of a visit, from setting out until leaving, as stored. It is personal data: keep it where it may be."""
    judged = run_on_databases(_track(VisitId(id)))
    text = _WRITERS[format](judged)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text)


async def _track(visit_id: VisitId) -> list[Judged]:
    async with local_people(settings_or_exit()) as local:
        sites = [site.id for site in await local.people.sites.all()]
        flow = TrackFlow(VisitTracks(local.people.looks), local.floor.fixes, SqlFixes(), SystemClock())
        return await flow.track(operator_of(*sites), visit_id)


def _geojson(judged: Sequence[Judged]) -> str:
    return dumped(track_collection(judged)).decode()


def _gpx(judged: Sequence[Judged]) -> str:
    segment = gpxpy.gpx.GPXTrackSegment()
    for one in judged:
        if one.lane is Lane.LIVE:
            fix = one.fix
            segment.points.append(gpxpy.gpx.GPXTrackPoint(fix.lat, fix.lon, elevation=fix.altitude_m, time=from_ms(fix.at_ms)))
    gpx = gpxpy.gpx.GPX()
    gpx.tracks.append(gpxpy.gpx.GPXTrack())
    gpx.tracks[0].segments.append(segment)
    return gpx.to_xml()


def _csv(judged: Sequence[Judged]) -> str:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(FIELDS)
    for one in judged:
        fix = one.fix
        at = datetime.fromtimestamp(fix.at_ms / 1000, UTC).isoformat()
        reasons = " ".join(reason.value for reason in one.reasons)
        row = (at, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.heading_deg, one.lane.value, reasons, fix.device_id, fix.seq)
        rows.writerow(row)
    return out.getvalue()


_WRITERS = {Format.GEOJSON: _geojson, Format.GPX: _gpx, Format.CSV: _csv}
